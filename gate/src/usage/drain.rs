//! What the daemon makes of counters: totals over all lanes, and what was counted between two of them.
//! Numbers of any kind may come in; only what can be true comes out.

use thiserror::Error;

use crate::page::PairIndex;
use crate::word::{SLOTS, Slot};

/// More than this in one counter between two drains is not counting: at a check in a nanosecond it is
/// twenty minutes in which nobody drained.
const MOST: u64 = 1 << 40;

/// Per pair and slot the sum over all lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    sums: Vec<u64>,
}

/// How often an answer was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Of which pair.
    pub pair: PairIndex,
    /// Which of its answers.
    pub slot: Slot,
    /// How often, at least once.
    pub times: u64,
}

/// The app wrote into its usage memory what no counting writes: nothing of it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the app's usage of pair {} is impossible; close its gate", pair.number())]
pub struct Hostile {
    /// The first pair of which the numbers cannot be.
    pub pair: PairIndex,
    /// And its slot.
    pub slot: Slot,
}

impl Totals {
    /// Totals in which nothing is counted yet.
    #[must_use]
    pub fn new(pairs: usize) -> Self {
        Self { sums: vec![0; pairs * SLOTS] }
    }

    /// How many pairs it has.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.sums.len() / SLOTS
    }

    /// The total of a pair's slot; 0 for a pair that is not there.
    #[must_use]
    pub fn get(&self, pair: PairIndex, slot: Slot) -> u64 {
        self.sums.get(pair.number() * SLOTS + slot.number()).copied().unwrap_or(0)
    }

    /// Puts back a total that was kept. A pair that is not there is passed over.
    pub fn set(&mut self, pair: PairIndex, slot: Slot, total: u64) {
        if let Some(sum) = self.sums.get_mut(pair.number() * SLOTS + slot.number()) {
            *sum = total;
        }
    }

    /// What was counted since earlier totals of the same memory, in the order of pairs and slots.
    ///
    /// # Errors
    /// A total went back, or jumped farther than counting gets: then nothing of it is counted.
    pub fn since(&self, earlier: &Totals) -> Result<Vec<Count>, Hostile> {
        let mut counts = Vec::new();
        for (at, now) in self.sums.iter().enumerate() {
            let times = now.wrapping_sub(earlier.sums.get(at).copied().unwrap_or(0));
            let (pair, slot) = (PairIndex::new(at / SLOTS), Slot::new(at % SLOTS));
            let (Some(pair), Some(slot)) = (pair, slot) else { continue };
            // A total that went back is a jump over nearly all numbers.
            if times > MOST {
                return Err(Hostile { pair, slot });
            }
            if times > 0 {
                counts.push(Count { pair, slot, times });
            }
        }
        Ok(counts)
    }

    /// Begins a sum over lanes, in the room that is there.
    pub(super) fn clear(&mut self, pairs: usize) {
        self.sums.clear();
        self.sums.resize(pairs * SLOTS, 0);
    }

    /// Adds a piece of a lane, from a place in it on.
    pub(super) fn add(&mut self, from: usize, counters: &[[u8; 8]]) {
        let sums = self.sums.get_mut(from..).unwrap_or_default();
        for (sum, counter) in sums.iter_mut().zip(counters) {
            *sum = sum.wrapping_add(u64::from_ne_bytes(*counter));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(values: &[Row]) -> Totals {
        let mut totals = Totals::new(3);
        for &(pair, slot, value) in values {
            totals.set(PairIndex::new(pair).unwrap(), Slot::new(slot).unwrap(), value);
        }
        totals
    }

    /// A pair, a slot, a number.
    type Row = (usize, usize, u64);

    fn since(now: &[Row], earlier: &[Row]) -> Result<Vec<Row>, (usize, usize)> {
        match totals(now).since(&totals(earlier)) {
            Ok(counts) => Ok(counts
                .iter()
                .map(|count| (count.pair.number(), count.slot.number(), count.times))
                .collect()),
            Err(hostile) => Err((hostile.pair.number(), hostile.slot.number())),
        }
    }

    #[test]
    fn counts_are_differences() {
        assert_eq!(since(&[], &[]), Ok(vec![]));
        assert_eq!(since(&[(0, 0, 5), (2, 7, 9)], &[]), Ok(vec![(0, 0, 5), (2, 7, 9)]));
        assert_eq!(since(&[(0, 0, 5), (2, 7, 9)], &[(0, 0, 5), (2, 7, 2)]), Ok(vec![(2, 7, 7)]));
    }

    #[test]
    fn a_total_that_is_not_of_counting_is_hostile() {
        assert_eq!(since(&[(1, 3, 4)], &[(1, 3, 5)]), Err((1, 3)));
        assert_eq!(since(&[(1, 3, 0)], &[(1, 3, u64::MAX)]), Ok(vec![(1, 3, 1)]));
        assert_eq!(since(&[(2, 0, MOST)], &[]), Ok(vec![(2, 0, MOST)]));
        assert_eq!(since(&[(2, 0, MOST + 1)], &[]), Err((2, 0)));
    }

    #[test]
    fn a_sum_over_lanes_wraps() {
        let mut totals = Totals::new(1);
        totals.add(1, &[u64::MAX.to_ne_bytes(), 7u64.to_ne_bytes()]);
        totals.add(1, &[3u64.to_ne_bytes()]);
        // Past the end is nobody's.
        totals.add(8, &[1u64.to_ne_bytes()]);
        let pair = PairIndex::new(0).unwrap();
        let sums = Slot::ALL.map(|slot| totals.get(pair, slot));
        assert_eq!(sums, [0, 2, 7, 0, 0, 0, 0, 0]);
    }
}
