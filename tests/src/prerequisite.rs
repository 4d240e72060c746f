//! What a test needs of the machine and may not find there.
//!
//! A developer's run says loudly what is missing and goes on; in CI (`CI` set) it is a failure,
//! because CI installs everything.

/// Whether a test is to be left out, given what is missing. Says so on stderr, past the capture.
#[must_use]
pub fn skip(missing: Option<String>) -> bool {
    let Some(missing) = missing else { return false };
    assert!(std::env::var_os("CI").is_none(), "CI lacks something: {missing}");
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED {name}: {missing}\n");
    if rustix::io::write(rustix::stdio::stderr(), line.as_bytes()).is_err() {
        eprint!("{line}");
    }
    true
}

/// Missing unless the tests run as root.
#[must_use]
pub fn root() -> Option<String> {
    (!rustix::process::getuid().is_root()).then(|| "needs root: sudo make test".to_owned())
}

/// Missing unless this program is installed.
#[must_use]
pub fn program(name: &str, package: &str) -> Option<String> {
    crate::place::program(name)
        .is_none()
        .then(|| format!("{name} is not installed: apt-get install {package}"))
}
