//! Backups: whole copies of the store, each looked at before an older one goes.
//!
//! They ride on changes, never on a timer (invariant 8). A copy in the making has another name than one
//! that is made.

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup as Copying, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, dir_error, sqlite_error};
use super::file::{self, Inspected};
use crate::aside::sync_dir;

/// Where they are, in the state folder.
pub(super) const FOLDER: &str = "backups";
/// How long the last one of each day is kept.
const DAYS: i64 = 7;
/// The newest are kept, however old they are and however many a day has.
const NEWEST: usize = 4;
const DAY: i64 = 86_400;

/// A backup, as its name says. The generation orders them: a clock can be set back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backup {
    /// The generation of the last change in it.
    pub generation: u64,
    /// When it was made, Unix seconds.
    pub at: i64,
    /// The file.
    pub path: PathBuf,
}

impl Backup {
    /// The file's name.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    fn at(dir: &Path, generation: u64, at: i64) -> Self {
        let moment = jiff::Timestamp::from_second(at).unwrap_or_default();
        let moment = moment.strftime("%Y%m%dT%H%M%SZ");
        Self { generation, at, path: dir.join(format!("settings-{generation:016x}-{moment}.db")) }
    }

    fn parse(dir: &Path, name: &str) -> Option<Self> {
        let rest = name.strip_prefix("settings-")?.strip_suffix(".db")?;
        let (generation, moment) = rest.split_once('-')?;
        let generation = u64::from_str_radix(generation, 16).ok()?;
        let at = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", moment).ok()?.to_datetime().ok()?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
        Some(Self { generation, at, path: dir.join(name) })
    }

    /// Looks whether it could be restored: whole, sound, and of this store, if it is known which that is.
    pub(super) fn examine(&self, store_id: Option<u128>) -> Result<Inspected, StoreError> {
        let inspected = file::inspect_alone(&self.path)?;
        let foreign = inspected.store_id.is_some_and(|id| store_id.is_some_and(|own| own != id));
        if foreign || inspected.version == 0 {
            return Err(file::damaged(&self.path, "it is a copy of another store"));
        }
        Ok(inspected)
    }
}

/// The backups that are there, newest first.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn list(state_dir: &Path) -> Result<Vec<Backup>, StoreError> {
    let dir = state_dir.join(FOLDER);
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(source) => return Err(dir_error(&dir, source)),
    };
    let mut backups = Vec::new();
    for entry in entries {
        let name = entry.map_err(|source| dir_error(&dir, source))?.file_name();
        backups.extend(name.to_str().and_then(|name| Backup::parse(&dir, name)));
    }
    backups.sort_unstable_by(|one, other| other.cmp(one));
    Ok(backups)
}

/// Copies a store while it is in use, looks at the copy, and only then lets go of older ones. Waits for
/// no change, and no change waits for it.
///
/// # Errors
/// The disk does not take it, or what was copied is not sound: then the older ones stay.
pub(super) fn make(settings: &Path, state_dir: &Path, at: i64) -> Result<Backup, StoreError> {
    let dir = state_dir.join(FOLDER);
    let io = |source| dir_error(&dir, source);
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
    let unfinished = dir.join("unfinished");
    file::create(&unfinished).map_err(io)?;
    copy(settings, &unfinished)?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(io)?;
    let generation = file::inspect_alone(&unfinished)?.generation.unwrap_or_default();
    let backup = Backup::at(&dir, generation, at);
    std::fs::rename(&unfinished, &backup.path).map_err(io)?;
    sync_dir(&dir).and_then(|()| sync_dir(state_dir)).map_err(io)?;
    prune(&list(state_dir)?, at);
    Ok(backup)
}

fn copy(settings: &Path, to: &Path) -> Result<(), StoreError> {
    let of_source = |source| sqlite_error(settings, source);
    let of_copy = |source| sqlite_error(to, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(settings, flags).map_err(of_source)?;
    source.busy_timeout(std::time::Duration::from_secs(1)).map_err(of_source)?;
    let mut copy = Connection::open(to).map_err(of_copy)?;
    for connection in [&source, &copy] {
        connection.pragma_update(None, "cache_size", -256).map_err(of_copy)?;
    }
    // In one step: a reader of the write-ahead log sees one moment, and holds no writer up.
    let step = Copying::new(&source, &mut copy).and_then(|copying| copying.step(-1));
    let why = match step.map_err(of_source)? {
        StepResult::Done => None,
        StepResult::Busy | StepResult::Locked => Some("somebody else holds the file"),
        StepResult::More | _ => Some("it did not come to its end"),
    };
    if let Some(why) = why {
        return Err(StoreError::NotBackedUp { path: settings.into(), why });
    }
    // A single file: nothing of it may be beside it.
    copy.pragma_update(None, "journal_mode", "DELETE").map_err(of_copy)?;
    copy.close().map_err(|(_, source)| of_copy(source))
}

/// Removes what nobody will want: all but the newest few, and the last of each day of a week.
fn prune(backups: &[Backup], now: i64) {
    let today = now.div_euclid(DAY);
    let mut days = HashSet::new();
    for (place, backup) in backups.iter().enumerate() {
        let day = backup.at.div_euclid(DAY);
        let is_last_of_day = days.insert(day) && day > today - DAYS;
        if place >= NEWEST
            && !is_last_of_day
            && let Err(error) = std::fs::remove_file(&backup.path)
        {
            tracing::warn!(%error, path = %backup.path.display(), "an old backup stays");
        }
    }
}
