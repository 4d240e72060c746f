//! A store that cannot be used and has no backup: everything is denied, its files are as they were, and
//! it is taken again once it is repaired. Stored choices are never replaced by defaults (invariant 4).

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use consentd::decision::Reason;
use consentd::engine::change::Hold;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::{Engine, EngineError};
use consentd::store::{Store, StoreError};
use rusqlite::Connection;

use crate::device::{
    ADS, APPROXIMATE, App, BEGIN, Device, GAME, HOUR, OAID, PLACE, USER, WEATHER, copy, events,
    records, set, stored, text,
};
use crate::stage;

/// A device on which something was chosen; it is stopped.
fn lived_in() -> Device {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    engine.close();
    device
}

fn database_files(device: &Device) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(device.state_dir())
        .unwrap()
        .map(Result::unwrap)
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| name.starts_with("settings.db") && !name.ends_with("-shm"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .filter(|(name, bytes)| !(name.ends_with("-wal") && bytes.is_empty()))
        .collect()
}

fn unavailable(engine: &Engine) {
    let row = engine.health().row;
    assert_eq!(text(&row, "store"), "unavailable");
    let game = App::undeclared(GAME);
    assert_eq!(game.check_one(engine, ADS, OAID), Reason::StoreUnavailable);
    assert_eq!(game.preview_one(engine, ADS, OAID), Reason::StoreUnavailable);
    for state in ["off", "on"] {
        let error = set(engine, &[("ad-services", "", state)]).unwrap_err();
        assert!(matches!(error, EngineError::StoreUnavailable(_)), "{error:?}");
    }
    engine.reset(USER, GAME, By::Shell).unwrap_err();
    engine.lock(LockedFor::Everybody, &["location"], Hold::Off).unwrap_err();
}

/// Spoils the store, sees everything denied and the files untouched, repairs it, and sees what was
/// chosen in force again.
fn spoiled(spoil: impl FnOnce(&Path), is_expected: impl Fn(&StoreError) -> bool) {
    let device = lived_in();
    device.lose_backups();
    let kept = device.path().join("kept");
    copy(&device.state_dir(), &kept);
    spoil(&device.settings_path());
    let before = database_files(&device);
    let error = Store::open(&device.state_dir(), BEGIN).unwrap_err();
    assert!(is_expected(&error), "{error:?}");
    assert!(database_files(&device) == before, "the files are as they were");

    let engine = device.start();
    unavailable(&engine);
    engine.reload().unwrap();
    unavailable(&engine);
    assert_eq!(text(&engine.health().row, "store_error"), error.to_string());
    engine.close();
    assert!(database_files(&device) == before, "the files are as they were");
    assert_eq!(records(&engine).len(), 1, "a denial is recorded all the same");

    for file in ["settings.db", "settings.db-wal", "settings.db-shm"] {
        drop(fs::remove_file(device.state_dir().join(file)));
    }
    fs::copy(kept.join("settings.db"), device.settings_path()).unwrap();
    engine.reload().unwrap();
    assert_eq!(stored(&engine, "ad-services", ""), "on");
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    set(&engine, &[("ad-services", GAME, "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
}

#[test]
fn a_store_that_is_gone_is_not_begun_anew() {
    spoiled(
        |path| fs::remove_file(path).unwrap(),
        |error| matches!(error, StoreError::Missing { .. }),
    );
}

#[test]
fn a_store_that_is_empty_is_not_begun_anew() {
    spoiled(
        |path| fs::write(path, "").unwrap(),
        |error| matches!(error, StoreError::Damaged { .. }),
    );
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    spoiled(
        |path| fs::write(path, "x".repeat(8_192)).unwrap(),
        |error| matches!(error, StoreError::Sqlite { .. } | StoreError::Damaged { .. }),
    );
}

#[test]
fn somebody_elses_database_is_left_alone() {
    for mode in ["DELETE", "WAL"] {
        spoiled(
            |path| {
                fs::remove_file(path).unwrap();
                let db = Connection::open(path).unwrap();
                db.pragma_update(None, "journal_mode", mode).unwrap();
                db.execute_batch("CREATE TABLE theirs (x)").unwrap();
            },
            |error| matches!(error, StoreError::Foreign { found: 0, .. }),
        );
    }
}

#[test]
fn a_newer_versions_store_is_left_alone() {
    spoiled(
        |path| {
            let db = Connection::open(path).unwrap();
            db.pragma_update(None, "user_version", 99).unwrap();
        },
        |error| matches!(error, StoreError::Newer { found: 99, known, .. } if *known < 99),
    );
}

#[test]
fn a_newer_versions_store_that_was_killed_is_left_alone() {
    spoiled(
        |path| {
            // A copy made while it is open has what kill -9 leaves.
            let other = path.with_file_name("other.db");
            fs::copy(path, &other).unwrap();
            let db = Connection::open(&other).unwrap();
            db.pragma_update(None, "user_version", 99).unwrap();
            fs::copy(&other, path).unwrap();
            fs::copy(other.with_extension("db-wal"), path.with_extension("db-wal")).unwrap();
        },
        |error| matches!(error, StoreError::Newer { .. }),
    );
}

#[test]
fn a_truncated_store_is_damaged() {
    spoiled(
        |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        |error| matches!(error, StoreError::Damaged { .. } | StoreError::Sqlite { .. }),
    );
}

#[test]
fn a_store_with_flipped_bits_is_damaged() {
    spoiled(
        |path| {
            let mut bytes = fs::read(path).unwrap();
            // The header of each page but the first says what kind of page it is.
            for page in (4_096..bytes.len()).step_by(4_096) {
                bytes[page] ^= 0x40;
            }
            fs::write(path, &bytes).unwrap();
        },
        |error| matches!(error, StoreError::Damaged { .. } | StoreError::Sqlite { .. }),
    );
}

#[test]
fn damage_where_nothing_is_read_at_the_start_is_found() {
    spoiled(
        |path| {
            let db = Connection::open(path).unwrap();
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_apps_1'";
            let page: usize = db.query_row(sql, [], |row| row.get(0)).unwrap();
            drop(db);
            let mut bytes = fs::read(path).unwrap();
            bytes[(page - 1) * 4_096] ^= 0x40;
            fs::write(path, &bytes).unwrap();
        },
        |error| matches!(error, StoreError::Damaged { .. }),
    );
}

#[test]
fn a_value_that_was_never_written_is_no_value() {
    let device = lived_in();
    device.lose_backups();
    let db = device.settings_db();
    db.execute("UPDATE settings SET made_by = 'magic'", []).unwrap();
    drop(db);
    let engine = device.start();
    unavailable(&engine);
    assert!(text(&engine.health().row, "store_error").contains("`magic`"));
    drop(engine);
    device.settings_db().execute("UPDATE settings SET made_by = 'shell'", []).unwrap();
    assert_eq!(stored(&device.start(), "ad-services", GAME), "off");
}

#[test]
fn a_second_daemon_denies_and_leaves_the_first_alone() {
    let device = lived_in();
    let first = device.start();
    let game = App::declared(&first, GAME);
    assert_eq!(game.check_one(&first, ADS, OAID), Reason::ToggleOff);
    let error = Store::open(&device.state_dir(), BEGIN).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    let second = device.start();
    for _ in 0..3 {
        unavailable(&second);
        device.pass(60);
        assert_eq!(game.check_one(&first, ADS, OAID), Reason::ToggleOff);
    }
    set(&first, &[("ad-services", GAME, "on")]).unwrap();
    second.close();
    assert_eq!(game.check_one(&first, ADS, OAID), Reason::Consented);
    let said: Vec<_> = records(&first).into_iter().map(|(_, _, reason, _)| reason).collect();
    assert_eq!(said, ["toggle-off", "toggle-off", "toggle-off", "toggle-off", "consented"]);
    drop(first);
    second.reload().unwrap();
    assert_eq!(App::declared(&second, GAME).check_one(&second, ADS, OAID), Reason::Consented);
}

#[test]
fn a_store_that_comes_back_is_not_judged_by_a_policy_that_was_numbered_without_it() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    drop(engine);
    device.lose_backups();
    let kept = device.path().join("kept.db");
    fs::rename(device.settings_path(), &kept).unwrap();
    // Toggles in another order have other numbers where nothing was stored.
    let path = device.path().join("catalog/toggles.toml");
    let toggles = fs::read_to_string(&path).unwrap();
    let mut parts: Vec<&str> = toggles.split("[[toggle]]").collect();
    let head = parts.remove(0);
    parts.reverse();
    fs::write(&path, format!("{head}[[toggle]]{}", parts.join("\n[[toggle]]"))).unwrap();
    let engine = device.start();
    unavailable(&engine);
    let game = App::declared(&engine, GAME);
    // The store is back, and the catalogue is broken: the old one cannot be judged by.
    fs::rename(&kept, device.settings_path()).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, "nonsense").unwrap();
    engine.reload().unwrap_err();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::CatalogUnavailable);
    fs::write(&path, good).unwrap();
    engine.reload().unwrap();
    assert_eq!(App::declared(&engine, GAME).check_one(&engine, ADS, OAID), Reason::ToggleOff);
    assert_eq!(stored(&engine, "ad-services", ""), "on");
}

#[test]
fn a_folder_that_cannot_be_written_denies() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: run it as root, which can start a process of another user");
        return;
    }
    let device = lived_in();
    for path in [device.path().to_path_buf(), device.state_dir()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for file in fs::read_dir(device.state_dir()).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let before = database_files(&device);
    let mut command = Command::new("env");
    command.uid(65_534).gid(65_534);
    let said = stage::play("open what is read-only", device.path(), command).ends_well();
    assert_eq!(said, ["denied"]);
    assert!(database_files(&device) == before);
    let engine = device.start();
    assert_eq!(App::declared(&engine, GAME).check_one(&engine, ADS, OAID), Reason::ToggleOff);
}

/// A user who may read the state folder and not write to it.
pub fn plays_without_write_permission(device: &Device) {
    let error = Store::open(&device.state_dir(), BEGIN).unwrap_err();
    assert!(matches!(error, StoreError::Dir { .. }), "{error:?}");
    unavailable(&device.start());
    stage::say("denied");
}

#[test]
fn others_cannot_read_the_databases() {
    let device = Device::new();
    fs::create_dir_all(device.state_dir()).unwrap();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    for file in fs::read_dir(device.state_dir()).unwrap().map(Result::unwrap) {
        let mode = file.metadata().unwrap().permissions().mode();
        let name = file.file_name();
        assert!(mode & 0o077 == 0 || name == "first-start", "{name:?} {mode:o}");
    }
}

#[test]
fn generations_grow_over_restarts_and_none_is_used_twice() {
    let device = Device::new();
    let mut last = 0;
    for start in 0..5 {
        let engine = device.start();
        assert!(engine.generation() > last, "start {start}");
        assert_eq!(engine.generation() >> 32, start + 1);
        for state in ["off", "ask"] {
            let generation = set(&engine, &[("ad-services", "", state)]).unwrap();
            assert!(generation > last);
            last = generation;
        }
        device.refuse_changes();
        set(&engine, &[("ad-services", "", "on")]).unwrap_err();
        device.accept_changes();
        let after = set(&engine, &[("ad-services", "", "on")]).unwrap();
        assert_eq!(after, last + 2, "what failed keeps its number");
        last = engine.generation();
        engine.reload().unwrap();
        assert!(engine.generation() > last);
        last = engine.generation();
    }
    let mut seen: Vec<u64> = events(&device.start()).iter().map(|e| e.generation).collect();
    let count = seen.len();
    seen.dedup();
    assert_eq!((seen.len(), seen.is_sorted()), (count, true));
}

#[test]
fn a_store_of_version_1_is_read_as_it_was_written() {
    let device = Device::new();
    fs::create_dir_all(device.state_dir()).unwrap();
    fs::write(device.state_dir().join("first-start"), "").unwrap();
    let db = device.settings_db();
    db.execute_batch(include_str!("version-1.sql")).unwrap();
    drop(db);
    let engine = device.start();
    assert_eq!(engine.generation() >> 32, 42);
    let expected = [
        ("ad-services", "", "on"),
        ("ad-services", GAME, "off"),
        ("app-access", "*", "ask"),
        ("cookies.analytics", "site:mi.com", "on"),
        ("location.app", WEATHER, "on"),
    ];
    for (toggle, app, state) in expected {
        assert_eq!(stored(&engine, toggle, app), state, "{toggle} {app}");
    }
    let row = engine.get(USER, "location.app", WEATHER).unwrap();
    assert_eq!(
        ["lifetime", "until"].map(|name| text(&row, name)),
        ["until".into(), (BEGIN + HOUR).to_string()]
    );
    assert_eq!(text(&engine.get(USER, "find-device", "").unwrap(), "locked"), "true");
    assert_eq!(text(&engine.get(USER, "second-space", "").unwrap(), "locked"), "true");
    let profile = engine.get_profile(USER).unwrap();
    let said = ["region", "age_band", "language", "guardian"].map(|name| text(&profile, name));
    assert_eq!(said, ["IN", "adult", "hi-IN", "500"]);
    let consents = engine.list_consents(USER).unwrap();
    let names = ["toggle", "app", "notice", "language", "region", "in_force"];
    let said: Vec<_> =
        consents.iter().map(|row| names.map(|name| text(row, name)).join(" ")).collect();
    assert_eq!(
        said,
        [
            format!("location.app {WEATHER} 2025-10-10 hi-IN IN true"),
            "ad-services  2019-12-09 en EEA true".into(),
            format!("ad-services {GAME} 2019-12-09 en EEA false"),
        ]
    );
    assert_eq!(events(&engine).len(), 1, "its outbox");
    // The pair was first loaded under the notice of 2025; the consent is of 2019.
    engine
        .set_profile(USER, &ProfileChange { region: Some(""), ..Default::default() }, By::Shell)
        .unwrap();
    set(&engine, &[("ad-services", GAME, "unset"), ("app-access", "*", "unset")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::NoticeChanged);
    let weather = App::declared(&engine, WEATHER);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
}

/// As version 3 left it: without what came later.
const BACK_TO_3: &str = "
    DROP TABLE retention; DROP TABLE told; DROP TABLE declines;
    ALTER TABLE consent_ends DROP COLUMN made_by; ALTER TABLE consent_ends DROP COLUMN how;
    ALTER TABLE consents DROP COLUMN until; ALTER TABLE consents DROP COLUMN lifetime;
    ALTER TABLE consents DROP COLUMN notice_language;
    ALTER TABLE consents DROP COLUMN notice_sha256; ALTER TABLE consents DROP COLUMN scope;
    DROP TABLE scope_pairs; DROP TABLE scopes;
    DROP TABLE case_holders; DROP TABLE cases; DROP TABLE rights;
    DROP TABLE breach_notes; DROP TABLE breaches;
    DROP TABLE identifier_resets; DROP TABLE identifier_secrets;
    PRAGMA user_version = 3";

#[test]
fn a_store_and_a_backup_of_version_3_are_as_good() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    engine.close();
    drop(engine);
    device.settings_db().execute_batch(BACK_TO_3).unwrap();
    let engine = device.start();
    assert_eq!(text(&engine.health().row, "store"), "ok");
    assert_eq!(text(&engine.health().row, "restored"), "", "taken over as it is");
    assert_eq!(stored(&engine, "ad-services", ""), "on");
    engine.close();
    drop(engine);
    for entry in fs::read_dir(device.state_dir().join("backups")).unwrap().map(Result::unwrap) {
        let db = rusqlite::Connection::open(entry.path()).unwrap();
        // One was made before the store was brought on, and is of version 3 already.
        let version: u32 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        if version > 3 {
            db.execute_batch(BACK_TO_3).unwrap();
        }
    }
    fs::write(device.settings_path(), "torn to pieces").unwrap();
    let engine = device.start();
    assert_eq!(text(&engine.health().row, "store"), "ok");
    assert_eq!(stored(&engine, "ad-services", GAME), "off");
}
