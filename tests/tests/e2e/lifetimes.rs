//! Allowances that end: once, until a time, until the next boot.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use consentd_dbus::{Error, Options};
use consentd_tests::person::text;
use consentd_tests::world::World;
use futures_util::StreamExt;

use crate::ids::{GAME, WEATHER};
use crate::scenario::on_both_buses;

on_both_buses![
    once_is_used_up_by_one_check_that_allows,
    once_is_not_used_up_by_a_preview_or_a_refusal,
    a_used_once_stays_used_after_a_crash,
    an_allowance_ends_at_its_time_and_the_last_lasting_state_returns,
    an_allowance_outlives_a_restart_of_the_daemon,
    a_lifetime_that_makes_no_sense_is_refused,
];

const ASKED: (&str, &[&str]) = ("location.services", &["location.approximate"]);

fn now() -> Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().try_into()?)
}

async fn once_is_used_up_by_one_check_that_allows(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person.set_for("location.app", WEATHER, "once", None).await?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "allow");
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "ask");
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    let history = person.history("setting", WEATHER).await?;
    assert_eq!(text(&history[0], "what")?, "consumed");
    Ok(())
}

async fn once_is_not_used_up_by_a_preview_or_a_refusal(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person.set_for("location.app", WEATHER, "once", None).await?;
    assert_eq!(weather.preview(ASKED.0, ASKED.1).await?[0].decision, "allow");
    // Precise needs a switch of its own, which asks.
    assert_eq!(weather.check(ASKED.0, &["location.precise"]).await?[0].decision, "ask");
    person.set("location", "", "off").await?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "deny");
    person.set("location", "", "on").await?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "allow");
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "ask");
    Ok(())
}

async fn a_used_once_stays_used_after_a_crash(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person.set_for("location.app", WEATHER, "once", None).await?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "allow");
    world.crash_and_restart()?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "ask");
    Ok(())
}

async fn an_allowance_ends_at_its_time_and_the_last_lasting_state_returns(
    world: &mut World,
) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person.set("location.app", WEATHER, "off").await?;
    let mut heard = person.settings.receive_setting_changed().await?;
    person.settings.watch(Options::new()).await?;
    person.set_for("location.app", WEATHER, "until", Some(now()? + 2)).await?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "allow");
    // The daemon says when it is over: nobody has to look.
    loop {
        let signal = heard.next().await.ok_or_else(|| anyhow::anyhow!("the bus hung up"))?;
        if text(&signal.args()?.state, "stored")? == "off" {
            break;
        }
    }
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].reason, "toggle-off");
    let history = person.history("setting", WEATHER).await?;
    assert_eq!(text(&history[0], "what")?, "expired");
    Ok(())
}

async fn an_allowance_outlives_a_restart_of_the_daemon(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let mut game = world.app("game").await?;
    let person = world.person().await?;
    person.set_for("location.app", WEATHER, "until", Some(now()? + 3600)).await?;
    person.set_for("ad-services", GAME, "boot", None).await?;
    person.set("ad-services", "", "on").await?;
    world.crash_and_restart()?;
    assert_eq!(weather.check(ASKED.0, ASKED.1).await?[0].decision, "allow");
    assert_eq!(game.check("ads.personalised", &["device.oaid"]).await?[0].decision, "allow");
    let setting = person.get("ad-services", GAME).await?;
    assert_eq!(text(&setting, "lifetime")?, "boot");
    Ok(())
}

async fn a_lifetime_that_makes_no_sense_is_refused(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let over = now()? - 10;
    for (app, lifetime, until) in [
        (WEATHER, "until", None),
        (WEATHER, "until", Some(over)),
        (WEATHER, "once", Some(over + 3600)),
        (WEATHER, "for ever and a day", None),
    ] {
        let refused = person.set_for("location.app", app, lifetime, until).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{lifetime}: {refused:?}");
    }
    let for_many = person.set_for("ad-services", "", "once", None).await;
    assert!(matches!(for_many, Err(Error::InvalidArgument(_))), "{for_many:?}");
    Ok(())
}
