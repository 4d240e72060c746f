//! What flipping one toggle costs, with few settings and with many: the engine alone, on a disk that
//! need not be waited for.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use consentd::engine::Engine;
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::settings::By;
use consentd_tests::stage::Stage;

use crate::load;
use crate::table::{Spread, Table};

const APPS: usize = 1_000;
const USER: u32 = 10_000;

/// Measures and prints.
pub fn measure(table: &mut Table, rounds: u32) -> Result<()> {
    let stage = Stage::bare()?;
    load::declare_apps(&stage, APPS)?;
    let memory = tempfile::Builder::new().prefix("consentd-bench-").tempdir_in("/dev/shm")?;
    let in_memory = load::engine(&stage, memory.path())?;
    let on_disk = load::engine(&stage, &stage.dirs().state_dir)?;
    let mut found = Vec::new();
    let mut stored = 0;
    for settings in [1_000, 10_000, 100_000] {
        load::fill(&in_memory, APPS, stored, settings)?;
        load::fill(&on_disk, APPS, stored, settings)?;
        stored = settings;
        flips(&in_memory, rounds)?;
        found.push((settings, flips(&in_memory, rounds * 20)?, flips(&on_disk, rounds * 4)?));
    }
    table.heading("One toggle flipped for all apps, off and on, the engine alone")?;
    let (_, fewest, _) = found[0];
    for (settings, spread, synced) in &found {
        let what = format!("{settings} settings, before the disk's own sync");
        let ratio = spread.to(fewest);
        let met = spread.p50 < Duration::from_millis(1) && ratio <= 1.5;
        let beside = format!("{ratio:.2} × at 1000");
        table.times(&what, *spread, &beside, "the same cost, < 1 ms", met.into())?;
        let what = format!("{settings} settings, with the disk's sync");
        table.times(&what, *synced, "", "", crate::table::Verdict::None)?;
    }
    drop((in_memory, on_disk));
    remove(memory.path())
}

fn flips(engine: &Engine, times: u32) -> Result<Spread> {
    let mut taken = Vec::new();
    for number in 0..times {
        let state = if number % 2 == 0 { "off" } else { "on" };
        let change = [Change { toggle: "ad-services", app: "", state }];
        let began = Instant::now();
        engine.set(USER, &change, &SetOptions::default(), By::Shell)?;
        taken.push(began.elapsed());
    }
    Ok(Spread::of(taken))
}

fn remove(path: &Path) -> Result<()> {
    Ok(std::fs::remove_dir_all(path)?)
}
