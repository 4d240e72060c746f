//! The word itself: what its bits say, and who stores them.
//!
//! # Why a death is seen in time
//! The kernel marks the word while the daemon's last thread is torn down, and its locks and names are
//! free only after. So whatever a next daemon does happened after the mark, and a check that happens
//! after it loads the mark.

use crate::sync::{AtomicU32, Ordering, fence};

/// The bits of the word that hold the owner's thread id (`FUTEX_TID_MASK`).
const OWNER: u32 = 0x3fff_ffff;
/// The kernel's mark (`FUTEX_OWNER_DIED`).
const DIED: u32 = 0x4000_0000;

/// Whether the word has an owner that has not died.
#[inline]
pub fn lives(word: &AtomicU32) -> bool {
    let value = word.load(Ordering::Relaxed);
    fence(Ordering::Acquire);
    says_alive(value)
}

/// Whether the word, once loaded, says so.
#[inline]
pub fn says_alive(value: u32) -> bool {
    value & OWNER != 0 && value & DIED == 0
}

/// Begins the life. By the thread that owns it.
pub fn begin(word: &AtomicU32, thread: u32) {
    word.store(thread & OWNER, Ordering::Release);
}

/// Ends it, as the kernel would.
pub fn end(word: &AtomicU32) {
    word.store(DIED, Ordering::Release);
    fence(Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_lives_while_it_has_an_owner_without_the_mark() {
        const WAITED_FOR: u32 = 0x8000_0000;
        for (value, expected) in [
            (0, false),
            (1, true),
            (OWNER, true),
            (1 | WAITED_FOR, true),
            (DIED, false),
            (1 | DIED, false),
            (1 | DIED | WAITED_FOR, false),
            (WAITED_FOR, false),
        ] {
            assert_eq!(lives(&AtomicU32::new(value)), expected, "{value:#x}");
        }
        let word = AtomicU32::new(0);
        begin(&word, 7);
        assert!(lives(&word));
        end(&word);
        assert!(!lives(&word));
    }
}
