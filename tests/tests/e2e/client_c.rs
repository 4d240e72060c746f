//! The client library for Rust, C and Python: what the header says is what the library has, and the README's
//! examples, compiled and run as they stand, are answered by a real daemon on a real bus.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::bus::BusKind;
use consentd_tests::world::World;
use consentd_tests::{place, prerequisite};

use crate::install::make;
use crate::readme::weather_sandbox;
use crate::scenario::run;

/// Runs a program; what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let (out, err) = (&output.stdout, &output.stderr);
    let text = String::from_utf8_lossy(out).into_owned();
    ensure!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(err));
    Ok(text)
}

/// An installation with header, library and pkg-config file.
fn installed(dir: &Path) -> Result<PathBuf> {
    let prefix = dir.join("usr");
    make(
        "install",
        Path::new(""),
        &[
            &format!("prefix={}", prefix.display()),
            &format!("sysconfdir={}", dir.join("etc").display()),
        ],
    )?;
    Ok(prefix)
}

/// Compiles a C file with what pkg-config says of the installation.
fn compiled(source: &Path, prefix: &Path, to: &Path) -> Result<()> {
    let mut pkg_config = Command::new("pkg-config");
    pkg_config.args(["--cflags", "--libs", "consent"]);
    let flags = output(pkg_config.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")))?;
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic"]).arg(source).arg("-o").arg(to);
    output(cc.args(flags.split_whitespace())).map(drop)
}

#[test]
fn what_the_header_declares_is_what_the_library_has() -> Result<()> {
    let header = std::fs::read_to_string(place::root().join("client/c/include/consent.h"))?;
    let code = header.split("/*").map(|part| part.split_once("*/").map_or(part, |(_, code)| code));
    let code: String = code.collect();
    let words =
        code.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '(');
    let declared: BTreeSet<&str> = words
        .filter_map(|word| word.split_once('('))
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("consent_"))
        .collect();
    let library = place::built("libconsent_c.so")?;
    let symbols = output(Command::new("nm").args(["-D", "--defined-only"]).arg(&library))?;
    let exported: BTreeSet<&str> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .filter(|name| !name.starts_with("rust_eh") && !name.starts_with("_"))
        .collect();
    assert_eq!(declared, exported);
    let dynamic = output(Command::new("readelf").arg("-d").arg(&library))?;
    ensure!(dynamic.contains("libconsent.so.1]"), "{dynamic}");
    Ok(())
}

/// A block of a language that stands in the README and has these words.
fn block(language: &str, words: &str) -> Result<String> {
    let readme = std::fs::read_to_string(place::root().join("README.md"))?;
    let start = format!("```{language}\n");
    let blocks = readme.split(&start).skip(1).filter_map(|rest| rest.split_once("```"));
    let mut blocks = blocks.map(|(block, _)| block).filter(|block| block.contains(words));
    Ok(blocks.next().with_context(|| format!("the README lost {words}"))?.to_owned())
}

/// What a program prints that is the weather app, by its executable.
async fn printed(world: &World, mut command: Command) -> Result<String> {
    command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
    tokio::task::spawn_blocking(move || output(&mut command)).await?
}

#[test]
fn the_rust_example_in_process_is_answered() -> Result<()> {
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let path = place::root().join("client/examples/in-process.rs");
        let block = block("rust", "use consent::Consent")?;
        ensure!(std::fs::read_to_string(&path)?.ends_with(&block), "README and {path:?} differ");
        let program = world.stage.bin().dir().join("weather");
        std::fs::remove_file(&program)?;
        place::copy_program(&place::built("examples/in-process")?, &program)?;
        assert_eq!(printed(world, Command::new(program)).await?, "ask because not-set\n");
        Ok(())
    })
}

#[test]
fn the_c_example_compiles_and_is_answered() -> Result<()> {
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let prefix = installed(&world.stage.root().join("c"))?;
        let source = place::root().join("client/c/examples/check.c");
        let block = block("c", "consent.h")?;
        ensure!(
            std::fs::read_to_string(&source)?.ends_with(&block),
            "README and {source:?} differ"
        );
        let program = world.stage.bin().dir().join("weather");
        std::fs::remove_file(&program)?;
        compiled(&source, &prefix, &program)?;
        let mut command = Command::new(program);
        command.env("LD_LIBRARY_PATH", prefix.join("lib"));
        assert_eq!(printed(world, command).await?, "not now: not-set\n");
        Ok(())
    })
}

/// An interpreter is no identity: here a sandbox gives it one.
#[test]
fn the_python_example_in_process_is_answered() -> Result<()> {
    if prerequisite::skip(prerequisite::sandboxes()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let script = block("python", "from consent import")?;
        let sandbox = weather_sandbox(world).await?;
        let mut command = sandbox.command(Path::new("/usr/bin/python3"), world.bus.address())?;
        command.args(["-c", &script]);
        // What stands before the program are the sandbox's own words; these let the library in.
        let (module, library) =
            (place::root().join("client/python"), place::built("libconsent_c.so")?);
        let mut arguments: Vec<std::ffi::OsString> =
            command.get_args().map(ToOwned::to_owned).collect();
        let end = arguments.iter().position(|word| word == "bwrap").context("no sandbox")? + 1;
        let bind = |path: &Path| ["--ro-bind".into(), path.into(), path.into()];
        let set = |key: &str, value: &Path| ["--setenv".into(), key.into(), value.into()];
        let more = [
            bind(&module),
            bind(&library),
            set("PYTHONPATH", &module),
            set("CONSENT_LIBRARY", &library),
            set("PYTHONDONTWRITEBYTECODE", Path::new("1")),
        ];
        // Behind the empty root that comes first.
        arguments.splice(end + 2..end + 2, more.into_iter().flatten());
        let mut inside = Command::new(command.get_program());
        inside.args(arguments);
        assert_eq!(printed(world, inside).await?, "ask because not-set\n");
        Ok(())
    })
}

/// Nulls, wrong numbers, closed handles, closed twice: an error or a denial.
#[test]
fn what_c_gets_wrong_denies() -> Result<()> {
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let prefix = installed(&world.stage.root().join("c"))?;
        let source = world.stage.root().join("wrong.c");
        std::fs::write(&source, include_str!("wrong.c"))?;
        let path = world.stage.bin().dir().join("security");
        std::fs::remove_file(&path)?;
        compiled(&source, &prefix, &path)?;
        let mut command = Command::new(path);
        command.env("LD_LIBRARY_PATH", prefix.join("lib"));
        assert_eq!(printed(world, command).await?, "all as it should be\n");
        Ok(())
    })
}
