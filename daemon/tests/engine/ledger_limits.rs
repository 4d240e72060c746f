//! How much the ledger keeps: so many rows a minute, so many days, so many rows in all.

use consentd::engine::Asker;

use crate::device::{
    ADS, App, BEGIN, DAY, Device, GAME, OAID, OTHER_USER, USER, WEATHER, check, events, records,
    set, tagged_check,
};

/// Items that nobody ever heard of.
fn invented(from: usize) -> Vec<String> {
    (from..from + 256).map(|n| format!("invented.{n}")).collect()
}

fn ask_for_invented(engine: &consentd::engine::Engine, app: &App, user: u32, from: usize) {
    let items = invented(from);
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let asker = Asker { user, caller: Some(&app.0) };
    tagged_check(engine, asker, ADS, &items, "tag");
}

#[test]
fn a_flood_of_invented_ids_is_counted_in_one_row_from_some_point_on() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    for from in (0..1_280).step_by(256) {
        ask_for_invented(&engine, &game, USER, from);
    }
    let kept = records(&engine);
    assert_eq!(kept.len(), 1_025);
    let star = ("*".into(), "*".into(), "unknown-data".into(), 256);
    assert_eq!(kept.last(), Some(&star));
    let total: u64 = kept.iter().map(|(_, _, _, count)| count).sum();
    assert_eq!(total, 1_280, "each is counted");

    // What has a row already is still told apart.
    ask_for_invented(&engine, &game, USER, 0);
    assert_eq!((records(&engine).len(), records(&engine)[0].3), (1_025, 2));

    // A flood hides nothing that the catalogue knows: what was taken is named.
    game.check(&engine, ADS, &[OAID]);
    let refused = Some((ADS.into(), OAID.into(), "toggle-off".into(), 1));
    assert_eq!(records(&engine).last().cloned(), refused);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    game.check(&engine, ADS, &[OAID]);
    let taken = Some((ADS.into(), OAID.into(), "consented".into(), 1));
    assert_eq!(records(&engine).last().cloned(), taken);

    // Others have a measure of their own, and so has the next minute.
    App::declared(&engine, WEATHER).check(&engine, ADS, &["no.item"]);
    assert_eq!(records(&engine).last().unwrap().1, "no.item");
    check(&engine, OTHER_USER, Some(&game.0), ADS, &["no.item"]);
    device.pass(60);
    game.check(&engine, ADS, &[OAID]);
    assert_eq!(records(&engine).last().unwrap().1, OAID);
}

#[test]
fn records_are_kept_31_days_and_setting_events_two_years() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    game.check(&engine, ADS, &[OAID]);
    let asked = |days| {
        device.pass(days * DAY);
        game.check(&engine, ADS, &["no.item"]);
        (records(&engine).iter().filter(|row| row.1 == OAID).count(), events(&engine).len())
    };
    assert_eq!(asked(31), (1, 1));
    assert_eq!(asked(1), (0, 1));
    assert_eq!(asked(2 * 365 - 32), (0, 1));
    assert_eq!(asked(1), (0, 0));
    assert_eq!(records(&engine).len(), 2);
}

#[test]
fn a_clock_set_back_prunes_nothing() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    game.check(&engine, ADS, &[OAID]);
    device.pass(-40 * DAY);
    game.check(&engine, ADS, &[OAID]);
    device.pass(40 * DAY);
    assert_eq!(records(&engine).len(), 2);
}

#[test]
fn what_is_too_much_goes_from_whoever_has_most() {
    const MANY: i64 = 1_000_000;
    let device = Device::new();
    let engine = device.start();
    let weather = App::declared(&engine, WEATHER);
    weather.check(&engine, ADS, &[OAID]);
    drop(engine);
    device
        .ledger_db()
        .execute_batch(&format!(
            "WITH RECURSIVE n (seq) AS (SELECT 10 UNION ALL SELECT seq + 1 FROM n WHERE seq < {MANY} + 10)
             INSERT INTO records SELECT seq, {BEGIN}, {BEGIN}, {USER}, '{GAME}', '', 'p', 'd', 'deny',
                                        'undeclared', '', 1, NULL FROM n;
             INSERT INTO held VALUES ({USER}, '{GAME}', {MANY} + 1);
             INSERT INTO blocks SELECT seq / 4096 + 10, seq / 4096 + 10, 'records', min(seq), max(seq),
                                       {BEGIN}, {BEGIN}, count(*), zeroblob(32), zeroblob(32)
                                FROM records WHERE app = '{GAME}' GROUP BY seq / 4096"
        ))
        .unwrap();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    for from in (0..5_120).step_by(256) {
        if from % 1_024 == 0 {
            device.pass(60);
        }
        ask_for_invented(&engine, &game, USER, from);
    }
    let db = device.ledger_db();
    let one = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let held = one("SELECT count(*) FROM records");
    assert!(held <= MANY + 5_120, "{held} rows are held");
    let of_weather = format!("SELECT count(*) FROM records WHERE app = '{WEATHER}'");
    assert_eq!(one(&of_weather), 1, "the oldest of all stays: it is not of the one who has most");
    assert!(one("SELECT min(seq) FROM records WHERE app <> 'org.example.weather'") > 10);
}
