//! The log can be shown to be as it was written, and taken along.

use anyhow::{Context, Result, ensure};
use consentd_dbus::{Error, Options};
use consentd_tests::world::World;
use serde_json::Value;

use crate::scenario::on_both_buses;

on_both_buses![
    what_was_written_is_whole_and_what_was_changed_is_found,
    an_export_has_everything_once_and_ends,
    an_export_that_nobody_reads_holds_nothing_up,
    a_format_that_is_none_is_refused_by_name,
];

/// Some answers and some choices, closed minutes among them.
async fn live(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    person.set("location.app", "org.example.weather", "off").await?;
    let mut weather = world.app("weather").await?;
    weather.check("location.services", &["location.precise", "location.approximate"]).await?;
    let mut game = world.app("game").await?;
    game.check("ads.personalised", &["device.oaid"]).await?;
    Ok(())
}

async fn what_was_written_is_whole_and_what_was_changed_is_found(world: &mut World) -> Result<()> {
    live(world).await?;
    let ctl = world.ctl()?;
    let text = ctl.done(&["log", "verify"]).await?;
    ensure!(text.starts_with("Whole: 2 entries in 2 blocks"), "{text}");
    world.stop()?;
    world.start_again()?;
    let proof = ctl.json(&["log", "verify"]).await?;
    ensure!(proof["whole"] == true && proof["rows"] == 5, "a stop closes the minute: {proof}");
    world.stop()?;
    let ledger = rusqlite::Connection::open(world.stage.dirs().state_dir.join("ledger.db"))?;
    ledger.execute("UPDATE records SET reason = 'consented', decision = 'allow'", [])?;
    drop(ledger);
    world.start_again()?;
    let printed = ctl.run(&["log", "verify"]).await?;
    ensure!(printed.code == Some(6), "{printed:?}");
    ensure!(printed.out.contains("are not as written"), "{printed:?}");
    Ok(())
}

async fn an_export_has_everything_once_and_ends(world: &mut World) -> Result<()> {
    live(world).await?;
    let ctl = world.ctl()?;
    ctl.done(&["rights", "open", "erasure", "--app", "org.example.game"]).await?;
    let text = ctl.done(&["export"]).await?;
    let lines: Vec<Value> =
        text.lines().map(serde_json::from_str).collect::<Result<_, _>>().context(text.clone())?;
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    let kinds = [
        "export",
        "profile",
        "choice",
        "consent",
        "request",
        "retention",
        "record",
        "setting",
        "end",
    ];
    let found = kinds.map(of);
    ensure!(found == [1, 1, 2, 1, 1, 1, 3, 3, 1] && lines.len() == 14, "{found:?}\n{text}");
    let choice =
        lines.iter().find(|line| line["toggle"] == "location.app" && line["state"] == "off");
    ensure!(choice.is_some_and(|choice| choice["app"] == "org.example.weather"), "{text}");

    let file = world.stage.root().join("export.jsonl");
    let name = file.to_str().context("a path")?;
    ctl.done(&["export", "--output", name]).await?;
    let written = std::fs::read_to_string(&file)?;
    ensure!(written.lines().count() == lines.len(), "{written}");
    let again = ctl.run(&["export", "--output", name]).await?;
    ensure!(again.code == Some(2) && again.err.contains("not there"), "{again:?}");
    Ok(())
}

async fn an_export_that_nobody_reads_holds_nothing_up(world: &mut World) -> Result<()> {
    live(world).await?;
    // More than a pipe holds, so that the daemon has to wait for us.
    let mut game = world.app("game").await?;
    for number in 0..400 {
        let item = format!("invented.{number:0100}");
        game.check("ads.personalised", &[&item]).await?;
    }
    let person = world.person().await?;
    let export = || person.admin.export("json-lines", Options::new());
    let pipe = export().await?;
    let second = export().await;
    ensure!(matches!(second, Err(Error::TooManyRequests(_))), "{second:?}");
    game.check("ads.personalised", &["device.oaid"]).await?;
    person.set("ad-services", "", "off").await?;
    drop(pipe);
    let mut tries = 0;
    while let Err(error) = export().await {
        ensure!(matches!(error, Error::TooManyRequests(_)) && tries < 10_000, "{error:?}");
        tries += 1;
    }
    Ok(())
}

async fn a_format_that_is_none_is_refused_by_name(world: &mut World) -> Result<()> {
    let refused = world.person().await?.admin.export("pdf", Options::new()).await;
    ensure!(matches!(refused, Err(Error::UnknownFormat(_))), "{refused:?}");
    Ok(())
}
