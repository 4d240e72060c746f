//! Profiles: region, age band, language, guardian; and what an age band changes (R36, R38).

use consentd::decision::Reason;
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::error::Invalid;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{AgeBand, By};
use consentd::engine::{Config, Engine, EngineError};

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, PLACE, USER, WEATHER, events, set, text,
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
