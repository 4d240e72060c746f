//! Reading the policy anew: all or nothing, and a check judges a caller by its own declaration only.

use std::sync::{Arc, Mutex};

use consentd::decision::Reason;
use consentd::engine::{Changed, EngineError, Listener, PolicyError};
use consentd::ledger::{Event, Record};

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, PLACE, USER, WEATHER, events, set, stored, text,
};

/// An app that may show ads, if its user likes.
const SHOP: &str = "org.example.shop";
const SHOWS_ADS: &str = r#"
[[collects]]
purpose = "ads.personalised"
data = ["device.oaid"]
basis = "consent"
retention = "90 days"
notice = "2025-10-10"
"#;

#[test]
fn a_wrong_catalogue_leaves_the_old_one_in_force() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let before = (engine.generation(), engine.warnings());
    let path = device.path().join("catalog/purposes.toml");
    let purposes = std::fs::read_to_string(&path).unwrap();
    for wrong in ["", "not toml", &purposes.replacen("id = \"ads.personalised\"", "", 1)] {
        std::fs::write(&path, wrong).unwrap();
        let error = engine.reload().unwrap_err();
        assert!(matches!(error, PolicyError::Catalog(_)), "{error}");
        engine.check_policy().unwrap_err();
        let game = App::declared(&engine, GAME);
        assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
        assert_eq!((engine.generation(), engine.warnings()), before);
    }
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    std::fs::write(&path, purposes).unwrap();
    engine.reload().unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
}

#[test]
fn a_policy_that_the_store_does_not_take_is_not_in_force() {
    let device = Device::new();
    let engine = device.start();
    device.declare(SHOP, SHOWS_ADS);
    let db = device.settings_db();
    db.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON pairs BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    let error = engine.reload().unwrap_err();
    assert!(matches!(error, PolicyError::Store(_)), "{error}");
    assert!(engine.policy().unwrap().app(SHOP).is_none());
    db.execute_batch("DROP TRIGGER full").unwrap();
    engine.reload().unwrap();
    assert!(engine.policy().unwrap().app(SHOP).is_some());
}

#[test]
fn apps_come_go_and_break_without_harm_to_others() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("location.app", WEATHER, "on")]).unwrap();
    let weather = |engine| App::declared(engine, WEATHER).check_one(engine, PLACE, APPROXIMATE);
    assert_eq!(App::undeclared(SHOP).check_one(&engine, ADS, OAID), Reason::Undeclared);

    device.declare(SHOP, SHOWS_ADS);
    engine.reload().unwrap();
    assert_eq!(App::declared(&engine, SHOP).check_one(&engine, ADS, OAID), Reason::Consented);
    assert_eq!(weather(&engine), Reason::Contract);
    set(&engine, &[("ad-services", SHOP, "off")]).unwrap();

    device.declare(SHOP, &SHOWS_ADS.replace("\"consent\"", "\"legitimate-interest\""));
    let warnings = engine.reload().unwrap();
    assert!(warnings.iter().any(|warning| warning.contains(SHOP)), "{warnings:?}");
    assert_eq!(engine.warnings(), warnings);
    assert_eq!(App::undeclared(SHOP).check_one(&engine, ADS, OAID), Reason::Undeclared);
    assert_eq!(text(&engine.get_app(USER, SHOP).unwrap(), "valid"), "false");
    assert_eq!(stored(&engine, "ad-services", SHOP), "off");
    assert_eq!(weather(&engine), Reason::Contract);

    std::fs::remove_file(device.path().join("apps.d/org-example-shop.toml")).unwrap();
    engine.reload().unwrap();
    let error = engine.get_app(USER, SHOP).unwrap_err();
    assert!(matches!(error, EngineError::UnknownApp { .. }), "{error:?}");
    assert_eq!(weather(&engine), Reason::Contract);

    // It is as it was left when it is there again.
    device.declare(SHOP, SHOWS_ADS);
    engine.reload().unwrap();
    assert_eq!(App::declared(&engine, SHOP).check_one(&engine, ADS, OAID), Reason::ToggleOff);
}

#[test]
fn a_caller_identified_before_a_reload_is_judged_as_itself_after_it() {
    let device = Device::new();
    device.declare("org.example.zoo", SHOWS_ADS);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("location.app", WEATHER, "on")]).unwrap();
    let policy = engine.policy().unwrap();
    let callers: Vec<App> =
        policy.apps.iter().map(|(_, app)| App::declared(&engine, &app.id)).collect();
    let zoo = callers.iter().find(|caller| *caller.0.app == *"org.example.zoo").unwrap();
    assert_eq!(zoo.check_one(&engine, ADS, OAID), Reason::Consented);
    // The first in order goes, so that every other one has another place.
    let mut files: Vec<_> = std::fs::read_dir(device.path().join("apps.d"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    std::fs::remove_file(&files[0]).unwrap();
    engine.reload().unwrap();
    let policy = engine.policy().unwrap();
    for old in &callers {
        let known = policy.app(&old.0.app).is_some();
        let new = if known { App::declared(&engine, &old.0.app) } else { App::undeclared("gone") };
        for (purpose, item) in [(ADS, OAID), (PLACE, APPROXIMATE)] {
            let expected = new.preview_one(&engine, purpose, item);
            assert_eq!(old.preview_one(&engine, purpose, item), expected, "{}", old.0.app);
        }
    }
    // An allowance for one time is its own too.
    set(&engine, &[("location.app", WEATHER, "unset")]).unwrap();
    crate::device::allow_for(&engine, "location.app", WEATHER, "once", None).unwrap();
    let weather = callers.iter().find(|caller| *caller.0.app == *WEATHER).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
}

#[derive(Default)]
struct Ear(Mutex<Vec<Changed>>);

impl Listener for Ear {
    fn changed(&self, change: &Changed) {
        self.0.lock().unwrap().push(change.clone());
    }

    fn recorded(&self, _: &[Record<'_>]) {}

    fn noted(&self, _: &[Event]) {}

    fn erasures_due(&self) {}

    fn due_changed(&self) {}
}

#[test]
fn everybody_hears_of_a_new_policy_and_nobody_of_a_refused_one() {
    let device = Device::new();
    let engine = device.start();
    let ear = Arc::new(Ear::default());
    engine.listen(Arc::<Ear>::clone(&ear));
    engine.reload().unwrap();
    let heard = || ear.0.lock().unwrap().clone();
    let everybody = Changed { generation: engine.generation(), settings: Vec::new() };
    assert_eq!(heard(), [everybody]);
    device.write("catalog/toggles.toml", "nonsense");
    engine.reload().unwrap_err();
    assert_eq!(heard().len(), 1);
    assert_eq!(events(&engine), []);
}

#[test]
fn a_check_of_the_policy_changes_nothing() {
    let device = Device::new();
    let engine = device.start();
    let before = engine.generation();
    device.declare(SHOP, SHOWS_ADS);
    device.declare("org.example.wrong", &SHOWS_ADS.replace(OAID, "no.such.item"));
    let said = engine.check_policy().unwrap();
    assert!(said.iter().any(|warning| warning.contains("org.example.wrong")), "{said:?}");
    assert!(engine.policy().unwrap().app(SHOP).is_none());
    assert_eq!((engine.generation(), engine.warnings().len()), (before, said.len() - 1));
    let names = "SELECT count(*) FROM apps WHERE name = ?1";
    let known: i64 = device.settings_db().query_row(names, [SHOP], |row| row.get(0)).unwrap();
    assert_eq!(known, 0);
}
