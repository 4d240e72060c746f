//! The demo's access case: an app that keeps something about the person, and where the report stays.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use consentd_dbus::{CaseChangedStream, Details, Options, Rights1Proxy};
use consentd_tests::person::{Person, text};
use consentd_tests::process::{PATIENCE, Process, bound_command};
use consentd_tests::world::World;
use futures_util::StreamExt;

/// What Weather keeps, as it returns it.
const KEPT: &str = r#"{"home":"Utrecht","unit":"celsius","alerts":["storm","black ice"]}"#;

/// The first of what should stand in a report and does not.
pub fn missing_in(report: &str) -> Option<&'static str> {
    ["Utrecht", "black ice"].into_iter().find(|part| !report.contains(part))
}

/// Weather's holder, in a process of its own.
pub struct Keeper(#[expect(dead_code, reason = "ends with it")] Process);

impl Keeper {
    /// Starts it; it registers by itself.
    pub fn start(world: &World) -> Result<Keeper> {
        let store_path = world.stage.root().join("weather.json");
        std::fs::write(&store_path, KEPT)?;
        let mut command = bound_command(world.stage.bin().executable("weather")?);
        command.arg("hold").arg(&store_path);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
        Ok(Keeper(Process::spawn("Weather's holder", &mut command)?))
    }
}

/// The person, who hears how far their case is.
pub struct Asking {
    rights: Rights1Proxy<'static>,
    heard: CaseChangedStream,
}

impl Asking {
    /// From now on.
    pub async fn begin(world: &World) -> Result<Asking> {
        let bus = world.connect().await?;
        Person::on(&bus).await?.settings.watch(Options::new()).await?;
        let rights = Rights1Proxy::new(&bus).await?;
        Ok(Asking { heard: rights.receive_case_changed().await?, rights })
    }

    /// Waits until an app is done with the first case.
    pub async fn until_done(&mut self, app: &str) -> Result<()> {
        let mut case = self.rights.get("1", Options::new()).await?;
        while !is_done(&case, app)? {
            let next = tokio::time::timeout(PATIENCE, self.heard.next()).await;
            let signal = next.with_context(|| format!("{app} is not done"))?.context("gone")?;
            case = signal.args()?.details;
        }
        Ok(())
    }
}

fn is_done(case: &Details, app: &str) -> Result<bool> {
    let holders = case.get("holders").context("no holders")?.try_clone()?;
    let holders: Vec<Details> = holders.try_into()?;
    for holder in holders {
        if text(&holder, "app")? == app {
            return Ok(text(&holder, "state")? == "done");
        }
    }
    Ok(false)
}

/// The folder that outlives the demo: beside the build; where that is somebody else's, a new one.
pub struct Kept(PathBuf);

impl Kept {
    /// Its owner's alone.
    pub fn make() -> Result<Kept> {
        let program = std::env::current_exe()?;
        let build = program.ancestors().nth(2).context("the demo has no folder")?;
        let dir = build.join("demo");
        if let Err(error) = make_ours(&dir) {
            let made = tempfile::Builder::new().prefix("demo-report-").tempdir();
            let made = made.with_context(|| format!("neither {} ({error}) nor", dir.display()))?;
            return Ok(Kept(made.keep()));
        }
        Ok(Kept(dir))
    }

    /// A file in it, which is not there yet: the last demo's is removed.
    pub fn path(&self, name: &str) -> Result<String> {
        let path = self.0.join(name);
        if path.try_exists()? {
            std::fs::remove_file(&path)?;
        }
        Ok(path.to_str().context("a path that is no text")?.to_owned())
    }
}

fn make_ours(dir: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // Fails where it is somebody else's.
    std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700))
}
