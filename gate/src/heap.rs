//! The heap after much was read: what was freed goes back to the system.

/// Gives free memory between what is still in use back to the system. After a load, which frees much
/// and is not followed by another; it takes about a millisecond.
#[cfg(target_env = "gnu")]
#[allow(unsafe_code, reason = "a function of the C library")]
pub fn give_back() {
    // SAFETY: it may be called at any time from any thread, and touches free memory alone.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators than glibc's do so by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}
