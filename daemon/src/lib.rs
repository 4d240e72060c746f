//! consentd answers apps that ask, before they collect: may I, for this purpose, now?
//!
//! The way of a check, top to bottom:
//! [`transports`] decode it, [`identity`] finds out who calls, [`engine`] takes a snapshot of what users
//! chose, [`decision`] rules on it, [`ledger`] writes the answer down, and it goes back up.
//! The way of a change: [`transports`], [`authority`], [`engine`], [`store`].

/// What each app declares that it collects.
pub mod apps;
/// What is collected, for what, under which switch: the policies as data.
pub mod catalog;

/// What time it is, as a value.
pub mod clock;
/// The rule: thirteen arms, one pure function.
pub mod decision;
/// Checks, changes and inspection, without any transport.
pub mod engine;

/// Who may inspect and change what.
pub mod authority;
/// Who calls: from the kernel and the bus alone.
pub mod identity;

/// Who asked for what, and what was changed.
pub mod ledger;
/// What users chose, durably.
pub mod store;

/// Named values, as inspection returns them.
pub mod row;
/// The ways in: D-Bus.
pub mod transports;

/// Start, serve, stop.
pub mod run;
