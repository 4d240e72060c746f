//! `consentctl doctor`: a sound installation has nothing wrong, and each way to break one is named.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::bus::BusKind;
use consentd_tests::polkit::Polkit;
use consentd_tests::world::World;
use consentd_tests::{place, prerequisite};
use serde_json::Value;

use crate::install::make;
use crate::scenario::{on_both_buses, run};

on_both_buses![
    a_sound_daemon_has_nothing_wrong,
    a_daemon_that_is_away_ends_with_4,
    what_is_wrong_with_apps_is_named,
    what_is_wrong_with_the_policy_and_the_store_is_named,
    a_user_is_told_what_takes_an_administrator,
];

/// What is shown as JSON, and the exit code.
struct Told {
    code: Option<i32>,
    json: Value,
}

impl Told {
    fn new(mut command: Command) -> Result<Told> {
        let output = command.output().context("running consentctl")?;
        let json = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        Ok(Told { code: output.status.code(), json })
    }

    fn of_world(world: &World) -> Result<Told> {
        let mut command = world.ctl()?.command();
        command.args(["--json", "doctor"]);
        Told::new(command)
    }

    fn of_image(root: &Path) -> Result<Told> {
        let mut command = Command::new(place::built("consentctl")?);
        command.args(["--json", "doctor", "--root"]).arg(root);
        Told::new(command)
    }

    /// The findings of a check in a state: what was found.
    fn of(&self, check: &str, state: &str) -> Result<Vec<&str>> {
        let findings = self.json["findings"].as_array().context("no findings")?;
        let mut texts = Vec::new();
        for finding in findings {
            let (text, advice) = (finding["text"].as_str(), finding["advice"].as_str());
            let (text, advice) = (text.context("no text")?, advice.context("no advice")?);
            // Whatever has to be done is said.
            let done = ["ok", "left out"].contains(&finding["state"].as_str().unwrap_or_default());
            ensure!(done == advice.is_empty(), "{finding}");
            if finding["check"] == check && finding["state"] == state {
                texts.push(text);
            }
        }
        Ok(texts)
    }

    /// One finding of this check is in this state, and says this.
    fn expect(&self, check: &str, state: &str, said: &str) -> Result<()> {
        let found = self.of(check, state)?;
        ensure!(
            found.iter().any(|text| text.contains(said)),
            "{check} {state} {said}: {:#}",
            self.json
        );
        Ok(())
    }

    fn ends(&self, code: i32, verdict: &str) -> Result<()> {
        ensure!(
            self.code == Some(code) && self.json["verdict"] == verdict,
            "{:?} {:#}",
            self.code,
            self.json
        );
        Ok(())
    }
}

/// How an image is broken, which check is to tell so in which state, and what it says.
type Break = (fn(&Path) -> Result<()>, &'static str, &'static str, &'static str);

const BREAKS: &[Break] = &[
    (|root| remove(root, BUS_POLICY), "bus-policy", "wrong", "there is no"),
    (
        |root| edit(root, BUS_POLICY, "user=\"consentd\"", "user=\"nobody\""),
        "bus-policy",
        "wrong",
        "do nothing",
    ),
    (
        |root| edit(root, BUS_POLICY, "</busconfig>", "<policy group=\"a\"/></busconfig>"),
        "bus-policy",
        "warning",
        "not the one of this version",
    ),
    (|root| remove(root, ACTIVATION), "activation", "warning", "does not start"),
    (
        |root| edit(root, ACTIVATION, "Name=org.consentd", "Name=org.other"),
        "activation",
        "wrong",
        "does not name org.consentd",
    ),
    (
        |root| write(root, POLKITD, "").and_then(|()| remove(root, ACTIONS)),
        "polkit-actions",
        "wrong",
        "there is no",
    ),
    (
        |root| {
            write(root, POLKITD, "")
                .and_then(|()| edit(root, ACTIONS, "unix-user:consentd", "unix-user:root"))
        },
        "polkit-actions",
        "wrong",
        "does not say",
    ),
    (|root| remove(root, UNIT), "unit", "wrong", "there is no"),
    (|root| remove(root, "usr/libexec/consentd"), "unit", "wrong", "is not there"),
    (|root| mode(root, "usr/libexec/consentd", 0o775), "unit", "wrong", "written to by others"),
    (|root| write(root, CONFIG, "catalog_dir = [\n"), "configuration", "wrong", "consentd.toml:"),
    (
        |root| write(root, CONFIG, "catalogue = \"/x\"\n"),
        "configuration",
        "wrong",
        "no key is called catalogue",
    ),
    (
        |root| mode(root, CONFIG, 0o666),
        "configuration",
        "wrong",
        "settings_executables is not taken",
    ),
    (
        |root| write(root, CONFIG, "settings_executables = [\"/usr/bin/gone\"]"),
        "configuration",
        "warning",
        "/usr/bin/gone is not there",
    ),
    (
        |root| write(root, CONFIG, "catalog_dir = \"/gone\""),
        "catalogue-files",
        "wrong",
        "there is no /gone",
    ),
    (
        |root| mode(root, "usr/share/consentd/catalog/data.toml", 0o664),
        "catalogue-files",
        "wrong",
        "data.toml can be written",
    ),
    (
        |root| mode(root, "usr/share/consentd/catalog", 0o777),
        "catalogue-files",
        "wrong",
        "catalog can be written",
    ),
    (
        |root| {
            declare(root, "executable = \"/usr/bin/consentctl\"")
                .and_then(|()| mode(root, DECLARATION, 0o646))
        },
        "declarations",
        "wrong",
        "app.toml can be written",
    ),
    (
        |root| {
            declare(root, "executable = \"/usr/bin/consentctl\"")
                .and_then(|()| mode(root, DECLARATION, 0o640))
        },
        "declarations",
        "wrong",
        "cannot read",
    ),
    (
        |root| declare(root, "executable = \"/usr/bin/gone\""),
        "identities",
        "warning",
        "/usr/bin/gone is not there",
    ),
    (|root| declare(root, "user = \"gone\""), "identities", "warning", "no user gone"),
    (
        |root| declare(root, "unit = \"gone@1.service\""),
        "identities",
        "warning",
        "no unit gone@1.service",
    ),
    (
        |root| {
            declare(root, "executable = \"/usr/bin/a\"")
                .and_then(|()| write(root, "usr/bin/a", "#!/bin/sh\n"))
        },
        "identities",
        "wrong",
        "is a script",
    ),
    (
        |root| {
            declare(root, "executable = \"/opt/a\"")
                .and_then(|()| write(root, "opt/a", ""))
                .and_then(|()| mode(root, "opt", 0o777))
        },
        "identities",
        "wrong",
        "/opt can be written",
    ),
    (
        |root| write(root, "var/lib/consentd/settings.db", ""),
        "state-folder",
        "wrong",
        "open to others",
    ),
];

const BUS_POLICY: &str = "usr/share/dbus-1/system.d/org.consentd.conf";
const ACTIVATION: &str = "usr/share/dbus-1/system-services/org.consentd.service";
const ACTIONS: &str = "usr/share/polkit-1/actions/org.consentd.policy";
const POLKITD: &str = "usr/lib/polkit-1/polkitd";
const UNIT: &str = "usr/lib/systemd/system/consentd.service";
const CONFIG: &str = "etc/consentd/consentd.toml";
const DECLARATION: &str = "etc/consentd/apps.d/app.toml";

fn remove(root: &Path, path: &str) -> Result<()> {
    Ok(std::fs::remove_file(root.join(path))?)
}

fn write(root: &Path, path: &str, text: &str) -> Result<()> {
    let path = root.join(path);
    let dir = path.parent().context("no folder")?;
    std::fs::create_dir_all(dir)?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o755))?;
    std::fs::write(&path, text)?;
    Ok(std::fs::set_permissions(path, Permissions::from_mode(0o644))?)
}

fn mode(root: &Path, path: &str, mode: u32) -> Result<()> {
    Ok(std::fs::set_permissions(root.join(path), Permissions::from_mode(mode))?)
}

fn edit(root: &Path, path: &str, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(root.join(path))?;
    ensure!(text.contains(from), "{path} has no {from}");
    Ok(std::fs::write(root.join(path), text.replace(from, to))?)
}

fn declare(root: &Path, identity: &str) -> Result<()> {
    let text = format!("[app]\nid = \"org.example.app\"\nname = \"App\"\n[identity]\n{identity}\n");
    write(root, DECLARATION, &text)
}

#[test]
fn each_way_to_break_an_image_is_named() -> Result<()> {
    let sound = tempfile::tempdir()?;
    make("install", sound.path(), &[])?;
    let told = Told::of_image(sound.path())?;
    told.ends(0, "ok")?;
    for (position, (break_it, check, state, said)) in BREAKS.iter().enumerate() {
        let broken = tempfile::tempdir()?;
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(sound.path().join(".")).arg(broken.path());
        ensure!(copy.status()?.success(), "the image was not copied");
        break_it(broken.path()).with_context(|| format!("break {position}"))?;
        let told = Told::of_image(broken.path())?;
        told.expect(check, state, said)?;
        told.ends(if *state == "wrong" { 6 } else { 0 }, state)?;
    }
    Ok(())
}

#[test]
fn a_link_in_an_image_leads_nowhere_outside() -> Result<()> {
    let root = tempfile::tempdir()?;
    make("install", root.path(), &[])?;
    remove(root.path(), "usr/bin/consentctl")?;
    // There is such a program on this machine, but none in the image.
    std::os::unix::fs::symlink("/bin/sh", root.path().join("usr/bin/consentctl"))?;
    Told::of_image(root.path())?.expect("configuration", "warning", "consentctl is not there")
}

/// The keys are told in two places: the daemon's own refusal has to list those that doctor knows.
#[test]
fn doctor_knows_the_keys_that_the_daemon_takes() -> Result<()> {
    let root = tempfile::tempdir()?;
    make("install", root.path(), &[])?;
    write(root.path(), CONFIG, "no_such_key = 1\n")?;
    let config = root.path().join(CONFIG);
    let refused = Command::new(place::built("consentd")?)
        .args(["--address", "unix:path=/nonexistent", "--config"])
        .arg(&config)
        .output()?;
    let refused = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
    let (_, listed) = refused.split_once("expected one of").context(refused.clone())?;
    let keys: Vec<&str> =
        listed.lines().next().unwrap_or_default().split('`').skip(1).step_by(2).collect();
    ensure!(keys.len() >= 4, "{refused}");
    for key in keys {
        write(root.path(), CONFIG, &format!("{key} = 1\n"))?;
        // Known, and no number.
        Told::of_image(root.path())?.expect(
            "configuration",
            "wrong",
            &format!("{key} cannot be 1"),
        )?;
    }
    Ok(())
}

#[test]
fn polkit_is_asked_whether_it_knows_the_actions() -> Result<()> {
    if prerequisite::skip(Polkit::missing()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        ensure!(Told::of_world(world)?.of("polkit", "ok")?.is_empty(), "polkit without a polkit");
        let _polkit = Polkit::start(&world.bus, world.stage.root(), "").await?;
        Told::of_world(world)?.expect("polkit", "ok", "knows consentd's actions")
    })
}

async fn a_sound_daemon_has_nothing_wrong(world: &mut World) -> Result<()> {
    let told = Told::of_world(world)?;
    // The catalogue and these buses have warnings of their own.
    told.ends(0, "warning")?;
    for check in [
        "daemon",
        "store",
        "ledger",
        "catalogue",
        "apps",
        "policy-files",
        "log-check",
        "identities",
    ] {
        ensure!(!told.of(check, "ok")?.is_empty(), "{check}: {:#}", told.json);
    }
    ensure!(told.of("bus-policy", "ok")?.is_empty(), "the system's files are not this bus's");
    let text = world.ctl()?.done(&["doctor"]).await?;
    ensure!(
        text.contains("✓ ok") && text.contains("Nothing is wrong") && !text.contains('\x1b'),
        "{text}"
    );
    Ok(())
}

async fn a_daemon_that_is_away_ends_with_4(world: &mut World) -> Result<()> {
    world.stop()?;
    let told = Told::of_world(world)?;
    told.ends(4, "unreachable")?;
    told.expect("daemon", "unreachable", "does not run on this bus")?;
    world.start_again()?;
    let mut nowhere = Command::new(place::built("consentctl")?);
    nowhere.args(["--json", "doctor", "--address", "unix:path=/nonexistent/bus"]);
    Told::new(nowhere)?.ends(4, "unreachable")
}

async fn what_is_wrong_with_apps_is_named(world: &mut World) -> Result<()> {
    let bin_dir = world.stage.bin().dir().to_owned();
    mode(&bin_dir, "weather", 0o777)?;
    world.stage.declare("notes.toml", "[app]\nid = \"org.example.notes\"\n")?;
    std::fs::remove_file(bin_dir.join("game"))?;
    world.ctl()?.done(&["reload"]).await?;
    let told = Told::of_world(world)?;
    told.ends(6, "wrong")?;
    told.expect("apps", "wrong", "org.example.notes is denied everything: notes.toml:")?;
    told.expect("identities", "wrong", "org.example.weather cannot be identified")?;
    told.expect("identities", "warning", "org.example.game cannot be identified")
}

async fn what_is_wrong_with_the_policy_and_the_store_is_named(world: &mut World) -> Result<()> {
    let (toggles_path, state_dir) = {
        let dirs = world.stage.dirs();
        (dirs.catalog_dir.join("toggles.toml"), dirs.state_dir.clone())
    };
    let good = std::fs::read_to_string(&toggles_path)?;
    std::fs::write(&toggles_path, good.replacen("scope = \"both\"", "scope = \"nobody\"", 1))?;
    let told = Told::of_world(world)?;
    // What is in force is sound; what lies on the disk would not be taken.
    told.expect("catalogue", "ok", "ok")?;
    told.expect("policy-files", "wrong", "toggles.toml")?;
    std::fs::write(&toggles_path, good)?;

    world.stop()?;
    let (path, aside) = (state_dir.join("settings.db"), state_dir.join("aside"));
    std::fs::rename(&path, &aside)?;
    std::fs::create_dir(&path)?;
    // With a backup it would come back by itself.
    std::fs::remove_dir_all(state_dir.join("backups"))?;
    world.start_again()?;
    let told = Told::of_world(world)?;
    told.ends(6, "wrong")?;
    told.expect("store", "wrong", "unavailable")
}

async fn a_user_is_told_what_takes_an_administrator(world: &mut World) -> Result<()> {
    if prerequisite::skip(prerequisite::root()) {
        return Ok(());
    }
    let ctl = world.ctl()?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "games", "--regid", "games", "--clear-groups", "--"]);
    command.arg(ctl.program()).args(["--json", "doctor"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
    let told = Told::new(command)?;
    told.ends(0, "warning")?;
    told.expect("policy-files", "left out", "root")
}
