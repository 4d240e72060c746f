//! kill -9: what was acknowledged is there afterwards, change and record alike (invariant 4).

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use consentd::decision::Reason;
use consentd::engine::Asker;
use consentd::ledger::{Line, What};

use crate::device::{
    App, Device, GAME, PLACE, PRECISE, USER, WEATHER, allow_for, history, reasons, set, stored,
    tagged_check,
};
use crate::stage;

/// Kills of one device, before another takes its place: what it lived through is looked at whole after
/// each.
const OF_ONE_DEVICE: u64 = 40;
const APPS: [&str; 3] = [GAME, WEATHER, "org.example.maps"];
const STATES: [&str; 4] = ["off", "ask", "on", "unset"];

/// Sets, allows for one time, and asks, as long as it lives; says each once it has returned.
pub fn plays_until_killed(device: &Device) {
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let asker = Asker { user: USER, caller: Some(&weather.0) };
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    for step in 0.. {
        let (app, state) = (APPS[step % 3], STATES[step / 3 % 4]);
        let before = engine.generation();
        let generation = set(&engine, &[("ad-services", app, state)]).unwrap();
        if generation > before {
            stage::say(format!("set {generation}"));
        }
        let once = allow_for(&engine, "location.precise", WEATHER, "once", None).unwrap();
        stage::say(format!("set {once}"));
        for _ in 0..2 {
            let tag = format!("{once}");
            let answer = tagged_check(&engine, asker, PLACE, &[PRECISE], &tag);
            stage::say(format!("{} {tag}", reasons(&answer)[0]));
        }
    }
}

/// `CONSENTD_KILLS` of them; `make torture` asks for thousands.
#[test]
fn what_was_acknowledged_survives_kill_9() {
    let wanted = std::env::var("CONSENTD_KILLS").map_or(OF_ONE_DEVICE, |n| n.parse().unwrap());
    // As many devices at once as there are processors.
    let next = AtomicU64::new(0);
    let live = || {
        loop {
            let first = next.fetch_add(OF_ONE_DEVICE, Ordering::Relaxed);
            if first >= wanted {
                return;
            }
            kill_again_and_again(first, OF_ONE_DEVICE.min(wanted - first));
            println!("killed {} times, nothing lost", first + OF_ONE_DEVICE);
        }
    };
    std::thread::scope(|threads| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        (0..processors).for_each(|_| drop(threads.spawn(live)));
    });
}

fn kill_again_and_again(first: u64, rounds: u64) {
    let device = Device::new();
    drop(device.start());
    let mut highest = 0;
    let mut acknowledged: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for round in first..first + rounds {
        let mut player = stage::play("work until killed", device.path(), Command::new("env"));
        let mut hear = |line: String| {
            let (what, number) = line.split_once(' ').unwrap();
            acknowledged.entry(what.to_owned()).or_default().insert(number.parse().unwrap());
        };
        for _ in 0..(1 + round * 7 % 31 + round / 31 % 5) {
            hear(player.heard().unwrap());
        }
        player.process.kill().unwrap();
        while let Some(line) = player.heard() {
            hear(line);
        }
        player.process.wait().unwrap();

        let engine = device.start();
        let begun = engine.generation();
        assert!(begun > highest, "no generation is used twice");
        let lines = history(&engine);
        let mut sets = Vec::new();
        let mut consumed = 0;
        let mut recorded: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        let mut newest: BTreeMap<String, String> = BTreeMap::new();
        for line in lines {
            match line {
                Line::Setting { event, .. } => {
                    highest = highest.max(event.generation);
                    consumed += usize::from(event.what == What::Consumed);
                    if event.what == What::Set {
                        sets.push(event.generation);
                    }
                    if event.toggle.as_deref() == Some("ad-services") {
                        newest.entry(event.app.unwrap()).or_insert(event.state.unwrap());
                    }
                }
                Line::Record { reason, tag, .. } => {
                    recorded.entry(reason).or_default().insert(tag.parse().unwrap());
                }
            }
        }
        assert!(highest < begun);
        let distinct: BTreeSet<u64> = sets.iter().copied().collect();
        assert_eq!(distinct.len(), sets.len(), "an event is there once");
        for (what, numbers) in &acknowledged {
            let there = if what == "set" { &distinct } else { &recorded[what] };
            let lost: Vec<_> = numbers.difference(there).collect();
            assert!(lost.is_empty(), "round {round}: {what} {lost:?} acknowledged and gone");
        }
        let used = acknowledged.get(Reason::Contract.word()).map_or(0, BTreeSet::len);
        assert!(consumed >= used, "{consumed} consumed, {used} used");
        for (app, state) in newest {
            assert_eq!(stored(&engine, "ad-services", &app), state, "round {round}: {app}");
        }
    }
    let enough = usize::try_from(rounds / 2).unwrap();
    assert!(acknowledged["set"].len() > enough && acknowledged["not-set"].len() > enough);
    let verdict = device.start().verify_log().unwrap();
    assert_eq!(verdict.get("whole"), Some(&true.into()), "{verdict:?}");
}
