//! The hash chain: whole through all that happens of itself, broken by whatever else is done to a row.

use consentd::engine::Engine;
use consentd::ledger::Line;
use consentd::row::{Cell, Row};

use crate::device::{
    ADS, App, DAY, Device, GAME, OAID, PLACE, PRECISE, WEATHER, events, history, records, set,
};

/// A device with some closed minutes, some events, and rows of two apps in each minute.
fn lived() -> Device {
    let device = Device::new();
    let engine = device.start();
    live(&device, &engine, 8);
    engine.close();
    device
}

fn live(device: &Device, engine: &Engine, minutes: usize) {
    let (game, weather) = (App::declared(engine, GAME), App::declared(engine, WEATHER));
    for minute in 0..minutes {
        game.check(engine, ADS, &[OAID, "device.gaid"]);
        weather.check(engine, PLACE, &[PRECISE]);
        game.check(engine, ADS, &["device.imei"]);
        let state = if minute % 2 == 0 { "off" } else { "on" };
        set(engine, &[("ad-services", "", state), ("app-access", GAME, state)]).unwrap();
        device.pass(60);
    }
}

fn findings(row: &Row) -> Vec<String> {
    match row.get("findings") {
        Some(Cell::List(findings)) => {
            assert_eq!(row.get("whole"), Some(&Cell::Flag(findings.is_empty())));
            findings.clone()
        }
        other => panic!("{other:?}"),
    }
}

fn verify(device: &Device) -> Vec<String> {
    findings(&device.start().verify_log().unwrap())
}

/// That nothing is wrong; how many blocks and rows there are.
fn whole(engine: &Engine) -> (Cell, Cell) {
    let row = engine.verify_log().unwrap();
    assert_eq!(findings(&row), [""; 0]);
    (row.get("blocks").unwrap().clone(), row.get("rows").unwrap().clone())
}

fn figures(blocks: u64, rows: u64) -> (Cell, Cell) {
    (Cell::Count(blocks), Cell::Count(rows))
}

#[test]
fn a_ledger_that_nobody_touched_is_whole() {
    let device = lived();
    assert_eq!(whole(&device.start()), figures(16, 8 * 4 + 8 * 2));
}

#[test]
fn whatever_is_done_to_a_row_breaks_the_chain() {
    let changed = "are not as written";
    let cases = [
        ("UPDATE records SET reason = 'consented' WHERE seq = 2", changed),
        ("UPDATE records SET count = count + 1 WHERE seq = 2", changed),
        ("UPDATE records SET app = 'org.example.other' WHERE seq = 2", changed),
        ("UPDATE records SET at = at - 1 WHERE seq = 2", changed),
        ("UPDATE records SET usage = 7 WHERE seq = 2", changed),
        ("UPDATE events SET state = 'on' WHERE state = 'off'", changed),
        ("UPDATE events SET made_by = 'prompt'", changed),
        ("DELETE FROM records WHERE seq = 2", "of 4 that should be"),
        ("DELETE FROM events WHERE seq = 5", "of 2 that should be"),
        ("UPDATE records SET seq = 1000 WHERE seq = 2", "of 4 that should be"),
        ("INSERT INTO records SELECT 1000, at, last, user, app, trust, purpose, data, decision, reason,
                                     tag, count, usage FROM records WHERE seq = 1", "more or less"),
        ("DELETE FROM blocks WHERE number = 3", "blocks 3 to 3 are missing"),
        ("UPDATE blocks SET link = zeroblob(32) WHERE number = 3", "are not as written"),
        ("UPDATE blocks SET held = 0 WHERE number = 3", "more or less"),
    ];
    for (sql, finding) in cases {
        let device = lived();
        assert!(device.ledger_db().execute(sql, []).unwrap() > 0, "{sql}");
        let found = verify(&device);
        assert!(found.iter().any(|found| found.contains(finding)), "{sql}: {found:?}");
    }
}

#[test]
fn what_is_pruned_leaves_the_chain_whole() {
    let device = lived();
    let engine = device.start();
    device.pass(30 * DAY);
    live(&device, &engine, 2);
    device.pass(2 * DAY);
    live(&device, &engine, 2);
    engine.close();
    let kept = records(&engine);
    assert!(kept.iter().all(|(_, _, reason, _)| !reason.is_empty()));
    assert_eq!(kept.len(), 4 * 4, "the eight old minutes are gone");
    assert_eq!(
        whole(&engine),
        figures(24, 4 * 4 + 12 * 2),
        "their blocks are counted all the same"
    );

    // Years later the old events go as well, and blocks without rows become one.
    device.pass(3 * 365 * DAY);
    live(&device, &engine, 2);
    engine.close();
    assert_eq!(whole(&engine), figures(28, 2 * 4 + 2 * 2));
    let runs = "SELECT count(*) FROM blocks WHERE held = 0";
    let runs: i64 = device.ledger_db().query_row(runs, [], |row| row.get(0)).unwrap();
    assert_eq!(runs, 1);
}

#[test]
fn a_row_that_is_pruned_from_among_others_leaves_its_hash() {
    let device = lived();
    // As if the game had far too many: its rows go, the other app's stay where they are.
    let db = device.ledger_db();
    let of_game = format!("SELECT count(*) FROM records WHERE app = '{GAME}'");
    let count = || db.query_row(&of_game, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(), 24);
    db.execute("UPDATE held SET rows = 1000020 WHERE app = ?1", [GAME]).unwrap();
    let engine = device.start();
    App::declared(&engine, WEATHER).check(&engine, PLACE, &[PRECISE]);
    assert!(count() < 24, "nothing was pruned");
    whole(&engine);
    // What is left is still covered.
    drop(engine);
    db.execute("UPDATE records SET reason = 'contract' WHERE app = ?1", [WEATHER]).unwrap();
    assert_ne!(verify(&device), [""; 0]);
}

#[test]
fn a_damaged_ledger_is_set_aside_whole_and_begun_anew() {
    let garbage = "no database at all, and somebody may still want it\n".repeat(200);
    let device = lived();
    let engine = device.start();
    App::declared(&engine, GAME).check(&engine, ADS, &[OAID]);
    drop(engine); // Not closed: its minute is in the journal.
    std::fs::write(device.ledger_path(), &garbage).unwrap();
    for extra in ["ledger.db-wal", "ledger.db-shm"] {
        let path = device.state_dir().join(extra);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let engine = device.start();
    let reasons: Vec<_> = records(&engine).into_iter().map(|(_, data, _, _)| data).collect();
    assert_eq!(reasons, [OAID], "the open minute is another file's");
    live(&device, &engine, 1);
    engine.close();
    whole(&engine);
    let aside = device.state_dir().join("set-aside");
    let dirs: Vec<_> = std::fs::read_dir(aside).unwrap().map(|dir| dir.unwrap().path()).collect();
    assert_eq!(dirs.len(), 1, "{dirs:?}");
    assert_eq!(std::fs::read_to_string(dirs[0].join("ledger.db")).unwrap(), garbage);
    assert!(std::fs::read_to_string(dirs[0].join("why.txt")).unwrap().contains("not a database"));
}

#[test]
fn a_damaged_ledger_that_cannot_go_aside_does_so_once_it_can() {
    let garbage = "no database at all\n".repeat(2000);
    let device = lived();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    std::fs::write(device.ledger_path(), &garbage).unwrap();
    // The daemon can make no folder of this name: as if the disk were full.
    let aside = device.state_dir().join("set-aside");
    std::fs::write(&aside, "").unwrap();
    engine.check_ledger();
    game.check(&engine, ADS, &[OAID]);
    device.pass(60);
    game.check(&engine, ADS, &[OAID]);
    assert_eq!(std::fs::read_to_string(device.ledger_path()).unwrap(), garbage);
    std::fs::remove_file(&aside).unwrap();
    device.pass(60);
    game.check(&engine, ADS, &[OAID]);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    assert_eq!(records(&engine).iter().map(|(_, _, _, count)| count).sum::<u64>(), 3);
    engine.close();
    whole(&engine);
    let dir = std::fs::read_dir(aside).unwrap().next().unwrap().unwrap().path();
    assert_eq!(std::fs::read_to_string(dir.join("ledger.db")).unwrap(), garbage);
}

#[test]
fn a_flipped_bit_in_the_journal_costs_one_row_at_most() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    let asked = [OAID, "device.gaid", "device.imei", "device.mac"];
    for _ in 0..3 {
        game.check(&engine, ADS, &asked);
    }
    drop(engine);
    let path = device.state_dir().join("ledger.journal");
    let good = std::fs::read(&path).unwrap();
    let used = good.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert!(used > 400, "{used} bytes");
    // Each word of it, now this byte, now that.
    for word in 0..used / 8 {
        let byte = word * 8 + word % 8;
        let mut bad = good.clone();
        bad[byte] ^= 1 << (byte % 8);
        std::fs::write(&path, &bad).unwrap();
        let engine = device.start();
        let kept = records(&engine);
        assert!(kept.len() >= asked.len() - 1, "byte {byte}: {kept:?}");
        let whole = kept.iter().filter(|(_, _, _, count)| *count == 3).count();
        assert!(whole >= asked.len() - 1, "byte {byte}: {kept:?}");
        for (purpose, data, _, _) in &kept {
            assert!(purpose == ADS && asked.contains(&&**data), "byte {byte}: {kept:?}");
        }
    }
    for length in (0..used).step_by(7) {
        std::fs::write(&path, &good[..length]).unwrap();
        let engine = device.start();
        assert!(records(&engine).len() <= asked.len());
        game.check(&engine, ADS, &[OAID]);
        assert!(records(&engine).iter().any(|row| row.1 == OAID), "{length} bytes");
        drop(engine);
    }
}

#[test]
fn a_ledger_of_version_1_is_taken_over_whole() {
    let device = Device::new();
    std::fs::create_dir_all(device.state_dir()).unwrap();
    device.ledger_db().execute_batch(include_str!("ledger-version-1.sql")).unwrap();
    let engine = device.start();
    assert_eq!(whole(&engine), figures(2, 5));
    let kept: Vec<_> = records(&engine).into_iter().map(|(_, _, reason, n)| (reason, n)).collect();
    assert_eq!(kept, [("toggle-off".to_owned(), 3), ("unidentified".to_owned(), 1)]);
    assert_eq!(events(&engine).len(), 2, "one of this user, one for everybody");
    App::declared(&engine, GAME).check(&engine, ADS, &[OAID]);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.close();
    assert_eq!(whole(&engine), figures(4, 7));
}

#[test]
fn a_journal_of_another_device_is_set_aside() {
    let (device, other) = (Device::new(), Device::new());
    for device in [&device, &other] {
        let engine = device.start();
        set(&engine, &[("ad-services", "", "off")]).unwrap();
    }
    let engine = other.start();
    App::declared(&engine, WEATHER).check(&engine, PLACE, &[PRECISE]);
    drop(engine);
    let journal = |device: &Device| device.state_dir().join("ledger.journal");
    std::fs::copy(journal(&other), journal(&device)).unwrap();
    let engine = device.start();
    let is_record = |line: &Line| matches!(line, Line::Record { .. });
    assert!(!history(&engine).iter().any(is_record), "another's answers");
    App::declared(&engine, GAME).check(&engine, ADS, &[OAID]);
    assert_eq!(records(&engine).len(), 1);
}
