//! consentd answers apps that ask, before they collect: may I, for this purpose, now?
//!
//! The way of a check, top to bottom: [`transports`] decode it, [`identity`] finds out who calls,
//! [`engine`] takes a snapshot of what users chose, [`decision`] rules on it, [`ledger`] writes the
//! answer down, and it goes back up. The way of a change: [`transports`], [`authority`], [`engine`],
//! [`store`].

// The policy: what is collected and for what, and what each app declares.
pub mod apps;
pub mod catalog;

// The heart: the rule, what users chose, what they are asked, what time it is. No transport, no SQL.
pub mod alarm;
pub mod clock;
pub mod decision;
pub mod engine;
pub mod exports;
pub mod pages;
pub mod prompts;
pub mod pseudonym;
pub mod row;

// Who calls, and who may change what.
pub mod authority;
pub mod identity;

// The disk. SQL is here alone.
pub mod aside;
pub mod ledger;
pub mod store;

// The ways in, and the daemon's life.
pub mod keeper;
pub mod run;
pub mod transports;
