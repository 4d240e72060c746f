//! consentd answers apps that ask, before they collect: may I, for this purpose, now?

pub mod apps;
pub mod catalog;
pub mod decision;
pub mod identity;
pub mod row;
