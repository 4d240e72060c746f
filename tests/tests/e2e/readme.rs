//! The README's examples, as they stand there, each run by an app that is identified.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::bus::BusKind;
use consentd_tests::prerequisite::Missing;
use consentd_tests::sandbox::Sandbox;
use consentd_tests::world::World;
use consentd_tests::{place, prerequisite};

use crate::scenario::run;

/// What all of them print of the answer: nobody has decided about precise location yet.
const ANSWER: &str = "ask";
const REASON: &str = "not-set";

#[test]
fn the_shell_example_is_answered() -> Result<()> {
    if prerequisite::skip(prerequisite::program("busctl", "systemd")) {
        return Ok(());
    }
    example_of("sh", async |world, script| run_in(world, "/usr/bin/sh", script).await)
}

#[test]
fn the_python_example_is_answered() -> Result<()> {
    let module = Path::new("/usr/lib/python3/dist-packages/dbus").is_dir();
    let missing =
        (!module).then_some("python3-dbus is not installed: apt-get install python3-dbus");
    if prerequisite::skip(missing.map(|text| Missing::Program(text.to_owned()))) {
        return Ok(());
    }
    example_of("python", async |world, script| run_in(world, "/usr/bin/python3", script).await)
}

#[test]
fn the_rust_example_is_answered() -> Result<()> {
    example_of("rust", async |world, source| {
        let example = std::fs::read_to_string(place::root().join("dbus/examples/check.rs"))?;
        ensure!(example.ends_with(source), "README and dbus/examples/check.rs differ");
        // The example under the path of the weather app is the weather app.
        let path = world.stage.bin().dir().join("weather");
        std::fs::remove_file(&path)?;
        place::copy_program(&place::built("examples/check")?, &path)?;
        let mut command = Command::new(path);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
        printed(command).await
    })
}

/// What the browser's example says of its three cookies.
#[test]
fn the_browser_example_is_answered() -> Result<()> {
    if prerequisite::skip(prerequisite::program("busctl", "systemd")) {
        return Ok(());
    }
    let answers = [
        "\"userId\" \"allow\" \"essential\" 0",
        "\"_ga\" \"deny\" \"category-off\" 0",
        "\"_ga\" \"deny\" \"unlisted\" 0",
    ];
    example_under("## For a browser\n", "sh", &answers, async |world, script| {
        run_in(world, "/usr/bin/sh", script).await
    })
}

/// Runs the first block of a language that stands in the README, and looks at what it prints.
fn example_of(
    language: &str,
    example: impl AsyncFnOnce(&mut World, &str) -> Result<String>,
) -> Result<()> {
    example_under("", language, &[ANSWER, REASON], example)
}

/// The same below a heading.
fn example_under(
    heading: &str,
    language: &str,
    answers: &[&str],
    example: impl AsyncFnOnce(&mut World, &str) -> Result<String>,
) -> Result<()> {
    if prerequisite::skip(prerequisite::sandboxes()) {
        return Ok(());
    }
    let readme = std::fs::read_to_string(place::root().join("README.md"))?;
    let start = format!("```{language}\n");
    let (_, section) = readme.split_once(heading).context("the README lost a section")?;
    let (_, rest) = section.split_once(&start).context("the README lost an example")?;
    let (block, _) = rest.split_once("```").context("an example without an end")?;
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let printed = example(world, block).await?;
        ensure!(answers.iter().all(|answer| printed.contains(answer)), "it printed {printed}");
        Ok(())
    })
}

async fn printed(mut command: Command) -> Result<String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

/// A sandbox whose app is declared as the weather app.
pub(crate) async fn weather_sandbox(world: &World) -> Result<Sandbox> {
    const ID: &str = "org.example.weather.script";
    let declared = std::fs::read_to_string(place::root().join("catalog/apps.d/weather.toml"))?;
    let (before, rest) = declared.split_once("[identity]").context("no identity")?;
    let (_, after) = rest.split_once("\n\n").context("no end of the identity")?;
    let sandboxed = format!("{before}[identity]\nflatpak = \"{ID}\"\n\n{after}");
    world.stage.declare("weather.toml", &sandboxed)?;
    world.ctl()?.done(&["reload"]).await?;
    Sandbox::new(ID, world.stage.root())
}

/// Runs an interpreter in it.
async fn run_in(world: &World, interpreter: &str, script: &str) -> Result<String> {
    let sandbox = weather_sandbox(world).await?;
    let mut command = sandbox.command(Path::new(interpreter), world.bus.address())?;
    command.args(["-c", script]);
    printed(command).await
}
