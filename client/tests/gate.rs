//! Checks from a gate whose daemon's side is in this process: what is answered, what is counted, and what
//! becomes of it when either side ends. No bus: where a page does not answer, the check denies.
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use consent::{Consent, DataItem, Decision, Purpose, Reason};
use consentd_gate::alive::Owner;
use consentd_gate::page::{Contents, PageWriter, PairIndex, Ruling};
use consentd_gate::usage::{Totals, UsageReader};
use consentd_gate::{Answer, Refusal, Slot};

const ADS: &str = "ads.personalised";
const PLACES: &str = "location.services";
/// Sorted; a pair's place is its index.
const PAIRS: [(&str, &str); 4] = [
    (ADS, "device.oaid"),
    (ADS, "device.screen"),
    (PLACES, "device.screen"),
    (PLACES, "location.precise"),
];

/// The daemon's side.
struct Daemon {
    owner: Option<Owner>,
    page: PageWriter,
    usage: UsageReader,
    line: UnixStream,
}

fn gate() -> (Daemon, Consent) {
    let contents =
        Contents { id: 7, app: "org.example.game", user: 1000, generation: 1 << 32, pairs: &PAIRS };
    let mut page = PageWriter::create(&contents).unwrap();
    let (usage, counted) = UsageReader::create(7, PAIRS.len()).unwrap();
    let (owner, alive) = Owner::start().unwrap();
    let (line, theirs) = UnixStream::pair().unwrap();
    line.set_nonblocking(true).unwrap();
    page.update(1 << 32, |edit| {
        for number in 0..PAIRS.len() {
            edit.set(PairIndex::new(number).unwrap(), ruling(Reason::Consented));
        }
    });
    let shown = page.reader_fd().unwrap();
    let consent = Consent::from_gate(shown, counted, alive, theirs.into()).unwrap();
    (Daemon { owner: Some(owner), page, usage, line }, consent)
}

fn ruling(reason: Reason) -> Ruling {
    let answer = Some(Answer::new(reason, Refusal::ZeroUuid));
    Ruling { alone: answer, combined: answer, personal: true }
}

impl Daemon {
    fn rule(&mut self, pair: usize, ruling: Ruling) {
        self.page.update(2 << 32, |edit| edit.set(PairIndex::new(pair).unwrap(), ruling));
    }

    /// How often the first answer of a pair was counted.
    fn counted(&self, pair: usize) -> u64 {
        self.counted_as(pair, 0)
    }

    fn counted_as(&self, pair: usize, slot: usize) -> u64 {
        let mut totals = Totals::default();
        self.usage.totals(&mut totals).unwrap();
        totals.get(PairIndex::new(pair).unwrap(), Slot::new(slot).unwrap())
    }

    /// The bytes that came over the line; nothing where it hung up.
    fn heard(&mut self) -> Option<usize> {
        let mut heard = 0;
        loop {
            match self.line.read(&mut [0; 64]) {
                Ok(0) => return None,
                Ok(count) => heard += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(heard),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn oaid(consent: &Consent) -> (Purpose, DataItem) {
    (consent.purpose(ADS).unwrap(), consent.data("device.oaid").unwrap())
}

#[test]
fn a_page_answers_and_the_answer_is_counted() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    for _ in 0..1000 {
        assert_eq!(consent.check(ads, oaid).reason(), Reason::Consented);
    }
    assert_eq!((daemon.counted(0), daemon.counted(1)), (1000, 0));
    daemon.rule(0, ruling(Reason::ToggleOff));
    let denied = consent.check(ads, oaid);
    assert_eq!((denied.reason(), denied.refusal()), (Reason::ToggleOff, Refusal::ZeroUuid));
    assert!(!denied.is_allowed());
    assert_eq!((daemon.counted(0), daemon.counted_as(0, 1)), (1000, 1));
}

#[test]
fn the_daemon_is_told_once_in_an_epoch() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    assert_eq!(daemon.heard(), Some(0));
    for _ in 0..10 {
        assert!(consent.check(ads, oaid).is_allowed());
        std::thread::scope(|threads| {
            threads.spawn(|| assert!(consent.check(ads, oaid).is_allowed()));
        });
    }
    assert_eq!(daemon.heard(), Some(1));
    daemon.page.begin_epoch(2);
    assert_eq!(daemon.heard(), Some(0));
    assert!(consent.check(ads, oaid).is_allowed());
    assert!(consent.check(ads, oaid).is_allowed());
    assert_eq!(daemon.heard(), Some(1));
}

#[test]
fn what_the_page_has_not_is_not_answered_from_it() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    let places = consent.purpose(PLACES).unwrap();
    let unheard = consent.data("never.heard.of").unwrap();
    for (purpose, data) in [(places, oaid), (ads, unheard)] {
        assert_eq!(consent.try_check(purpose, data), None);
        assert_eq!(consent.check(purpose, data), Decision::UNAVAILABLE);
    }
    let call = Ruling { alone: None, combined: None, personal: true };
    daemon.rule(0, call);
    assert_eq!(consent.try_check(ads, oaid), None);
    assert_eq!((0..4).map(|pair| daemon.counted(pair)).sum::<u64>(), 0);
}

#[test]
fn a_name_that_comes_later_is_answered_too() {
    let (_daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    assert!(consent.check(ads, oaid).is_allowed());
    let screen = consent.data("device.screen").unwrap();
    assert_eq!(consent.try_check(ads, screen).unwrap().reason(), Reason::Consented);
    let places = consent.purpose(PLACES).unwrap();
    assert_eq!(consent.try_check(places, screen).unwrap().reason(), Reason::Consented);
    assert_eq!(consent.try_check(places, oaid), None);
    assert_eq!((consent.purpose(ADS).unwrap(), consent.data("device.oaid").unwrap()), (ads, oaid));
}

#[test]
fn a_handle_of_another_consent_is_unknown() {
    let ((_one, consent), (_two, other)) = (gate(), gate());
    let (ads, oaid) = oaid(&consent);
    // The same place in another table, where it is another purpose.
    let places = other.purpose(PLACES).unwrap();
    assert_eq!(consent.check(places, oaid).reason(), Reason::UnknownPurpose);
    let theirs = other.data("device.oaid").unwrap();
    assert_eq!(consent.check(ads, theirs).reason(), Reason::UnknownData);
    let never = (Purpose::from_number(0), DataItem::from_number(u32::MAX));
    assert_eq!(consent.check(never.0, never.1).reason(), Reason::UnknownPurpose);
    assert_eq!(consent.check_all(ads, &[oaid, never.1])[0].reason(), Reason::UnknownData);
}

#[test]
fn items_together_are_judged_as_the_most_personal_of_them() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    let screen = consent.data("device.screen").unwrap();
    let (alone, combined) =
        (Answer::new(Reason::Contract, Refusal::None), Answer::new(Reason::Minor, Refusal::None));
    let not_personal = Ruling { alone: Some(alone), combined: Some(combined), personal: false };
    daemon.rule(1, not_personal);
    let reasons = |data: &[DataItem]| -> Vec<Reason> {
        consent.check_all(ads, data).iter().map(|decision| decision.reason()).collect()
    };
    assert_eq!(reasons(&[screen]), [Reason::Contract]);
    assert_eq!(consent.check(ads, screen).reason(), Reason::Contract);
    assert_eq!(reasons(&[screen, oaid]), [Reason::Minor, Reason::Consented]);
    assert_eq!(reasons(&[]), []);
    assert_eq!((daemon.counted(0), daemon.counted_as(1, 1), daemon.counted_as(1, 2)), (1, 2, 1));
    // One that calls makes the whole check call, and nothing is counted.
    daemon.rule(1, Ruling { combined: None, ..not_personal });
    assert_eq!(consent.check_all(ads, &[oaid, screen]), [Decision::UNAVAILABLE; 2]);
    assert_eq!(daemon.counted(0), 1);
    let many = vec![oaid; 257];
    assert!(
        consent.check_all(ads, &many).iter().all(|decision| *decision == Decision::UNAVAILABLE)
    );
    let mut few = [Decision::UNAVAILABLE; 1];
    consent.check_all_into(ads, &[oaid, oaid], &mut few);
    assert!(few[0].is_allowed());
}

#[test]
fn a_daemon_that_is_dead_denies_for_good() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    assert!(consent.check(ads, oaid).is_allowed());
    daemon.owner = None;
    assert_eq!(consent.check(ads, oaid), Decision::UNAVAILABLE);
    assert_eq!(consent.check_all(ads, &[oaid]), [Decision::UNAVAILABLE]);
    assert_eq!(daemon.counted(0), 1);
}

#[test]
fn a_page_that_was_replaced_answers_no_more() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    assert!(consent.check(ads, oaid).is_allowed());
    daemon.page.supersede();
    assert_eq!(consent.try_check(ads, oaid), None);
    assert_eq!(consent.check(ads, oaid), Decision::UNAVAILABLE);
}

#[test]
fn more_threads_than_lanes_count_exactly() {
    const THREADS: u64 = 100;
    const TIMES: u64 = 2000;
    let (daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    for _ in 0..2 {
        std::thread::scope(|threads| {
            for _ in 0..THREADS {
                threads.spawn(|| {
                    for _ in 0..TIMES {
                        assert!(consent.check(ads, oaid).is_allowed());
                    }
                });
            }
        });
    }
    assert_eq!(daemon.counted(0), 2 * THREADS * TIMES);
}

#[test]
fn a_close_under_threads_that_check_loses_no_count_and_denies_from_then_on() {
    for _ in 0..50 {
        let (mut daemon, consent) = gate();
        let (ads, oaid) = oaid(&consent);
        let (allowed, closed, under_way) =
            (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    let mut mine = 0;
                    loop {
                        let was_closed = closed.load(Ordering::SeqCst);
                        let decision = consent.check(ads, oaid);
                        mine += u64::from(decision.is_allowed());
                        if mine == 1 {
                            under_way.fetch_add(1, Ordering::SeqCst);
                        }
                        assert!(!(was_closed && decision.is_allowed()));
                        if was_closed {
                            allowed.fetch_add(mine, Ordering::SeqCst);
                            return;
                        }
                    }
                });
            }
            while under_way.load(Ordering::SeqCst) < 3 {
                std::hint::spin_loop();
            }
            consent.close();
            closed.store(true, Ordering::SeqCst);
            // As the daemon does when the line ends: what is there now is all.
            assert_eq!(daemon.heard(), None);
            let drained = daemon.counted(0);
            consent.close();
            while allowed.load(Ordering::SeqCst) < drained {
                std::hint::spin_loop();
            }
            assert_eq!(daemon.counted(0), drained);
        });
        assert_eq!(allowed.load(Ordering::SeqCst), daemon.counted(0));
        assert!(matches!(consent.whoami(), Err(consent::Error::Closed)));
        assert!(consent.changed().unwrap().wait().is_none());
    }
}

#[test]
fn what_is_dropped_last_closes() {
    let (mut daemon, consent) = gate();
    let (ads, oaid) = oaid(&consent);
    let clone = consent.clone();
    drop(consent);
    assert!(clone.check(ads, oaid).is_allowed());
    assert_eq!(daemon.heard(), Some(1));
    drop(clone);
    assert_eq!(daemon.heard(), None);
    assert_eq!(daemon.counted(0), 1);
}

#[test]
fn two_consents_in_one_thread_are_two() {
    let ((mut one, first), (two, second)) = (gate(), gate());
    let ((ads, oaid), (their_ads, their_oaid)) = (self::oaid(&first), self::oaid(&second));
    one.rule(0, ruling(Reason::ToggleOff));
    for _ in 0..5 {
        assert_eq!(first.check(ads, oaid).reason(), Reason::ToggleOff);
        assert_eq!(second.check(their_ads, their_oaid).reason(), Reason::Consented);
    }
    assert_eq!((one.counted_as(0, 1), two.counted(0)), (5, 5));
    second.close();
    assert_eq!(first.check(ads, oaid).reason(), Reason::ToggleOff);
    assert_eq!(second.check(their_ads, their_oaid), Decision::UNAVAILABLE);
}

#[test]
fn descriptors_that_are_no_gate_are_refused() {
    let ((daemon, _one), (other, _two)) = (gate(), gate());
    let (_line, line) = UnixStream::pair().unwrap();
    let page = daemon.page.reader_fd().unwrap();
    let not_alive = other.page.reader_fd().unwrap();
    let (_usage, counted) = UsageReader::create(8, PAIRS.len()).unwrap();
    assert!(Consent::from_gate(page, counted, not_alive, line.into()).is_err());
}
