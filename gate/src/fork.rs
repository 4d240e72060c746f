//! Whether this process is a child that fork made: a word of memory that the kernel wipes in children.

use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::mm::Advice;

use crate::error::{GateError, system};

/// A word that is 0 in every process but the one that stored it.
///
/// A child that shares its parent's memory (`vfork`) is not told apart.
#[derive(Debug)]
pub struct ForkWord {
    memory: MmapRaw,
}

impl ForkWord {
    /// A word of 0.
    ///
    /// # Errors
    /// The kernel gives no memory, or is older than Linux 4.14 and wipes none.
    #[allow(unsafe_code, reason = "what becomes of a mapping at fork is told by its address")]
    pub fn new() -> Result<Self, GateError> {
        let len = rustix::param::page_size();
        let memory = MmapOptions::new().len(len).map_anon();
        let memory = MmapRaw::from(memory.map_err(system::<std::io::Error>("map a page"))?);
        // SAFETY: the page is private and anonymous, which this advice asks for, and all of it ours; a
        // child finds zeros there, which are as good a value of the word as any.
        unsafe { rustix::mm::madvise(memory.as_mut_ptr().cast(), len, Advice::LinuxWipeOnFork) }
            .map_err(system("have a page wiped on fork"))?;
        Ok(Self { memory })
    }

    #[inline]
    #[allow(unsafe_code, reason = "a word of a mapping, which only a pointer reaches")]
    fn word(&self) -> &AtomicU64 {
        // SAFETY: the mapping is a page, so aligned and long enough, readable and writable, and lives
        // as long as `self`; only this function looks at it.
        unsafe { AtomicU64::from_ptr(self.memory.as_mut_ptr().cast()) }
    }

    /// What this process stored last; 0 in a child that has not.
    #[inline]
    #[must_use]
    pub fn load(&self) -> u64 {
        self.word().load(Ordering::Acquire)
    }

    /// Stores a value, for this process alone.
    pub fn store(&self, value: u64) {
        self.word().store(value, Ordering::Release);
    }
}
