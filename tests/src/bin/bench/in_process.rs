//! A check in process, in Rust and in C, with one thread and with two, beside one atomic load, an empty
//! call, and the same question over D-Bus; and what client and daemon do while nothing happens.

use std::hint::black_box;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use consent::{Consent, DataItem, Purpose};
use consentd_tests::bus::BusKind;
use consentd_tests::place;
use consentd_tests::process::{Process, bound_command};
use consentd_tests::world::World;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use zbus::Connection;

use crate::calls::{APP, Call, ITEMS, PURPOSE, call, start_as};
use crate::proc::Switches;
use crate::table::{Table, Verdict};

/// Checks in a block.
const TIMES: u32 = 1_000_000;
/// Blocks in a row: the first ones find a processor that has just been woken.
const BLOCKS: usize = 15;
/// Checks over D-Bus beside them.
const CALLS: u32 = 200;
/// What was counted has been drained before this is over.
const SETTLING: Duration = Duration::from_secs(40);
const IDLE: Duration = Duration::from_secs(20);

/// Nanoseconds of an atomic load, an empty call, a check, a check while another thread checks, and one
/// over D-Bus.
type Figures = [f64; 5];

/// The other end: an app that checks in blocks.
pub async fn serve() -> Result<ExitCode> {
    let bus = Connection::system().await?;
    let consent = Consent::open()?;
    let (purpose, data) = (consent.purpose(PURPOSE)?, consent.data(ITEMS[0])?);
    let word = AtomicU64::new(1);
    ensure!(consent.check(purpose, data).is_allowed(), "the check is not allowed");
    let checks = || checks(&consent, purpose, data);
    for line in std::io::stdin().lines() {
        line?;
        let load = blocks(|| black_box(&word).load(Ordering::Acquire))?;
        let empty = blocks(|| empty(black_box(1)))?;
        let one = checks()?;
        let two = std::thread::scope(|threads| {
            let other = threads.spawn(checks);
            let mine = checks()?;
            let theirs = other.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            anyhow::Ok(f64::max(mine, theirs))
        })?;
        let began = Instant::now();
        for _ in 0..CALLS {
            call(&bus, Call::Check).await?;
        }
        let called = began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS);
        let figures: Figures = [load, empty, one, two, called];
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &figures)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Nanoseconds of a check.
fn checks(consent: &Consent, purpose: Purpose, data: DataItem) -> Result<f64> {
    blocks(|| consent.check(black_box(purpose), black_box(data)).is_allowed().into())
}

/// Nanoseconds of one call among many, each of which gives 1: of the block in the middle.
#[inline(always)]
fn blocks(call: impl Fn() -> u64) -> Result<f64> {
    let mut figures = [0.0; BLOCKS];
    for figure in &mut figures {
        let began = Instant::now();
        let sum: u64 = (0..TIMES).map(|_| call()).sum();
        let taken = began.elapsed();
        ensure!(sum == u64::from(TIMES), "{sum} of {TIMES} were allowed");
        *figure = taken.as_secs_f64() * 1e9 / f64::from(TIMES);
    }
    Ok(middle(&mut figures))
}

fn middle(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

#[inline(never)]
fn empty(value: u64) -> u64 {
    value
}

/// Measures and prints.
pub async fn measure(table: &mut Table, rounds: u32) -> Result<()> {
    let world = World::start(BusKind::DbusDaemon).await?;
    let (rust, mut orders, mut lines) = start_as(&world, APP, "checker")?;
    let mut found: [Vec<f64>; 7] = Default::default();
    // Once it has its gate, its file may be another's.
    told(&mut orders, &mut lines).await?;
    let mut c = in_c(&world)?;
    for _ in 0..rounds {
        let rust: Figures = serde_json::from_str(&told(&mut orders, &mut lines).await?)?;
        let c: [f64; 2] = serde_json::from_str(&told(&mut c.1, &mut c.2).await?)?;
        for (figures, figure) in found.iter_mut().zip(rust.into_iter().chain(c)) {
            figures.push(figure);
        }
    }
    let [load, empty, one, two, called, c_one, c_two] =
        found.map(|mut figures| middle(&mut figures));
    table.heading("A check in process, recorded")?;
    table.figure("one atomic load", &nanos(load), "", Verdict::None)?;
    table.figure("an empty call", &nanos(empty), "", Verdict::None)?;
    let figure = format!("{:.1} µs ({:.0} in process)", called / 1e3, called / one);
    table.figure("Check over D-Bus, recorded", &figure, "", Verdict::None)?;
    for (what, figure) in [
        ("Rust, one thread", one),
        ("Rust, each of two threads", two),
        ("C, one thread", c_one),
        ("C, each of two threads", c_two),
    ] {
        let figure_in_words = format!("{} ({:.0} loads)", nanos(figure), figure / load);
        table.figure(what, &figure_in_words, "5 ns", (figure <= 5.0).into())?;
    }
    idle(table, rust.pid(), world.daemon.pid()).await
}

/// An app whose gate is open and the daemon, while nobody asks anything.
async fn idle(table: &mut Table, client: u32, daemon: u32) -> Result<()> {
    let switches = || anyhow::Ok((Switches::of(client)?, Switches::of(daemon)?));
    tokio::time::sleep(SETTLING).await;
    let before = switches()?;
    tokio::time::sleep(IDLE).await;
    let after = switches()?;
    for (whose, woken) in
        [("a client", after.0.since(&before.0)), ("the daemon", after.1.since(&before.1))]
    {
        let what = format!("wake-ups of {whose} in {} s, a gate open", IDLE.as_secs());
        table.figure(&what, &woken.to_string(), "0", (woken == 0).into())?;
    }
    Ok(())
}

fn nanos(figure: f64) -> String {
    format!("{figure:.1} ns")
}

type Told = (Process, ChildStdin, Lines<BufReader<ChildStdout>>);

/// The same blocks in C, by the same app.
fn in_c(world: &World) -> Result<Told> {
    let dir = world.stage.root();
    place::copy_program(&place::built("libconsent_c.so")?, &dir.join("libconsent.so.1"))?;
    let path = world.stage.bin().dir().join(APP);
    std::fs::remove_file(&path)?;
    let source = place::root().join("tests/src/bin/bench/check.c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-pthread", "-o"]).arg(&path).arg(source);
    cc.arg("-I").arg(place::root().join("client/c/include")).arg(dir.join("libconsent.so.1"));
    let status = cc.arg(format!("-Wl,-rpath,{}", dir.display())).status()?;
    ensure!(status.success(), "{cc:?}: {status}");
    let mut command = bound_command(&path);
    command
        .args([PURPOSE, ITEMS[0]])
        .env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = Process::spawn("check.c", &mut command)?;
    let orders = process.child().stdin.take().context("no stdin")?;
    let lines = process.child().stdout.take().context("no stdout")?;
    let lines = BufReader::new(ChildStdout::from_std(lines)?).lines();
    Ok((process, ChildStdin::from_std(orders)?, lines))
}

async fn told(
    orders: &mut ChildStdin,
    lines: &mut Lines<BufReader<ChildStdout>>,
) -> Result<String> {
    orders.write_all(b"go\n").await?;
    lines.next_line().await?.context("the app has ended")
}
