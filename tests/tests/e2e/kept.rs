//! What the service manager keeps: the memory of open gates, so that what was counted when both ends were
//! killed is recorded by the next daemon; and what it makes of everything else under those names.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, ensure};
use consentd_tests::breaker::Deed;
use consentd_tests::client::{Client, Run, Tallied, Tally};
use consentd_tests::descriptors::Descriptors;
use consentd_tests::process::PATIENCE;
use consentd_tests::world::World;
use rustix::pipe::PipeFlags;

use crate::breaker::{done, has_files, one_gate};
use crate::client::{SYSTEMS, recorded};
use crate::hostile::open_files;
use crate::ids::SECURITY;
use crate::scenario::on_both_buses;

on_both_buses![
    what_both_ends_left_behind_is_counted_once,
    whichever_of_page_and_usage_comes_first,
    a_gate_that_closes_is_kept_no_longer,
    what_the_manager_had_no_room_to_hear_is_told_later,
    what_is_no_gate_is_passed_over,
];

async fn what_both_ends_left_behind_is_counted_once(world: &mut World) -> Result<()> {
    left_behind(world, |_| ()).await
}

async fn whichever_of_page_and_usage_comes_first(world: &mut World) -> Result<()> {
    left_behind(world, Descriptors::reverse).await
}

async fn left_behind(world: &mut World, order: impl Fn(&mut Descriptors)) -> Result<()> {
    let path = world.stage.root().join("tally");
    let tally = Tally::open(&path)?;
    let (purpose, data, threads) = (SYSTEMS.0, &[SYSTEMS.1][..], 2);
    let mut clients = Vec::new();
    for client in 0..2 {
        let run = Run { tally: &path, client, threads, how: "try", purpose, data };
        clients.push(Client::run(world, "security", &run).await?);
    }
    tally.begin();
    for client in 0..2 {
        tally.until(client, Tallied::Allowed, 3000).await?;
    }
    tally.rest();
    for client in 0..2 {
        tally.rested(client, threads).await?;
    }
    let mut kept = world.daemon.take_kept()?;
    assert_eq!((kept.names().len(), kept.len()), (2, 4));
    world.daemon.kill()?;
    clients.iter_mut().try_for_each(|client| client.process.kill())?;
    order(&mut kept);
    world.start_again_with(kept)?;
    let counted = tally.sum(Tallied::Allowed);
    assert_eq!(recorded(world, SECURITY).await?, counted);
    ensure!(world.daemon.kept()?.is_empty(), "what is in the ledger is kept no longer");
    world.crash_and_restart()?;
    assert_eq!(recorded(world, SECURITY).await?, counted);
    Ok(())
}

async fn a_gate_that_closes_is_kept_no_longer(world: &mut World) -> Result<()> {
    let mut first = Client::start(world, "security").await?;
    let known = world.daemon.kept()?.names().len();
    let mut second = Client::start(world, "security").await?;
    let both = world.daemon.kept()?.names().len();
    assert_eq!((known, both), (1, 2));
    first.process.kill()?;
    world.daemon.await_notification("FDSTOREREMOVE=1")?;
    assert_eq!(world.daemon.kept()?.names().len(), 1);
    assert_eq!(second.check(SYSTEMS.0, SYSTEMS.1).await?, "allow because legitimate-interest");
    second.process.kill()?;
    world.daemon.await_notification("FDSTOREREMOVE=1")?;
    ensure!(world.daemon.kept()?.is_empty(), "nobody has a gate");
    Ok(())
}

/// A service manager that is busy: the kernel keeps a few notifications for it, and has no room for more.
async fn what_the_manager_had_no_room_to_hear_is_told_later(world: &mut World) -> Result<()> {
    let mut breaker = Client::breaker(world, "game").await?;
    let before = open_files(world)?;
    for number in 1..=16 {
        one_gate(&mut breaker).await?;
        assert_eq!(world.daemon.kept()?.names().len(), number);
    }
    done(&mut breaker, Deed::LetGo).await?;
    has_files(world, before).await?;
    let telling = async {
        while !world.daemon.kept()?.is_empty() {
            let _refused: usize = breaker.tell(Deed::Come(1)).await?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, telling).await.context("gates that are gone are kept")?
}

async fn what_is_no_gate_is_passed_over(world: &mut World) -> Result<()> {
    let path = world.stage.root().join("tally");
    let tally = Tally::open(&path)?;
    let (purpose, data) = (SYSTEMS.0, &[SYSTEMS.1][..]);
    let run = Run { tally: &path, client: 0, threads: 1, how: "try", purpose, data };
    let mut client = Client::run(world, "security", &run).await?;
    tally.begin();
    tally.until(0, Tallied::Allowed, 3000).await?;
    tally.rest();
    tally.rested(0, 1).await?;
    let mut kept = world.daemon.take_kept()?;
    let gate = (*kept.names().first().context("no gate is kept")?).to_owned();
    world.daemon.kill()?;
    client.process.kill()?;
    let file = || File::open("/proc/self/exe").map(OwnedFd::from);
    let (reads, _) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let (socket, _) = UnixStream::pair()?;
    let page = kept.copy(&gate)?.pop().context("no page")?;
    for (name, fd) in [
        // A page alone, two files, three descriptors, what cannot be opened, what nobody writes to.
        ("gate-1", page),
        ("gate-2", file()?),
        ("gate-2", file()?),
        ("gate-3", file()?),
        ("gate-3", file()?),
        ("gate-3", file()?),
        ("gate-4", socket.into()),
        ("gate-5", reads),
        ("gate-5", file()?),
        ("stored", file()?),
    ] {
        kept.keep(name, fd);
    }
    world.start_again_with(kept)?;
    assert_eq!(recorded(world, SECURITY).await?, tally.sum(Tallied::Allowed));
    // What is not ours is nothing to us.
    let left: Vec<&str> = world.daemon.kept()?.names().into_iter().collect();
    assert_eq!(left, ["stored"]);
    let log = world.daemon.log();
    for name in ["gate-1", "gate-2", "gate-3", "gate-4", "gate-5"] {
        let warned = |line: &str| line.contains("WARN") && line.contains(name);
        ensure!(log.lines().any(warned), "no word about {name}");
    }
    ensure!(!log.lines().any(|line| line.contains("WARN") && line.contains(&gate)), "{gate}");
    Ok(())
}
