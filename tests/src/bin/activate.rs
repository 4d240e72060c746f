//! Becomes the program it is told, as a service manager starts one: with the descriptors that came over
//! its standard input at 3 and up, and with their number, names and pid in the environment.

use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::descriptors;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().context("no program")?;
    let given = descriptors::given()?;
    for (fd, number) in given.iter().zip(3..) {
        place(fd.as_raw_fd(), number)?;
    }
    let mut command = Command::new(&program);
    let failed = command.args(arguments).env("LISTEN_PID", std::process::id().to_string()).exec();
    Err(failed).with_context(|| format!("becoming {}", program.display()))
}

/// The lowest numbers that were free, in their order: so no move is over one that is still to be moved.
#[allow(unsafe_code, reason = "what is open at a number is closed, whosever it was")]
fn place(fd: RawFd, number: RawFd) -> Result<()> {
    // SAFETY: numbers, no memory; nothing in here owns a descriptor below the one that is moved but
    // those that are where they belong.
    let placed = unsafe { libc::dup2(fd, number) };
    ensure!(placed == number, "placing {fd} at {number}: {}", std::io::Error::last_os_error());
    Ok(())
}
