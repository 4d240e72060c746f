//! The app's side of a page: opened, checked whole, read. Never writes, and never trusts what it reads:
//! the worst that a page can do is to deny.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::board::{Board, State, Torn};
use super::directory::{Directory, PairIndex};
use super::layout::Layout;
use super::writer::board;
use crate::error::GateError;
use crate::memory::{self, Mapping, READ_ONLY, View};
use crate::sync::{AtomicU32, AtomicU64};
use crate::word::Word;

/// A page as an app reads it, from as many threads as it likes.
#[derive(Debug)]
pub struct Page {
    board: Board<View<AtomicU64>, View<AtomicU32>>,
    directory: Directory,
    fd: OwnedFd,
    mapping: std::sync::Arc<Mapping>,
    id: u64,
    user: u32,
}

impl Page {
    /// Maps a page and checks all of it. With an expected id, another page is refused.
    ///
    /// # Errors
    /// It is no page of a known version, or malformed, or not sealed as the daemon's are, or another.
    pub fn open(fd: OwnedFd, expected_id: Option<u64>) -> Result<Self, GateError> {
        let bytes = copy(&fd)?;
        let (layout, directory) = Layout::decode(&bytes)?;
        if expected_id.is_some_and(|expected| expected != layout.id) {
            return Err(GateError::Stranger { kind: "page" });
        }
        let mapping = Mapping::read(&fd, layout.len)?;
        let board = board(&mapping, &layout)?;
        Ok(Self { board, directory, fd, mapping, id: layout.id, user: layout.user })
    }

    pub(crate) fn board(&self) -> &Board<View<AtomicU64>, View<AtomicU32>> {
        &self.board
    }

    /// The page's id, which the usage memory of the same gate has too.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The uid of the user whose decisions it holds.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.user
    }

    /// Its names and pairs.
    #[inline]
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The page's descriptor, to show to a daemon that has started anew.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// What holds for a pair now. A pair of another page is [`Void`](crate::Standing::Void), or this
    /// page's of the same number.
    #[inline]
    #[must_use]
    pub fn word(&self, pair: PairIndex) -> Word {
        self.board.word(pair)
    }

    /// What holds for several pairs at one moment. Fills as many words as both slices have places.
    ///
    /// # Errors
    /// The daemon was writing each of three times. The words are then of no use: call.
    pub fn snapshot(&self, pairs: &[PairIndex], words: &mut [Word]) -> Result<(), Torn> {
        self.board.snapshot(pairs, words)
    }

    /// The settings generation that the words show.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.board.generation()
    }

    /// The drain epoch: after counting, an app that has not yet told the daemon in this epoch does.
    #[inline]
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.board.epoch()
    }

    /// Whether the page still speaks. Where it does not, every word calls.
    #[must_use]
    pub fn state(&self) -> State {
        self.board.state()
    }

    /// Lays zeros over the page, for this process and for good: every word is then
    /// [`Void`](crate::Standing::Void) and denies, in checks that are under way too.
    ///
    /// # Errors
    /// The kernel refused; the page stays as it was.
    pub fn void(&self) -> Result<(), GateError> {
        self.mapping.void()
    }
}

/// A copy of a page's bytes, by the kernel, of memory that is sealed as a page is. What the daemon
/// stores meanwhile is in it or not; what is decoded of it never changes.
pub(super) fn copy(fd: &OwnedFd) -> Result<Vec<u8>, GateError> {
    let found = memory::sealed_len(fd, READ_ONLY)?;
    let mut probe = [0; Layout::PROBE];
    memory::read_exact_at(fd, &mut probe, 0)?;
    let expected = Layout::probe(probe)?;
    let len = usize::try_from(found).ok().filter(|len| *len <= super::MAX_LEN);
    let Some(len) = len.filter(|_| found == expected) else {
        return Err(GateError::Length { expected, found });
    };
    let mut bytes = vec![0; len];
    memory::read_exact_at(fd, &mut bytes, 0)?;
    Ok(bytes)
}
