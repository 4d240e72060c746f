//! Allowances that end: until a time, until the next boot; on clocks that are set back and forward.
//! When one ends, the last lasting state returns.

use consentd::decision::Reason;
use consentd::engine::Engine;
use consentd::ledger::What;

use crate::device::{
    APPROXIMATE, App, BEGIN, DAY, Device, HOUR, PLACE, USER, WEATHER, allow_for, events, set, text,
};

const TEN_YEARS: i64 = 10 * 365 * DAY;

/// A device whose user lets the weather have the place for an hour.
fn for_an_hour(device: &Device) -> Engine {
    let engine = device.start();
    allow_for(&engine, "location.app", WEATHER, "until", Some(BEGIN + HOUR)).unwrap();
    engine
}

fn asked(engine: &Engine) -> Reason {
    App::declared(engine, WEATHER).check_one(engine, PLACE, APPROXIMATE)
}

#[test]
fn until_holds_up_to_its_second_and_no_longer() {
    let device = Device::new();
    let engine = for_an_hour(&device);
    assert_eq!(engine.next_due(), Some(HOUR * 1_000));
    device.pass(HOUR - 1);
    assert_eq!((asked(&engine), engine.next_due()), (Reason::Contract, Some(1_000)));
    device.pass(1);
    assert_eq!((asked(&engine), engine.next_due()), (Reason::NotSet, Some(0)));
    engine.expire().unwrap();
    assert_eq!(engine.next_due(), None);
    let events = events(&engine);
    let last = events.last().unwrap();
    assert_eq!(
        (last.what, last.at, last.lifetime.as_deref(), last.until, last.app.as_deref()),
        (What::Expired, BEGIN + HOUR, Some("until"), Some(BEGIN + HOUR), Some(WEATHER))
    );
    let before = engine.generation();
    engine.expire().unwrap();
    assert_eq!(engine.generation(), before, "what ended has ended once");
}

#[test]
fn until_survives_a_restart_and_a_boot() {
    let device = Device::new();
    drop(for_an_hour(&device));
    let engine = device.start();
    assert_eq!(asked(&engine), Reason::Contract);
    assert_eq!(text(&engine.get(USER, "location.app", WEATHER).unwrap(), "lifetime"), "until");
    drop(engine);
    device.pass(HOUR / 2);
    device.reboot();
    let engine = device.start();
    assert_eq!((asked(&engine), engine.next_due()), (Reason::Contract, Some(HOUR / 2 * 1_000)));
    device.pass(HOUR / 2);
    assert_eq!(asked(&engine), Reason::NotSet);
}

#[test]
fn a_clock_set_back_lengthens_nothing() {
    for back in [HOUR, TEN_YEARS] {
        let device = Device::new();
        let engine = for_an_hour(&device);
        device.pass(HOUR / 2);
        device.set_wall(BEGIN + HOUR / 2 - back);
        assert_eq!(asked(&engine), Reason::NotSet, "before it was given it does not hold");
        drop(engine);
        let engine = device.start();
        assert_eq!(asked(&engine), Reason::NotSet);
        // The clock is right again, and the hour is not over.
        device.set_wall(BEGIN + HOUR / 2);
        assert_eq!(asked(&engine), Reason::Contract);
        // An hour has passed since it was given, whatever the wall clock says.
        device.pass(HOUR / 2);
        device.set_wall(BEGIN + 1);
        assert_eq!((asked(&engine), engine.next_due()), (Reason::NotSet, Some(0)));
        engine.expire().unwrap();
        assert_eq!(events(&engine).last().unwrap().what, What::Expired);
    }
}

#[test]
fn a_clock_set_back_within_the_span_keeps_to_the_boot_clock() {
    let device = Device::new();
    let engine = for_an_hour(&device);
    for _ in 0..59 {
        device.pass(60);
        device.set_wall(BEGIN + 1);
        assert_eq!(asked(&engine), Reason::Contract);
    }
    assert_eq!(engine.next_due(), Some(60_000));
    device.pass(60);
    device.set_wall(BEGIN + 1);
    assert_eq!(asked(&engine), Reason::NotSet);
}

#[test]
fn what_has_ended_is_not_revived_by_a_clock_set_back() {
    for back in [HOUR, TEN_YEARS] {
        let device = Device::new();
        let engine = for_an_hour(&device);
        device.pass(HOUR);
        engine.expire().unwrap();
        for boots in [false, true] {
            if boots {
                device.reboot();
            }
            device.set_wall(BEGIN + HOUR - back);
            assert_eq!(asked(&engine), Reason::NotSet);
            device.set_wall(BEGIN + 1);
            assert_eq!(asked(&engine), Reason::NotSet);
        }
        drop(engine);
        assert_eq!(asked(&device.start()), Reason::NotSet);
    }
}

#[test]
fn a_clock_set_forward_ends_it() {
    let device = Device::new();
    let engine = for_an_hour(&device);
    device.set_wall(BEGIN + TEN_YEARS);
    assert_eq!((asked(&engine), engine.next_due()), (Reason::NotSet, Some(0)));
    engine.expire().unwrap();
    device.set_wall(BEGIN + 1);
    assert_eq!(asked(&engine), Reason::NotSet);
}

#[test]
fn boot_holds_over_restarts_of_the_daemon_and_ends_with_the_machines() {
    let device = Device::new();
    let engine = device.start();
    allow_for(&engine, "location.app", WEATHER, "boot", None).unwrap();
    device.pass(TEN_YEARS);
    assert_eq!((asked(&engine), engine.next_due()), (Reason::Contract, None));
    device.set_wall(BEGIN - TEN_YEARS);
    assert_eq!(asked(&engine), Reason::Contract);
    drop(engine);
    let engine = device.start();
    assert_eq!(asked(&engine), Reason::Contract);
    drop(engine);
    device.reboot();
    let engine = device.start();
    assert_eq!(asked(&engine), Reason::NotSet);
    assert_eq!(engine.next_due(), Some(0), "its end is still to be noted");
    engine.expire().unwrap();
    assert_eq!(events(&engine).last().unwrap().what, What::Expired);
    assert_eq!(engine.next_due(), None);
}

#[test]
fn the_last_lasting_state_returns() {
    for (lasting, returned) in
        [("on", Reason::Contract), ("off", Reason::ToggleOff), ("ask", Reason::NotSet)]
    {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("location.app", WEATHER, lasting)]).unwrap();
        allow_for(&engine, "location.app", WEATHER, "until", Some(BEGIN + HOUR)).unwrap();
        assert_eq!(asked(&engine), Reason::Contract);
        drop(engine);
        let engine = device.start();
        assert_eq!(asked(&engine), Reason::Contract);
        device.pass(HOUR);
        assert_eq!(asked(&engine), returned, "before its end is noted");
        engine.expire().unwrap();
        assert_eq!(asked(&engine), returned);
        drop(engine);
        assert_eq!(asked(&device.start()), returned);
    }
}

#[test]
fn a_lasting_choice_replaces_an_allowance() {
    for (choice, heard) in
        [("on", Reason::Contract), ("off", Reason::ToggleOff), ("unset", Reason::NotSet)]
    {
        let device = Device::new();
        let engine = for_an_hour(&device);
        set(&engine, &[("location.app", WEATHER, choice)]).unwrap();
        assert_eq!((asked(&engine), engine.next_due()), (heard, None));
        device.pass(DAY);
        assert_eq!(asked(&engine), heard);
        drop(engine);
        assert_eq!(asked(&device.start()), heard);
    }
}

#[test]
fn the_next_to_end_is_due_first_and_each_end_is_an_event() {
    let device = Device::new();
    let engine = for_an_hour(&device);
    allow_for(&engine, "ad-services", "", "until", Some(BEGIN + 60)).unwrap();
    assert_eq!(engine.next_due(), Some(60_000));
    device.pass(60);
    engine.expire().unwrap();
    assert_eq!(engine.next_due(), Some((HOUR - 60) * 1_000));
    device.pass(HOUR);
    engine.expire().unwrap();
    let ended: Vec<_> = events(&engine)
        .into_iter()
        .filter(|event| event.what == What::Expired)
        .map(|event| event.toggle.unwrap())
        .collect();
    assert_eq!(ended, ["ad-services", "location.app"]);
}

#[test]
fn a_lifetime_without_end_does_not_overflow() {
    let device = Device::new();
    let engine = device.start();
    allow_for(&engine, "location.app", WEATHER, "until", Some(i64::MAX)).unwrap();
    assert_eq!(asked(&engine), Reason::Contract);
    assert_eq!(engine.next_due(), Some(i64::MAX));
    device.set_wall(i64::MAX - 1);
    assert_eq!(asked(&engine), Reason::Contract);
}
