//! `consentctl`, run as a person runs it.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::place;

/// A consentctl for one bus.
#[derive(Debug, Clone)]
pub struct Ctl {
    program: PathBuf,
    address: String,
}

/// What it printed, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// 0 done or allowed, 1 denied or ask, 2 wrong usage, 3 not authorised, 4 no daemon, 5 invalid.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ctl {
    /// For the bus at this address.
    pub fn new(address: &str) -> Result<Ctl> {
        Ok(Ctl { program: place::built("consentctl")?, address: address.to_owned() })
    }

    /// The executable.
    #[must_use]
    pub fn program(&self) -> &PathBuf {
        &self.program
    }

    /// Runs it to its end.
    pub async fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Printed> {
        let mut command = self.command();
        command.args(arguments);
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await
            .context("running consentctl")?;
        Ok(Printed {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).context("consentctl printed no UTF-8")?,
            err: String::from_utf8(output.stderr).context("consentctl printed no UTF-8")?,
        })
    }

    /// Runs it; an error unless it ends with 0.
    pub async fn done<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String> {
        let printed = self.run(arguments).await?;
        ensure!(
            printed.code == Some(0),
            "consentctl {} ended with {:?}: {}{}",
            in_words(arguments),
            printed.code,
            printed.out,
            printed.err
        );
        Ok(printed.out)
    }

    /// The same with `--json`, read.
    pub async fn json<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<serde_json::Value> {
        let mut all: Vec<&OsStr> = vec![OsStr::new("--json")];
        all.extend(arguments.iter().map(AsRef::as_ref));
        let text = self.done(&all).await?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    /// The command without arguments, for a caller that wants its pipes.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", &self.address).stdin(Stdio::null());
        command
    }
}

fn in_words<S: AsRef<OsStr>>(arguments: &[S]) -> String {
    let words: Vec<_> =
        arguments.iter().map(|word| word.as_ref().to_string_lossy().into_owned()).collect();
    words.join(" ")
}
