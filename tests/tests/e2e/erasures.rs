//! What is kept too long, or was derived under a consent that is off, is erased by its holder: a process of its
//! own, that answers rightly or in one of the wrong ways, or not yet (R42, R43, R60).

use anyhow::{Context, Result, ensure};
use consentd_tests::app::App;
use consentd_tests::holder::Manner;
use consentd_tests::words::{Order, Reply, allow, deny};
use consentd_tests::world::World;
use serde_json::{Value, json};

use crate::ids::GAME;
use crate::keeper::Keeper;
use crate::scenario::on_both_buses;

on_both_buses![
    r42_what_is_over_is_erased_by_its_holder,
    r42_what_nobody_can_be_told_of_is_overdue_until_its_holder_registers,
    r43_what_a_holder_does_not_erase_is_isolated_and_told_again,
    r43_a_daemon_that_is_killed_in_the_middle_tells_again,
    r60_ad_services_off_empties_segments,
];

const WORK: &str = "services.operation";
const INSTANCE: &str = "app.instance_id";
const ADS: &str = "ads.personalised";
const SEGMENTS: &str = "ads.segments";
const KEPT: &str = r#"{"app.instance_id":"7f","nickname":"Kim"}"#;

/// The game keeps nothing any longer than it takes to use it.
async fn keep_nothing(world: &World) -> Result<()> {
    let path = world.stage.dirs().apps_dir.join("game.toml");
    let declared = std::fs::read_to_string(&path)?;
    let words = "retention = \"while the game is installed\"";
    ensure!(declared.contains(words), "{declared}");
    std::fs::write(&path, declared.replace(words, "retention = \"0 days\""))?;
    world.person().await?.admin.reload(consentd_dbus::Options::new()).await?;
    Ok(())
}

async fn collect(game: &mut App) -> Result<()> {
    assert_eq!(game.check(WORK, &[INSTANCE]).await?, [allow(INSTANCE, "contract")]);
    Ok(())
}

/// What is said of an item that the game collected.
async fn row(world: &World, item: &str) -> Result<Value> {
    let rows = world.ctl()?.json(&["retention", GAME]).await?;
    let rows = rows.as_array().context("no rows")?;
    let row = rows.iter().find(|row| row["data"] == item);
    row.cloned().with_context(|| format!("no {item}: {rows:?}"))
}

/// Waits until an item is so; the game hears of every change.
async fn until(world: &World, game: &mut App, item: &str, state: &str) -> Result<()> {
    loop {
        let row = row(world, item).await?;
        if row["state"] == state {
            return Ok(());
        }
        let heard = game.tell(Order::AwaitChanged).await;
        let heard = heard.with_context(|| format!("{state}: {row}\n{}", world.daemon.log()))?;
        ensure!(matches!(heard, Reply::Changed(_)), "{heard:?}");
    }
}

async fn r42_what_is_over_is_erased_by_its_holder(world: &mut World) -> Result<()> {
    let keeper = Keeper::start(world, KEPT, Manner::Good)?;
    keep_nothing(world).await?;
    let mut game = world.app("game").await?;
    collect(&mut game).await?;
    until(world, &mut game, INSTANCE, "erased").await?;
    assert_eq!(keeper.kept()?, json!({"nickname": "Kim", "erased for": "retention"}));
    let told = world.ctl()?.done(&["retention", GAME]).await?;
    ensure!(told.contains("erased"), "{told}");
    Ok(())
}

async fn r42_what_nobody_can_be_told_of_is_overdue_until_its_holder_registers(
    world: &mut World,
) -> Result<()> {
    keep_nothing(world).await?;
    let mut game = world.app("game").await?;
    collect(&mut game).await?;
    let told = world.ctl()?.done(&["retention", GAME]).await?;
    ensure!(told.contains("over; not erased yet"), "{told}");
    let row = row(world, INSTANCE).await?;
    ensure!(row["overdue"] == true && row["why"] == "retention", "{row}");
    collect(&mut game).await?;
    let keeper = Keeper::start(world, KEPT, Manner::Good)?;
    until(world, &mut game, INSTANCE, "erased").await?;
    assert_eq!(keeper.kept()?["nickname"], "Kim");
    Ok(())
}

async fn r43_what_a_holder_does_not_erase_is_isolated_and_told_again(
    world: &mut World,
) -> Result<()> {
    keep_nothing(world).await?;
    for manner in [Manner::Crashes, Manner::Refuses, Manner::MixesUp] {
        let wrong = Keeper::start(world, KEPT, manner)?;
        let mut game = world.app("game").await?;
        collect(&mut game).await?;
        until(world, &mut game, INSTANCE, "isolated").await?;
        let told = world.ctl()?.done(&["retention", GAME]).await?;
        ensure!(told.contains("out of use; being erased"), "{manner:?}: {told}");
        let refused = [deny(INSTANCE, "isolated", "zero-uuid")];
        assert_eq!(game.check(WORK, &[INSTANCE]).await?, refused, "{manner:?}");
        drop(wrong);
        let keeper = Keeper::again(world, Manner::Good)?;
        until(world, &mut game, INSTANCE, "erased").await?;
        assert_eq!(keeper.kept()?["erased for"], "retention", "{manner:?}");
    }
    Ok(())
}

async fn r43_a_daemon_that_is_killed_in_the_middle_tells_again(world: &mut World) -> Result<()> {
    keep_nothing(world).await?;
    let hung = Keeper::start(world, KEPT, Manner::Hangs)?;
    let mut game = world.app("game").await?;
    collect(&mut game).await?;
    until(world, &mut game, INSTANCE, "isolated").await?;
    world.crash_and_restart()?;
    drop(hung);
    let mut game = world.app("game").await?;
    let refused = [deny(INSTANCE, "isolated", "zero-uuid")];
    assert_eq!(game.check(WORK, &[INSTANCE]).await?, refused);
    let keeper = Keeper::again(world, Manner::Good)?;
    until(world, &mut game, INSTANCE, "erased").await?;
    assert_eq!(keeper.kept()?, json!({"nickname": "Kim", "erased for": "retention"}));
    Ok(())
}

async fn r60_ad_services_off_empties_segments(world: &mut World) -> Result<()> {
    let keeper = Keeper::start(world, r#"{"ads.segments":["25-34"],"score":7}"#, Manner::Good)?;
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    let mut game = world.app("game").await?;
    let both = [SEGMENTS, "device.oaid"];
    let allowed = both.map(|item| allow(item, "consented"));
    assert_eq!(game.check(ADS, &both).await?, allowed);
    assert_eq!(row(world, SEGMENTS).await?["state"], "active");
    person.set("ad-services", "", "off").await?;
    until(world, &mut game, SEGMENTS, "erased").await?;
    assert_eq!(keeper.kept()?, json!({"score": 7, "erased for": "switched-off"}));
    assert_eq!(row(world, "device.oaid").await?["state"], "active", "collected, not derived");
    Ok(())
}
