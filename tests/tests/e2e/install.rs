//! `make install` is complete: what it puts down runs, and `make uninstall` takes it away again.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use consentd_tests::bus::{Bus, BusKind};
use consentd_tests::daemon::Daemon;
use consentd_tests::place;
use consentd_tests::world::World;

use crate::scenario::run;

/// Runs `make` on an installation in `root`, with the binaries of this build.
pub(crate) fn make(target: &str, root: &Path, variables: &[&str]) -> Result<()> {
    let built = place::built("consentd")?;
    let output = Command::new("make")
        .current_dir(place::root())
        .arg(target)
        .arg(format!("DESTDIR={}", root.display()))
        .arg(format!("BUILT={}", built.parent().context("no folder")?.display()))
        .args(variables)
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .output()
        .context("running make")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Every file below a folder, with its mode.
fn files(root: &Path) -> Result<BTreeMap<String, u32>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(root)?.display().to_string();
                found.insert(name, std::fs::metadata(&path)?.mode() & 0o7777);
            }
        }
    }
    Ok(found)
}

/// What a phone or a distribution expects, by path.
const EXPECTED: [(&str, u32); 34] = [
    ("usr/libexec/consentd", 0o755),
    ("usr/bin/consentctl", 0o755),
    ("usr/lib/libconsent.so.1.0.1.0", 0o644),
    ("usr/lib/libconsent.so.1", 0o644),
    ("usr/lib/libconsent.so", 0o644),
    ("usr/lib/pkgconfig/consent.pc", 0o644),
    ("usr/include/consent.h", 0o644),
    ("usr/share/consentd/python/consent.py", 0o644),
    ("usr/share/dbus-1/system.d/org.consentd.conf", 0o644),
    ("usr/share/dbus-1/system-services/org.consentd.service", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Gate1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Settings1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Admin1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Identifiers1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Rights1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Agent1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Holder1.xml", 0o644),
    ("usr/share/dbus-1/interfaces/org.consentd.Cookies1.xml", 0o644),
    ("usr/share/polkit-1/actions/org.consentd.policy", 0o644),
    ("usr/lib/systemd/system/consentd.service", 0o644),
    ("usr/lib/sysusers.d/consentd.conf", 0o644),
    ("usr/lib/tmpfiles.d/consentd.conf", 0o644),
    ("usr/share/consentd/catalog/toggles.toml", 0o644),
    ("usr/share/consentd/catalog/data.toml", 0o644),
    ("usr/share/consentd/catalog/purposes.toml", 0o644),
    ("usr/share/doc/consentd/examples/weather.toml", 0o644),
    ("usr/share/man/man1/consentctl.1", 0o644),
    ("usr/share/man/man1/consentctl-set.1", 0o644),
    ("usr/share/man/man5/consentd.toml.5", 0o644),
    ("usr/share/man/man5/consentd-apps.5", 0o644),
    ("usr/share/man/man8/consentd.8", 0o644),
    ("usr/share/bash-completion/completions/consentctl", 0o644),
    ("usr/share/fish/vendor_completions.d/consentctl.fish", 0o644),
    ("etc/consentd/consentd.toml", 0o644),
];

#[test]
fn an_installation_is_complete_and_goes_away_whole() -> Result<()> {
    let root = tempfile::tempdir()?;
    make("install", root.path(), &[])?;
    let installed = files(root.path())?;
    for (path, mode) in EXPECTED {
        let found = installed.get(path).with_context(|| format!("{path} is missing"))?;
        assert_eq!(*found, mode, "{path} has mode {found:o}");
    }
    // Every file of the catalogue, and no sample among the live declarations.
    for entry in std::fs::read_dir(place::root().join("catalog"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let path = format!("usr/share/consentd/catalog/{name}");
        ensure!(!name.ends_with(".toml") || installed.contains_key(&path), "{path} is missing");
    }
    for live in ["etc/consentd/apps.d", "usr/share/consentd/apps.d"] {
        assert_eq!(std::fs::read_dir(root.path().join(live))?.count(), 0, "{live} is not empty");
    }
    // Installing again changes nothing, and takes no administrator's changes away.
    let config_path = root.path().join("etc/consentd/consentd.toml");
    let changed = std::fs::read_to_string(&config_path)? + "# mine\n";
    std::fs::write(&config_path, &changed)?;
    make("install", root.path(), &[])?;
    assert_eq!(std::fs::read_to_string(&config_path)?, changed);
    make("uninstall", root.path(), &[])?;
    let left = files(root.path())?;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["etc/consentd/consentd.toml"]);
    std::fs::remove_file(&config_path)?;
    make("install", root.path(), &[])?;
    make("uninstall", root.path(), &[])?;
    assert_eq!(files(root.path())?.len(), 0);
    Ok(())
}

#[test]
fn the_unit_names_what_was_installed_wherever_it_was() -> Result<()> {
    let elsewhere = ["prefix=/opt/consentd", "sysconfdir=/opt/consentd/etc"];
    for (variables, prefix) in [(&[][..], "usr"), (&elsewhere[..], "opt/consentd")] {
        let root = tempfile::tempdir()?;
        make("install", root.path(), variables)?;
        let unit_path = root.path().join(prefix).join("lib/systemd/system/consentd.service");
        let unit = std::fs::read_to_string(unit_path)?;
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart="));
        let words: Vec<&str> = line.context("no ExecStart")?.split_whitespace().collect();
        for path in words.iter().filter(|word| word.starts_with('/')) {
            let path = root.path().join(path.trim_start_matches('/'));
            assert!(path.is_file(), "the unit names {} which is not there", path.display());
        }
        make("uninstall", root.path(), variables)?;
        assert_eq!(files(root.path())?.len(), 0, "{prefix}");
    }
    Ok(())
}

/// The daemon that was installed, with the catalogue that was installed, answers.
#[test]
fn what_was_installed_runs() -> Result<()> {
    run(BusKind::DbusDaemon, async |world: &mut World| {
        let root = world.stage.root().join("installed");
        std::fs::create_dir(&root)?;
        make("install", &root, &[])?;
        world.stop()?;
        let config_path = root.join("etc/consentd/consentd.toml");
        let config = std::fs::read_to_string(&config_path)?;
        let here = |path: &str| format!("{}{path}", root.display());
        let moved = config.replace("\"/usr/", &format!("\"{}", here("/usr/")));
        std::fs::write(&config_path, moved.replace("\"/etc/", &format!("\"{}", here("/etc/"))))?;
        let mut command = Command::new(root.join("usr/libexec/consentd"));
        command
            .args(["--address", world.bus.address(), "--config"])
            .arg(&config_path)
            .arg("--state-dir")
            .arg(&world.stage.dirs().state_dir);
        let mut daemon = Daemon::with_command(command, world.stage.dirs())?;
        daemon.await_ready()?;
        let mut ctl = Command::new(root.join("usr/bin/consentctl"));
        ctl.args(["--json", "status"]).env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
        let output = ctl.output()?;
        let status: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!((&status["store"], &status["catalog"]), (&"ok".into(), &"ok".into()));
        assert_eq!(status["apps"], 0, "no sample app is live: {status}");
        assert_eq!(status["catalog_path"], here("/usr/share/consentd/catalog"), "{status}");
        ensure!(daemon.terminate()?.success(), "{}", daemon.log());
        world.start_again()
    })
}

/// Only the daemon's own user may own the name; anybody may ask on its interfaces, and no others.
#[test]
fn the_bus_policy_guards_the_name_and_lets_everybody_ask() -> Result<()> {
    let policy = std::fs::read_to_string(place::root().join("dbus/org.consentd.conf"))?;
    let user = format!("user=\"{}\"", rustix::process::getuid().as_raw());
    let ours = policy.replace("user=\"consentd\"", &user);
    ensure!(ours != policy, "the policy no longer names the daemon's user");
    crate::scenario::block_on(async {
        let dir = tempfile::tempdir()?;
        let bus = restrictive_bus(dir.path(), &policy)?;
        let refused = bus.connect().await?.request_name("org.consentd").await;
        ensure!(refused.is_err(), "anybody may own org.consentd");
        let dir = tempfile::tempdir()?;
        let bus = restrictive_bus(dir.path(), &ours)?;
        let service = bus.connect().await?;
        let _answers_with_errors = service.object_server();
        service.request_name("org.consentd").await.context("not even its own user may own it")?;
        let client = bus.connect().await?;
        for (interface, passes) in [
            ("org.consentd.Gate1", true),
            ("org.consentd.Settings1", true),
            ("org.consentd.Admin1", true),
            ("org.consentd.Identifiers1", true),
            ("org.consentd.Rights1", true),
            ("org.consentd.Cookies1", true),
            ("org.freedesktop.DBus.Introspectable", true),
            ("org.example.Other", false),
        ] {
            let sent = client
                .call_method(Some("org.consentd"), "/org/consentd", Some(interface), "Any", &())
                .await;
            let error = format!("{:?}", sent.err());
            assert_eq!(!error.contains("AccessDenied"), passes, "{interface}: {error}");
        }
        // Prompts go to anybody, from the daemon's own user alone.
        let agent = client.unique_name().context("no name")?.to_owned();
        let _answers_with_errors = client.object_server();
        let interface = Some("org.consentd.Agent1");
        let sent = service.call_method(Some(&agent), "/", interface, "Ask", &()).await;
        let error = format!("{:?}", sent.err());
        ensure!(!error.contains("AccessDenied"), "the daemon reaches no agent: {error}");
        let dir = tempfile::tempdir()?;
        let bus = restrictive_bus(dir.path(), &policy)?;
        let (client, stranger) = (bus.connect().await?, bus.connect().await?);
        let agent = client.unique_name().context("no name")?.to_owned();
        let sent = stranger.call_method(Some(&agent), "/", interface, "Ask", &()).await;
        let error = format!("{:?}", sent.err());
        ensure!(error.contains("AccessDenied"), "anybody asks in the daemon's name: {error}");
        Ok(())
    })
}

/// A bus that forbids what the system bus forbids, and lets pass what a policy adds.
fn restrictive_bus(dir: &Path, policy: &str) -> Result<Bus> {
    let (config_path, policy_path) = (dir.join("bus.conf"), dir.join("org.consentd.conf"));
    std::fs::write(&policy_path, policy)?;
    let config = format!(
        r#"<busconfig>
  <type>system</type>
  <listen>unix:path={0}/bus</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{0}/org.consentd.conf</include>
</busconfig>
"#,
        dir.display()
    );
    std::fs::write(&config_path, config)?;
    Bus::with_config(dir, &config_path)
}
