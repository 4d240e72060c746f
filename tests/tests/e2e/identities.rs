//! How apps are recognised, by real processes: executable, sandbox, system user.
//!
//! Snap, system unit and scope need a machine that has snapd or systemd; their tests are the daemon's
//! own, with recorded /proc trees.

use std::os::unix::fs::PermissionsExt;

use anyhow::Result;
use consentd_dbus::Options;
use consentd_tests::app::{App, Guise};
use consentd_tests::bus::BusKind;
use consentd_tests::words::{allow, deny};
use consentd_tests::world::World;
use consentd_tests::{place, prerequisite};
use zbus::Variant;

use crate::ids::WEATHER;
use crate::scenario::{on_both_buses, run};

on_both_buses![
    a_declared_executable_is_its_app_and_a_copy_elsewhere_is_not,
    an_executable_that_others_may_write_stands_for_nobody,
    an_executable_that_was_replaced_stands_for_nobody,
    an_interpreter_cannot_be_declared,
];

/// A declaration of an app that takes its model, recognised in one way.
fn declaration(identity: &str) -> String {
    format!(
        "[app]\nid = \"org.example.probe\"\nname = \"Probe\"\n\n[identity]\n{identity}\n\n\
         [[collects]]\npurpose = \"services.operation\"\ndata = [\"device.model\"]\n\
         basis = \"contract\"\nretention = \"1 day\"\nnotice = \"2025-10-10\"\n"
    )
}

async fn is_the_probe(app: &mut App, kind: &str, trust: &str) -> Result<()> {
    let caller = app.who_am_i().await?;
    assert_eq!(caller["app"], "org.example.probe", "{caller:?}");
    assert_eq!((&*caller["kind"], &*caller["trust"]), (kind, trust), "{caller:?}");
    let answers = app.check("services.operation", &["device.model"]).await?;
    assert_eq!(answers, [allow("device.model", "contract")]);
    Ok(())
}

async fn is_nobody(app: &mut App) -> Result<()> {
    let caller = app.who_am_i().await?;
    assert_eq!(caller["identified"], "false", "{caller:?}");
    let answers = app.check("services.operation", &["device.model"]).await?;
    assert_eq!(answers, [deny("device.model", "unidentified", "none")]);
    Ok(())
}

async fn a_declared_executable_is_its_app_and_a_copy_elsewhere_is_not(
    world: &mut World,
) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let caller = weather.who_am_i().await?;
    assert_eq!((&*caller["app"], &*caller["kind"]), (WEATHER, "executable"));
    let mut elsewhere = world.app("not-the-weather").await?;
    is_nobody(&mut elsewhere).await
}

async fn an_executable_that_others_may_write_stands_for_nobody(world: &mut World) -> Result<()> {
    let path = world.stage.bin().dir().join("probe");
    place::copy_program(&world.stage.bin().executable("weather")?, &path)?;
    let text = declaration(&format!("executable = \"{}\"", path.display()));
    world.stage.declare("probe.toml", &text)?;
    world.ctl()?.done(&["reload"]).await?;
    let mut probe = App::start(&path, &Guise::Executable, world.bus.address()).await?;
    is_the_probe(&mut probe, "executable", "weak").await?;
    drop(probe);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o757))?;
    let mut probe = App::start(&path, &Guise::Executable, world.bus.address()).await?;
    is_nobody(&mut probe).await
}

async fn an_executable_that_was_replaced_stands_for_nobody(world: &mut World) -> Result<()> {
    let mut running = world.app("weather").await?;
    let path = world.stage.bin().dir().join("weather");
    let aside = world.stage.bin().dir().join("aside");
    place::copy_program(&path, &aside)?;
    std::fs::rename(&aside, &path)?;
    is_nobody(&mut running).await?;
    // What is at the path now is the app.
    let mut updated = world.app("weather").await?;
    assert_eq!(updated.who_am_i().await?["app"], WEATHER);
    Ok(())
}

async fn an_interpreter_cannot_be_declared(world: &mut World) -> Result<()> {
    let mut valid = Vec::new();
    for interpreter in ["/usr/bin/python3", "/bin/sh", "/usr/bin/env"] {
        let text = declaration(&format!("executable = \"{interpreter}\""));
        world.stage.declare("probe.toml", &text)?;
        let person = world.person().await?;
        person.admin.reload(Options::new()).await?;
        let apps = person.settings.list_apps(Options::new()).await?;
        let id = Variant::from("org.example.probe").try_into_owned()?;
        valid.extend(apps.iter().filter(|app| app["app"] == id).map(|app| app["valid"].clone()));
    }
    let no = Variant::from(false).try_into_owned()?;
    assert_eq!(valid, [no.clone(), no.clone(), no]);
    Ok(())
}

#[test]
fn a_sandbox_is_known_by_its_flatpak_info_on_dbus_daemon() -> Result<()> {
    a_sandbox_is_known(BusKind::DbusDaemon)
}

#[test]
fn a_sandbox_is_known_by_its_flatpak_info_on_dbus_broker() -> Result<()> {
    a_sandbox_is_known(BusKind::DbusBroker)
}

/// A bus that gives no ProcessFD leaves a doubt, and the identity weak.
fn a_sandbox_is_known(kind: BusKind) -> Result<()> {
    if prerequisite::skip(prerequisite::sandboxes()) {
        return Ok(());
    }
    run(kind, async |world: &mut World| {
        const ID: &str = "org.example.Probe";
        world.stage.declare("probe.toml", &declaration(&format!("flatpak = \"{ID}\"")))?;
        let person = world.person().await?;
        person.admin.reload(Options::new()).await?;
        let status = person.admin.status(Options::new()).await?;
        let gives_fd: bool = status["process_fd"].downcast_ref()?;
        let trust = if gives_fd { "confined" } else { "weak" };
        let guise = Guise::Flatpak(ID.to_owned());
        let mut probe = world.app_as("anything", &guise).await?;
        is_the_probe(&mut probe, "flatpak", trust).await?;
        // Inside a sandbox the executable says nothing: this is not the weather app.
        let mut disguised = world.app_as("weather", &guise).await?;
        is_the_probe(&mut disguised, "flatpak", trust).await?;
        let undeclared = Guise::Flatpak("org.example.Undeclared".to_owned());
        let mut stranger = world.app_as("weather", &undeclared).await?;
        let caller = stranger.who_am_i().await?;
        assert_eq!((&*caller["kind"], &*caller["declared"]), ("flatpak", "false"), "{caller:?}");
        let answers = stranger.check("location.services", &["location.language"]).await?;
        assert_eq!(answers, [deny("location.language", "undeclared", "none")]);
        Ok(())
    })
}

#[test]
fn a_system_user_is_known_by_its_uid_on_dbus_daemon() -> Result<()> {
    a_system_user_is_known(BusKind::DbusDaemon)
}

#[test]
fn a_system_user_is_known_by_its_uid_on_dbus_broker() -> Result<()> {
    a_system_user_is_known(BusKind::DbusBroker)
}

fn a_system_user_is_known(kind: BusKind) -> Result<()> {
    if prerequisite::skip(prerequisite::root()) {
        return Ok(());
    }
    run(kind, async |world: &mut World| {
        world.stage.declare("probe.toml", &declaration("user = \"games\""))?;
        world.ctl()?.done(&["reload"]).await?;
        let guise = Guise::User("games".to_owned());
        let mut probe = world.app_as("anything", &guise).await?;
        is_the_probe(&mut probe, "user", "system").await
    })
}
