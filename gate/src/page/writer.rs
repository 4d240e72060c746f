//! The daemon's side of a page: made, written, superseded. One writer alone, which the type keeps.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::board::{Board, CHANGING, State};
use super::directory::PairIndex;
use super::layout::{CHANGING_AT, Layout};
use crate::answer::Answer;
use crate::error::{GateError, system};
use crate::memory::{self, Mapping, READ_ONLY, View};
use crate::sync::{AtomicU32, AtomicU64};
use crate::word::{SLOTS, Slot, Standing, Word};

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// Random, not 0: [`fresh_id`].
    pub id: u64,
    /// The app whose page it will be.
    pub app: &'a str,
    /// The uid of the user whose decisions it will hold.
    pub user: u32,
    /// The daemon's generation now.
    pub generation: u64,
    /// The declared pairs as (purpose, data item), sorted, each once. A pair's place here is its
    /// [`PairIndex`].
    pub pairs: &'a [(&'a str, &'a str)],
}

/// What the daemon decided about a pair. `None` is: only the daemon can answer, so call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ruling {
    /// For checks of items of which none is personal.
    pub alone: Option<Answer>,
    /// For checks of items of which any is personal (R58).
    pub combined: Option<Answer>,
    /// Whether this item is.
    pub personal: bool,
}

/// Whether a page could show what it was to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of it.
    Whole,
    /// Some pair has no slot left for its answer, and calls instead: another page would have.
    OutOfSlots,
}

/// An id for a page and its usage memory: random, not 0.
///
/// # Errors
/// The kernel has no randomness to give.
pub fn fresh_id() -> Result<u64, GateError> {
    let mut bytes = [0; 8];
    let flags = rustix::rand::GetRandomFlags::empty();
    rustix::rand::getrandom(&mut bytes, flags).map_err(system("draw a random id"))?;
    Ok(u64::from_ne_bytes(bytes).max(1))
}

/// The one writer of a page.
///
/// Dropping it leaves the page as it is: [`close`](Self::close) it first.
#[derive(Debug)]
pub struct PageWriter {
    board: Board<View<AtomicU64>, View<AtomicU32>>,
    reader: OwnedFd,
    id: u64,
}

impl PageWriter {
    /// Makes a page of which every word calls, in epoch 1.
    ///
    /// # Errors
    /// The contents do not fit in a page, or the kernel gives no memory.
    pub fn create(contents: &Contents<'_>) -> Result<Self, GateError> {
        let (layout, bytes) = Layout::encode(contents)?;
        let fd = memory::create("consentd-page", bytes.len() as u64)?;
        memory::fill(&fd, &bytes)?;
        // The seal spares the mappings that were there before it: this one.
        let board = Mapping::own(&fd, layout.len).and_then(|mapping| board(&mapping, &layout))?;
        memory::seal(&fd, READ_ONLY)?;
        Ok(Self { board, reader: memory::read_only(&fd)?, id: layout.id })
    }

    /// The page's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many pairs it has.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.board.pairs()
    }

    /// The page as the app is to have it: read-only, whatever its holder tries.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// A descriptor of the page to hand out.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn reader_fd(&self) -> Result<OwnedFd, GateError> {
        self.reader.try_clone().map_err(system("duplicate the descriptor of a page"))
    }

    /// Shows other rulings, all at one moment to whoever reads several. When it returns, every check
    /// that starts sees them. `generation` is the settings generation that the page shows from then on.
    /// Where it does not fit, [`supersede`](Self::supersede) it: another page is better than a pair that
    /// calls as long as this one lives.
    pub fn update(&mut self, generation: u64, edit: impl FnOnce(&mut Edit<'_>)) -> Fit {
        self.board.begin();
        let mut open = Edit { writer: self, generation, fit: Fit::Whole };
        edit(&mut open);
        open.fit
    }

    /// Makes every word call, and says that the app has another page now.
    pub fn supersede(&mut self) {
        self.board.silence();
        self.board.leave(State::Superseded);
    }

    /// Makes every word call, and says that the gate is closed.
    pub fn close(&mut self) {
        self.board.silence();
        self.board.leave(State::Closed);
    }

    /// Begins a drain epoch: from here on each app says once more that it has counted something. Drain
    /// after this returned: what that drain does not see, the app tells of.
    pub fn begin_epoch(&mut self, epoch: u64) {
        self.board.begin_epoch(epoch);
    }

    /// The drain epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.board.epoch()
    }

    /// The word that a pair shows.
    #[must_use]
    pub fn word(&self, pair: PairIndex) -> Word {
        self.board.word(pair)
    }

    /// What a slot of a pair stands for; `None` where it was never used.
    #[must_use]
    pub fn meaning(&self, pair: PairIndex, slot: Slot) -> Option<Answer> {
        self.board.meaning(pair, slot)
    }
}

/// Sees a mapping as the board of a page.
pub(super) fn board(
    mapping: &std::sync::Arc<Mapping>,
    layout: &Layout,
) -> Result<Board<View<AtomicU64>, View<AtomicU32>>, GateError> {
    let outside = || GateError::Malformed { fault: "a section lies outside of it" };
    Ok(Board::new(
        View::new(mapping, CHANGING_AT, CHANGING).ok_or_else(outside)?,
        View::new(mapping, layout.words_at, layout.pairs).ok_or_else(outside)?,
        View::new(mapping, layout.meanings_at, layout.pairs * SLOTS).ok_or_else(outside)?,
    ))
}

/// An update that is under way.
#[derive(Debug)]
pub struct Edit<'a> {
    writer: &'a mut PageWriter,
    generation: u64,
    fit: Fit,
}

impl Edit<'_> {
    /// Shows a ruling for a pair. Each answer has one slot of its pair for as long as the page lives;
    /// a pair that has shown 8 different answers calls instead of showing a ninth.
    ///
    /// A pair that the page does not have is passed over.
    pub fn set(&mut self, pair: PairIndex, ruling: Ruling) {
        let board = &self.writer.board;
        let stand = |answer: Option<Answer>| match answer {
            Some(answer) => board.standing(pair, answer),
            None => Standing::Call,
        };
        let (alone, combined) = (stand(ruling.alone), stand(ruling.combined));
        for (answer, standing) in [(ruling.alone, alone), (ruling.combined, combined)] {
            let is_shown = answer.is_some_and(Answer::is_of_a_daemon);
            if is_shown && standing == Standing::Call {
                self.fit = Fit::OutOfSlots;
            }
        }
        let word = Word::new(alone, combined);
        board.show(pair, if ruling.personal { word.personal() } else { word });
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        self.writer.board.end(self.generation);
    }
}
