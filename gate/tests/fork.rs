//! A child that fork made reads 0 where its parent stored.
#![cfg(not(any(loom, miri)))]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(unsafe_code, reason = "fork is what is tried")]

use consentd_gate::fork::ForkWord;
use rustix::process::{Pid, WaitOptions, waitpid};

/// Runs in a child and gives its exit code; nothing there may allocate or lock.
fn in_child(run: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child only touches atomics and ends with _exit.
    let pid = unsafe {
        match libc::fork() {
            0 => libc::_exit(run()),
            pid => Pid::from_raw(pid).unwrap(),
        }
    };
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
    status.exit_status().unwrap()
}

#[test]
fn a_child_reads_zero_and_has_a_word_of_its_own() {
    let word = ForkWord::new().unwrap();
    assert_eq!(word.load(), 0);
    word.store(u64::MAX);
    let code = in_child(|| {
        let first = word.load();
        word.store(5);
        i32::from(first != 0) + 2 * i32::from(word.load() != 5)
    });
    assert_eq!(code, 0);
    assert_eq!(word.load(), u64::MAX);
}

#[test]
fn a_child_of_a_child_reads_zero_too() {
    let word = ForkWord::new().unwrap();
    word.store(1);
    let code = in_child(|| {
        word.store(2);
        in_child(|| i32::from(word.load() != 0)) + 2 * i32::from(word.load() != 2)
    });
    assert_eq!(code, 0);
}
