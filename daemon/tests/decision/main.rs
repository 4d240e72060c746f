//! The decision rule, proven: each arm, each requirement, and what holds for any situation.
//!
//! Arms and their order are tried on a small catalogue of their own (`catalog/`), requirements on the
//! shipped one. Nothing here looks inside the rule.

#![expect(clippy::unwrap_used, reason = "a fixture that is not there fails its test")]

mod fixture;
mod phone;

mod arms;
mod lifetimes;
mod precedence;
mod properties;
mod refusals;
mod requirements;
mod resolution;
