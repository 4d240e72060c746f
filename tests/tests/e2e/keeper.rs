//! A holder in a process of its own, as scenarios start it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use consentd_tests::holder::Manner;
use consentd_tests::process::{Process, bound_command};
use consentd_tests::world::World;
use serde_json::Value;

/// The game's holder: registered, with a file of its own; ended when dropped.
pub(crate) struct Keeper {
    store_path: PathBuf,
    _process: Process,
}

impl Keeper {
    /// One that keeps this, as JSON.
    pub(crate) fn start(world: &World, kept: &str, manner: Manner) -> Result<Keeper> {
        std::fs::write(world.stage.root().join("kept.json"), kept)?;
        Keeper::again(world, manner)
    }

    /// The next one, with the file of the one before.
    pub(crate) fn again(world: &World, manner: Manner) -> Result<Keeper> {
        let store_path = world.stage.root().join("kept.json");
        let mut command = bound_command(world.stage.bin().executable("game")?);
        let manner = manner.to_possible_value().context("no name")?;
        command.arg("hold").arg(&store_path).args(["--manner", manner.get_name()]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
        Ok(Keeper { store_path, _process: Process::spawn("a holder", &mut command)? })
    }

    /// What it keeps now.
    pub(crate) fn kept(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(&self.store_path)?)?)
    }
}
