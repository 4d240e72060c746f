//! Memory that consentd shares: with its own next start ([`FileWords`]), and with apps. The only room of
//! the daemon's that speaks of addresses, and the only one with algorithms that take no lock.
//!
//! A gate is four descriptors: the [`page`] (an app's decisions, which the daemon writes), the [`usage`]
//! (counts of what was answered, which the app writes), [`alive`] (whether the daemon lives), and a line,
//! which is a plain socket and not of this crate. [`fork`] tells an app that it is a child.
//!
//! No D-Bus here, no SQL, no logging, and no rule: what is answered was decided elsewhere.

#![cfg_attr(loom, allow(dead_code, reason = "the models take the algorithms alone"))]

pub mod alive;
mod answer;
mod error;
#[cfg(not(loom))]
pub mod fork;
#[cfg(not(loom))]
pub mod heap;
#[cfg(not(loom))]
mod memory;
pub mod page;
#[cfg(not(loom))]
mod seat;
mod sync;
pub mod usage;
mod word;
#[cfg(not(loom))]
mod words;

pub use answer::{Answer, Decision, Reason, Refusal};
pub use error::GateError;
#[cfg(not(loom))]
pub use seat::Seat;
pub use word::{SLOTS, Slot, Standing, Word};
#[cfg(not(loom))]
pub use words::FileWords;

/// The algorithms without memory to share, for the models of `tests/loom.rs`.
#[cfg(loom)]
#[allow(missing_docs, reason = "documented where they are")]
pub mod model {
    pub use crate::page::board::Board;
    pub mod life {
        pub use crate::alive::life::*;
    }
    pub mod lane {
        pub use crate::usage::lane::*;
    }
}
