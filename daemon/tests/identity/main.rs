//! Who calls, found out from real processes, real sandboxes and a real bus; and from recorded
//! /proc trees for what this machine may not have (snapd, a service manager).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bus;
mod executable;
mod process;
mod recorded;
mod sandbox;
mod support;
