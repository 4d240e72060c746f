//! What polkit and its like were broken by, tried here.
//!
//! | class | tried in |
//! |---|---|
//! | the caller disconnects in mid-check (CVE-2021-3560) | here, and `hostile.rs`, `prompt_faults.rs` |
//! | a uid above the largest signed number (CVE-2018-19788) | here |
//! | a uid in an argument is believed (CVE-2011-1485's kin) | here, and `settings_authority.rs` |
//! | a pid that was used again (CVE-2013-4288, CVE-2019-6133) | `daemon/tests/identity/process.rs`, which owns real pids |
//! | no descriptor is left (CVE-2021-4115) | `daemon/tests/identity_exhausted.rs`, a process of its own |
//! | a request's number is guessed (CVE-2015-4625) | `agent.rs`, `nobody_but_the_daemon_can_ask_it`; an answer is the reply to the question, and no call takes a number |

use anyhow::{Result, ensure};
use consentd_dbus::{Error, Options};
use consentd_tests::bus::BusKind;
use consentd_tests::prerequisite;
use consentd_tests::world::World;
use zbus::Variant;

use crate::scenario::run;

/// Above `i32::MAX`: what reads it as signed sees a number below zero.
const HUGE_UID: &str = "4000000000";

fn as_root(attack: impl AsyncFnOnce(&mut World) -> Result<()> + Copy) -> Result<()> {
    if prerequisite::skip(prerequisite::root()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, attack)?;
    run(BusKind::DbusBroker, attack)
}

/// consentctl as another user.
fn ctl_as(world: &World, uid: &str, arguments: &[&str]) -> Result<tokio::process::Command> {
    let mut command = tokio::process::Command::new("setpriv");
    command.args(["--reuid", uid, "--regid", uid, "--clear-groups", "--"]);
    command.arg(world.ctl()?.program()).args(arguments);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address()).kill_on_drop(true);
    Ok(command)
}

#[test]
fn cve_2018_19788_a_huge_uid_is_nobody_special() -> Result<()> {
    as_root(async |world: &mut World| {
        // dbus-daemon turns away who has no line in /etc/passwd; dbus-broker lets them in.
        let is_in = ctl_as(world, HUGE_UID, &["toggles"])?.output().await?.status.code() != Some(4);
        for (arguments, code) in [
            (&["toggles"][..], 0),
            (&["set", "ad-services", "on"], 0),
            (&["--user", "0", "set", "ad-services", "on"], 3),
            (&["--user", "0", "log"], 3),
            (&["lock", "ad-services"], 3),
            (&["reload"], 3),
            (&["store", "reset", "--yes"], 3),
        ] {
            let output = ctl_as(world, HUGE_UID, arguments)?.output().await?;
            let code = if is_in { code } else { 4 };
            ensure!(output.status.code() == Some(code), "{arguments:?}: {output:?}");
        }
        let person = world.person().await?;
        assert_eq!(person.stored("ad-services", "").await?, "unset");
        let theirs = world.ctl()?.json(&["--user", HUGE_UID, "get", "ad-services"]).await?;
        let stored = if is_in { "on" } else { "unset" };
        assert_eq!(theirs["stored"], stored, "it is a user like any other: {theirs}");
        Ok(())
    })
}

#[test]
fn cve_2021_3560_a_caller_that_leaves_in_mid_check_gets_nothing() -> Result<()> {
    as_root(async |world: &mut World| {
        for round in 0..60 {
            let arguments = ["--user", "0", "set", "ad-services", "on"];
            let mut command = ctl_as(world, "games", &arguments)?;
            let mut child = command.stderr(std::process::Stdio::null()).spawn()?;
            // Somewhere between its first step and its last.
            for _ in 0..round * 40 {
                tokio::task::yield_now().await;
            }
            child.kill().await?;
        }
        assert_eq!(world.person().await?.stored("ad-services", "").await?, "unset");
        Ok(())
    })
}

#[test]
fn a_uid_that_stands_for_nobody_is_no_user() -> Result<()> {
    as_root(async |world: &mut World| {
        let person = world.person().await?;
        let nobody = || Options::from([("user", Variant::from(u32::MAX))]);
        let listed = person.settings.list_toggles(nobody()).await;
        ensure!(matches!(listed, Err(Error::InvalidArgument(_))), "{listed:?}");
        let set = person.settings.set(&[("ad-services", "", "on")], nobody()).await;
        ensure!(matches!(set, Err(Error::InvalidArgument(_))), "{set:?}");
        Ok(())
    })
}
