//! `make play`: the demo's world left up, with a shell in it to try things by hand, until `exit`.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use consentd_tests::bus::BusKind;
use consentd_tests::world::World;
use tokio::signal::unix::{SignalKind, signal};

const WELCOME: &str = "
  look       consentctl status        consentctl apps
             consentctl toggles       consentctl app Weather
  ask        as weather check location.services location.approximate
             as game check ads.personalised device.oaid
             as game identifier oaid ads.personalised
             as security whoami
  decide     consentctl set location.app on --app Weather
             consentctl set ad-services on
  be asked   consentctl agent --answer once &
             as weather request location.services location.precise
  why        consentctl explain Weather location.services location.precise
  look back  consentctl log           consentctl history
  your data  echo 'home: Utrecht' > /tmp/kept.json; as weather hold /tmp/kept.json &
             consentctl rights open access --app Weather
             consentctl rights report 1

";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    if let Some(missing) = BusKind::DbusDaemon.missing() {
        bail!("{missing}");
    }
    let mut world = World::start(BusKind::DbusDaemon).await?;
    let tools_dir = make_tools(&world)?;
    let interactive = std::io::stdin().is_terminal();
    welcome(&world, interactive)?;
    // Ctrl-C is the shell's to deal with; a hang-up or a stop ends the shell, and this with it.
    let _ours_not = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut shell = tokio::process::Command::from(shell_command(&world, &tools_dir, interactive)?)
        .kill_on_drop(true)
        .spawn()
        .context("starting the shell")?;
    let status = tokio::select! {
        ended = shell.wait() => Some(ended?),
        _ = hang_up.recv() => None,
        _ = terminate.recv() => None,
    };
    drop(shell);
    world.stop()?;
    // What a person's last command ended with is no failure of the play.
    let code = status.filter(|_| !interactive).and_then(|status| status.code()).unwrap_or(0);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

fn welcome(world: &World, interactive: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "A bus, consentd (pid {}) and its sample apps are up in {}",
        world.daemon.pid(),
        world.stage.root().display()
    )?;
    if interactive {
        writeln!(out, "until you leave this shell with exit. Nothing is decided yet.\n{WELCOME}")?;
    }
    Ok(out.flush()?)
}

/// A folder for the PATH: consentctl, and `as`, which speaks as one of the apps.
fn make_tools(world: &World) -> Result<PathBuf> {
    let tools_dir = world.stage.root().join("tools");
    std::fs::create_dir(&tools_dir)?;
    symlink(world.ctl()?.program(), tools_dir.join("consentctl"))?;
    let as_path = tools_dir.join("as");
    std::fs::write(&as_path, as_script(world.stage.bin().dir()))?;
    std::fs::set_permissions(&as_path, PermissionsExt::from_mode(0o755))?;
    Ok(tools_dir)
}

/// consentd knows an app by its executable: speaking as one is running its executable.
fn as_script(bin_dir: &Path) -> String {
    let bin = bin_dir.display();
    format!(
        r#"#!/bin/sh
# as APP check|preview PURPOSE DATA… · as APP whoami
case "${{1:-}}" in
"" | */* | -* | .*)
    echo "usage: as APP check|preview PURPOSE DATA...  or  as APP whoami; the apps:" >&2
    ls '{bin}' >&2
    exit 2 ;;
esac
app=$1; shift
if [ ! -x '{bin}'/"$app" ]; then
    echo "no sample app is called $app; there are:" >&2
    ls '{bin}' >&2
    exit 2
fi
exec '{bin}'/"$app" "$@"
"#
    )
}

fn shell_command(
    world: &World,
    tools_dir: &Path,
    interactive: bool,
) -> Result<std::process::Command> {
    let shell = std::env::var_os("SHELL").filter(|shell| Path::new(shell).is_file());
    let shell = shell.unwrap_or_else(|| OsString::from("/bin/sh"));
    let mut path = tools_dir.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut command = std::process::Command::new(&shell);
    if interactive && Path::new(&shell).file_name() == Some(OsStr::new("bash")) {
        command.arg("--rcfile").arg(write_bash_start(world, tools_dir)?);
    }
    command
        .env("PATH", path)
        .env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address())
        .env("PS1", "(consentd) $ ");
    Ok(command)
}

/// The person's own start file may set the PATH anew: ours comes after it.
fn write_bash_start(world: &World, tools_dir: &Path) -> Result<PathBuf> {
    let start_path = world.stage.root().join("bashrc");
    std::fs::write(
        &start_path,
        format!(
            "[ -r ~/.bashrc ] && . ~/.bashrc\nPATH='{}':$PATH\nPS1='(consentd) \\w \\$ '\n",
            tools_dir.display()
        ),
    )?;
    Ok(start_path)
}
