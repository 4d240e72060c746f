//! A child that fork made never answers from its parent's gate, never counts in it, and never hangs up
//! for it; not even when the fork came in the middle of its checks.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]
#![allow(unsafe_code, reason = "fork is what is tried")]

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

use consent::{Consent, Decision, Reason};
use consentd_gate::alive::Owner;
use consentd_gate::page::{Contents, PageWriter, PairIndex, Ruling};
use consentd_gate::usage::{Totals, UsageReader};
use consentd_gate::{Answer, Refusal, Slot};
use rustix::process::{Pid, WaitOptions, waitpid};

/// Runs in a child, which exits as a program does, thread-locals and all; gives its exit code.
fn in_child(run: impl FnOnce() -> i32) -> i32 {
    // SAFETY: what the child does is what the library promises to bear: other threads' locks stay as
    // they were at the fork.
    let pid = unsafe {
        match libc::fork() {
            0 => {
                // A child that hangs is ended, and the test with it.
                libc::alarm(30);
                std::process::exit(run())
            }
            pid => Pid::from_raw(pid).unwrap(),
        }
    };
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
    status.exit_status().unwrap()
}

// One test alone: a fork takes what other tests' threads hold with it.
#[test]
fn a_child_leaves_its_parents_gate_alone() {
    let pairs = [("ads.personalised", "device.oaid")];
    let contents = Contents { id: 7, app: "a", user: 1000, generation: 1, pairs: &pairs };
    let mut page = PageWriter::create(&contents).unwrap();
    let (usage, counted) = UsageReader::create(7, 1).unwrap();
    let (_owner, alive) = Owner::start().unwrap();
    let (mut line, theirs) = UnixStream::pair().unwrap();
    let pair = PairIndex::new(0).unwrap();
    let answer = Some(Answer::new(Reason::Consented, Refusal::Nothing));
    page.update(1, |edit| {
        edit.set(pair, Ruling { alone: answer, combined: answer, personal: true })
    });
    let consent =
        Consent::from_gate(page.reader_fd().unwrap(), counted, alive, theirs.into()).unwrap();
    let (ads, oaid) =
        (consent.purpose("ads.personalised").unwrap(), consent.data("device.oaid").unwrap());
    let done = AtomicBool::new(false);
    let total = std::thread::scope(|threads| {
        let checking = [(); 2].map(|()| {
            threads.spawn(|| {
                let mut times = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    assert!(consent.check(ads, oaid).is_allowed());
                    times += 1;
                }
                times
            })
        });
        let mut mine = 0;
        for _ in 0..50 {
            assert!(consent.check(ads, oaid).is_allowed());
            mine += 1;
            let code = in_child(|| {
                for _ in 0..3 {
                    if consent.check(ads, oaid) != Decision::UNAVAILABLE {
                        return 1;
                    }
                }
                // Its own names, and the parent's.
                let named = consent
                    .data("device.imei")
                    .is_ok_and(|imei| consent.check(ads, imei) == Decision::UNAVAILABLE);
                let grandchild = in_child(|| i32::from(consent.check(ads, oaid).is_allowed()));
                drop(consent.clone());
                consent.close();
                i32::from(!named) * 2 + grandchild * 4
            });
            assert_eq!(code, 0);
        }
        done.store(true, Ordering::Relaxed);
        checking.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>() + mine
    });
    let mut totals = Totals::default();
    usage.totals(&mut totals).unwrap();
    assert_eq!(totals.get(pair, Slot::ALL[0]), total);
    // It told once, and did not hang up.
    line.set_nonblocking(true).unwrap();
    let mut heard = [0; 8];
    assert_eq!(line.read(&mut heard).unwrap(), 1);
    assert!(line.read(&mut heard).is_err());
    assert!(consent.check(ads, oaid).is_allowed());
}
