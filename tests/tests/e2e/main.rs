//! End-to-end scenarios: real daemon, real apps, on both message buses.
//!
//! Each file tells what must be true of one part. A scenario is an async function that gets a
//! world; `on_both_buses!` makes two tests of it. When it is over the daemon must still be up, and
//! stop well.

#![allow(clippy::wildcard_enum_match_arm, reason = "a scenario names the reply it wants")]

mod agent;
mod breaches;
mod breaker;
mod buses;
mod cases;
mod check;
mod client;
mod client_c;
mod consentctl;
mod cookies;
mod doctor;
mod erasures;
mod exports;
mod faults;
mod hostile;
mod identifiers;
mod identities;
mod ids;
mod install;
mod interfaces;
mod keeper;
mod kept;
mod kill;
mod known_attacks;
mod lifetimes;
mod notices;
mod polkit;
mod prompt_faults;
mod prompts;
mod proof;
mod readme;
mod recovery;
mod reload;
mod requests;
mod retention;
mod revocation;
mod rights;
mod scenario;
mod settings_authority;
#[path = "../../../daemon/tests/engine/spoil.rs"]
mod spoil;
mod toggles;
mod told;
mod trying_out;
mod unit;
