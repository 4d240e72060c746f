//! The open gates: pages that apps read in process, and the usage that is drained from them.
//!
//! A gate is one client of one app: its page shows that app's decisions, its usage memory counts what
//! was answered from it. Here is what is shown and what is counted; what is decided comes from the
//! rule, and nothing here waits for a disk, a bus or an app.

mod affected;
mod answer;
mod gate;
mod kept;

use std::collections::BTreeMap;

pub use affected::{Affected, Touch};
pub use gate::{Descriptors, Gate, Pair, Ruled, Tally, Undrained};
pub use kept::{Counted, Kept};

/// Open gates of one app of one user (contract: Limits).
pub const MAX_OF_APP: usize = 16;
/// Open gates of one user.
const MAX_OF_USER: usize = 1_024;
/// Descriptors of a gate: page, usage, line.
const DESCRIPTORS: u64 = 3;
/// Descriptors that gates leave to everything else.
const RESERVED: u64 = 256;
/// Gates that have closed and whose last counts the ledger did not take yet.
const MAX_UNSAVED: usize = 256;

/// Why no gate is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The app has too many.
    #[error(
        "this app has {MAX_OF_APP} open gates; close one, or share one among its processes' threads"
    )]
    App,
    /// The user's apps have too many.
    #[error("this user's apps have {MAX_OF_USER} open gates; close some")]
    User,
    /// The daemon has no descriptor left.
    #[error("the daemon has no descriptor left for another gate; ask over the bus")]
    Daemon,
}

/// All gates, by the id of their page.
#[derive(Debug, Default)]
pub struct Pages {
    open: BTreeMap<u64, Gate>,
    /// Closed, but for their last counts.
    unsaved: Vec<Gate>,
}

impl Pages {
    /// Whether no gate is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// How many gates are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a user's app may have one more.
    ///
    /// # Errors
    /// It may not.
    pub fn has_room(&self, user: u32, app: &str) -> Result<(), Full> {
        let of_user = || self.open.values().filter(|gate| gate.caller.user == user);
        if of_user().filter(|gate| *gate.caller.app == *app).count() >= MAX_OF_APP {
            return Err(Full::App);
        }
        if of_user().count() >= MAX_OF_USER {
            return Err(Full::User);
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let wanted = (self.open.len() as u64 + 1) * DESCRIPTORS + RESERVED;
        if limit.is_some_and(|limit| wanted > limit) {
            return Err(Full::Daemon);
        }
        Ok(())
    }

    /// Whether this gate is open.
    #[must_use]
    pub fn has(&self, id: u64) -> bool {
        self.open.contains_key(&id)
    }

    /// Takes a gate in.
    pub fn add(&mut self, gate: Gate) {
        self.open.insert(gate.id(), gate);
    }

    /// Takes a gate out.
    pub fn remove(&mut self, id: u64) -> Option<Gate> {
        self.open.remove(&id)
    }

    /// An open gate.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Gate> {
        self.open.get_mut(&id)
    }

    /// Every open gate.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Gate> {
        self.open.values_mut()
    }

    /// Keeps a closed gate until its last counts are recorded.
    pub fn keep_unsaved(&mut self, gate: Gate) {
        if self.unsaved.len() < MAX_UNSAVED {
            self.unsaved.push(gate);
        } else {
            tracing::error!(app = %gate.caller.app, "the last counts of a closed gate are lost");
        }
    }

    /// Closed gates whose last counts are not recorded.
    pub fn take_unsaved(&mut self) -> Vec<Gate> {
        std::mem::take(&mut self.unsaved)
    }

    /// Makes every page call the daemon, for good: what they were made of is no longer in force.
    pub fn supersede(&mut self) {
        self.open.values_mut().for_each(Gate::supersede);
    }
}
