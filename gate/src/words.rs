//! A file as words in memory: what is stored there outlives the process, at the cost of a memory write.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Deref;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};

/// A file of so many 64-bit words, mapped shared and for writing.
///
/// A store survives the end of the process, however it comes, and not a loss of power: nothing here
/// synchronises. The words are the machine's own byte order, as the file never leaves the machine.
///
/// Whoever may write the file can also shorten it, and then the kernel ends this process with SIGBUS at
/// the next access: map only what nobody else may write.
#[derive(Debug)]
pub struct FileWords {
    memory: MmapRaw,
    len: usize,
}

impl FileWords {
    /// Maps the first `len` words of a file that is open for reading and writing. What it lacks is
    /// added as zeros, and all its room is taken from the disk now: a store never finds it full.
    ///
    /// # Errors
    /// The disk has no room, or the file cannot be mapped.
    pub fn map(file: &File, len: usize) -> std::io::Result<Self> {
        let bytes = len * size_of::<u64>();
        reserve(file, bytes as u64)?;
        let memory = MmapOptions::new().len(bytes).map_raw(file)?;
        Ok(Self { memory, len })
    }
}

/// Takes the disk's room for the first `bytes` of a file.
fn reserve(file: &File, bytes: u64) -> std::io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP) => {}
        Err(errno) => return Err(errno.into()),
    }
    // A file system that cannot promise room takes zeros instead.
    let mut file = file;
    let held = file.seek(SeekFrom::End(0))?;
    let zeros = [0; 4096];
    let mut missing = bytes.saturating_sub(held);
    while missing > 0 {
        let part = usize::try_from(missing).unwrap_or(zeros.len()).min(zeros.len());
        file.write_all(&zeros[..part])?;
        missing -= part as u64;
    }
    Ok(())
}

impl Deref for FileWords {
    type Target = [AtomicU64];

    #[allow(unsafe_code, reason = "the words of a mapping, which only a pointer reaches")]
    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is `len` words long, begins at a page and so aligned, is readable and
        // writable, and lives as long as `self`. Atomics allow that others write the same memory.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast::<AtomicU64>(), self.len) }
    }
}
