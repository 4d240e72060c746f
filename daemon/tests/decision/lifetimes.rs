//! How long an `on` holds: a clock set back revives nothing, and what ends leaves what lasts.

use consentd::catalog::State::{Off, On};
use consentd::clock::Moment;
use consentd::decision::situation::{Held, Reach, Right};
use consentd::engine::names::NoticeKey;
use consentd::engine::settings::{Allowance, By, Entry, Lifetime};

use crate::fixture::collects;
use crate::phone::{ALL, APP, NOON, OTHERS, Phone};

const HOUR: i64 = 3600;

fn allowance(lifetime: Lifetime) -> Allowance {
    let notice = Some(NoticeKey(std::num::NonZeroU16::MIN));
    let entry = Entry { generation: 1, at: 0, notice, state: On, by: By::Prompt };
    Allowance { entry, lifetime, given: NOON }
}

/// A moment in the boot of noon: seconds from noon on the wall clock and on the boot-time clock.
fn later(wall: i64, since_boot: i64) -> Moment {
    Moment {
        wall: NOON.wall + wall,
        since_boot: NOON.since_boot + since_boot * 1000,
        boot: NOON.boot,
    }
}

/// A moment after the machine started anew: seconds from noon, and since that start.
fn rebooted(wall: i64, since_boot: i64) -> Moment {
    Moment { wall: NOON.wall + wall, since_boot: since_boot * 1000, boot: NOON.boot + 1 }
}

#[test]
fn an_allowance_until_one_o_clock_holds_for_that_hour() {
    let one = allowance(Lifetime::Until(NOON.wall + HOUR));
    #[rustfmt::skip]
    let rows = [
        // when                                  holds, is over
        ("at once",          NOON,                       true,  false),
        ("half an hour on",  later(HOUR / 2, HOUR / 2),  true,  false),
        ("the last second",  later(HOUR - 1, HOUR - 1),  true,  false),
        ("one o'clock",      later(HOUR, HOUR),          false, true),
        ("two o'clock",      later(2 * HOUR, 2 * HOUR),  false, true),
        // The wall clock was set.
        ("set forward",      later(HOUR, 1),             false, true),
        ("set far forward",  later(9_999 * HOUR, 1),     false, true),
        ("set before noon",  later(-1, 60),              false, false),
        ("set back, within", later(10, HOUR / 2),        true,  false),
        ("set back, after",  later(10, HOUR),            false, true),
        ("set back far",     later(-9_999 * HOUR, HOUR), false, true),
        // Suspend counts: the boot-time clock went on.
        ("slept over it",    later(2 * HOUR, 2 * HOUR),  false, true),
        ("slept, set back",  later(HOUR / 2, 2 * HOUR),  false, true),
        // Started anew: the wall clock alone is left.
        ("rebooted",         rebooted(HOUR / 2, 60),     true,  false),
        ("rebooted, late",   rebooted(HOUR, 60),         false, true),
        ("rebooted, before", rebooted(-1, 60),           false, false),
        ("long in new boot", rebooted(60, 9 * HOUR),     true,  false),
    ];
    for (when, now, holds, over) in rows {
        assert_eq!((one.holds(now), one.is_over(now)), (holds, over), "{when}");
    }
}

#[test]
fn an_allowance_whose_time_was_past_when_given_never_holds() {
    for until in [NOON.wall, NOON.wall - 1, 0, i64::MIN] {
        let past = allowance(Lifetime::Until(until));
        for now in [NOON, later(-HOUR, 0), later(1, 1), rebooted(0, 0)] {
            assert!(!past.holds(now), "{until} {now:?}");
        }
        assert!(past.is_over(NOON), "{until}");
    }
}

#[test]
fn the_last_times_there_are_overflow_nothing() {
    let for_ages = allowance(Lifetime::Until(i64::MAX));
    assert!(for_ages.holds(later(HOUR, HOUR)));
    assert!(for_ages.due_in(NOON).is_some_and(|due| due > 0));
    let extreme = Moment { wall: i64::MIN, since_boot: i64::MAX, boot: NOON.boot };
    assert!(!for_ages.holds(extreme));
    let given = Allowance { given: extreme, ..for_ages };
    assert!(given.holds(extreme));
}

#[test]
fn an_allowance_for_this_boot_ends_with_it_whatever_the_clocks_do() {
    let boot = allowance(Lifetime::Boot);
    for now in [NOON, later(9_999 * HOUR, 9_999 * HOUR), later(-HOUR, 1)] {
        assert!(boot.holds(now) && !boot.is_over(now), "{now:?}");
    }
    for now in [rebooted(1, 0), rebooted(-HOUR, 0), rebooted(0, NOON.since_boot / 1000)] {
        assert!(!boot.holds(now) && boot.is_over(now), "{now:?}");
    }
}

#[test]
fn an_allowance_for_one_time_is_ended_by_no_clock() {
    for lifetime in [Lifetime::Once, Lifetime::Forever] {
        let once = allowance(lifetime);
        for now in [NOON, later(9_999 * HOUR, HOUR), rebooted(-HOUR, 0)] {
            assert!(once.holds(now) && !once.is_over(now), "{lifetime:?} {now:?}");
            assert_eq!(once.due_in(now), None);
        }
    }
    assert_eq!(allowance(Lifetime::Boot).due_in(NOON), None);
}

/// The timer that ends it: by the clock that ends it first, and at once when it is over.
#[test]
fn an_until_is_due_when_the_first_clock_ends_it() {
    let one = allowance(Lifetime::Until(NOON.wall + HOUR));
    let rows = [
        (NOON, HOUR),
        (later(60, 60), HOUR - 60),
        (later(HOUR - 1, 60), 1),
        (later(60, HOUR - 1), 1),
        (later(-HOUR, 60), HOUR - 60),
        (later(HOUR, 60), 0),
        (later(60, 2 * HOUR), 0),
        (rebooted(60, 5), HOUR - 60),
    ];
    for (now, seconds) in rows {
        assert_eq!(one.due_in(now), Some(seconds * 1000), "{now:?}");
    }
}

fn camera() -> Phone {
    Phone::with(&collects("location.services", &["location.approximate"], "contract", ""))
}

fn reason(phone: &Phone) -> &'static str {
    phone.reason("location.services", "location.approximate")
}

#[test]
fn when_an_allowance_ends_the_lasting_state_returns() {
    for (lasting, after) in [(None, "not-set"), (Some(Off), "toggle-off"), (Some(On), "contract")] {
        let mut phone = camera();
        if let Some(state) = lasting {
            phone.set(APP, "location.app", state);
        }
        phone.allow(APP, "location.app", Lifetime::Until(NOON.wall + HOUR));
        assert_eq!(reason(&phone), "contract", "{lasting:?}");
        phone.now = later(HOUR, HOUR);
        assert_eq!(reason(&phone), after, "{lasting:?}, an hour later");
        // Nobody had to notice that it ended.
        phone.end(APP, "location.app");
        assert_eq!(reason(&phone), after, "{lasting:?}, once it is gone");
    }
}

#[test]
fn an_allowance_for_all_apps_ends_too() {
    let mut phone = Phone::with(&collects("find-device", &["device.imei"], "contract", ""));
    let reason = |phone: &Phone| phone.reason("find-device", "device.imei");
    phone.allow(ALL, "find-device", Lifetime::Boot);
    assert_eq!(reason(&phone), "contract");
    phone.now = rebooted(60, 60);
    assert_eq!(reason(&phone), "toggle-off");
}

#[test]
fn an_app_s_allowance_beats_what_others_have_and_no_more() {
    let mut phone = camera();
    phone.set(OTHERS, "location.app", Off);
    phone.allow(APP, "location.app", Lifetime::Once);
    assert_eq!(reason(&phone), "contract");
    phone.set(ALL, "location", Off);
    assert_eq!(reason(&phone), "toggle-off");
}

/// An allowance is a consent while it holds, and none after.
#[test]
fn an_allowance_that_ended_is_no_consent() {
    let mut phone =
        Phone::with(&collects("photos.location", &["location.approximate"], "consent", ""));
    let reason = |phone: &Phone| phone.reason("photos.location", "location.approximate");
    phone.held = vec![Held { right: Right::Restriction, reach: Reach::default(), generation: 0 }];
    phone.allow(APP, "photos.location", Lifetime::Until(NOON.wall + HOUR));
    assert_eq!(reason(&phone), "consented");
    phone.now = later(HOUR, HOUR);
    assert_eq!(reason(&phone), "restricted");
    phone.held.clear();
    assert_eq!(reason(&phone), "not-set");
}
