//! Start-up, memory and wake-ups of a daemon with 1,000 apps and 100,000 settings.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use consentd_tests::app::{App, Guise};
use consentd_tests::bus::{Bus, BusKind};
use consentd_tests::daemon::Daemon;
use consentd_tests::stage::Stage;

use crate::load;
use crate::table::{Spread, Table, Verdict};

const APPS: usize = 1_000;
const SETTINGS: usize = 100_000;
/// Threads that only waited for more work go before this is over.
const SETTLING: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_secs(60);

/// Measures and prints.
pub async fn measure(table: &mut Table, starts: u32) -> Result<()> {
    let stage = Stage::new()?;
    load::declare_apps(&stage, APPS)?;
    let engine = load::engine(&stage, &stage.dirs().state_dir)?;
    load::fill(&engine, APPS, 0, SETTINGS)?;
    engine.close();
    drop(engine);
    let bus = Bus::start(BusKind::DbusDaemon, stage.root()).await?;
    let mut taken = Vec::new();
    for _ in 0..starts {
        let began = Instant::now();
        let mut daemon = Daemon::start(bus.address(), stage.dirs())?;
        taken.push(began.elapsed());
        daemon.terminate()?;
    }
    table.heading("A daemon with 1,000 apps and 100,000 settings")?;
    let spread = Spread::of(taken);
    let met = spread.p50 < Duration::from_millis(100);
    table.times("start to name owned", spread, "", "< 100 ms", met.into())?;
    let daemon = Daemon::start(bus.address(), stage.dirs())?;
    let woken = wake_ups_of(&daemon, &stage, bus.address()).await?;
    let resident = status_of(daemon.pid(), "VmRSS")?;
    let anonymous = status_of(daemon.pid(), "RssAnon")?;
    let met = resident < 12 * 1024;
    let figure = format!("{:.1} MiB", kib(resident));
    table.figure("resident, idle", &figure, "< 12 MiB", met.into())?;
    let figure = format!("{:.1} MiB", kib(anonymous));
    table.figure("  of it anonymous (the rest is the program)", &figure, "", Verdict::None)?;
    let what = "wake-ups in a minute with ten apps";
    table.figure(what, &woken.to_string(), "0", (woken == 0).into())
}

fn kib(amount: u64) -> f64 {
    f64::from(u32::try_from(amount).unwrap_or(u32::MAX)) / 1024.0
}

/// A figure of /proc/PID/status, in KiB.
fn status_of(pid: u32, key: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let words = line.with_context(|| format!("no {key}"))?.split_whitespace().next();
    Ok(words.context("an empty line")?.parse()?)
}

/// How often any of its threads was woken while nobody asked anything.
async fn wake_ups_of(daemon: &Daemon, stage: &Stage, address: &str) -> Result<u64> {
    let mut apps = Vec::new();
    for name in [
        "weather", "maps", "game", "camera", "music", "themes", "browser", "push", "store", "notes",
    ] {
        let executable = stage.bin().executable(name)?;
        let mut app = App::start(&executable, &Guise::Executable, address).await?;
        app.check("services.operation", &["device.model"]).await?;
        apps.push(app);
    }
    tokio::time::sleep(SETTLING).await;
    let before = switches(daemon.pid())?;
    tokio::time::sleep(IDLE).await;
    let after = switches(daemon.pid())?;
    Ok(after.iter().map(|(thread, count)| count - before.get(thread).unwrap_or(&0)).sum())
}

/// Voluntary context switches by thread: a thread that sleeps on has none.
fn switches(pid: u32) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let entry = entry?;
        let status = std::fs::read_to_string(entry.path().join("status"))?;
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))
            .context("no voluntary_ctxt_switches")?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), count.trim().parse()?);
    }
    Ok(found)
}
