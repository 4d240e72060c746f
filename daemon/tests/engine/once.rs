//! Allowances for one time: exactly one whole recorded check uses one up, durably.

use std::sync::Barrier;

use consentd::decision::{Context, Decision, Reason};
use consentd::engine::{Asker, Checked, Engine, Request};
use consentd::ledger::What;

use crate::device::{
    APPROXIMATE, App, Device, HOUR, PLACE, PRECISE, USER, WEATHER, allow_for, events, records, set,
};

const BOTH: [&str; 2] = [PRECISE, APPROXIMATE];

fn allow_once(engine: &Engine, toggle: &str) {
    allow_for(engine, toggle, WEATHER, "once", None).unwrap();
}

fn consumed(engine: &Engine) -> Vec<String> {
    let used = events(engine).into_iter().filter(|event| event.what == What::Consumed);
    used.map(|event| event.toggle.unwrap()).collect()
}

#[test]
fn one_check_uses_it_up_for_good() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    allow_once(&engine, "location.app");
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    assert_eq!(consumed(&engine), ["location.app"]);
    drop(engine);
    let engine = device.start();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    assert_eq!(consumed(&engine).len(), 1);
}

#[test]
fn it_waits_over_restarts_boots_and_years_until_it_is_used() {
    let device = Device::new();
    let engine = device.start();
    allow_once(&engine, "location.app");
    drop(engine);
    device.reboot();
    device.pass(20_000 * HOUR);
    let engine = device.start();
    engine.expire().unwrap();
    let weather = App::declared(&engine, WEATHER);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
}

#[test]
fn one_whole_check_uses_all_it_rests_on() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    allow_once(&engine, "location.app");
    allow_once(&engine, "location.precise");
    assert_eq!(weather.check(&engine, PLACE, &BOTH), [Reason::Contract; 2]);
    assert_eq!(consumed(&engine), ["location.app", "location.precise"]);
    assert_eq!(weather.check(&engine, PLACE, &BOTH), [Reason::NotSet; 2]);
}

#[test]
fn it_is_used_when_any_item_is_allowed_and_only_what_was_rested_on() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    set(&engine, &[("location.precise", WEATHER, "off")]).unwrap();
    allow_once(&engine, "location.app");
    let answer = weather.check(&engine, PLACE, &BOTH);
    assert_eq!(answer, [Reason::ToggleOff, Reason::Contract]);
    assert_eq!(consumed(&engine), ["location.app"]);

    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    allow_once(&engine, "location.precise");
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(consumed(&engine).len(), 1, "the approximate place does not rest on precise");
}

#[test]
fn a_check_that_allows_nothing_uses_nothing_up() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    allow_once(&engine, "location.app");
    assert_eq!(weather.check_one(&engine, PLACE, PRECISE), Reason::NotSet);
    set(&engine, &[("location", "", "off")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::ToggleOff);
    assert_eq!(weather.check_one(&engine, "ads.personalised", APPROXIMATE), Reason::Undeclared);
    set(&engine, &[("location", "", "on")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(consumed(&engine).len(), 1);
}

#[test]
fn a_check_that_would_use_it_up_says_so_before_it_does() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    allow_once(&engine, "location.app");
    let context = Context::default();
    let request = Request::new(PLACE, &[APPROXIMATE], &context, "").unwrap();
    let asker = Asker { user: USER, caller: Some(&weather.0) };
    assert_eq!(engine.check(asker, &request), Checked::UsesOnce);
    assert_eq!(records(&engine), []);
    assert_eq!(engine.check_once(asker, &request).rulings[0].reason, Reason::Contract);
    assert_eq!(engine.check_once(asker, &request).rulings[0].reason, Reason::NotSet);
    assert_eq!(records(&engine).len(), 2);
}

#[test]
fn of_many_checks_at_once_exactly_one_is_allowed() {
    const THREADS: usize = 8;
    const ROUNDS: usize = 40;
    let device = Device::new();
    let engine = device.start();
    for round in 0..ROUNDS {
        allow_once(&engine, "location.app");
        let begin = Barrier::new(THREADS);
        let allowed: usize = std::thread::scope(|scope| {
            let askers: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        let weather = App::declared(&engine, WEATHER);
                        begin.wait();
                        let reason = weather.check_one(&engine, PLACE, APPROXIMATE);
                        usize::from(reason.decision() == Decision::Allow)
                    })
                })
                .collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).sum()
        });
        assert_eq!(allowed, 1, "round {round}");
    }
    assert_eq!(consumed(&engine).len(), ROUNDS);
    let asked: u64 = records(&engine).iter().map(|(_, _, _, count)| count).sum();
    assert_eq!(asked, u64::try_from(ROUNDS * THREADS).unwrap(), "each is recorded once");
    drop(engine);
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
}

#[test]
fn an_off_meanwhile_leaves_nothing_to_use() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    allow_once(&engine, "location.app");
    set(&engine, &[("location.app", WEATHER, "off")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::ToggleOff);
    set(&engine, &[("location.app", WEATHER, "unset")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    assert_eq!(consumed(&engine), Vec::<String>::new());
}
