//! One consentd: started, awaited, killed, restarted.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::descriptors::{self, Descriptors};
use crate::place;
use crate::process::{PATIENCE, Process, Woken, bound_command, in_words};

/// Where a daemon keeps and finds its things.
#[derive(Debug, Clone)]
pub struct DaemonDirs {
    /// `settings.db` and `ledger.db`.
    pub state_dir: PathBuf,
    /// The policy.
    pub catalog_dir: PathBuf,
    /// The declarations.
    pub apps_dir: PathBuf,
    /// `consentd.toml`.
    pub config_path: PathBuf,
    /// Where its log goes; each start appends.
    pub log_path: PathBuf,
}

/// A consentd that owns its name; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    process: Process,
    notifications: UnixDatagram,
    /// What it has kept for its next start, as far as its notifications were read.
    kept: Descriptors,
    dirs: DaemonDirs,
}

impl Daemon {
    /// Starts it and returns when it says READY, which is when it owns its name.
    pub fn start(address: &str, dirs: &DaemonDirs) -> Result<Daemon> {
        let mut daemon = Daemon::launch(address, dirs)?;
        daemon.await_ready()?;
        Ok(daemon)
    }

    /// Starts it with what an earlier one had kept, and returns when it says READY.
    pub fn start_with(address: &str, dirs: &DaemonDirs, kept: Descriptors) -> Result<Daemon> {
        let mut command = kept.command(&place::built("consentd")?)?;
        let mut daemon = Daemon::spawn(Daemon::told(&mut command, address, dirs), dirs)?;
        daemon.kept = kept;
        daemon.await_ready()?;
        Ok(daemon)
    }

    /// Starts it and waits for nothing.
    pub fn launch(address: &str, dirs: &DaemonDirs) -> Result<Daemon> {
        let mut command = bound_command(place::built("consentd")?);
        Daemon::told(&mut command, address, dirs);
        Daemon::with_command(command, dirs)
    }

    fn told<'a>(command: &'a mut Command, address: &str, dirs: &DaemonDirs) -> &'a mut Command {
        command
            .args(["--address", address])
            .arg("--state-dir")
            .arg(&dirs.state_dir)
            .arg("--catalog-dir")
            .arg(&dirs.catalog_dir)
            .arg("--apps-dir")
            .arg(&dirs.apps_dir)
            .arg("--config")
            .arg(&dirs.config_path)
    }

    /// Starts a daemon that somebody else has put together; its log and its notifications come here.
    pub fn with_command(mut command: Command, dirs: &DaemonDirs) -> Result<Daemon> {
        Daemon::spawn(command.stdin(Stdio::null()), dirs)
    }

    fn spawn(command: &mut Command, dirs: &DaemonDirs) -> Result<Daemon> {
        let socket_path = dirs.log_path.with_extension("notify");
        match std::fs::remove_file(&socket_path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("removing the last notification socket"),
        }
        let notifications = UnixDatagram::bind(&socket_path)?;
        // A daemon that runs as another user tells, too.
        std::fs::set_permissions(&socket_path, PermissionsExt::from_mode(0o666))?;
        let log = File::options().create(true).append(true).open(&dirs.log_path)?;
        command
            .env("NOTIFY_SOCKET", &socket_path)
            .env_remove("JOURNAL_STREAM")
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        let process = Process::spawn("consentd", command)?;
        let kept = Descriptors::default();
        Ok(Daemon { process, notifications, kept, dirs: dirs.clone() })
    }

    /// Waits for READY=1; an error when the daemon ends before.
    pub fn await_ready(&mut self) -> Result<()> {
        self.await_notification("READY=1")
    }

    /// Waits for a notification that has this line.
    pub fn await_notification(&mut self, line: &str) -> Result<()> {
        loop {
            match self.process.await_any(&[self.notifications.as_fd()])? {
                Woken::ByInput => {
                    let text = self.heed_one()?;
                    if text.lines().any(|each| each == line) {
                        return Ok(());
                    }
                }
                Woken::ByItsEnd => {
                    let status = in_words(self.process.wait()?);
                    bail!("consentd ended with {status} before {line}\n{}", self.log());
                }
                Woken::ByNothing => {
                    bail!("consentd did not say {line} within {PATIENCE:?}\n{}", self.log());
                }
            }
        }
    }

    /// Reads the next notification and does what it says.
    fn heed_one(&mut self) -> Result<String> {
        let (text, fds) = descriptors::notification(&self.notifications)?;
        self.kept.heed(&text, fds);
        Ok(text)
    }

    /// What it has kept for its next start, by all that it told until now.
    pub fn kept(&mut self) -> Result<&Descriptors> {
        self.notifications.set_nonblocking(true)?;
        while self.heed_one().is_ok() {}
        self.notifications.set_nonblocking(false)?;
        Ok(&self.kept)
    }

    /// Takes that away, for another start.
    pub fn take_kept(&mut self) -> Result<Descriptors> {
        self.kept()?;
        Ok(std::mem::take(&mut self.kept))
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where its things are.
    #[must_use]
    pub fn dirs(&self) -> &DaemonDirs {
        &self.dirs
    }

    /// Sends any signal.
    pub fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Asks it to read catalogue and declarations again (SIGHUP).
    pub fn hang_up(&self) -> Result<()> {
        self.process.signal(Signal::HUP)
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// SIGTERM: how it ended.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        // What it told meanwhile and nobody read: it may want to tell one thing more.
        self.kept()?;
        self.process.terminate()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.process.wait()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        self.process.is_running()
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        read_log(&self.dirs.log_path)
    }
}

fn read_log(log_path: &Path) -> String {
    match std::fs::read_to_string(log_path) {
        Ok(text) => format!("--- consentd's log\n{text}---"),
        Err(error) => format!("(no log at {}: {error})", log_path.display()),
    }
}
