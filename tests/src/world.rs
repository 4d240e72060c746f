//! A bus, a daemon on it, and whoever talks to it: everything real, everything temporary.

use anyhow::{Result, ensure};
use zbus::Connection;

use crate::agent::Agent;
use crate::app::{App, Guise};
use crate::bus::{Bus, BusKind};
use crate::ctl::Ctl;
use crate::daemon::Daemon;
use crate::descriptors::Descriptors;
use crate::person::Person;
use crate::stage::Stage;

/// All of it. Dropping it ends every process and removes every file.
#[derive(Debug)]
pub struct World {
    /// The daemon; gone first.
    pub daemon: Daemon,
    /// The bus.
    pub bus: Bus,
    /// The folders; gone last.
    pub stage: Stage,
}

impl World {
    /// The project's catalogue and sample apps, a bus of this kind, a daemon that is ready.
    pub async fn start(kind: BusKind) -> Result<World> {
        World::on(Stage::new()?, kind).await
    }

    /// The same on folders that were prepared.
    pub async fn on(stage: Stage, kind: BusKind) -> Result<World> {
        let bus = Bus::start(kind, stage.root()).await?;
        let daemon = Daemon::start(bus.address(), stage.dirs())?;
        Ok(World { daemon, bus, stage })
    }

    /// Starts the sample app of this name as itself: by its executable.
    pub async fn app(&self, name: &str) -> Result<App> {
        self.app_as(name, &Guise::Executable).await
    }

    /// Starts it in another guise.
    pub async fn app_as(&self, name: &str, guise: &Guise) -> Result<App> {
        App::start(&self.stage.bin().executable(name)?, guise, self.bus.address()).await
    }

    /// An agent of this user, on a connection of its own.
    pub async fn agent(&self) -> Result<Agent> {
        Agent::on(self.connect().await?).await
    }

    /// consentctl, for this bus.
    pub fn ctl(&self) -> Result<Ctl> {
        Ctl::new(self.bus.address())
    }

    /// A connection of this process's own: an unconfined program of this user that nobody declared.
    pub async fn connect(&self) -> Result<Connection> {
        self.bus.connect().await
    }

    /// Such a connection, with its hands on the settings.
    pub async fn person(&self) -> Result<Person> {
        Person::on(&self.connect().await?).await
    }

    /// Kills the daemon (SIGKILL) and starts it on the same state.
    pub fn crash_and_restart(&mut self) -> Result<()> {
        self.daemon.kill()?;
        self.start_again()
    }

    /// Stops the daemon (SIGTERM), which must end well, and starts it on the same state.
    pub fn stop_and_restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// Stops the daemon, which must end well.
    pub fn stop(&mut self) -> Result<()> {
        ensure!(self.daemon.is_running()?, "consentd has ended by itself\n{}", self.daemon.log());
        let status = self.daemon.terminate()?;
        ensure!(status.success(), "SIGTERM ended consentd with {status}\n{}", self.daemon.log());
        Ok(())
    }

    /// Starts a daemon where the last one was.
    pub fn start_again(&mut self) -> Result<()> {
        self.daemon = Daemon::start(self.bus.address(), self.stage.dirs())?;
        Ok(())
    }

    /// The same with what the last one had kept.
    pub fn start_again_with(&mut self, kept: Descriptors) -> Result<()> {
        self.daemon = Daemon::start_with(self.bus.address(), self.stage.dirs(), kept)?;
        Ok(())
    }
}

impl Drop for World {
    /// A failed assertion is read together with the daemon's side of it.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.daemon.log());
        }
    }
}
