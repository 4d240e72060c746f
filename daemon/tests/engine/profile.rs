//! Profiles: region, age band, language, guardian; and what an age band changes (R36, R38).

use std::collections::BTreeMap;

use consentd::decision::Reason;
use consentd::engine::cases::{CaseRight, MAX_OPEN, Opening, Progress};
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::error::Invalid;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{AgeBand, By};
use consentd::engine::{Config, Engine, EngineError};
use consentd::row::Cell;

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, OTHER_USER, PLACE, USER, WEATHER, allow_for, events,
    set, stored, text,
};

fn change<'a>() -> ProfileChange<'a> {
    ProfileChange::default()
}

fn age(band: &str) -> ProfileChange<'_> {
    ProfileChange { age_band: Some(band), ..change() }
}

fn shown(engine: &Engine) -> [String; 6] {
    let row = engine.get_profile(USER).unwrap();
    ["region", "region_set", "age_band", "age_set", "language", "guardian"]
        .map(|name| text(&row, name))
}

#[test]
fn an_unset_profile_is_an_adults_in_the_eea() {
    let device = Device::new();
    assert_eq!(shown(&device.start()), ["EEA", "false", "adult", "false", "", ""]);
}

#[test]
fn a_profile_is_kept_and_each_part_can_be_unset() {
    let device = Device::new();
    let engine = device.start();
    let all = ProfileChange {
        region: Some("IN"),
        age_band: Some("minor"),
        language: Some("hi-IN"),
        guardian: Some(500),
    };
    engine.set_profile(USER, &all, By::Administrator).unwrap();
    let said = events(&engine).pop().unwrap();
    assert_eq!(said.state.as_deref(), Some("region IN, age minor, language hi-IN, guardian 500"));
    drop(engine);
    let engine = device.start();
    assert_eq!(shown(&engine), ["IN", "true", "minor", "true", "hi-IN", "500"]);
    assert_eq!(engine.guardian(USER), Some(500));
    let none = ProfileChange {
        region: Some(""),
        age_band: Some(""),
        language: Some(""),
        guardian: Some(u32::MAX),
    };
    engine.set_profile(USER, &none, By::Administrator).unwrap();
    assert_eq!(shown(&engine), ["EEA", "false", "adult", "false", "", ""]);
    assert_eq!(events(&engine).pop().unwrap().state.as_deref(), Some("unset"));
    let before = engine.generation();
    engine.set_profile(USER, &none, By::Administrator).unwrap();
    assert_eq!(engine.generation(), before, "the same again is no change");
}

#[test]
fn what_is_no_profile_is_refused_whole() {
    let device = Device::new();
    let engine = device.start();
    let long = "a".repeat(36);
    let cases = [
        (
            ProfileChange { region: Some("Mars"), ..change() },
            Invalid::Region { region: "Mars".into(), known: "EEA, UK, CH, IN, RU, OTHER".into() },
        ),
        (age("young"), Invalid::AgeBand("young".into())),
        (ProfileChange { language: Some("e n"), ..change() }, Invalid::Language("e n".into())),
        (ProfileChange { language: Some(&long), ..change() }, Invalid::Language("a".repeat(35))),
    ];
    for (case, expected) in cases {
        let case =
            ProfileChange { region: case.region.or(Some("IN")), guardian: Some(500), ..case };
        let error = engine.set_profile(USER, &case, By::Administrator).unwrap_err();
        let EngineError::Invalid(invalid) = error else { panic!("{error:?}") };
        assert_eq!(invalid, expected);
    }
    assert_eq!(shown(&engine), ["EEA", "false", "adult", "false", "", ""]);
    assert_eq!(events(&engine), []);
}

#[test]
fn only_root_names_a_guardian() {
    let device = Device::new();
    let engine = device.start();
    let named = ProfileChange { guardian: Some(500), ..change() };
    for by in [By::Shell, By::Settings, By::Prompt, By::Guardian] {
        let error = engine.set_profile(USER, &named, by).unwrap_err();
        assert!(matches!(error, EngineError::GuardianOnly(_)), "{by:?} {error:?}");
    }
    assert_eq!(engine.guardian(USER), None);
    engine.set_profile(USER, &named, By::Administrator).unwrap();
    assert_eq!(engine.guardian(USER), Some(500));
}

#[test]
fn anybody_lowers_an_age_band_and_only_guardians_raise_it() {
    for by in By::ALL {
        let device = Device::new();
        let engine = device.start();
        engine.set_profile(USER, &age("minor"), By::Shell).unwrap();
        for raised in ["adult", ""] {
            let risen = engine.set_profile(USER, &age(raised), by);
            let may = matches!(by, By::Guardian | By::Administrator);
            assert_eq!(risen.is_ok(), may, "{by:?} {raised:?}");
            let now = if may { "adult" } else { "minor" };
            assert_eq!(shown(&engine)[2], now);
            engine.set_profile(USER, &age("minor"), By::Shell).unwrap();
        }
    }
}

#[test]
fn where_the_builder_takes_everybody_for_a_minor_only_guardians_say_otherwise() {
    let device = Device::new();
    let config = || Config { default_age: AgeBand::Minor, ..device.config() };
    let engine = device.start_with(config());
    assert_eq!(shown(&engine)[2..4], ["minor", "false"]);
    let error = engine.set_profile(USER, &age("adult"), By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::GuardianOnly(_)), "{error:?}");
    assert_eq!(shown(&engine)[2], "minor");
    engine.set_profile(USER, &age("adult"), By::Guardian).unwrap();
    assert_eq!(shown(&engine)[2..4], ["adult", "true"]);
    // Unset is a minor again, which is no rise.
    engine.set_profile(USER, &age(""), By::Shell).unwrap();
    assert_eq!(shown(&engine)[2..4], ["minor", "false"]);
}

#[test]
fn a_minors_consent_counts_only_from_root_or_the_guardian() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    engine.set_profile(USER, &age("minor"), By::Shell).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    let on = [Change { toggle: "location.app", app: WEATHER, state: "on" }];
    for by in By::ALL {
        let set = engine.set(USER, &on, &SetOptions::default(), by);
        let counts = matches!(by, By::Guardian | By::Administrator);
        let expected = if counts { Reason::Contract } else { Reason::NotSet };
        assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), expected, "{by:?}");
        // One that would not count is not taken either.
        assert_eq!(set.is_ok(), counts, "{by:?}");
        assert!(counts || matches!(set, Err(EngineError::GuardianOnly(_))), "{set:?}");
    }
}

#[test]
fn a_purpose_that_is_closed_to_minors_is_denied_them() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    let on = [Change { toggle: "ad-services", app: "", state: "on" }];
    engine.set(USER, &on, &SetOptions::default(), By::Administrator).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    engine.set_profile(USER, &age("minor"), By::Shell).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Minor);
}

#[test]
fn the_region_decides_where_data_may_go() {
    let device = Device::new();
    device.edit(
        "apps.d/game.toml",
        "    { country = \"IN\", tls = true, regions = [\"IN\"] },\n",
        "",
    );
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    let moved = ProfileChange { region: Some("IN"), ..change() };
    engine.set_profile(USER, &moved, By::Shell).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::TransferNotPermitted);
}

#[test]
fn r36_a_receipt_names_the_controller_of_the_region() {
    const NETHERLANDS: &str = "Xiaomi Technology Netherlands B.V.";
    const SINGAPORE: &str = "Xiaomi Technologies Singapore Pte. Ltd.";
    let cases = [
        ("", NETHERLANDS),
        ("EEA", NETHERLANDS),
        ("UK", NETHERLANDS),
        ("CH", NETHERLANDS),
        ("IN", "Xiaomi Technology India Private Limited"),
        ("RU", SINGAPORE),
        ("OTHER", SINGAPORE),
    ];
    let device = Device::new();
    let engine = device.start();
    for (region, controller) in cases {
        let change = ProfileChange { region: Some(region), ..change() };
        engine.set_profile(USER, &change, By::Shell).unwrap();
        assert_eq!(text(&engine.get_profile(USER).unwrap(), "controller"), controller, "{region}");
        set(&engine, &[("ad-services", "", "on")]).unwrap();
        let consent = engine.list_consents(USER).unwrap().remove(0);
        assert_eq!(text(&consent, "controller"), controller, "{region}");
    }
    // Those of before name who it was then.
    let controllers: Vec<String> = engine
        .list_consents(USER)
        .unwrap()
        .iter()
        .rev()
        .map(|consent| text(consent, "controller"))
        .collect();
    assert_eq!(controllers, cases.map(|(_, controller)| controller.to_owned()));
}

#[test]
fn r38_a_guardian_s_report_withdraws_everything_and_unsubscribes() {
    let device = Device::new();
    let engine = device.start();
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    let consents = [
        ("ad-services", "", "on"),
        ("ad-services", GAME, "on"),
        ("location.app", WEATHER, "on"),
        ("marketing", "", "on"),
        ("cookies.analytics", "site:mi.com", "on"),
        ("user-experience", "", "on"),
    ];
    set(&engine, &consents).unwrap();
    set(&engine, &[("find-device", "", "on"), ("app-access", WEATHER, "off")]).unwrap();
    allow_for(&engine, "location.precise", WEATHER, "boot", None).unwrap();
    engine
        .set(
            OTHER_USER,
            &[Change { toggle: "ad-services", app: "", state: "on" }],
            &SetOptions::default(),
            By::Shell,
        )
        .unwrap();
    let recorded = game.check_one(&engine, ADS, OAID);
    assert_eq!(recorded, Reason::Consented);

    let removal = engine.report_minor(USER, By::Guardian).unwrap();
    assert_eq!(removal.withdrawn, consents.len() + 1);
    assert!(removal.erasure.is_some());
    let looks = |engine: &Engine| {
        assert_eq!(shown(engine)[2..4], ["minor", "true"]);
        for (toggle, app, _) in consents {
            assert_eq!(stored(engine, toggle, app), "off", "{toggle} {app}");
        }
        for toggle in [
            "marketing",
            "marketing.in-service",
            "marketing.email",
            "marketing.other",
            "ad-services",
            "personalised-content",
        ] {
            assert_eq!(stored(engine, toggle, ""), "off", "{toggle}");
        }
        // What is no consent and not closed to minors is as it was.
        assert_eq!(stored(engine, "find-device", ""), "on");
        assert_eq!(stored(engine, "location", ""), "unset");
        let consents = engine.list_consents(USER).unwrap();
        assert!(consents.iter().all(|row| text(row, "in_force") == "false"), "{consents:?}");
        assert_eq!(consents.len(), 7, "events stay");
        let theirs = engine.get(OTHER_USER, "ad-services", "").unwrap();
        assert_eq!(text(&theirs, "stored"), "on");
    };
    looks(&engine);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Minor);
    assert_ne!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    let said = events(&engine).split_off(events(&engine).len() - 2);
    let states: Vec<&str> = said.iter().filter_map(|event| event.state.as_deref()).collect();
    assert_eq!(states, ["age minor, data to be removed", "case 1, erasure"]);
    assert!(said.iter().all(|event| event.by.as_deref() == Some("guardian")), "{said:?}");
    drop(engine);
    looks(&device.start());
}

#[test]
fn r38_only_the_guardian_or_root_reports_a_minor() {
    for by in By::ALL {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", "", "on")]).unwrap();
        let reported = engine.report_minor(USER, by);
        let may = matches!(by, By::Guardian | By::Administrator);
        assert_eq!(reported.is_ok(), may, "{by:?}");
        assert!(may || matches!(reported, Err(EngineError::GuardianOnly(_))));
        assert_eq!(stored(&engine, "ad-services", ""), if may { "off" } else { "on" }, "{by:?}");
    }
}

#[test]
fn r38_a_report_that_the_disk_does_not_take_switches_off_all_the_same() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    device.refuse_changes();
    let error = engine.report_minor(USER, By::Guardian).unwrap_err();
    assert!(matches!(error, EngineError::NotStored(_)), "{error:?}");
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    device.accept_changes();
    assert_eq!(engine.list_cases(USER).unwrap(), []);
    let removal = engine.report_minor(USER, By::Guardian).unwrap();
    assert!(removal.erasure.is_some());
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Minor);
}

#[test]
fn r38_a_guardian_s_report_has_every_app_erase_what_it_holds_however_many_cases_are_open() {
    let device = Device::new();
    let engine = device.start();
    let access =
        Opening { right: CaseRight::Access, app: GAME, purpose: "", data: "", statement: "" };
    for _ in 0..MAX_OPEN {
        engine.open_case(USER, &access, By::Shell).unwrap();
    }
    let id = engine.report_minor(USER, By::Guardian).unwrap().erasure.unwrap();
    let shown = |engine: &Engine| {
        let case = engine.get_case(USER, &id.to_string()).unwrap();
        let Some(Cell::Rows(holders)) = case.get("holders") else { panic!("no holders") };
        let holders = holders.iter().map(|row| (text(row, "app"), text(row, "state")));
        let said = ["right", "app", "by", "state"].map(|name| text(&case, name));
        (said, holders.collect::<BTreeMap<String, String>>())
    };
    let (said, holders) = shown(&engine);
    assert_eq!(said, ["erasure", "", "guardian", "open"]);
    for app in [GAME, WEATHER] {
        assert_eq!(holders.get(app).map(String::as_str), Some("waiting"), "{holders:?}");
    }
    assert!(holders.len() <= engine.policy().unwrap().apps.iter().count());
    // Reported again: the same case, and whoever was done is to be told once more.
    engine.note_holder(id, GAME, Progress::Done, "").unwrap();
    engine.note_holder(id, WEATHER, Progress::Failed, "it hung").unwrap();
    let again = engine.report_minor(USER, By::Administrator).unwrap().erasure;
    assert_eq!(again, Some(id));
    let (_, told) = shown(&engine);
    assert_eq!((&*told[GAME], &*told[WEATHER]), ("waiting", "failed"));
    assert_eq!(told.len(), holders.len());
    for app in told.keys() {
        engine.note_holder(id, app, Progress::Done, "").unwrap();
    }
    drop(engine);
    let engine = device.start();
    assert_eq!(shown(&engine).0[3], "done");
    let anew = engine.report_minor(USER, By::Guardian).unwrap().erasure;
    assert_eq!(anew, Some(id + 1), "what ended stays ended");
    assert_eq!(engine.list_cases(OTHER_USER).unwrap(), []);
}

#[test]
fn r36_a_region_that_is_none_is_refused_with_those_there_are() {
    let device = Device::new();
    let engine = device.start();
    let mars = ProfileChange { region: Some("Mars"), ..change() };
    let error = engine.set_profile(USER, &mars, By::Shell).unwrap_err().to_string();
    assert_eq!(error, "no region `Mars`; use EEA, UK, CH, IN, RU, OTHER");
}
