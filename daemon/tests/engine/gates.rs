//! Checks in process: a gate's page says what a check would, sees each change at once, and what was
//! answered from it is in the ledger, once (invariants 3, 4, 7).

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use consentd::decision::{Context, Reason, Ruling};
use consentd::engine::change::{Change, Hold, SetOptions};
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::{Asker, Engine, EngineError, Request};
use consentd::ledger::Line;
use consentd_gate::page::{PairIndex, State};
use consentd_gate::{Decision, Slot, Standing};

use crate::client::{Client, ruled, told};
use crate::device::{
    ADS, APPROXIMATE, App, BEGIN, Device, GAME, OAID, OTHER_USER, PLACE, PRECISE, USER, WEATHER,
    allow_for, history, records, set, set_with,
};

fn preview(engine: &Engine, app: &App, purpose: &str, data: &[&str]) -> Vec<Ruling> {
    let context = Context::default();
    let request = Request::new(purpose, data, &context, "").unwrap();
    engine.preview(Asker { user: USER, caller: Some(&app.0) }, &request).rulings
}

/// How often each pair was recorded, by the app's own library.
fn reported(engine: &Engine) -> Vec<(String, String, u64)> {
    let mut sums: Vec<(String, String, u64)> = Vec::new();
    for line in history(engine) {
        let Line::Record { data, reason, count, source: "client", .. } = line else { continue };
        match sums.iter_mut().find(|(d, r, _)| *d == data && *r == reason) {
            Some(sum) => sum.2 += count,
            None => sums.push((data, reason, count)),
        }
    }
    sums.sort();
    sums
}

fn row(data: &str, reason: &str, count: u64) -> (String, String, u64) {
    (data.into(), reason.into(), count)
}

#[test]
fn once_off_has_returned_no_page_says_allow() {
    const FLIPS: u64 = 3_000;
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    let clients: Vec<Client> = (0..4).map(|_| Client::open(&engine, &game)).collect();
    // Odd while it is off.
    let phase = AtomicU64::new(0);
    let (over, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for client in &clients {
            let (page, pair) = (&client.page, client.pair(ADS, OAID));
            let (over, phase, looks) = (&over, &phase, &looks);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    let before = phase.load(Ordering::SeqCst);
                    let is_allowed = told(page.word(pair).standing()).starts_with("allow");
                    if phase.load(Ordering::SeqCst) == before {
                        assert!(!(is_allowed && before % 2 == 1), "allowed after off");
                        looks.fetch_add(before % 2, Ordering::SeqCst);
                    }
                }
            });
        }
        for flip in 0..FLIPS {
            set(&engine, &[("ad-services", "", "off")]).unwrap();
            phase.store(2 * flip + 1, Ordering::SeqCst);
            std::thread::yield_now();
            phase.store(2 * flip + 2, Ordering::SeqCst);
            set(&engine, &[("ad-services", "", "on")]).unwrap();
            assert!(clients[0].says(ADS, OAID).starts_with("allow"));
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(looks.into_inner() > 0);
}

#[test]
fn while_the_disk_works_pages_deny_what_will_be_denied_and_allow_nothing_new() {
    let device = Device::new();
    let engine = device.start();
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let (game, weather) = (Client::open(&engine, &game), Client::open(&engine, &weather));
    let busy = device.settings_db();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let change = scope
            .spawn(|| set(&engine, &[("location.app", WEATHER, "on"), ("ad-services", "", "off")]));
        while game.says(ADS, OAID) != "deny toggle-off zero-uuid" {
            assert!(!change.is_finished());
            std::thread::yield_now();
        }
        assert_eq!(weather.says(PLACE, APPROXIMATE), "ask not-set none");
        assert!(!change.is_finished());
        busy.execute_batch("ROLLBACK").unwrap();
        change.join().unwrap().unwrap();
    });
    assert_eq!(weather.says(PLACE, APPROXIMATE), "allow contract ");
}

#[test]
fn a_denial_that_the_disk_does_not_take_stands_on_pages_too() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    let weather = Client::open(&engine, &App::declared(&engine, WEATHER));
    device.refuse_changes();
    set(&engine, &[("location.app", WEATHER, "on"), ("ad-services", "", "off")]).unwrap_err();
    assert_eq!(game.says(ADS, OAID), "deny toggle-off zero-uuid");
    assert_eq!(weather.says(PLACE, APPROXIMATE), "ask not-set none");
}

#[test]
fn what_is_used_up_or_ends_by_the_clock_is_the_daemons_to_answer() {
    let device = Device::new();
    let engine = device.start();
    let app = App::declared(&engine, WEATHER);
    let weather = Client::open(&engine, &app);
    let until = device.clock_now() + 60;
    for (lifetime, until, said) in [
        ("once", None, "call"),
        ("until", Some(until), "call"),
        ("boot", None, "allow contract "),
        ("forever", None, "allow contract "),
    ] {
        allow_for(&engine, "location.app", WEATHER, lifetime, until).unwrap();
        assert_eq!(weather.says(PLACE, APPROXIMATE), said, "{lifetime}");
        let late = Client::open(&engine, &app);
        assert_eq!(late.says(PLACE, APPROXIMATE), said, "{lifetime}, opened after");
        engine.close_gate(late.id);
        set(&engine, &[("location.app", WEATHER, "off")]).unwrap();
        assert_eq!(weather.says(PLACE, APPROXIMATE), "deny toggle-off none", "{lifetime}");
    }
    allow_for(&engine, "location.app", WEATHER, "once", None).unwrap();
    assert_eq!(app.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(weather.says(PLACE, APPROXIMATE), "deny toggle-off none", "it is used up");
    // Precise would be refused with its counterpart, which only the daemon knows of.
    allow_for(&engine, "location.app", WEATHER, "until", Some(until)).unwrap();
    assert_eq!(weather.says(PLACE, PRECISE), "call");
}

/// A pair has eight slots for answers.
#[test]
fn a_page_with_no_room_for_an_answer_gives_way_to_another() {
    let device = Device::new();
    // The notice of 2019 is in force.
    device.set_wall(1_577_836_800);
    let engine = device.start();
    device.set_wall(BEGIN);
    let app = App::declared(&engine, WEATHER);
    let weather = Client::open(&engine, &app);
    let (place, precise) = ("location.app", "location.precise");
    let turn = |toggle, state| set(&engine, &[(toggle, WEATHER, state)]).unwrap();
    let under = |toggle| {
        let old = SetOptions { notice: Some("2019-12-09".into()), ..SetOptions::default() };
        set_with(&engine, &[(toggle, WEATHER, "on")], &old).unwrap()
    };
    let hold = |toggle, hold| engine.lock(LockedFor::User(USER), &[toggle], hold).unwrap();
    let steps: [(&dyn Fn() -> u64, &str); 9] = [
        (&|| turn(place, "off"), "deny toggle-off none"),
        (&|| hold(place, Hold::Off), "deny locked none"),
        (&|| turn(precise, "on"), "deny locked none"),
        (&|| hold(place, Hold::Released).max(under(place)), "ask notice-changed none"),
        (&|| turn(place, "on"), "allow contract "),
        (&|| turn(precise, "ask"), "ask not-set approximate"),
        (&|| turn(precise, "off"), "deny toggle-off approximate"),
        (&|| hold(precise, Hold::Off), "deny locked approximate"),
        (&|| hold(precise, Hold::Released).max(under(precise)), "ask notice-changed approximate"),
    ];
    let [steps @ .., (last, ninth)] = &steps;
    assert_eq!(weather.says(PLACE, PRECISE), "ask not-set none");
    for (step, said) in steps {
        step();
        assert_eq!(weather.says(PLACE, PRECISE), *said);
    }
    weather.check(PLACE, APPROXIMATE, 3);
    last();
    assert_eq!(weather.page.state(), State::Superseded);
    assert_eq!(weather.says(PLACE, APPROXIMATE), "call", "the whole page, so that the app reopens");
    let other = Client::open(&engine, &app);
    assert_eq!(other.says(PLACE, PRECISE), *ninth);
    assert_eq!(ruled(preview(&engine, &app, PLACE, &[PRECISE])[0]), *ninth);
    assert_eq!(reported(&engine), [row(APPROXIMATE, "contract", 3)], "what was counted is");
}

#[test]
fn another_catalogue_or_store_supersedes_every_page() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    game.check(ADS, OAID, 2);
    engine.reload().unwrap();
    assert_eq!((game.says(ADS, OAID).as_str(), game.page.state()), ("call", State::Superseded));
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(game.says(ADS, OAID), "call", "for good");
    assert_eq!(reported(&engine), [row(OAID, "consented", 2)], "what was counted is");
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    assert_eq!(game.says(ADS, OAID), "deny toggle-off zero-uuid");
    let backup = engine.back_up().unwrap();
    engine.restore_store(&backup).unwrap();
    assert_eq!(game.page.state(), State::Superseded);
}

#[test]
fn what_was_counted_is_recorded_once_by_its_reason() {
    let device = Device::new();
    let engine = device.start();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    game.check(ADS, OAID, 3);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    game.check(ADS, OAID, 5);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    game.check(ADS, OAID, 4);
    let counted = [row(OAID, "consented", 5), row(OAID, "toggle-off", 7)];
    assert_eq!(reported(&engine), counted);
    assert_eq!(reported(&engine), counted, "reading counts nothing");
    engine.drain_gate(game.id);
    assert_eq!(game.page.epoch(), 2);
    device.pass(60);
    game.check(ADS, OAID, 1);
    engine.close_gate(game.id);
    assert_eq!(game.page.state(), State::Closed);
    assert_eq!(reported(&engine)[1], row(OAID, "toggle-off", 8));
    assert_eq!(engine.gates(), 0);
    engine.close();
    let left: i64 =
        device.ledger_db().query_row("SELECT count(*) FROM drained", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "nobody counts there any more");
}

/// Four billion checks are a second and a half of one thread at full speed.
#[test]
fn more_than_a_row_can_count_goes_into_rows_after_it() {
    let device = Device::new();
    let engine = device.start();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    let pair = game.pair(ADS, OAID);
    let Standing::Answer(_, slot) = game.page.word(pair).standing() else { panic!() };
    let many = u64::from(u32::MAX) * 2 + 7;
    poke(&game, pair, slot, many);
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", many)]);
    game.check(ADS, OAID, 2);
    engine.close();
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", many + 2)]);
}

/// Writes a counter as only a hostile app does.
fn poke(client: &Client, pair: PairIndex, slot: Slot, value: u64) {
    use std::os::unix::fs::FileExt;
    let (_, usage) = client.kept();
    let usage = std::fs::File::from(usage);
    // The first lane that is handed out is the second.
    let pairs = client.page.directory().pairs().len();
    // As documented: 16 words come before the lanes.
    let header = 16 * 8;
    let at = header + (pairs + pair.number()) * 64 + slot.number() * 8;
    usage.write_all_at(&value.to_ne_bytes(), at as u64).unwrap();
}

#[test]
fn what_a_crashed_daemon_had_not_drained_is_counted_by_the_next_and_nothing_twice() {
    let device = Device::new();
    let engine = device.start();
    let caller = App::declared(&engine, GAME);
    let game = Client::open(&engine, &caller);
    game.check(ADS, OAID, 5);
    engine.drain_gates();
    device.pass(60);
    game.check(ADS, OAID, 2);
    engine.drain_gates();
    // Closes the first minute: now it is in `ledger.db`, and the second in the journal.
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", 7)]);
    game.check(ADS, OAID, 3);
    // Killed: nothing is drained or closed.
    std::mem::forget(engine.open_gate(&caller.0).unwrap());
    drop(engine);
    let engine = device.start();
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", 7)]);
    let caller = App::declared(&engine, GAME);
    for _ in 0..2 {
        let (page, usage) = game.kept();
        engine.take_up_gate(Some(&caller.0), &page, usage).unwrap();
        assert_eq!(reported(&engine), [row(OAID, "toggle-off", 10)]);
    }
    // Its owner went on counting, and the next daemon crashed too.
    game.check(ADS, OAID, 1);
    drop(engine);
    let engine = device.start();
    let (page, usage) = game.kept();
    engine.take_up_gate(None, &page, usage).unwrap();
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", 11)]);
}

#[test]
fn a_gate_is_brought_back_by_whose_it_was_alone() {
    let device = Device::new();
    let engine = device.start();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    game.check(ADS, OAID, 5);
    let bring = |engine: &Engine, id: &str, user| {
        let mut caller = App::declared(engine, id).0;
        caller.user = user;
        let (page, usage) = game.kept();
        engine.take_up_gate(Some(&caller), &page, usage)
    };
    let refused = |outcome| matches!(outcome, Err(EngineError::AnothersGate));
    assert!(refused(bring(&engine, GAME, USER)), "it is open");
    drop(engine);
    let engine = device.start();
    assert!(refused(bring(&engine, WEATHER, USER)));
    assert!(refused(bring(&engine, GAME, OTHER_USER)));
    let (page, _) = game.kept();
    let other = Client::open(&engine, &App::declared(&engine, GAME));
    let (_, usage) = other.kept();
    assert!(matches!(engine.take_up_gate(None, &page, usage), Err(EngineError::Gate(_))));
    let file = || OwnedFd::from(std::fs::File::open("/proc/self/exe").unwrap());
    assert!(matches!(engine.take_up_gate(None, &file(), file()), Err(EngineError::Gate(_))));
    assert_eq!(reported(&engine), []);
    bring(&engine, GAME, USER).unwrap();
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", 5)]);
}

#[test]
fn usage_that_no_counting_writes_closes_the_gate_and_is_not_believed() {
    let device = Device::new();
    let engine = device.start();
    let caller = App::declared(&engine, GAME);
    let slots = Slot::ALL;
    // Too much, backwards, and an answer that was never given.
    for (first, then, slot) in [(0, u64::MAX / 2, slots[0]), (9, 3, slots[0]), (0, 1, slots[7])] {
        let game = Client::open(&engine, &caller);
        let pair = game.pair(ADS, OAID);
        poke(&game, pair, slots[0], first);
        engine.drain_gates();
        let before = reported(&engine);
        poke(&game, pair, slot, then);
        engine.drain_gates();
        assert_eq!(game.page.state(), State::Closed);
        assert_eq!(game.says(ADS, OAID), "call");
        assert_eq!(reported(&engine), before);
        engine.close_gate(game.id);
    }
}

#[test]
fn counts_wait_while_the_ledger_takes_nothing() {
    let device = Device::new();
    let engine = device.start();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    game.check(ADS, OAID, 1);
    engine.drain_gates();
    device.refuse_in_ledger("records");
    // Fills the journal, which then cannot be emptied.
    let flood = App::declared(&engine, WEATHER);
    'full: for minute in 0.. {
        device.pass(60);
        for from in (0..1_024).step_by(256) {
            let ids: Vec<String> =
                (from..from + 256).map(|n| format!("{minute}.{n:0>100}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            if flood.check(&engine, PLACE, &ids).contains(&Reason::StoreUnavailable) {
                break 'full;
            }
        }
    }
    device.pass(60);
    game.check(ADS, OAID, 4);
    engine.drain_gates();
    engine.close_gate(game.id);
    device.accept_in_ledger("records");
    assert_eq!(reported(&engine), [row(OAID, "toggle-off", 5)]);
}

#[test]
fn an_app_has_so_many_gates_and_no_more() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    let clients: Vec<Client> = (0..16).map(|_| Client::open(&engine, &game)).collect();
    assert!(matches!(engine.open_gate(&game.0), Err(EngineError::TooManyGates(_))));
    Client::open(&engine, &App::declared(&engine, WEATHER));
    engine.close_gate(clients[3].id);
    Client::open(&engine, &game);
    let nobody = App::undeclared("executable:stranger");
    assert!(matches!(engine.open_gate(&nobody.0), Err(EngineError::Undeclared)));
}

#[test]
fn another_users_change_or_app_is_not_seen_on_a_page() {
    let device = Device::new();
    let engine = device.start();
    let game = Client::open(&engine, &App::declared(&engine, GAME));
    let before = game.page.generation();
    let change = [Change { toggle: "ad-services", app: "", state: "on" }];
    engine.set(OTHER_USER, &change, &SetOptions::default(), By::Shell).unwrap();
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    assert_eq!(game.page.generation(), before);
    assert_eq!(game.says(ADS, OAID), "deny toggle-off zero-uuid");
    assert_eq!(records(&engine), []);
    assert_eq!(Decision::Deny.code(), 0, "memory that nobody wrote denies");
}
