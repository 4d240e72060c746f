//! `lock`: one daemon at a time. It also remembers how often a daemon started, for the case that the
//! store no longer can: no generation is used twice.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::error::{StoreError, dir_error};
use super::file::NO_LINK;

/// How long a start waits for a daemon that is just stopping.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Held while a daemon works in the folder.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Creates the state folder if there is none, and locks it.
    pub fn take(state_dir: &Path) -> Result<Self, StoreError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(state_dir)
            .map_err(|source| dir_error(state_dir, source))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(NO_LINK)
            .open(state_dir.join("lock"))
            .map_err(|source| dir_error(state_dir, source))?;
        let patience = std::time::Instant::now() + PATIENCE;
        loop {
            match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(file)),
                Err(rustix::io::Errno::WOULDBLOCK) if std::time::Instant::now() < patience => {
                    std::thread::sleep(PATIENCE / 100);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(StoreError::InUse { dir: state_dir.into() });
                }
                Err(errno) => return Err(dir_error(state_dir, errno.into())),
            }
        }
    }

    /// How many starts it has seen; 0 if it does not say.
    pub fn starts(&self) -> u32 {
        let mut text = [0; 16];
        let read = self.0.read_at(&mut text, 0).unwrap_or(0);
        let text = std::str::from_utf8(&text[..read]).unwrap_or_default();
        text.split('\n').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Remembers how many starts there were. That it does not is no reason to deny: the store knows too.
    pub fn remember(&self, starts: u32) {
        if let Err(error) = self.0.write_all_at(format!("{starts:010}\n").as_bytes(), 0) {
            tracing::debug!(%error, "the number of starts was not written beside the store");
        }
    }
}
