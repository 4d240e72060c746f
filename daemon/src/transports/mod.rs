//! The ways in. Each decodes, has the caller identified, asks the engine, and encodes the answer; none
//! decides anything.

pub mod dbus;
