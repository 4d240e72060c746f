//! One gate: its page and its usage memory.

use std::os::fd::OwnedFd;

use consentd_gate::page::{Contents, Fit, PageWriter, PairIndex, Ruling as Shown, fresh_id};
use consentd_gate::usage::{Hostile, Totals, UsageReader};
use consentd_gate::{Answer, GateError, Standing};

use super::affected::Touch;
use super::answer;
use crate::decision::{Reason, Ruling};
use crate::engine::names::{AppKey, ToggleKey};
use crate::identity::Caller;

/// One pair of a page.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The purpose's id.
    pub purpose: Box<str>,
    /// The data item's id.
    pub data: Box<str>,
    /// The toggles that its answer rests on.
    pub toggles: Box<[ToggleKey]>,
}

/// What was decided about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruled {
    /// Asked alone, or among items of which none is personal. None: the daemon has to be called.
    pub alone: Option<Ruling>,
    /// Asked beside a personal item (R58).
    pub combined: Option<Ruling>,
    /// Whether this item is personal.
    pub personal: bool,
}

/// What was counted of one pair and reason.
#[derive(Debug, Clone, Copy)]
pub struct Tally<'a> {
    /// The pair.
    pub pair: &'a Pair,
    /// Why it was answered as it was.
    pub reason: Reason,
    /// How often.
    pub times: u64,
}

/// What the app gets.
#[derive(Debug)]
pub struct Descriptors {
    /// The page, which it reads.
    pub page: OwnedFd,
    /// The usage memory, which it writes.
    pub usage: OwnedFd,
}

/// An open gate.
#[derive(Debug)]
pub struct Gate {
    /// Whose it is.
    pub caller: Caller,
    /// The app's number.
    pub app: AppKey,
    pairs: Box<[Pair]>,
    page: PageWriter,
    usage: UsageReader,
    counted: Totals,
    /// The settings generation that the page shows.
    generation: u64,
    superseded: bool,
}

impl Gate {
    /// Makes one whose page calls for every pair. `pairs` are sorted by purpose and data item.
    ///
    /// # Errors
    /// There are more pairs than a page holds, or the system gives no memory or descriptor.
    pub fn open(
        caller: Caller,
        app: AppKey,
        generation: u64,
        pairs: Box<[Pair]>,
    ) -> Result<(Self, Descriptors), GateError> {
        let names: Vec<(&str, &str)> =
            pairs.iter().map(|pair| (&*pair.purpose, &*pair.data)).collect();
        let page = PageWriter::create(&Contents {
            id: fresh_id()?,
            app: &caller.app,
            user: caller.user,
            generation,
            pairs: &names,
        })?;
        let (usage, writable) = UsageReader::create(page.id(), pairs.len())?;
        let descriptors = Descriptors { page: page.reader_fd()?, usage: writable };
        let counted = Totals::new(pairs.len());
        let gate = Self { caller, app, pairs, page, usage, counted, generation, superseded: false };
        Ok((gate, descriptors))
    }

    /// The id of its page and its usage memory.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.page.id()
    }

    /// Its pairs.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The places of the pairs that a change touches; none once it is superseded.
    #[must_use]
    pub fn touched(&self, touch: &Touch) -> Vec<usize> {
        let rests = |pair: &Pair| match touch {
            Touch::Nothing => false,
            Touch::Toggles(toggles) => toggles.iter().any(|toggle| pair.toggles.contains(toggle)),
            Touch::All => true,
        };
        if self.superseded {
            return Vec::new();
        }
        (0..self.pairs.len()).filter(|place| rests(&self.pairs[*place])).collect()
    }

    /// Shows what was decided of some pairs, all at one moment.
    pub fn show(&mut self, generation: u64, ruled: &[(usize, Ruled)]) {
        let changed = self.changed(ruled, |_, next| next);
        if !changed.is_empty() || self.generation != generation {
            self.update(generation, &changed);
        }
    }

    /// Shows of what is on its way what takes something away; what would allow more, stays as it is.
    pub fn show_denials(&mut self, generation: u64, ruled: &[(usize, Ruled)]) {
        let changed = self.changed(ruled, answer::stricter);
        if !changed.is_empty() {
            self.update(generation, &changed);
        }
    }

    /// `choose` of what the page says of each pair and what was decided, where that is another.
    fn changed(
        &self,
        ruled: &[(usize, Ruled)],
        choose: impl Fn(Standing, Option<Answer>) -> Option<Answer>,
    ) -> Vec<(PairIndex, Shown)> {
        let change = |(place, ruled): &(usize, Ruled)| {
            let pair = PairIndex::new(*place)?;
            let (held, next) = (self.page.word(pair), answer::shown_of(ruled));
            let alone = choose(held.alone(), next.alone);
            let combined = choose(held.combined(), next.combined);
            let given = (answer::given(held.alone()), answer::given(held.combined()));
            let shown = Shown { alone, combined, personal: next.personal };
            ((alone, combined) != given).then_some((pair, shown))
        };
        ruled.iter().filter_map(change).collect()
    }

    fn update(&mut self, generation: u64, shown: &[(PairIndex, Shown)]) {
        if !self.superseded {
            self.generation = generation;
            let fit = self.page.update(generation, |edit| {
                shown.iter().for_each(|(pair, shown)| edit.set(*pair, *shown));
            });
            match fit {
                Fit::Whole => {}
                // The app opens another gate, whose slots are all free.
                Fit::OutOfSlots => self.supersede(),
            }
        }
    }

    /// Makes the page call for everything, for good: the app opens another gate.
    pub fn supersede(&mut self) {
        self.superseded = true;
        self.page.supersede();
    }

    /// Makes the page call for everything, and says that the gate is closed.
    pub fn close(&mut self) {
        self.superseded = true;
        self.page.close();
    }

    /// Begins a drain epoch: the app says once more when it counts. Drain after it.
    pub fn begin_epoch(&mut self) {
        self.page.begin_epoch(self.page.epoch() + 1);
    }

    /// What was counted since it was last recorded, handed to `record`; once that took it, it is.
    ///
    /// # Errors
    /// `record`'s; or the memory cannot be read, or holds what no counting writes.
    pub fn drain<E>(
        &mut self,
        record: impl FnOnce(&Caller, u64, &[Tally<'_>]) -> Result<(), E>,
    ) -> Result<(), Undrained<E>> {
        let mut totals = Totals::new(self.pairs.len());
        self.usage.totals(&mut totals)?;
        let counts = totals.since(&self.counted)?;
        if counts.is_empty() {
            return Ok(());
        }
        let mut tallies: Vec<Tally<'_>> = Vec::with_capacity(counts.len());
        for count in counts {
            let meaning = self.page.meaning(count.pair, count.slot).and_then(answer::reason);
            let (Some(reason), Some(pair)) = (meaning, self.pairs.get(count.pair.number())) else {
                return Err(Hostile { pair: count.pair, slot: count.slot }.into());
            };
            // Answers that differ in their refusal alone are one row.
            match tallies.iter_mut().find(|tally| tally.is_of(pair, reason)) {
                Some(tally) => tally.times = tally.times.saturating_add(count.times),
                None => tallies.push(Tally { pair, reason, times: count.times }),
            }
        }
        record(&self.caller, self.page.id(), &tallies).map_err(Undrained::Refused)?;
        self.counted = totals;
        Ok(())
    }
}

impl Tally<'_> {
    fn is_of(&self, pair: &Pair, reason: Reason) -> bool {
        std::ptr::eq(self.pair, pair) && self.reason == reason
    }
}

/// Why nothing was drained.
#[derive(Debug, thiserror::Error)]
pub enum Undrained<E> {
    /// What was counted was not taken; it is there at the next drain.
    #[error("what was counted cannot be recorded")]
    Refused(E),
    /// The memory cannot be read.
    #[error(transparent)]
    Unread(#[from] GateError),
    /// The app writes what no counting writes.
    #[error(transparent)]
    Hostile(#[from] Hostile),
}
