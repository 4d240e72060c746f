//! The outbox: a setting event is in the ledger exactly once, wherever the daemon was killed.

use consentd::engine::Engine;

use crate::device::{Device, GAME, copy, events, set, stored};

fn waiting(device: &Device) -> i64 {
    let count = "SELECT count(*) FROM outbox";
    device.settings_db().query_row(count, [], |row| row.get(0)).unwrap()
}

fn generations(engine: &Engine) -> Vec<u64> {
    events(engine).iter().map(|event| event.generation).collect()
}

#[test]
fn an_event_that_the_ledger_did_not_take_is_there_after_a_restart() {
    let device = Device::new();
    let engine = device.start();
    device.refuse_in_ledger("events");
    let first = set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert!(generations(&engine).is_empty());
    device.accept_in_ledger("events");
    drop(engine); // As kill -9 would: nothing is settled.
    for _ in 0..3 {
        assert_eq!(generations(&device.start()), [first]);
    }
}

#[test]
fn an_event_that_the_ledger_has_already_is_there_once() {
    let device = Device::new();
    let engine = device.start();
    let first = set(&engine, &[("ad-services", "", "off")]).unwrap();
    let second = set(&engine, &[("ad-services", "", "ask"), ("app-access", GAME, "off")]).unwrap();
    assert_eq!(generations(&engine), [first, second, second]);
    assert_eq!(waiting(&device), 3, "the ledger has them, and is not known to keep them");
    // The disk as it is at this moment, under another daemon.
    let copied = Device::new();
    copy(&device.state_dir(), &copied.state_dir());
    assert_eq!(generations(&copied.start()), [first, second, second]);
}

#[test]
fn a_kill_between_store_and_ledger_loses_no_event_and_doubles_none() {
    let device = Device::new();
    let engine = device.start();
    let first = set(&engine, &[("ad-services", "", "off")]).unwrap();
    let between = Device::new();
    copy(&device.state_dir(), &between.state_dir());
    let second = set(&engine, &[("app-access", GAME, "off")]).unwrap();
    // The store of after the change, the ledger of before it.
    for file in ["settings.db", "settings.db-wal"] {
        std::fs::copy(device.state_dir().join(file), between.state_dir().join(file)).unwrap();
    }
    let engine = between.start();
    assert_eq!(generations(&engine), [first, second]);
    assert_eq!(stored(&engine, "app-access", GAME), "off");
}

#[test]
fn a_stop_settles_the_outbox_and_so_does_a_long_life() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(waiting(&device), 1);
    engine.close();
    assert_eq!(waiting(&device), 0);
    for step in 0..200 {
        let state = if step % 2 == 0 { "off" } else { "ask" };
        set(&engine, &[("app-access", GAME, state)]).unwrap();
        assert!(waiting(&device) <= 65);
    }
    assert_eq!(events(&engine).len(), 201);
    drop(engine);
    assert_eq!(events(&device.start()).len(), 201);
}

#[test]
fn the_outbox_is_kept_while_the_ledger_takes_nothing() {
    let device = Device::new();
    let engine = device.start();
    device.refuse_in_ledger("events");
    for step in 0..100 {
        let state = if step % 2 == 0 { "off" } else { "ask" };
        set(&engine, &[("app-access", GAME, state)]).unwrap();
    }
    engine.close();
    assert_eq!((waiting(&device), events(&engine).len()), (100, 0));
    device.accept_in_ledger("events");
    set(&engine, &[("app-access", GAME, "on")]).unwrap();
    assert_eq!(events(&engine).len(), 101, "the next change takes them along");
    assert!(generations(&engine).is_sorted(), "in their order");
    engine.close();
    assert_eq!(waiting(&device), 0);
}

#[test]
fn the_outbox_is_not_emptied_while_a_reader_keeps_the_ledger_from_the_disk() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    let reader = device.ledger_db();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    set(&engine, &[("app-access", GAME, "off")]).unwrap();
    engine.close();
    assert_eq!(waiting(&device), 2, "the ledger could not be brought to the disk whole");
    reader.execute_batch("COMMIT").unwrap();
    engine.close();
    assert_eq!(waiting(&device), 0);
}

#[test]
fn a_store_that_comes_back_brings_its_outbox_to_the_ledger() {
    let device = Device::new();
    let engine = device.start();
    device.refuse_in_ledger("events");
    let first = set(&engine, &[("ad-services", "", "off")]).unwrap();
    device.accept_in_ledger("events");
    drop(engine);
    device.lose_backups();
    let kept = device.path().join("kept.db");
    std::fs::rename(device.settings_path(), &kept).unwrap();
    let engine = device.start();
    std::fs::rename(&kept, device.settings_path()).unwrap();
    engine.reload().unwrap();
    assert_eq!(generations(&engine), [first]);
}

#[test]
fn a_ledger_that_comes_back_gets_what_was_noted_meanwhile() {
    let device = Device::new();
    drop(device.start());
    let db = device.ledger_db();
    let version = |version: i64| db.pragma_update(None, "user_version", version).unwrap();
    let known: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    version(99);
    let engine = device.start();
    let first = set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.history(&Default::default(), None, 1).unwrap_err();
    version(known);
    engine.reload().unwrap();
    assert_eq!(generations(&engine), [first]);
}
