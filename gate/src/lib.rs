//! Memory that consentd shares. The only room of the daemon's that speaks of addresses.

mod words;

pub use words::FileWords;
