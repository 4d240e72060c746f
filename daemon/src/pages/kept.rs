//! The gate of an earlier daemon, as its app or the service manager kept it: it answers nothing any
//! more, and what was not drained of it is.

use std::os::fd::OwnedFd;

use consentd_gate::page::{KeptPage, PairIndex};
use consentd_gate::usage::{Totals, UsageReader};
use consentd_gate::{GateError, Slot};

use super::answer;
use crate::decision::Reason;

/// More than that is no counting: at a check in a nanosecond it takes a year.
const MOST: u64 = 1 << 55;

/// What was counted of one pair and reason since the gate was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The purpose's id.
    pub purpose: &'a str,
    /// The data item's id.
    pub data: &'a str,
    /// Why it was answered as it was.
    pub reason: Reason,
    /// How often.
    pub total: u64,
}

/// An earlier daemon's gate.
#[derive(Debug)]
pub struct Kept {
    page: KeptPage,
    usage: UsageReader,
}

impl Kept {
    /// Takes one up. Only what a daemon of this user made is one.
    ///
    /// # Errors
    /// It is none.
    pub fn open(page: &OwnedFd, usage: OwnedFd) -> Result<Self, GateError> {
        let page = KeptPage::open(page)?;
        let usage = UsageReader::keep(usage, &page)?;
        Ok(Self { page, usage })
    }

    /// The id of its page and its usage memory.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.page.id()
    }

    /// Whose decisions it held.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.page.user()
    }

    /// Whose gate it was.
    #[must_use]
    pub fn app(&self) -> &str {
        self.page.directory().app()
    }

    /// All that was ever counted in it, a row for each pair and reason. None if that cannot be.
    ///
    /// # Errors
    /// The memory cannot be read.
    pub fn counted(&self) -> Result<Option<Vec<Counted<'_>>>, GateError> {
        let mut totals = Totals::new(self.page.pairs());
        self.usage.totals(&mut totals)?;
        let mut counted: Vec<Counted<'_>> = Vec::new();
        for pair in (0..self.page.pairs()).filter_map(PairIndex::new) {
            let begun = counted.len();
            for slot in Slot::ALL {
                let total = totals.get(pair, slot);
                if total == 0 {
                    continue;
                }
                let meaning = self.page.meaning(pair, slot).and_then(answer::reason);
                let names = self.page.directory().names(pair);
                let (Some(reason), Some((purpose, data))) = (meaning, names) else {
                    return Ok(None);
                };
                if total > MOST {
                    return Ok(None);
                }
                match counted[begun..].iter_mut().find(|known| known.reason == reason) {
                    Some(known) => known.total += total,
                    None => counted.push(Counted { purpose, data, reason, total }),
                }
            }
        }
        Ok(Some(counted))
    }
}
