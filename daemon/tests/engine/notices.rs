//! Notices: a consent holds for what existed under the notice it was given under, and for nothing
//! newer (R39).

use consentd::decision::Reason;
use consentd::engine::Engine;
use consentd::engine::change::SetOptions;

use crate::device::{ADS, App, BEGIN, DAY, Device, GAME, OAID, USER, set, set_with, text};

/// Shows the same notice as the user's consent is to be under.
fn under(notice: &str) -> SetOptions {
    SetOptions { notice: Some(notice.into()), ..SetOptions::default() }
}

/// An app with one pair since 2019 and one since 2025.
const OLD_AND_NEW: &str = r#"
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
