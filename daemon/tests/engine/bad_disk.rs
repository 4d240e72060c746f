//! A disk that is full or broken from some write on, or at one alone, and a kill -9 at any of them: the
//! whole daemon's heart at work on it, each write, sync, creation and rename in turn. What was
//! acknowledged is there afterwards, what was switched off is never allowed, and nothing else happened.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use consentd::decision::Decision;
use consentd::engine::Engine;
use consentd::engine::settings::By;

use crate::device::{
    ADS, APPROXIMATE, App, DAY, Device, GAME, OAID, PLACE, PRECISE, USER, WEATHER, allow_for, copy,
    set, text,
};
use crate::stage;

const DIR: &str = "FAULT_DIR";
const AT: &str = "FAULT_AT";

/// The library that fails in the disk's place; none if it cannot be made here.
fn shim(dir: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/faults.c");
    let library = dir.join("faults.so");
    let mut cc = Command::new("cc");
    let made =
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    if made.is_ok_and(|status| status.success()) {
        return Some(library);
    }
    eprintln!("SKIPPED: no cc to make a bad disk with: apt-get install gcc");
    None
}

/// Plays a part on a bad disk. Returns what it said, and how many things it did to files.
fn play(part: &str, device: &Device, shim: &Path, kind: &str, at: u64) -> (Vec<String>, u64) {
    let log = device.path().join("writes");
    drop(fs::remove_file(&log));
    let mut command = Command::new("env");
    command
        .arg(format!("LD_PRELOAD={}", shim.display()))
        .arg(format!("{DIR}={}/", device.state_dir().display()))
        .arg(format!("FAULT_LOG={}", log.display()))
        .arg(format!("FAULT_KIND={kind}"))
        .arg(format!("{AT}={at}"));
    let mut player = stage::play(part, device.path(), command);
    let said: Vec<String> = std::iter::from_fn(|| player.heard()).collect();
    let status = player.process.wait().unwrap();
    assert!(kind == "kill" || status.success(), "{part} {kind} {at}: {status}; it said {said:?}");
    (said, fs::metadata(&log).map_or(0, |log| log.len()))
}

/// Changes and checks; says what was acknowledged.
pub fn plays_on_a_bad_disk(device: &Device) {
    let engine = device.start();
    let Ok(policy) = engine.policy() else {
        // Nothing was opened: that everything is denied is all there is to see.
        let game = App::undeclared(GAME);
        let answer = game.check(&engine, ADS, &[OAID])[0];
        assert_ne!(answer.decision(), Decision::Allow);
        return stage::say("done");
    };
    drop(policy);
    let steps: [&[(&str, &str, &str)]; 6] = [
        &[("ad-services", "", "on"), ("app-access", GAME, "off")],
        &[("app-access", GAME, "on"), ("location.app", WEATHER, "on")],
        &[("ad-services", GAME, "off")],
        &[("location.app", WEATHER, "off"), ("marketing", "", "on")],
        &[("location.precise", WEATHER, "on"), ("user-experience", "", "off")],
        &[("ad-services", "", "off")],
    ];
    for changes in steps {
        let before = engine.health().row;
        for (toggle, app, state) in changes {
            stage::say(format!("wants {toggle} {app:?} {state}"));
        }
        let outcome = set(&engine, changes);
        if let Ok(generation) = outcome {
            stage::say(format!("generation {generation}"));
        }
        for (toggle, app, state) in changes {
            let row = engine.get(USER, toggle, app).unwrap();
            if outcome.is_ok() {
                stage::say(format!("holds {toggle} {app:?} {state}"));
                assert_eq!(text(&row, "stored"), *state);
            } else if *state == "off" && text(&before, "store") == "ok" {
                assert_ne!(text(&row, "state"), "on", "{toggle} {app} {outcome:?}");
            }
        }
        if allow_for(&engine, "location.precise", WEATHER, "once", None).is_ok() {
            drop(App::declared(&engine, WEATHER).check(&engine, PLACE, &[PRECISE]));
        }
        drop(App::declared(&engine, GAME).check(&engine, ADS, &[OAID]));
        device.pass(DAY / 2);
    }
    engine.reset(USER, "org.example.maps", By::Shell).ok();
    engine.close();
    stage::say("done");
}

/// Starts, which restores, and says what is off.
pub fn plays_restoring_on_a_bad_disk(device: &Device) {
    let engine = device.start();
    never_allowed(&engine, "restoring");
    engine.close();
    stage::say("done");
}

fn never_allowed(engine: &Engine, what: &str) {
    if engine.policy().is_err() {
        return;
    }
    for (app, purpose, item) in [(GAME, ADS, OAID), (WEATHER, PLACE, APPROXIMATE)] {
        let answer = App::declared(engine, app).preview_one(engine, purpose, item);
        assert_ne!(answer.decision(), Decision::Allow, "{what}: {purpose}");
    }
}

/// On a good disk again: everything acknowledged is there, unless a later change was under way.
fn everything_acknowledged_is_there(device: &Device, said: &[String], what: &str) {
    let engine = device.start();
    let health = engine.health().row;
    assert_eq!(text(&health, "store"), "ok", "{what}: {}", text(&health, "store_error"));
    assert_eq!(text(&health, "restored"), "", "{what}: nothing was lost");
    let mut held = std::collections::BTreeMap::new();
    for line in said {
        let Some((verb, setting)) = line.split_once(' ') else { continue };
        let Some((key, state)) = setting.rsplit_once(' ') else { continue };
        match verb {
            "holds" => drop(held.insert(key, vec![state])),
            "wants" => held.entry(key).or_insert_with(|| vec!["unset"]).push(state),
            _ => {}
        }
        if verb == "holds" {
            held.insert(key, vec![state]);
        }
    }
    for (key, states) in held {
        let (toggle, app) = key.split_once(' ').unwrap();
        let row = engine.get(USER, toggle, app.trim_matches('"')).unwrap();
        let stored = text(&row, "stored");
        assert!(states.contains(&stored.as_str()), "{what}: {key} is {stored}, said {states:?}");
    }
    let last = said.iter().filter_map(|line| line.strip_prefix("generation ")).next_back();
    let last: u64 = last.map_or(0, |last| last.parse().unwrap());
    assert!(engine.generation() > last, "{what}");
}

fn each_in_turn(kinds: &[&str], step: usize) {
    let workshop = Device::new();
    let Some(shim) = shim(workshop.path()) else { return };
    // A device that was started once: a fault at the very first start leaves nothing to lose.
    let begun = Device::new();
    begun.start().close();
    for (offset, kind) in kinds.iter().enumerate() {
        let mut at = 1 + (offset * 7) % step;
        loop {
            let device = Device::new();
            copy(&begun.state_dir(), &device.state_dir());
            let (said, done) = play("work on a bad disk", &device, &shim, kind, at as u64);
            everything_acknowledged_is_there(&device, &said, &format!("{kind} at {at}"));
            if done < at as u64 {
                assert!(at > 100 || step > 100, "it wrote next to nothing: {done}");
                break;
            }
            at += step;
        }
    }
}

fn each_in_turn_while_restoring(kinds: &[&str], step: usize) {
    let workshop = Device::new();
    let Some(shim) = shim(workshop.path()) else { return };
    let damaged = Device::new();
    let engine = damaged.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    engine.close();
    set(&engine, &[("location.app", WEATHER, "off"), ("location.precise", WEATHER, "on")]).unwrap();
    drop(engine);
    fs::write(damaged.settings_path(), "torn to pieces").unwrap();
    for (offset, kind) in kinds.iter().enumerate() {
        let mut at = 1 + (offset * 3) % step;
        loop {
            let device = Device::new();
            copy(&damaged.state_dir(), &device.state_dir());
            copy(&damaged.state_dir().join("backups"), &device.state_dir().join("backups"));
            let (_, done) = play("restore on a bad disk", &device, &shim, kind, at as u64);
            let what = format!("{kind} at {at}");
            for _ in 0..2 {
                let engine = device.start();
                never_allowed(&engine, &what);
                let rows = [("ad-services", GAME), ("location.app", WEATHER)];
                for (toggle, app) in rows {
                    let row = engine.get(USER, toggle, app).unwrap();
                    assert_eq!(text(&row, "stored"), "off", "{what}: {toggle} {app}");
                }
                let row = engine.get(USER, "ad-services", "").unwrap();
                assert_eq!(
                    (text(&row, "stored"), text(&row, "state")),
                    ("on".into(), "ask".into())
                );
            }
            if done < at as u64 {
                assert!(at > 20 || step > 20, "it wrote next to nothing: {done}");
                break;
            }
            at += step;
        }
    }
}

#[test]
fn a_disk_that_fails_at_any_write_loses_nothing_that_was_acknowledged() {
    each_in_turn(&["full", "broken", "once", "kill"], 61);
}

#[test]
fn a_disk_that_fails_while_a_backup_is_restored_ends_in_the_same_or_denies() {
    each_in_turn_while_restoring(&["full", "once", "kill"], 23);
}

/// Every one of them; `make torture` runs it.
#[test]
#[ignore = "takes many minutes: make torture runs it"]
fn torture_a_disk_that_fails_at_each_write_in_turn() {
    each_in_turn(&["full", "broken", "once", "kill"], 1);
}

/// Every one of them; `make torture` runs it.
#[test]
#[ignore = "takes many minutes: make torture runs it"]
fn torture_a_disk_that_fails_at_each_write_of_a_restore_in_turn() {
    each_in_turn_while_restoring(&["full", "broken", "once", "kill"], 1);
}
