//! Checks from a page: what a thread keeps for itself, and the way that every check takes. No lock, no
//! allocation, no system call.
//!
//! # Why an answer from here is never older than a `Set(off)` that has returned
//! A check begins, then loads the number in force, then whether the daemon lives, then the pair's word.
//! - *The daemon of the number found lives, in that load*: it has published what any `Set` of its own
//!   published before it returned, and the word, loaded later still, is that or newer. No other daemon
//!   answered a `Set` before: a next one begins only after this one's death was marked, and the mark
//!   would have been loaded. If it dies between the two loads, a `Set` that the next one answers returns
//!   after this check began.
//! - *The number found is of a gate that was replaced*: by its own daemon, then every word of its page
//!   called before the next page was handed out, and a call is no answer; or by a next daemon, then the
//!   old one's death is marked.
//! - *The process is a child that fork made*: it reads 0 and finds no gate.

use std::cell::Cell;
use std::sync::Arc;

use consentd_gate::fork::ForkWord;
use consentd_gate::page::PairIndex;
use consentd_gate::{Seat, Standing, Word};

use crate::decision::Decision;
use crate::gate::{Gate, Guest};
use crate::names::{DataItem, Names, Purpose};

/// The most items of one check (the contract's limit).
pub const MAX_ITEMS: usize = consentd_dbus::names::MAX_ITEMS;

thread_local! {
    static LOCAL: Local = Local::default();
}

/// What a thread keeps, and takes out while it looks at it: a move costs less than a count of borrows.
#[derive(Default)]
struct Local {
    kept: Cell<Option<Box<Kept>>>,
}

/// A seat at each gate that the thread checked with, the latest first.
struct Kept {
    guest: Arc<Guest>,
    first: Entry,
    others: Vec<Entry>,
}

struct Entry {
    number: u64,
    seat: Seat,
    /// The drain epoch in which this thread told.
    told: Cell<u64>,
    /// Which handles have places: row by row the purposes, in each the items.
    tag: u32,
    purposes: usize,
    items: usize,
    gate: Arc<Gate>,
}

/// The answer from the page in force, or nothing: then [`adopt`] that page, or ask.
#[inline]
pub fn check(door: &ForkWord, purpose: Purpose, data: DataItem) -> Option<Decision> {
    within(door, |entry| entry.check(purpose, data))
}

/// The answers about several items, all of one moment and in combination (R58); or nothing, and then
/// nothing was counted.
pub fn check_all(
    door: &ForkWord,
    purpose: Purpose,
    data: &[DataItem],
    decisions: &mut [Decision],
) -> Option<()> {
    within(door, |entry| entry.check_all(purpose, data, decisions))
}

#[inline]
fn within<T>(door: &ForkWord, look: impl FnOnce(&Entry) -> Option<T>) -> Option<T> {
    let found = LOCAL.try_with(|local| {
        let kept = local.kept.take()?;
        kept.guest.enter();
        let entry = kept.entry(door.load());
        let found = entry.filter(|entry| entry.seat.is_alive()).and_then(look);
        kept.guest.leave();
        // Nothing came there meanwhile, and so nothing is to be dropped.
        std::mem::forget(local.kept.replace(Some(kept)));
        found
    });
    found.ok().flatten()
}

/// Gives this thread a lane in a gate, and a table of the names there are, unless it has both. What it
/// kept of gates that are gone goes. Whether there is anything new for these handles.
#[cold]
pub fn adopt(
    gate: &Arc<Gate>,
    tag: u32,
    names: &Names,
    purpose: Purpose,
    data: &[DataItem],
) -> bool {
    // A thread that ends keeps nothing more, and asks over the bus.
    let adopted = LOCAL.try_with(|local| {
        let kept = local.kept.take();
        let held = kept.as_ref().and_then(|kept| kept.entry(gate.number));
        if held.is_some_and(|entry| entry.knows(purpose, data)) {
            local.kept.set(kept);
            return false;
        }
        let guest = kept.as_ref().map_or_else(Arc::default, |kept| Arc::clone(&kept.guest));
        // First, as the lane may be one that goes back just now.
        let others = kept.map(|kept| kept.into_ours()).unwrap_or_default();
        let is_of_use = |entry: &Entry| entry.number != gate.number && entry.gate.speaks();
        let others: Vec<Entry> = others.into_iter().filter(is_of_use).collect();
        let seated = Entry::new(gate, &guest, tag, names);
        let is_seated = seated.is_some();
        let mut entries = seated.into_iter().chain(others);
        let kept = entries.next().map(|first| Kept { guest, first, others: entries.collect() });
        local.kept.set(kept.map(Box::new));
        is_seated
    });
    adopted.unwrap_or(false)
}

impl Kept {
    #[inline]
    fn entry(&self, number: u64) -> Option<&Entry> {
        if self.first.number == number {
            return Some(&self.first);
        }
        self.others.iter().find(|entry| entry.number == number)
    }

    /// The entries of gates that this process opened. A parent's are left as they are: their locks may
    /// be held for ever, and their lanes are the parent's.
    fn into_ours(self) -> Vec<Entry> {
        let entries = [self.first].into_iter().chain(self.others);
        entries.filter_map(Entry::or_forget).collect()
    }
}

impl Entry {
    fn new(gate: &Arc<Gate>, guest: &Arc<Guest>, tag: u32, names: &Names) -> Option<Self> {
        // Names that come meanwhile have their places the next time.
        let purposes: Vec<&str> = names.purposes.iter().collect();
        let items: Vec<&str> = names.items.iter().collect();
        Some(Self {
            number: gate.number,
            seat: gate.seat(guest, &purposes, &items)?,
            purposes: purposes.len(),
            items: items.len(),
            gate: Arc::clone(gate),
            told: Cell::new(0),
            tag,
        })
    }

    /// Whether there are places for these.
    fn knows(&self, purpose: Purpose, data: &[DataItem]) -> bool {
        purpose.place(self.tag) < self.purposes
            && data.iter().all(|item| item.place(self.tag) < self.items)
    }

    /// Where a pair has its place; past the last one, or `None`, if it has none.
    #[inline]
    fn place(&self, purpose: Purpose, data: DataItem) -> Option<usize> {
        let (row, column) = (purpose.place(self.tag), data.place(self.tag));
        if column < self.items { Some(row * self.items + column) } else { None }
    }

    #[inline]
    fn check(&self, purpose: Purpose, data: DataItem) -> Option<Decision> {
        let answer = self.seat.check(self.place(purpose, data)?)?;
        self.tell();
        Some(answer.into())
    }

    /// Tells the daemon that something was counted, once in an epoch.
    #[inline]
    fn tell(&self) {
        let epoch = self.seat.epoch();
        if epoch != self.told.get() {
            self.told.set(epoch);
            self.gate.tell(epoch);
        }
    }

    fn check_all(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        decisions: &mut [Decision],
    ) -> Option<()> {
        let first = PairIndex::new(0)?;
        let (mut pairs, mut words) = ([first; MAX_ITEMS], [Word::CALL; MAX_ITEMS]);
        let (pairs, words) = (pairs.get_mut(..data.len())?, words.get_mut(..data.len())?);
        for (pair, item) in pairs.iter_mut().zip(data) {
            *pair = self.seat.pair(self.place(purpose, *item)?)?;
        }
        self.seat.snapshot(pairs, words).ok()?;
        let combined = words.iter().any(|word| word.is_personal());
        let standing = |word: &Word| if combined { word.combined() } else { word.alone() };
        if words.iter().any(|word| standing(word) == Standing::Call) {
            return None;
        }
        for ((decision, pair), word) in decisions.iter_mut().zip(pairs).zip(words) {
            *decision = match standing(word) {
                Standing::Answer(answer, slot) => {
                    self.seat.count(*pair, slot);
                    answer.into()
                }
                Standing::Call | Standing::Void => Decision::UNAVAILABLE,
            };
        }
        self.tell();
        Some(())
    }

    /// Itself, if this process opened its gate.
    fn or_forget(self) -> Option<Self> {
        if self.gate.is_ours() {
            return Some(self);
        }
        std::mem::forget(self);
        None
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Each lane returns to its gate.
        drop(self.kept.take().map(|kept| kept.into_ours()));
    }
}
