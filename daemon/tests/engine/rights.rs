//! Rights that hold: exercised, they stop what rests on what they object to, at once and for good, until
//! they are lifted (R47, R48, R51).

use consentd::decision::Reason;
use consentd::engine::EngineError;
use consentd::engine::error::Invalid;
use consentd::engine::held::{Claim, Lasting};
use consentd::engine::settings::By;
use consentd::ledger::What;

use crate::device::{
    ADS, App, Device, GAME, OAID, OTHER_USER, USER, check, events, reasons, set, stored, text,
};

const SECURITY: &str = "org.example.security";
const SAFE: &str = "security.systems";
const CRASH: &str = "logs.crash";

fn to_all(right: Lasting) -> Claim<'static> {
    Claim { right, app: "", purpose: "", data: "" }
}

#[test]
fn r47_an_objection_holds_from_the_next_check_until_it_is_lifted() {
    let device = Device::new();
    let engine = device.start();
    let security = App::declared(&engine, SECURITY);
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::LegitimateInterest);
    engine.exercise(USER, &to_all(Lasting::Objection), By::Shell).unwrap();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    let others = check(&engine, OTHER_USER, Some(&security.0), SAFE, &[CRASH]);
    assert_eq!(reasons(&others), [Reason::LegitimateInterest], "it is one user's");
    drop(engine);
    let engine = device.start();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    engine.lift(USER, &to_all(Lasting::Objection), By::Shell).unwrap();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::LegitimateInterest);
    drop(engine);
    let engine = device.start();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::LegitimateInterest);
    let told: Vec<_> = events(&engine).into_iter().map(|event| (event.what, event.state)).collect();
    let word = Some("objection".to_owned());
    assert_eq!(told, [(What::Right, word.clone()), (What::RightLifted, word)]);
}

#[test]
fn r47_a_consent_after_an_objection_counts_and_one_before_does_not() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    let claim = Claim { app: GAME, ..to_all(Lasting::Objection) };
    engine.exercise(USER, &claim, By::Shell).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Objected);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    engine.exercise(USER, &claim, By::Shell).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Objected, "objected once more");
}

#[test]
fn r48_a_restriction_reaches_what_it_names_and_a_reset_leaves_it() {
    let device = Device::new();
    let engine = device.start();
    let security = App::declared(&engine, SECURITY);
    let claim = Claim { app: SECURITY, data: CRASH, ..to_all(Lasting::Restriction) };
    engine.exercise(USER, &claim, By::Shell).unwrap();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Restricted);
    let kept = engine.rights_held(USER);
    assert_eq!(kept.len(), 1);
    let said = ["right", "app", "purpose", "data"].map(|name| text(&kept[0], name));
    assert_eq!(said, ["restriction", SECURITY, "", CRASH]);
    engine.reset(USER, SECURITY, By::Shell).unwrap();
    engine.forget(USER, SECURITY, By::Shell).unwrap();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Restricted);
    let other = Claim { data: OAID, ..claim };
    engine.lift(USER, &other, By::Shell).unwrap();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Restricted, "another was lifted");
}

#[test]
fn a_right_that_the_disk_does_not_take_holds_all_the_same_and_is_written_later() {
    let device = Device::new();
    let engine = device.start();
    let security = App::declared(&engine, SECURITY);
    device.refuse_changes();
    let error = engine.exercise(USER, &to_all(Lasting::Objection), By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::NotStored(_)), "{error}");
    assert_eq!(engine.unsaved(), 1);
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    engine.lift(USER, &to_all(Lasting::Objection), By::Shell).unwrap_err();
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    device.accept_changes();
    engine.retry().unwrap();
    drop(engine);
    assert_eq!(security.check_one(&device.start(), SAFE, CRASH), Reason::Objected);
}

#[test]
fn a_store_that_is_older_than_an_objection_learns_of_it_from_the_ledger() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("find-device", "", "on")]).unwrap();
    let backup = engine.back_up().unwrap();
    let claim = Claim { app: SECURITY, purpose: SAFE, ..to_all(Lasting::Objection) };
    engine.exercise(USER, &claim, By::Shell).unwrap();
    engine.restore_store(&backup).unwrap();
    let security = App::declared(&engine, SECURITY);
    assert_eq!(security.check_one(&engine, SAFE, CRASH), Reason::Objected);
    assert_eq!(stored(&engine, "find-device", ""), "on");
    assert_eq!(text(&engine.rights_held(USER)[0], "purpose"), SAFE);
}

#[test]
fn what_is_not_there_cannot_be_objected_to() {
    let device = Device::new();
    let engine = device.start();
    let refused = |app, purpose, data| {
        let claim = Claim { right: Lasting::Objection, app, purpose, data };
        engine.exercise(USER, &claim, By::Shell).unwrap_err()
    };
    assert!(matches!(refused("org.nobody", "", ""), EngineError::UnknownApp { .. }));
    assert!(matches!(refused("*", "", ""), EngineError::UnknownApp { .. }));
    let error = refused("", "nothing", "");
    assert!(matches!(error, EngineError::Invalid(Invalid::UnknownPurpose(_))), "{error}");
    let error = refused("", "", "nothing");
    assert!(matches!(error, EngineError::Invalid(Invalid::UnknownData(_))), "{error}");
    assert!(matches!(refused("", &"x".repeat(129), ""), EngineError::TooLarge(_)));
    assert_eq!(engine.rights_held(USER), []);
    assert_eq!(events(&engine), []);
}
