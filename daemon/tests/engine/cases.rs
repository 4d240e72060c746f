//! Cases: opened towards everybody who collects what they are about, answered, taken back (R44–R52).

use consentd::decision::Reason;
use consentd::engine::cases::{CaseRight, MAX_OPEN, MAX_TEXT, Opening, Progress};
use consentd::engine::error::Invalid;
use consentd::engine::held::Lasting;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::By;
use consentd::engine::{Engine, EngineError};
use consentd::ledger::What;
use consentd::row::{Cell, Row};

use crate::device::{App, BEGIN, DAY, Device, GAME, OAID, OTHER_USER, USER, WEATHER, events, text};

const SECURITY: &str = "org.example.security";
const SAFE: &str = "security.systems";
const CRASH: &str = "logs.crash";

fn about<'a>(right: CaseRight, app: &'a str) -> Opening<'a> {
    Opening { right, app, purpose: "", data: "", statement: "" }
}

fn open(engine: &Engine, right: CaseRight, app: &str) -> i64 {
    engine.open_case(USER, &about(right, app), By::Shell).unwrap()
}

fn case(engine: &Engine, id: i64) -> Row {
    engine.get_case(USER, &id.to_string()).unwrap()
}

fn holders(row: &Row) -> Vec<(String, String)> {
    let Some(Cell::Rows(rows)) = row.get("holders") else { panic!("no holders") };
    rows.iter().map(|row| (text(row, "app"), text(row, "state"))).collect()
}

#[test]
fn r44_a_case_goes_to_everybody_who_collects_what_it_is_about() {
    let device = Device::new();
    let engine = device.start();
    let all = holders(&case(&engine, open(&engine, CaseRight::Access, "")));
    assert_eq!(all.len(), engine.policy().unwrap().apps.iter().count());
    let about_oaid = Opening { data: OAID, ..about(CaseRight::Erasure, "") };
    let id = engine.open_case(USER, &about_oaid, By::Shell).unwrap();
    let those = holders(&case(&engine, id));
    assert!(those.len() < all.len());
    assert!(those.contains(&(GAME.to_owned(), "waiting".to_owned())));
    assert_eq!(
        holders(&case(&engine, open(&engine, CaseRight::Access, WEATHER))),
        [(WEATHER.to_owned(), "waiting".to_owned())]
    );
}

#[test]
fn r52_a_case_has_the_deadline_and_the_authority_of_the_region() {
    for (region, days, authority) in
        [("", 30, "edpb.europa.eu"), ("RU", 14, "Roskomnadzor"), ("IN", 30, "India")]
    {
        let device = Device::new();
        let engine = device.start();
        let change = ProfileChange { region: Some(region), ..Default::default() };
        engine.set_profile(USER, &change, By::Shell).unwrap();
        let id = open(&engine, CaseRight::Access, GAME);
        let row = case(&engine, id);
        assert_eq!(text(&row, "due"), (BEGIN + days * DAY).to_string(), "{region}");
        assert!(text(&row, "authority").contains(authority), "{region}");
        device.pass(days * DAY + 1);
        assert_eq!(text(&case(&engine, id), "state"), "late");
        engine.note_holder(id, GAME, Progress::Done, "").unwrap();
        assert_eq!(text(&case(&engine, id), "state"), "done", "an answer that is late is one");
    }
}

#[test]
fn r47_an_objection_is_known_to_checks_until_its_case_is_withdrawn() {
    let device = Device::new();
    let engine = device.start();
    let security = App::declared(&engine, SECURITY);
    let id = open(&engine, CaseRight::Lasting(Lasting::Objection), SECURITY);
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    engine.note_holder(id, SECURITY, Progress::Done, "").unwrap();
    drop(engine);
    let engine = device.start();
    assert_eq!(text(&case(&engine, id), "state"), "done");
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    engine.withdraw_case(USER, &id.to_string(), By::Shell).unwrap();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::LegitimateInterest);
    assert_eq!(text(&case(&engine, id), "state"), "withdrawn");
    engine.withdraw_case(USER, &id.to_string(), By::Shell).unwrap();
    let told: Vec<What> = events(&engine).into_iter().map(|event| event.what).collect();
    use What::{CaseEnded, CaseOpened, Right, RightLifted};
    assert_eq!(told, [Right, CaseOpened, CaseEnded, RightLifted, CaseEnded]);
}

#[test]
fn r52_a_case_ends_with_its_last_holder_and_refusals_need_a_listed_ground() {
    let device = Device::new();
    let engine = device.start();
    let about_oaid = Opening { data: OAID, ..about(CaseRight::Erasure, "") };
    let id = engine.open_case(USER, &about_oaid, By::Shell).unwrap();
    let those = holders(&case(&engine, id));
    let state = |id| text(&case(&engine, id), "state");
    for (app, _) in &those {
        assert_eq!(state(id), "open");
        engine.note_holder(id, app, Progress::Refused, "we do not feel like it").unwrap();
    }
    assert_eq!(state(id), "open", "none of these counts");
    assert!(holders(&case(&engine, id)).iter().all(|(_, state)| state == "failed"));
    for (app, _) in &those {
        engine.note_holder(id, app, Progress::Refused, "already-public").unwrap();
    }
    assert_eq!(state(id), "refused");
    engine.note_holder(id, &those[0].0, Progress::Done, "").unwrap();
    assert_eq!(state(id), "refused", "what ended stays");
    let error = engine.withdraw_case(USER, &id.to_string(), By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::Invalid(Invalid::CaseEnded { .. })), "{error}");
}

/// Who stopped something for a case that is taken back, or was about to, is to go on.
#[test]
fn r48_whoever_was_told_of_a_restriction_is_told_that_it_is_lifted() {
    let restriction = CaseRight::Lasting(Lasting::Restriction);
    for (right, progress, is_told) in [
        (restriction, None, false),
        (restriction, Some(Progress::Waiting), true),
        (restriction, Some(Progress::Failed), true),
        (restriction, Some(Progress::Done), true),
        (restriction, Some(Progress::Refused), false),
        (CaseRight::Erasure, Some(Progress::Waiting), false),
    ] {
        let device = Device::new();
        let engine = device.start();
        let id = open(&engine, right, GAME);
        if let Some(progress) = progress {
            engine.note_holder(id, GAME, progress, "already-public").unwrap();
        }
        let told = engine.told_of(USER, &id.to_string()).unwrap();
        assert_eq!(!told.is_empty(), is_told, "{right:?} {progress:?}");
        assert!(!engine.is_lifted(id).unwrap());
        engine.withdraw_case(USER, &id.to_string(), By::Shell).unwrap();
        assert_eq!(engine.is_lifted(id).unwrap(), right == restriction, "{right:?}");
    }
}

#[test]
fn cases_outlive_the_daemon_and_are_nobody_elses() {
    let device = Device::new();
    let engine = device.start();
    let said = Opening { statement: "Kim, not Tim.", ..about(CaseRight::Rectification, GAME) };
    let id = engine.open_case(USER, &said, By::Shell).unwrap();
    drop(engine);
    let engine = device.start();
    let row = case(&engine, id);
    let said = ["right", "app", "statement", "by", "state"].map(|name| text(&row, name));
    assert_eq!(said, ["rectification", GAME, "Kim, not Tim.", "shell", "open"]);
    assert_eq!(engine.list_cases(USER).unwrap().len(), 1);
    assert_eq!(engine.list_cases(OTHER_USER).unwrap(), []);
    let number = id.to_string();
    for id in [&*number, "0", "", "x", "+1", "01", "99999999999999999999"] {
        let error = engine.get_case(OTHER_USER, id).unwrap_err();
        assert!(matches!(error, EngineError::UnknownCase(_)), "{id}: {error}");
        let error = engine.withdraw_case(OTHER_USER, id, By::Shell).unwrap_err();
        assert!(matches!(error, EngineError::UnknownCase(_)), "{id}: {error}");
    }
}

#[test]
fn what_makes_no_case_is_refused() {
    let device = Device::new();
    let engine = device.start();
    let refused = |opening: Opening<'_>| engine.open_case(USER, &opening, By::Shell).unwrap_err();
    let access = about(CaseRight::Access, "");
    assert!(matches!(
        refused(Opening { app: "org.nobody", ..access }),
        EngineError::UnknownApp { .. }
    ));
    let invalid = [
        Opening { purpose: "nothing", ..access },
        Opening { data: "nothing", ..access },
        Opening { app: WEATHER, purpose: "ads.personalised", ..access },
        Opening { right: CaseRight::Rectification, statement: " \n", ..access },
    ];
    for opening in invalid {
        let error = refused(opening);
        assert!(matches!(error, EngineError::Invalid(_)), "{error}");
    }
    let long = "x".repeat(MAX_TEXT + 1);
    assert!(matches!(refused(Opening { statement: &long, ..access }), EngineError::TooLarge(_)));
    assert!(matches!(refused(Opening { app: &long, ..access }), EngineError::TooLarge(_)));
    for _ in 0..MAX_OPEN {
        open(&engine, CaseRight::Access, GAME);
    }
    assert!(matches!(refused(access), EngineError::TooManyCases(_)));
    engine.open_case(OTHER_USER, &access, By::Shell).unwrap();
}

#[test]
fn a_case_that_the_disk_does_not_take_is_none_and_its_objection_holds() {
    let device = Device::new();
    let engine = device.start();
    let security = App::declared(&engine, SECURITY);
    device.refuse_changes();
    let objection = about(CaseRight::Lasting(Lasting::Objection), SECURITY);
    engine.open_case(USER, &objection, By::Shell).unwrap_err();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    device.accept_changes();
    assert_eq!(engine.list_cases(USER).unwrap(), []);
    engine.retry().unwrap();
    assert_eq!(engine.rights_held(USER).len(), 1);
}
