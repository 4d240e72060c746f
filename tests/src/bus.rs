//! Message buses of the tests' own: dbus-daemon and dbus-broker, behind one type.
//!
//! Neither is ever the machine's bus. dbus-broker is run from its unpacked package, with this
//! process as its controller: its launcher wants systemd, the broker itself does not.

mod policy;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use zbus::{Connection, Fd, ObjectPath};

use crate::place;
use crate::prerequisite::{self, Missing};
use crate::process::{PATIENCE, Process, bound_command};

/// The folder of files that say how dbus-daemon starts who owns a name.
pub const SERVICES: &str = "services";
/// What a bus says on its standard error.
const LOG_NAME: &str = "bus.log";

/// Which message bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusKind {
    /// The reference implementation.
    DbusDaemon,
    /// The other one, which Fedora and Arch use.
    DbusBroker,
}

impl BusKind {
    /// What to say when this bus cannot be run here; nothing when it can.
    #[must_use]
    pub fn missing(self) -> Option<Missing> {
        match self {
            BusKind::DbusDaemon => prerequisite::program("dbus-daemon", "dbus-daemon"),
            BusKind::DbusBroker => (!broker_path().is_file())
                .then(|| Missing::Program("dbus-broker: run scripts/need test".to_owned())),
        }
    }
}

/// A running bus, ended when dropped.
#[derive(Debug)]
pub struct Bus {
    kind: BusKind,
    address: String,
    process: Process,
    /// The broker ends when its controller hangs up.
    controller: Option<Connection>,
}

impl Bus {
    /// Starts a bus that listens in `dir`, on which everybody may own and send everything.
    pub async fn start(kind: BusKind, dir: &Path) -> Result<Bus> {
        let socket_path = dir.join("bus");
        // Left behind by a bus that was killed.
        if socket_path.exists() {
            std::fs::remove_file(&socket_path)?;
        }
        let address = format!("unix:path={}", socket_path.display());
        match kind {
            BusKind::DbusDaemon => {
                let config_path = dir.join("bus.conf");
                std::fs::write(&config_path, policy::daemon_config(&address, &dir.join(SERVICES)))?;
                Bus::with_config(dir, &config_path)
            }
            BusKind::DbusBroker => {
                let (process, controller) = start_broker(dir, &socket_path).await?;
                Ok(Bus { kind, address, process, controller: Some(controller) })
            }
        }
    }

    /// Starts dbus-daemon with a configuration that makes it listen on `bus` in `dir`.
    pub fn with_config(dir: &Path, config_path: &Path) -> Result<Bus> {
        let address = format!("unix:path={}", dir.join("bus").display());
        let process = start_daemon(dir, config_path)?;
        Ok(Bus { kind: BusKind::DbusDaemon, address, process, controller: None })
    }

    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> BusKind {
        self.kind
    }

    /// Its D-Bus address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A connection of this process's own.
    pub async fn connect(&self) -> Result<Connection> {
        connect(&self.address).await
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) -> Result<()> {
        self.controller = None;
        self.process.kill()
    }
}

/// A connection to the bus at an address.
pub async fn connect(address: &str) -> Result<Connection> {
    zbus::connection::Builder::address(address)
        .method_timeout(PATIENCE)
        .build()
        .await
        .with_context(|| format!("connecting to the bus at {address}"))
}

fn start_daemon(dir: &Path, config_path: &Path) -> Result<Process> {
    let mut command = bound_command("dbus-daemon");
    command
        .arg(format!("--config-file={}", config_path.display()))
        .args(["--nofork", "--nopidfile", "--print-address=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_in(dir)?);
    let mut process = Process::spawn("dbus-daemon", &mut command)?;
    let stdout = process.child().stdout.take().context("dbus-daemon has no output")?;
    let mut listening = String::new();
    BufReader::new(stdout).read_line(&mut listening)?;
    anyhow::ensure!(
        listening.starts_with("unix:"),
        "dbus-daemon did not start: {}",
        std::fs::read_to_string(dir.join(LOG_NAME)).unwrap_or_default()
    );
    Ok(process)
}

async fn start_broker(dir: &Path, socket_path: &Path) -> Result<(Process, Connection)> {
    let listener = UnixListener::bind(socket_path)?;
    listener.set_nonblocking(true)?;
    std::fs::set_permissions(socket_path, PermissionsExt::from_mode(0o666))?;
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = bound_command(broker_path());
    command
        .args(["--controller", "0", "--machine-id", "0123456789abcdef0123456789abcdef"])
        .args(["--max-bytes", "536870912", "--max-fds", "4096"])
        .args(["--max-matches", "16384", "--max-objects", "16384"])
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(log_in(dir)?);
    let process = Process::spawn("dbus-broker", &mut command)?;
    drop(command);
    let controller = zbus::connection::Builder::unix_stream(ours)
        .p2p()
        .build()
        .await
        .context("talking to dbus-broker as its controller")?;
    controller
        .call_method(
            None::<&str>,
            "/org/bus1/DBus/Broker",
            Some("org.bus1.DBus.Broker"),
            "AddListener",
            &(
                ObjectPath::try_from("/org/bus1/DBus/Listener/0")?,
                Fd::from(&listener),
                policy::broker_policy(),
            ),
        )
        .await
        .context("giving dbus-broker its socket")?;
    Ok((process, controller))
}

fn log_in(dir: &Path) -> Result<Stdio> {
    Ok(Stdio::from(File::create(dir.join(LOG_NAME))?))
}

fn broker_path() -> PathBuf {
    place::unpacked("dbus-broker").join("usr/bin/dbus-broker")
}
