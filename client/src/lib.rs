//! Ask consentd before collecting: *may I, this app, take this, for this purpose, now?*
//!
//! ```no_run
//! let consent = consent::Consent::open()?;
//! let purpose = consent.purpose("location.services")?;
//! let precise = consent.data("location.precise")?;
//! let decision = consent.check(purpose, precise);
//! if decision.is_allowed() {
//!     // Collect.
//! }
//! println!("{decision}");
//! # Ok::<(), consent::Error>(())
//! ```
//!
//! A [`Consent`] is opened once; then a check costs nanoseconds, from memory that the daemon shares. What
//! the user switches off is denied from the next check on. The daemon may come and go: while it is away
//! checks deny, and afterwards they answer again. A child that fork made goes on with the same `Consent`
//! and handles, and opens a gate of its own at its first check.
//!
//! Who asks is found out by the daemon, never said here. This library decides nothing.

mod bus;
mod changed;
mod check;
mod context;
mod decision;
mod error;
mod gate;
mod life;
mod local;
mod names;
mod room;
mod wait;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use consentd_gate::fork::ForkWord;

pub use changed::Changed;
pub use context::Context;
pub use decision::{Decision, Outcome, Reason, Refusal};
pub use error::Error;
pub use names::{DataItem, Purpose};

use bus::Address;
use life::Keeper;

/// An app's way to consentd. Clones are the same one; the last that is dropped closes it.
#[derive(Debug, Clone)]
pub struct Consent {
    /// The number of the gate in force; also in `keeper`, one step farther from each check.
    door: Arc<ForkWord>,
    keeper: Arc<Keeper>,
}

impl Consent {
    /// Connects to the system bus, or where `DBUS_SYSTEM_BUS_ADDRESS` says, and opens a gate. Where the
    /// daemon is there and gives none, as to a program that is no app, checks go over the bus.
    ///
    /// # Errors
    /// There is no bus, or no daemon on it.
    pub fn open() -> Result<Self, Error> {
        Keeper::open(Address::System).map(Self::new)
    }

    /// The same on the bus at this D-Bus address.
    ///
    /// # Errors
    /// There is no such bus, or no daemon on it.
    pub fn open_at(address: &str) -> Result<Self, Error> {
        Keeper::open(Address::At(address.to_owned())).map(Self::new)
    }

    /// Takes a gate whose four descriptors came by another way than D-Bus. It never asks over the bus:
    /// what the page cannot answer denies, and [`try_check`](Self::try_check) gives `None` for it. When
    /// its daemon ends it denies for good.
    ///
    /// # Errors
    /// The descriptors are no gate's, or not of one gate.
    pub fn from_gate(
        page: OwnedFd,
        usage: OwnedFd,
        alive: OwnedFd,
        line: OwnedFd,
    ) -> Result<Self, Error> {
        Keeper::of_gate(page, usage, alive, line).map(Self::new)
    }

    fn new(keeper: Keeper) -> Self {
        Self { door: Arc::clone(&keeper.door), keeper: Arc::new(keeper) }
    }

    /// The handle of a purpose. One that no catalogue knows is denied when it is checked.
    ///
    /// # Errors
    /// It is not 1 to 128 printable ASCII characters, or there were 1,024 others before.
    pub fn purpose(&self, id: &str) -> Result<Purpose, Error> {
        let place = self.keeper.life()?.names.purposes.place(id, "purposes")?;
        Ok(Purpose::new(self.keeper.tag, place))
    }

    /// The handle of a data item. One that no catalogue knows is denied when it is checked.
    ///
    /// # Errors
    /// It is not 1 to 128 printable ASCII characters, or there were 1,024 others before.
    pub fn data(&self, id: &str) -> Result<DataItem, Error> {
        let place = self.keeper.life()?.names.items.place(id, "data items")?;
        Ok(DataItem::new(self.keeper.tag, place))
    }

    /// From now on hears when the app's decisions may have changed; after a reconnect too.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn changed(&self) -> Result<Changed, Error> {
        let room = &self.keeper.life()?.room;
        let changed = Changed::new(Arc::clone(room.here()))?;
        room.listen(changed.slot());
        Ok(changed)
    }

    /// Closes it, for all clones: what was counted is handed over, and every check from here on denies. The
    /// library's own thread has ended when this returns.
    pub fn close(&self) {
        self.keeper.close();
    }
}
