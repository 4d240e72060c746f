//! The usage memory: counts of what was answered from a page. Written by the app alone, and for the
//! daemon hostile input. Here is its format.
//!
//! # Format, version 1
//! Numbers are in the machine's own byte order. The memory is made by the daemon and sealed (`GROW`,
//! `SHRINK`, `SEAL`); it takes room only where the app counts.
//!
//! | byte | size | |
//! |---|---|---|
//! | 0 | u64 | `"cnsuse"`, a zero byte, and the version, 1, in the last byte, as a number |
//! | 8 | u64 | length of the whole in bytes |
//! | 16 | u64 | id of the page it counts for |
//! | 24 | u64 | number of pairs, those of the page |
//! | 32 | u64 | number of lanes, [`LANES`] |
//! | 40 | | zero up to 64 |
//! | 64 | u64 | how many lanes were ever used, from 1; a hint that the app writes |
//! | 72 | | zero up to 128 |
//! | 128 | 8 u64 per pair and lane | the lanes one after the other; in each a cache line per pair, in each line a counter per [`Slot`](crate::Slot) |
//!
//! Lane 0 is for threads that found no other, and added to with a locked addition. Every other lane has
//! one thread at a time, which counts with a load and a store. Counters only grow, and nobody ever sets
//! one back: what the daemon has counted it knows, and takes the difference.

#[cfg(not(loom))]
mod counters;
mod drain;
pub(crate) mod lane;
#[cfg(not(loom))]
mod reader;

#[cfg(not(loom))]
pub use counters::{Lane, Usage};
pub use drain::{Count, Hostile, Totals};
#[cfg(not(loom))]
pub use reader::UsageReader;

/// How many threads of an app count side by side; more share lane 0.
pub const LANES: usize = 64;

const MAGIC: u64 = u64::from_be_bytes(*b"cnsuse\0\x01");
/// The words of the header, and the one among them that the app writes.
const HEADER: usize = 16;
const AT_USED: usize = 8;

/// The words of the header that the daemon writes, and their values.
const fn header(id: u64, pairs: usize) -> [u64; 5] {
    [MAGIC, len(pairs) as u64, id, pairs as u64, LANES as u64]
}

/// The bytes of a usage memory for so many pairs.
const fn len(pairs: usize) -> usize {
    HEADER * 8 + LANES * lane_len(pairs)
}

/// The bytes of one lane.
const fn lane_len(pairs: usize) -> usize {
    pairs * crate::SLOTS * 8
}
