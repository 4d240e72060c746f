//! The register of breaches: the administrator's alone, from the shell and over the bus (R56).

use anyhow::{Context, Result, ensure};
use consentd_dbus::{Error, Options};
use consentd_tests::bus::BusKind;
use consentd_tests::prerequisite;
use consentd_tests::words::{Order, Reply};
use consentd_tests::world::World;
use zbus::Variant;

use crate::scenario::{on_both_buses, run};

on_both_buses![
    r56_the_shell_enters_shows_and_ticks_off,
    r56_it_survives_kill_9,
    what_makes_no_sense_is_refused,
    no_app_sees_or_enters_any,
];

async fn r56_the_shell_enters_shows_and_ticks_off(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    ensure!(ctl.done(&["breach"]).await?.contains("No breach"), "an empty register says so");
    let shown = ctl
        .done(&[
            "breach",
            "add",
            "A backup disk was stolen.",
            "--found",
            "80h",
            "--region",
            "EEA",
            "--data",
            "device.imei",
            "--app",
            "Weather",
            "--measures",
            "Keys were changed.",
        ])
        .await?;
    for part in [
        "Breach 1: A backup disk was stolen.",
        "authority:EEA",
        "late",
        "GDPR Art. 33(1)",
        "org.example.weather",
        "Keys were changed.",
    ] {
        ensure!(shown.contains(part), "{part}: {shown}");
    }
    let list = ctl.json(&["breach", "list"]).await?;
    assert_eq!((&list[0]["state"], &list[0]["risk"]), (&"late".into(), &"high".into()));
    let found = list[0]["found"].as_i64().context("found")?;
    assert_eq!(list[0]["tell"][0]["by"].as_i64(), Some(found + 72 * 3_600));
    ctl.done(&["breach", "told", "1", "authority:EEA", "--at", "79h"]).await?;
    let told = ctl.json(&["breach", "told", "1", "users:EEA"]).await?;
    assert_eq!(told["state"], "told", "{told}");
    let states: Vec<_> =
        told["tell"].as_array().into_iter().flatten().map(|t| &t["state"]).collect();
    assert_eq!(states, ["told", "told-late"]);
    let shown = ctl.done(&["breach", "measure", "1", "The shop was closed."]).await?;
    ensure!(shown.contains("Keys were changed., The shop was closed."), "{shown}");
    for (arguments, code) in [
        (&["breach", "add"][..], 2),
        (&["breach", "add", "It.", "--risk", "some"], 2),
        (&["breach", "add", " "], 5),
        (&["breach", "add", "It.", "--region", "Mars"], 5),
        (&["breach", "add", "It.", "--data", "device.soul"], 5),
        (&["breach", "add", "It.", "--app", "org.example.nobody"], 5),
        (&["breach", "add", "It.", "--found", "2999-01-01"], 5),
        (&["breach", "show", "2"], 5),
        (&["breach", "told", "1", "authority:IN"], 5),
        (&["breach", "told", "2", "authority:EEA"], 5),
    ] {
        let printed = ctl.run(arguments).await?;
        assert_eq!(printed.code, Some(code), "{arguments:?} {printed:?}");
        ensure!(printed.out.is_empty() && !printed.err.is_empty(), "{printed:?}");
    }
    assert_eq!(ctl.json(&["breach"]).await?.as_array().map(Vec::len), Some(1));
    Ok(())
}

async fn r56_it_survives_kill_9(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let what = || Options::from([("what", Variant::from("A disk was lost."))]);
    assert_eq!(person.admin.add_breach(what(), Options::new()).await?, "1");
    world.crash_and_restart()?;
    let person = world.person().await?;
    assert_eq!(person.admin.list_breaches(Options::new()).await?.len(), 1);
    assert_eq!(person.admin.add_breach(what(), Options::new()).await?, "2");
    Ok(())
}

async fn what_makes_no_sense_is_refused(world: &mut World) -> Result<()> {
    let admin = world.person().await?.admin;
    let what = ("what", Variant::from("It."));
    for wrong in [
        ("what", Variant::from(7_u32)),
        ("found", Variant::from("yesterday")),
        ("found", Variant::from(i64::MAX)),
        ("found", Variant::from(i64::MIN)),
        ("happened", Variant::from(i64::MIN)),
        ("people", Variant::from(-1_i64)),
        ("users", Variant::from(vec!["root"])),
        ("data", Variant::from("device.imei")),
        ("regions", Variant::from(vec!["EEA", ""])),
        ("risk", Variant::from("")),
        ("secret", Variant::from(true)),
    ] {
        let said = format!("{wrong:?}");
        let breach = Options::from_iter([what.clone(), wrong]);
        let added = admin.add_breach(breach, Options::new()).await;
        ensure!(matches!(&added, Err(Error::InvalidArgument(_))), "{said}: {added:?}");
    }
    let long = Options::from([("what", Variant::from("x".repeat(100_000)))]);
    let added = admin.add_breach(long, Options::new()).await;
    ensure!(matches!(&added, Err(Error::TooLarge(_))), "{added:?}");
    let noted = admin.note_breach("1", Options::new(), Options::new()).await;
    ensure!(matches!(&noted, Err(Error::InvalidArgument(_))), "{noted:?}");
    ensure!(admin.list_breaches(Options::new()).await?.is_empty(), "nothing was entered");
    Ok(())
}

async fn no_app_sees_or_enters_any(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let interface = "org.consentd.Admin1".to_owned();
    let member = "ListBreaches".to_owned();
    let reply = game.tell(Order::Call { interface, member }).await?;
    ensure!(
        matches!(&reply, Reply::Refused { error, .. } if error.ends_with("NotAuthorized")),
        "{reply:?}"
    );
    Ok(())
}

#[test]
fn r56_and_r38_another_user_is_no_administrator_and_no_guardian() -> Result<()> {
    if prerequisite::skip(prerequisite::root()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let as_games = async |arguments: &[&str]| {
            let mut command = tokio::process::Command::new("setpriv");
            command.args(["--reuid", "games", "--regid", "games", "--clear-groups", "--"]);
            command.arg(world.ctl()?.program()).args(arguments);
            command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
            let output = command.kill_on_drop(true).output().await?;
            anyhow::Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
        };
        for not_theirs in [
            &["breach"][..],
            &["breach", "add", "It."],
            &["breach", "told", "1", "users:EEA"],
            &["profile", "report-minor", "--yes"],
            &["--user", "0", "profile", "report-minor", "--yes"],
            &["--user", "0", "identifiers"],
            &["--user", "0", "identifiers", "reset", "oaid"],
        ] {
            let (code, text) = as_games(not_theirs).await?;
            assert_eq!(code, Some(3), "{not_theirs:?}: {text}");
        }
        let (code, text) = as_games(&["identifiers", "reset", "oaid"]).await?;
        assert_eq!(code, Some(0), "their own: {text}");

        // Root names a guardian, who reports; and the child raises nothing again.
        let ctl = world.ctl()?;
        assert_eq!(as_games(&["set", "marketing", "on"]).await?.0, Some(0));
        ctl.done(&["--user", "games", "profile", "set", "--guardian", "root"]).await?;
        let unsure = ctl.run(&["--user", "games", "profile", "report-minor"]).await?;
        assert_eq!(unsure.code, Some(2), "a script says so itself: {unsure:?}");
        ctl.done(&["--user", "games", "profile", "report-minor", "--yes"]).await?;
        let profile = ctl.json(&["--user", "games", "profile"]).await?;
        assert_eq!(profile["age_band"], "minor");
        let marketing = ctl.json(&["--user", "games", "get", "marketing"]).await?;
        assert_eq!((&marketing["stored"], &marketing["consent"]), (&"off".into(), &true.into()));
        for not_a_child_s in
            [&["set", "marketing", "on"][..], &["profile", "set", "--age", "adult"]]
        {
            let (code, text) = as_games(not_a_child_s).await?;
            assert_eq!(code, Some(3), "{not_a_child_s:?}: {text}");
        }
        Ok(())
    })
}
