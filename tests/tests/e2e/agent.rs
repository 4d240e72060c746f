//! `consentctl agent`: a person at a terminal is asked, and so is a script.

use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use consentd_tests::bus::BusKind;
use consentd_tests::prerequisite;
use consentd_tests::process::PATIENCE;
use consentd_tests::words::{Answer, Order, Question, Reply, allow, deny};
use consentd_tests::world::World;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use zbus::Variant;
use zbus::names::BusName;

use crate::ids::WEATHER;
use crate::scenario::{on_both_buses, run};

on_both_buses![
    a_person_reads_the_question_and_answers_by_number,
    a_question_that_is_over_is_taken_back,
    a_script_answers_without_a_person,
    it_wants_a_terminal_or_an_answer,
    nobody_but_the_daemon_can_ask_it,
    it_outlives_the_daemon,
];

const PRECISE: &str = "location.precise";
const APPROXIMATE: &str = "location.approximate";

/// A program at a terminal of its own, which `script` makes.
struct Terminal {
    process: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    /// What has been read and not been looked at.
    seen: String,
}

impl Terminal {
    fn open(world: &World, arguments: &str) -> Result<Terminal> {
        let ctl = world.ctl()?;
        // In the shell's place: one that stays would end of Ctrl-C itself.
        let line = format!("exec {} {arguments}", ctl.program().display());
        let mut process = Command::new("script")
            .args(["--quiet", "--return", "--echo", "always", "--command", &line, "/dev/null"])
            .env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address())
            .env("TERM", "dumb")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("starting script: apt-get install bsdutils")?;
        let keys = process.stdin.take().context("no stdin")?;
        let screen = process.stdout.take().context("no stdout")?;
        Ok(Terminal { process, keys, screen, seen: String::new() })
    }

    /// Reads until this is on the screen; what was before it.
    async fn shows(&mut self, text: &str) -> Result<String> {
        loop {
            if let Some((before, after)) = self.seen.split_once(text) {
                let before = before.to_owned();
                self.seen = after.to_owned();
                return Ok(before);
            }
            let mut bytes = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, self.screen.read(&mut bytes)).await;
            let read =
                read.with_context(|| format!("no {text:?} on the screen: {}", self.seen))??;
            ensure!(read > 0, "it ended before {text:?}: {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    async fn types(&mut self, keys: &str) -> Result<()> {
        self.keys.write_all(keys.as_bytes()).await?;
        Ok(self.keys.flush().await?)
    }

    async fn code(&mut self) -> Result<Option<i32>> {
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        Ok(ended.context("it does not end")??.code())
    }
}

fn request(data: &[&str]) -> Order {
    Order::Request(Question::new("location.services", data).with("deadline", 60))
}

async fn answered(app: &mut consentd_tests::app::App) -> Result<Vec<Answer>> {
    match app.reply().await? {
        Reply::Answered(answers) => Ok(answers),
        other => bail!("not answered but {other:?}"),
    }
}

async fn a_person_reads_the_question_and_answers_by_number(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut terminal = Terminal::open(world, "agent")?;
    terminal.shows("Prompts come here.").await?;
    let mut weather = world.app("weather").await?;
    weather.send(request(&[PRECISE, APPROXIMATE])).await?;
    let question = terminal.shows("by its number: ").await?;
    for told in [
        "Weather (org.example.weather) asks",
        "Precise",
        "location.approximate",
        "location.services",
        "NL",
        "until the forecast is shown",
        "notice 2025-10-10",
        "weak",
        "1  allow this once",
        "5  deny",
    ] {
        assert!(question.contains(told), "no {told:?} in {question}");
    }
    // Approximate, not precise, for good.
    terminal.types("maybe\n").await?;
    terminal.shows("A number from 1 to 5: ").await?;
    terminal.types("4\n").await?;
    let list = terminal.shows("by number (1 2 …): ").await?;
    assert!(list.contains("2  Precise location of an app"), "{list}");
    terminal.types("1\n").await?;
    terminal.shows("For how long: ").await?;
    terminal.types("3\n").await?;
    terminal.shows("Allowed.").await?;
    assert_eq!(
        answered(&mut weather).await?,
        [deny(PRECISE, "refused", "approximate"), allow(APPROXIMATE, "contract")]
    );
    assert_eq!(person.stored("location.app", WEATHER).await?, "on");
    assert_eq!(person.stored("location.precise", WEATHER).await?, "unset");
    // Ctrl-C ends it, and then nobody is asked.
    terminal.types("\u{3}").await?;
    assert_eq!(terminal.code().await?, Some(0));
    let mut maps = world.app("maps").await?;
    assert_eq!(maps.ask(request(&[APPROXIMATE])).await?, [deny(APPROXIMATE, "no-agent", "none")]);
    Ok(())
}

async fn a_question_that_is_over_is_taken_back(world: &mut World) -> Result<()> {
    let mut terminal = Terminal::open(world, "agent")?;
    terminal.shows("Prompts come here.").await?;
    let mut weather = world.app("weather").await?;
    weather.send(request(&[APPROXIMATE])).await?;
    terminal.shows("by its number: ").await?;
    weather.kill()?;
    terminal.shows("Nobody waits for an answer any more.").await?;
    // What is typed now is for nobody.
    terminal.types("3\n").await?;
    terminal.shows("3\r\n").await?;
    let mut maps = world.app("maps").await?;
    maps.send(request(&[APPROXIMATE])).await?;
    let question = terminal.shows("by its number: ").await?;
    assert!(question.contains("org.example.maps"), "{question}");
    terminal.types("deny\n").await?;
    assert_eq!(answered(&mut maps).await?, [deny(APPROXIMATE, "refused", "none")]);
    Ok(())
}

/// `consentctl agent --answer`, once it is registered.
async fn scripted(world: &World, arguments: &[&str]) -> Result<Child> {
    let mut command = world.ctl()?.command();
    command.args(arguments).stdout(Stdio::piped());
    let mut child = Command::from(command).kill_on_drop(true).spawn()?;
    if !arguments.contains(&"--json") {
        assert_eq!(line(&mut child).await?, "Prompts come here. Ctrl-C ends it.");
    }
    Ok(child)
}

async fn line(child: &mut Child) -> Result<String> {
    let out = child.stdout.as_mut().context("no stdout")?;
    let mut line = Vec::new();
    loop {
        let byte = tokio::time::timeout(PATIENCE, out.read_u8()).await.context("no line")??;
        if byte == b'\n' {
            return Ok(String::from_utf8(line)?);
        }
        line.push(byte);
    }
}

async fn a_script_answers_without_a_person(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let mut agent = scripted(world, &["agent", "--answer", "once"]).await?;
    let answers = weather.ask(request(&[APPROXIMATE])).await?;
    assert_eq!(answers, [allow(APPROXIMATE, "contract")]);
    let told = line(&mut agent).await?;
    assert!(told.starts_with(WEATHER) && told.ends_with(": once"), "{told}");
    agent.kill().await?;
    let mut agent = scripted(world, &["agent", "--answer", "deny"]).await?;
    let answers = weather.ask(request(&[APPROXIMATE])).await?;
    assert_eq!(answers, [deny(APPROXIMATE, "refused", "none")]);
    agent.kill().await?;
    Ok(())
}

async fn it_wants_a_terminal_or_an_answer(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    for arguments in [&["agent"][..], &["agent", "--json"], &["agent", "--answer", "maybe"]] {
        let printed = ctl.run(arguments).await?;
        assert_eq!(printed.code, Some(2), "{arguments:?}: {printed:?}");
        assert!(printed.err.contains("once"), "{printed:?}");
    }
    Ok(())
}

async fn nobody_but_the_daemon_can_ask_it(world: &mut World) -> Result<()> {
    let bus = world.connect().await?;
    let known: Vec<String> = names(&bus).await?;
    let mut agent = scripted(world, &["agent", "--answer", "always"]).await?;
    let agents: Vec<String> =
        names(&bus).await?.into_iter().filter(|name| !known.contains(name)).collect();
    let [agent_name] = agents.as_slice() else { bail!("{agents:?} are new on the bus") };
    let options = || std::collections::HashMap::<&str, Variant<'_>>::new();
    let (path, interface) = ("/org/consentd/ctl", Some("org.consentd.Agent1"));
    let to = BusName::try_from(agent_name.as_str())?;
    let body = (1_u64, options(), options());
    let asked = bus.call_method(Some(to.clone()), path, interface, "Ask", &body).await;
    let cancelled = bus.call_method(Some(to), path, interface, "Cancel", &(1_u64,)).await;
    for refused in [asked, cancelled] {
        let error = format!("{:?}", refused.err().context("an impostor was let in")?);
        assert!(error.contains("AccessDenied"), "{error}");
    }
    agent.kill().await?;
    Ok(())
}

async fn names(bus: &zbus::Connection) -> Result<Vec<String>> {
    let names = zbus::fdo::DBusProxy::new(bus).await?.list_names().await?;
    Ok(names.into_iter().map(|name| name.to_string()).collect())
}

async fn it_outlives_the_daemon(world: &mut World) -> Result<()> {
    let mut terminal = Terminal::open(world, "agent")?;
    terminal.shows("Prompts come here.").await?;
    let mut weather = world.app("weather").await?;
    weather.send(request(&[APPROXIMATE])).await?;
    terminal.shows("by its number: ").await?;
    world.crash_and_restart()?;
    terminal.shows("consentd has ended").await?;
    assert!(matches!(weather.reply().await?, Reply::Refused { .. }));
    // It registers again by itself, which takes a moment.
    for _ in 0..1_000 {
        weather.send(request(&[APPROXIMATE])).await?;
        let status = world.ctl()?.json(&["status"]).await?;
        if status["agents"] == 1 {
            break;
        }
        assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "no-agent", "none")]);
    }
    weather.kill()?;
    let mut maps = world.app("maps").await?;
    maps.send(request(&[APPROXIMATE])).await?;
    terminal.shows("org.example.maps").await?;
    terminal.shows("by its number: ").await?;
    terminal.types("1\n").await?;
    assert_eq!(answered(&mut maps).await?, [allow(APPROXIMATE, "contract")]);
    Ok(())
}

#[test]
fn an_agent_is_its_users_or_roots() -> Result<()> {
    if prerequisite::skip(prerequisite::root()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let as_games = |arguments: &[&str]| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "games", "--regid", "games", "--clear-groups", "--"]);
            command.arg(world.ctl()?.program()).args(arguments);
            command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.kill_on_drop(true);
            anyhow::Ok(command)
        };
        let refused = as_games(&["--user", "0", "agent", "--answer", "always"])?.output().await?;
        assert_eq!(refused.status.code(), Some(3), "{refused:?}");
        // Its own prompts it may show; root's are not among them.
        let mut agent = as_games(&["agent", "--answer", "always"])?.spawn()?;
        line(&mut agent).await?;
        let mut weather = world.app("weather").await?;
        let answers = weather.ask(request(&[APPROXIMATE])).await?;
        assert_eq!(answers, [deny(APPROXIMATE, "no-agent", "none")]);
        agent.kill().await?;
        // Root may show another user's.
        let mut agent = scripted(world, &["--user", "games", "agent", "--answer", "once"]).await?;
        let answers = weather.ask(request(&[APPROXIMATE])).await?;
        assert_eq!(answers, [deny(APPROXIMATE, "no-agent", "none")]);
        agent.kill().await?;
        Ok(())
    })
}
