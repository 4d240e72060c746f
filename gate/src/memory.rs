//! Memory behind a descriptor: made, sealed, checked, mapped, seen as atomic words. Whoever shares a
//! mapping may store at any moment, so nothing here ever forms a reference to plain bytes of one.
//!
//! Two refusals keep a process from SIGBUS: a mapping is made only of memory whose seals forbid that it
//! shrinks, and only as long as it was found to be after that.

use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fcntl_get_seals};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::error::{GateError, system};

// Apps map these memories read-only, and only word-sized relaxed loads are promised to work there
// (std::sync::atomic, "Atomic accesses to read-only memory"): 8 bytes need a 64-bit processor.
#[cfg(not(target_pointer_width = "64"))]
compile_error!("the gate's memory is read in 64-bit words, which this processor has not");

/// What holds for all shared memory: its length is for ever, and so are its seals.
pub(crate) const FIXED: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);

/// What holds besides where one process writes and all others read.
pub(crate) const READ_ONLY: SealFlags = FIXED.union(SealFlags::FUTURE_WRITE);

/// New memory of so many zero bytes, which can still be sealed. It takes room as it is touched.
pub(crate) fn create(name: &str, len: u64) -> Result<OwnedFd, GateError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        // Before Linux 6.3 there is no such flag.
        Err(Errno::INVAL) => rustix::fs::memfd_create(name, flags),
        made => made,
    }
    .map_err(system("make shared memory"))?;
    rustix::fs::ftruncate(&fd, len).map_err(system("size shared memory"))?;
    Ok(fd)
}

/// Writes before anything is sealed or mapped.
pub(crate) fn fill(fd: impl AsFd, mut bytes: &[u8]) -> Result<(), GateError> {
    let mut at = 0;
    while !bytes.is_empty() {
        let written = rustix::io::pwrite(&fd, bytes, at).map_err(system("fill shared memory"))?;
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}

/// Seals it. Where `FUTURE_WRITE` is among the seals the writer's mapping has to be there already.
pub(crate) fn seal(fd: impl AsFd, seals: SealFlags) -> Result<(), GateError> {
    fcntl_add_seals(fd, seals).map_err(system("seal shared memory"))
}

/// The same memory by a descriptor of its own that can only read.
pub(crate) fn read_only(fd: impl AsFd) -> Result<OwnedFd, GateError> {
    let path = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(system("open shared memory for reading"))
}

/// The length of memory that has these seals and so keeps that length.
///
/// # Errors
/// It is something else than memory, or lacks a seal.
pub(crate) fn sealed_len(fd: impl AsFd, seals: SealFlags) -> Result<u64, GateError> {
    // Only memory has seals: a pipe, a socket or a file that would block its reader is found out here.
    let found = fcntl_get_seals(&fd).map_err(|_| GateError::NotSealed)?;
    if !found.contains(seals) {
        return Err(GateError::NotSealed);
    }
    let stat = rustix::fs::fstat(fd).map_err(system("look at shared memory"))?;
    Ok(u64::try_from(stat.st_size).unwrap_or(0))
}

/// Refuses memory that another user than ours made.
pub(crate) fn made_by_us(fd: impl AsFd) -> Result<(), GateError> {
    let owner = rustix::fs::fstat(fd).map_err(system("look at shared memory"))?.st_uid;
    if owner == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(GateError::NotOurs { owner })
    }
}

/// Reads exactly so much, by the kernel's copy and not through a mapping.
pub(crate) fn read_exact_at(fd: impl AsFd, mut out: &mut [u8], at: u64) -> Result<(), GateError> {
    let (mut at, end) = (at, at + out.len() as u64);
    while !out.is_empty() {
        match rustix::io::pread(&fd, &mut *out, at) {
            Ok(0) => return Err(GateError::Length { expected: end, found: at }),
            Ok(read) => {
                out = out.get_mut(read..).unwrap_or_default();
                at += read as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(system("read shared memory")(errno)),
        }
    }
    Ok(())
}

/// Memory that is mapped shared, as long as anything looks at it.
#[derive(Debug)]
pub(crate) struct Mapping {
    memory: MmapRaw,
    len: usize,
    writable: Writable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writable {
    Yes,
    No,
}

impl Mapping {
    /// Maps for reading and writing what this process has just made and sized. It can be sealed only
    /// after, which is why no seal is asked for.
    pub(crate) fn own(fd: &OwnedFd, len: usize) -> Result<Arc<Self>, GateError> {
        Self::new(Writable::Yes, len, |options| options.map_raw(fd))
    }

    /// Maps for reading and writing what others made, if it is sealed so that it keeps its length.
    pub(crate) fn write(fd: &OwnedFd, len: usize) -> Result<Arc<Self>, GateError> {
        Self::checked(fd, len)?;
        Self::new(Writable::Yes, len, |options| options.map_raw(fd))
    }

    /// Maps for reading what others made, if it is sealed so that it keeps its length.
    pub(crate) fn read(fd: &OwnedFd, len: usize) -> Result<Arc<Self>, GateError> {
        Self::checked(fd, len)?;
        Self::new(Writable::No, len, |options| options.map_raw_read_only(fd))
    }

    fn checked(fd: &OwnedFd, len: usize) -> Result<(), GateError> {
        let (expected, found) = (len as u64, sealed_len(fd, SealFlags::SHRINK)?);
        if found < expected { Err(GateError::Length { expected, found }) } else { Ok(()) }
    }

    fn new(
        writable: Writable,
        len: usize,
        map: impl FnOnce(&mut MmapOptions) -> io::Result<MmapRaw>,
    ) -> Result<Arc<Self>, GateError> {
        let memory = map(MmapOptions::new().len(len)).map_err(system("map shared memory"))?;
        Ok(Arc::new(Self { memory, len, writable }))
    }

    /// Lays zero pages of this process alone over the memory, for good. Who looks at it meanwhile sees
    /// each word as it was or as zero, and never a missing page.
    #[allow(unsafe_code, reason = "a mapping is replaced where it lies")]
    pub(crate) fn void(&self) -> Result<(), GateError> {
        let protection = match self.writable {
            Writable::Yes => ProtFlags::READ | ProtFlags::WRITE,
            Writable::No => ProtFlags::READ,
        };
        // SAFETY: exactly the pages of our own mapping are replaced, by pages of the same protection
        // that stay until the mapping is dropped. To every reader, all of whom use atomics, it is as if
        // another process had stored zeros.
        let laid = unsafe {
            rustix::mm::mmap_anonymous(
                self.memory.as_mut_ptr().cast(),
                self.len,
                protection,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        };
        laid.map(|_| ()).map_err(system("lay zero pages over shared memory"))
    }
}

/// A word that other processes may load and store at the same time.
pub(crate) trait Shared: sealed::Sealed {}
impl Shared for AtomicU32 {}
impl Shared for AtomicU64 {}

mod sealed {
    /// Only atomics may be seen in a mapping.
    pub trait Sealed {}
    impl Sealed for std::sync::atomic::AtomicU32 {}
    impl Sealed for std::sync::atomic::AtomicU64 {}
}

/// Some words of a mapping, and the mapping with them. Of a mapping for reading they are to be loaded
/// alone, and relaxed, with a fence after: a store there ends the process.
#[derive(Debug)]
pub(crate) struct View<T: Shared> {
    first: *const T,
    count: usize,
    mapping: Arc<Mapping>,
    words: PhantomData<[T]>,
}

// SAFETY: a view is a shared slice of atomics, which may be sent and shared, and an Arc that keeps it.
#[allow(unsafe_code, reason = "a pointer is in the way of what holds for the slice")]
unsafe impl<T: Shared> Send for View<T> {}
// SAFETY: as above.
#[allow(unsafe_code, reason = "a pointer is in the way of what holds for the slice")]
unsafe impl<T: Shared> Sync for View<T> {}

impl<T: Shared> View<T> {
    /// The `count` words at a byte offset; `None` unless they lie aligned and whole in the mapping.
    #[allow(unsafe_code, reason = "a place in a mapping is an address")]
    pub(crate) fn new(mapping: &Arc<Mapping>, offset: usize, count: usize) -> Option<Self> {
        let end = count.checked_mul(size_of::<T>())?.checked_add(offset)?;
        if end > mapping.len || !offset.is_multiple_of(align_of::<T>()) {
            return None;
        }
        // SAFETY: the offset is at most the mapping's length, as just seen.
        let first = unsafe { mapping.memory.as_ptr().add(offset) }.cast();
        Some(Self { first, count, mapping: Arc::clone(mapping), words: PhantomData })
    }

    /// The mapping it looks at.
    pub(crate) fn mapping(&self) -> &Arc<Mapping> {
        &self.mapping
    }
}

impl<T: Shared> Clone for View<T> {
    fn clone(&self) -> Self {
        Self { mapping: Arc::clone(&self.mapping), ..*self }
    }
}

impl<T: Shared> Deref for View<T> {
    type Target = [T];

    #[inline]
    #[allow(unsafe_code, reason = "the words of a mapping, which only a pointer reaches")]
    fn deref(&self) -> &[T] {
        // SAFETY: `new` saw that the words lie aligned in the mapping, which begins at a page and lives
        // as long as `self`. T is an atomic (`Shared` is sealed), valid with any bits, and allows that
        // other threads and processes store meanwhile; only atomics ever look at the mapping.
        unsafe { std::slice::from_raw_parts(self.first, self.count) }
    }
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    fn sealed(len: u64) -> OwnedFd {
        let fd = create("test", len).unwrap();
        seal(&fd, FIXED).unwrap();
        fd
    }

    #[test]
    fn what_could_shrink_is_not_mapped() {
        let fd = create("test", 4096).unwrap();
        assert!(matches!(Mapping::read(&fd, 4096), Err(GateError::NotSealed)));
        assert!(matches!(Mapping::write(&fd, 4096), Err(GateError::NotSealed)));
        seal(&fd, FIXED).unwrap();
        assert!(Mapping::read(&fd, 4096).is_ok());
        assert_eq!(rustix::fs::ftruncate(&fd, 0), Err(Errno::PERM));
    }

    #[test]
    fn no_more_is_mapped_than_there_is() {
        assert!(matches!(
            Mapping::read(&sealed(4096), 4097),
            Err(GateError::Length { expected: 4097, found: 4096 })
        ));
    }

    #[test]
    fn what_is_no_memory_has_no_seals() {
        let (reads, _writes) = rustix::pipe::pipe().unwrap();
        assert!(matches!(sealed_len(&reads, FIXED), Err(GateError::NotSealed)));
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        assert!(matches!(sealed_len(&file, FIXED), Err(GateError::NotSealed)));
    }

    #[test]
    fn a_view_lies_aligned_and_whole_in_its_mapping() {
        let mapping = Mapping::read(&sealed(64), 64).unwrap();
        assert_eq!(View::<AtomicU64>::new(&mapping, 0, 8).unwrap().len(), 8);
        assert!(View::<AtomicU64>::new(&mapping, 64, 0).is_some());
        for (offset, count) in [(0, 9), (8, 8), (4, 1), (72, 0), (0, usize::MAX), (usize::MAX, 1)] {
            assert!(View::<AtomicU64>::new(&mapping, offset, count).is_none(), "{offset}, {count}");
        }
        assert!(View::<AtomicU32>::new(&mapping, 60, 1).is_some());
        assert!(View::<AtomicU32>::new(&mapping, 62, 0).is_none());
    }

    #[test]
    fn memory_that_is_voided_is_zero_for_us_alone() {
        use std::sync::atomic::Ordering::Relaxed;
        let fd = sealed(4096);
        let (ours, theirs) =
            (Mapping::write(&fd, 4096).unwrap(), Mapping::read(&fd, 4096).unwrap());
        let seen = View::<AtomicU64>::new(&theirs, 0, 512).unwrap();
        let wrote = View::<AtomicU64>::new(&ours, 0, 512).unwrap();
        wrote[7].store(7, Relaxed);
        ours.void().unwrap();
        assert_eq!((wrote[7].load(Relaxed), seen[7].load(Relaxed)), (0, 7));
        wrote[7].store(8, Relaxed);
        assert_eq!(seen[7].load(Relaxed), 7);
        theirs.void().unwrap();
        assert_eq!(seen[7].load(Relaxed), 0);
    }
}
