//! Retention: what apps collected is kept as long as they declared, isolated where a law keeps it longer,
//! and erased by its holder (R42, R43). No clock that is set ends a period early.

use consentd::decision::Reason;
use consentd::engine::Engine;
use consentd::engine::erasures::{Cleared, ErasureDue, Why};
use consentd::row::Row;

use crate::client::Client;
use crate::device::{ADS, App, BEGIN, DAY, Device, GAME, HOUR, OAID, OTHER_USER, USER, set, text};

const APP: &str = "org.example.keeper";
const SHOP: &str = "orders";
const NAME: &str = "given.name";
const LAW: &str = "legal.obligations";

/// One item for orders, kept for 30 days; and what more is declared.
fn shop(device: &Device, more: &str) -> Engine {
    device.declare(
        APP,
        &format!(
            "[[collects]]\npurpose = \"{SHOP}\"\ndata = [\"{NAME}\"]\nbasis = \"contract\"\n\
             retention = \"30 days\"\nnotice = \"2025-10-10\"\n{more}"
        ),
    );
    let engine = device.start();
    assert_eq!(engine.warnings().iter().filter(|text| text.contains(APP)).count(), 0);
    engine
}

/// The same item, kept for a law.
fn law(words: &str) -> String {
    format!(
        "\n[[collects]]\npurpose = \"{LAW}\"\ndata = [\"{NAME}\"]\nbasis = \"legal-obligation\"\n\
         retention = \"{words}\"\nnotice = \"2025-10-10\"\n"
    )
}

fn order(engine: &Engine) -> Reason {
    App::declared(engine, APP).check_one(engine, SHOP, NAME)
}

/// Values of the row of what was ordered.
fn said<const N: usize>(engine: &Engine, names: [&str; N]) -> [String; N] {
    let rows = engine.list_retention(USER).unwrap();
    let is_it = |row: &&Row| text(row, "app") == APP && text(row, "purpose") == SHOP;
    let row = rows.iter().find(is_it).unwrap_or_else(|| panic!("{rows:?}"));
    names.map(|name| text(row, name))
}

fn state(engine: &Engine) -> String {
    said(engine, ["state"])[0].clone()
}

fn due() -> ErasureDue {
    ErasureDue {
        user: USER,
        app: APP.into(),
        purpose: SHOP.into(),
        data: vec![NAME.into()],
        why: Why::Retention,
    }
}

#[test]
fn r42_a_period_runs_from_the_last_time_that_it_was_allowed() {
    let device = Device::new();
    let engine = shop(&device, "");
    assert_eq!(engine.list_retention(USER).unwrap(), []);
    assert_eq!(order(&engine), Reason::Contract);
    let until = (BEGIN + 30 * DAY).to_string();
    assert_eq!(
        said(&engine, ["state", "overdue", "retention", "last", "until", "law"]),
        ["active".into(), "false".into(), "30 days".into(), BEGIN.to_string(), until, "".into()]
    );
    assert_eq!(engine.list_retention(OTHER_USER).unwrap(), []);
    device.pass(20 * DAY);
    assert_eq!(order(&engine), Reason::Contract);
    engine.keep_retention().unwrap();
    device.pass(29 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), []);
    // A refusal collects nothing, and lengthens nothing.
    set(&engine, &[("app-access", APP, "off")]).unwrap();
    assert_eq!(order(&engine), Reason::ToggleOff);
    device.pass(DAY);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [due()]);
    assert_eq!(said(&engine, ["state", "overdue"]), ["active", "true"]);
    drop(engine);
    assert_eq!(device.start().erasures_due(), [due()], "it is remembered");
}

#[test]
fn r43_what_its_holder_has_not_cleared_is_isolated_until_it_has() {
    for (how, word) in [(Cleared::Erased, "erased"), (Cleared::Anonymised, "anonymised")] {
        let device = Device::new();
        let engine = shop(&device, "");
        order(&engine);
        engine.keep_retention().unwrap();
        device.pass(30 * DAY);
        engine.keep_retention().unwrap();
        assert_eq!(order(&engine), Reason::Contract, "nobody was told yet");
        engine.keep_retention().unwrap();
        device.pass(30 * DAY);
        engine.keep_retention().unwrap();
        let page = Client::open(&engine, &App::declared(&engine, APP));
        assert!(page.says(SHOP, NAME).starts_with("allow"));
        engine.erasure_told(&due()).unwrap();
        assert_eq!(page.says(SHOP, NAME), "deny isolated none");
        assert_eq!((order(&engine), state(&engine)), (Reason::Isolated, "isolated".into()));
        assert_eq!(said(&engine, ["why", "overdue"]), ["retention", "false"]);
        drop(engine);
        let engine = device.start();
        assert_eq!(order(&engine), Reason::Isolated);
        assert_eq!(engine.erasures_due(), [due()], "it is told again until it is done");
        engine.erasure_told(&due()).unwrap();
        engine.erasure_done(&due(), how).unwrap();
        assert_eq!((order(&engine), state(&engine).as_str()), (Reason::Contract, "active"), "anew");
        // What was collected anew is not what was erased.
        engine.erasure_done(&due(), how).unwrap();
        assert_eq!(state(&engine), "active");
        device.pass(30 * DAY);
        engine.keep_retention().unwrap();
        engine.erasure_done(&due(), how).unwrap();
        assert_eq!(said(&engine, ["state", "why"]), [word, ""]);
        assert_eq!(engine.erasures_due(), []);
    }
}

#[test]
fn r42_what_a_law_keeps_is_isolated_for_that_law_and_due_at_its_expiry() {
    let device = Device::new();
    let engine = shop(&device, &law("2 years"));
    let legal = |engine: &Engine| App::declared(engine, APP).check_one(engine, LAW, NAME);
    order(&engine);
    engine.keep_retention().unwrap();
    device.pass(30 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(said(&engine, ["state", "law"]), ["isolated", LAW]);
    assert_eq!(engine.erasures_due(), []);
    assert_eq!(order(&engine), Reason::Isolated);
    assert_eq!(legal(&engine), Reason::LegalObligation, "usable for that law");
    // An `on` of a toggle that covers it starts new data.
    set(&engine, &[("app-access", APP, "on")]).unwrap();
    assert_eq!(order(&engine), Reason::Contract);
    assert_eq!(state(&engine), "active");
    device.pass(30 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(order(&engine), Reason::Isolated, "the `on` was before");
    device.pass(2 * 365 * DAY);
    engine.keep_retention().unwrap();
    assert!(engine.erasures_due().contains(&due()), "{:?}", engine.erasures_due());
}

#[test]
fn r42_a_law_that_names_no_time_keeps_it_isolated_and_what_names_none_is_kept() {
    let device = Device::new();
    let engine = shop(&device, &law("as long as tax law requires"));
    order(&engine);
    App::declared(&engine, APP).check_one(&engine, LAW, NAME);
    engine.keep_retention().unwrap();
    device.pass(20 * 365 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(said(&engine, ["state", "law", "until"]), ["isolated", LAW, ""]);
    assert_eq!(engine.erasures_due(), []);
    assert_eq!(engine.next_retention(), None, "nothing is due that a time ends");
}

#[test]
fn r42_isolation_reaches_the_item_itself_and_not_other_identifiers() {
    let device = Device::new();
    device.declare(
        APP,
        "[[collects]]\npurpose = \"ads.personalised\"\ndata = [\"device.oaid\", \"app.vaid\"]\n\
         basis = \"consent\"\nretention = \"30 days\"\nnotice = \"2025-10-10\"\n",
    );
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let app = App::declared(&engine, APP);
    app.check_one(&engine, ADS, OAID);
    engine.keep_retention().unwrap();
    device.pass(30 * DAY);
    engine.keep_retention().unwrap();
    let due = engine.erasures_due();
    engine.erasure_told(&due[0]).unwrap();
    assert_eq!(app.check_one(&engine, ADS, OAID), Reason::Isolated);
    assert_eq!(app.check_one(&engine, ADS, "app.vaid"), Reason::Consented);
    assert_eq!(App::declared(&engine, GAME).check_one(&engine, ADS, OAID), Reason::Consented);
}

#[test]
fn r42_no_clock_that_is_set_erases_early() {
    const YEARS: i64 = 20 * 365 * DAY;
    let device = Device::new();
    let engine = shop(&device, "");
    order(&engine);
    engine.keep_retention().unwrap();
    device.set_wall(BEGIN + YEARS);
    engine.keep_retention().unwrap();
    device.pass(10 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!((engine.erasures_due(), order(&engine)), (vec![], Reason::Contract));
    // Collected while the clock was wrong, and read once it is right again: as new as it was.
    device.set_wall(BEGIN + 10 * DAY);
    device.pass(29 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), []);
    device.pass(30 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [due()]);

    // A clock that is wrong after a start: it has to stand by it for a day.
    let device = Device::new();
    let engine = shop(&device, "");
    order(&engine);
    engine.keep_retention().unwrap();
    drop(engine);
    device.reboot();
    device.set_wall(BEGIN + YEARS);
    let engine = device.start();
    device.pass(HOUR);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), []);
    device.set_wall(BEGIN + DAY);
    device.pass(2 * DAY);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [], "it did not");
}

#[test]
fn r42_a_time_off_counts_once_the_clock_stood_by_it() {
    let device = Device::new();
    let engine = shop(&device, "");
    order(&engine);
    engine.keep_retention().unwrap();
    engine.close();
    drop(engine);
    device.pass(30 * DAY);
    device.reboot();
    let engine = device.start();
    assert_eq!(engine.next_retention().map(|ms| ms / 1_000 / DAY), Some(1), "to look again");
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), []);
    device.pass(DAY);
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [due()]);
}

#[test]
fn r42_a_device_that_is_off_every_night_erases_too() {
    let device = Device::new();
    let engine = shop(&device, "");
    order(&engine);
    engine.keep_retention().unwrap();
    engine.close();
    drop(engine);
    let mut days = 0;
    loop {
        device.pass(16 * HOUR);
        device.reboot();
        let engine = device.start();
        device.pass(8 * HOUR);
        engine.keep_retention().unwrap();
        days += 1;
        if !engine.erasures_due().is_empty() {
            break;
        }
        assert!(days < 40, "never");
        engine.close();
    }
    assert!(days >= 30, "{days}: early");
}

#[test]
fn one_timer_waits_for_the_next_due_moment_and_an_idle_device_has_none() {
    let device = Device::new();
    let engine = shop(&device, "");
    engine.keep_retention().unwrap();
    assert_eq!(engine.next_retention(), None, "nothing was collected");
    order(&engine);
    let first = engine.next_retention().unwrap();
    assert!(first > 0 && first <= 14 * DAY * 1_000, "{first}");
    engine.keep_retention().unwrap();
    assert_eq!(engine.next_retention(), Some(30 * DAY * 1_000));
    device.pass(30 * DAY);
    assert_eq!(engine.next_retention(), Some(0));
    let before = engine.generation();
    engine.keep_retention().unwrap();
    assert!(engine.generation() > before);
    assert_eq!(engine.next_retention(), None);
    let settled = engine.generation();
    engine.keep_retention().unwrap();
    assert_eq!(engine.generation(), settled, "what is over is over once");
}

#[test]
fn a_disk_that_refuses_leaves_everything_as_it_was() {
    let device = Device::new();
    let engine = shop(&device, "");
    order(&engine);
    engine.keep_retention().unwrap();
    device.pass(30 * DAY);
    let db = device.settings_db();
    db.execute_batch(
        "CREATE TRIGGER refuse BEFORE INSERT ON retention
         BEGIN SELECT RAISE(ABORT, 'the disk takes nothing'); END",
    )
    .unwrap();
    engine.keep_retention().unwrap_err();
    assert_eq!(engine.erasures_due(), []);
    db.execute_batch("DROP TRIGGER refuse").unwrap();
    engine.keep_retention().unwrap();
    assert_eq!(engine.erasures_due(), [due()]);
}
