//! A damaged store, the real daemon, and the person who has to choose again; and the store kept by hand.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use consentd_dbus::Options;
use consentd_tests::bus::BusKind;
use consentd_tests::person::text;
use consentd_tests::words::{allow, deny};
use consentd_tests::world::World;

use crate::ids::{GAME, WEATHER};
use crate::scenario::{on_both_buses, run};
use crate::spoil::{Dice, files, spoil};

on_both_buses![
    a_damaged_store_is_restored_and_asks_until_the_person_chooses_again,
    the_store_is_checked_backed_up_restored_and_begun_anew_by_hand,
    a_store_without_a_backup_denies_until_it_is_begun_anew,
];

const ADS: &str = "ads.personalised";
const OAID: [&str; 1] = ["device.oaid"];

fn damage(world: &World) -> Result<()> {
    Ok(fs::write(world.stage.dirs().state_dir.join("settings.db"), "torn to pieces")?)
}

async fn a_damaged_store_is_restored_and_asks_until_the_person_chooses_again(
    world: &mut World,
) -> Result<()> {
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    world.stop()?;
    world.start_again()?;
    // After the backup of the stop; the ledger alone has it.
    person.set("location.app", WEATHER, "off").await?;
    world.daemon.kill()?;
    damage(world)?;
    world.start_again()?;
    let mut game = world.app("game").await?;
    let answers = game.check(ADS, &OAID).await?;
    assert_eq!((&*answers[0].decision, &*answers[0].reason), ("ask", "not-set"));
    assert_eq!(person.stored("location.app", WEATHER).await?, "off");
    let ctl = world.ctl()?;
    let status = ctl.done(&["status"]).await?;
    ensure!(status.contains("Restored") && status.contains("to be confirmed"), "{status}");
    let get = ctl.done(&["get", "ad-services"]).await?;
    ensure!(get.contains("the restore of the store: it asks until it is set again"), "{get}");
    let explained = ctl.run(&["explain", GAME, ADS, OAID[0]]).await?;
    assert_eq!(explained.code, Some(1));
    ensure!(explained.out.contains("the settings were restored since"), "{}", explained.out);

    ctl.done(&["set", "ad-services", "on", "--app", GAME]).await?;
    ctl.done(&["set", "app-access", "on", "--app", GAME]).await?;
    assert_eq!(game.check(ADS, &OAID).await?, [allow("device.oaid", "consented")]);
    world.crash_and_restart()?;
    assert_eq!(game.check(ADS, &OAID).await?, [allow("device.oaid", "consented")]);
    Ok(())
}

async fn the_store_is_checked_backed_up_restored_and_begun_anew_by_hand(
    world: &mut World,
) -> Result<()> {
    let person = world.person().await?;
    let ctl = world.ctl()?;
    person.set("ad-services", "", "on").await?;
    let made = ctl.json(&["store", "backup"]).await?;
    let file = made["file"].as_str().context("a name")?.to_owned();
    person.set("ad-services", GAME, "off").await?;
    let checked = ctl.done(&["store", "check"]).await?;
    ensure!(checked.contains("is sound") && checked.contains(&file), "{checked}");

    let unsure = ctl.run(&["store", "restore", &file]).await?;
    assert_eq!(unsure.code, Some(2), "nobody can be asked, and --yes was not given");
    let unknown = ctl.run(&["store", "restore", "../settings.db", "--yes"]).await?;
    assert_eq!(unknown.code, Some(5), "{}", unknown.err);
    assert_eq!(text(&person.get("ad-services", "").await?, "state")?, "on", "nothing changed");

    ctl.done(&["store", "restore", "--yes", &file]).await?;
    assert_eq!(text(&person.get("ad-services", "").await?, "state")?, "ask");
    assert_eq!(person.stored("ad-services", GAME).await?, "off", "the ledger knows");
    let mut game = world.app("game").await?;
    let answers = game.check(ADS, &OAID).await?;
    assert_eq!(answers, [deny("device.oaid", "toggle-off", "zero-uuid")]);

    // A backup that is damaged is named, and is not put in force.
    fs::write(world.stage.dirs().state_dir.join("backups").join(&file), "torn")?;
    let checked = ctl.run(&["store", "check"]).await?;
    assert_eq!(checked.code, Some(6));
    ensure!(checked.out.contains("of no use"), "{}", checked.out);
    assert_eq!(ctl.run(&["store", "restore", "--yes", &file]).await?.code, Some(6));
    assert_eq!(person.stored("ad-services", "").await?, "on", "nothing changed");

    ctl.done(&["store", "reset", "--yes"]).await?;
    assert_eq!(person.stored("ad-services", "").await?, "unset");
    assert_eq!(person.stored("ad-services", GAME).await?, "off");
    assert_eq!(text(&person.get("location", "").await?, "state")?, "ask");
    let aside = fs::read_dir(world.stage.dirs().state_dir.join("set-aside"))?.count();
    assert_eq!(aside, 2, "each store that went is there");
    Ok(())
}

async fn a_store_without_a_backup_denies_until_it_is_begun_anew(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    person.set("location.app", WEATHER, "off").await?;
    world.stop()?;
    fs::remove_dir_all(world.stage.dirs().state_dir.join("backups"))?;
    damage(world)?;
    world.start_again()?;
    let mut game = world.app("game").await?;
    let answers = game.check(ADS, &OAID).await?;
    assert_eq!(answers, [deny("device.oaid", "store-unavailable", "zero-uuid")]);
    let ctl = world.ctl()?;
    assert_eq!(ctl.run(&["store", "check"]).await?.code, Some(6));
    assert_eq!(ctl.run(&["store", "restore", "--yes"]).await?.code, Some(6));
    let status = ctl.done(&["status"]).await?;
    ensure!(status.contains("consentctl store reset"), "{status}");
    ctl.done(&["store", "reset", "--yes"]).await?;
    assert_eq!(text(&person.admin.status(Options::new()).await?, "store")?, "ok");
    assert_eq!(person.stored("location.app", WEATHER).await?, "off");
    Ok(())
}

#[test]
fn fifty_damages_allow_nothing_that_was_off() -> Result<()> {
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let person = world.person().await?;
        person.set("ad-services", "", "on").await?;
        person.set("ad-services", GAME, "off").await?;
        world.stop()?;
        world.start_again()?;
        person.set("location.app", WEATHER, "off").await?;
        let state_dir = world.stage.dirs().state_dir.clone();
        let (kept, other) = (world.stage.root().join("kept"), world.stage.root().join("other"));
        world.daemon.kill()?;
        copy(&state_dir, &kept)?;
        // Another device's: where everything is on.
        fs::remove_dir_all(&state_dir)?;
        fs::create_dir(&state_dir)?;
        world.start_again()?;
        for _ in 0..4 {
            person
                .set_all(&[
                    ("ad-services", "", "on"),
                    ("ad-services", GAME, "on"),
                    ("app-access", GAME, "on"),
                    ("location.app", WEATHER, "on"),
                ])
                .await?;
        }
        world.stop()?;
        copy(&state_dir, &other)?;
        for case in 0..50 {
            fs::remove_dir_all(&state_dir)?;
            copy(&kept, &state_dir)?;
            let mut dice = Dice::new(case);
            let files = files(&state_dir);
            let what = spoil(&files[dice.below(files.len())], &other, &mut dice)?;
            world.start_again()?;
            let mut game = world.app("game").await?;
            let answers = game.check(ADS, &OAID).await?;
            ensure!(answers[0].decision != "allow", "case {case}, {what}: {answers:?}");
            let mut weather = world.app("weather").await?;
            let answers = weather.check("location.services", &["location.approximate"]).await?;
            ensure!(answers[0].decision != "allow", "case {case}, {what}: {answers:?}");
            let status = person.admin.status(Options::new()).await?;
            if text(&status, "store")? == "ok" {
                for (toggle, app) in [("ad-services", GAME), ("location.app", WEATHER)] {
                    let stored = person.stored(toggle, app).await?;
                    ensure!(stored == "off", "case {case}, {what}: {toggle} is {stored}");
                }
            }
            world.stop()?;
        }
        world.start_again()
    })
}

/// A folder with its files and folders.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
