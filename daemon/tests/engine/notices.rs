//! Notices: a consent holds for what existed under the notice it was given under, and for nothing
//! newer (R39).

use consentd::decision::Reason;
use consentd::engine::change::SetOptions;
use consentd::engine::settings::By;
use consentd::engine::{Engine, EngineError, PolicyError};
use consentd::ledger::What;

use crate::client::Client;
use crate::device::{
    ADS, App, BEGIN, DAY, Device, GAME, OAID, OTHER_USER, USER, events, set, set_with, text,
};

/// Shows the same notice as the user's consent is to be under.
fn under(notice: &str) -> SetOptions {
    SetOptions { notice: Some(notice.into()), ..SetOptions::default() }
}

/// An app with one pair since 2019 and one since 2025.
pub const OLD_AND_NEW: &str = r#"
[[collects]]
purpose = "ads.personalised"
data = ["ads.segments"]
basis = "consent"
retention = "90 days"
notice = "2019-12-09"

[[collects]]
purpose = "ads.personalised"
data = ["device.oaid"]
basis = "consent"
retention = "90 days"
notice = "2025-10-10"
"#;
const APP: &str = "org.example.ages";
const BOTH: [&str; 2] = ["ads.segments", OAID];
/// 2020-01-01: the notice of 2019 is in force.
const IN_2020: i64 = 1_577_836_800;

fn asked(engine: &Engine) -> Vec<Reason> {
    App::declared(engine, APP).check(engine, ADS, &BOTH)
}

#[test]
fn a_consent_under_an_older_notice_does_not_cover_newer_pairs() {
    let device = Device::new();
    device.declare(APP, OLD_AND_NEW);
    device.set_wall(IN_2020);
    let engine = device.start();
    device.set_wall(BEGIN);
    set_with(&engine, &[("ad-services", "", "on")], &under("2019-12-09")).unwrap();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    let consents = engine.list_consents(USER).unwrap();
    assert_eq!(text(&consents[0], "notice"), "2019-12-09");
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(asked(&engine), [Reason::Consented; 2]);
}

#[test]
fn new_wording_alone_asks_for_nothing() {
    let device = Device::new();
    device.declare(APP, OLD_AND_NEW);
    device.set_wall(IN_2020);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    device.set_wall(BEGIN);
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
}

#[test]
fn a_notice_counts_from_its_date_on() {
    let device = Device::new();
    device.set_wall(IN_2020);
    let engine = device.start();
    set_with(&engine, &[("ad-services", "", "on")], &under("2025-10-10")).unwrap_err();
    device.set_wall(BEGIN);
    set_with(&engine, &[("ad-services", "", "on")], &under("2025-10-10")).unwrap();
}

#[test]
fn a_pair_is_as_new_as_the_notice_in_force_when_it_was_first_loaded() {
    let device = Device::new();
    device.set_wall(IN_2020);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    drop(engine);

    // The app comes in 2026 and says that it has collected this since 2019.
    device.set_wall(BEGIN);
    device.declare(APP, OLD_AND_NEW);
    let engine = device.start();
    assert_eq!(asked(&engine), [Reason::NoticeChanged; 2]);
    drop(engine);
    // That is remembered: neither a restart nor a clock that went back makes the pair older.
    device.set_wall(IN_2020);
    let engine = device.start();
    assert_eq!(asked(&engine), [Reason::NoticeChanged; 2]);
}

#[test]
fn a_pair_does_not_become_newer_with_a_later_start() {
    let device = Device::new();
    device.declare(APP, OLD_AND_NEW);
    device.set_wall(IN_2020);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    drop(engine);
    device.set_wall(BEGIN);
    let engine = device.start();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    engine.reload().unwrap();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
}

#[test]
fn an_app_that_is_declared_again_keeps_the_age_of_its_pairs() {
    let device = Device::new();
    device.declare(APP, OLD_AND_NEW);
    device.set_wall(IN_2020);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    std::fs::remove_file(device.path().join("apps.d/org-example-ages.toml")).unwrap();
    engine.reload().unwrap();
    device.set_wall(BEGIN);
    device.declare(APP, OLD_AND_NEW);
    engine.reload().unwrap();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
}

#[test]
fn a_first_load_under_a_notice_that_is_gone_makes_no_pair_older() {
    let device = Device::new();
    device.declare(APP, OLD_AND_NEW);
    // A notice between the two: in force at the first load, and not in the next catalogue.
    let file = device.path().join("catalog/notices.toml");
    let notices = std::fs::read_to_string(&file).unwrap();
    let passing = notices.split("[[notice]]").nth(1).unwrap();
    let passing = passing.replace("2019-12-09", "2022-02-02");
    std::fs::write(
        &file,
        notices.replacen("[[notice]]", &format!("[[notice]]{passing}[[notice]]"), 1),
    )
    .unwrap();
    device.set_wall(1_650_000_000); // 2022-04-15
    let engine = device.start();
    set_with(&engine, &[("ad-services", "", "on")], &under("2019-12-09")).unwrap();
    assert_eq!(asked(&engine), [Reason::NoticeChanged; 2]);
    std::fs::write(&file, notices).unwrap();
    device.set_wall(BEGIN);
    engine.reload().unwrap();
    assert_eq!(asked(&engine), [Reason::NoticeChanged; 2]);
}

#[test]
fn a_consent_under_a_notice_that_is_gone_covers_nothing() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    device.edit("catalog/notices.toml", "2025-10-10", "2025-12-12");
    for app in std::fs::read_dir(device.path().join("apps.d")).unwrap() {
        let path = app.unwrap().path();
        let declaration = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, declaration.replace("2025-10-10", "2025-12-12")).unwrap();
    }
    device.pass(DAY);
    engine.reload().unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::NotSet);
}

/// A device on which the user consented in 2020, when one of the app's pairs was there.
fn consented_in_2020() -> (Device, Engine) {
    let device = Device::new();
    device.declare(APP, OLD_AND_NEW);
    device.set_wall(IN_2020);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    device.set_wall(BEGIN);
    (device, engine)
}

const OLD: &str = "2019-12-09";
const NEW: &str = "2025-10-10";

/// Some values of a notice, for the user.
fn said<const N: usize>(engine: &Engine, notice: &str, names: [&str; N]) -> [String; N] {
    let rows = engine.list_notices(USER).unwrap();
    let row = rows.iter().find(|row| text(row, "id") == notice).unwrap();
    names.map(|name| text(row, name))
}

#[test]
fn r39_what_is_declined_is_denied_and_what_was_agreed_to_stays() {
    let (device, engine) = consented_in_2020();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    let before = engine.list_consents(USER).unwrap();
    engine.decline(USER, &["ad-services"], NEW, By::Settings).unwrap();
    let declined = [Reason::Consented, Reason::NoticeDeclined];
    assert_eq!(asked(&engine), declined);
    assert_eq!(engine.list_consents(USER).unwrap(), before, "the consent stays as it was");
    let event = events(&engine).pop().unwrap();
    assert_eq!(
        (event.what, event.toggle.as_deref(), event.notice.as_deref(), event.by.as_deref()),
        (What::Decline, Some("ad-services"), Some(NEW), Some("settings"))
    );
    // It is remembered, and once is enough.
    let generation = engine.generation();
    engine.decline(USER, &["ad-services"], NEW, By::Settings).unwrap();
    engine.decline(USER, &["ad-services"], OLD, By::Settings).unwrap();
    assert_eq!(engine.generation(), generation);
    drop(engine);
    let engine = device.start();
    assert_eq!(asked(&engine), declined);
    // Who agrees after all is not held to it, nor is it held against a later consent.
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(asked(&engine), [Reason::Consented; 2]);
    set_with(&engine, &[("ad-services", "", "on")], &under(OLD)).unwrap();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    drop(engine);
    assert_eq!(asked(&device.start()), [Reason::Consented, Reason::NoticeChanged]);
}

#[test]
fn r39_an_open_gate_shows_what_was_declined_and_another_users_decline_is_theirs() {
    let (_device, engine) = consented_in_2020();
    let app = App::declared(&engine, APP);
    let page = Client::open(&engine, &app);
    assert_eq!(page.says(ADS, OAID), "ask notice-changed zero-uuid");
    let before = engine.generation();
    engine.decline(OTHER_USER, &["ad-services"], NEW, By::Shell).unwrap();
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    let generation = engine.decline(USER, &["ad-services"], NEW, By::Shell).unwrap();
    assert!(generation > before);
    assert_eq!(page.says(ADS, OAID), "deny notice-declined zero-uuid");
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeDeclined]);
    // The app is told that its answers changed.
    let asker = consentd::engine::Asker { user: USER, caller: Some(&app.0) };
    let context = consentd::decision::Context::default();
    let request = consentd::engine::Request::new(ADS, &BOTH, &context, "").unwrap();
    assert_eq!(engine.preview(asker, &request).generation, generation);
}

#[test]
fn r39_declining_needs_a_consent_toggle_and_a_notice_in_force() {
    let (device, engine) = consented_in_2020();
    let refused = |toggles: &[&str], notice: &str| {
        engine.decline(USER, toggles, notice, By::Shell).unwrap_err()
    };
    for (toggles, notice) in
        [(&[][..], NEW), (&["location"], NEW), (&["ad-services"], "2031-01-01")]
    {
        let error = refused(toggles, notice);
        assert!(matches!(error, EngineError::Invalid(_)), "{toggles:?} {notice}: {error:?}");
    }
    let error = refused(&["no-such"], NEW);
    assert!(matches!(error, EngineError::UnknownToggle { .. }), "{error:?}");
    device.set_wall(IN_2020);
    let error = refused(&["ad-services"], NEW);
    assert!(matches!(error, EngineError::Invalid(_)), "not in force yet: {error:?}");
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
    // A decline that the disk does not take is none.
    device.set_wall(BEGIN);
    device.refuse_changes();
    let error = refused(&["ad-services"], NEW);
    assert!(matches!(error, EngineError::NotStored(_)), "{error:?}");
    assert_eq!(asked(&engine), [Reason::Consented, Reason::NoticeChanged]);
}

#[test]
fn r39_a_notice_waits_until_it_is_answered() {
    let (_device, engine) = consented_in_2020();
    let names = ["pending", "asks", "declined", "in_force"];
    let waits = ["true", "ad-services", "", "true"];
    assert_eq!(said(&engine, NEW, names), waits);
    assert!(said(&engine, NEW, ["apps"])[0].split(' ').any(|app| app == APP));
    // What it brought is computed from the declarations.
    assert!(said(&engine, NEW, ["new_data"])[0].split(' ').any(|item| item == OAID));
    assert_eq!(said(&engine, OLD, ["pending", "asks"]), ["false", ""]);
    // To know of it is not to agree to it.
    engine.tell(USER, NEW).unwrap();
    assert_eq!(said(&engine, NEW, names), waits);
    assert_eq!(engine.pending_notices(USER).unwrap(), [NEW]);
    engine.decline(USER, &["ad-services"], NEW, By::Shell).unwrap();
    assert_eq!(said(&engine, NEW, names), ["false", "", "ad-services", "true"]);
    assert!(engine.pending_notices(USER).unwrap().is_empty());
    // Somebody who never chose has nothing that changed.
    assert!(engine.pending_notices(OTHER_USER).unwrap().is_empty());
}

/// Adds a notice to the catalogue.
fn add_notice(device: &Device, id: &str, more: &str) {
    let file = device.path().join("catalog/notices.toml");
    let notices = std::fs::read_to_string(&file).unwrap();
    let one = notices.split("[[notice]]").nth(2).unwrap().replace(NEW, id);
    std::fs::write(&file, format!("{notices}\n[[notice]]\n{more}\n{one}")).unwrap();
}

#[test]
fn r39_a_material_notice_is_told_once_and_new_wording_is_not() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("app-access", GAME, "on")]).unwrap();
    assert!(engine.pending_notices(USER).unwrap().is_empty());
    add_notice(&device, "2026-01-20", "");
    engine.reload().unwrap();
    assert!(engine.pending_notices(USER).unwrap().is_empty(), "not in force yet");
    device.pass(10 * DAY);
    assert!(engine.pending_notices(USER).unwrap().is_empty(), "new wording alone");
    assert_eq!(said(&engine, "2026-01-20", ["material", "in_force"]), ["false", "true"]);
    // With something new it is material, whatever the basis of that is.
    device.declare(
        "org.example.late",
        "[[collects]]\npurpose = \"support\"\ndata = [\"device.model\"]\nbasis = \"contract\"\n\
         retention = \"1 day\"\nnotice = \"2026-01-20\"\n",
    );
    engine.reload().unwrap();
    assert_eq!(engine.pending_notices(USER).unwrap(), ["2026-01-20"]);
    let brought = said(&engine, "2026-01-20", ["new_purposes", "new_data", "asks", "material"]);
    assert_eq!(brought, ["support", "device.model", "", "true"]);
    engine.tell(USER, "2026-01-20").unwrap();
    assert!(engine.pending_notices(USER).unwrap().is_empty());
    drop(engine);
    assert!(device.start().pending_notices(USER).unwrap().is_empty(), "told once");
}

#[test]
fn r41_a_change_of_owner_is_told_though_it_brings_nothing() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    device.pass(10 * DAY);
    add_notice(&device, "2026-01-20", "kind = \"owner\"");
    engine.reload().unwrap();
    assert_eq!(engine.pending_notices(USER).unwrap(), ["2026-01-20"]);
    assert_eq!(said(&engine, "2026-01-20", ["kind", "asks"]), ["owner", ""]);
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented, "consents stay");
    engine.tell(USER, "2026-01-20").unwrap();
    assert!(engine.pending_notices(USER).unwrap().is_empty());
}

#[test]
fn r39_a_notice_to_come_is_waited_for_and_told_when_it_takes_effect() {
    let device = Device::new();
    let engine = device.start();
    assert_eq!(engine.next_notice(), None);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    add_notice(&device, "2026-01-20", "kind = \"owner\"");
    add_notice(&device, "2026-01-30", "kind = \"owner\"");
    engine.reload().unwrap();
    for (pass, pending, days) in [
        (0, &[][..], Some(5)),
        (5, &["2026-01-20"], Some(10)),
        (10, &["2026-01-20", "2026-01-30"], None),
    ] {
        device.pass(pass * DAY);
        assert_eq!(engine.next_notice(), days.map(|days| days * DAY * 1_000));
        assert_eq!(engine.pending_notices(USER).unwrap(), pending);
    }
}

#[test]
fn r39_a_catalogue_whose_notices_went_back_is_refused_and_loses_nothing() {
    let device = Device::new();
    let engine = device.start();
    add_notice(&device, "2026-01-10", "");
    engine.reload().unwrap();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let consents = engine.list_consents(USER).unwrap();
    let file = device.path().join("catalog/notices.toml");
    let newer = std::fs::read_to_string(&file).unwrap();
    let older = newer.rsplit_once("[[notice]]").unwrap().0;
    std::fs::write(&file, older).unwrap();
    let game = App::declared(&engine, GAME);
    for error in [engine.check_policy().unwrap_err(), engine.reload().unwrap_err()] {
        assert!(matches!(error, PolicyError::OlderNotice { .. }), "{error:?}");
        let said = error.to_string();
        assert!(said.contains(NEW) && said.contains("2026-01-10"), "{said}");
    }
    // The one in force stays so; a start has none, and denies.
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    drop(engine);
    let engine = device.start();
    let nobody = App::undeclared(GAME);
    assert_eq!(nobody.check_one(&engine, ADS, OAID), Reason::CatalogUnavailable);
    // Nothing is lost.
    std::fs::write(&file, newer).unwrap();
    engine.reload().unwrap();
    assert_eq!(App::declared(&engine, GAME).check_one(&engine, ADS, OAID), Reason::Consented);
    assert_eq!(engine.list_consents(USER).unwrap(), consents);
    // A clock that went back makes no catalogue older.
    device.set_wall(IN_2020);
    engine.reload().unwrap();
}
