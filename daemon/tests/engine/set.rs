//! Setting toggles: what is refused and why, that a set is all or nothing, and what each state does.

use consentd::decision::Reason;
use consentd::engine::EngineError;
use consentd::engine::change::{MAX_CHANGES, SetOptions};
use consentd::engine::error::{Invalid, TooLarge};
use rusqlite::types::Value;

use crate::device::{
    ADS, APPROXIMATE, App, BEGIN, Device, GAME, HOUR, OAID, PLACE, PRECISE, USER, WEATHER, events,
    set, set_with, stored, text,
};

/// (toggle, app, state) of each.
type Changes<'a> = &'a [(&'a str, &'a str, &'a str)];

fn options(lifetime: Option<&str>, until: Option<i64>, notice: Option<&str>) -> SetOptions {
    SetOptions { lifetime: lifetime.map(Into::into), until, notice: notice.map(Into::into) }
}

fn invalid(error: EngineError) -> Invalid {
    let EngineError::Invalid(invalid) = error else { panic!("not refused as invalid: {error:?}") };
    invalid
}

#[test]
fn what_makes_no_sense_is_refused_for_its_own_reason() {
    let device = Device::new();
    let engine = device.start();
    let ads = || "ad-services".to_owned();
    let plain = SetOptions::default();
    let long_state = "x".repeat(50);
    let too_long = [("ad-services", "", long_state.as_str())];
    #[rustfmt::skip]
    let cases: Vec<(Changes<'_>, SetOptions, Invalid)> = vec![
        (&[], plain.clone(), Invalid::NoChanges),
        (&[("ad-services", "", "of")], plain.clone(), Invalid::State("of".into())),
        (&[("ad-services", "", "On")], plain.clone(), Invalid::State("On".into())),
        (&too_long, plain.clone(), Invalid::State("x".repeat(32))),
        (&[("ad-services", "", "off"), ("ad-services", "", "on")], plain.clone(), Invalid::SetTwice { toggle: ads() }),
        (&[("ad-services", "*", "on")], plain.clone(), Invalid::ConsentForOthers { toggle: ads() }),
        (&[("cookies.analytics", "*", "on")], plain.clone(), Invalid::ConsentForOthers { toggle: "cookies.analytics".into() }),
        (&[("location", WEATHER, "off")], plain.clone(), Invalid::NoApp { toggle: "location".into() }),
        (&[("location", "*", "off")], plain.clone(), Invalid::NoApp { toggle: "location".into() }),
        (&[("location.app", "", "off")], plain.clone(), Invalid::NeedsApp { toggle: "location.app".into() }),
        (&[("cookies.analytics", WEATHER, "off")], plain.clone(), Invalid::NeedsSite { toggle: "cookies.analytics".into() }),
        (&[("cookies.analytics", "site:", "off")], plain.clone(), Invalid::Site { site: String::new(), why: "it is empty; name the host, such as mi.com" }),
        (&[("cookies.analytics", "site:mi..com", "off")], plain.clone(), Invalid::Site { site: "mi..com".into(), why: "a dot stands where a name should" }),
        (&[("cookies.analytics", "site:mi.com/", "off")], plain.clone(), Invalid::Site { site: "mi.com/".into(), why: "name the host alone, without scheme or path" }),
        (&[("cookies.analytics", "site:mi.com", "off"), ("cookies.analytics", "site:MI.com", "on")], plain.clone(), Invalid::SetTwice { toggle: "cookies.analytics".into() }),
        (&[("ad-services", "site:mi.com", "off")], plain.clone(), Invalid::NoSite { toggle: ads() }),
        (&[("cookies.essential", "", "off")], plain.clone(), Invalid::AlwaysOn { toggle: "cookies.essential".into() }),
        (&[("account", "", "off")], plain.clone(), Invalid::Action { toggle: "account".into(), path: "Settings > Xiaomi Account > Help > Delete Account".into() }),
        (&[("ad-services", "", "on")], options(Some("ever"), None, None), Invalid::Lifetime("ever".into())),
        (&[("ad-services", "", "off")], options(Some("boot"), None, None), Invalid::LifetimeWithoutOn),
        (&[("ad-services", "", "ask")], options(Some("boot"), None, None), Invalid::LifetimeWithoutOn),
        (&[("ad-services", "", "unset")], options(Some("boot"), None, None), Invalid::LifetimeWithoutOn),
        (&[("ad-services", GAME, "on")], options(Some("until"), None, None), Invalid::UntilWithoutTime),
        (&[("ad-services", GAME, "on")], options(None, Some(BEGIN + 1), None), Invalid::UntilWithoutTime),
        (&[("ad-services", GAME, "on")], options(Some("boot"), Some(BEGIN + 1), None), Invalid::UntilWithoutTime),
        (&[("ad-services", GAME, "on")], options(Some("until"), Some(BEGIN), None), Invalid::UntilInThePast),
        (&[("ad-services", GAME, "on")], options(Some("until"), Some(i64::MIN), None), Invalid::UntilInThePast),
        (&[("ad-services", "", "on")], options(Some("once"), None, None), Invalid::OnceForMany),
        (&[("app-access", "*", "on")], options(Some("once"), None, None), Invalid::OnceForMany),
        (&[("ad-services", "", "on")], options(None, None, Some("2031-01-01")), Invalid::Notice("2031-01-01".into())),
    ];
    for (changes, options, expected) in cases {
        let before = engine.generation();
        let error = set_with(&engine, changes, &options).unwrap_err();
        assert_eq!(invalid(error), expected, "{changes:?} {options:?}");
        assert_eq!(engine.generation(), before, "{changes:?}");
    }
    assert_eq!(events(&engine), []);
}

#[test]
fn unknown_names_and_too_much_are_refused() {
    let device = Device::new();
    let engine = device.start();
    let long = "t".repeat(129);
    let refused = |changes: &[(&str, &str, &str)]| set(&engine, changes).unwrap_err();

    let error = refused(&[("ad-service", "", "off")]);
    assert!(
        matches!(&error, EngineError::UnknownToggle { id, hint }
            if id == "ad-service" && hint.contains("`ad-services`")),
        "{error:?}"
    );
    let error = refused(&[("", "", "off")]);
    assert!(matches!(&error, EngineError::UnknownToggle { hint, .. } if hint.is_empty()));
    let app = "org.example.nobody";
    let error = refused(&[("ad-services", app, "off")]);
    assert!(matches!(&error, EngineError::UnknownApp { id } if id == app), "{error:?}");
    let error = refused(&[(&long, "", "off")]);
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Id(129))), "{error:?}");
    let error = refused(&[("ad-services", &long, "off")]);
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Id(129))), "{error:?}");
    let many = vec![("ad-services", "", "off"); MAX_CHANGES + 1];
    let error = refused(&many);
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Changes(1_025))), "{error:?}");
}

#[test]
fn one_wrong_change_among_good_ones_changes_nothing() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    let before = rows(&device);
    for wrong in [("nothing", "", "off"), ("account", "", "off"), ("app-access", "nobody", "off")] {
        let good = ("ad-services", "", "off");
        for changes in [[good, wrong], [wrong, good]] {
            set(&engine, &changes).unwrap_err();
            assert_eq!(game.preview_one(&engine, ADS, OAID), Reason::Consented, "{wrong:?}");
        }
    }
    assert_eq!(engine.unsaved(), 0);
    assert_eq!(rows(&device), before);
    drop(engine);
    let engine = device.start();
    assert_eq!(App::declared(&engine, GAME).preview_one(&engine, ADS, OAID), Reason::Consented);
    assert_eq!(events(&engine).len(), 1);
}

/// All rows that a change writes.
fn rows(device: &Device) -> Vec<Vec<Value>> {
    let db = device.settings_db();
    let mut rows = Vec::new();
    for table in ["settings", "allowances", "locks", "profiles", "consents", "consent_ends"] {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let width = statement.column_count();
        let read = statement.query_map([], |row| (0..width).map(|i| row.get(i)).collect());
        rows.extend(read.unwrap().map(Result::unwrap));
    }
    rows
}

#[test]
fn as_many_changes_as_the_contract_allows_are_one_change() {
    let device = Device::new();
    let engine = device.start();
    let sites: Vec<String> = (0..MAX_CHANGES).map(|n| format!("site:s{n}.example")).collect();
    let changes: Vec<_> =
        sites.iter().map(|site| ("cookies.analytics", site.as_str(), "on")).collect();
    let generation = set(&engine, &changes).unwrap();
    assert_eq!(generation, engine.generation());
    drop(engine);
    let engine = device.start();
    assert_eq!(stored(&engine, "cookies.analytics", "site:s0.example"), "on");
    assert_eq!(stored(&engine, "cookies.analytics", "site:s1023.example"), "on");
    assert_eq!(engine.list_consents(USER).unwrap().len(), MAX_CHANGES);
}

#[test]
fn off_needs_no_notice_and_no_declaration_that_is_right() {
    let device = Device::new();
    device.set_wall(0); // Before any notice is in force.
    device.write("apps.d/game.toml", "[app]\nid = \"org.example.game\"\n");
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off"), ("ad-services", GAME, "off")]).unwrap();
    assert_eq!(stored(&engine, "ad-services", GAME), "off");
    let error = set(&engine, &[("ad-services", "", "on")]).unwrap_err();
    assert_eq!(invalid(error), Invalid::Notice("in force".into()));
    assert_eq!(stored(&engine, "ad-services", ""), "off");
}

#[test]
fn setting_what_is_set_already_is_no_change_but_a_consent_is_always_fresh() {
    let device = Device::new();
    let engine = device.start();
    let first = set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(set(&engine, &[("ad-services", "", "off")]).unwrap(), first);
    assert_eq!(set(&engine, &[("ad-services", GAME, "unset")]).unwrap(), first);
    assert_eq!(events(&engine).len(), 1);
    let on = set(&engine, &[("ad-services", "", "on")]).unwrap();
    let again = set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert!(first < on && on < again);
    assert_eq!(engine.list_consents(USER).unwrap().len(), 2);
}

#[test]
fn star_stands_for_apps_without_a_state_of_their_own() {
    let device = Device::new();
    let engine = device.start();
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    let reasons =
        || [game.preview_one(&engine, ADS, OAID), weather.preview_one(&engine, PLACE, APPROXIMATE)];
    set(&engine, &[("ad-services", "", "on"), ("app-access", "*", "off")]).unwrap();
    assert_eq!(reasons(), [Reason::ToggleOff; 2]);
    set(&engine, &[("app-access", GAME, "on")]).unwrap();
    assert_eq!(reasons(), [Reason::Consented, Reason::ToggleOff]);
    set(&engine, &[("app-access", "*", "ask")]).unwrap();
    assert_eq!(reasons(), [Reason::Consented, Reason::NotSet]);
    set(&engine, &[("app-access", "*", "unset")]).unwrap();
    assert_eq!(reasons(), [Reason::Consented, Reason::NotSet]);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    assert_eq!(reasons(), [Reason::Consented, Reason::Contract]);
    // An app's own state wins over `*`; the all-apps off wins over both.
    set(&engine, &[("ad-services", "*", "off")]).unwrap();
    assert_eq!(reasons()[0], Reason::ToggleOff);
    set(&engine, &[("ad-services", GAME, "on")]).unwrap();
    assert_eq!(reasons()[0], Reason::Consented);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(reasons()[0], Reason::ToggleOff);
}

#[test]
fn approximate_without_precise_is_a_choice() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let both = [PRECISE, APPROXIMATE];
    assert_eq!(weather.check(&engine, PLACE, &both), [Reason::NotSet; 2]);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    assert_eq!(weather.check(&engine, PLACE, &both), [Reason::NotSet, Reason::Contract]);
    set(&engine, &[("location.precise", WEATHER, "on")]).unwrap();
    assert_eq!(weather.check(&engine, PLACE, &both), [Reason::Contract; 2]);
    set(&engine, &[("location.precise", WEATHER, "off")]).unwrap();
    assert_eq!(weather.check(&engine, PLACE, &both), [Reason::ToggleOff, Reason::Contract]);
    set(&engine, &[("location", "", "off")]).unwrap();
    assert_eq!(weather.check(&engine, PLACE, &both), [Reason::ToggleOff; 2]);
}

#[test]
fn each_site_has_a_state_of_its_own_under_the_one_for_all_sites() {
    let device = Device::new();
    let engine = device.start();
    let state = |site: &str| text(&engine.get(USER, "cookies.analytics", site).unwrap(), "state");
    assert_eq!((state(""), state("site:mi.com")), ("on".into(), "off".into()));
    set(&engine, &[("cookies.analytics", "site:mi.com", "on")]).unwrap();
    assert_eq!((state("site:mi.com"), state("site:po.co")), ("on".into(), "off".into()));
    set(&engine, &[("cookies.analytics", "", "off")]).unwrap();
    assert_eq!(state("site:mi.com"), "off");
    set(&engine, &[("cookies.analytics", "", "unset")]).unwrap();
    assert_eq!(state("site:mi.com"), "on");
}

#[test]
fn a_setting_event_says_what_was_chosen() {
    let device = Device::new();
    let engine = device.start();
    let options = options(Some("until"), Some(BEGIN + HOUR), None);
    let generation = set_with(&engine, &[("ad-services", GAME, "on")], &options).unwrap();
    set(&engine, &[("app-access", "*", "off"), ("location", "", "off")]).unwrap();
    let events = events(&engine);
    let words: Vec<_> = events
        .iter()
        .map(|event| {
            let word = |text: &Option<String>| text.clone().unwrap_or("-".into());
            [&event.toggle, &event.app, &event.state, &event.lifetime, &event.by, &event.notice]
                .map(word)
                .join(" ")
        })
        .collect();
    assert_eq!(
        words,
        [
            format!("ad-services {GAME} on until shell 2025-10-10"),
            "app-access * off - shell -".into(),
            "location  off - shell -".into(),
        ]
    );
    assert_eq!((events[0].generation, events[0].until), (generation, Some(BEGIN + HOUR)));
    let places: Vec<_> = events.iter().map(|event| (event.generation, event.ordinal)).collect();
    assert_eq!(places, [(generation, 0), (generation + 1, 0), (generation + 1, 1)]);
}
