//! What flipping one toggle costs while many pages show it: until every one of them does, and what each
//! takes of the daemon's memory.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use consentd::catalog::Trust;
use consentd::engine::Engine;
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::settings::By;
use consentd::identity::{Caller, Kind};
use consentd_gate::Decision;
use consentd_gate::page::{Page, PairIndex};
use consentd_tests::stage::Stage;

use crate::load;
use crate::table::{Spread, Table, Verdict};

const APPS: usize = 1_000;
const USER: u32 = 10_000;

/// An app's side of an open gate.
struct Open {
    page: Page,
    pair: PairIndex,
}

/// Measures and prints.
pub fn measure(table: &mut Table, rounds: u32) -> Result<()> {
    let stage = Stage::bare()?;
    load::declare_apps(&stage, APPS)?;
    let memory = tempfile::Builder::new().prefix("consentd-bench-").tempdir_in("/dev/shm")?;
    let engine = load::engine(&stage, memory.path())?;
    let policy = engine.policy()?;
    let mut open: Vec<Open> = Vec::new();
    table.heading("One toggle flipped for all apps, seen by every open page, the engine alone")?;
    for pages in [0, 1, 10, 100, 1_000] {
        for number in open.len()..pages {
            open.push(gate(&engine, &policy, number)?);
        }
        let spread = flips(&engine, &open, rounds * 10)?;
        let met = match pages {
            0 => Verdict::None,
            _ => (spread.p50 < Duration::from_millis(1)).into(),
        };
        let each = spread.p50.as_nanos() / u128::try_from(pages.max(1))?;
        let beside = if pages > 1 { format!("{each} ns a page") } else { String::new() };
        table.times(&format!("{pages} open pages"), spread, &beside, "< 1 ms", met)?;
    }
    engine.close();
    Ok(())
}

fn gate(engine: &Engine, policy: &consentd::engine::Policy, number: usize) -> Result<Open> {
    let id = format!("org.example.app{number}");
    let (declared, _) = policy.app(&id).context("not declared")?;
    let opened = engine.open_gate(&Caller {
        user: USER,
        kind: Kind::Executable,
        app: id.into(),
        declared: Some(declared),
        instance: "".into(),
        trust: Trust::Weak,
    })?;
    let page = Page::open(opened.descriptors.page, Some(opened.id))?;
    let names = page.directory();
    let ids = names.purpose("ads.personalised").zip(names.data("device.oaid"));
    let pair = ids.and_then(|(purpose, data)| names.pair(purpose, data)).context("no such pair")?;
    Ok(Open { page, pair })
}

fn flips(engine: &Engine, open: &[Open], times: u32) -> Result<Spread> {
    let mut taken = Vec::new();
    for number in 0..times {
        let state = if number % 2 == 0 { "off" } else { "on" };
        let change = [Change { toggle: "ad-services", app: "", state }];
        let began = Instant::now();
        engine.set(USER, &change, &SetOptions::default(), By::Shell)?;
        taken.push(began.elapsed());
        for page in open {
            let shown = page.page.word(page.pair).standing();
            let consentd_gate::Standing::Answer(answer, _) = shown else {
                anyhow::bail!("the page does not answer")
            };
            ensure!((answer.decision() == Decision::Allow) == (state == "on"), "{answer:?}");
        }
    }
    Ok(Spread::of(taken))
}
