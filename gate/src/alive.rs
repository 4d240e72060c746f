//! Whether the daemon lives: one word that the kernel itself marks when the daemon ends, however it
//! ends. A daemon that is stopped still lives: no `Set` can return meanwhile, so its pages hold.
//!
//! # Format, version 1
//! One memory page, sealed (`FUTURE_WRITE`, `GROW`, `SHRINK`, `SEAL`). Byte 0, u64: `"cnslive"` and the
//! version, 1, in the last byte, as a number. Byte 64, u32: a robust futex: the id of the thread that
//! holds it, and the kernel's mark that its holder has died.

pub(crate) mod life;
#[cfg(not(loom))]
mod owner;
#[cfg(not(loom))]
mod sign;

#[cfg(not(loom))]
pub use owner::Owner;
#[cfg(not(loom))]
pub use sign::Alive;

const MAGIC: u64 = u64::from_be_bytes(*b"cnslive\x01");
const LEN: usize = 4096;
const WORD_AT: usize = 64;
