//! Where the programs under test and their helpers are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The repository.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// One of the workspace's binaries, of the same build as the caller: `consentd`, `consentctl`, ….
pub fn built(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe().context("finding this program's own file")?;
    for dir in here.ancestors().skip(1).take(2) {
        let candidate = dir.join(name);
        if candidate.is_file() {
            return Ok(candidate);
        }
    }
    bail!(
        "{name} is not built beside {}: run cargo build --workspace --lib --bins --examples",
        here.display()
    )
}

/// A Debian package taken apart, never installed (`scripts/unpack`).
#[must_use]
pub fn unpacked(package: &str) -> PathBuf {
    root().join("target/unpacked").join(package)
}

/// A program on the PATH, or where administrators' programs are.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/lib/polkit-1", "/usr/libexec"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_file())
}

/// Copies a program, with its mode, so that it can be run at once.
///
/// By `cp`: a file that this process wrote itself could not be run while a child, just forked by
/// another thread, still held it open for writing.
pub fn copy_program(from: &Path, to: &Path) -> Result<()> {
    let status = Command::new("cp").arg("--preserve=mode").args([from, to]).status()?;
    ensure!(status.success(), "{} was not copied: {status}", from.display());
    Ok(())
}
