//! May this app take this, for that, now? One pure function over a snapshot.
//!
//! No I/O, no clock, no async, no global: what time it is, what was stored and who calls were settled
//! before. [`rule`] is the page to read; [`situation`] is what it looks at; [`words`] is what it says;
//! [`trace`] is how it explains itself. [`cookie`] is the same for what a browser keeps for a site.

pub mod cookie;
pub mod rule;
pub mod situation;
pub mod trace;
pub mod words;

pub use rule::{Ruling, asking, decide, decide_combined, explain};
pub use situation::{Context, Question, Situation, Toggles};
pub use words::{Decision, Reason, Refusal};
