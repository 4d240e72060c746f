//! The app's side of usage: lanes handed to threads, and counted in. A lock is taken to get and to return
//! a lane, never to count.

use std::cell::Cell;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use super::lane::{Holder, add, take};
use super::{AT_USED, HEADER, LANES, header, lane_len, len};
use crate::error::GateError;
use crate::memory::{self, FIXED, Mapping, View};
use crate::page::{Page, PairIndex};
use crate::sync::{AtomicU64, register};
use crate::word::{SLOTS, Slot};

/// The usage memory of a gate, as its app writes it. Clones are the same memory.
///
/// After a fork the child must count in memory of its own: two processes in one lane lose counts.
#[derive(Debug, Clone)]
pub struct Usage {
    shared: Arc<Memory>,
}

#[derive(Debug)]
struct Memory {
    mapping: Arc<Mapping>,
    used: View<AtomicU64>,
    free: Mutex<Vec<usize>>,
    pairs: usize,
    fd: OwnedFd,
}

impl Usage {
    /// Maps the usage memory of a page.
    ///
    /// # Errors
    /// It is no usage memory of a known version, or not sealed as the daemon's are, or another page's.
    pub fn open(fd: OwnedFd, page: &Page) -> Result<Self, GateError> {
        let pairs = page.directory().pairs().len();
        check(&fd, page.id(), pairs)?;
        let mapping = Mapping::write(&fd, len(pairs))?;
        let used = View::new(&mapping, AT_USED * 8, 1).ok_or(GateError::NotSealed)?;
        // From here on a new drain epoch reaches every thread of this process.
        register();
        let free = Mutex::new(Vec::new());
        Ok(Self { shared: Arc::new(Memory { mapping, used, free, pairs, fd }) })
    }

    /// A lane for this thread, to keep and to drop when the thread ends. Without a lane left it is the
    /// shared one, which counts as well and is slower.
    #[must_use]
    pub fn lane(&self) -> Lane {
        let memory = &self.shared;
        let returned = memory.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let fresh = || memory.used.first().and_then(|used| take(used, LANES));
        let (number, holder) = match returned.or_else(fresh) {
            Some(number) => (number, Holder::One),
            None => (0, Holder::Many),
        };
        let at = HEADER * 8 + number * lane_len(memory.pairs);
        Lane {
            counters: View::new(&memory.mapping, at, memory.pairs * SLOTS),
            holder,
            number,
            memory: Arc::clone(memory),
            one_thread: PhantomData,
        }
    }

    /// The memory's descriptor, to show to a daemon that has started anew.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.shared.fd.as_fd()
    }

    /// Lays zero pages of this process over the memory, for good: what is counted from here on goes
    /// nowhere.
    ///
    /// # Errors
    /// The kernel refused; the memory stays as it was.
    pub fn void(&self) -> Result<(), GateError> {
        self.shared.mapping.void()
    }
}

/// One thread's counters. Returns itself when dropped; the next thread goes on from the values there.
#[derive(Debug)]
pub struct Lane {
    counters: Option<View<AtomicU64>>,
    holder: Holder,
    number: usize,
    memory: Arc<Memory>,
    /// It may move to another thread, and not be shared with one.
    one_thread: PhantomData<Cell<()>>,
}

impl Lane {
    /// Counts an answer that was given from a slot of a pair. A pair that the page does not have counts
    /// nowhere. Look at the page's epoch after it.
    #[inline]
    pub fn count(&self, pair: PairIndex, slot: Slot) {
        if let Some(counter) = self.counter(pair, slot) {
            add(counter, self.holder);
        }
    }

    /// Where that is counted.
    pub(crate) fn counter(&self, pair: PairIndex, slot: Slot) -> Option<&AtomicU64> {
        self.counters.as_ref()?.get(pair.number() * SLOTS + slot.number())
    }

    /// Who counts in it.
    pub(crate) fn holder(&self) -> Holder {
        self.holder
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        match self.holder {
            Holder::One => {
                let mut free = self.memory.free.lock().unwrap_or_else(PoisonError::into_inner);
                free.push(self.number);
            }
            Holder::Many => {}
        }
    }
}

/// Refuses what is not the usage memory of this page.
pub(super) fn check(fd: &OwnedFd, id: u64, pairs: usize) -> Result<(), GateError> {
    let (expected, found) = (len(pairs) as u64, memory::sealed_len(fd, FIXED)?);
    let mut bytes = [0; HEADER * 8];
    memory::read_exact_at(fd, &mut bytes, 0)?;
    let mut words = bytes.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word));
    let [magic, ours @ ..] = header(id, pairs);
    if words.next() != Some(magic) {
        return Err(GateError::Version { kind: "usage memory" });
    }
    if !words.take(ours.len()).eq(ours) {
        return Err(GateError::Stranger { kind: "usage memory" });
    }
    if found == expected { Ok(()) } else { Err(GateError::Length { expected, found }) }
}
