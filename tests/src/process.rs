//! Processes that this one starts, and ends by their own pid.
//!
//! Each dies with the thread that started it, whatever happens to that thread. Waiting is for an
//! event, never for a length of time that was guessed.

use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// How long an event may take on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A command that gets SIGKILL when the thread that starts it ends.
#[must_use]
pub fn bound_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A running process; killed and reaped when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a command; `name` is for messages.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Process> {
        let child = command.spawn().with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Process { name: name.to_owned(), child })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pipes, where the command asked for them.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends a signal to it alone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.handle()?, signal)
            .with_context(|| format!("sending {signal:?} to {}", self.name))
    }

    /// Kills it (SIGKILL) and reaps it.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM); how it ended.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait()
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        if self.await_any(&[])? != Woken::ByItsEnd {
            bail!("{} (pid {}) did not end within {PATIENCE:?}", self.name, self.pid());
        }
        Ok(self.child.wait()?)
    }

    /// Waits until it has ended or one of these has something to read.
    pub fn await_any(&self, inputs: &[BorrowedFd<'_>]) -> Result<Woken> {
        let pidfd = pidfd_open(self.handle()?, PidfdFlags::empty())
            .with_context(|| format!("opening {}", self.name))?;
        let mut sources: Vec<_> =
            inputs.iter().map(|input| PollFd::new(input, PollFlags::IN)).collect();
        sources.push(PollFd::new(&pidfd, PollFlags::IN));
        let patience = Timespec { tv_sec: PATIENCE.as_secs().try_into()?, tv_nsec: 0 };
        // The runtime hears of other children's ends by a signal, which interrupts.
        retry_on_intr(|| poll(&mut sources, Some(&patience)))?;
        let ready = sources.iter().position(|source| !source.revents().is_empty());
        Ok(match ready {
            None => Woken::ByNothing,
            Some(index) if index == inputs.len() => Woken::ByItsEnd,
            Some(_) => Woken::ByInput,
        })
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    fn handle(&self) -> Result<Pid> {
        let raw = self.pid().try_into()?;
        Pid::from_raw(raw).with_context(|| format!("{} has no pid", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{} (pid {}) could not be ended: {error}", self.name, self.pid());
        }
    }
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// There is something to read.
    ByInput,
    /// The process is gone.
    ByItsEnd,
    /// Patience ran out.
    ByNothing,
}

/// An exit status in words: `exit code 0`, `signal 9`.
#[must_use]
pub fn in_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}
