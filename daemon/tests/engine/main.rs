//! The engine with its store, its ledger and the shipped policy, through its public doors: on a disk
//! of its own, with a clock that goes where it is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authority;
mod backups;
mod bad_disk;
mod breaches;
mod cases;
mod chain;
mod client;
mod consents;
mod cookies;
mod damage;
mod device;
mod disk;
mod erasures;
mod exports;
mod gates;
mod identifiers;
mod inspect;
mod killed;
mod ledger;
mod ledger_limits;
mod lifetimes;
mod locks;
mod notices;
mod once;
mod outbox;
mod pages;
mod profile;
mod promises;
mod prompts;
mod publish;
mod recovery;
mod reload;
mod reset;
mod retention;
mod rights;
mod set;
mod spoil;
mod stage;
mod store;
mod successors;
