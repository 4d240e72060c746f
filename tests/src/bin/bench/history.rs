//! Looking a ledger of a million rows through.

use std::time::Instant;

use anyhow::Result;
use consentd::decision::Reason;
use consentd::ledger::{By, Filter, Ledger, LedgerReader, Record};

use crate::table::{Spread, Table, Verdict};

const USER: u32 = 1000;
const MINUTES: i64 = 1_000;
const ROWS: usize = 1_000;
/// A page should not keep a person waiting, nor the daemon's thread.
const BUDGET_MS: u128 = 20;

/// Measures and prints.
pub fn measure(table: &mut Table, rounds: u32) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut ledger = Ledger::open(dir.path(), None, 0)?;
    let apps: Vec<String> = (0..50).map(|number| format!("org.example.app{number}")).collect();
    let items: Vec<String> = (0..20).map(|number| format!("device.item{number}")).collect();
    let began = Instant::now();
    for minute in 0..MINUTES {
        let records: Vec<Record<'_>> = (0..ROWS)
            .map(|row| Record {
                at: minute * 60,
                user: USER,
                app: &apps[row % apps.len()],
                trust: "weak",
                purpose: "services.operation",
                data: &items[row / apps.len()],
                reason: if row == 7 && minute == 3 { Reason::Locked } else { Reason::Contract },
                tag: "",
                times: 1,
                usage: None,
            })
            .collect();
        ledger.record(&records)?;
    }
    ledger.close(MINUTES * 60)?;
    let rows = MINUTES.unsigned_abs() * ROWS as u64;
    let written = began.elapsed() / u32::try_from(MINUTES)?;
    let reader = LedgerReader::open(ledger.path())?;
    table.heading(&format!("A ledger of {rows} rows, {written:.1?} for a minute of {ROWS}"))?;
    let word = |word: &str| Some(word.to_owned());
    let all = || Filter { user: USER, ..Filter::default() };
    let cases = [
        ("the newest 100", all(), None),
        ("100 from the middle, by cursor", all(), Some(500_000)),
        ("one app's newest", Filter { app: word(&apps[7]), ..all() }, None),
        ("one item's newest", Filter { data: word(&items[7]), ..all() }, None),
        ("the one denial among them", Filter { decision: word("deny"), ..all() }, None),
        ("an hour long ago", Filter { since: Some(6_000), until: Some(9_600), ..all() }, None),
        (
            "an app in that hour",
            Filter { app: word(&apps[7]), since: Some(6_000), until: Some(9_600), ..all() },
            None,
        ),
        ("an app that is not there", Filter { app: word("org.example.none"), ..all() }, None),
    ];
    for (what, filter, cursor) in cases {
        let mut taken = Vec::new();
        for _ in 0..rounds.max(10) {
            let began = Instant::now();
            reader.history(Vec::new(), &filter, cursor, 100)?;
            taken.push(began.elapsed());
        }
        let spread = Spread::of(taken);
        let met = spread.p50.as_millis() < BUDGET_MS;
        table.times(what, spread, "", &format!("< {BUDGET_MS} ms"), met.into())?;
    }
    let began = Instant::now();
    reader.counts(&[], &all(), &[By::App])?;
    let summed = began.elapsed();
    table.times("all summed by app", Spread::of(vec![summed]), "", "", Verdict::None)?;
    let began = Instant::now();
    let verdict = reader.verify(None)?;
    anyhow::ensure!(verdict.findings.is_empty(), "{verdict:?}");
    let verified = began.elapsed();
    table.times("the whole chain verified", Spread::of(vec![verified]), "", "", Verdict::None)
}
