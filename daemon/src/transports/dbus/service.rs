//! The daemon on a bus: connects, owns the name, knows who calls, stops once calls were answered.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use zbus::Connection;
use zbus::message::Header;

use super::agents::Agents;
use super::erasures::Rounds;
use super::errors;
use super::followers::Followers;
use super::holders::Holders;
use super::places::Places;
use super::turns::Turns;
use super::watchers::Watchers;
use crate::apps::Apps;
use crate::authority::Authority;
use crate::engine::{Engine, EngineError, Policy};
use crate::identity::bus::{Examiner, Limits};
use crate::identity::{Identified, ProcRoot, Unidentified};
use crate::keeper::Keeper;
use crate::prompts::Prompts;

/// How long the bus or polkit may take to answer, a person's password included.
const ANSWER: std::time::Duration = std::time::Duration::from_secs(300);
/// How long a stop waits for calls under way.
const STOP: std::time::Duration = std::time::Duration::from_secs(5);

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// A D-Bus address; none for the system bus.
    pub address: Option<String>,
    /// The name to own.
    pub name: String,
    /// Executables that may use the settings though a declared app runs them.
    pub settings_executables: Vec<PathBuf>,
    /// What tells apps in process whether this daemon lives.
    pub alive: Arc<OwnedFd>,
    /// What keeps their gates' memory for the next one.
    pub keeper: Arc<Keeper>,
}

/// The daemon on a bus.
pub struct Service {
    pub(super) engine: Arc<Engine>,
    pub(super) connection: Connection,
    /// For the daemon's own questions to the bus and to polkit: their answers do not wait behind a
    /// flood of calls.
    pub(super) asking: Connection,
    pub(super) examiner: Examiner,
    pub(super) authority: Authority,
    pub(super) watchers: Arc<Watchers>,
    pub(super) agents: Arc<Agents>,
    pub(super) followers: Arc<Followers>,
    /// Apps that answer cases.
    pub(super) holders: Arc<Holders>,
    /// What they are told to erase.
    pub(super) rounds: Rounds,
    /// Whose check is answered next.
    pub(super) turns: Arc<Turns>,
    /// Whose long jar is judged next: in a thread, beside the checks.
    pub(super) jars: Arc<Turns>,
    /// Questions to polkit.
    pub(super) asked: Arc<Places>,
    /// Looks into the ledger, and exports.
    pub(super) readers: Arc<Places>,
    pub(super) exports: Arc<Places>,
    /// What tells apps in process whether this daemon lives.
    pub(super) alive: Arc<OwnedFd>,
    /// What keeps their gates' memory for the next one.
    pub(super) keeper: Arc<Keeper>,
    /// Held for reading by every call under way, for writing by the stop.
    calls: Arc<RwLock<()>>,
    name: String,
}

/// A call under way: the daemon does not stop before it was answered.
pub(super) type Call = OwnedRwLockReadGuard<()>;

impl Service {
    /// Connects, and gets ready to answer. It owns no name yet.
    ///
    /// # Errors
    /// The bus cannot be reached, or `/proc` not be read.
    pub(super) async fn connect(
        engine: Arc<Engine>,
        config: Config,
        prompts: Prompts,
    ) -> anyhow::Result<Self> {
        let proc = ProcRoot::open(std::path::Path::new("/proc")).context("cannot read /proc")?;
        Ok(Self {
            connection: connect(config.address.as_deref()).await?,
            asking: connect(config.address.as_deref()).await?,
            examiner: Examiner::new(proc, Limits::default()),
            authority: Authority {
                settings_executables: config.settings_executables,
                own_uid: rustix::process::geteuid().as_raw(),
            },
            watchers: Arc::default(),
            agents: Arc::new(Agents::new(prompts)),
            followers: Arc::new(Followers::new(Arc::clone(&engine))),
            engine,
            holders: Arc::default(),
            rounds: Rounds::default(),
            turns: Arc::default(),
            jars: Arc::default(),
            asked: Places::new(8, "questions to polkit"),
            readers: Places::new(4, "looks into the history"),
            exports: Places::new(1, "export"),
            alive: config.alive,
            keeper: config.keeper,
            calls: Arc::default(),
            name: config.name,
        })
    }

    /// Owns the name: from now on callers find the daemon.
    ///
    /// # Errors
    /// Another daemon owns it, or the bus's policy forbids it.
    pub(super) async fn own_name(&self) -> anyhow::Result<()> {
        let name = self.name.as_str();
        let alone = zbus::fdo::RequestNameFlags::DO_NOT_QUEUE;
        self.connection.request_name_with_flags(name, alone).await.with_context(|| {
            format!("cannot own {name}; stop another consentd, or install org.consentd.conf")
        })?;
        Ok(())
    }

    /// Notes that a call is under way.
    pub(super) async fn begin(&self) -> Call {
        Arc::clone(&self.calls).read_owned().await
    }

    /// Runs something that may wait for the disk in a thread that may wait.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> consentd_dbus::Result<T> {
        let engine = Arc::clone(&self.engine);
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(done) => done.map_err(errors::wire),
            Err(error) => {
                tracing::error!(%error, "a call broke off");
                Err(consentd_dbus::Error::StoreUnavailable(
                    "the call broke off; look at what holds now".into(),
                ))
            }
        }
    }

    /// Gives the name up, so that the next call starts the next daemon, and waits until the calls under
    /// way were answered.
    pub async fn stop(&self) {
        if let Err(error) = self.connection.release_name(self.name.as_str()).await {
            tracing::warn!(%error, "the name was not released");
        }
        // Whoever waits for a person is answered now.
        self.agents.prompts.close();
        if tokio::time::timeout(STOP, self.calls.write()).await.is_err() {
            tracing::warn!("calls that took too long were not answered before the stop");
        }
        if let Err(error) = self.connection.clone().close().await {
            tracing::warn!(%error, "the connection to the bus did not close well");
        }
    }

    /// Ends when the bus has closed the connection.
    pub async fn gone(&self) {
        self.connection.closed().await;
    }

    /// Who sent a message.
    ///
    /// # Errors
    /// Any doubt.
    pub(super) async fn identify(
        &self,
        header: &Header<'_>,
    ) -> Result<(Arc<Identified>, Option<Arc<Policy>>), Unidentified> {
        let sender = header.sender().ok_or(Unidentified::BusRefused)?;
        let policy = self.engine.policy().ok();
        let nobody = Apps::default();
        let (apps, registry) =
            policy.as_ref().map_or((&nobody, 0), |policy| (&policy.apps, policy.serial));
        let identified = self.examiner.identify(&self.asking, sender, apps, registry).await?;
        Ok((identified, policy))
    }
}

async fn connect(address: Option<&str>) -> anyhow::Result<Connection> {
    let builder = match address {
        Some(address) => zbus::conn::Builder::address(address),
        None => zbus::conn::Builder::system(),
    };
    let shown = address.unwrap_or("the system bus");
    builder
        .method_timeout(ANSWER)
        .build()
        .await
        .with_context(|| format!("cannot connect to {shown}; is it running?"))
}
