//! The daemon's end is seen however it ends; being stopped is not an end.
#![cfg(not(any(loom, miri)))]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, ChildStdin, Command, Stdio};

use consentd_gate::GateError;
use consentd_gate::alive::{Alive, Owner};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// The role in which this test's own program runs as the daemon.
const ROLE: &str = "CONSENTD_TEST_ALIVE";

/// Runs as the daemon when told to, and else does nothing: holds the word, and ends as the role says
/// once its input ends.
#[test]
fn daemon() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (owner, fd) = Owner::start().unwrap();
    eprintln!("alive {}", fd.as_raw_fd());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    match role.as_str() {
        "exits" => std::process::exit(0),
        "aborts" => std::process::abort(),
        _ => drop(owner),
    }
}

struct Daemon {
    child: Child,
    input: Option<ChildStdin>,
    alive: Alive,
}

impl Daemon {
    fn start(role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "daemon", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let number = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .find_map(|line| line.unwrap().strip_prefix("alive ").map(str::to_owned))
            .unwrap();
        let fd = std::fs::File::open(format!("/proc/{}/fd/{number}", child.id())).unwrap();
        let alive = Alive::open(OwnedFd::from(fd)).unwrap();
        Self { input: child.stdin.take(), child, alive }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[test]
fn a_daemon_that_is_killed_is_dead() {
    let mut daemon = Daemon::start("waits");
    assert!(daemon.alive.is_alive());
    kill_process(daemon.pid(), Signal::KILL).unwrap();
    daemon.child.wait().unwrap();
    assert!(!daemon.alive.is_alive());
}

#[test]
fn a_daemon_that_ends_by_itself_is_dead() {
    for role in ["exits", "aborts", "drops"] {
        let mut daemon = Daemon::start(role);
        assert!(daemon.alive.is_alive());
        drop(daemon.input.take());
        daemon.child.wait().unwrap();
        assert!(!daemon.alive.is_alive(), "{role}");
    }
}

#[test]
fn a_daemon_that_is_stopped_lives() {
    let daemon = Daemon::start("waits");
    kill_process(daemon.pid(), Signal::STOP).unwrap();
    let (_, status) = waitpid(Some(daemon.pid()), WaitOptions::UNTRACED).unwrap().unwrap();
    assert!(status.stopped() && daemon.alive.is_alive());
}

#[test]
fn an_owner_that_is_dropped_is_dead() {
    let (owner, fd) = Owner::start().unwrap();
    let alive = Alive::open(fd).unwrap();
    assert!(alive.is_alive());
    drop(owner);
    assert!(!alive.is_alive());
}

#[test]
fn each_daemon_has_a_word_of_its_own() {
    let (first, one) = Owner::start().unwrap();
    let (_second, two) = Owner::start().unwrap();
    let (one, two) = (Alive::open(one).unwrap(), Alive::open(two).unwrap());
    drop(first);
    assert!(!one.is_alive() && two.is_alive());
}

#[test]
fn the_word_cannot_be_written_by_who_looks_at_it() {
    let (_owner, fd) = Owner::start().unwrap();
    assert!(rustix::io::pwrite(&fd, &[0; 4], 64).is_err());
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    if let Ok(again) = std::fs::OpenOptions::new().read(true).write(true).open(path) {
        assert!(rustix::io::pwrite(&again, &[0; 4], 64).is_err());
        assert!(again.set_len(0).is_err());
    }
    assert!(Alive::open(fd).unwrap().is_alive());
}

#[test]
fn what_is_no_sign_of_life_is_refused() {
    let (reads, _writes) = rustix::pipe::pipe().unwrap();
    assert!(matches!(Alive::open(reads), Err(GateError::NotSealed)));
    let (_reader, usage) = consentd_gate::usage::UsageReader::create(1, 1).unwrap();
    assert!(matches!(Alive::open(usage), Err(GateError::NotSealed)));
}

#[test]
fn a_voided_word_is_dead() {
    let (_owner, fd) = Owner::start().unwrap();
    let alive = Alive::open(fd).unwrap();
    alive.void().unwrap();
    assert!(!alive.is_alive());
}
