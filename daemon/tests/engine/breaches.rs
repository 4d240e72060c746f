//! The register of breaches: whom to tell, by when, by the law of the people's regions (R56, S3 6.1).

use consentd::engine::breaches::Found;
use consentd::engine::error::{Invalid, TooLarge};
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::By;
use consentd::engine::{Engine, EngineError};
use consentd::row::{Cell, Row};

use crate::device::{BEGIN, DAY, Device, GAME, HOUR, OTHER_USER, USER, text};

fn found(what: &str) -> Found {
    Found { what: what.into(), ..Found::default() }
}

fn of_regions(regions: &[&str], risk: &str) -> Found {
    let regions = regions.iter().map(|region| (*region).to_owned()).collect();
    Found { regions, risk: Some(risk.into()), ..found("A laptop was stolen.") }
}

fn newest(engine: &Engine) -> Row {
    engine.list_breaches().unwrap().remove(0)
}

/// (who, hours, state) of everybody to tell, in their order.
fn tell(row: &Row) -> Vec<(String, i64, String)> {
    let Some(Cell::Rows(rows)) = row.get("tell") else { panic!("{row:?}") };
    let at: i64 = text(row, "found").parse().unwrap();
    rows.iter()
        .map(|row| {
            let by: i64 = text(row, "by").parse().unwrap();
            assert!(!text(row, "name").is_empty() && !text(row, "law").is_empty(), "{row:?}");
            (text(row, "who"), (by - at) / HOUR, text(row, "state"))
        })
        .collect()
}

#[test]
fn r56_each_region_s_law_says_whom_to_tell_by_when() {
    let nobody: &[(&str, i64)] = &[];
    let cases = [
        ("EEA", "unlikely", nobody),
        ("EEA", "likely", &[("authority:EEA", 72)]),
        ("EEA", "high", &[("authority:EEA", 72), ("users:EEA", 72)]),
        ("UK", "likely", &[("authority:UK", 72)]),
        ("UK", "high", &[("authority:UK", 72), ("users:UK", 72)]),
        ("CH", "likely", &[]),
        ("CH", "high", &[("authority:CH", 72), ("users:CH", 72)]),
        ("IN", "unlikely", &[("CERT-In:IN", 6), ("authority:IN", 72), ("users:IN", 72)]),
        ("RU", "likely", &[("authority:RU", 24), ("Roskomnadzor:RU", 72)]),
        (
            "OTHER",
            "high",
            &[("Personal Data Protection Commission of Singapore:OTHER", 72), ("users:OTHER", 72)],
        ),
    ];
    let device = Device::new();
    let engine = device.start();
    for (region, risk, expected) in cases {
        engine.add_breach(&of_regions(&[region], risk)).unwrap();
        let row = newest(&engine);
        let told: Vec<_> = tell(&row).into_iter().map(|(who, hours, _)| (who, hours)).collect();
        let expected: Vec<_> =
            expected.iter().map(|(who, hours)| ((*who).into(), *hours)).collect();
        assert_eq!(told, expected, "{region} {risk}");
        let state = if expected.is_empty() { "nobody-to-tell" } else { "open" };
        assert_eq!(text(&row, "state"), state, "{region} {risk}");
    }
}

#[test]
fn r56_the_soonest_comes_first_over_all_regions() {
    let device = Device::new();
    let engine = device.start();
    engine.add_breach(&of_regions(&["EEA", "RU", "IN"], "likely")).unwrap();
    let who: Vec<String> = tell(&newest(&engine)).into_iter().map(|(who, ..)| who).collect();
    let soonest = ["CERT-In:IN", "authority:RU"];
    let rest = ["authority:EEA", "authority:IN", "users:IN", "Roskomnadzor:RU"];
    assert_eq!(who, [&soonest[..], &rest].concat());
}

#[test]
fn r56_what_is_not_said_is_the_worst_everybody_s_and_now() {
    let device = Device::new();
    let engine = device.start();
    let region = |region| ProfileChange { region: Some(region), ..ProfileChange::default() };
    engine.set_profile(USER, &region("IN"), By::Shell).unwrap();
    engine.set_profile(OTHER_USER, &region("RU"), By::Shell).unwrap();
    engine.add_breach(&found("A copy of everything was sold.")).unwrap();
    let row = newest(&engine);
    let said = ["risk", "found", "entered", "users", "regions"].map(|name| text(&row, name));
    let now = BEGIN.to_string();
    // Whoever never set a region lives in the default one.
    assert_eq!(said, ["high", &now, &now, "", "EEA IN RU"]);
    engine.add_breach(&Found { users: vec![USER, USER], ..found("One account.") }).unwrap();
    let row = newest(&engine);
    assert_eq!(["users", "regions"].map(|name| text(&row, name)), ["1000", "IN"]);
    engine.add_breach(&Found { users: vec![4242], ..found("A stranger's.") }).unwrap();
    assert_eq!(text(&newest(&engine), "regions"), "EEA");
}

#[test]
fn r56_what_is_past_is_late_until_somebody_was_told_and_then_says_so() {
    let device = Device::new();
    let engine = device.start();
    let at = Found { found: Some(BEGIN - HOUR), ..of_regions(&["EEA"], "high") };
    engine.add_breach(&at).unwrap();
    let states = |engine: &Engine| -> Vec<String> {
        let row = newest(engine);
        let each = tell(&row).into_iter().map(|(_, _, state)| state);
        std::iter::once(text(&row, "state")).chain(each).collect()
    };
    assert_eq!(states(&engine), ["open", "open", "open"]);
    device.pass(71 * HOUR);
    assert_eq!(states(&engine), ["open", "open", "open"], "to the second");
    device.pass(1);
    assert_eq!(states(&engine), ["late", "late", "late"]);
    let told = |who: &str, at| engine.note_breach("1", Some(who.into()), at, String::new());
    told("authority:EEA", Some(BEGIN + HOUR)).unwrap();
    assert_eq!(states(&engine), ["late", "told", "late"]);
    told("users:EEA", None).unwrap();
    assert_eq!(states(&engine), ["told", "told", "told-late"]);
    // Once told, told; a second word changes nothing.
    told("authority:EEA", None).unwrap();
    assert_eq!(states(&engine), ["told", "told", "told-late"]);
}

#[test]
fn r56_the_register_is_kept_and_measures_are_added() {
    let device = Device::new();
    let engine = device.start();
    let all = Found {
        found: Some(BEGIN - HOUR),
        happened: Some(BEGIN - DAY),
        people: Some(300_000_000_000),
        data: vec!["device.imei".into(), "device.imei".into()],
        apps: vec![GAME.into()],
        measures: "Passwords were reset.".into(),
        ..of_regions(&["UK"], "likely")
    };
    assert_eq!(engine.add_breach(&all).unwrap(), 1);
    assert_eq!(engine.add_breach(&found("Another.")).unwrap(), 2);
    engine.note_breach("1", None, None, "The key was changed.".into()).unwrap();
    let before = engine.list_breaches().unwrap();
    engine.close();
    drop(engine);
    let engine = device.start();
    assert_eq!(engine.list_breaches().unwrap(), before);
    let ids: Vec<String> = before.iter().map(|row| text(row, "id")).collect();
    assert_eq!(ids, ["2", "1"]);
    let row = &before[1];
    let said = ["what", "people", "apps"].map(|name| text(row, name));
    assert_eq!(said, ["A laptop was stolen.", "300000000000", GAME]);
    assert_eq!(text(row, "data"), "device.imei");
    let measures = ["Passwords were reset.".to_owned(), "The key was changed.".to_owned()];
    assert_eq!(row.get("measures"), Some(&Cell::List(measures.into())));
    // At stop a backup was made that has it: it is a change like any other.
    assert_eq!(engine.add_breach(&found("A third.")).unwrap(), 3);
    engine.close();
    let newest = Engine::check_store(&engine).unwrap();
    let Some(Cell::Rows(backups)) = newest.get("backups") else { panic!("{newest:?}") };
    assert_eq!(text(&backups[0], "generation"), engine.generation().to_string());
}

#[test]
fn r56_what_is_no_breach_is_refused_whole() {
    let device = Device::new();
    let engine = device.start();
    let long = "x".repeat(4_097);
    let cases: [(Found, &str); 13] = [
        (Found::default(), "NothingHappened"),
        (found(" \n"), "NothingHappened"),
        (found(&long), "Text(4097)"),
        (Found { measures: long.clone(), ..found("It.") }, "Text(4097)"),
        (Found { found: Some(BEGIN + 1), ..found("It.") }, "Ahead(\"found\")"),
        (Found { found: Some(-1), ..found("It.") }, "HappenedLater"),
        (
            Found { found: Some(BEGIN - 5), happened: Some(BEGIN - 4), ..found("It.") },
            "HappenedLater",
        ),
        (of_regions(&["Mars"], "high"), "Region"),
        (of_regions(&["EEA"], "some"), "Risk(\"some\")"),
        (Found { data: vec!["device.soul".into()], ..found("It.") }, "DataItem(\"device.soul\")"),
        (Found { apps: vec!["org.example.nobody".into()], ..found("It.") }, "UnknownApp"),
        (Found { apps: vec!["a".repeat(129)], ..found("It.") }, "Id(129)"),
        (Found { users: vec![1; 1_025], ..found("It.") }, "Names(1025)"),
    ];
    for (case, expected) in cases {
        let error = format!("{:?}", engine.add_breach(&case).unwrap_err());
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(engine.list_breaches().unwrap(), []);

    engine.add_breach(&of_regions(&["EEA"], "high")).unwrap();
    let note = |id: &str, told: Option<&str>, at, measures: &str| {
        engine.note_breach(id, told.map(str::to_owned), at, measures.into()).unwrap_err()
    };
    let invalid = |error| {
        let EngineError::Invalid(invalid) = error else { panic!("{error:?}") };
        invalid
    };
    let who = Some("users:EEA");
    assert_eq!(invalid(note("2", who, None, "")), Invalid::Breach("2".into()));
    assert_eq!(invalid(note("01", who, None, "")), Invalid::Breach("01".into()));
    assert_eq!(invalid(note("1", None, None, "")), Invalid::NothingDone);
    assert_eq!(invalid(note("1", who, Some(BEGIN + 1), "")), Invalid::Ahead("at"));
    assert_eq!(invalid(note("1", who, Some(BEGIN - 1), "")), Invalid::ToldBeforeFound);
    let nobody =
        Invalid::NobodyToTell { who: "users:IN".into(), known: "authority:EEA, users:EEA".into() };
    assert_eq!(invalid(note("1", Some("users:IN"), None, "")), nobody);
    let error = note("1", None, None, &long);
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Text(4_097))), "{error:?}");
    assert_eq!(text(&newest(&engine), "state"), "open");
}

#[test]
fn a_breach_that_the_disk_does_not_take_is_not_in_the_register() {
    let device = Device::new();
    let engine = device.start();
    device.refuse_in_settings("breaches");
    let error = engine.add_breach(&found("It.")).unwrap_err();
    assert!(matches!(error, EngineError::NotStored(_)), "{error:?}");
    assert_eq!(engine.list_breaches().unwrap(), []);
    device.accept_in_settings("breaches");
    assert_eq!(engine.add_breach(&found("It.")).unwrap(), 1);
}
