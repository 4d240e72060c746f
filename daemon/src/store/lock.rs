//! `lock`: one daemon at a time. It also remembers how far the store was, for the case that the store no
//! longer does: no generation is used twice, and a store that lost its last changes is not taken for
//! whole. It survives kill -9; nothing is synchronised for it.

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

    /// What it remembers; nothing, if that cannot be read.
    pub fn remembered(&self) -> Remembered {
        let mut text = [0; 64];
        let read = self.0.read_at(&mut text, 0).unwrap_or(0);
        let text = std::str::from_utf8(&text[..read]).unwrap_or_default();
        text.split_once('\n').and_then(|(line, _)| Remembered::parse(line)).unwrap_or_default()
    }

    /// Remembers what the store has on the disk by now. It is never ahead of the store: that it does not
    /// take it is no reason to deny.
    pub fn remember(&self, now: Remembered) {
        if let Err(error) = self.0.write_all_at(format!("{}\n", now.line()).as_bytes(), 0) {
            tracing::debug!(%error, "what the store has was not noted beside it");
        }
    }
}

/// How far a store was, as far as something beside it knows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remembered {
    /// How often a daemon started with it.
    pub starts: u32,
    /// The last change that was committed.
    pub generation: u64,
}

impl Remembered {
    fn line(self) -> String {
        format!("{:010} {:020} {:016x}", self.starts, self.generation, self.sum())
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let starts = words.next()?.parse().ok()?;
        let generation = words.next()?.parse().ok()?;
        let remembered = Self { starts, generation };
        (u64::from_str_radix(words.next()?, 16).ok()? == remembered.sum()).then_some(remembered)
    }

    /// So that a digit that changed by itself is no number.
    fn sum(self) -> u64 {
        let words = [u64::from(self.starts), self.generation];
        words.into_iter().fold(0x636e_7364, |sum: u64, word| {
            (sum.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        })
    }
}
