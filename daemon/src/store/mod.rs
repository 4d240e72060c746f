//! `settings.db`: what users chose, durably.
//!
//! A change that was committed here survives kill -9 and power loss (WAL, synchronous FULL). Only this
//! folder and the ledger speak SQL. It never invents a value: what it cannot read is an error, and an
//! error denies. What is damaged is set aside whole, and the last good backup takes its place
//! (`recover`); without one the damage stays where it is, and everything is denied.

mod backup;
mod cases;
mod consents;
mod error;
mod file;
mod identifiers;
mod lock;
mod marker;
mod notices;
mod read;
mod recover;
mod register;
mod retention;
mod rights;
mod tally;
mod write;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

pub use backup::Backup;
pub use consents::{ConsentGiven, ConsentRow, Covers};
pub use error::StoreError;
pub use read::{FirstLoad, Loaded};
pub use write::{Batch, NewName, Table};

use error::{dir_error, sqlite_error};
use lock::{Lock, Remembered};
use marker::Marked;
use recover::Instead;

/// The file, in the state folder.
const NAME: &str = "settings.db";

/// The settings on the disk. One writer: the engine.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    id: u128,
    /// See [`Loaded::generation`].
    known: Option<u64>,
    /// Whether it was compared with the ledger: only then a commit says which change is the last.
    compared: bool,
    /// Whether anything was committed before it was compared.
    ahead: bool,
    /// Held while this daemon lives, so that a second one cannot write beside it; none on a file that
    /// is only read.
    lock: Option<Lock>,
}

/// A store that was opened, and everything in it.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Everything in it.
    pub loaded: Loaded,
}

impl Store {
    /// Opens the store in `state_dir`, creating it at the very first start, and brings it to this
    /// version. Checks the file whole. One that is damaged is set aside, and the newest backup that is
    /// sound takes its place. `at` is now, in Unix seconds.
    ///
    /// # Errors
    /// Any of [`StoreError`]; a store that is damaged and has no backup is as it was.
    pub fn open(state_dir: &Path, at: i64) -> Result<Opened, StoreError> {
        let lock = Lock::take(state_dir)?;
        match open_sound(state_dir, &lock, at) {
            Ok(opened) => Ok(opened.locked(lock)),
            Err(damage) if damage.is_damage() => {
                match recover::restore_newest(state_dir, &lock, &damage, at)? {
                    Some(backup) => {
                        tracing::error!(error = %damage, backup = backup.name(), "the store was set aside and its last good backup restored: what is not stored off asks until it is confirmed");
                        Ok(open_sound(state_dir, &lock, at)?.locked(lock))
                    }
                    None => Err(damage),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a backup in the store's place, which is set aside whole.
    ///
    /// # Errors
    /// There is no such backup, it is not sound, or the disk does not take it: then the store is as it
    /// was, or not there at all, which denies.
    pub fn restore(state_dir: &Path, name: &str, at: i64) -> Result<(), StoreError> {
        let lock = Lock::take(state_dir)?;
        let mut backups = backup::list(state_dir)?.into_iter();
        let backup = backups.find(|backup| backup.name() == name);
        let backup = backup.ok_or_else(|| StoreError::UnknownBackup(name.into()))?;
        let marked = Marked::read(state_dir).map_err(|source| dir_error(state_dir, source))?;
        backup.examine(marked.store())?;
        let why = "somebody asked for a backup";
        recover::replace(state_dir, &lock, Instead::Backup(&backup), why, at)
    }

    /// Puts an empty store in the store's place, which is set aside whole, whatever it is.
    ///
    /// # Errors
    /// The disk does not take it: then the store is as it was, or not there at all, which denies.
    pub fn reset(state_dir: &Path, at: i64) -> Result<(), StoreError> {
        let lock = Lock::take(state_dir)?;
        let why = "somebody asked to begin anew";
        recover::replace(state_dir, &lock, Instead::Nothing, why, at)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which store it is: its ledger has the same number.
    #[must_use]
    pub fn id(&self) -> u128 {
        self.id
    }

    /// Counts one more start, durably: no generation is used twice.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn count_start(&mut self) -> Result<u32, StoreError> {
        let seen = self.remembered().starts;
        self.raise_starts(seen)
    }

    /// Counts one more start, after at least `seen`.
    fn raise_starts(&mut self, seen: u32) -> Result<u32, StoreError> {
        let starts = self.write(|book| {
            let sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'starts'";
            let counted: u32 = match book.db.query_row(sql, [], |row| row.get(0)) {
                Err(rusqlite::Error::QueryReturnedNoRows) => 0,
                counted => counted?,
            };
            let starts = counted.max(seen).saturating_add(1);
            book.note("starts", &starts.to_string())?;
            Ok(starts)
        })?;
        let generation = self.remembered().generation;
        self.remember(Remembered { starts, generation });
        Ok(starts)
    }

    /// The last change that is known to be in both the store and, if it has it, the ledger; none if a
    /// version wrote the store that did not keep it.
    #[must_use]
    pub fn known(&self) -> Option<u64> {
        self.known
    }

    /// The last change that something beside the store knows of: if it is a later one than
    /// [`Store::known`], the store has lost it.
    #[must_use]
    pub fn once_had(&self) -> u64 {
        self.remembered().generation
    }

    fn remembered(&self) -> Remembered {
        self.lock.as_ref().map(Lock::remembered).unwrap_or_default()
    }

    fn remember(&self, now: Remembered) {
        self.lock.iter().for_each(|lock| lock.remember(now));
    }

    fn remember_generation(&self, generation: u64) {
        self.remember(Remembered { generation, ..self.remembered() });
    }

    /// Whether store and ledger were compared since it was opened.
    #[must_use]
    pub fn is_compared(&self) -> bool {
        self.compared
    }

    /// Notes that store and ledger agree: from now on each commit says which change is the last.
    /// `generation` is that of the last change so far.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn agree(&mut self, generation: u64) -> Result<(), StoreError> {
        if self.ahead || self.known.is_none() {
            self.write(|book| book.note("generation", &generation.to_string()))?;
            self.remember_generation(generation);
        }
        self.compared = true;
        Ok(())
    }

    /// Commits what the ledger knows and the store did not: the store was behind it. From now on
    /// everything chosen before this start is unconfirmed. Returns the start's number, which is above
    /// all that either knows.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn catch_up(&mut self, ledgers_last: u64, owed: &Batch<'_>) -> Result<u32, StoreError> {
        let seen = u32::try_from(ledgers_last >> 32).unwrap_or(u32::MAX);
        let starts = self.raise_starts(seen)?;
        let generation = u64::from(starts) << 32;
        self.write(|book| {
            recover::unconfirm(book, generation, owed.at)?;
            write::put(book, owed)?;
            book.note("generation", &generation.to_string())
        })?;
        self.remember_generation(generation);
        self.compared = true;
        Ok(starts)
    }

    /// Whether the newest backup has every change.
    ///
    /// # Errors
    /// The store or the folder of backups cannot be read.
    pub fn is_backed_up(&self, state_dir: &Path) -> Result<bool, StoreError> {
        let newest = backup::list(state_dir)?.first().map(|backup| backup.generation);
        let generation = self.meta(&mut tally::Tally::default())?.generation;
        Ok(newest.is_some_and(|newest| generation.is_some_and(|own| own <= newest)))
    }

    /// Brings everything into the one file: nothing stays in the log beside it.
    ///
    /// # Errors
    /// The disk does not take it, or somebody reads an older state; the log stays, and is as good.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|source| sqlite_error(&self.path, source))
    }

    /// Whether the store is sound, more thoroughly than a start looks: what is wrong with it, if
    /// anything is. Holds nobody up.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub fn check(state_dir: &Path) -> Result<Vec<String>, StoreError> {
        let path = state_dir.join(NAME);
        let present = Present::look(state_dir)?;
        file::look(&path)?;
        let (inspected, _) = file::inspect(&path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags);
        let sqlite = |source| sqlite_error(&path, source);
        let mut findings = file::check(&connection.map_err(sqlite)?).map_err(sqlite)?;
        if present.marked.store() != inspected.store_id {
            findings.push("it is not the store that the marker `first-start` names".into());
        }
        Ok(findings)
    }

    /// The backups, newest first, each with what is wrong with it, if anything is.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn backups(state_dir: &Path) -> Result<Vec<(Backup, Option<StoreError>)>, StoreError> {
        let marked = Present::look(state_dir)?.marked;
        let backups = backup::list(state_dir)?.into_iter();
        Ok(backups
            .map(|backup| {
                let error = backup.examine(marked.store()).err();
                (backup, error)
            })
            .collect())
    }

    /// When the newest backup was made, Unix seconds.
    #[must_use]
    pub fn last_backup(state_dir: &Path) -> Option<i64> {
        backup::list(state_dir).ok()?.first().map(|backup| backup.at)
    }

    /// Copies the store that is in use into a backup. Waits for no change, and no change waits for it.
    ///
    /// # Errors
    /// The disk does not take it, or the copy is not sound: then the older ones stay.
    pub fn back_up(state_dir: &Path, at: i64) -> Result<Backup, StoreError> {
        backup::make(&state_dir.join(NAME), state_dir, at)
    }

    /// A file that is only read.
    fn reading(connection: Connection, path: &Path) -> Self {
        let path = path.into();
        Self { connection, path, id: 0, known: None, compared: false, ahead: false, lock: None }
    }

    fn sqlite(&self, source: rusqlite::Error) -> StoreError {
        sqlite_error(&self.path, source)
    }

    fn damaged(&self, finding: &str) -> StoreError {
        file::damaged(&self.path, finding)
    }
}

/// What is there before anything is opened.
struct Present {
    marked: Marked,
    /// Whether something has the store's name.
    exists: bool,
}

impl Present {
    fn look(state_dir: &Path) -> Result<Self, StoreError> {
        let io = |source| dir_error(state_dir, source);
        let exists = match state_dir.join(NAME).symlink_metadata() {
            Ok(_) => true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(io(error)),
        };
        Ok(Self { marked: Marked::read(state_dir).map_err(io)?, exists })
    }

    /// Whether a store was begun here once: then its absence is a loss, and no first start.
    fn was_begun(&self, state_dir: &Path) -> Result<bool, StoreError> {
        Ok(self.marked != Marked::Never || !backup::list(state_dir)?.is_empty())
    }
}

/// Opens the store if it is sound, and creates it if none was ever there.
fn open_sound(state_dir: &Path, lock: &Lock, at: i64) -> Result<Opened, StoreError> {
    let path = state_dir.join(NAME);
    let present = Present::look(state_dir)?;
    let begun = present.was_begun(state_dir)?;
    if !present.exists {
        if begun {
            return Err(StoreError::Missing { path });
        }
        recover::begin(state_dir, lock)?;
    }
    file::look(&path)?;
    look_beside(state_dir, &path, at)?;
    let (mut inspected, mut loaded) = file::inspect(&path)?;
    if inspected.version == 0 {
        if begun {
            return Err(file::damaged(&path, "it is empty"));
        }
        // An earlier version was cut off at its very first start.
        recover::begin(state_dir, lock)?;
        (inspected, loaded) = file::inspect(&path)?;
    }
    let version = inspected.version;
    is_ours(state_dir, &path, &present, inspected.store_id)?;
    let mut connection = file::open(&path).map_err(|source| sqlite_error(&path, source))?;
    if version < file::VERSION
        && let Err(error) = backup::make(&path, state_dir, at)
    {
        tracing::warn!(%error, "no backup before the store is brought to this version");
    }
    file::migrate(&mut connection, &path)?;
    let mut store = Store::reading(connection, &path);
    let loaded = match loaded {
        Some(loaded) => loaded,
        None => store.load()?,
    };
    store.known = loaded.generation;
    let id = store.meta(&mut tally::Tally::default())?.store_id;
    store.id = id.ok_or_else(|| store.damaged("it does not say which store it is"))?;
    if version < file::NUMBERED {
        // The file by itself says which store it is, whatever becomes of the log beside it.
        store.settle()?;
    }
    let marked = present.marked.write(state_dir, store.id, at);
    marked.map_err(|source| dir_error(state_dir, source))?;
    Ok(Opened { store, loaded })
}

/// Whether what SQLite keeps beside the store is what it can work with. The index of the log can be
/// made anew; the log cannot.
fn look_beside(state_dir: &Path, path: &Path, at: i64) -> Result<(), StoreError> {
    let is_odd = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file());
    let aside = |suffix: &str, why| {
        crate::aside::set_aside(state_dir, &[&format!("{NAME}{suffix}")], why, at)
            .map(drop)
            .map_err(|source| dir_error(state_dir, source))
    };
    let [wal, index, journal] = file::beside(path);
    if is_odd(&wal) {
        return Err(StoreError::Irregular { path: wal });
    }
    if is_odd(&index) {
        aside("-shm", "it is no plain file")?;
    }
    if journal.symlink_metadata().is_ok() {
        aside("-journal", "the store keeps none")?;
    }
    Ok(())
}

/// Whether the store is the one that was begun here. A marker that disagrees with the store and with a
/// backup is the one that is wrong.
fn is_ours(
    state_dir: &Path,
    path: &Path,
    present: &Present,
    found: Option<u128>,
) -> Result<(), StoreError> {
    let Some(marked) = present.marked.store() else {
        return Ok(());
    };
    // The log beside a file can hide that it is another's.
    let alone = file::id_alone(path);
    if found == Some(marked) && alone.is_none_or(|alone| alone == marked) {
        return Ok(());
    }
    let agrees = |backup: &Backup| backup.examine(found).is_ok_and(|seen| seen.store_id == found);
    if found.is_some() && alone == found && backup::list(state_dir)?.iter().any(agrees) {
        return Ok(());
    }
    Err(file::damaged(path, "it is not the store that was begun here"))
}

impl Opened {
    fn locked(mut self, lock: Lock) -> Self {
        self.store.lock = Some(lock);
        self
    }
}
