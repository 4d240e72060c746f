//! OAID, VAID, AAID: judged as any check, the same until they are reset, and never the same again (R59).

use std::collections::BTreeSet;

use consentd::decision::{Context, Reason};
use consentd::engine::change::Hold;
use consentd::engine::error::Invalid;
use consentd::engine::identifiers::{About, Given, Identifier};
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::{Asker, Engine, EngineError};
use consentd::ledger::What;
use consentd::pseudonym::{Kind, ZERO};
use consentd::row::Cell;

use crate::device::{ADS, App, Device, OTHER_USER, USER, allow_for, events, records, set, text};
use crate::recovery::{damage, lose_ledger};

const CHAT: &str = "org.acme.chat";
const MAIL: &str = "org.acme.mail";
const SOLO: &str = "org.solo.notes";

/// Declares an app that asks for all three for ads.
fn declare(device: &Device, app: &str, vendor: &str) {
    let file = format!("apps.d/{}.toml", app.replace('.', "-"));
    let vendor = if vendor.is_empty() { String::new() } else { format!("vendor = \"{vendor}\"\n") };
    let collects = "purpose = \"ads.personalised\"\nbasis = \"consent\"\nretention = \"30 days\"\n\
                    data = [\"device.oaid\", \"app.vaid\", \"app.aaid\"]\nnotice = \"2025-10-10\"\n";
    device.write(
        &file,
        &format!(
            "[app]\nid = \"{app}\"\nname = \"Of a test\"\n{vendor}\n[identity]\n\
             executable = \"/opt/{app}/bin\"\n\n[[collects]]\n{collects}"
        ),
    );
}

/// Two apps of one vendor and one of none; the user's ads are on.
fn device() -> (Device, Engine) {
    let device = Device::new();
    declare(&device, CHAT, "acme.org");
    declare(&device, MAIL, "acme.org");
    declare(&device, SOLO, "");
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    (device, engine)
}

fn get(engine: &Engine, user: u32, app: &str, kind: Kind, purpose: &str) -> Identifier {
    let caller = App::declared(engine, app).0;
    get_as(engine, Asker { user, caller: Some(&caller) }, kind, purpose)
}

fn get_as(engine: &Engine, asker: Asker<'_>, kind: Kind, purpose: &str) -> Identifier {
    let context = Context::default();
    let about = About { purpose, context: &context, tag: "" };
    match engine.identifier(asker, kind, &about).unwrap() {
        Given::Now(given) => given,
        Given::WaitsForDisk => engine.identifier_durably(asker, kind, &about).unwrap(),
    }
}

/// A value that is given.
fn value(engine: &Engine, app: &str, kind: Kind) -> String {
    let given = get(engine, USER, app, kind, ADS);
    assert_eq!(given.ruling.reason, Reason::Consented);
    assert!(!given.is_limited());
    given.value
}

fn values(engine: &Engine, app: &str) -> [String; 3] {
    Kind::ALL.map(|kind| value(engine, app, kind))
}

#[test]
fn r59_each_kind_reaches_as_far_as_it_says() {
    let (_device, engine) = device();
    let [chat, mail, solo] = [CHAT, MAIL, SOLO].map(|app| values(&engine, app));
    assert_eq!([&chat[0], &chat[0]], [&mail[0], &solo[0]], "an OAID is all apps'");
    assert_eq!(chat[1], mail[1], "a VAID is the vendor's");
    assert_ne!(chat[1], solo[1]);
    let all: BTreeSet<_> = [chat, mail, solo].concat().into_iter().collect();
    assert_eq!(all.len(), 1 + 2 + 3, "and no two others are alike: {all:?}");
}

#[test]
fn r59_an_identifier_is_the_same_until_it_is_reset_whatever_becomes_of_the_daemon() {
    let (device, engine) = device();
    let before = values(&engine, CHAT);
    assert_eq!(values(&engine, CHAT), before);
    engine.close();
    drop(engine);
    device.reboot();
    assert_eq!(values(&device.start(), CHAT), before);
}

#[test]
fn r59_no_two_users_have_an_identifier_in_common() {
    let (_device, engine) = device();
    engine
        .set(
            OTHER_USER,
            &[consentd::engine::change::Change { toggle: "ad-services", app: "", state: "on" }],
            &Default::default(),
            By::Shell,
        )
        .unwrap();
    for kind in Kind::ALL {
        let other = get(&engine, OTHER_USER, CHAT, kind, ADS);
        assert!(!other.is_limited());
        assert_ne!(other.value, value(&engine, CHAT, kind), "{kind:?}");
    }
    // One resets, the other keeps.
    let other = get(&engine, OTHER_USER, CHAT, Kind::Oaid, ADS);
    engine.reset_identifier(USER, Kind::Oaid, None, By::Shell).unwrap();
    assert_eq!(get(&engine, OTHER_USER, CHAT, Kind::Oaid, ADS), other);
}

#[test]
fn r59_a_reset_changes_all_of_its_kind_and_no_other() {
    for kind in Kind::ALL {
        let (device, engine) = device();
        let before = [CHAT, MAIL, SOLO].map(|app| values(&engine, app));
        engine.reset_identifier(USER, kind, None, By::Settings).unwrap();
        let check = |engine: &Engine| {
            for (app, before) in [CHAT, MAIL, SOLO].into_iter().zip(&before) {
                for (other, before) in Kind::ALL.into_iter().zip(before) {
                    let same = value(engine, app, other) == *before;
                    assert_eq!(same, other != kind, "{app} {other:?} after {kind:?}");
                }
            }
        };
        check(&engine);
        let event = events(&engine).pop().unwrap();
        let said = (event.what, event.state.as_deref(), event.app.as_deref(), event.by.as_deref());
        assert_eq!(said, (What::IdentifierReset, Some(kind.word()), Some(""), Some("settings")));
        drop(engine);
        check(&device.start());
    }
}

#[test]
fn r59_one_app_s_reset_is_its_own_and_its_vendor_s() {
    let (_device, engine) = device();
    let before = [CHAT, MAIL, SOLO].map(|app| values(&engine, app));
    engine.reset_identifier(USER, Kind::Aaid, Some(CHAT), By::Shell).unwrap();
    engine.reset_identifier(USER, Kind::Vaid, Some(CHAT), By::Shell).unwrap();
    let after = [CHAT, MAIL, SOLO].map(|app| values(&engine, app));
    let changed: Vec<[bool; 3]> = (0..3)
        .map(|app| std::array::from_fn(|kind| before[app][kind] != after[app][kind]))
        .collect();
    assert_eq!(changed, [[false, true, true], [false, true, false], [false, false, false]]);
    assert_eq!(after[0][1], after[1][1], "still the vendor's");
    let error = engine.reset_identifier(USER, Kind::Oaid, Some(CHAT), By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::Invalid(Invalid::OneForAllApps)), "{error:?}");
    for (app, expected) in
        [("org.example.nobody", "UnknownApp"), ("", "UnknownApp"), ("*", "UnknownApp")]
    {
        let error = engine.reset_identifier(USER, Kind::Aaid, Some(app), By::Shell).unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{app:?} {error:?}");
    }
}

#[test]
fn r59_what_is_refused_is_all_zero_recorded_and_says_why() {
    let (_device, engine) = device();
    let chat = App::declared(&engine, CHAT).0;
    let stranger = App::undeclared("org.example.stranger").0;
    let asks = |user, caller, purpose| {
        let given = get_as(&engine, Asker { user, caller }, Kind::Aaid, purpose);
        assert!(given.is_limited(), "{given:?}");
        assert_eq!(given.value, ZERO);
        given.ruling.reason
    };
    assert_eq!(asks(OTHER_USER, Some(&chat), ADS), Reason::ToggleOff, "off until switched on");
    assert_eq!(asks(USER, Some(&chat), "content.personalised"), Reason::Undeclared);
    assert_eq!(asks(USER, Some(&chat), "nothing"), Reason::UnknownPurpose);
    assert_eq!(asks(USER, Some(&stranger), ADS), Reason::Undeclared);
    assert_eq!(asks(USER, None, ADS), Reason::Unidentified);
    engine.lock(LockedFor::Everybody, &["ad-services"], Hold::Off).unwrap();
    assert_eq!(asks(USER, Some(&chat), ADS), Reason::Locked);
    let reasons: Vec<String> = records(&engine)
        .into_iter()
        .filter(|(_, data, _, _)| data == "app.aaid")
        .map(|(_, _, reason, _)| reason)
        .collect();
    assert_eq!(
        reasons,
        ["undeclared", "unknown-purpose", "undeclared", "unidentified", "locked"]
            .map(str::to_owned)
    );
    assert!(
        engine.identifiers_of(USER, CHAT).unwrap().iter().all(|row| text(row, "value") == ZERO)
    );
}

#[test]
fn r59_identifiers_are_refused_as_one_group() {
    let (_device, engine) = device();
    values(&engine, CHAT);
    for (toggle, app) in [("ad-services", CHAT), ("app-access", CHAT), ("ad-services", "")] {
        set(&engine, &[(toggle, app, "off")]).unwrap();
        for kind in Kind::ALL {
            let given = get(&engine, USER, CHAT, kind, ADS);
            assert!(given.is_limited(), "{toggle} {app:?} {kind:?} {given:?}");
        }
        set(&engine, &[(toggle, app, "on")]).unwrap();
    }
    // What was refused in between is what it was.
    values(&engine, CHAT);
}

#[test]
fn r59_a_forgotten_app_that_comes_back_is_another_to_itself() {
    let (device, engine) = device();
    let before = [CHAT, MAIL, SOLO].map(|app| values(&engine, app));
    engine.forget(USER, CHAT, By::Shell).unwrap();
    engine.forget(USER, SOLO, By::Shell).unwrap();
    let after = [CHAT, MAIL, SOLO].map(|app| values(&engine, app));
    let changed: Vec<[bool; 3]> = (0..3)
        .map(|app| std::array::from_fn(|kind| before[app][kind] != after[app][kind]))
        .collect();
    // The vendor of one has another app; the other is its own vendor.
    assert_eq!(changed, [[false, false, true], [false; 3], [false, true, true]]);
    // The last of its vendor.
    std::fs::remove_file(device.path().join("apps.d/org-acme-chat.toml")).unwrap();
    engine.reload().unwrap();
    engine.forget(USER, MAIL, By::Shell).unwrap();
    assert_ne!(value(&engine, MAIL, Kind::Vaid), after[1][1]);
    // As if it were new keeps what an app is called.
    let kept = values(&engine, MAIL);
    engine.reset(USER, MAIL, By::Shell).unwrap();
    assert_eq!(values(&engine, MAIL), kept);
}

#[test]
fn r59_after_a_restore_every_identifier_is_another_so_that_none_that_was_reset_comes_back() {
    let (device, engine) = device();
    let first = values(&engine, CHAT);
    engine.close();
    engine.reset_identifier(USER, Kind::Oaid, None, By::Shell).unwrap();
    let second = values(&engine, CHAT);
    let backup = engine.back_up().unwrap();
    engine.restore_store(&backup).unwrap();
    set(
        &engine,
        &[("ad-services", "", "on"), ("app-access", CHAT, "on"), ("ad-services", CHAT, "on")],
    )
    .unwrap();
    let third = values(&engine, CHAT);
    let all: BTreeSet<_> = [first, second, third.clone()].concat().into_iter().collect();
    assert_eq!(all.len(), 3 + 1 + 3, "{all:?}");
    // A damaged store with its ledger gone, too: the backup alone knows anything.
    engine.close();
    drop(engine);
    lose_ledger(&device);
    damage(&device);
    let engine = device.start();
    set(
        &engine,
        &[("ad-services", "", "on"), ("app-access", CHAT, "on"), ("ad-services", CHAT, "on")],
    )
    .unwrap();
    for (now, then) in values(&engine, CHAT).iter().zip(&third) {
        assert_ne!(now, then);
    }
}

#[test]
fn r59_an_older_store_put_back_by_hand_revives_no_identifier() {
    let (device, engine) = device();
    let first = values(&engine, CHAT);
    engine.close();
    drop(engine);
    let old = std::fs::read(device.settings_path()).unwrap();
    let engine = device.start();
    engine.reset_identifier(USER, Kind::Oaid, None, By::Shell).unwrap();
    values(&engine, CHAT);
    engine.close();
    drop(engine);
    std::fs::write(device.settings_path(), old).unwrap();
    // Whether or not somebody asks before the next start.
    device.start().close();
    let engine = device.start();
    set(
        &engine,
        &[("ad-services", "", "on"), ("app-access", CHAT, "on"), ("ad-services", CHAT, "on")],
    )
    .unwrap();
    let third = values(&engine, CHAT);
    assert!(third.iter().all(|value| !first.contains(value)), "{first:?} {third:?}");
    drop(engine);
    assert_eq!(values(&device.start(), CHAT), third, "and that is kept");
}

#[test]
fn an_allowance_for_one_time_gives_one_identifier() {
    let (_device, engine) = device();
    set(&engine, &[("ad-services", CHAT, "off")]).unwrap();
    allow_for(&engine, "ad-services", CHAT, "once", None).unwrap();
    assert!(!get(&engine, USER, CHAT, Kind::Oaid, ADS).is_limited());
    assert!(get(&engine, USER, CHAT, Kind::Oaid, ADS).is_limited());
}

#[test]
fn a_disk_that_takes_nothing_gives_no_identifier_and_resets_none() {
    let (device, engine) = device();
    device.refuse_in_settings("identifier_secrets");
    let given = get(&engine, USER, CHAT, Kind::Oaid, ADS);
    assert_eq!((given.value.as_str(), given.ruling.reason), (ZERO, Reason::StoreUnavailable));
    assert_eq!(records(&engine).pop().unwrap().2, "store-unavailable");
    device.accept_in_settings("identifier_secrets");
    let first = values(&engine, CHAT);
    device.refuse_changes();
    let error = engine.reset_identifier(USER, Kind::Oaid, None, By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::NotStored(_)), "{error:?}");
    assert_eq!(values(&engine, CHAT), first);
    device.accept_changes();
    engine.reset_identifier(USER, Kind::Oaid, None, By::Shell).unwrap();
    assert_ne!(values(&engine, CHAT)[0], first[0]);
}

#[test]
fn a_secret_is_drawn_for_whoever_is_given_something_and_nobody_else() {
    let (device, engine) = device();
    assert!(get(&engine, OTHER_USER, CHAT, Kind::Oaid, ADS).is_limited());
    let secrets = || -> u32 {
        let sql = "SELECT count(*) FROM identifier_secrets";
        device.settings_db().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(secrets(), 0);
    values(&engine, CHAT);
    assert_eq!(secrets(), 1);
}

#[test]
fn what_is_shown_is_when_and_by_what_and_of_one_app_what_it_would_get() {
    let (device, engine) = device();
    let shown = |engine: &Engine| -> Vec<[String; 5]> {
        let rows = engine.list_identifiers(USER);
        let alone = |row| match consentd::row::Row::get(row, "alone") {
            Some(Cell::Rows(rows)) => rows.iter().map(|row| text(row, "scope")).collect::<String>(),
            _ => panic!("no rows"),
        };
        let row = |row| {
            let [kind, reach, reset, by] =
                ["kind", "reach", "reset", "by"].map(|name| text(row, name));
            [kind, reach, reset, by, alone(row)]
        };
        rows.iter().map(row).collect()
    };
    let never = |kind: &str, reach: &str| [kind, reach, "", "", ""].map(str::to_owned);
    let none = [never("oaid", "device"), never("vaid", "vendor"), never("aaid", "app")];
    assert_eq!(shown(&engine), none);
    engine.reset_identifier(USER, Kind::Aaid, Some(CHAT), By::Shell).unwrap();
    assert_eq!(shown(&engine)[2], ["aaid", "app", "", "", "app:org.acme.chat"].map(str::to_owned));
    device.pass(60);
    engine.reset_identifier(USER, Kind::Aaid, None, By::Settings).unwrap();
    let at = device.clock_now().to_string();
    assert_eq!(shown(&engine)[2], ["aaid", "app", &at, "settings", ""].map(str::to_owned));

    let before = records(&engine);
    let rows = engine.identifiers_of(USER, CHAT).unwrap();
    assert_eq!(records(&engine), before, "looking is no check");
    // Nothing was given yet, so there is nothing to show; looking draws no secret.
    let told = |row| ["limited", "value"].map(|name| text(row, name));
    assert!(rows.iter().all(|row| told(row) == ["false", ""]), "{rows:?}");
    let given = values(&engine, CHAT);
    let rows = engine.identifiers_of(USER, CHAT).unwrap();
    let told: Vec<String> = rows.iter().map(|row| text(row, "value")).collect();
    assert_eq!(told, given);
    let error = engine.identifiers_of(USER, "org.example.nobody").unwrap_err();
    assert!(matches!(error, EngineError::UnknownApp { .. }), "{error:?}");
}

#[test]
fn a_vendor_is_one_word_or_the_declaration_is_rejected() {
    let long = "v".repeat(129);
    for (vendor, is_one) in [
        ("acme.org", true),
        ("Acme_1-x", true),
        ("ac me", false),
        ("ac\\u0000", false),
        (&*long, false),
    ] {
        let device = Device::new();
        declare(&device, CHAT, vendor);
        let engine = device.start();
        let warnings = engine.warnings().join("\n");
        assert_eq!(engine.policy().unwrap().app(CHAT).is_some(), is_one, "{vendor:?} {warnings}");
        assert_eq!(warnings.contains("is no vendor"), !is_one, "{warnings}");
    }
}
