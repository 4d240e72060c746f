//! What a test needs of the machine and may not find there.
//!
//! A run says loudly what is missing and goes on. In CI (`CI` set) a missing program is a failure,
//! because CI installs them all; a power that the machine does not grant cannot be installed.

use std::fmt;
use std::process::{Command, Stdio};

use crate::place;

/// What is missing, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// A program that can be installed.
    Program(String),
    /// Root, or something that this machine does not let even root do.
    Power(String),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Program(text) | Missing::Power(text) => f.write_str(text),
        }
    }
}

/// Whether a test is to be left out, given what is missing. Says so on stderr, past the capture.
#[must_use]
pub fn skip(missing: Option<Missing>) -> bool {
    let Some(missing) = missing else { return false };
    let installable = matches!(missing, Missing::Program(_));
    assert!(!installable || std::env::var_os("CI").is_none(), "CI lacks something: {missing}");
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {name}: {missing}\n");
    if rustix::io::write(rustix::stdio::stderr(), line.as_bytes()).is_err() {
        eprint!("{line}");
    }
    true
}

/// Missing unless the tests run as root.
#[must_use]
pub fn root() -> Option<Missing> {
    let is_root = rustix::process::getuid().is_root();
    (!is_root).then(|| Missing::Power("needs root: sudo make test".to_owned()))
}

/// Missing unless the tests may mount, in a namespace of their own at least.
#[must_use]
pub fn mounts() -> Option<Missing> {
    root().or_else(|| {
        let works = runs(Command::new("unshare").args(["--mount", "true"]));
        (!works).then(|| Missing::Power("this machine lets nobody mount anything".to_owned()))
    })
}

/// Missing unless bwrap is installed and can make sandboxes here.
#[must_use]
pub fn sandboxes() -> Option<Missing> {
    program("bwrap", "bubblewrap").or_else(|| {
        let works = runs(Command::new("bwrap").args(["--ro-bind", "/", "/", "true"]));
        (!works).then(|| Missing::Power("this machine lets bwrap make no sandbox".to_owned()))
    })
}

/// Missing unless this program is installed.
#[must_use]
pub fn program(name: &str, package: &str) -> Option<Missing> {
    place::program(name)
        .is_none()
        .then(|| Missing::Program(format!("{name} is not installed: apt-get install {package}")))
}

fn runs(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
