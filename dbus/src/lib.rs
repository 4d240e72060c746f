//! consentd's D-Bus contract in Rust: names, limits, errors, and the proxies of its clients.
//!
//! The interfaces and their API docs are `interfaces/*.xml`. Nothing here decides anything, and
//! nothing here knows the daemon's inside.

mod error;
#[cfg(feature = "lines")]
pub mod lines;
pub mod names;
mod proxies;

pub use error::{Error, Result};
pub use proxies::{
    Admin1Proxy, Agent1Proxy, CaseChangedStream, ChangedStream, Cookie, CookieOn, CookieResult,
    Cookies1Proxy, Details, Gate1Proxy, Holder1Proxy, Identifiers1Proxy, ItemResult, Options,
    Rights1Proxy, SettingChange, SettingChangedStream, Settings1Proxy,
};
