//! Apps that hold gates and do nothing: a process each, which opens as many as it is told to.

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use consentd_dbus::{Gate1Proxy, Options};
use consentd_tests::process::Process;
use consentd_tests::world::World;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use zbus::{Connection, OwnedFd};

use crate::calls::{Lined, start_as};

/// The other end: one line is so many gates more.
pub async fn serve() -> Result<ExitCode> {
    let bus = Connection::system().await?;
    let gate = Gate1Proxy::new(&bus).await?;
    let mut held: Vec<HashMap<String, OwnedFd>> = Vec::new();
    gate.who_am_i(Options::new()).await?;
    say(held.len())?;
    for line in std::io::stdin().lines() {
        for _ in 0..line?.parse()? {
            held.push(gate.open(Options::new()).await?.0);
        }
        say(held.len())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say(held: usize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{held}")?;
    Ok(out.flush()?)
}

/// Apps that are on the bus, and the gates that they hold.
pub struct Holders(Vec<(Process, ChildStdin, Lined)>);

impl Holders {
    /// Starts these; the daemon knows them, and they have no gate yet.
    pub async fn start(world: &World, apps: &[&str]) -> Result<Holders> {
        let mut holders = Vec::new();
        for app in apps {
            let mut holder = start_as(world, app, "holder")?;
            holder.2.next_line().await?.context("a holder has ended")?;
            holders.push(holder);
        }
        Ok(Holders(holders))
    }

    /// Each opens so many: how many there are.
    pub async fn open(&mut self, each: u32) -> Result<u32> {
        let mut sum = 0;
        for (_, orders, lines) in &mut self.0 {
            orders.write_all(format!("{each}\n").as_bytes()).await?;
            let held = lines.next_line().await?.context("a holder has ended")?;
            sum += held.parse::<u32>()?;
        }
        Ok(sum)
    }
}
