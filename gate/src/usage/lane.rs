//! How a counter grows, and how lanes are taken; wherever they lie, so that the models can try it.
//!
//! # Why nothing is lost
//! A counter of a lane of one's own has one writer, so its load sees its last store, and no addition is
//! lost between the two. The next thread to hold the lane has it through a lock, and so sees the last
//! store of the thread before it.
//!
//! # Why a drain knows what it counts
//! The store is a release, and what a slot stands for was stored before the word that named the slot:
//! whoever sees the count sees the meaning.
//!
//! # Why a count is not forgotten
//! An app counts, then looks at the epoch, and tells the daemon if it has not told in that epoch. The
//! daemon begins an epoch, then drains. Were the count still on its way to memory while the look already
//! saw the old epoch, both could miss each other; [`light`] here and
//! [`heavy`](crate::sync::heavy) there rule that out.

use crate::sync::{AtomicU64, Ordering, light};

/// Who counts in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// One thread.
    One,
    /// All threads that found no lane.
    Many,
}

/// Adds one. Look at the epoch after it.
#[inline]
pub fn add(counter: &AtomicU64, holder: Holder) {
    match holder {
        Holder::One => {
            let count = counter.load(Ordering::Relaxed);
            counter.store(count.wrapping_add(1), Ordering::Release);
        }
        Holder::Many => {
            counter.fetch_add(1, Ordering::Release);
        }
    }
    light();
}

/// Takes a lane that nobody ever used; `None` where there is none left. `used` is the hint of the header,
/// and raised before the lane is counted in, so that a drain does not pass over it.
pub fn take(used: &AtomicU64, lanes: usize) -> Option<usize> {
    let mut seen = used.load(Ordering::Relaxed);
    loop {
        let lane = usize::try_from(seen).ok().filter(|lane| *lane < lanes)?.max(1);
        let next = lane as u64 + 1;
        match used.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return Some(lane),
            Err(now) => seen = now,
        }
    }
}
