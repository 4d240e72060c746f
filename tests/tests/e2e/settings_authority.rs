//! Who may see and change settings. No app can grant itself anything (invariant 11).

use anyhow::{Result, bail};
use consentd_dbus::{Error, Options};
use consentd_tests::app::{App, Guise};
use consentd_tests::bus::BusKind;
use consentd_tests::prerequisite;
use consentd_tests::words::{Order, Reply};
use consentd_tests::world::World;

use crate::ids::{GAME, WEATHER};
use crate::scenario::{on_both_buses, run};

on_both_buses![
    an_app_may_neither_look_nor_change,
    an_app_whose_declaration_was_rejected_is_still_an_app,
    an_executable_that_the_configuration_names_may,
];

const LOOKS: [(&str, &str); 9] = [
    ("org.consentd.Settings1", "ListToggles"),
    ("org.consentd.Settings1", "ListApps"),
    ("org.consentd.Settings1", "GetProfile"),
    ("org.consentd.Settings1", "ListNotices"),
    ("org.consentd.Settings1", "ListConsents"),
    ("org.consentd.Settings1", "Watch"),
    ("org.consentd.Admin1", "Status"),
    ("org.consentd.Admin1", "Reload"),
    ("org.consentd.Admin1", "Follow"),
];

/// Tries everything that an app might try, and fails where one of it works.
async fn is_refused_everywhere(app: &mut App) -> Result<()> {
    for (interface, member) in LOOKS {
        let order = Order::Call { interface: interface.to_owned(), member: member.to_owned() };
        refused(app.tell(order).await?, member)?;
    }
    refused(app.tell(Order::RegisterAgent).await?, "RegisterAgent")?;
    for (toggle, whose, state) in [
        ("ad-services", "", "on"),
        ("ad-services", GAME, "on"),
        ("location.app", WEATHER, "off"),
        ("ad-services", "", "off"),
        ("no.such.toggle", "", "off"),
    ] {
        let changes = vec![(toggle.to_owned(), whose.to_owned(), state.to_owned())];
        refused(app.tell(Order::Set { changes }).await?, "Set")?;
    }
    Ok(())
}

fn refused(reply: Reply, member: &str) -> Result<()> {
    if let Reply::Refused { error, text } = &reply
        && error == "org.consentd.Error.NotAuthorized"
    {
        // It says nothing of what there is.
        assert!(!text.contains("no.such.toggle"), "{text}");
        return Ok(());
    }
    bail!("{member} was not refused: {reply:?}")
}

async fn an_app_may_neither_look_nor_change(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut game = world.app("game").await?;
    is_refused_everywhere(&mut game).await?;
    assert_eq!(person.stored("ad-services", "").await?, "unset");
    assert_eq!(person.history("setting", GAME).await?.len(), 0);
    Ok(())
}

async fn an_app_whose_declaration_was_rejected_is_still_an_app(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let path = world.stage.dirs().apps_dir.join("game.toml");
    let declared = std::fs::read_to_string(&path)?;
    std::fs::write(&path, declared.replacen("retention", "retained", 1))?;
    person.admin.reload(Options::new()).await?;
    let mut game = world.app("game").await?;
    is_refused_everywhere(&mut game).await
}

async fn an_executable_that_the_configuration_names_may(world: &mut World) -> Result<()> {
    let named = world.stage.bin().executable("themes")?;
    let config = format!("settings_executables = [\"{}\"]\n", named.display());
    std::fs::write(&world.stage.dirs().config_path, config)?;
    world.stop_and_restart()?;
    let mut themes = world.app("themes").await?;
    let changes = vec![("ad-services".to_owned(), String::new(), "on".to_owned())];
    assert_eq!(themes.tell(Order::Set { changes }).await?, Reply::Done);
    let setting = world.person().await?.get("ad-services", "").await?;
    assert_eq!(consentd_tests::person::text(&setting, "by")?, "settings");
    let mut game = world.app("game").await?;
    is_refused_everywhere(&mut game).await
}

#[test]
fn an_app_in_a_sandbox_may_not_on_dbus_daemon() -> Result<()> {
    in_a_sandbox(BusKind::DbusDaemon)
}

#[test]
fn an_app_in_a_sandbox_may_not_on_dbus_broker() -> Result<()> {
    in_a_sandbox(BusKind::DbusBroker)
}

/// Declared or not, and even with the executable that the configuration names.
fn in_a_sandbox(kind: BusKind) -> Result<()> {
    if prerequisite::skip(prerequisite::sandboxes()) {
        return Ok(());
    }
    run(kind, async |world: &mut World| {
        let guise = Guise::Flatpak("org.example.nobody.declared.it".to_owned());
        let mut app = world.app_as("game", &guise).await?;
        is_refused_everywhere(&mut app).await
    })
}

#[test]
fn another_user_sees_and_changes_only_what_is_theirs() -> Result<()> {
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
        for own in [&["toggles"][..], &["set", "ad-services", "on"], &["set", "location", "off"]] {
            let (code, text) = as_games(own).await?;
            assert_eq!(code, Some(0), "{own:?}: {text}");
        }
        for not_theirs in [
            &["--user", "0", "toggles"][..],
            &["--user", "0", "set", "ad-services", "off"],
            &["--user", "0", "set", "ad-services", "on"],
            &["--user", "0", "log"],
            &["--user", "0", "profile", "set", "--region", "IN"],
            &["lock", "ad-services"],
            &["reload"],
        ] {
            let (code, text) = as_games(not_theirs).await?;
            assert_eq!(code, Some(3), "{not_theirs:?}: {text}");
        }
        // Root sees nothing of it among its own, and may look at theirs.
        let ctl = world.ctl()?;
        let person = world.person().await?;
        assert_eq!(person.stored("ad-services", "").await?, "unset");
        let theirs = ctl.json(&["--user", "games", "get", "ad-services"]).await?;
        assert_eq!(theirs["stored"], "on", "{theirs}");
        ctl.done(&["--user", "games", "set", "ad-services", "off"]).await?;
        let theirs = ctl.json(&["--user", "games", "get", "ad-services"]).await?;
        assert_eq!((&theirs["stored"], &theirs["by"]), (&"off".into(), &"administrator".into()));
        let refused = person.set("ad-services", "no app", "on").await;
        assert!(matches!(refused, Err(Error::UnknownApp(_))), "{refused:?}");
        Ok(())
    })
}
