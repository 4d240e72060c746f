//! A disk that takes nothing: what is switched off holds all the same, nothing else does, and it is
//! written once the disk works again (invariant 3).

use std::process::Command;

use consentd::decision::Reason;
use consentd::engine::EngineError;
use consentd::engine::change::Hold;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{By, LockedFor};
use consentd::ledger::{Event, What};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, PLACE, PRECISE, USER, WEATHER, allow_for, events,
    set, stored, text,
};
use crate::stage;

fn not_stored<T: std::fmt::Debug>(result: Result<T, EngineError>) {
    assert!(matches!(result, Err(EngineError::NotStored(_))), "{result:?}");
}

/// What was set to what, oldest first.
fn said(events: &[Event]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|event| (event.toggle.as_deref().unwrap(), event.state.as_deref().unwrap_or("-")))
        .collect()
}

#[test]
fn what_is_switched_off_holds_and_nothing_else_of_the_set_does() {
    let device = Device::new();
    let engine = device.start();
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    set(&engine, &[("ad-services", "", "on"), ("location.precise", WEATHER, "on")]).unwrap();
    device.refuse_changes();
    not_stored(set(
        &engine,
        &[
            ("location.app", WEATHER, "on"),
            ("ad-services", "", "off"),
            ("location.precise", WEATHER, "unset"),
        ],
    ));
    assert_eq!(engine.unsaved(), 1);
    assert_eq!(text(&engine.health().row, "unsaved"), "1");
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    assert_eq!(stored(&engine, "location.precise", WEATHER), "on");
    not_stored(engine.retry());
    assert_eq!(engine.unsaved(), 1);
    device.accept_changes();
    engine.retry().unwrap();
    assert_eq!(engine.unsaved(), 0);
    drop(engine);
    let engine = device.start();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    assert_eq!(stored(&engine, "location.precise", WEATHER), "on");
    assert_eq!(
        said(&events(&engine)),
        [("ad-services", "on"), ("location.precise", "on"), ("ad-services", "off")]
    );
}

#[test]
fn every_denial_that_waits_is_written_with_its_event_and_the_end_of_its_consent() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("marketing", "", "on")]).unwrap();
    allow_for(&engine, "location.app", WEATHER, "boot", None).unwrap();
    device.refuse_changes();
    not_stored(set(&engine, &[("ad-services", "", "off")]));
    not_stored(engine.retry());
    not_stored(set(&engine, &[("ad-services", "", "off")])); // The same choice, not another one.
    not_stored(set(&engine, &[("location.app", WEATHER, "off")]));
    not_stored(set(&engine, &[("marketing", "", "off"), ("marketing", GAME, "on")]));
    not_stored(engine.expire());
    assert_eq!(engine.unsaved(), 3);
    device.accept_changes();
    // Any change that comes takes them along.
    set(&engine, &[("app-access", GAME, "off")]).unwrap();
    assert_eq!(engine.unsaved(), 0);
    drop(engine);
    let engine = device.start();
    let expected = [("ad-services", ""), ("location.app", WEATHER), ("marketing", "")];
    for (toggle, app) in expected {
        assert_eq!(stored(&engine, toggle, app), "off", "{toggle}");
    }
    let consents = engine.list_consents(USER).unwrap();
    let in_force: Vec<_> = consents.iter().map(|row| text(row, "in_force")).collect();
    assert_eq!(in_force, ["false"; 3]);
    let events = events(&engine);
    let offs: Vec<_> = said(&events).split_off(3);
    assert_eq!(
        offs,
        [
            ("ad-services", "off"),
            ("location.app", "off"),
            ("marketing", "off"),
            ("app-access", "off")
        ]
    );
    let mut places: Vec<_> = events.iter().map(|event| (event.generation, event.ordinal)).collect();
    places.dedup();
    assert_eq!(places.len(), 7);
}

#[test]
fn a_lock_that_the_disk_does_not_take_holds() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    device.refuse_changes();
    not_stored(engine.lock(LockedFor::Everybody, &["ad-services"], Hold::Off));
    assert_eq!((game.check_one(&engine, ADS, OAID), engine.unsaved()), (Reason::Locked, 1));
    not_stored(engine.lock(LockedFor::Everybody, &["ad-services"], Hold::Released));
    assert_eq!((game.check_one(&engine, ADS, OAID), engine.unsaved()), (Reason::Locked, 1));
    device.accept_changes();
    engine.close();
    drop(engine);
    let engine = device.start();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Locked);
    let whats: Vec<_> = events(&engine).iter().map(|event| event.what).collect();
    assert_eq!(whats, [What::Set, What::Lock]);
}

#[test]
fn what_loosens_or_is_no_switch_is_as_it_was() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off"), ("app-access", GAME, "off")]).unwrap();
    engine.lock(LockedFor::Everybody, &["location"], Hold::Off).unwrap();
    device.refuse_changes();
    for state in ["on", "ask", "unset"] {
        not_stored(set(&engine, &[("ad-services", "", state)]));
    }
    not_stored(allow_for(&engine, "location.app", WEATHER, "once", None));
    not_stored(engine.reset(USER, GAME, By::Shell));
    not_stored(engine.forget(USER, GAME, By::Shell));
    not_stored(engine.lock(LockedFor::Everybody, &["location"], Hold::Released));
    let minor = ProfileChange { age_band: Some("minor"), ..Default::default() };
    not_stored(engine.set_profile(USER, &minor, By::Shell));
    let as_before = |engine: &consentd::engine::Engine| {
        assert_eq!(stored(engine, "ad-services", ""), "off");
        assert_eq!(stored(engine, "app-access", GAME), "off");
        assert_eq!(stored(engine, "location.app", WEATHER), "unset");
        assert_eq!(text(&engine.get(USER, "location", "").unwrap(), "locked"), "true");
        assert_eq!(text(&engine.get_profile(USER).unwrap(), "age_band"), "adult");
        assert_eq!(engine.list_consents(USER).unwrap(), []);
        assert_eq!(engine.unsaved(), 0);
        assert_eq!(events(engine).len(), 3);
    };
    as_before(&engine);
    device.accept_changes();
    engine.retry().unwrap();
    drop(engine);
    as_before(&device.start());
}

#[test]
fn a_later_choice_overrules_a_denial_that_waits() {
    for (later, expected) in [("on", "on"), ("ask", "ask"), ("unset", "unset")] {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", "", "on")]).unwrap();
        device.refuse_changes();
        not_stored(set(&engine, &[("ad-services", "", "off")]));
        not_stored(set(&engine, &[("ad-services", "", later)]));
        assert_eq!((stored(&engine, "ad-services", "").as_str(), engine.unsaved()), ("off", 1));
        device.accept_changes();
        set(&engine, &[("ad-services", "", later)]).unwrap();
        assert_eq!(engine.unsaved(), 0);
        drop(engine);
        let engine = device.start();
        assert_eq!(stored(&engine, "ad-services", ""), expected);
        let said: Vec<_> = events(&engine).iter().map(|event| event.state.clone()).collect();
        assert_eq!(said, [Some("on".into()), Some("off".into()), Some(later.into())]);
        let consents = engine.list_consents(USER).unwrap();
        assert_eq!(text(consents.last().unwrap(), "in_force"), "false", "{later}");
    }
}

#[test]
fn an_off_beneath_which_an_allowance_was_ends_both() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    allow_for(&engine, "location.precise", WEATHER, "boot", None).unwrap();
    device.refuse_changes();
    not_stored(set(&engine, &[("location.precise", WEATHER, "off")]));
    assert_eq!(weather.check_one(&engine, PLACE, PRECISE), Reason::ToggleOff);
    device.accept_changes();
    engine.retry().unwrap();
    drop(engine);
    assert_eq!(weather.check_one(&device.start(), PLACE, PRECISE), Reason::ToggleOff);
}

#[test]
fn an_allowance_for_one_time_that_cannot_be_used_up_allows_nothing() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    allow_for(&engine, "location.app", WEATHER, "once", None).unwrap();
    device.refuse_changes();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::StoreUnavailable);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::StoreUnavailable);
    device.accept_changes();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
}

#[test]
fn a_full_disk_is_such_a_disk() {
    let device = Device::new();
    // Without this the signal that goes with the limit ends the process.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
    let said = stage::play("fill the disk", device.path(), command).ends_well();
    assert_eq!(said, ["done"]);
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    assert_eq!(stored(&engine, "app-access", GAME), "unset");
}

/// The disk is full as far as this process can tell: no file of it may grow or change.
pub fn plays_on_a_full_disk(device: &Device) {
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);

    let room = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(0), ..room }).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented, "the journal has its room");
    not_stored(set(&engine, &[("ad-services", "", "off"), ("app-access", GAME, "on")]));
    assert_eq!(game.preview_one(&engine, ADS, OAID), Reason::ToggleOff);
    assert_eq!(stored(&engine, "app-access", GAME), "unset");
    not_stored(engine.retry());
    assert_eq!(engine.unsaved(), 1);

    setrlimit(Resource::Fsize, room).unwrap();
    engine.retry().unwrap();
    assert_eq!(engine.unsaved(), 0);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    let last = engine.generation();
    drop(engine);

    // A start that cannot be counted is none: else the next one would use its generations again.
    let beside = device.settings_db();
    beside.query_row("SELECT count(*) FROM meta", [], |_| Ok(())).unwrap();
    setrlimit(Resource::Fsize, Rlimit { current: Some(0), ..room }).unwrap();
    let engine = device.start();
    assert_eq!(text(&engine.health().row, "store"), "unavailable");
    setrlimit(Resource::Fsize, room).unwrap();
    engine.reload().unwrap();
    assert_eq!(engine.generation() >> 32, (last >> 32) + 1);
    drop(engine);
    assert_eq!(device.start().generation() >> 32, (last >> 32) + 2);
    stage::say("done");
}
