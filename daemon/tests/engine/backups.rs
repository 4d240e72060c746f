//! Backups: when they are made, which are kept, which are of use; and the store kept by hand.

use std::fs;

use crate::device::{DAY, Device, GAME, events, set, stored, text};
use crate::recovery::{backups, damage, flip, lose_ledger, row, set_aside, status};

#[test]
fn a_backup_that_is_damaged_is_passed_over_for_an_older_one() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.close();
    set(&engine, &[("marketing", "", "off")]).unwrap();
    engine.close();
    drop(engine);
    let newest = device.state_dir().join("backups").join(backups(&device).last().unwrap());
    let mut bytes = fs::read(&newest).unwrap();
    flip(&mut bytes, b"marketing", 3);
    fs::write(newest, bytes).unwrap();
    lose_ledger(&device);
    damage(&device);
    let engine = device.start();
    assert_eq!(stored(&engine, "ad-services", ""), "off");
    assert_eq!(row(&engine, "marketing", "")[1], "off");
}

#[test]
fn nothing_stays_in_the_log_after_a_stop_and_a_backup_has_it_all() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.close();
    let wal = device.settings_path().with_extension("db-wal");
    assert!(fs::metadata(&wal).map_or(0, |metadata| metadata.len()) == 0);
    let first = backups(&device);
    drop(engine);
    device.start().close();
    assert_eq!(backups(&device), first, "nothing changed");
}

#[test]
fn the_first_change_of_a_day_brings_a_backup_along_and_a_week_of_them_stays() {
    let device = Device::new();
    for day in 0..20 {
        let engine = device.start();
        for state in ["off", "ask", "off", "ask"] {
            set(&engine, &[("ad-services", "", state)]).unwrap();
        }
        // Dropped, the engine waits for what it has begun, and begins nothing: as after a kill.
        drop(engine);
        assert_eq!(backups(&device).len(), (day + 1).min(7), "day {day}");
        device.pass(DAY);
    }
    // A clock that went ten years ahead takes all but the newest few; one that is set back, none.
    device.pass(10 * 365 * DAY);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    drop(engine);
    assert_eq!(backups(&device).len(), 4);
    device.pass(-20 * 365 * DAY);
    let engine = device.start();
    set(&engine, &[("ad-services", "", "ask")]).unwrap();
    drop(engine);
    assert!(backups(&device).len() >= 4);
    damage(&device);
    assert_eq!(stored(&device.start(), "ad-services", ""), "ask", "the newest by its generation");
}

#[test]
fn a_backup_can_be_made_looked_at_and_put_in_force_by_hand() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let file = engine.back_up().unwrap();
    set(&engine, &[("ad-services", GAME, "off"), ("marketing", "", "on")]).unwrap();
    // A denial that waits for the disk is not lost with the store that goes.
    device.refuse_changes();
    set(&engine, &[("user-experience", "", "off")]).unwrap_err();
    for wrong in ["", "nothing.db", "../settings.db", "/etc/passwd"] {
        engine.restore_store(wrong).unwrap_err();
        assert_eq!(row(&engine, "ad-services", ""), ["on", "on", ""], "{wrong:?} changes nothing");
    }
    engine.restore_store(&file).unwrap();
    assert_eq!(row(&engine, "ad-services", ""), ["on", "ask", "true"]);
    assert_eq!(row(&engine, "ad-services", GAME), ["off", "off", ""]);
    assert_eq!(row(&engine, "user-experience", ""), ["off", "off", ""]);
    assert_eq!(stored(&engine, "marketing", ""), "unset");
    assert_eq!(set_aside(&device).len(), 1);
    let said = engine.check_store().unwrap();
    assert_eq!((text(&said, "sound"), text(&said, "findings")), ("true".into(), String::new()));
    drop(engine);
    let engine = device.start();
    assert_eq!(row(&engine, "user-experience", ""), ["off", "off", ""]);
    assert!(events(&engine).iter().any(|e| e.toggle.as_deref() == Some("user-experience")));
}

#[test]
fn a_store_without_a_backup_can_be_begun_anew_and_asks_and_knows_the_offs_of_the_ledger() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    let last = engine.generation();
    engine.close();
    drop(engine);
    device.lose_backups();
    damage(&device);
    let engine = device.start();
    assert_eq!(status(&engine, "store"), "unavailable");
    assert!(set_aside(&device).is_empty(), "it is left where it is");
    engine.reset_store().unwrap();
    assert_eq!(status(&engine, "store"), "ok");
    assert!(engine.generation() > last);
    assert_eq!(row(&engine, "ad-services", GAME), ["off", "off", ""]);
    assert_eq!(row(&engine, "ad-services", ""), ["unset", "off", ""]);
    assert_eq!(row(&engine, "location", ""), ["unset", "ask", "true"]);
    let [aside] = &set_aside(&device)[..] else { panic!("one folder") };
    assert_eq!(fs::read_to_string(aside.join("settings.db")).unwrap(), "torn to pieces");
    set(&engine, &[("location", "", "on")]).unwrap();
    drop(engine);
    assert_eq!(row(&device.start(), "location", ""), ["on", "on", ""]);
}
