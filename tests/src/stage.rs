//! What a world is built from: folders of its own with the catalogue, declarations, executables.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::app::AppsBin;
use crate::daemon::DaemonDirs;
use crate::place;

/// Where the catalogue's sample declarations say that their executables are.
const SAMPLES: &str = "/usr/lib/consentd/samples/";

/// A temporary folder with all that a daemon and its apps need; removed when dropped.
#[derive(Debug)]
pub struct Stage {
    root: TempDir,
    dirs: DaemonDirs,
    bin: AppsBin,
}

impl Stage {
    /// The project's own catalogue and its sample apps, whose executables are copies in here.
    pub fn new() -> Result<Stage> {
        let stage = Stage::bare()?;
        for (name, text) in read_all(&place::root().join("catalog/apps.d"))? {
            stage.declare(&name, &text)?;
        }
        Ok(stage)
    }

    /// The project's own catalogue and no apps.
    pub fn bare() -> Result<Stage> {
        let root = tempfile::Builder::new()
            .prefix("consentd-")
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir()
            .context("making a temporary folder")?;
        let path = root.path();
        let dirs = DaemonDirs {
            state_dir: path.join("state"),
            catalog_dir: path.join("catalog"),
            apps_dir: path.join("apps.d"),
            config_path: path.join("consentd.toml"),
            log_path: path.join("consentd.log"),
        };
        for dir in [&dirs.state_dir, &dirs.catalog_dir, &dirs.apps_dir] {
            std::fs::create_dir(dir)?;
        }
        std::fs::set_permissions(&dirs.state_dir, PermissionsExt::from_mode(0o700))?;
        for (name, text) in read_all(&place::root().join("catalog"))? {
            std::fs::write(dirs.catalog_dir.join(name), text)?;
        }
        let bin = AppsBin::create(path.join("bin"))?;
        let consentctl = place::built("consentctl")?;
        std::fs::write(
            &dirs.config_path,
            format!("settings_executables = [\"{}\"]\n", consentctl.display()),
        )?;
        Ok(Stage { root, dirs, bin })
    }

    /// Writes a declaration. Executables under the samples' folder become copies in this one.
    pub fn declare(&self, file_name: &str, text: &str) -> Result<()> {
        for name in samples_in(text) {
            self.bin.executable(name)?;
        }
        let ours = format!("{}/", self.bin.dir().display());
        std::fs::write(self.dirs.apps_dir.join(file_name), text.replace(SAMPLES, &ours))
            .with_context(|| format!("declaring {file_name}"))
    }

    /// The folder of all.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// What the daemon is given.
    #[must_use]
    pub fn dirs(&self) -> &DaemonDirs {
        &self.dirs
    }

    /// The apps' executables.
    #[must_use]
    pub fn bin(&self) -> &AppsBin {
        &self.bin
    }
}

/// The names after the samples' folder in a declaration.
fn samples_in(text: &str) -> impl Iterator<Item = &str> {
    text.split(SAMPLES).skip(1).map(|rest| {
        let end = rest.find(['"', '\'']).unwrap_or(rest.len());
        &rest[..end]
    })
}

/// The TOML files of a folder by name.
fn read_all(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path: PathBuf = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path)?));
        }
    }
    files.sort();
    Ok(files)
}
