//! Prompts without a bus: what is asked, what an answer changes, and the one check that ends it.

use std::sync::Arc;

use consentd::decision::{Context, Reason};
use consentd::engine::change::Hold;
use consentd::engine::profile::ProfileChange;
use consentd::engine::prompt::Asks;
use consentd::engine::settings::{By, Lifetime, LockedFor};
use consentd::engine::{Asker, Engine, EngineError, Request};
use consentd::ledger::What;
use consentd::prompts::{Answer, Ended, Outcome, Prompt};

use crate::device::{
    ADS, APPROXIMATE, App, DAY, Device, GAME, OAID, PLACE, PRECISE, USER, WEATHER, events, reasons,
    records, set, stored, text,
};

const BOTH: [&str; 2] = [PRECISE, APPROXIMATE];

fn asks(engine: &Engine, app: &App, purpose: &str, data: &[&str]) -> Asks {
    let context = Context::default();
    let request = Request::new(purpose, data, &context, "").unwrap();
    engine.ask(Asker { user: USER, caller: Some(&app.0) }, &request)
}

/// What is to be asked, which has to be something.
fn prompt(engine: &Engine, app: &App, purpose: &str, data: &[&str]) -> Prompt {
    match asks(engine, app, purpose, data) {
        Asks::Put(prompt) => *prompt,
        other @ (Asks::Nothing | Asks::Barred) => panic!("{other:?}"),
    }
}

fn settle(engine: &Engine, app: &App, purpose: &str, data: &[&str], ended: &Ended) -> Vec<Reason> {
    let context = Context::default();
    let request = Request::new(purpose, data, &context, "").unwrap();
    let asker = Asker { user: USER, caller: Some(&app.0) };
    reasons(&engine.settle(asker, &request, Some(ended)).rulings)
}

fn ended(prompt: Prompt, outcome: Outcome) -> Ended {
    Ended { prompt: Arc::new(prompt), outcome }
}

fn allow(prompt: &Prompt, lifetime: Lifetime) -> Answer {
    Answer::Allow { lifetime, toggles: prompt.question.toggles.clone() }
}

/// A prompt from its question to the end, answered so.
fn answered(engine: &Engine, app: &App, data: &[&str], lifetime: Lifetime) -> Vec<Reason> {
    let prompt = prompt(engine, app, PLACE, data);
    let answer = allow(&prompt, lifetime);
    engine.take_answer(&prompt, &answer).unwrap();
    settle(engine, app, PLACE, data, &ended(prompt, Outcome::Answered(answer)))
}

fn refuse(engine: &Engine, app: &App, data: &[&str]) {
    let prompt = prompt(engine, app, PLACE, data);
    engine.take_answer(&prompt, &Answer::Deny).unwrap();
}

#[test]
fn only_what_asks_is_asked() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let all = [PRECISE, "location.language", APPROXIMATE, OAID, "no.such.item"];
    let question = prompt(&engine, &weather, PLACE, &all).question;
    assert_eq!(question.data, [APPROXIMATE, PRECISE]);
    assert_eq!(question.toggles, ["location.app", "location.precise"]);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    let question = prompt(&engine, &weather, PLACE, &all).question;
    assert_eq!(
        (question.data, question.toggles),
        (vec![PRECISE.into()], vec!["location.precise".into()])
    );
    set(&engine, &[("location.precise", WEATHER, "off")]).unwrap();
    assert!(matches!(asks(&engine, &weather, PLACE, &all), Asks::Nothing));
    for stranger in [App::undeclared(WEATHER), App::undeclared("executable:/bin/true")] {
        assert!(matches!(asks(&engine, &stranger, PLACE, &BOTH), Asks::Nothing));
    }
    assert_eq!(records(&engine), [], "a question is no answer");
}

#[test]
fn an_allowance_for_this_once_is_in_no_store_at_any_time() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let rows = || -> i64 {
        let count = "SELECT (SELECT count(*) FROM allowances) + (SELECT count(*) FROM settings)";
        device.settings_db().query_row(count, [], |row| row.get(0)).unwrap()
    };
    let prompt = prompt(&engine, &weather, PLACE, &BOTH);
    let answer = allow(&prompt, Lifetime::Once);
    engine.take_answer(&prompt, &answer).unwrap();
    assert_eq!(
        weather.check(&engine, PLACE, &BOTH),
        [Reason::NotSet; 2],
        "it is the request's own"
    );
    let ended = ended(prompt, Outcome::Answered(answer));
    assert_eq!(settle(&engine, &weather, PLACE, &BOTH, &ended), [Reason::Contract; 2]);
    assert_eq!(rows(), 0);
    assert_eq!(weather.check(&engine, PLACE, &BOTH), [Reason::NotSet; 2]);
    // Given, and used, and both are known.
    let told: Vec<_> = events(&engine).iter().map(|event| (event.what, event.by.clone())).collect();
    let (given, used) = ((What::Set, Some("prompt".into())), (What::Consumed, None));
    assert_eq!(told, [given.clone(), used.clone(), given, used]);
    let consents = engine.list_consents(USER).unwrap();
    let told: Vec<_> = consents.iter().map(|row| text(row, "in_force")).collect();
    assert_eq!(told, ["false", "false"]);
}

#[test]
fn a_loan_is_for_what_was_asked_and_allowed() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let prompt = prompt(&engine, &weather, PLACE, &BOTH);
    let some = Answer::Allow { lifetime: Lifetime::Once, toggles: vec!["location.app".into()] };
    let ended = ended(prompt, Outcome::Answered(some));
    let answer = settle(&engine, &weather, PLACE, &BOTH, &ended);
    assert_eq!(answer, [Reason::Refused, Reason::Contract]);
    // The same outcome says nothing of another purpose of another app.
    set(&engine, &[("ad-services", "", "ask")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(settle(&engine, &game, ADS, &[OAID], &ended), [Reason::TimedOut]);
}

#[test]
fn a_disk_that_takes_nothing_allows_nothing() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let prompt = prompt(&engine, &weather, PLACE, &[APPROXIMATE]);
    device.refuse_changes();
    let always = engine.take_answer(&prompt, &allow(&prompt, Lifetime::Forever));
    assert!(matches!(always, Err(EngineError::NotStored(_))), "{always:?}");
    let not_stored = ended(prompt.clone(), Outcome::NotStored);
    let answer = settle(&engine, &weather, PLACE, &[APPROXIMATE], &not_stored);
    assert_eq!(answer, [Reason::StoreUnavailable]);
    let once = ended(prompt.clone(), Outcome::Answered(allow(&prompt, Lifetime::Once)));
    let answer = settle(&engine, &weather, PLACE, &[APPROXIMATE], &once);
    assert_eq!(answer, [Reason::StoreUnavailable], "its use could not be written down");
    device.accept_changes();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
}

#[test]
fn refusals_are_counted_over_restarts_and_when_the_disk_is_full() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    refuse(&engine, &weather, &[APPROXIMATE]);
    drop(engine);
    let engine = device.start();
    let second = prompt(&engine, &weather, PLACE, &[APPROXIMATE]);
    // A full disk takes no rows; the count stands in memory, and goes along with the next change.
    device
        .settings_db()
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON refusals
             BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .unwrap();
    engine.take_answer(&second, &Answer::Deny).unwrap_err();
    assert!(matches!(asks(&engine, &weather, PLACE, &[APPROXIMATE]), Asks::Barred));
    device.settings_db().execute_batch("DROP TRIGGER full").unwrap();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    drop(engine);
    let engine = device.start();
    assert!(matches!(asks(&engine, &weather, PLACE, &[APPROXIMATE]), Asks::Barred));
    // Precise needs what was refused; nothing else of the app is touched.
    assert!(matches!(asks(&engine, &weather, PLACE, &BOTH), Asks::Barred));
    assert_eq!(text(&engine.get(USER, "location.app", WEATHER).unwrap(), "refusals"), "2");
    assert_eq!(text(&engine.get(USER, "location.precise", WEATHER).unwrap(), "refusals"), "");
}

#[test]
fn whatever_sets_the_toggle_makes_refusals_bygones() {
    let changes: [(&str, &str, &str); 5] = [
        ("location.app", WEATHER, "ask"),
        ("location.app", WEATHER, "unset"),
        ("location.app", "*", "ask"),
        ("location.app", "*", "off"),
        ("location.app", WEATHER, "off"),
    ];
    for change in changes {
        let device = Device::new();
        let engine = device.start();
        let weather = App::declared(&engine, WEATHER);
        refuse(&engine, &weather, &[APPROXIMATE]);
        refuse(&engine, &weather, &[APPROXIMATE]);
        for other in [("location.app", GAME, "on"), ("location.precise", WEATHER, "ask")] {
            set(&engine, &[other]).unwrap();
            assert!(matches!(asks(&engine, &weather, PLACE, &[APPROXIMATE]), Asks::Barred));
        }
        set(&engine, &[change]).unwrap();
        drop(engine);
        let engine = device.start();
        let count = text(&engine.get(USER, "location.app", WEATHER).unwrap(), "refusals");
        assert_eq!(count, "", "{change:?}");
    }
}

#[test]
fn a_minors_own_answer_does_not_count() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let asked = prompt(&engine, &weather, PLACE, &[APPROXIMATE]);
    let minor = ProfileChange { age_band: Some("minor"), ..ProfileChange::default() };
    engine.set_profile(USER, &minor, By::Shell).unwrap();
    assert!(matches!(asks(&engine, &weather, PLACE, &[APPROXIMATE]), Asks::Barred));
    // One that was asked just before it was known.
    for lifetime in [Lifetime::Once, Lifetime::Boot, Lifetime::Forever] {
        let answer = allow(&asked, lifetime);
        engine.take_answer(&asked, &answer).unwrap();
        let ended = ended(asked.clone(), Outcome::Answered(answer));
        let answer = settle(&engine, &weather, PLACE, &[APPROXIMATE], &ended);
        assert_eq!(answer, [Reason::Refused], "{lifetime:?}");
    }
    assert_eq!(stored(&engine, "location.app", WEATHER), "unset");
    assert!(engine.list_consents(USER).unwrap().is_empty());
}

#[test]
fn an_answer_is_a_consent_under_the_notice_that_was_shown() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let answer = answered(&engine, &weather, &[APPROXIMATE], Lifetime::Forever);
    assert_eq!(answer, [Reason::Contract]);
    let consents = engine.list_consents(USER).unwrap();
    let told = ["toggle", "app", "notice", "by", "in_force"].map(|key| text(&consents[0], key));
    assert_eq!(told, ["location.app", WEATHER, "2025-10-10", "prompt", "true"]);
    assert_eq!(consents.len(), 1);
}

#[test]
fn an_end_without_an_answer_says_why_and_stores_nothing() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    for (outcome, reason) in [
        (Outcome::TimedOut, Reason::TimedOut),
        (Outcome::NoAgent, Reason::NoAgent),
        (Outcome::Moot, Reason::TimedOut),
        (Outcome::Stopped, Reason::DaemonUnavailable),
        (Outcome::Answered(Answer::Deny), Reason::Refused),
    ] {
        let prompt = prompt(&engine, &weather, PLACE, &[APPROXIMATE]);
        let all = ["location.language", APPROXIMATE];
        let answer = settle(&engine, &weather, PLACE, &all, &ended(prompt, outcome.clone()));
        assert_eq!(answer, [Reason::Contract, reason], "{outcome:?}");
        device.pass(DAY);
    }
    assert_eq!(events(&engine), []);
    let written: u64 = records(&engine).iter().map(|(_, _, _, count)| count).sum();
    assert_eq!(written, 10, "each request is recorded once, item by item");
}

#[test]
fn one_switch_for_all_apps_is_lent_and_never_set() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    set(&engine, &[("location", "", "ask")]).unwrap();
    let answer = answered(&engine, &weather, &[APPROXIMATE], Lifetime::Forever);
    assert_eq!(answer, [Reason::Contract]);
    assert_eq!(stored(&engine, "location", ""), "ask");
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
}

#[test]
fn what_was_decided_meanwhile_holds_against_an_answer() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    for lifetime in [Lifetime::Once, Lifetime::Boot, Lifetime::Forever] {
        let asked = prompt(&engine, &weather, PLACE, &[APPROXIMATE]);
        let answer = allow(&asked, lifetime);
        let over = ended(asked.clone(), Outcome::Answered(answer.clone()));
        set(&engine, &[("location.app", WEATHER, "off")]).unwrap();
        engine.take_answer(&asked, &answer).unwrap();
        let heard = settle(&engine, &weather, PLACE, &[APPROXIMATE], &over);
        assert_eq!(heard, [Reason::ToggleOff], "{lifetime:?}");
        assert_eq!(stored(&engine, "location.app", WEATHER), "off");
        set(&engine, &[("location.app", WEATHER, "unset")]).unwrap();

        engine.lock(LockedFor::User(USER), &["location.app"], Hold::Off).unwrap();
        engine.take_answer(&asked, &answer).unwrap();
        let heard = settle(&engine, &weather, PLACE, &[APPROXIMATE], &over);
        assert_eq!(heard, [Reason::Locked], "{lifetime:?}");
        assert_eq!(stored(&engine, "location.app", WEATHER), "unset");
        engine.lock(LockedFor::User(USER), &["location.app"], Hold::Released).unwrap();
    }
    // A refusal of what the user switched on meanwhile is not counted.
    let asked = prompt(&engine, &weather, PLACE, &[APPROXIMATE]);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    engine.take_answer(&asked, &Answer::Deny).unwrap();
    assert_eq!(text(&engine.get(USER, "location.app", WEATHER).unwrap(), "refusals"), "");
}

#[test]
fn a_store_of_version_1_counts_refusals_from_now_on() {
    let device = Device::new();
    std::fs::create_dir_all(device.state_dir()).unwrap();
    std::fs::write(device.state_dir().join("first-start"), "").unwrap();
    let db = device.settings_db();
    db.execute_batch(include_str!("version-1.sql")).unwrap();
    drop(db);
    let engine = device.start();
    let maps = App::declared(&engine, "org.example.maps");
    refuse(&engine, &maps, &[APPROXIMATE]);
    refuse(&engine, &maps, &[APPROXIMATE]);
    drop(engine);
    let engine = device.start();
    assert!(matches!(asks(&engine, &maps, PLACE, &[APPROXIMATE]), Asks::Barred));
    assert_eq!(stored(&engine, "ad-services", GAME), "off", "what was there is there");
}
