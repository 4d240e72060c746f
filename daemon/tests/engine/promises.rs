//! What the policies promise of cases, copies and what is kept, each as a table: R45, R46, R49, R53, R55. Others
//! are beside what they are about; the house test says that none is missing.

use consentd::catalog::{Scope, Sensitivity};
use consentd::decision::Reason;
use consentd::engine::cases::{CaseRight, GROUNDS, MAX_TEXT, Opening, Progress};
use consentd::engine::settings::By;
use consentd::engine::{Engine, EngineError};
use consentd::row::Row;

use crate::device::{App, Device, GAME, OTHER_USER, USER, WEATHER, set, text};

const MESSAGES: &str = "org.example.messages";
const EMAIL: &str = "given.email";
const TYPES: [&str; 3] = ["marketing.in-service", "marketing.email", "marketing.other"];

#[test]
fn r45_what_is_wrong_is_said_and_stays_in_the_history() {
    let device = Device::new();
    let engine = device.start();
    let long = "x".repeat(MAX_TEXT);
    let too_long = "x".repeat(MAX_TEXT + 1);
    let mut taken = Vec::new();
    for (statement, is_taken) in [
        ("The name is Kim.", true),
        ("", false),
        (" \n\t", false),
        ("Kim, not Tim: \"'<b>\u{202e}\u{0}", true),
        (&long, true),
        (&too_long, false),
        ("The name is Kim.", true),
    ] {
        let right = CaseRight::Rectification;
        let opening = Opening { right, app: GAME, purpose: "", data: "", statement };
        match engine.open_case(USER, &opening, By::Shell) {
            Ok(id) if is_taken => {
                taken.push(statement);
                engine.withdraw_case(USER, &id.to_string(), By::Shell).unwrap();
            }
            Err(EngineError::Invalid(_) | EngineError::TooLarge(_)) if !is_taken => {}
            other => panic!("{statement:?}: {other:?}"),
        }
    }
    taken.reverse();
    drop(engine);
    let cases = device.start().list_cases(USER).unwrap();
    let said: Vec<String> = cases.iter().map(|case| text(case, "statement")).collect();
    assert_eq!(said, taken, "newest first, ended ones too");
}

/// Whether an app kept it, before a person asked for its erasure and after the app answered.
#[test]
fn r46_what_was_erased_is_kept_no_longer_and_what_was_refused_is() {
    const SHOP: &str = "org.example.keeper";
    let pairs = |engine: &Engine| -> Vec<String> {
        let rows = engine.list_retention(USER).unwrap();
        let said = |row: &Row| format!("{} {}", text(row, "purpose"), text(row, "state"));
        rows.iter().map(said).collect()
    };
    let outcomes = [
        (Progress::Done, "", "", "erased", "done"),
        (Progress::Done, "orders", "", "erased", "done"),
        (Progress::Done, "support", "", "active", "done"),
        (Progress::Done, "", "given.name", "erased", "done"),
        (Progress::Done, "", EMAIL, "active", "done"),
        (Progress::Failed, "", "", "active", "open"),
        (Progress::Waiting, "", "", "active", "open"),
    ];
    let refusals = GROUNDS.map(|ground| (Progress::Refused, ground));
    let refused =
        refusals.iter().map(|(progress, ground)| (*progress, "", "", "active", "refused", *ground));
    let answered = outcomes
        .map(|(progress, purpose, data, kept, end)| (progress, purpose, data, kept, end, ""));
    for (progress, purpose, data, kept, end, ground) in answered.into_iter().chain(refused) {
        let device = Device::new();
        let collects = |purpose: &str, data: &str| {
            format!(
                "[[collects]]\npurpose = \"{purpose}\"\ndata = [\"{data}\"]\nbasis = \"contract\"\n\
                 retention = \"30 days\"\nnotice = \"2025-10-10\"\n"
            )
        };
        let declared = collects("orders", "given.name") + &collects("support", EMAIL);
        device.declare(SHOP, &declared);
        let engine = device.start();
        let shop = App::declared(&engine, SHOP);
        assert_eq!(shop.check_one(&engine, "orders", "given.name"), Reason::Contract);
        let opening =
            Opening { right: CaseRight::Erasure, app: SHOP, purpose, data, statement: "" };
        let id = engine.open_case(USER, &opening, By::Shell).unwrap();
        assert_eq!(pairs(&engine), ["orders active"]);
        device.pass(60);
        engine.note_holder(id, SHOP, progress, ground).unwrap();
        assert_eq!(pairs(&engine), [format!("orders {kept}")], "{progress:?} {purpose} {data}");
        let state = text(&engine.get_case(USER, &id.to_string()).unwrap(), "state");
        assert_eq!(state, end, "{progress:?} {ground}");
    }
    // What was collected after the person asked is not what they asked about.
    let device = Device::new();
    device.declare(
        SHOP,
        "[[collects]]\npurpose = \"orders\"\ndata = [\"given.name\"]\nbasis = \"contract\"\n\
         retention = \"30 days\"\nnotice = \"2025-10-10\"\n",
    );
    let engine = device.start();
    let shop = App::declared(&engine, SHOP);
    let opening =
        Opening { right: CaseRight::Erasure, app: SHOP, purpose: "", data: "", statement: "" };
    let id = engine.open_case(USER, &opening, By::Shell).unwrap();
    device.pass(60);
    assert_eq!(shop.check_one(&engine, "orders", "given.name"), Reason::Contract);
    engine.note_holder(id, SHOP, Progress::Done, "").unwrap();
    assert_eq!(pairs(&engine), ["orders active"]);
}

/// What an export says of every choice, but for when and how it was made: read from its text.
fn choices(engine: &Engine) -> Vec<[String; 3]> {
    let lines = engine.export_head(USER).unwrap();
    let read = |row: &Row| -> serde_json::Value {
        serde_json::from_str(&serde_json::to_string(row).unwrap()).unwrap()
    };
    let chosen = lines.iter().map(read).filter(|line| line["kind"] == "choice");
    let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut said: Vec<[String; 3]> =
        chosen.map(|line| ["toggle", "app", "state"].map(|name| word(&line[name]))).collect();
    said.sort();
    said
}

/// A copy is structured, and what reads it can go on from it: on another device it makes the same choices.
#[test]
fn r49_a_copy_goes_round_to_another_device() {
    let device = Device::new();
    let engine = device.start();
    let policy = engine.policy().unwrap();
    let mut states = ["on", "off", "ask"].into_iter().cycle();
    for (_, toggle) in policy.catalog.toggles.iter() {
        let apps: &[&str] = match toggle.scope {
            Scope::All => &[""],
            Scope::App => &[GAME, "*"],
            Scope::Both => &["", GAME, WEATHER],
            Scope::Site => &["", "site:mi.com"],
        };
        for (app, state) in apps.iter().zip(&mut states) {
            // Actions take no state, essential cookies are always on: that is in no copy.
            let _refused = set(&engine, &[(&toggle.id, app, state)]);
        }
    }
    let copy = choices(&engine);
    for state in ["on", "off", "ask"] {
        assert!(copy.iter().any(|[_, _, word]| word == state), "{state}: {copy:?}");
    }
    let other = Device::new();
    let other_engine = other.start();
    for [toggle, app, state] in &copy {
        set(&other_engine, &[(toggle, app, state)]).unwrap();
    }
    assert_eq!(choices(&other_engine), copy);
    assert_eq!(choices(&engine), copy, "and the copy took nothing away");
}

/// An app that sends messages of every type, and what everybody has to hear.
fn messages(device: &Device) -> Engine {
    let collects = |purpose: &str, basis: &str| {
        format!(
            "[[collects]]\npurpose = \"{purpose}\"\ndata = [\"{EMAIL}\"]\nbasis = \"{basis}\"\n\
             retention = \"30 days\"\nnotice = \"2025-10-10\"\n"
        )
    };
    let all: String = TYPES.iter().map(|purpose| collects(purpose, "consent")).collect();
    device.declare(MESSAGES, &(all + &collects("notices.important", "contract")));
    device.start()
}

#[test]
fn r53_unsubscribing_from_one_type_of_message_leaves_the_others() {
    for unsubscribed in TYPES {
        for app in ["", MESSAGES] {
            let device = Device::new();
            let engine = messages(&device);
            let all_on = ["marketing"].iter().chain(&TYPES).map(|toggle| (*toggle, "", "on"));
            set(&engine, &all_on.collect::<Vec<_>>()).unwrap();
            let sender = App::declared(&engine, MESSAGES);
            for purpose in TYPES {
                assert_eq!(sender.check_one(&engine, purpose, EMAIL), Reason::Consented);
            }
            set(&engine, &[(unsubscribed, app, "off")]).unwrap();
            for purpose in TYPES {
                let expected = match purpose == unsubscribed {
                    true => Reason::ToggleOff,
                    false => Reason::Consented,
                };
                assert_eq!(sender.check_one(&engine, purpose, EMAIL), expected, "{purpose}");
            }
            let important = sender.check_one(&engine, "notices.important", EMAIL);
            assert_eq!(important, Reason::Contract, "what everybody has to hear (P18)");
            // One switch unsubscribes from all.
            set(&engine, &[(unsubscribed, app, "on"), ("marketing", "", "off")]).unwrap();
            for purpose in TYPES {
                assert_eq!(sender.check_one(&engine, purpose, EMAIL), Reason::ToggleOff);
            }
        }
    }
}

#[test]
fn r55_every_item_has_its_class_and_nobody_sees_anothers_state() {
    let device = Device::new();
    let engine = device.start();
    let policy = engine.policy().unwrap();
    for (_, item) in policy.catalog.data.iter() {
        let says_nothing = item.sensitivity == Sensitivity::Public;
        assert!(!(item.personal && says_nothing), "{} is personal, and in no class", item.id);
    }
    set(&engine, &[("ad-services", GAME, "on")]).unwrap();
    let right = CaseRight::Access;
    let opening = Opening { right, app: GAME, purpose: "", data: "", statement: "" };
    let case = engine.open_case(USER, &opening, By::Shell).unwrap().to_string();
    App::declared(&engine, GAME).check_one(&engine, "ads.personalised", "device.oaid");
    let nothing: [(&str, Vec<Row>); 4] = [
        ("cases", engine.list_cases(OTHER_USER).unwrap()),
        ("consents", engine.list_consents(OTHER_USER).unwrap()),
        ("retention", engine.list_retention(OTHER_USER).unwrap()),
        ("rights", engine.rights_held(OTHER_USER)),
    ];
    for (what, rows) in nothing {
        assert_eq!(rows, [], "another user sees {what}");
    }
    assert!(engine.get_case(OTHER_USER, &case).is_err());
    assert!(engine.report_of(OTHER_USER, &case).is_err());
    let copied = engine.export_head(OTHER_USER).unwrap();
    assert!(copied.iter().all(|row| !matches!(&*text(row, "kind"), "choice" | "consent")));
}
