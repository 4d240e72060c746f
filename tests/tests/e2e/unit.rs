//! The systemd unit shuts what the daemon does not need, and nothing that it does.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::bus::BusKind;
use consentd_tests::daemon::Daemon;
use consentd_tests::process::bound_command;
use consentd_tests::world::World;
use consentd_tests::{place, prerequisite};
use serde_json::Value;

use crate::scenario::run;

/// Ten times the exposure that `systemd-analyze security` may find.
const EXPOSURE: &str = "9";

/// The unit, somewhere where it has a name of its own and no other units lie beside it.
fn unit() -> Result<(tempfile::TempDir, String)> {
    let dir = tempfile::tempdir()?;
    let text = std::fs::read_to_string(place::root().join("dbus/consentd.service"))?;
    std::fs::write(dir.path().join("consentd.service"), &text)?;
    Ok((dir, text))
}

#[test]
fn the_unit_is_no_more_open_than_it_was_and_says_why() -> Result<()> {
    if prerequisite::skip(prerequisite::program("systemd-analyze", "systemd")) {
        return Ok(());
    }
    let (dir, text) = unit()?;
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager", "--json=short"]);
    analyze.arg(format!("--threshold={EXPOSURE}")).arg(dir.path().join("consentd.service"));
    let output = analyze.output()?;
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let open = rows.iter().filter(|row| row["exposure"].is_string() && row["set"] == false);
    let open: Vec<&str> = open.filter_map(|row| row["name"].as_str()).collect();
    ensure!(output.status.success(), "the unit is more open than {EXPOSURE} tenths: {open:?}");
    ensure!(!open.is_empty(), "nothing is open: does the daemon still see its callers?");
    let (_, reasons) =
        text.split_once("What `systemd-analyze security` finds open").context("no reasons")?;
    for name in open {
        let setting = name.split(['=', '/']).next().unwrap_or(name);
        ensure!(
            reasons.lines().any(|line| line.starts_with('#') && line.contains(setting)),
            "{name} is open: shut it, or say why it stays open at the end of dbus/consentd.service"
        );
    }
    Ok(())
}

/// `ProtectProc=invisible` is a /proc that hides all processes but one's own from whoever cannot trace
/// them: the daemon's capabilities, and they alone, let it see who calls.
#[test]
fn the_capabilities_of_the_unit_show_callers_in_a_hidden_proc() -> Result<()> {
    const HIDE: &str = r#"mount -t proc -o hidepid=invisible proc /proc && exec "$@""#;
    let mounts = || {
        let mut hide = Command::new("unshare");
        hide.args(["--mount", "--propagation", "private", "sh", "-euc", HIDE, "sh", "true"]);
        let works = hide.output().is_ok_and(|output| output.status.success());
        let text = "this machine lets nobody mount /proc".to_owned();
        (!works).then_some(prerequisite::Missing::Power(text))
    };
    if prerequisite::skip(prerequisite::mounts().or_else(mounts)) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let text = std::fs::read_to_string(place::root().join("dbus/consentd.service"))?;
        ensure!(text.contains("\nProtectProc=invisible\n"), "the unit hides something else");
        let capabilities = capabilities(&text)?;
        world.stop()?;
        let dirs = world.stage.dirs().clone();
        let status =
            Command::new("chown").args(["-R", "games:games"]).arg(&dirs.state_dir).status()?;
        ensure!(status.success(), "chown: {status}");
        for (capabilities, seen) in [(capabilities.as_str(), true), ("-all", false)] {
            let mut command = bound_command("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-euc", HIDE, "sh"]);
            command.args(["setpriv", "--reuid", "games", "--regid", "games", "--clear-groups"]);
            command.args(["--inh-caps", capabilities, "--ambient-caps", capabilities]);
            command.arg(place::built("consentd")?).args(["--address", world.bus.address()]);
            command.arg("--state-dir").arg(&dirs.state_dir);
            command.arg("--catalog-dir").arg(&dirs.catalog_dir);
            command.arg("--apps-dir").arg(&dirs.apps_dir);
            let mut daemon = Daemon::with_command(command, &dirs)?;
            daemon.await_ready()?;
            let mut weather = world.app("weather").await?;
            let answers = weather.check("location.services", &["location.precise"]).await?;
            let known = answers[0].reason != "unidentified";
            assert_eq!(known, seen, "with {capabilities}: {answers:?}\n{}", daemon.log());
            ensure!(daemon.terminate()?.success(), "{}", daemon.log());
        }
        let status =
            Command::new("chown").args(["-R", "root:root"]).arg(&dirs.state_dir).status()?;
        ensure!(status.success(), "chown: {status}");
        world.start_again()
    })
}

/// The unit's, as setpriv wants them: `+sys_ptrace,+dac_read_search`.
fn capabilities(unit: &str) -> Result<String> {
    let line = unit.lines().find_map(|line| line.strip_prefix("AmbientCapabilities="));
    let words = line.context("no AmbientCapabilities")?.split_whitespace();
    let each = words.map(|word| format!("+{}", word.trim_start_matches("CAP_").to_lowercase()));
    Ok(each.collect::<Vec<_>>().join(","))
}
