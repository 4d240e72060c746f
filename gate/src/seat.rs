//! One thread's place at a gate: all that its checks look at and count in, as addresses side by side, so
//! that a check is a handful of loads and one store. The same memory as the [`Page`]'s, [`Alive`]'s and
//! [`Usage`](crate::usage::Usage)'s, in the same order of loads and stores.
//!
//! A word is looked through once: the thread keeps what it said, and as long as the page shows that very
//! word, that is the answer.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::alive::Alive;
use crate::alive::life::says_alive;
use crate::answer::Answer;
use crate::memory::View;
use crate::page::board::{Board, Torn};
use crate::page::{Page, PairIndex};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::usage::Lane;
use crate::usage::lane::{Holder, add};
use crate::word::{Slot, Standing, Word};

/// What stands for the word of a place without a pair.
static CALL: AtomicU32 = AtomicU32::new(Word::CALL.bits());

/// A word that no daemon writes; what was never looked through is kept under it.
const UNREAD: u32 = u32::MAX;

/// A thread at a gate. Of that thread alone; keeps the gate's memory mapped.
#[derive(Debug)]
pub struct Seat {
    life: Address<AtomicU32>,
    /// The word of the daemon's life, when the thread sat down.
    owner: u32,
    places: Box<[Place]>,
    epoch: Address<AtomicU64>,
    board: Board<View<AtomicU64>, View<AtomicU32>>,
    #[expect(dead_code, reason = "kept so that it stays mapped")]
    alive: View<AtomicU32>,
    lane: Lane,
    /// Where counts go that belong to no counter. No box: that would claim it for itself alone.
    nowhere: Arc<AtomicU64>,
}

/// What a check of one purpose and data item looks at.
#[derive(Debug)]
struct Place {
    word: Address<AtomicU32>,
    counter: Cell<Address<AtomicU64>>,
    /// The last word that answered, and what it said.
    known: Cell<u32>,
    answer: Cell<Answer>,
    pair: Option<PairIndex>,
}

impl Seat {
    /// A seat with a lane of this page's usage, and places for these pairs, by their numbers here; a
    /// place without a pair always calls. `None` where the daemon has died.
    pub fn new(
        page: &Page,
        alive: &Alive,
        lane: Lane,
        pairs: impl Iterator<Item = Option<PairIndex>>,
    ) -> Option<Self> {
        let (board, alive) = (page.board().clone(), alive.view().clone());
        let nowhere = Arc::new(AtomicU64::new(0));
        let place = |pair: Option<PairIndex>| Place {
            word: Address::of(pair.and_then(|pair| board.place(pair)).unwrap_or(&CALL)),
            counter: Cell::new(Address::of(&nowhere)),
            known: Cell::new(UNREAD),
            answer: Cell::new(Answer::UNAVAILABLE),
            pair,
        };
        let places = pairs.map(place).collect();
        let (life, epoch) = (alive.first()?, Address::of(board.epoch_place()?));
        let (owner, life) = (life.load(Ordering::Relaxed), Address::of(life));
        let seat = Self { life, owner, places, epoch, board, alive, lane, nowhere };
        says_alive(owner).then_some(seat)
    }

    /// Whether the daemon lives. Before it, make sure that the gate is the one in force.
    #[inline]
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let word = self.life.get().load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        word == self.owner || says_alive(word)
    }

    /// The page's answer at a place, counted; `None` where it calls. After [`is_alive`](Self::is_alive),
    /// and before [`epoch`](Self::epoch).
    #[inline]
    #[must_use]
    pub fn check(&self, place: usize) -> Option<Answer> {
        let place = self.places.get(place)?;
        let bits = place.word.get().load(Ordering::Relaxed);
        // What the slot stands for was stored before the word was.
        fence(Ordering::Acquire);
        if bits != place.known.get() {
            return self.look_through(place, Word::from_bits(bits));
        }
        add(place.counter.get().get(), Holder::One);
        Some(place.answer.get())
    }

    #[cold]
    #[inline(never)]
    fn look_through(&self, place: &Place, word: Word) -> Option<Answer> {
        match word.standing() {
            Standing::Answer(answer, slot) => {
                let counter = place.pair.and_then(|pair| self.lane.counter(pair, slot));
                let counter = counter.unwrap_or(&self.nowhere);
                match self.lane.holder() {
                    Holder::One => {
                        place.counter.set(Address::of(counter));
                        place.answer.set(answer);
                        place.known.set(word.bits());
                    }
                    // Who shares a lane comes by here each time.
                    Holder::Many => {}
                }
                add(counter, self.lane.holder());
                Some(answer)
            }
            Standing::Call => None,
            Standing::Void => Some(Answer::UNAVAILABLE),
        }
    }

    /// The pair at a place.
    #[must_use]
    pub fn pair(&self, place: usize) -> Option<PairIndex> {
        self.places.get(place)?.pair
    }

    /// As [`Page::snapshot`].
    ///
    /// # Errors
    /// The daemon was writing each of three times. The words are then of no use: call.
    pub fn snapshot(&self, pairs: &[PairIndex], words: &mut [Word]) -> Result<(), Torn> {
        self.board.snapshot(pairs, words)
    }

    /// As [`Lane::count`].
    pub fn count(&self, pair: PairIndex, slot: Slot) {
        self.lane.count(pair, slot);
    }

    /// As [`Page::epoch`].
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> u64 {
        let epoch = self.epoch.get().load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        epoch
    }
}

/// The address of an atomic word that the seat keeps: in a view of its own, in `nowhere`, or [`CALL`].
#[derive(Debug)]
struct Address<T>(NonNull<T>);

impl<T> Address<T> {
    fn of(word: &T) -> Self {
        Self(NonNull::from(word))
    }

    #[inline]
    #[allow(unsafe_code, reason = "an address spares the looks whether a word lies in its memory")]
    fn get(&self) -> &T {
        // SAFETY: `Seat::new` and `look_through` alone make addresses, of words in the views that the
        // seat keeps mapped until it is dropped, of `nowhere`, which it keeps as long, and of CALL; no
        // address leaves the seat. T is an atomic, which others may store to.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Address<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Address<T> {}
