//! A sandbox in the shape of a flatpak's, as far as identity goes: a root of its own, made with bwrap,
//! in which `.flatpak-info` says which app it is.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::bound_command;

/// One app's sandbox.
#[derive(Debug)]
pub struct Sandbox {
    info_path: PathBuf,
}

impl Sandbox {
    /// For the app with this id; its `.flatpak-info` is kept in `dir`. Only its owner can read it, as
    /// with flatpak.
    pub fn new(id: &str, dir: &Path) -> Result<Sandbox> {
        let info_path = dir.join(format!("{id}.flatpak-info"));
        std::fs::write(
            &info_path,
            format!(
                "[Application]\nname={id}\nruntime=runtime/org.example.Platform/x86_64/1\n\n\
                 [Instance]\ninstance-id=1234567890\n"
            ),
        )?;
        std::fs::set_permissions(&info_path, PermissionsExt::from_mode(0o600))?;
        Ok(Sandbox { info_path })
    }

    /// A command that runs in it: it sees /usr, the bus, and itself.
    pub fn command(&self, program: &Path, address: &str) -> Result<Command> {
        let socket_path = address.strip_prefix("unix:path=").context("the bus has no path")?;
        let mut command = bound_command("bwrap");
        command.args(["--tmpfs", "/", "--proc", "/proc", "--dev", "/dev"]);
        for dir in ["/usr", "/etc"] {
            command.args(["--ro-bind", dir, dir]);
        }
        for dir in ["bin", "lib", "lib64"] {
            command.args(["--symlink", &format!("usr/{dir}"), &format!("/{dir}")]);
        }
        command.args(["--ro-bind", socket_path, socket_path]);
        if !program.starts_with("/usr") {
            command.arg("--ro-bind").arg(program).arg(program);
        }
        command.arg("--ro-bind").arg(&self.info_path).arg("/.flatpak-info");
        command.args(["--die-with-parent", "--setenv", "DBUS_SYSTEM_BUS_ADDRESS", address, "--"]);
        command.arg(program);
        Ok(command)
    }
}
