//! The daemon's side of usage: makes the memory, and reads it with the kernel's copy alone, never through
//! a mapping. Whatever the app writes there is numbers, and no more.
//!
//! The kernel copies aligned words whole on the processors that the project runs on, so that a counter
//! which grows meanwhile is read as it was or as it is.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::counters::check;
use super::{AT_USED, HEADER, LANES, Totals, header, lane_len, len};
use crate::error::GateError;
use crate::memory::{self, FIXED};
use crate::page::{KeptPage, MAX_PAIRS};

/// The bytes that are read at a time.
const PIECE: usize = 16 * 1024;

/// An app's usage memory, as the daemon reads it.
#[derive(Debug)]
pub struct UsageReader {
    fd: OwnedFd,
    id: u64,
    pairs: usize,
}

impl UsageReader {
    /// Makes the usage memory of a page with this id and so many pairs. The second descriptor is the
    /// app's, for reading and writing.
    ///
    /// # Errors
    /// There are more pairs than a page has, or the kernel gives no memory.
    pub fn create(id: u64, pairs: usize) -> Result<(Self, OwnedFd), GateError> {
        if pairs > MAX_PAIRS {
            return Err(GateError::TooMany { what: "pairs", found: pairs, limit: MAX_PAIRS });
        }
        let fd = memory::create("consentd-usage", len(pairs) as u64)?;
        let header: Vec<u8> = header(id, pairs).into_iter().flat_map(u64::to_ne_bytes).collect();
        memory::fill(&fd, &header)?;
        memory::seal(&fd, FIXED)?;
        // A descriptor of its own: flags that the app sets on its one do not reach it.
        Ok((Self { fd: memory::read_only(&fd)?, id, pairs }, fd))
    }

    /// Takes up the usage memory of a page that an earlier daemon made, by whoever it was kept.
    ///
    /// # Errors
    /// It is not the usage memory of that page, not sealed, or made by another user.
    pub fn keep(fd: OwnedFd, page: &KeptPage) -> Result<Self, GateError> {
        memory::made_by_us(&fd)?;
        let (id, pairs) = (page.id(), page.pairs());
        check(&fd, id, pairs)?;
        Ok(Self { fd: memory::read_only(&fd)?, id, pairs })
    }

    /// The id of the page it counts for.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The descriptor, to be kept for the daemon's next start.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Sums the counters over all lanes that the app says it used, reusing the room of `totals`. At most
    /// 16 MiB are read, and of a memory of few pairs kibibytes.
    ///
    /// # Errors
    /// The memory cannot be read, which no app can bring about.
    pub fn totals(&self, totals: &mut Totals) -> Result<(), GateError> {
        totals.clear(self.pairs);
        let mut used = [0; 8];
        memory::read_exact_at(&self.fd, &mut used, AT_USED as u64 * 8)?;
        // A hint: what it says is bounded, and an app that says too little hides its own counts.
        let lanes = usize::try_from(u64::from_ne_bytes(used)).unwrap_or(LANES).clamp(1, LANES);
        let lane_len = lane_len(self.pairs);
        let mut piece = vec![0; PIECE.min(lane_len)];
        for lane in 0..lanes {
            let start = HEADER * 8 + lane * lane_len;
            for from in (0..lane_len).step_by(PIECE) {
                let piece = piece.get_mut(..PIECE.min(lane_len - from)).unwrap_or_default();
                memory::read_exact_at(&self.fd, piece, (start + from) as u64)?;
                totals.add(from / 8, piece.as_chunks().0);
            }
        }
        Ok(())
    }
}
