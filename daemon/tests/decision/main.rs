//! The decision rule, proven: each arm, each requirement, and what holds for any situation.
//!
//! Arms and their order are tried on a small catalogue of their own (`catalog/`), requirements on the
//! shipped one. Nothing here looks inside the rule.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod fixture;
mod phone;

mod arms;
mod lifetimes;
mod precedence;
mod properties;
mod refusals;
mod requirements;
mod resolution;
