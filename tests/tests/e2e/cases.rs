//! Whole cases: a person asks, a holder in a process of its own answers, rightly or in one of the wrong
//! ways; killed in the middle, started by the bus, or registered late (R44–R52).

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, bail, ensure};
use consentd::engine::cases::CaseRight;
use consentd_dbus::{Details, Error, Options, Rights1Proxy};
use consentd_tests::bus::{self, BusKind};
use consentd_tests::holder::Manner;
use consentd_tests::person::text;
use consentd_tests::prerequisite;
use consentd_tests::process::{PATIENCE, Process, bound_command};
use consentd_tests::stage::Stage;
use consentd_tests::world::World;
use futures_util::StreamExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::ids::GAME;
use crate::keeper::Keeper;
use crate::scenario::{block_on, on_both_buses};

on_both_buses![
    r44_a_person_reads_what_a_holder_returned,
    r44_a_report_is_read_again_and_what_was_changed_is_found,
    r44_a_report_is_a_page_that_shows_what_was_returned,
    r45_r46_r47_r48_a_holder_does_what_it_is_asked,
    r52_a_holder_that_registers_late_gets_what_waits,
    r52_a_holder_refuses_on_listed_grounds_alone,
    r46_an_erasure_in_which_its_holder_crashed_is_told_again,
    a_daemon_that_is_killed_tells_again,
    a_holder_that_floods_or_mixes_people_up_returns_nothing,
    who_is_no_app_answers_for_none,
    r38_a_guardian_s_report_has_holders_erase_everything,
];

const NICKNAME: &str = r#"{"nickname":"Kim"}"#;

/// The person, who hears of their cases.
struct Asker {
    rights: Rights1Proxy<'static>,
    heard: consentd_dbus::CaseChangedStream,
}

impl Asker {
    async fn of(world: &World) -> Result<Asker> {
        let bus = world.connect().await?;
        let person = consentd_tests::person::Person::on(&bus).await?;
        person.settings.watch(Options::new()).await?;
        let rights = Rights1Proxy::new(&bus).await?;
        Ok(Asker { heard: rights.receive_case_changed().await?, rights })
    }

    async fn open(&self, right: &str) -> Result<String> {
        Ok(self.rights.open(right, GAME, Options::new()).await?)
    }

    /// Waits until the game's part of a case is so far; what it noted.
    async fn until(&mut self, case: &str, wanted: &str) -> Result<String> {
        let mut now = self.rights.get(case, Options::new()).await?;
        loop {
            let holder = holder(&now)?;
            if text(&holder, "state")? == wanted {
                return text(&holder, "note");
            }
            let next = tokio::time::timeout(PATIENCE, self.heard.next()).await;
            let signal = next.with_context(|| format!("{wanted}: {holder:?}"))?.context("gone")?;
            let told = signal.args()?;
            now = if told.case == case { told.details } else { now };
        }
    }

    async fn report(&self, case: &str) -> Result<Vec<Value>> {
        let lines = self.rights.report(case, Options::new()).await?;
        let fd = OwnedFd::from(lines);
        rustix::io::ioctl_fionbio(&fd, true)?;
        let mut text = String::new();
        Receiver::from_owned_fd(fd)?.read_to_string(&mut text).await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

fn holder(case: &Details) -> Result<Details> {
    let rows: Vec<Details> = case.get("holders").context("no holders")?.try_clone()?.try_into()?;
    let is_games = |row: &Details| text(row, "app").is_ok_and(|app| app == GAME);
    rows.into_iter().find(is_games).context("no holder")
}

async fn r44_a_person_reads_what_a_holder_returned(world: &mut World) -> Result<()> {
    let _keeper = Keeper::start(world, NICKNAME, Manner::Good)?;
    let mut asker = Asker::of(world).await?;
    for right in ["access", "portability"] {
        let case = asker.open(right).await?;
        asker.until(&case, "done").await?;
        let lines = asker.report(&case).await?;
        let kinds: Vec<&str> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
        assert_eq!(kinds[..2], ["case", "returned"]);
        assert_eq!(kinds.last(), Some(&"end"), "{kinds:?}");
        ensure!(kinds.contains(&"export") && kinds.contains(&"profile"), "{kinds:?}");
        assert_eq!(lines[0]["state"], "done");
        assert_eq!(lines[1]["app"], GAME);
        assert_eq!(lines[1]["data"], NICKNAME);
    }
    let told = world.ctl()?.done(&["rights", "report", "1"]).await?;
    ensure!(told.contains("Kim"), "{told}");
    // Nothing of it stays with the daemon.
    for entry in std::fs::read_dir(&world.stage.dirs().state_dir)? {
        let path = entry?.path();
        if path.is_file() {
            let bytes = std::fs::read(&path)?;
            ensure!(!bytes.windows(3).any(|part| part == b"Kim"), "{}", path.display());
        }
    }
    let case = asker.open("erasure").await?;
    let none = asker.rights.report(&case, Options::new()).await;
    ensure!(matches!(&none, Err(Error::InvalidArgument(_))), "{none:?}");
    Ok(())
}

/// What steers a terminal, what looks like markup, and what is long.
const HOSTILE: &str = "{\"nickname\":\"</pre><script>Kim\u{202e}\u{9b}1m\"}";

async fn r44_a_report_is_read_again_and_what_was_changed_is_found(world: &mut World) -> Result<()> {
    let _keeper = Keeper::start(world, HOSTILE, Manner::Good)?;
    let mut asker = Asker::of(world).await?;
    let case = asker.open("access").await?;
    asker.until(&case, "done").await?;
    let ctl = world.ctl()?;
    let file = world.stage.root().join("report.jsonl");
    let name = file.to_str().context("a path")?;
    ctl.done(&["rights", "report", &case, "--output", name]).await?;
    let said = ctl.done(&["export", "--verify", name]).await?;
    ensure!(said.starts_with("Whole: a case, returned 1, "), "{said}");

    let whole = std::fs::read_to_string(&file)?;
    ensure!(!whole.contains(['\u{202e}', '\u{9b}']), "{whole}");
    let lines: Vec<&str> = whole.lines().collect();
    let without_line = [&lines[..3], &lines[4..]].concat().join("\n");
    let (cut, _) = whole.trim_end().rsplit_once('\n').context("several lines")?;
    for (changed, said) in [
        (whole.replace("Kim", "Tim"), "not as it was written"),
        (whole.replacen("\"region\":\"", "\"region\":\"X", 1), "not as it was written"),
        (without_line, "no place here"),
        ([&lines[..2], &lines[1..]].concat().join("\n"), "lines were written"),
        (cut.to_owned(), "cut off"),
    ] {
        ensure!(changed != whole, "{said}");
        std::fs::write(&file, changed)?;
        let printed = ctl.run(&["export", "--verify", name]).await?;
        ensure!(printed.code == Some(6) && printed.out.contains(said), "{said}: {printed:?}");
    }
    Ok(())
}

async fn r44_a_report_is_a_page_that_shows_what_was_returned(world: &mut World) -> Result<()> {
    let _keeper = Keeper::start(world, HOSTILE, Manner::Good)?;
    let mut asker = Asker::of(world).await?;
    let case = asker.open("access").await?;
    asker.until(&case, "done").await?;
    let ctl = world.ctl()?;
    let file = world.stage.root().join("report.html");
    let name = file.to_str().context("a path")?;
    ctl.done(&["rights", "report", &case, "--format", "html", "--output", name]).await?;
    let page = std::fs::read_to_string(&file)?;
    let shown = r"&lt;/pre&gt;&lt;script&gt;Kim\u{202e}\u{9b}1m";
    ensure!(page.contains(shown) && page.contains("Marble game"), "{page}");
    ensure!(page.ends_with("</html>\n") && !page.contains("<script"), "{page}");
    let mode = std::fs::metadata(&file)?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "its owner's alone");
    // What cannot be had leaves no file behind.
    let none = world.stage.root().join("none.html");
    let name = none.to_str().context("a path")?;
    let refused =
        ctl.run(&["rights", "report", "77", "--format", "html", "--output", name]).await?;
    ensure!(refused.code == Some(5) && !none.exists(), "{refused:?}");
    Ok(())
}

async fn r45_r46_r47_r48_a_holder_does_what_it_is_asked(world: &mut World) -> Result<()> {
    let keeper = Keeper::start(world, NICKNAME, Manner::Good)?;
    let mut asker = Asker::of(world).await?;
    let said = Options::from([("statement", "Kay, not Kim.".into())]);
    let case = asker.rights.open("rectification", GAME, said).await?;
    assert_eq!(asker.until(&case, "done").await?, "as you wish");
    assert_eq!(keeper.kept()?, json!({"nickname": "Kim", "corrected": "Kay, not Kim."}));
    let case = asker.open("restriction").await?;
    asker.until(&case, "done").await?;
    assert_eq!(keeper.kept()?["restriction"], true);
    asker.rights.withdraw(&case, Options::new()).await?;
    let case = asker.open("erasure").await?;
    asker.until(&case, "done").await?;
    let kept = keeper.kept()?;
    ensure!(kept == json!({}) || kept == json!({"resumed": true}), "{kept}");
    Ok(())
}

async fn r52_a_holder_that_registers_late_gets_what_waits(world: &mut World) -> Result<()> {
    let mut asker = Asker::of(world).await?;
    let case = asker.open("erasure").await?;
    asker.until(&case, "waiting").await?;
    let keeper = Keeper::start(world, NICKNAME, Manner::Good)?;
    asker.until(&case, "done").await?;
    assert_eq!(keeper.kept()?, json!({}));
    assert_eq!(text(&asker.rights.get(&case, Options::new()).await?, "state")?, "done");
    Ok(())
}

async fn r52_a_holder_refuses_on_listed_grounds_alone(world: &mut World) -> Result<()> {
    let mut asker = Asker::of(world).await?;
    let keeper = Keeper::start(world, NICKNAME, Manner::RefusesGroundlessly)?;
    let case = asker.open("erasure").await?;
    let note = asker.until(&case, "failed").await?;
    ensure!(note.contains("ground"), "{note}");
    assert_eq!(text(&asker.rights.get(&case, Options::new()).await?, "state")?, "open");
    drop(keeper);
    let _keeper = Keeper::again(world, Manner::Refuses)?;
    assert_eq!(asker.until(&case, "refused").await?, "already-public");
    assert_eq!(text(&asker.rights.get(&case, Options::new()).await?, "state")?, "refused");
    Ok(())
}

async fn r46_an_erasure_in_which_its_holder_crashed_is_told_again(world: &mut World) -> Result<()> {
    let mut asker = Asker::of(world).await?;
    let keeper = Keeper::start(world, NICKNAME, Manner::Crashes)?;
    let case = asker.open("erasure").await?;
    asker.until(&case, "failed").await?;
    drop(keeper);
    let keeper = Keeper::again(world, Manner::Good)?;
    asker.until(&case, "done").await?;
    assert_eq!(keeper.kept()?, json!({}));
    Ok(())
}

async fn a_daemon_that_is_killed_tells_again(world: &mut World) -> Result<()> {
    let asker = Asker::of(world).await?;
    let hung = Keeper::start(world, NICKNAME, Manner::Hangs)?;
    let case = asker.open("erasure").await?;
    world.crash_and_restart()?;
    drop(hung);
    let mut asker = Asker::of(world).await?;
    assert_eq!(text(&asker.rights.get(&case, Options::new()).await?, "state")?, "open");
    let keeper = Keeper::again(world, Manner::Good)?;
    asker.until(&case, "done").await?;
    assert_eq!(keeper.kept()?, json!({}));
    Ok(())
}

async fn a_holder_that_floods_or_mixes_people_up_returns_nothing(world: &mut World) -> Result<()> {
    let mut asker = Asker::of(world).await?;
    for (manner, complaint) in [(Manner::Floods, "16 MiB"), (Manner::MixesUp, "this person's")] {
        let keeper = Keeper::start(world, NICKNAME, manner)?;
        let case = asker.open("access").await?;
        let note = asker.until(&case, "failed").await?;
        ensure!(note.contains(complaint), "{note}");
        let lines = asker.report(&case).await?;
        ensure!(lines.iter().all(|line| line["kind"] != "returned"), "{lines:?}");
        asker.rights.withdraw(&case, Options::new()).await?;
        drop(keeper);
    }
    Ok(())
}

async fn r38_a_guardian_s_report_has_holders_erase_everything(world: &mut World) -> Result<()> {
    if prerequisite::skip(prerequisite::root()) {
        return Ok(());
    }
    let keeper = Keeper::start(world, NICKNAME, Manner::Good)?;
    let mut asker = Asker::of(world).await?;
    let ctl = world.ctl()?;
    let told = ctl.done(&["profile", "report-minor", "--yes"]).await?;
    ensure!(told.contains("rights list"), "{told}");
    asker.until("1", "done").await?;
    assert_eq!(keeper.kept()?, json!({}));
    let listed = ctl.done(&["rights", "list"]).await?;
    ensure!(listed.contains("erasure") && listed.contains("open"), "{listed}");
    let said = asker.rights.get("1", Options::new()).await?;
    assert_eq!(text(&said, "by")?, "administrator");
    ctl.done(&["profile", "report-minor", "--yes"]).await?;
    assert_eq!(asker.rights.list(Options::new()).await?.len(), 1, "one is open");
    Ok(())
}

/// Its name on the bus, in its declaration and in a service file.
const NAME: &str = "org.example.Game";

/// The file that says how the next one behaves.
const MANNER: &str = "manner";

/// A world whose bus starts a program for the game's name.
async fn startable(program: &str, manner: &str) -> Result<World> {
    let stage = Stage::new()?;
    let path = stage.dirs().apps_dir.join("game.toml");
    let declared = std::fs::read_to_string(&path)?;
    let named = format!("holder = \"{NAME}\"\n\n[identity]");
    std::fs::write(&path, declared.replacen("[identity]", &named, 1))?;
    let store_path = stage.root().join("kept.json");
    std::fs::write(&store_path, NICKNAME)?;
    let services = stage.root().join(bus::SERVICES);
    std::fs::create_dir(&services)?;
    let address = format!("unix:path={}", stage.root().join("bus").display());
    let behave = stage.root().join(MANNER);
    std::fs::write(&behave, manner)?;
    let service = format!(
        "[D-BUS Service]\nName={NAME}\nExec=/usr/bin/env DBUS_SYSTEM_BUS_ADDRESS={address} /bin/sh -c \
         'exec {} hold {} --name {NAME} --manner $(cat {})'\n",
        stage.bin().executable(program)?.display(),
        store_path.display(),
        behave.display(),
    );
    std::fs::write(services.join(format!("{NAME}.service")), service)?;
    World::on(stage, BusKind::DbusDaemon).await
}

#[test]
fn r44_the_bus_starts_a_holder_that_is_not_running() -> Result<()> {
    if prerequisite::skip(BusKind::DbusDaemon.missing()) {
        return Ok(());
    }
    block_on(async {
        let world = startable("game", "good").await?;
        let mut asker = Asker::of(&world).await?;
        let case = asker.open("access").await?;
        asker.until(&case, "done").await?;
        assert_eq!(asker.report(&case).await?[1]["data"], NICKNAME);
        Ok(())
    })
}

/// Nobody keeps it running: it is started for each right, and again where it was killed at work.
#[test]
fn the_bus_starts_a_holder_for_every_right_and_again_once_it_was_killed() -> Result<()> {
    if prerequisite::skip(BusKind::DbusDaemon.missing()) {
        return Ok(());
    }
    block_on(async {
        let world = startable("game", "good").await?;
        let kept = || -> Result<Value> {
            Ok(serde_json::from_slice(&std::fs::read(world.stage.root().join("kept.json"))?)?)
        };
        let bus = zbus::fdo::DBusProxy::new(&world.connect().await?).await?;
        let end = async || -> Result<()> {
            let pid = bus.get_connection_unix_process_id(NAME.try_into()?).await?;
            let pid = Pid::from_raw(pid.try_into()?).context("no pid")?;
            let mut gone = bus.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
            kill_process(pid, Signal::KILL)?;
            gone.next().await.context("it is gone, and nobody says so")?;
            Ok(())
        };
        let mut asker = Asker::of(&world).await?;
        for right in CaseRight::ALL {
            let said = Options::from([("statement", "Kay, not Kim.".into())]);
            let case = asker.rights.open(right.word(), GAME, said).await?;
            asker.until(&case, "done").await?;
            assert_eq!(text(&asker.rights.get(&case, Options::new()).await?, "state")?, "done");
            end().await?;
        }
        let did = json!({"objection": true, "restriction": true, "automated-decisions": true});
        assert_eq!(kept()?, did, "all of them, and the erasure before these three");

        std::fs::write(world.stage.root().join(MANNER), "crashes")?;
        let case = asker.open("erasure").await?;
        asker.until(&case, "failed").await?;
        assert_eq!(kept()?, did, "it was killed before it did anything");
        std::fs::write(world.stage.root().join(MANNER), "good")?;
        asker.until(&case, "done").await?;
        assert_eq!(kept()?, json!({}));
        Ok(())
    })
}

/// A holder that runs already is found by its name, whether or not the bus could start it; and hears that a
/// restriction is lifted.
#[test]
fn r48_a_holder_that_runs_at_its_name_is_told_and_told_to_resume() -> Result<()> {
    if prerequisite::skip(BusKind::DbusDaemon.missing()) {
        return Ok(());
    }
    block_on(async {
        let world = startable("game", "good").await?;
        let service = world.stage.root().join(bus::SERVICES).join(format!("{NAME}.service"));
        std::fs::remove_file(service)?;
        let connection = world.connect().await?;
        let bus = zbus::fdo::DBusProxy::new(&connection).await?;
        bus.reload_config().await?;
        let mut owned = bus.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
        let kept = world.stage.root().join("kept.json");
        let mut command = bound_command(world.stage.bin().executable("game")?);
        command.arg("hold").arg(&kept).args(["--name", NAME, "--manner", "good"]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
        let _holder = Process::spawn("a holder", &mut command)?;
        owned.next().await.context("nobody owns the name")?;
        let mut asker = Asker::of(&world).await?;
        let case = asker.open("restriction").await?;
        asker.until(&case, "done").await?;
        asker.rights.withdraw(&case, Options::new()).await?;
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            // It may be on its way to the disk.
            let kept: Value = serde_json::from_slice(&std::fs::read(&kept)?).unwrap_or_default();
            if kept["resumed"] == true {
                return Ok(());
            }
            ensure!(std::time::Instant::now() < deadline, "{kept}");
            tokio::task::yield_now().await;
        }
    })
}

/// A holder that takes a case and never answers is late, and is told again.
#[test]
fn a_holder_that_hangs_is_given_up_and_told_again() -> Result<()> {
    if prerequisite::skip(BusKind::DbusDaemon.missing()) {
        return Ok(());
    }
    block_on(async {
        let world = startable("game", "hangs").await?;
        let mut asker = Asker::of(&world).await?;
        let case = asker.open("erasure").await?;
        let note = asker.until(&case, "failed").await?;
        ensure!(note.contains("did not answer in time"), "{note}");
        assert_eq!(text(&asker.rights.get(&case, Options::new()).await?, "state")?, "open");
        Ok(())
    })
}

/// Whoever owns an app's name is not the app by that.
#[test]
fn a_case_goes_to_nobody_who_only_owns_the_holders_name() -> Result<()> {
    if prerequisite::skip(BusKind::DbusDaemon.missing()) {
        return Ok(());
    }
    block_on(async {
        let world = startable("weather", "good").await?;
        let mut asker = Asker::of(&world).await?;
        let case = asker.open("erasure").await?;
        let note = asker.until(&case, "failed").await?;
        ensure!(note.contains("somebody else"), "{note}");
        let kept = std::fs::read_to_string(world.stage.root().join("kept.json"))?;
        assert_eq!(kept, NICKNAME);
        Ok(())
    })
}

async fn who_is_no_app_answers_for_none(world: &mut World) -> Result<()> {
    let asker = Asker::of(world).await?;
    let path = zbus::ObjectPath::try_from("/holder")?;
    match asker.rights.register_holder(&path, Options::new()).await {
        Err(Error::NotAuthorized(text)) => ensure!(text.contains("declared"), "{text}"),
        other => bail!("{other:?}"),
    }
    Ok(())
}
