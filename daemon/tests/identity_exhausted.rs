//! A daemon without descriptors left identifies nobody (polkit, CVE-2021-4115). Alone in its
//! process, whose limit it lowers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::fd::OwnedFd;
use std::path::Path;

use consentd::identity::{Credentials, ProcRoot, Unidentified, examine};
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};

#[test]
fn a_daemon_without_descriptors_left_identifies_nobody_and_remembers_nothing() {
    let proc = ProcRoot::open(Path::new("/proc")).unwrap();
    let (uid, pid) = (geteuid().as_raw(), std::process::id());
    let before = getrlimit(Resource::Nofile);
    let credentials = || Credentials::new(Some(uid), Some(pid), None).unwrap();
    assert!(examine(credentials(), &proc).is_ok());
    // One more descriptor each time, until the examination has all that it needs.
    let first_free = std::fs::File::open("/dev/null").map(OwnedFd::from).unwrap();
    let lowest = u64::try_from(std::os::fd::AsRawFd::as_raw_fd(&first_free)).unwrap();
    drop(first_free);
    let mut refused = 0;
    for limit in lowest.. {
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), ..before }).unwrap();
        let answer = examine(credentials(), &proc);
        setrlimit(Resource::Nofile, before).unwrap();
        match answer {
            Ok(_) => break,
            Err(why) => {
                assert!(matches!(why, Unidentified::Exhausted(_)), "{limit}: {why}");
                assert!(!why.is_definite());
                refused += 1;
            }
        }
    }
    assert!(refused >= 3, "a descriptor, a folder and a file are needed at least; {refused}");
}
