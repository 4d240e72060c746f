//! What happens to the daemon itself: the bus goes, the disk is full or read-only, a database is not
//! one. It stays up or ends with a word, loosens nothing, and loses nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_dbus::{Details, Error, Options};
use consentd_tests::bus::{Bus, BusKind};
use consentd_tests::person::text;
use consentd_tests::prerequisite;
use consentd_tests::words::{allow, deny};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::{GAME, WEATHER};
use crate::scenario::{on_both_buses, run};

on_both_buses![
    the_bus_goes_away_and_nothing_is_lost,
    a_second_daemon_does_not_take_the_name,
    a_store_that_is_no_database_denies_and_is_left_alone,
    a_ledger_that_is_no_database_is_set_aside_and_begun_anew,
    a_store_that_is_a_folder_denies,
    a_catalogue_that_is_wrong_at_start_denies_everything,
];

async fn status(world: &World) -> Result<Details> {
    Ok(world.person().await?.admin.status(Options::new()).await?)
}

async fn the_bus_goes_away_and_nothing_is_lost(world: &mut World) -> Result<()> {
    world.person().await?.set("ad-services", "", "on").await?;
    let kind = world.bus.kind();
    world.bus.kill()?;
    let ended = world.daemon.wait()?;
    assert_eq!(ended.code(), Some(1), "{}", world.daemon.log());
    assert!(world.daemon.log().contains("the bus went away"), "{}", world.daemon.log());
    world.bus = Bus::start(kind, world.stage.root()).await?;
    world.start_again()?;
    let mut game = world.app("game").await?;
    let answers = game.check("ads.personalised", &["device.oaid"]).await?;
    assert_eq!(answers, [allow("device.oaid", "consented")]);
    Ok(())
}

async fn a_second_daemon_does_not_take_the_name(world: &mut World) -> Result<()> {
    let mut dirs = world.stage.dirs().clone();
    dirs.state_dir = world.stage.root().join("second");
    dirs.log_path = world.stage.root().join("second.log");
    std::fs::create_dir(&dirs.state_dir)?;
    let mut second = consentd_tests::daemon::Daemon::launch(world.bus.address(), &dirs)?;
    assert_eq!(second.wait()?.code(), Some(1));
    assert!(second.log().contains("cannot own org.consentd"), "{}", second.log());
    let mut weather = world.app("weather").await?;
    let answers = weather.check("location.services", &["location.language"]).await?;
    assert_eq!(answers, [allow("location.language", "contract")]);
    Ok(())
}

/// Everything is denied, switching on is refused, and the daemon says what is wrong.
async fn everything_is_denied(world: &World, why: &str) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let answers = weather.check("location.services", &["location.language"]).await?;
    assert_eq!((&*answers[0].decision, &*answers[0].reason), ("deny", why), "{answers:?}");
    let mut security = world.app("security").await?;
    let answers = security.check("security.systems", &["logs.crash"]).await?;
    assert_eq!((&*answers[0].decision, &*answers[0].reason), ("deny", why), "{answers:?}");
    Ok(())
}

async fn a_store_that_is_no_database_denies_and_is_left_alone(world: &mut World) -> Result<()> {
    let (file_name, part) = ("settings.db", "store");
    let garbage = GARBAGE.repeat(500);
    world.person().await?.set("ad-services", "", "on").await?;
    world.stop()?;
    lose_backups(world)?;
    let path = world.stage.dirs().state_dir.join(file_name);
    into_one_file(&path)?;
    let good = std::fs::read(&path)?;
    std::fs::write(&path, &garbage)?;
    world.start_again()?;
    everything_is_denied(world, "store-unavailable").await?;
    let seen = status(world).await?;
    assert_eq!(text(&seen, part)?, "unavailable");
    assert!(text(&seen, &format!("{part}_error"))?.contains(file_name), "{seen:?}");
    let refused = world.person().await?.set("ad-services", GAME, "on").await;
    assert!(matches!(refused, Err(Error::StoreUnavailable(_))), "{refused:?}");
    world.stop()?;
    assert_eq!(std::fs::read(&path)?, garbage.as_bytes(), "it was written to");
    std::fs::write(&path, &good)?;
    world.start_again()?;
    let mut game = world.app("game").await?;
    let answers = game.check("ads.personalised", &["device.oaid"]).await?;
    assert_eq!(answers, [allow("device.oaid", "consented")]);
    Ok(())
}

async fn a_ledger_that_is_no_database_is_set_aside_and_begun_anew(world: &mut World) -> Result<()> {
    world.person().await?.set("ad-services", "", "on").await?;
    world.stop()?;
    let state_dir = &world.stage.dirs().state_dir.clone();
    std::fs::write(state_dir.join("ledger.db"), GARBAGE.repeat(500))?;
    world.start_again()?;
    let mut game = world.app("game").await?;
    let answers = game.check("ads.personalised", &["device.oaid"]).await?;
    assert_eq!(answers, [allow("device.oaid", "consented")]);
    assert_eq!(text(&status(world).await?, "ledger")?, "ok");
    let aside =
        std::fs::read_dir(state_dir.join("set-aside"))?.next().context("nothing there")??;
    assert_eq!(std::fs::read_to_string(aside.path().join("ledger.db"))?, GARBAGE.repeat(500));
    assert!(std::fs::read_to_string(aside.path().join("why.txt"))?.contains("ledger.db"));
    Ok(())
}

const GARBAGE: &str = "this is no database, and somebody may still want it\n";

/// Brings what is in the write-ahead log into the database's own file.
fn into_one_file(path: &Path) -> Result<()> {
    let database = rusqlite::Connection::open(path)?;
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// As on a device that never made a backup: else one would be restored.
fn lose_backups(world: &World) -> Result<()> {
    Ok(std::fs::remove_dir_all(world.stage.dirs().state_dir.join("backups"))?)
}

async fn a_store_that_is_a_folder_denies(world: &mut World) -> Result<()> {
    world.stop()?;
    lose_backups(world)?;
    let path = world.stage.dirs().state_dir.join("settings.db");
    let aside = world.stage.dirs().state_dir.join("settings.aside");
    std::fs::rename(&path, &aside)?;
    std::fs::create_dir(&path)?;
    world.start_again()?;
    everything_is_denied(world, "store-unavailable").await?;
    std::fs::remove_dir(&path)?;
    std::fs::rename(&aside, &path)?;
    // A reload tries the store again.
    world.ctl()?.done(&["reload"]).await?;
    let mut weather = world.app("weather").await?;
    let answers = weather.check("location.services", &["location.language"]).await?;
    assert_eq!(answers, [allow("location.language", "contract")]);
    Ok(())
}

async fn a_catalogue_that_is_wrong_at_start_denies_everything(world: &mut World) -> Result<()> {
    world.stop()?;
    let data_path = world.stage.dirs().catalog_dir.join("data.toml");
    let good = std::fs::read(&data_path)?;
    std::fs::write(&data_path, "[[data]]\nid = 5\n")?;
    world.start_again()?;
    // With no catalogue there are no apps either: who asks may be nobody.
    let mut weather = world.app("weather").await?;
    let answers = weather.check("location.services", &["location.language"]).await?;
    assert_eq!(answers, [deny("location.language", "catalog-unavailable", "none")]);
    let seen = status(world).await?;
    assert_eq!(text(&seen, "catalog")?, "unavailable");
    assert!(text(&seen, "catalog_error")?.contains("data.toml"), "{seen:?}");
    std::fs::write(&data_path, good)?;
    world.daemon.hang_up()?;
    world.daemon.await_notification("RELOADING=1")?;
    world.daemon.await_ready()?;
    let answers = weather.check("location.services", &["location.language"]).await?;
    assert_eq!(answers, [allow("location.language", "contract")]);
    Ok(())
}

/// A mount of the tests' own, taken off when dropped.
struct Mount {
    dir: PathBuf,
}

impl Mount {
    /// A file system of this size in memory.
    fn small(dir: &Path, bytes: u32) -> Result<Mount> {
        mount(&["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "tmpfs"], dir)
    }

    /// What is there, but nobody can write to it.
    fn read_only(dir: &Path) -> Result<Mount> {
        let source = dir.display().to_string();
        let mounted = mount(&["--bind", &source], dir)?;
        run_command(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(dir))?;
        Ok(mounted)
    }
}

fn mount(arguments: &[&str], dir: &Path) -> Result<Mount> {
    run_command(Command::new("mount").args(arguments).arg(dir))?;
    Ok(Mount { dir: dir.to_owned() })
}

fn run_command(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Err(error) = run_command(Command::new("umount").arg("--lazy").arg(&self.dir)) {
            eprintln!("{} stays mounted: {error}", self.dir.display());
        }
    }
}

#[test]
fn a_read_only_disk_denies_and_loses_nothing() -> Result<()> {
    if prerequisite::skip(prerequisite::mounts()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        world.person().await?.set("ad-services", "", "on").await?;
        world.stop()?;
        let mounted = Mount::read_only(&world.stage.dirs().state_dir)?;
        world.start_again()?;
        everything_is_denied(world, "store-unavailable").await?;
        assert_eq!(text(&status(world).await?, "store")?, "unavailable");
        drop(mounted);
        world.stop_and_restart()?;
        let mut game = world.app("game").await?;
        let answers = game.check("ads.personalised", &["device.oaid"]).await?;
        assert_eq!(answers, [allow("device.oaid", "consented")]);
        Ok(())
    })
}

/// Invariant 3: a denial whose commit fails stands in memory and is retried; an allowance does not.
#[test]
fn a_full_disk_switches_off_but_not_on_and_is_caught_up_later() -> Result<()> {
    if prerequisite::skip(prerequisite::mounts()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        world.stop()?;
        let state_dir = world.stage.dirs().state_dir.clone();
        let _disk = Mount::small(&state_dir, 4 << 20)?;
        world.start_again()?;
        let mut game = world.app("game").await?;
        let person = world.person().await?;
        person.set("ad-services", "", "on").await?;
        let ballast_path = state_dir.join("ballast");
        fill(&ballast_path)?;
        let mut refused = None;
        // The write-ahead log may have room for a few more.
        for round in 0..200 {
            let state = if round % 2 == 0 { "off" } else { "on" };
            if let Err(error) = person.set("personalised-content", "", state).await {
                refused = Some((state, error));
                break;
            }
        }
        let (_, error) = refused.ok_or_else(|| anyhow::anyhow!("the disk never was full"))?;
        assert!(matches!(error, Error::StoreUnavailable(_)), "{error:?}");
        let on = person.set("location.app", WEATHER, "on").await;
        assert!(matches!(on, Err(Error::StoreUnavailable(_))), "{on:?}");
        let off = person.set("ad-services", "", "off").await;
        assert!(matches!(off, Err(Error::StoreUnavailable(_))), "{off:?}");
        // Off holds all the same; on does not.
        let answers = game.preview("ads.personalised", &["device.oaid"]).await?;
        assert_eq!(answers, [deny("device.oaid", "toggle-off", "zero-uuid")]);
        let mut weather = world.app("weather").await?;
        let answers = weather.preview("location.services", &["location.approximate"]).await?;
        assert_eq!(answers[0].reason, "not-set");
        // The open minute has its room already: what is answered is still recorded.
        let asked = weather.check("location.services", &["location.language"]).await?;
        assert_ne!(asked[0].reason, "store-unavailable");
        std::fs::remove_file(&ballast_path)?;
        person.set("ad-services", "", "off").await?;
        assert_eq!(
            status(world).await?["unsaved"],
            Variant::from(0_u32).try_into_owned()?,
            "something still waits"
        );
        world.crash_and_restart()?;
        assert_eq!(person.stored("ad-services", "").await?, "off");
        assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
        world.stop()?;
        world.start_again()
    })
}

/// Writes until nothing more goes.
fn fill(path: &Path) -> Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(path)?;
    for size in [1 << 16, 1 << 12, 1 << 8, 1] {
        let block = vec![0_u8; size];
        while file.write_all(&block).and_then(|()| file.sync_data()).is_ok() {}
    }
    Ok(())
}
