//! The part of a page that changes, and the order in which it is written and read; wherever it lies, so
//! that the models can try it. Never looks at names, descriptors or mappings.
//!
//! # Why a `Set(off)` that has returned is seen
//! The word of the pair is stored before `Set` is answered. Whoever learns of the answer, by whatever
//! chain of messages, loads after it: a socket hands over what was stored before the message was sent.
//! A load that happens after a store reads that store or a later one, so no order stronger than that of
//! the chain is needed on the reader's side. For those who only see by the clock that `Set` is done,
//! [`Board::end`] does not return before its stores left the processor.
//!
//! # Why several words are of one moment
//! The writer makes `sequence` odd, stores words with release, and makes it even with release. A reader
//! takes an even sequence, an acquire fence, words, an acquire fence, and the sequence again. If any word
//! it saw is of a later update, that word's release and the second fence order the update's odd sequence
//! before the second look, which then differs. If any is of an earlier one, the first look had not seen
//! the even sequence that ended the later one. So with both looks equal, all words are as that update
//! left them.
//!
//! # Loads
//! All are relaxed with a fence after, not acquire loads: an app's mapping is read-only, and there only
//! relaxed loads are promised to work.

use std::ops::Deref;

use thiserror::Error;

use super::PairIndex;
use crate::answer::Answer;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence, heavy};
use crate::word::{SLOTS, Slot, Standing, Word};

/// Where in the changing words each stands.
pub const SEQUENCE: usize = 0;
const GENERATION: usize = 1;
const EPOCH: usize = 2;
const STATE: usize = 3;
/// How many there are: one cache line.
pub const CHANGING: usize = 8;

/// How often a check over several items looks for a moment at which the daemon does not write.
const TRIES: usize = 3;

/// The words could not be read at one moment: the daemon was writing each time. Ask over the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the daemon was writing the page; ask it over the bus")]
pub struct Torn;

/// Whether a page still speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is the app's page.
    Live,
    /// The daemon has another one for the app; here every word calls.
    Superseded,
    /// The daemon has closed the gate; here every word calls. So is any state that is not known here.
    Closed,
}

/// The changing words, the pairs' words, and what their slots stand for.
#[derive(Debug, Clone)]
pub struct Board<C, W> {
    changing: C,
    words: W,
    meanings: W,
}

impl<C, W> Board<C, W>
where
    C: Deref<Target = [AtomicU64]>,
    W: Deref<Target = [AtomicU32]>,
{
    /// A board of [`CHANGING`] words, a word per pair, and [`SLOTS`] meanings per pair.
    pub const fn new(changing: C, words: W, meanings: W) -> Self {
        Self { changing, words, meanings }
    }

    /// How many pairs it has.
    pub fn pairs(&self) -> usize {
        self.words.len()
    }

    #[inline]
    fn changing(&self, which: usize) -> u64 {
        let value = self.changing.get(which).map_or(0, |word| word.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        value
    }

    #[inline]
    fn store(&self, which: usize, value: u64, order: Ordering) {
        if let Some(word) = self.changing.get(which) {
            word.store(value, order);
        }
    }

    /// The word of a pair; void if there is no such pair.
    #[inline]
    pub fn word(&self, pair: PairIndex) -> Word {
        let word = self.load(pair);
        // What the slot stands for was stored before the word was.
        fence(Ordering::Acquire);
        word
    }

    /// Where the drain epoch stands.
    pub fn epoch_place(&self) -> Option<&AtomicU64> {
        self.changing.get(EPOCH)
    }

    /// Where the word of a pair stands.
    pub fn place(&self, pair: PairIndex) -> Option<&AtomicU32> {
        self.words.get(pair.number())
    }

    #[inline]
    fn load(&self, pair: PairIndex) -> Word {
        let bits = self.words.get(pair.number()).map_or(0, |word| word.load(Ordering::Relaxed));
        Word::from_bits(bits)
    }

    /// The words of several pairs as they were at one moment.
    pub fn snapshot(&self, pairs: &[PairIndex], words: &mut [Word]) -> Result<(), Torn> {
        for _ in 0..TRIES {
            let before = self.changing(SEQUENCE);
            if !before.is_multiple_of(2) {
                std::hint::spin_loop();
                continue;
            }
            for (pair, word) in pairs.iter().zip(&mut *words) {
                *word = self.load(*pair);
            }
            fence(Ordering::Acquire);
            if self.changing(SEQUENCE) == before {
                return Ok(());
            }
        }
        Err(Torn)
    }

    /// The settings generation that the words show.
    pub fn generation(&self) -> u64 {
        self.changing(GENERATION)
    }

    /// The drain epoch.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.changing(EPOCH)
    }

    /// Whether the page still speaks.
    pub fn state(&self) -> State {
        match self.changing(STATE) {
            0 => State::Live,
            1 => State::Superseded,
            _ => State::Closed,
        }
    }

    /// What a slot of a pair stands for; `None` where no word has named it yet.
    pub fn meaning(&self, pair: PairIndex, slot: Slot) -> Option<Answer> {
        let at = pair.number() * SLOTS + slot.number();
        let stored = self.meanings.get(at).map_or(0, |meaning| meaning.load(Ordering::Relaxed));
        Answer::from_bits(u16::try_from(stored.checked_sub(1)?).ok()?)
    }

    /// Begins an update: from here on checks over several items wait. One writer alone.
    pub fn begin(&self) {
        // Odd already, where an update ended in a panic.
        let sequence = self.changing(SEQUENCE) | 1;
        // What is shown from here on is stored with release, and so after this.
        self.store(SEQUENCE, sequence, Ordering::Relaxed);
    }

    /// Shows another word for a pair.
    pub fn show(&self, pair: PairIndex, word: Word) {
        if let Some(shown) = self.words.get(pair.number()) {
            shown.store(word.bits(), Ordering::Release);
        }
    }

    /// Ends the update.
    pub fn end(&self, generation: u64) {
        self.store(GENERATION, generation, Ordering::Relaxed);
        let sequence = self.changing(SEQUENCE).wrapping_add(1);
        self.store(SEQUENCE, sequence, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// The standing that shows an answer: in the slot that has it, else in the next free one, whose
    /// meaning is stored here and so before any word that names it. With all slots taken it calls.
    pub fn standing(&self, pair: PairIndex, answer: Answer) -> Standing {
        if !answer.is_of_a_daemon() {
            return Standing::Call;
        }
        let stored = u32::from(answer.bits()) + 1;
        let first = pair.number() * SLOTS;
        let Some(meanings) = self.meanings.get(first..first + SLOTS) else {
            return Standing::Call;
        };
        for (meaning, slot) in meanings.iter().zip(Slot::ALL) {
            let held = meaning.load(Ordering::Relaxed);
            if held == 0 {
                meaning.store(stored, Ordering::Relaxed);
            }
            if held == 0 || held == stored {
                return Standing::Answer(answer, slot);
            }
        }
        Standing::Call
    }

    /// Makes every pair call, at one moment.
    pub fn silence(&self) {
        self.begin();
        for number in 0..self.words.len() {
            if let Some(pair) = PairIndex::new(number) {
                self.show(pair, Word::CALL);
            }
        }
        self.end(self.generation());
    }

    /// Says why the page is silent; before that [`silence`](Self::silence).
    pub fn leave(&self, state: State) {
        let state = match state {
            State::Live => 0,
            State::Superseded => 1,
            State::Closed => 2,
        };
        self.store(STATE, state, Ordering::Release);
    }

    /// Begins a drain epoch. A count that a drain after this does not see is followed, in its thread, by
    /// a look at the epoch that sees this one.
    pub fn begin_epoch(&self, epoch: u64) {
        self.store(EPOCH, epoch, Ordering::Release);
        heavy();
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::answer::{Reason, Refusal};

    const ON: Answer = Answer::new(Reason::Consented, Refusal::Nothing);
    const OFF: Answer = Answer::new(Reason::ToggleOff, Refusal::Empty);

    /// Few enough that Miri, which tries what a weakly ordered processor may do, gets to the end.
    const ROUNDS: u64 = if cfg!(miri) { 40 } else { 20_000 };

    #[test]
    fn threads_see_whole_updates_and_meanings() {
        let words = |count| (0..count).map(|_| AtomicU32::new(0)).collect::<Vec<_>>();
        let changing: Vec<_> = (0..CHANGING).map(|_| AtomicU64::new(0)).collect();
        let board = Board::new(changing, words(2), words(2 * SLOTS));
        let pairs = [PairIndex::new(0), PairIndex::new(1)].map(Option::unwrap);
        let show = |round: u64| {
            board.begin();
            for pair in pairs {
                let answer = if round.is_multiple_of(2) { OFF } else { ON };
                let standing = board.standing(pair, answer);
                board.show(pair, Word::new(standing, standing));
            }
            board.end(round);
        };
        show(0);
        std::thread::scope(|threads| {
            let daemon = threads.spawn(|| (1..=ROUNDS).for_each(show));
            while !daemon.is_finished() {
                let mut words = [Word::CALL; 2];
                if board.snapshot(&pairs, &mut words) == Ok(()) {
                    assert_eq!(words[0], words[1]);
                    let Standing::Answer(answer, slot) = words[0].alone() else {
                        panic!("{:?}", words[0].alone());
                    };
                    assert_eq!(board.meaning(pairs[0], slot), Some(answer));
                }
            }
        });
        assert_eq!(board.generation(), ROUNDS);
    }
}
