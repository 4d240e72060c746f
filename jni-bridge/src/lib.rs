//! `org.consentd.Native`: the client library for a JVM. Java names things by numbers, and nothing that Java
//! passes is believed: the number of what is closed, or of nothing, denies or is an exception.
//!
//! `exports` is the border, the only room with `unsafe`; `check` the hot path; `opened` what a number
//! stands for; `events` what happens without being asked; `failure` what becomes an exception.
//!
//! No decision is made here, and no panic leaves: it becomes an exception, or in a check a denial.

mod check;
mod events;
mod exports;
mod failure;
#[cfg(feature = "faults")]
mod faults;
mod opened;
