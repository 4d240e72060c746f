//! A page of a daemon that has ended, kept by the app or the service manager: whose usage it was, and
//! what the slots stood for. It answers no check any more.

use std::os::fd::OwnedFd;

use super::directory::{Directory, PairIndex};
use super::layout::Layout;
use super::reader::copy;
use crate::answer::Answer;
use crate::error::GateError;
use crate::memory;
use crate::word::{SLOTS, Slot};

/// What an earlier daemon's page said, to count by what was not drained.
#[derive(Debug)]
pub struct KeptPage {
    layout: Layout,
    directory: Directory,
    meanings: Box<[Option<Answer>]>,
}

impl KeptPage {
    /// Reads a page that our own user's daemon made: only its maker could write to it.
    ///
    /// # Errors
    /// It is no page of a known version, or malformed, or not sealed, or made by another user.
    pub fn open(fd: &OwnedFd) -> Result<Self, GateError> {
        memory::made_by_us(fd)?;
        let bytes = copy(fd)?;
        let (layout, directory) = Layout::decode(&bytes)?;
        let end = layout.meanings_at + layout.pairs * SLOTS * 4;
        let meanings = bytes.get(layout.meanings_at..end).unwrap_or_default();
        let meanings = meanings.as_chunks().0.iter().map(|stored| {
            let bits = u32::from_ne_bytes(*stored).checked_sub(1)?;
            Answer::from_bits(u16::try_from(bits).ok()?)
        });
        Ok(Self { layout, directory, meanings: meanings.collect() })
    }

    /// The page's id, which the usage memory of the same gate has too.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.layout.id
    }

    /// The uid of the user whose decisions it held.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.layout.user
    }

    /// The generation of the daemon when it made the page.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.layout.born
    }

    /// Its app, names and pairs.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How many pairs it has.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.layout.pairs
    }

    /// What a slot of a pair stood for; `None` where it was never used.
    #[must_use]
    pub fn meaning(&self, pair: PairIndex, slot: Slot) -> Option<Answer> {
        self.meanings.get(pair.number() * SLOTS + slot.number()).copied().flatten()
    }
}
