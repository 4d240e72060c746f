//! What is exported for others' tools is what they accept.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::place;
use consentd_tests::prerequisite::{self, Missing};
use consentd_tests::world::World;
use serde_json::Value;

use crate::scenario::on_both_buses;

on_both_buses![
    declarations_are_accepted_by_fideslang,
    every_format_is_written_to_a_file,
    an_export_is_read_again_and_found_whole,
    an_export_is_a_page_too
];

/// Missing unless `scripts/fideslang` has run.
fn fideslang() -> Option<Missing> {
    let is_there = place::root().join("target/fideslang/fideslang").is_dir();
    let hint = "fideslang is not here: scripts/fideslang";
    (!is_there).then(|| Missing::Program(hint.to_owned()))
}

/// What fideslang says of a manifest.
fn read_by_fideslang(manifest: &Path) -> Result<Value> {
    let script = place::root().join("tests/tests/e2e/fides.py");
    let output = Command::new("/usr/bin/python3")
        .env("PYTHONPATH", place::root().join("target/fideslang"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(script)
        .arg(manifest)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "fideslang refuses the manifest:\n{said}");
    serde_json::from_slice(&output.stdout).context(said)
}

async fn export(world: &World, format: &str) -> Result<(PathBuf, Value)> {
    let file = world.stage.root().join(format!("{format}.json"));
    let name = file.to_str().context("a path")?;
    world.ctl()?.done(&["export", "--format", format, "--output", name]).await?;
    let document = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    Ok((file, document))
}

async fn declarations_are_accepted_by_fideslang(world: &mut World) -> Result<()> {
    if prerequisite::skip(fideslang()) {
        return Ok(());
    }
    let apps = world.ctl()?.json(&["apps"]).await?;
    let apps = apps.as_array().context("a list of apps")?.len();
    let (file, mut manifest) = export(world, "fides").await?;
    let read = read_by_fideslang(&file)?;
    ensure!(read["systems"] == apps, "{read}");
    ensure!(read["declarations"].as_u64() > Some(50), "{read}");

    // What is asked here can refuse.
    manifest["system"][0]["privacy_declarations"][0]["data_use"] = "selling".into();
    std::fs::write(&file, manifest.to_string())?;
    ensure!(read_by_fideslang(&file).is_err(), "a use that fideslang does not know was accepted");
    Ok(())
}

async fn every_format_is_written_to_a_file(world: &mut World) -> Result<()> {
    let refused = world.ctl()?.run(&["export", "--format", "pdf"]).await?;
    ensure!(refused.code == Some(2) && refused.err.contains("json-lines"), "{refused:?}");
    let person = world.person().await?;
    person.set("ad-services", "org.example.game", "on").await?;
    for format in ["fides", "cookies", "kantara", "dpv"] {
        let (_, document) = export(world, format).await?;
        let whole = match format {
            "fides" => &document["system"],
            "cookies" => &document["disclosures"],
            "dpv" => &document["@graph"],
            _ => &document,
        };
        let entries = whole.as_array().context(format)?.len();
        ensure!(entries > 0, "{format}: {document}");
    }
    Ok(())
}

async fn an_export_is_read_again_and_found_whole(world: &mut World) -> Result<()> {
    world.person().await?.set("ad-services", "org.example.game", "on").await?;
    let file = world.stage.root().join("mine.jsonl");
    let name = file.to_str().context("a path")?;
    let ctl = world.ctl()?;
    ctl.done(&["export", "--output", name]).await?;
    let said = ctl.done(&["export", "--verify", name]).await?;
    ensure!(
        said.starts_with("Whole: choices 1, consents 1, cases 0, answers 0, changes 1"),
        "{said}"
    );
    let whole = std::fs::read_to_string(&file)?;
    std::fs::write(&file, whole.replacen("ad-services", "ad-Services", 1))?;
    let printed = ctl.run(&["export", "--verify", name]).await?;
    ensure!(
        printed.code == Some(6) && printed.out.contains("not as it was written"),
        "{printed:?}"
    );
    let (cut, _) = whole.trim_end().rsplit_once('\n').context("several lines")?;
    std::fs::write(&file, cut)?;
    let printed = ctl.run(&["export", "--verify", name]).await?;
    ensure!(printed.code == Some(6) && printed.out.contains("cut off"), "{printed:?}");
    let printed = ctl.run(&["export", "--verify", "/nothing/here"]).await?;
    ensure!(printed.code == Some(2) && printed.err.contains("cannot read"), "{printed:?}");
    Ok(())
}

async fn an_export_is_a_page_too(world: &mut World) -> Result<()> {
    world.person().await?.set("ad-services", "", "on").await?;
    let mut game = world.app("game").await?;
    game.check("ads.personalised", &["device.oaid"]).await?;
    let page = world.ctl()?.done(&["export", "--format", "html"]).await?;
    for part in ["Ad services", "Marble game", "the user consented", "1 answer allowed", "<svg "] {
        ensure!(page.contains(part), "no {part}: {page}");
    }
    ensure!(!page.contains("What the apps returned"), "there is no case: {page}");
    Ok(())
}
