//! What was derived under a consent is to be erased once that is off (R60), and what is told is told until it
//! is done (R43).

use consentd::decision::{Context, Reason};
use consentd::engine::change::{Change, Hold, SetOptions};
use consentd::engine::erasures::{Cleared, ErasureDue, Why};
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::{Asker, Checked, Engine, EngineError, Request};

use crate::device::{
    ADS, App, BEGIN, DAY, Device, HOUR, OAID, OTHER_USER, USER, allow_for, set, text,
};

const APP: &str = "org.example.targeter";
const SEGMENTS: &str = "ads.segments";
const LABELS: &str = "ads.labels";
const LAW: &str = "legal.obligations";

/// An app that derives segments and labels of identifiers, for 90 days; and what more is declared.
fn targeter(device: &Device, more: &str) -> Engine {
    device.declare(
        APP,
        &format!(
            "[[collects]]\npurpose = \"{ADS}\"\ndata = [\"{SEGMENTS}\", \"{LABELS}\", \"{OAID}\"]\n\
             basis = \"consent\"\nretention = \"90 days\"\nnotice = \"2025-10-10\"\n{more}"
        ),
    );
    let engine = device.start();
    assert_eq!(engine.warnings().iter().filter(|text| text.contains(APP)).count(), 0);
    engine
}

/// Has ads on, and everything derived.
fn derive(engine: &Engine) {
    set(engine, &[("ad-services", "", "on")]).unwrap();
    collect(engine);
}

fn collect(engine: &Engine) {
    let said = App::declared(engine, APP).check(engine, ADS, &[SEGMENTS, LABELS, OAID]);
    assert_eq!(said, [Reason::Consented; 3]);
}

fn emptied() -> ErasureDue {
    ErasureDue {
        user: USER,
        app: APP.into(),
        purpose: ADS.into(),
        data: vec![SEGMENTS.into(), LABELS.into()],
        why: Why::SwitchedOff,
    }
}

/// State, whether its holder was not told yet, and why it is to erase it.
fn said(engine: &Engine, purpose: &str, item: &str) -> [String; 3] {
    let rows = engine.list_retention(USER).unwrap();
    let row = rows.iter().find(|row| text(row, "purpose") == purpose && text(row, "data") == item);
    let row = row.unwrap_or_else(|| panic!("{rows:?}"));
    ["state", "overdue", "why"].map(|name| text(row, name))
}

#[test]
fn r60_what_was_derived_is_due_as_soon_as_its_consent_is_off_and_nothing_else() {
    let device = Device::new();
    let engine = targeter(&device, "");
    derive(&engine);
    engine.keep_retention().unwrap();
    assert_eq!(engine.next_retention(), Some(90 * DAY * 1_000));
    set(&engine, &[("location", "", "off")]).unwrap();
    assert_eq!(engine.next_retention(), Some(90 * DAY * 1_000), "nothing is derived under that");
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(engine.next_retention(), Some(0), "not at the end of its period");
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [emptied()]);
    assert_eq!(said(&engine, ADS, SEGMENTS), ["active", "true", "switched-off"]);
    assert_eq!(said(&engine, ADS, OAID), ["active", "false", ""], "it was collected, not derived");
    assert_eq!(engine.next_retention(), Some(90 * DAY * 1_000), "once");
    engine.erasure_told(&emptied()).unwrap();
    assert_eq!(said(&engine, ADS, LABELS), ["isolated", "false", "switched-off"]);
    // On again: what was made before is to go all the same; what is made from now on is kept.
    device.pass(60);
    derive(&engine);
    engine.erasure_done(&emptied(), Cleared::Erased).unwrap();
    engine.keep_retention().unwrap();
    assert_eq!(said(&engine, ADS, SEGMENTS), ["active", "false", ""]);
    assert_eq!(engine.erasures_due(), []);
}

#[test]
fn r60_switched_on_again_what_was_derived_before_stays_due() {
    let device = Device::new();
    let engine = targeter(&device, "");
    derive(&engine);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.keep_retention().unwrap();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [emptied()]);
    drop(engine);
    let engine = device.start();
    assert_eq!(engine.erasures_due(), [emptied()], "it is remembered, with its reason");
    device.pass(1);
    engine.erasure_done(&emptied(), Cleared::Erased).unwrap();
    assert_eq!(said(&engine, ADS, SEGMENTS), ["erased", "false", ""]);
}

#[test]
fn r60_a_daemon_that_ended_before_it_looked_looks_at_its_next_start() {
    let device = Device::new();
    let engine = targeter(&device, "");
    derive(&engine);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    // Nothing was read from the ledger yet.
    drop(engine);
    let engine = device.start();
    assert_eq!(engine.erasures_due(), []);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [emptied()]);
}

#[test]
fn r60_every_way_of_being_off_counts_for_those_whom_it_concerns_alone() {
    let theirs = |engine: &Engine| {
        let caller = App::declared(engine, APP).0;
        let context = Context::default();
        let request = Request::new(ADS, &[SEGMENTS], &context, "").unwrap();
        let asker = Asker { user: OTHER_USER, caller: Some(&caller) };
        let Checked::Answered(answer) = engine.check(asker, &request) else { panic!("once") };
        assert_eq!(answer.rulings[0].reason, Reason::Consented);
    };
    type Off = fn(&Engine) -> Result<u64, EngineError>;
    let offs: [(&str, Off); 4] = [
        ("for all apps", |engine| set(engine, &[("ad-services", "", "off")])),
        ("for the app", |engine| set(engine, &[("ad-services", APP, "off")])),
        ("unset", |engine| set(engine, &[("ad-services", "", "unset")])),
        ("locked", |engine| engine.lock(LockedFor::User(USER), &["ad-services"], Hold::Off)),
    ];
    for (how, off) in offs {
        let device = Device::new();
        let engine = targeter(&device, "");
        derive(&engine);
        let on = Change { toggle: "ad-services", app: "", state: "on" };
        let options = SetOptions::default();
        engine.set(OTHER_USER, &[on], &options, By::Shell).unwrap();
        theirs(&engine);
        engine.keep_retention().unwrap();
        assert_eq!(engine.erasures_due(), [], "{how}");
        off(&engine).unwrap();
        assert_eq!(engine.next_retention(), Some(0), "{how}");
        engine.keep_retention().unwrap();
        assert_eq!(engine.erasures_due(), [emptied()], "{how}");
    }
}

#[test]
fn r60_an_allowance_that_ends_empties_and_a_clock_that_is_set_back_does_not() {
    let device = Device::new();
    let engine = targeter(&device, "");
    device.pass(HOUR);
    allow_for(&engine, "ad-services", APP, "until", Some(BEGIN + 5 * HOUR)).unwrap();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    allow_for(&engine, "ad-services", "", "until", Some(BEGIN + 5 * HOUR)).unwrap();
    collect(&engine);
    engine.keep_retention().unwrap();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [emptied()], "an off overrules an allowance");

    let device = Device::new();
    let engine = targeter(&device, "");
    device.pass(HOUR);
    allow_for(&engine, "ad-services", "", "until", Some(BEGIN + 5 * HOUR)).unwrap();
    collect(&engine);
    device.set_wall(BEGIN);
    let refused = App::declared(&engine, APP).check_one(&engine, ADS, SEGMENTS);
    assert_eq!(refused, Reason::ToggleOff, "it does not hold now");
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), []);
    device.set_wall(BEGIN + HOUR);
    collect(&engine);
    device.pass(4 * HOUR);
    engine.expire().unwrap();
    assert_eq!(engine.next_retention(), Some(0));
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [emptied()]);
}

#[test]
fn r42_r60_what_a_law_keeps_of_it_is_isolated_for_that_law() {
    let device = Device::new();
    let law = format!(
        "\n[[collects]]\npurpose = \"{LAW}\"\ndata = [\"{SEGMENTS}\"]\nbasis = \"legal-obligation\"\n\
         retention = \"2 years\"\nnotice = \"2025-10-10\"\n"
    );
    let engine = targeter(&device, &law);
    derive(&engine);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.keep_retention().unwrap();
    let labels = ErasureDue { data: vec![LABELS.into()], ..emptied() };
    assert_eq!(engine.erasures_due(), [labels]);
    assert_eq!(said(&engine, ADS, SEGMENTS), ["isolated", "false", ""]);
    device.pass(2 * 365 * DAY);
    engine.keep_retention().unwrap();
    let over = |due: &ErasureDue| due.why == Why::Retention && due.data.contains(&SEGMENTS.into());
    assert!(engine.erasures_due().iter().any(over), "{:?}", engine.erasures_due());
}

#[test]
fn r60_a_disk_that_refuses_is_tried_again() {
    let device = Device::new();
    let engine = targeter(&device, "");
    derive(&engine);
    engine.keep_retention().unwrap();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    device.refuse_in_settings("retention");
    engine.keep_retention().unwrap_err();
    assert_eq!(engine.erasures_due(), []);
    assert_eq!(engine.next_retention(), Some(0));
    device.accept_in_settings("retention");
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [emptied()]);
}

/// The record counts in seconds.
#[test]
fn what_is_collected_in_the_second_in_which_the_rest_is_erased_is_not_erased() {
    let device = Device::new();
    let engine = targeter(&device, "");
    derive(&engine);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.keep_retention().unwrap();
    engine.erasure_done(&emptied(), Cleared::Erased).unwrap();
    derive(&engine);
    engine.keep_retention().unwrap();
    assert_eq!(said(&engine, ADS, SEGMENTS), ["active", "false", ""]);
}
