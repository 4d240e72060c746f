//! consentd answers apps that ask, before they collect: may I, for this purpose, now?

pub mod apps;
pub mod catalog;
pub mod clock;
pub mod decision;
pub mod engine;
pub mod identity;
pub mod ledger;
pub mod row;
pub mod store;
