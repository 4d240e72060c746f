//! The atomics and barriers that the algorithms are written with: the machine's, or loom's in models.

#[cfg(not(loom))]
pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// The cheap half of a barrier between a store and a later load of other memory: the compiler keeps the
/// two in order, and [`heavy`] in another process makes the processor's order certain for both. So a
/// check pays nothing, and the daemon pays for all, once in an epoch.
#[inline]
pub fn light() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}

/// The dear half: when it returns, every thread of a [`register`]ed process has passed a full barrier
/// since it was called. Where the kernel does not do that it is this thread's own barrier alone; then
/// a count can miss the drain that it raced with and waits for the next, but is never lost.
pub fn heavy() {
    fence(Ordering::SeqCst);
    #[cfg(not(any(loom, miri)))]
    let _unsupported_is_fine = membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

/// Makes [`heavy`] of any process reach the threads of this one.
pub fn register() {
    #[cfg(not(any(loom, miri)))]
    let _unsupported_is_fine = membarrier(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

#[cfg(not(any(loom, miri)))]
#[allow(unsafe_code, reason = "a system call that no crate here wraps")]
fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: membarrier reads no memory of ours: a command, no flags, no processor.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
