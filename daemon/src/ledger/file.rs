//! `ledger.db` as a file: opened, created, brought to this version; told from what is none.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, params};

use super::LedgerError;

/// The file's name in the state folder.
pub(super) const FILE: &str = "ledger.db";
/// What SQLite puts beside it.
pub(super) const WHOLE: &[&str] = &[FILE, "ledger.db-wal", "ledger.db-shm"];

/// `cnsl`: marks the file as a ledger of consentd's.
const APPLICATION_ID: i32 = 0x636e_736c;
/// Each brings the file one version further. Frozen once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
];
/// The version in which the chain came.
const CHAIN: usize = 2;

/// What the ledger keeps in `meta`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meta {
    /// The id of the store that it belongs to.
    Store,
    /// The last segment of the journal that it has.
    Closed,
    /// Why it was begun anew, if it was.
    Begun,
}

impl Meta {
    fn key(self) -> &'static str {
        match self {
            Meta::Store => "store",
            Meta::Closed => "closed",
            Meta::Begun => "begun",
        }
    }

    /// Reads it.
    pub fn read(self, db: &Connection) -> rusqlite::Result<Option<String>> {
        db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row([self.key()], |row| row.get(0))
            .optional()
    }

    /// Writes it.
    pub fn write(self, db: &Connection, value: &str) -> rusqlite::Result<()> {
        db.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(params![self.key(), value])?;
        Ok(())
    }
}

/// Opens the ledger's file, creating it if there is none, and brings it to this version.
///
/// # Errors
/// Any of [`LedgerError`]; what cannot be used is as it was.
pub(super) fn open(path: &Path, store: Option<u128>) -> Result<Connection, LedgerError> {
    let sqlite = |source| sqlite_error(path, source);
    let file = |source| LedgerError::File { path: path.into(), source };
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => inspect(path)?,
        Ok(_) => return Err(damaged(path, "it is not a regular file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            created.map_err(file)?;
        }
        Err(error) => return Err(file(error)),
    }
    let mut connection = Connection::open(path).map_err(sqlite)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(sqlite)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(sqlite)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(sqlite)?;
    connection.pragma_update(None, "cache_size", -512).map_err(sqlite)?;
    let found = version(&connection).map_err(sqlite)?;
    if found < MIGRATIONS.len() {
        migrate(&mut connection, found).map_err(sqlite)?;
    }
    belongs(&connection, path, store)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.set_transaction_behavior(rusqlite::TransactionBehavior::Immediate);
    Ok(connection)
}

/// Brings a file to this version, in one step: rows are chained as this version hashes them.
fn migrate(connection: &mut Connection, found: usize) -> rusqlite::Result<()> {
    let step = connection.transaction()?;
    MIGRATIONS[found..].iter().try_for_each(|migration| step.execute_batch(migration))?;
    if found < CHAIN {
        super::chain::adopt(&step)?;
    }
    step.pragma_update(None, "application_id", APPLICATION_ID)?;
    step.pragma_update(None, "user_version", MIGRATIONS.len())?;
    step.commit()
}

/// Whether a file that is there may be worked on. Looks without writing.
fn inspect(path: &Path) -> Result<(), LedgerError> {
    let sqlite = |source| sqlite_error(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sqlite)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(damaged(path, "it is not a consentd ledger"));
    }
    let found = version(&connection).map_err(sqlite)?;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(LedgerError::Newer { path: path.into(), found, known });
    }
    Ok(())
}

fn version(db: &Connection) -> rusqlite::Result<usize> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// A ledger of another device's store is not this one's; one that knows of none becomes this one's.
fn belongs(db: &Connection, path: &Path, store: Option<u128>) -> Result<(), LedgerError> {
    let sqlite = |source| sqlite_error(path, source);
    let Some(store) = store.map(|id| format!("{id:032x}")) else {
        return Ok(());
    };
    match Meta::Store.read(db).map_err(sqlite)? {
        Some(known) if known == store => Ok(()),
        Some(_) => Err(damaged(path, "it is another device's")),
        None => Meta::Store.write(db, &store).map_err(sqlite),
    }
}

/// Looks the whole file through, on a connection of its own.
///
/// # Errors
/// It is damaged, or cannot be read.
pub(super) fn check(path: &Path) -> Result<(), LedgerError> {
    let sqlite = |source| sqlite_error(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.pragma_update(None, "query_only", true).map_err(sqlite)?;
    // Each page is looked at once: a cache would only leave holes in memory.
    connection.pragma_update(None, "cache_size", -96).map_err(sqlite)?;
    let finding: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if finding != "ok" {
        return Err(damaged(path, &finding));
    }
    Ok(())
}

/// A file beside the ledger: closing a second descriptor of the ledger itself would drop SQLite's locks.
pub(super) fn lock(state_dir: &Path) -> Result<File, LedgerError> {
    let path = state_dir.join("ledger.lock");
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(no_link)
        .open(&path);
    let file = file.map_err(|source| LedgerError::File { path: path.clone(), source })?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::InUse { path }),
        Err(errno) => Err(LedgerError::File { path, source: errno.into() }),
    }
}

pub(super) fn damaged(path: &Path, finding: &str) -> LedgerError {
    LedgerError::Damaged { path: path.into(), finding: finding.into() }
}

/// SQLite's word that the file is no database, or a broken one, is damage; all else may pass.
pub(super) fn sqlite_error(path: &Path, source: rusqlite::Error) -> LedgerError {
    let path = PathBuf::from(path);
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            LedgerError::Damaged { path, finding: source.to_string() }
        }
        _ => LedgerError::Sqlite { path, source },
    }
}
