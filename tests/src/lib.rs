//! The whole system at work: real buses, a real daemon, real apps.
//!
//! This library is what scenarios, the demo and the benchmarks share: how to start each part, and
//! how to talk to it. It decides nothing and expects nothing; what must be true stands in
//! `tests/e2e` and in the story that the demo tells.

pub mod agent;
pub mod app;
pub mod breaker;
pub mod bus;
pub mod client;
pub mod ctl;
pub mod daemon;
pub mod descriptors;
pub mod gate;
pub mod holder;
pub mod person;
pub mod place;
pub mod polkit;
pub mod prerequisite;
pub mod process;
pub mod sandbox;
pub mod stage;
pub mod words;
pub mod world;
