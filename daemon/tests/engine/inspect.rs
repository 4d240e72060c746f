//! Looking: `Preview`, `Explain` and the lists decide nothing, record nothing and use nothing up; and
//! one app's answers say nothing of another (invariants 5, 7, 8).

use consentd::decision::{Context, Reason};
use consentd::engine::{Asker, EngineError, Request};

use crate::device::{
    ADS, App, Device, GAME, OAID, OTHER_USER, PLACE, PRECISE, USER, WEATHER, allow_for, check,
    history, reasons, records, set, text,
};

#[test]
fn looking_is_not_recorded_and_uses_nothing_up() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    allow_for(&engine, "location.precise", WEATHER, "once", None).unwrap();
    let before = (history(&engine), engine.generation());

    let asker = Asker { user: USER, caller: Some(&weather.0) };
    let context = Context::default();
    let request = Request::new(PLACE, &[PRECISE], &context, "").unwrap();
    for _ in 0..3 {
        assert_eq!(weather.preview_one(&engine, PLACE, PRECISE), Reason::Contract);
        let explained = engine.explain(asker, &request);
        assert_eq!(explained[0].0.reason, Reason::Contract);
        assert!(!explained[0].1.is_empty());
        assert_eq!(
            engine.explain_app(USER, WEATHER, &request).unwrap()[0].0.reason,
            Reason::Contract
        );
    }
    engine.get_app(USER, WEATHER).unwrap();
    engine.list_apps(USER).unwrap();
    engine.list_toggles(USER).unwrap();
    assert_eq!((history(&engine), engine.generation()), before);
    assert_eq!(weather.check_one(&engine, PLACE, PRECISE), Reason::Contract);
    assert_eq!(records(&engine).len(), 1);
}

#[test]
fn explain_says_what_check_says() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("app-access", WEATHER, "off")]).unwrap();
    let policy = engine.policy().unwrap();
    for (_, app) in policy.apps.iter() {
        let caller = App::declared(&engine, &app.id);
        for pair in &app.pairs {
            let purpose = &*policy.catalog.purposes[pair.purpose].id;
            let item = &*policy.catalog.data[pair.data].id;
            let context = Context::default();
            let asked = [item];
            let request = Request::new(purpose, &asked, &context, "").unwrap();
            let asker = Asker { user: USER, caller: Some(&caller.0) };
            let (explained, steps) = engine.explain(asker, &request).remove(0);
            assert_eq!(check(&engine, USER, Some(&caller.0), purpose, &[item]), [explained]);
            assert!(!steps.is_empty());
        }
    }
}

#[test]
fn one_apps_settings_change_no_other_apps_answers() {
    let device = Device::new();
    let engine = device.start();
    let policy = engine.policy().unwrap();
    let answers = |user| {
        let mut answers = Vec::new();
        for (_, app) in policy.apps.iter().filter(|(_, app)| *app.id != *GAME) {
            let caller = App::declared(&engine, &app.id);
            for pair in &app.pairs {
                let purpose = &*policy.catalog.purposes[pair.purpose].id;
                let item = &*policy.catalog.data[pair.data].id;
                answers.extend(check(&engine, user, Some(&caller.0), purpose, &[item]));
            }
        }
        answers
    };
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let before = (answers(USER), answers(OTHER_USER));
    for state in ["off", "ask", "on"] {
        set(&engine, &[("ad-services", GAME, state), ("app-access", GAME, state)]).unwrap();
        assert_eq!((answers(USER), answers(OTHER_USER)), before, "{state}");
    }
}

#[test]
fn every_refusal_is_recorded_too() {
    let device = Device::new();
    let engine = device.start();
    let nobody = check(&engine, USER, None, ADS, &[OAID]);
    assert_eq!(reasons(&nobody), [Reason::Unidentified]);
    App::undeclared("org.example.none").check(&engine, ADS, &[OAID]);
    let weather = App::declared(&engine, WEATHER);
    weather.check(&engine, PLACE, &[PRECISE]);
    weather.check(&engine, "no.purpose", &[OAID]);
    weather.check(&engine, ADS, &["no.item"]);
    let said: Vec<_> = records(&engine).into_iter().map(|(_, _, reason, _)| reason).collect();
    assert_eq!(said, ["unidentified", "undeclared", "not-set", "unknown-purpose", "unknown-data"]);
}

#[test]
fn without_a_catalogue_everything_is_denied_and_recorded() {
    let device = Device::new();
    device.write("catalog/toggles.toml", "not toml at all");
    let engine = device.start();
    let asked = App::undeclared(GAME).check(&engine, ADS, &[OAID]);
    assert_eq!(asked, [Reason::CatalogUnavailable]);
    assert_eq!(records(&engine).len(), 1);
    assert_eq!(text(&engine.health().row, "catalog"), "unavailable");
    let error = set(&engine, &[("ad-services", "", "off")]).unwrap_err();
    assert!(matches!(error, EngineError::CatalogUnavailable(_)), "{error:?}");
}

#[test]
fn nothing_is_due_where_nothing_ends() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    allow_for(&engine, "location.app", WEATHER, "boot", None).unwrap();
    allow_for(&engine, "location.precise", WEATHER, "once", None).unwrap();
    assert_eq!(engine.next_due(), None);
    assert_eq!(engine.unsaved(), 0);
}
