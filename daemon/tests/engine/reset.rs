//! Reset and Forget: an app as if it were new, offs included; history and consents stay.

use consentd::decision::Reason;
use consentd::engine::EngineError;
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::error::{Invalid, TooLarge};
use consentd::engine::settings::By;
use consentd::ledger::What;

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, OTHER_USER, PLACE, USER, WEATHER, allow_for, events,
    set, stored, text,
};

#[test]
fn an_app_is_as_if_it_were_new_and_nothing_else_changes() {
    for what in [What::Reset, What::Forget] {
        let device = Device::new();
        let engine = device.start();
        let weather = App::declared(&engine, WEATHER);
        set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "on")]).unwrap();
        set(&engine, &[("app-access", WEATHER, "off"), ("location.app", WEATHER, "on")]).unwrap();
        allow_for(&engine, "location.precise", WEATHER, "boot", None).unwrap();
        let other = [Change { toggle: "app-access", app: WEATHER, state: "off" }];
        engine.set(OTHER_USER, &other, &SetOptions::default(), By::Shell).unwrap();

        let cleared = if what == What::Reset {
            engine.reset(USER, WEATHER, By::Shell)
        } else {
            engine.forget(USER, WEATHER, By::Shell)
        };
        assert_eq!(cleared.unwrap(), 3);
        drop(engine);
        let engine = device.start();
        assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
        for toggle in ["app-access", "location.app", "location.precise"] {
            assert_eq!(stored(&engine, toggle, WEATHER), "unset");
        }
        assert_eq!(stored(&engine, "ad-services", GAME), "on");
        assert_eq!(text(&engine.get(OTHER_USER, "app-access", WEATHER).unwrap(), "stored"), "off");
        let consents = engine.list_consents(USER).unwrap();
        let in_force: Vec<_> =
            consents.iter().map(|row| (text(row, "app"), text(row, "in_force"))).collect();
        assert_eq!(
            in_force,
            [(WEATHER, "false"), (WEATHER, "false"), (GAME, "true"), ("", "true")]
                .map(|(app, in_force)| (app.into(), in_force.into()))
        );
        let events = events(&engine);
        let last = events.last().unwrap();
        assert_eq!((last.what, last.app.as_deref(), events.len()), (what, Some(WEATHER), 6));
    }
}

#[test]
fn an_app_without_settings_is_cleared_without_a_trace() {
    let device = Device::new();
    let engine = device.start();
    let before = engine.generation();
    assert_eq!(engine.reset(USER, GAME, By::Shell).unwrap(), 0);
    assert_eq!(engine.forget(USER, GAME, By::Shell).unwrap(), 0);
    assert_eq!(engine.generation(), before);
    assert_eq!(events(&engine), []);
}

#[test]
fn only_one_known_app_can_be_cleared() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("app-access", "*", "off")]).unwrap();
    for app in ["", "*"] {
        let error = engine.reset(USER, app, By::Shell).unwrap_err();
        assert!(matches!(error, EngineError::Invalid(Invalid::ResetAll)), "{error:?}");
    }
    let error = engine.forget(USER, "org.example.nobody", By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::UnknownApp { .. }), "{error:?}");
    let error = engine.forget(USER, &"a".repeat(129), By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Id(129))), "{error:?}");
    assert_eq!(stored(&engine, "ad-services", ""), "on");
    assert_eq!(stored(&engine, "app-access", "*"), "off");
}

#[test]
fn an_app_that_is_no_longer_declared_can_be_forgotten() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", GAME, "off")]).unwrap();
    std::fs::remove_file(device.path().join("apps.d/game.toml")).unwrap();
    engine.reload().unwrap();
    assert_eq!(engine.forget(USER, GAME, By::Shell).unwrap(), 1);
}

#[test]
fn a_cleared_app_asks_again_where_it_was_off_and_hears_the_all_apps_state() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    engine.reset(USER, GAME, By::Shell).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
}
