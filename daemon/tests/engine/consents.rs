//! Consents: what a receipt holds, how one ends, and when one is fresh (R39, R50).

use consentd::decision::Reason;
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::consent::ConsentFilter;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::By;
use consentd::engine::{Engine, EngineError};
use consentd::row::{Cell, Row};

use crate::device::{
    ADS, APPROXIMATE, App, BEGIN, DAY, Device, GAME, OAID, OTHER_USER, PLACE, PRECISE, USER,
    WEATHER, allow_for, set, text,
};
use crate::notices::OLD_AND_NEW;

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

/// What a consent covered, as `purpose: items`.
fn covers(row: &Row) -> Vec<String> {
    let Some(Cell::Rows(covers)) = row.get("covers") else {
        return Vec::new();
    };
    covers.iter().map(|row| format!("{}: {}", text(row, "purpose"), text(row, "data"))).collect()
}

#[test]
fn r39_a_consent_keeps_what_it_covered_whatever_a_later_catalogue_says() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("location.app", WEATHER, "on"), ("ad-services", "", "on")]).unwrap();
    let before = engine.list_consents(USER).unwrap();
    let [ads, place] = &before[..] else { panic!("{before:?}") };
    assert_eq!(covers(place).len(), 1, "{place:?}");
    assert!(covers(place)[0].starts_with(PLACE), "{place:?}");
    assert!(text(place, "data").contains(APPROXIMATE) && text(place, "data").contains(PRECISE));
    assert_eq!(text(ads, "purposes"), ADS);
    assert!(text(ads, "data").contains(OAID) && text(ads, "data").contains("apps.installed"));
    assert_eq!(text(ads, "lifetime"), "forever");
    assert_eq!(text(ads, "user"), USER.to_string());
    // The notice is named by its text too.
    assert_eq!(text(ads, "notice_language"), "en");
    assert_eq!(text(ads, "notice_sha256").len(), 64);

    device.edit("apps.d/weather.toml", "\"location.precise\"", "\"device.imei\"");
    engine.reload().unwrap();
    assert_eq!(engine.list_consents(USER).unwrap(), before);
    drop(engine);
    let engine = device.start();
    assert_eq!(engine.list_consents(USER).unwrap(), before);
    // A consent given from now on covers what is declared now.
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    let now = &engine.list_consents(USER).unwrap()[0];
    assert!(!text(now, "data").contains(PRECISE), "{now:?}");
}

#[test]
fn r39_a_consent_under_an_older_notice_covers_what_that_one_names() {
    let device = Device::new();
    device.declare("org.example.ages", OLD_AND_NEW);
    device.set_wall(1_577_836_800); // 2020-01-01
    let engine = device.start();
    set(&engine, &[("ad-services", "org.example.ages", "on")]).unwrap();
    assert_eq!(covers(&engine.list_consents(USER).unwrap()[0]), ["ads.personalised: ads.segments"]);
    device.set_wall(BEGIN);
    set(&engine, &[("ad-services", "org.example.ages", "on")]).unwrap();
    let both = "ads.personalised: ads.segments device.oaid";
    assert_eq!(covers(&engine.list_consents(USER).unwrap()[0]), [both]);
}

/// (how_ended, ended_by) of the newest consent that ended.
fn end(engine: &Engine) -> [String; 2] {
    let rows = engine.list_consents(USER).unwrap();
    let ended = rows.iter().find(|row| text(row, "in_force") == "false").unwrap();
    ["how_ended", "ended_by"].map(|name| text(ended, name))
}

#[test]
fn r50_a_consent_says_how_it_ended_and_by_what() {
    type Ends = fn(&Device, &Engine);
    let ends: [(&str, Ends, [&str; 2]); 7] = [
        ("off", |_, e| drop(set(e, &[("ad-services", GAME, "off")])), ["withdrawn", "shell"]),
        ("unset", |_, e| drop(set(e, &[("ad-services", GAME, "unset")])), ["withdrawn", "shell"]),
        ("on again", |_, e| drop(set(e, &[("ad-services", GAME, "on")])), ["superseded", "shell"]),
        ("reset", |_, e| drop(e.reset(USER, GAME, By::Settings)), ["withdrawn", "settings"]),
        ("forget", |_, e| drop(e.forget(USER, GAME, By::Settings)), ["withdrawn", "settings"]),
        (
            "guardian",
            |_, e| {
                let off = [Change { toggle: "ad-services", app: GAME, state: "off" }];
                e.set(USER, &off, &SetOptions::default(), By::Guardian).unwrap();
            },
            ["withdrawn", "guardian"],
        ),
        (
            "time",
            |device, e| {
                allow_for(e, "ad-services", GAME, "until", Some(BEGIN + DAY)).unwrap();
                device.pass(DAY);
                e.expire().unwrap();
            },
            ["expired", ""],
        ),
    ];
    for (name, ends, expected) in ends {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", GAME, "on")]).unwrap();
        ends(&device, &engine);
        assert_eq!(end(&engine), expected, "{name}");
        drop(engine);
        assert_eq!(end(&device.start()), expected, "{name}, started anew");
    }
}

#[test]
fn r40_using_the_device_is_no_consent() {
    let device = Device::new();
    let engine = device.start();
    let apps: Vec<String> =
        engine.policy().unwrap().apps.iter().map(|(_, app)| (*app.id).to_owned()).collect();
    for round in 0..3 {
        for id in &apps {
            let app = App::declared(&engine, id);
            let policy = engine.policy().unwrap();
            let declared = policy.app(id).unwrap().1;
            for pair in &declared.pairs {
                let purpose = &*policy.catalog.purposes[pair.purpose].id;
                let data = &*policy.catalog.data[pair.data].id;
                app.check_one(&engine, purpose, data);
                app.preview_one(&engine, purpose, data);
            }
            let gate = engine.open_gate(&app.0).unwrap();
            engine.close_gate(gate.id);
        }
        // Nor is what is no consent toggle, nor a profile, nor a lock that is let go.
        set(&engine, &[("location", "", "on"), ("app-access", GAME, "on")]).unwrap();
        let adult = ProfileChange { age_band: Some("adult"), ..Default::default() };
        engine.set_profile(USER, &adult, By::Shell).unwrap();
        device.pass(DAY);
        engine.expire().unwrap();
        engine.reload().unwrap();
        assert_eq!(engine.list_consents(USER).unwrap(), [], "round {round}");
    }
}

#[test]
fn the_consents_of_one_app_are_its_own_and_those_for_all_that_concern_it() {
    let device = Device::new();
    let engine = device.start();
    let changes = [
        ("ad-services", "", "on"),
        ("ad-services", GAME, "on"),
        ("user-experience", "", "on"),
        ("location.app", WEATHER, "on"),
    ];
    for change in changes {
        set(&engine, &[change]).unwrap();
    }
    let of = |filter: ConsentFilter| {
        let rows = engine.consents(USER, &filter).unwrap();
        rows.iter()
            .map(|row| format!("{} {}", text(row, "toggle"), text(row, "app")))
            .collect::<Vec<_>>()
    };
    let app = |app: &str| ConsentFilter { app: Some(app.into()), ..Default::default() };
    assert_eq!(of(app(GAME)), [format!("ad-services {GAME}"), "ad-services ".into()]);
    assert_eq!(of(app(WEATHER)), [format!("location.app {WEATHER}")]);
    let unknown = engine.consents(USER, &app("org.example.none")).unwrap_err();
    assert!(matches!(unknown, EngineError::UnknownApp { .. }), "{unknown:?}");
    // Page by page.
    let all = of(ConsentFilter::default());
    let mut paged = Vec::new();
    let mut before = None;
    while paged.len() < all.len() {
        let page = ConsentFilter { before, limit: Some(3), ..Default::default() };
        let rows = engine.consents(USER, &page).unwrap();
        before = text(rows.last().unwrap(), "id").parse().ok();
        paged.extend(of(page));
    }
    assert_eq!(paged, all);
}
