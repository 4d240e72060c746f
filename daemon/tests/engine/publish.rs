//! The order of things: a denial is in force before it is on the disk, an allowance after; and those
//! who listen hear of both once they are there (invariant 3).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use consentd::decision::{Context, Decision, Reason};
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::settings::By;
use consentd::engine::{Asker, Changed, Listener, Request};
use consentd::ledger::{Event, Record};

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, OTHER_USER, PLACE, USER, WEATHER, set, stored,
};

const FLIPS: u64 = 2_000;

#[test]
fn once_off_has_returned_no_check_answers_allow() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    // Odd while it is off.
    let phase = AtomicU64::new(0);
    let (refused, allowed) = (AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let before = phase.load(Ordering::SeqCst);
                    let decision = game.check_one(&engine, ADS, OAID).decision();
                    if before % 2 == 1 && phase.load(Ordering::SeqCst) == before {
                        let seen = if decision == Decision::Allow { &allowed } else { &refused };
                        seen.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        for flip in 0..FLIPS {
            set(&engine, &[("ad-services", "", "off")]).unwrap();
            let seen = || refused.load(Ordering::SeqCst) + allowed.load(Ordering::SeqCst);
            let before = seen();
            phase.store(2 * flip + 1, Ordering::SeqCst);
            while seen() == before {
                std::thread::yield_now();
            }
            phase.store(2 * flip + 2, Ordering::SeqCst);
            set(&engine, &[("ad-services", "", "on")]).unwrap();
            assert_eq!(game.preview_one(&engine, ADS, OAID), Reason::Consented);
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(allowed.into_inner(), 0);
    assert!(refused.into_inner() >= FLIPS);
}

#[test]
fn while_the_disk_works_denials_hold_and_allowances_do_not() {
    let device = Device::new();
    let engine = device.start();
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let busy = device.settings_db();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let change = scope
            .spawn(|| set(&engine, &[("location.app", WEATHER, "on"), ("ad-services", "", "off")]));
        // The change cannot end before the database is free, so these are answers meanwhile.
        while game.check_one(&engine, ADS, OAID) != Reason::ToggleOff {
            assert!(!change.is_finished());
            std::thread::yield_now();
        }
        assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
        assert_eq!(stored(&engine, "ad-services", ""), "on");
        assert!(!change.is_finished());
        busy.execute_batch("ROLLBACK").unwrap();
        change.join().unwrap().unwrap();
    });
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
}

/// Looks at the disk whenever it hears of a change.
struct Ear {
    device: Device,
    heard: Mutex<Vec<(u64, Vec<String>, i64)>>,
    noted: AtomicU64,
    recorded: AtomicU64,
}

impl Listener for Ear {
    fn changed(&self, change: &Changed) {
        let db = self.device.settings_db();
        let rows = db.query_row("SELECT count(*) FROM settings", [], |row| row.get(0)).unwrap();
        let apps = change.settings.iter().map(|setting| setting.app.clone()).collect();
        self.heard.lock().unwrap().push((change.generation, apps, rows));
    }

    fn recorded(&self, records: &[Record<'_>]) {
        let count = u64::try_from(records.len()).unwrap();
        self.recorded.fetch_add(count, Ordering::SeqCst);
    }

    fn noted(&self, events: &[Event]) {
        self.noted.fetch_add(u64::try_from(events.len()).unwrap(), Ordering::SeqCst);
    }

    fn erasures_due(&self) {}

    fn due_changed(&self) {}
}

#[test]
fn a_listener_hears_of_what_is_on_the_disk() {
    let device = Device::new();
    let engine = device.start();
    let ear = Arc::new(Ear {
        device: Device::at(device.path().into()),
        heard: Mutex::default(),
        noted: AtomicU64::new(0),
        recorded: AtomicU64::new(0),
    });
    engine.listen(Arc::<Ear>::clone(&ear));
    let first = set(&engine, &[("ad-services", "", "on")]).unwrap();
    let second = set(&engine, &[("ad-services", "*", "off"), ("app-access", GAME, "off")]).unwrap();
    // No change: nothing to hear.
    set(&engine, &[("app-access", GAME, "off")]).unwrap();
    engine.retry().unwrap();
    engine.expire().unwrap();
    let words = |apps: &[&str]| apps.iter().map(|app| (*app).to_owned()).collect::<Vec<_>>();
    let expected = [(first, words(&[""]), 1), (second, words(&["*", GAME]), 3)];
    assert_eq!(*ear.heard.lock().unwrap(), expected);
    assert_eq!(ear.noted.load(Ordering::SeqCst), 3);

    let game = App::declared(&engine, GAME);
    game.check(&engine, ADS, &[OAID]);
    assert_eq!(ear.recorded.load(Ordering::SeqCst), 0, "nobody follows");
    engine.follow(true);
    game.check(&engine, ADS, &[OAID]);
    game.preview(&engine, ADS, &[OAID]);
    assert_eq!(ear.recorded.load(Ordering::SeqCst), 1);
}

#[test]
fn trying_again_to_write_a_denial_is_no_change_that_anybody_hears_of() {
    let device = Device::new();
    let engine = device.start();
    let ear = Arc::new(Ear {
        device: Device::at(device.path().into()),
        heard: Mutex::default(),
        noted: AtomicU64::new(0),
        recorded: AtomicU64::new(0),
    });
    engine.listen(Arc::<Ear>::clone(&ear));
    device.refuse_changes();
    set(&engine, &[("ad-services", "", "off")]).unwrap_err();
    for _ in 0..3 {
        engine.retry().unwrap_err();
    }
    device.accept_changes();
    engine.retry().unwrap();
    assert_eq!(ear.heard.lock().unwrap().len(), 1);
    assert_eq!(ear.noted.load(Ordering::SeqCst), 1);
}

#[test]
fn the_generation_that_an_app_is_told_is_of_its_own_concerns() {
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    let told = || {
        let context = Context::default();
        let request = Request::new(PLACE, &[APPROXIMATE], &context, "").unwrap();
        engine.preview(Asker { user: USER, caller: Some(&weather.0) }, &request).generation
    };
    let first = told();
    // What another app is set to, another user, and a switch that covers nothing of this app.
    set(&engine, &[("ad-services", GAME, "off")]).unwrap();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let other = [Change { toggle: "location", app: "", state: "off" }];
    engine.set(OTHER_USER, &other, &SetOptions::default(), By::Shell).unwrap();
    assert_eq!(told(), first, "it learns of others");
    let generation = set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    assert_eq!(told(), generation);
    let generation = set(&engine, &[("location", "", "off")]).unwrap();
    assert_eq!(told(), generation);
}
