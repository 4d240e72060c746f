//! The page: read-only shared memory that holds one app's decisions. Here is its format, and the limits.
//!
//! # Format, version 1
//! Numbers are in the machine's own byte order, as the memory never leaves it. The memory is sealed
//! (`FUTURE_WRITE`, `GROW`, `SHRINK`, `SEAL`) with the daemon's own mapping made before, so that the
//! daemon alone stores into it. Every other part than the changing words, the pairs' words and the
//! meanings is written before the memory is shared and never again.
//!
//! | byte | size | |
//! |---|---|---|
//! | 0 | u64 | `"cnspage"` and the version, 1, in the last byte, as a number |
//! | 8 | u64 | length of the whole in bytes |
//! | 16 | u64 | id: random, not 0; the usage memory of the same gate has it too |
//! | 24 | u64 | uid of the user |
//! | 32 | u64 | the daemon's generation when the page was made |
//! | 40, 48, 56 | u64 | number of pairs, purposes, data items |
//! | 64 | u64 | offset of the words |
//! | 72 | u64 | offset of the meanings |
//! | 80 | u64 | offset of the names |
//! | 88 | u64 | offset of the pairs |
//! | 96 | | zero up to 128 |
//! | 128 | u64 | changing: sequence, odd while the daemon writes |
//! | 136 | u64 | changing: settings generation that the words show |
//! | 144 | u64 | changing: drain epoch, from 1 |
//! | 152 | u64 | changing: state: 0 live, 1 superseded, 2 closed |
//! | 160 | | zero up to 192 |
//! | words | u32 per pair | [`Word`](crate::Word), from a cache line's start; changing |
//! | meanings | 8 u32 per pair | per slot [`Answer::bits`](crate::Answer::bits) + 1, or 0 where none yet; from a cache line's start; each stored once, before the first word that names the slot |
//! | names | | app id, purposes, data items: each a byte of length and so many of printable ASCII, 1 to 128; purposes and data items each sorted by byte, once each |
//! | pairs | 2 u16 per pair | number of the purpose, number of the data item; sorted, once each; from a multiple of 4; up to the end |
//!
//! A page that is not so is refused whole. The sections lie in this order and do not overlap.

pub(crate) mod board;
mod directory;
#[cfg(not(loom))]
mod kept;
#[cfg(not(loom))]
mod layout;
#[cfg(not(loom))]
mod reader;
#[cfg(not(loom))]
mod writer;

pub use board::{State, Torn};
pub use directory::{DataIndex, Directory, PairIndex, PurposeIndex};
#[cfg(not(loom))]
pub use kept::KeptPage;
#[cfg(not(loom))]
pub use reader::Page;
#[cfg(not(loom))]
pub use writer::{Contents, Edit, Fit, PageWriter, Ruling, fresh_id};

/// The most pairs of a page.
pub const MAX_PAIRS: usize = 4096;
/// The most purposes of a page.
pub const MAX_PURPOSES: usize = 1024;
/// The most data items of a page.
pub const MAX_ITEMS: usize = 1024;
/// The most bytes of an id.
pub const MAX_ID: usize = 128;
/// The most bytes of a page.
pub const MAX_LEN: usize = 1 << 20;
