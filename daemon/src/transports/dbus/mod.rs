//! D-Bus: `org.consentd` with its interfaces at `/org/consentd`.
//!
//! Methods are a few lines each: options, authority, engine, answer. The contract is `dbus/*.xml`.

mod admin;
mod admission;
mod dict;
mod errors;
mod followers;
mod gate;
mod polkit;
mod service;
mod settings;
mod signals;
mod watchers;

pub use service::{Config, Service};
