//! `make demo`: consentd's main job, told as a story, with everything real. The person's report is all that
//! stays behind.

mod case;
mod narrator;
mod story;

use std::process::ExitCode;

use anyhow::{Result, bail};
use consentd_tests::bus::BusKind;
use consentd_tests::world::World;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    if let Some(missing) = BusKind::DbusDaemon.missing() {
        bail!("{missing}");
    }
    let mut world = World::start(BusKind::DbusDaemon).await?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let astray = tokio::select! {
        told = async { story::Story::new(&world)?.tell().await } => told?,
        _ = interrupt.recv() => return Ok(ExitCode::from(130)),
        _ = terminate.recv() => return Ok(ExitCode::from(143)),
    };
    world.stop()?;
    if astray > 0 {
        eprintln!("{}", world.daemon.log());
        eprintln!("The story went otherwise than told, {astray} times.");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
