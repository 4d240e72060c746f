//! The app's side of the daemon's life: looks, and never writes.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::life::lives;
use super::{LEN, MAGIC, WORD_AT};
use crate::error::GateError;
use crate::memory::{self, Mapping, READ_ONLY, View};
use crate::sync::AtomicU32;

/// The daemon's life, as an app sees it.
#[derive(Debug)]
pub struct Alive {
    word: View<AtomicU32>,
    fd: OwnedFd,
}

impl Alive {
    /// Maps the word of a daemon.
    ///
    /// # Errors
    /// It is no such memory of a known version, or not sealed as the daemon's is.
    pub fn open(fd: OwnedFd) -> Result<Self, GateError> {
        let (expected, found) = (LEN as u64, memory::sealed_len(&fd, READ_ONLY)?);
        if found != expected {
            return Err(GateError::Length { expected, found });
        }
        let mut magic = [0; 8];
        memory::read_exact_at(&fd, &mut magic, 0)?;
        if u64::from_ne_bytes(magic) != MAGIC {
            return Err(GateError::Version { kind: "sign of life" });
        }
        let mapping = Mapping::read(&fd, LEN)?;
        let word = View::new(&mapping, WORD_AT, 1).ok_or(GateError::NotSealed)?;
        Ok(Self { word, fd })
    }

    /// Whether the daemon lives. Once it does not it never does again: the next daemon has a word of its
    /// own.
    #[inline]
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.word.first().is_some_and(lives)
    }

    pub(crate) fn view(&self) -> &View<AtomicU32> {
        &self.word
    }

    /// The memory's descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Lays zeros over the word, for this process and for good: the daemon is then dead to it, in checks
    /// that are under way too.
    ///
    /// # Errors
    /// The kernel refused; the word stays as it was.
    pub fn void(&self) -> Result<(), GateError> {
        self.word.mapping().void()
    }
}
