//! A bus and a daemon for tests in other languages: `world DECLARATION` stages them with that one app, says
//! the bus's address, and then does what it is told, a line each, until its input ends.
//!
//! A reply is one line: what came of it, or `error` and why. Whoever drives it decides and expects; this
//! does neither.

use std::io::{Write, stdout};

use anyhow::{Context, Result, bail};
use consentd_dbus::Options;
use consentd_tests::agent::{Agent, Asked};
use consentd_tests::bus::{Bus, BusKind};
use consentd_tests::daemon::Daemon;
use consentd_tests::person::{self, Person};
use consentd_tests::stage::Stage;
use zbus::Variant;

/// All that a line can reach.
struct Staged {
    stage: Stage,
    bus: Bus,
    daemon: Daemon,
    person: Person,
    agent: Option<Agent>,
    asked: Option<Asked>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let declaration = std::env::args().nth(1).context("usage: world DECLARATION")?;
    let stage = Stage::bare()?;
    stage.declare("app.toml", &std::fs::read_to_string(declaration)?)?;
    let bus = Bus::start(BusKind::DbusDaemon, stage.root()).await?;
    let daemon = Daemon::start(bus.address(), stage.dirs())?;
    let person = Person::on(&bus.connect().await?).await?;
    let mut staged = Staged { stage, bus, daemon, person, agent: None, asked: None };
    say(staged.bus.address())?;
    for line in std::io::stdin().lines() {
        match staged.obey(&line?).await {
            Ok(reply) => say(&reply)?,
            Err(error) => say(&format!("error {error:#}").replace('\n', " "))?,
        }
    }
    Ok(())
}

fn say(line: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

impl Staged {
    async fn obey(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            // App `all` is all apps.
            ["set", toggle, "all", state] => self.set(toggle, "", state).await,
            ["set", toggle, app, state] => self.set(toggle, app, state).await,
            ["once", toggle, app] => {
                Ok(self.person.set_for(toggle, app, "once", None).await?.to_string())
            }
            ["flip", toggle, app, times] => self.flip(toggle, app, times.parse()?).await,
            ["kill"] => {
                self.daemon.kill()?;
                Ok("killed".to_owned())
            }
            ["start"] => {
                self.daemon = Daemon::start(self.bus.address(), self.stage.dirs())?;
                Ok("started".to_owned())
            }
            ["agent"] => {
                self.agent = Some(Agent::on(self.bus.connect().await?).await?);
                Ok("registered".to_owned())
            }
            ["asked"] => {
                let asked = self.agent().await?.asked().await?;
                let data = asked.list("data")?.join(" ");
                self.asked = Some(asked);
                Ok(data)
            }
            ["answer", word] => {
                self.asked.take().context("nothing was asked")?.answer(word).await?;
                Ok("answered".to_owned())
            }
            ["cancelled"] => Ok(self.agent().await?.cancelled().await?.to_string()),
            ["counted", app, decision] => Ok(self.counted(app, decision).await?.to_string()),
            _ => bail!("nobody knows how to {line}"),
        }
    }

    async fn agent(&mut self) -> Result<&mut Agent> {
        self.agent.as_mut().context("there is no agent")
    }

    async fn set(&self, toggle: &str, app: &str, state: &str) -> Result<String> {
        Ok(self.person.set(toggle, app, state).await?.to_string())
    }

    /// On and off so many times, off at the end.
    async fn flip(&self, toggle: &str, app: &str, times: u32) -> Result<String> {
        for _ in 0..times {
            self.person.set(toggle, app, "on").await?;
            self.person.set(toggle, app, "off").await?;
        }
        Ok("flipped".to_owned())
    }

    /// How many answers of this kind the app got, as recorded.
    async fn counted(&self, app: &str, decision: &str) -> Result<u64> {
        let filter = Options::from([
            ("kind", Variant::from("record")),
            ("app", Variant::from(app)),
            ("decision", Variant::from(decision)),
        ]);
        let rows = self.person.settings.counts(filter, &["decision"], Options::new()).await?;
        rows.iter().map(|row| person::count(row, "count")).sum()
    }
}
