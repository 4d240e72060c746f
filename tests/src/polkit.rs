//! polkitd on a bus of the tests' own, with rules and actions of its own.
//!
//! The machine's polkit is not touched: the folders that polkitd reads are covered in a mount
//! namespace that it alone lives in. That takes root.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use futures_util::StreamExt;
use zbus::fdo::DBusProxy;
use zbus::names::BusName;

use crate::bus::Bus;
use crate::prerequisite::Missing;
use crate::process::{Process, bound_command};
use crate::{place, prerequisite};

/// Its name on the bus.
pub const NAME: &str = "org.freedesktop.PolicyKit1";

/// A polkitd that owns its name; killed when dropped.
#[derive(Debug)]
pub struct Polkit {
    _process: Process,
}

impl Polkit {
    /// Missing unless polkitd is installed and the tests may mount.
    #[must_use]
    pub fn missing() -> Option<Missing> {
        prerequisite::mounts().or_else(|| prerequisite::program("polkitd", "polkitd"))
    }

    /// Starts polkitd with consentd's actions and these rules (JavaScript); its files are in `dir`.
    pub async fn start(bus: &Bus, dir: &Path, rules: &str) -> Result<Polkit> {
        let (actions_dir, rules_dir) = (dir.join("polkit-actions"), dir.join("polkit-rules"));
        for folder in [&actions_dir, &rules_dir] {
            std::fs::create_dir_all(folder)?;
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755))?;
        }
        let policy_path = place::root().join("dbus/org.consentd.policy");
        std::fs::copy(policy_path, actions_dir.join("org.consentd.policy"))?;
        std::fs::write(rules_dir.join("50-scenario.rules"), rules)?;
        let polkitd = place::program("polkitd").context("polkitd is not installed")?;
        let connection = bus.connect().await?;
        let names = DBusProxy::new(&connection).await?;
        let mut owners = names.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
        let mut command = bound_command("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh", "-euc", COVER, "sh"])
            .args([&actions_dir, &rules_dir, &polkitd])
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus.address())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(dir.join("polkitd.log"))?);
        let process = Process::spawn("polkitd", &mut command)?;
        let owned = async {
            while !names.name_has_owner(BusName::try_from(NAME)?).await? {
                owners.next().await.context("the bus hung up before polkitd came")?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(crate::process::PATIENCE, owned)
            .await
            .with_context(|| std::fs::read_to_string(dir.join("polkitd.log")).unwrap_or_default())
            .context("polkitd did not start")??;
        Ok(Polkit { _process: process })
    }
}

/// `sh` with actions, rules and polkitd as its arguments.
const COVER: &str = r#"
mount --bind "$1" /usr/share/polkit-1/actions
for dir in /usr/share/polkit-1/rules.d /etc/polkit-1/rules.d; do
    if [ -d "$dir" ]; then mount --bind "$2" "$dir"; fi
done
exec "$3"
"#;
