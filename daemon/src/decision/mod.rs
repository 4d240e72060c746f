//! The decision rule.
pub mod words;
