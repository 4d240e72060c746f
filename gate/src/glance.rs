//! What one check looks at, side by side: the daemon's life and the page. A thread keeps it where it is
//! soon found; it is the same memory as the [`Page`]'s and [`Alive`]'s.

use crate::alive::Alive;
use crate::alive::life::lives;
use crate::memory::View;
use crate::page::board::Board;
use crate::page::{Page, PairIndex};
use crate::sync::{AtomicU32, AtomicU64};
use crate::word::Word;

/// A page and its daemon's life. Keeps both mapped.
#[derive(Debug)]
pub struct Glance {
    life: View<AtomicU32>,
    board: Board<View<AtomicU64>, View<AtomicU32>>,
}

impl Glance {
    /// At this page, of the daemon with this life.
    #[must_use]
    pub fn new(page: &Page, alive: &Alive) -> Self {
        Self { life: alive.view().clone(), board: page.board().clone() }
    }

    /// As [`Alive::is_alive`].
    #[inline]
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.life.first().is_some_and(lives)
    }

    /// As [`Page::word`].
    #[inline]
    #[must_use]
    pub fn word(&self, pair: PairIndex) -> Word {
        self.board.word(pair)
    }

    /// As [`Page::epoch`].
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.board.epoch()
    }
}
