//! The ledger: every answer is in it, one row for what is the same within a minute; looking it up.

use consentd::decision::Reason;
use consentd::engine::{Asker, Engine};
use consentd::ledger::{By, Counted, Filter, Line, Wanted};

use crate::device::{
    ADS, APPROXIMATE, App, BEGIN, DAY, Device, GAME, HOUR, OAID, OTHER_USER, PLACE, PRECISE, USER,
    WEATHER, check, history, records, set, tagged_check,
};

fn row(purpose: &str, data: &str, reason: &str, count: u64) -> (String, String, String, u64) {
    (purpose.into(), data.into(), reason.into(), count)
}

#[test]
fn every_answer_is_recorded_item_by_item() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("location.app", WEATHER, "on")]).unwrap();
    App::declared(&engine, GAME).check(&engine, ADS, &[OAID, "device.imei"]);
    App::declared(&engine, WEATHER).check(&engine, PLACE, &[PRECISE, APPROXIMATE]);
    check(&engine, USER, None, PLACE, &[PRECISE]);
    assert_eq!(
        records(&engine),
        [
            row(ADS, OAID, "consented", 1),
            row(ADS, "device.imei", "forbidden", 1),
            row(PLACE, PRECISE, "not-set", 1),
            row(PLACE, APPROXIMATE, "contract", 1),
            row(PLACE, PRECISE, "unidentified", 1),
        ]
    );
    let decisions: Vec<_> = history(&engine)
        .into_iter()
        .filter_map(|line| match line {
            Line::Record { app, trust, decision, at, user, .. } => {
                assert_eq!((at, user), (BEGIN, USER));
                Some(format!("{app} {trust} {decision}"))
            }
            Line::Setting { .. } => None,
        })
        .collect();
    assert_eq!(
        decisions,
        [
            "  deny".to_owned(),
            format!("{WEATHER} weak allow"),
            format!("{WEATHER} weak ask"),
            format!("{GAME} weak deny"),
            format!("{GAME} weak allow"),
        ]
    );
}

#[test]
fn what_is_the_same_within_a_minute_is_one_row() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    let asker = Asker { user: USER, caller: Some(&game.0) };
    for _ in 0..3 {
        game.check(&engine, ADS, &[OAID]);
        device.pass(19);
    }
    tagged_check(&engine, asker, ADS, &[OAID], "banner");
    device.pass(2); // 59 seconds into the minute.
    check(&engine, OTHER_USER, Some(&game.0), ADS, &[OAID]);
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    game.check(&engine, ADS, &[OAID]);
    let first = [
        row(ADS, OAID, "toggle-off", 3),
        row(ADS, OAID, "toggle-off", 1), // Another tag.
        row(ADS, OAID, "consented", 1),
    ];
    assert_eq!(records(&engine), first);
    device.pass(1);
    game.check(&engine, ADS, &[OAID]);
    game.check(&engine, ADS, &[OAID]);
    let second = [&first[..], &[row(ADS, OAID, "consented", 2)]].concat();
    assert_eq!(records(&engine), second);
    let times: Vec<_> = history(&engine)
        .into_iter()
        .filter_map(|line| match line {
            Line::Record { at, last, tag, .. } => Some((at - BEGIN, last - BEGIN, tag)),
            Line::Setting { .. } => None,
        })
        .collect();
    let at = |at, last, tag: &str| (at, last, tag.to_owned());
    let expected = [at(60, 60, ""), at(59, 59, ""), at(57, 57, "banner"), at(0, 38, "")];
    assert_eq!(times, expected);
}

#[test]
fn a_restart_opens_new_rows_and_keeps_the_old() {
    let device = Device::new();
    for _ in 0..2 {
        let engine = device.start();
        let game = App::declared(&engine, GAME);
        game.check(&engine, ADS, &[OAID]);
        game.check(&engine, ADS, &[OAID]);
    }
    let engine = device.start();
    assert_eq!(
        records(&engine),
        [row(ADS, OAID, "toggle-off", 2), row(ADS, OAID, "toggle-off", 2)]
    );
}

#[test]
fn an_answer_that_cannot_be_recorded_denies() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let game = App::declared(&engine, GAME);
    device.refuse_in_ledger("records");
    device.pass(60);
    assert_eq!(game.check(&engine, ADS, &[OAID]), [Reason::Consented], "the journal takes it");
    // Until it is full.
    let mut answered = 10_000;
    let other = |user| check(&engine, user, Some(&game.0), ADS, &[OAID])[0].reason;
    while other(answered) != Reason::StoreUnavailable {
        answered += 1;
        assert!(answered < 100_000, "a journal without end");
    }
    assert!(answered > 11_000, "{answered} rows");
    assert_eq!(game.check(&engine, ADS, &[OAID]), [Reason::Consented], "its row is there");
    device.pass(60);
    assert_eq!(game.check(&engine, ADS, &[OAID]), [Reason::StoreUnavailable], "another minute");
    device.accept_in_ledger("records");
    assert_eq!(game.check(&engine, ADS, &[OAID]), [Reason::Consented]);
    let of_game: u64 = records(&engine).iter().map(|(_, _, _, count)| count).sum();
    assert_eq!(of_game, 3, "what was denied for want of a record has none");
    let verdict = engine.verify_log().unwrap();
    assert_eq!(verdict.get("whole"), Some(&true.into()), "{verdict:?}");
}

/// A history with both kinds of lines, of two users.
fn lived(device: &Device) -> Engine {
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    game.check(&engine, ADS, &[OAID]);
    game.check(&engine, ADS, &[OAID]);
    device.pass(HOUR);
    weather.check(&engine, PLACE, &[PRECISE, APPROXIMATE]);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    device.pass(DAY);
    weather.check(&engine, PLACE, &[PRECISE, APPROXIMATE]);
    check(&engine, OTHER_USER, Some(&game.0), ADS, &[OAID]);
    engine
}

#[test]
fn a_filter_narrows_to_what_it_names() {
    let device = Device::new();
    let engine = lived(&device);
    let all = || Filter { user: USER, ..Filter::default() };
    let word = |word: &str| Some(word.to_owned());
    #[rustfmt::skip]
    let cases = [
        (all(), 5, 2),
        (Filter { user: OTHER_USER, ..all() }, 1, 0),
        (Filter { user: 77, ..all() }, 0, 0),
        (Filter { app: word(GAME), ..all() }, 1, 0),
        (Filter { app: word(WEATHER), ..all() }, 4, 1),
        (Filter { app: word(""), ..all() }, 0, 1),
        (Filter { toggle: word("location.app"), ..all() }, 0, 1),
        (Filter { purpose: word(PLACE), ..all() }, 4, 0),
        (Filter { data: word(PRECISE), ..all() }, 2, 0),
        (Filter { decision: word("allow"), ..all() }, 2, 0),
        (Filter { decision: word("ask"), data: word(PRECISE), ..all() }, 2, 0),
        (Filter { since: Some(BEGIN + 1), ..all() }, 4, 1),
        (Filter { since: Some(BEGIN + HOUR), ..all() }, 4, 1),
        (Filter { until: Some(BEGIN + HOUR - 1), ..all() }, 1, 1),
        (Filter { since: Some(BEGIN + HOUR), until: Some(BEGIN + HOUR), ..all() }, 2, 1),
        (Filter { wanted: Wanted::Records, ..all() }, 5, 0),
        (Filter { wanted: Wanted::Settings, ..all() }, 0, 2),
        (Filter { wanted: Wanted::Settings, purpose: word(PLACE), ..all() }, 0, 0),
        (Filter { app: word("' OR 1 --"), ..all() }, 0, 0),
    ];
    for (filter, records, events) in cases {
        let page = engine.history(&filter, None, 100).unwrap();
        let is_record = |line: &&Line| matches!(line, Line::Record { .. });
        let found = page.lines.iter().filter(is_record).count();
        assert_eq!((found, page.lines.len() - found), (records, events), "{filter:?}");
        assert_eq!(page.next, None);
        let counted: u64 = engine.counts(&filter, &[]).unwrap().iter().map(|sum| sum.count).sum();
        let of_records: u64 = page
            .lines
            .iter()
            .map(|line| match line {
                Line::Record { count, .. } => *count,
                Line::Setting { .. } => 0,
            })
            .sum();
        assert_eq!(counted, of_records, "{filter:?}");
    }
}

#[test]
fn counts_sum_by_what_is_named_largest_first() {
    let device = Device::new();
    let engine = lived(&device);
    let filter = Filter { user: USER, ..Filter::default() };
    let counts = |by: &[By]| {
        let counts = engine.counts(&filter, by).unwrap();
        let word = |counted: &Counted| match counted {
            Counted::Word(word) => word.clone(),
            Counted::Time(at) => (at - BEGIN).to_string(),
        };
        let row = |by: &[Counted]| by.iter().map(word).collect::<Vec<_>>().join(" ");
        counts.iter().map(|sum| format!("{} {}", row(&sum.by), sum.count)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&[]), [" 6"]);
    assert_eq!(counts(&[By::App]), [format!("{WEATHER} 4"), format!("{GAME} 2")]);
    assert_eq!(counts(&[By::Day]), ["0 4", "86400 2"]);
    assert_eq!(counts(&[By::Purpose, By::Decision]).len(), 3);
    let mut hours = counts(&[By::Hour, By::Data]);
    hours.sort();
    assert_eq!(
        hours,
        [
            format!("0 {OAID} 2"),
            format!("3600 {APPROXIMATE} 1"),
            format!("3600 {PRECISE} 1"),
            format!("90000 {APPROXIMATE} 1"),
            format!("90000 {PRECISE} 1"),
        ]
    );
}

#[test]
fn a_cursor_pages_through_each_line_once_while_new_ones_arrive() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    for step in 0..40 {
        game.check(&engine, ADS, &[OAID]);
        let state = if step % 2 == 0 { "off" } else { "ask" };
        set(&engine, &[("app-access", GAME, state)]).unwrap();
        device.pass(60);
    }
    let filter = Filter { user: USER, ..Filter::default() };
    for limit in [1, 7, 40, 79, 80, 81] {
        let before: Vec<_> = history(&engine).iter().map(Line::seq).collect();
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = engine.history(&filter, cursor, limit).unwrap();
            assert!(page.lines.len() <= usize::try_from(limit).unwrap());
            seen.extend(page.lines.iter().map(Line::seq));
            assert!(seen.len() <= before.len(), "limit {limit}: pages without end");
            device.pass(60);
            game.check(&engine, ADS, &[OAID]);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, before, "limit {limit}");
    }
}

#[test]
fn the_order_of_lines_does_not_follow_the_wall_clock() {
    let device = Device::new();
    let engine = device.start();
    let game = App::declared(&engine, GAME);
    for back in [0, HOUR, 10 * 365 * DAY] {
        device.set_wall(BEGIN - back);
        game.check(&engine, ADS, &[OAID]);
    }
    let lines = history(&engine);
    let at: Vec<_> = lines
        .iter()
        .map(|line| match line {
            Line::Record { at, .. } => BEGIN - at,
            Line::Setting { .. } => unreachable!("nothing was set"),
        })
        .collect();
    assert_eq!(at, [10 * 365 * DAY, HOUR, 0]);
}
