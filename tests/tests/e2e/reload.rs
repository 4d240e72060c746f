//! A new catalogue, new declarations: all or nothing, and what was chosen stays.

use anyhow::{Context, Result};
use consentd_dbus::{Error, Options};
use consentd_tests::person::text;
use consentd_tests::words::{allow, deny};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::WEATHER;
use crate::scenario::on_both_buses;

on_both_buses![
    a_new_declaration_is_in_force_after_a_hang_up,
    a_wrong_catalogue_leaves_the_old_one_in_force_and_says_where,
    a_wrong_declaration_denies_its_app_alone_and_says_where,
    looking_at_a_catalogue_changes_nothing,
    what_was_chosen_outlives_a_reload,
];

const NEWCOMER: &str = r#"
[app]
id = "org.example.newcomer"
name = "Newcomer"

[identity]
executable = "/usr/lib/consentd/samples/newcomer"

[[collects]]
purpose = "services.operation"
data = ["device.model"]
basis = "contract"
retention = "1 day"
notice = "2025-10-10"
"#;

async fn a_new_declaration_is_in_force_after_a_hang_up(world: &mut World) -> Result<()> {
    let mut newcomer = world.app("newcomer").await?;
    let asked = ("services.operation", ["device.model"]);
    let answers = newcomer.check(asked.0, &asked.1).await?;
    assert_eq!(answers, [deny("device.model", "unidentified", "none")]);
    world.stage.declare("newcomer.toml", NEWCOMER)?;
    world.daemon.hang_up()?;
    world.daemon.await_notification("RELOADING=1")?;
    world.daemon.await_ready()?;
    let answers = newcomer.check(asked.0, &asked.1).await?;
    assert_eq!(answers, [allow("device.model", "contract")]);
    Ok(())
}

async fn a_wrong_catalogue_leaves_the_old_one_in_force_and_says_where(
    world: &mut World,
) -> Result<()> {
    let mut security = world.app("security").await?;
    let person = world.person().await?;
    let toggles_path = world.stage.dirs().catalog_dir.join("toggles.toml");
    let toggles = std::fs::read_to_string(&toggles_path)?;
    for (wrong, told) in [
        (toggles.replacen("app_default = \"ask\"", "app_default = \"perhaps\"", 1), "perhaps"),
        (toggles.replacen("kind = \"action\"", "kindness = \"action\"", 1), "kindness"),
        (toggles.replacen("[[toggle]]", "[[toggle", 1), "toggles.toml"),
        (toggles.replacen("ads.personalised", "ads.personal", 1), "ads.personal"),
    ] {
        std::fs::write(&toggles_path, &wrong)?;
        let refused = person.admin.reload(Options::new()).await;
        let Err(Error::CatalogInvalid(text)) = refused else { anyhow::bail!("{refused:?}") };
        assert!(text.contains("toggles.toml") && text.contains(told), "{told}: {text}");
        let printed = world.ctl()?.run(&["reload"]).await?;
        assert_eq!(printed.code, Some(5), "{printed:?}");
        world.daemon.hang_up()?;
        world.daemon.await_notification("RELOADING=1")?;
        world.daemon.await_ready()?;
        let answers = security.check("security.systems", &["logs.crash"]).await?;
        assert_eq!(answers, [allow("logs.crash", "legitimate-interest")]);
    }
    std::fs::write(&toggles_path, &toggles)?;
    person.admin.reload(Options::new()).await?;
    Ok(())
}

async fn a_wrong_declaration_denies_its_app_alone_and_says_where(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let mut maps = world.app("maps").await?;
    let person = world.person().await?;
    let asked = ("location.services", ["location.language"]);
    assert_eq!(weather.check(asked.0, &asked.1).await?[0].decision, "allow");
    let path = world.stage.dirs().apps_dir.join("weather.toml");
    let declared = std::fs::read_to_string(&path)?;
    std::fs::write(&path, declared.replacen("retention", "retained", 1))?;
    person.admin.reload(Options::new()).await?;
    assert_eq!(weather.check(asked.0, &asked.1).await?[0].decision, "deny");
    assert_eq!(maps.check(asked.0, &asked.1).await?[0].decision, "allow");
    let apps = person.settings.list_apps(Options::new()).await?;
    let found = apps.iter().find(|app| text(app, "app").is_ok_and(|id| id == WEATHER));
    let row = found.context("the rejected app is not listed")?;
    assert_eq!(row["valid"], Variant::from(false).try_into_owned()?);
    let error = text(row, "error")?;
    assert!(error.contains("weather.toml") && error.contains("retained"), "{error}");
    Ok(())
}

async fn looking_at_a_catalogue_changes_nothing(world: &mut World) -> Result<()> {
    let mut newcomer = world.app("newcomer").await?;
    let person = world.person().await?;
    let check = || Options::from([("check", Variant::from(true))]);
    world.stage.declare("newcomer.toml", NEWCOMER)?;
    person.admin.reload(check()).await?;
    let answers = newcomer.check("services.operation", &["device.model"]).await?;
    assert_eq!(answers[0].reason, "unidentified");
    std::fs::write(world.stage.dirs().catalog_dir.join("data.toml"), "[[data]]\n")?;
    let refused = person.admin.reload(check()).await;
    assert!(matches!(refused, Err(Error::CatalogInvalid(_))), "{refused:?}");
    Ok(())
}

async fn what_was_chosen_outlives_a_reload(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person
        .set_all(&[("location.app", WEATHER, "on"), ("location.precise", WEATHER, "off")])
        .await?;
    let both = ["location.precise", "location.approximate"];
    let before = weather.check("location.services", &both).await?;
    world.ctl()?.done(&["reload"]).await?;
    assert_eq!(weather.check("location.services", &both).await?, before);
    assert_eq!(person.stored("location.precise", WEATHER).await?, "off");
    Ok(())
}
