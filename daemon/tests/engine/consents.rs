//! Consents: what a receipt holds, how one ends, and when one is fresh (R39, R50).

use consentd::decision::Reason;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::By;
use consentd::row::Row;

use crate::device::{
    ADS, App, BEGIN, DAY, Device, GAME, OAID, OTHER_USER, USER, allow_for, set, text,
};

/// (app, generation, in force, ended) of each, newest first.
fn consents(rows: &[Row]) -> Vec<[String; 4]> {
    let names = ["app", "generation", "in_force", "ended"];
    rows.iter().map(|row| names.map(|name| text(row, name))).collect()
}

#[test]
fn a_consent_is_recorded_with_all_that_a_receipt_needs() {
    let device = Device::new();
    let engine = device.start();
    let profile =
        ProfileChange { region: Some("IN"), language: Some("hi-IN"), ..Default::default() };
    engine.set_profile(USER, &profile, By::Shell).unwrap();
    let generation = set(&engine, &[("ad-services", GAME, "on")]).unwrap();
    set(&engine, &[("app-access", GAME, "on")]).unwrap(); // Not a consent toggle.
    let consents = engine.list_consents(USER).unwrap();
    assert_eq!(consents.len(), 1);
    let said = |name| text(&consents[0], name);
    assert_eq!(said("toggle"), "ad-services");
    assert_eq!(said("app"), GAME);
    assert_eq!(said("at"), BEGIN.to_string());
    assert_eq!(said("notice"), "2025-10-10");
    assert_eq!(said("by"), "shell");
    assert_eq!(said("language"), "hi-IN");
    assert_eq!(said("region"), "IN");
    assert_eq!(said("controller"), text(&engine.get_profile(USER).unwrap(), "controller"));
    assert!(!said("controller").is_empty());
    assert_eq!(said("generation"), generation.to_string());
    assert_eq!(said("in_force"), "true");
    assert_eq!(engine.list_consents(OTHER_USER).unwrap(), []);

    // A region that changes later does not change the receipt.
    let moved = ProfileChange { region: Some("RU"), ..Default::default() };
    engine.set_profile(USER, &moved, By::Shell).unwrap();
    drop(engine);
    let engine = device.start();
    assert_eq!(text(&engine.list_consents(USER).unwrap()[0], "region"), "IN");
}

#[test]
fn withdrawal_ends_a_consent_and_leaves_the_record() {
    for withdrawal in ["off", "ask", "unset"] {
        let device = Device::new();
        let engine = device.start();
        let given = set(&engine, &[("ad-services", GAME, "on")]).unwrap();
        device.pass(DAY);
        set(&engine, &[("ad-services", GAME, withdrawal)]).unwrap();
        let ended = [GAME.into(), given.to_string(), "false".into(), (BEGIN + DAY).to_string()];
        assert_eq!(
            consents(&engine.list_consents(USER).unwrap()),
            std::slice::from_ref(&ended),
            "{withdrawal}"
        );
        drop(engine);
        let engine = device.start();
        assert_eq!(consents(&engine.list_consents(USER).unwrap()), [ended], "{withdrawal}");
    }
}

#[test]
fn withdrawn_consent_is_denied_at_once_and_on_again_is_a_fresh_one() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    let first = set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    let second = set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    let [new, old] = &consents(&engine.list_consents(USER).unwrap())[..] else {
        panic!("two consents");
    };
    assert_eq!((&new[1], new[2].as_str()), (&second.to_string(), "true"));
    assert_eq!((&old[1], old[2].as_str()), (&first.to_string(), "false"));
}

#[test]
fn on_while_it_is_on_replaces_the_consent() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let in_force: Vec<_> = consents(&engine.list_consents(USER).unwrap())
        .into_iter()
        .map(|[_, _, in_force, _]| in_force)
        .collect();
    assert_eq!(in_force, ["true", "false"]);
}

#[test]
fn an_allowance_that_ends_ends_its_consent_and_not_the_lasting_one() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", GAME, "on")]).unwrap();
    allow_for(&engine, "ad-services", GAME, "until", Some(BEGIN + DAY)).unwrap();
    device.pass(DAY);
    engine.expire().unwrap();
    let in_force: Vec<_> = consents(&engine.list_consents(USER).unwrap())
        .into_iter()
        .map(|[_, _, in_force, _]| in_force)
        .collect();
    assert_eq!(in_force, ["false", "true"]);
}

#[test]
fn consents_cannot_be_listed_without_a_store() {
    let device = Device::new();
    std::fs::create_dir_all(device.state_dir()).unwrap();
    std::fs::write(device.settings_path(), "no database at all").unwrap();
    let engine = device.start();
    let error = engine.list_consents(USER).unwrap_err();
    assert!(matches!(error, consentd::engine::EngineError::StoreUnavailable(_)), "{error:?}");
}
