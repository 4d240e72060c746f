//! `settings.db`: what users chose, durably.
//!
//! A change that was committed here survives kill -9 and power loss (WAL, synchronous FULL). Only this
//! folder and the ledger speak SQL. It never invents a value: what it cannot read is an error, and an
//! error denies.

mod read;
mod write;

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

pub use read::{ConsentRow, FirstLoad, Loaded};
pub use write::{Batch, ConsentGiven, NewName, Table};

/// `cnsd`: marks the file as consentd's.
const APPLICATION_ID: i32 = 0x636e_7364;

/// How long a start waits for a daemon that is just stopping.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Each brings the file one version further. Frozen once released.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];

/// Why the store cannot be used. Nothing was changed or removed because of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state folder cannot be used.
    #[error("cannot use the state folder {dir}: {source}; check that it exists and is writable by the daemon's user", dir = .dir.display())]
    Dir {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another daemon works there.
    #[error("another consentd uses the state folder {dir}; stop it first", dir = .dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// There was a store once.
    #[error("{path} is gone, though it was created once; put a copy of it back, or remove {marker} to begin anew with every choice at its default", path = .path.display(), marker = .marker.display())]
    Missing {
        /// The file that is gone.
        path: PathBuf,
        /// What says that it was there.
        marker: PathBuf,
    },
    /// The file is not consentd's.
    #[error("{path} is not a consentd store (application id {found:#x}); move it away and put the store back", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i32,
    },
    /// The file is damaged.
    #[error("{path} is damaged ({finding}); put a copy of it back", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        finding: String,
    },
    /// The file is of a later version.
    #[error("{path} is of version {found}, this consentd knows {known}; it was left alone: install the newer consentd again", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest version known here.
        known: usize,
    },
    /// SQLite failed.
    #[error("{path}: {source}", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A value in the store is none that was ever written there.
    #[error("{path} holds `{value}` as {what}, which is none; put a copy of it back", path = .path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Which column.
        what: &'static str,
        /// What stands there.
        value: String,
    },
}

/// The settings on the disk. One writer: the engine.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Held while this daemon lives, so that a second one cannot write beside it.
    _lock: File,
}

impl Store {
    /// Opens the store in `state_dir`, creating it at the very first start, and brings it to this
    /// version. Checks the file whole.
    ///
    /// # Errors
    /// Any of [`StoreError`]; the files are as they were.
    pub fn open(state_dir: &Path) -> Result<Self, StoreError> {
        let lock = lock(state_dir)?;
        let path = state_dir.join("settings.db");
        let marker = state_dir.join("first-start");
        let exists = path.try_exists().map_err(|source| dir_error(state_dir, source))?;
        let started = marker.try_exists().map_err(|source| dir_error(state_dir, source))?;
        if started && !exists {
            return Err(StoreError::Missing { path, marker });
        }
        if exists {
            let found = inspect(&path)?;
            if found == 0 && started {
                return Err(StoreError::Damaged { path, finding: "it is empty".into() });
            }
        } else {
            create(&path).map_err(|source| dir_error(state_dir, source))?;
        }
        let mut connection = open_file(&path).map_err(|source| sqlite_error(&path, source))?;
        migrate(&mut connection, &path)?;
        if !started {
            mark(&marker, state_dir)?;
        }
        Ok(Self { connection, path, _lock: lock })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Counts one more start, durably: no generation is used twice.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn count_start(&mut self) -> Result<u32, StoreError> {
        let mut count = || -> rusqlite::Result<u32> {
            // In a transaction: a statement that returns a row is committed when it is done with, and
            // nobody would hear that it failed.
            let transaction = self.connection.transaction()?;
            let starts = transaction.query_row(
                "INSERT INTO meta (key, value) VALUES ('starts', '1')
                 ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)
                 RETURNING CAST(value AS INTEGER)",
                [],
                |row| row.get(0),
            )?;
            transaction.commit()?;
            Ok(starts)
        };
        count().map_err(|source| sqlite_error(&self.path, source))
    }
}

fn lock(state_dir: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .map_err(|source| dir_error(state_dir, source))?;
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(state_dir.join("lock"))
        .map_err(|source| dir_error(state_dir, source))?;
    let patience = std::time::Instant::now() + PATIENCE;
    loop {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
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

fn open_file(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", -96)?;
    Ok(connection)
}

/// Creates the file for its owner alone; what SQLite puts beside it takes after it.
fn create(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// The version of a file that is there, if this consentd may work on it. Looks without writing: a
/// file that is not taken stays as it is, what lies beside it included.
fn inspect(path: &Path) -> Result<usize, StoreError> {
    let sqlite = |source| sqlite_error(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sqlite)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(StoreError::Foreign { path: path.into(), found: application });
    }
    let found = version(&connection, path)?;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(StoreError::Newer { path: path.into(), found, known });
    }
    let finding: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if finding != "ok" {
        return Err(StoreError::Damaged { path: path.into(), finding });
    }
    Ok(found)
}

fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| sqlite_error(path, source))
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sqlite = |source| sqlite_error(path, source);
    let found = version(connection, path)?;
    for (version, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        let step = connection.transaction().map_err(sqlite)?;
        step.execute_batch(migration).map_err(sqlite)?;
        step.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
        step.pragma_update(None, "user_version", version + 1).map_err(sqlite)?;
        step.commit().map_err(sqlite)?;
    }
    Ok(())
}

/// Marks that a store was created here: from now on its absence is a loss, not a first start.
fn mark(marker: &Path, state_dir: &Path) -> Result<(), StoreError> {
    let written = File::create(marker).and_then(|file| {
        file.sync_all()?;
        File::open(state_dir)?.sync_all()
    });
    written.map_err(|source| dir_error(state_dir, source))
}

fn dir_error(dir: &Path, source: std::io::Error) -> StoreError {
    StoreError::Dir { dir: dir.into(), source }
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: path.into(), source }
}
