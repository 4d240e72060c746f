//! Start-up, memory and wake-ups of a daemon with 1,000 apps and 100,000 settings, and what an open gate
//! takes of its memory.

use std::time::{Duration, Instant};

use anyhow::Result;
use consentd_tests::bus::{Bus, BusKind};
use consentd_tests::daemon::Daemon;
use consentd_tests::stage::Stage;
use consentd_tests::world::World;

use crate::holder::Holders;
use crate::load;
use crate::proc::{Switches, status_of};
use crate::table::{Spread, Table, Verdict};

const APPS: usize = 1_000;
const SETTINGS: usize = 100_000;
/// Threads that only waited for more work go before this is over.
const SETTLING: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_secs(60);
/// Sample apps.
const NAMES: [&str; 10] =
    ["weather", "maps", "game", "camera", "music", "themes", "browser", "push", "store", "notes"];

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
    let world = World { daemon, bus, stage };
    let woken = wake_ups_of(&world).await?;
    let pid = world.daemon.pid();
    let (resident, anonymous) = (status_of(pid, "VmRSS")?, status_of(pid, "RssAnon")?);
    let met = resident < 12 * 1024;
    let figure = format!("{:.1} MiB", kib(resident));
    table.figure("resident, idle", &figure, "< 12 MiB", met.into())?;
    let figure = format!("{:.1} MiB", kib(anonymous));
    table.figure("  of it anonymous (the rest is the program)", &figure, "", Verdict::None)?;
    let what = "wake-ups in a minute with ten apps";
    table.figure(what, &woken.to_string(), "0", (woken == 0).into())?;
    let (gates, taken) = memory_of_gates(&world).await?;
    let what = format!("memory of each of {gates} open gates, idle");
    let each = taken / f64::from(gates);
    table.figure(&what, &format!("{each:.1} KiB"), "< 8 KiB", (each < 8.0).into())
}

/// How many gates ten apps open, and the KiB that the daemon has more with them than with the apps alone.
async fn memory_of_gates(world: &World) -> Result<(u32, f64)> {
    let pid = world.daemon.pid();
    let memory = || anyhow::Ok(status_of(pid, "RssAnon")? + status_of(pid, "RssShmem")?);
    let mut holders = Holders::start(world, &NAMES).await?;
    tokio::time::sleep(SETTLING).await;
    let before = memory()?;
    let gates = holders.open(10).await?;
    tokio::time::sleep(SETTLING).await;
    let taken = memory()?.saturating_sub(before);
    Ok((gates, f64::from(u32::try_from(taken)?)))
}

fn kib(amount: u64) -> f64 {
    f64::from(u32::try_from(amount).unwrap_or(u32::MAX)) / 1024.0
}

/// How often any of its threads was woken while nobody asked anything.
async fn wake_ups_of(world: &World) -> Result<u64> {
    let mut apps = Vec::new();
    for name in NAMES {
        let mut app = world.app(name).await?;
        app.check("services.operation", &["device.model"]).await?;
        apps.push(app);
    }
    let pid = world.daemon.pid();
    tokio::time::sleep(SETTLING).await;
    let before = Switches::of(pid)?;
    tokio::time::sleep(IDLE).await;
    Ok(Switches::of(pid)?.since(&before))
}
