//! Locks: the administrator can hold a toggle off, for one user or for all, and never on.

use consentd::decision::Reason;
use consentd::engine::EngineError;
use consentd::engine::change::{Hold, MAX_CHANGES};
use consentd::engine::error::{Invalid, TooLarge};
use consentd::engine::settings::LockedFor;
use consentd::ledger::What;

use crate::device::{
    ADS, App, Device, GAME, OAID, OTHER_USER, USER, check, events, reasons, set, stored, text,
};

const EVERYBODY: LockedFor = LockedFor::Everybody;

#[test]
fn a_lock_denies_whatever_was_chosen_and_letting_go_restores_it() {
    for whose in [EVERYBODY, LockedFor::User(USER)] {
        let device = Device::new();
        let engine = device.start();
        let game = App::declared(&engine, GAME);
        set(&engine, &[("ad-services", "", "on")]).unwrap();
        engine.lock(whose, &["ad-services"], Hold::Off).unwrap();
        assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Locked);
        let row = engine.get(USER, "ad-services", "").unwrap();
        let said = ["stored", "state", "layer", "decided_by"].map(|name| text(&row, name));
        assert_eq!(said, ["on", "off", "administrator", "lock"]);
        drop(engine);
        let engine = device.start();
        assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Locked);
        engine.lock(whose, &["ad-services"], Hold::Released).unwrap();
        assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
        drop(engine);
        assert_eq!(game.check_one(&device.start(), ADS, OAID), Reason::Consented);
    }
}

#[test]
fn one_users_lock_is_not_another_users() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    engine.lock(LockedFor::User(OTHER_USER), &["ad-services"], Hold::Off).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    let others = check(&engine, OTHER_USER, Some(&game.0), ADS, &[OAID]);
    assert_eq!(reasons(&others), [Reason::Locked]);
    assert_eq!(events(&engine), []);
    engine.lock(EVERYBODY, &["location"], Hold::Off).unwrap();
    assert_eq!(events(&engine).len(), 1, "what concerns everybody is in everybody's history");
}

#[test]
fn under_a_lock_off_can_be_set_and_on_cannot() {
    let device = Device::new();
    let engine = device.start();
    engine.lock(EVERYBODY, &["ad-services"], Hold::Off).unwrap();
    for app in ["", GAME] {
        let error = set(&engine, &[("ad-services", app, "on")]).unwrap_err();
        assert!(matches!(&error, EngineError::Locked { toggle } if toggle == "ad-services"));
        set(&engine, &[("ad-services", app, "off")]).unwrap();
        assert_eq!(stored(&engine, "ad-services", app), "off");
    }
    set(&engine, &[("ad-services", "", "ask")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Locked);
}

#[test]
fn what_cannot_be_locked_is_refused_and_nothing_of_it_holds() {
    let device = Device::new();
    let engine = device.start();
    let refused = |toggles: &[&str]| engine.lock(EVERYBODY, toggles, Hold::Off).unwrap_err();
    assert!(matches!(refused(&[]), EngineError::Invalid(Invalid::NoChanges)));
    let many = vec!["location"; MAX_CHANGES + 1];
    assert!(matches!(refused(&many), EngineError::TooLarge(TooLarge::Changes(1_025))));
    let error = refused(&["location", "nothing"]);
    assert!(matches!(error, EngineError::UnknownToggle { .. }), "{error:?}");
    let error = refused(&["location", "cookies.essential"]);
    assert!(matches!(error, EngineError::Invalid(Invalid::AlwaysOn { .. })), "{error:?}");
    let error = refused(&["location", "account"]);
    assert!(matches!(error, EngineError::Invalid(Invalid::Action { .. })), "{error:?}");
    assert_eq!(text(&engine.get(USER, "location", "").unwrap(), "locked"), "false");
    assert_eq!(events(&engine), []);
}

#[test]
fn a_lock_is_one_event_however_often_it_is_named() {
    let device = Device::new();
    let engine = device.start();
    let first = engine.lock(EVERYBODY, &["location", "location"], Hold::Off).unwrap();
    assert_eq!(engine.lock(EVERYBODY, &["location"], Hold::Off).unwrap(), first);
    engine.lock(EVERYBODY, &["ad-services"], Hold::Released).unwrap();
    engine.lock(EVERYBODY, &["location"], Hold::Released).unwrap();
    let events = events(&engine);
    let said: Vec<_> = events
        .iter()
        .map(|event| (event.what, event.toggle.as_deref(), event.by.as_deref(), event.user))
        .collect();
    let by = Some("administrator");
    let location = Some("location");
    assert_eq!(said, [(What::Lock, location, by, None), (What::Unlock, location, by, None)]);
}
