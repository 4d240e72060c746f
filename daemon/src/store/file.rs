//! One file that may be a store: whether it is, whole and sound, before anything works on it.
//!
//! It looks without writing: what is not taken stays as it is, what lies beside it included.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::{StoreError, sqlite_error};
use super::tally::Tally;
use super::write::in_book;
use super::{Loaded, Store};

/// `cnsd`: marks the file as consentd's.
const APPLICATION_ID: i32 = 0x636e_7364;
/// Nothing is written through a link: what it leads to is not the daemon's.
pub(super) const NO_LINK: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
/// SQLite's measure of a cache, in KiB: the file is read once, then written a row at a time.
const CACHE: i32 = -96;
/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Each brings the file one version further. Frozen once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001.sql"),
    include_str!("migrations/0002.sql"),
    include_str!("migrations/0003.sql"),
    include_str!("migrations/0004.sql"),
    include_str!("migrations/0005.sql"),
    include_str!("migrations/0006.sql"),
    include_str!("migrations/0007.sql"),
];
/// The version that this consentd writes.
pub(super) const VERSION: usize = MIGRATIONS.len();
/// The first that says which store it is.
pub(super) const NUMBERED: usize = 3;

/// A file that was looked at, and is sound as far as its version says.
#[derive(Debug)]
pub(super) struct Inspected {
    /// Its version; 0 if it is empty.
    pub version: usize,
    /// Which store it is.
    pub store_id: Option<u128>,
    /// The last change in it, if it says.
    pub generation: Option<u64>,
}

/// Whether a plain file has this name that can be read and begins as a database does. The write-ahead
/// log can hide a first page that is garbage.
pub(super) fn look(path: &Path) -> Result<(), StoreError> {
    let metadata = path.symlink_metadata().map_err(|source| unreadable(path, source))?;
    if !metadata.is_file() {
        return Err(StoreError::Irregular { path: path.into() });
    }
    let mut head = Vec::with_capacity(MAGIC.len());
    let read = File::open(path).and_then(|file| {
        let mut beginning = file.take(MAGIC.len() as u64);
        beginning.read_to_end(&mut head)
    });
    read.map_err(|source| unreadable(path, source))?;
    if head.is_empty() || head == MAGIC {
        return Ok(());
    }
    Err(damaged(path, "it does not begin as a database does"))
}

/// Checks a store whole, and reads all of it if it is of this version.
///
/// # Errors
/// It is none, is damaged, or is of a later version.
pub(super) fn inspect(path: &Path) -> Result<(Inspected, Option<Loaded>), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| sqlite_error(path, source))?;
    let sqlite = |source| sqlite_error(path, source);
    // What is read here stays in memory; pages that are cached between would leave holes in it.
    connection.pragma_update(None, "cache_size", CACHE).map_err(sqlite)?;
    // Every value is read below and has to be one that is written there: no need to judge each twice.
    connection.pragma_update(None, "ignore_check_constraints", true).map_err(sqlite)?;
    let store = Store::reading(connection, path);
    let inspected = examine(&store)?;
    let loaded = if inspected.version == VERSION { Some(store.load()?) } else { None };
    Ok((inspected, loaded))
}

/// Checks a file that nobody works on by itself, whatever lies beside it. Keeps nothing of it in memory.
pub(super) fn inspect_alone(path: &Path) -> Result<Inspected, StoreError> {
    look(path)?;
    let connection = open_alone(path).map_err(|source| sqlite_error(path, source))?;
    let store = Store::reading(connection, path);
    let inspected = examine(&store)?;
    let sqlite = |source| sqlite_error(path, source);
    let dangling = "SELECT count(*) FROM pragma_foreign_key_check";
    let dangling: u64 =
        store.connection.query_row(dangling, [], |row| row.get(0)).map_err(sqlite)?;
    if dangling > 0 {
        return Err(damaged(path, "rows speak of what is not there"));
    }
    if inspected.version >= NUMBERED && !is_as_written(&store.connection).map_err(sqlite)? {
        return Err(damaged(path, NOT_AS_WRITTEN));
    }
    Ok(inspected)
}

/// Which store the file says it is by itself, without the write-ahead log beside it; none if that
/// cannot be told.
pub(super) fn id_alone(path: &Path) -> Option<u128> {
    let store = Store::reading(open_alone(path).ok()?, path);
    store.meta(&mut Tally::default()).ok()?.store_id
}

fn examine(store: &Store) -> Result<Inspected, StoreError> {
    let (connection, path) = (&store.connection, store.path());
    let sqlite = |source| sqlite_error(path, source);
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sqlite)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(StoreError::Foreign { path: path.into(), found: application });
    }
    let version = version(connection, path)?;
    if version > VERSION {
        return Err(StoreError::Newer { path: path.into(), found: version, known: VERSION });
    }
    let finding: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if finding != "ok" {
        return Err(damaged(path, finding));
    }
    if version == 0 {
        return Ok(Inspected { version, store_id: None, generation: None });
    }
    let meta = store.meta(&mut Tally::default())?;
    let (store_id, generation) = (meta.store_id, meta.generation);
    if store_id.is_none() && version >= NUMBERED {
        return Err(damaged(path, "it does not say which store it is"));
    }
    Ok(Inspected { version, store_id, generation })
}

/// Opens a file to work on it.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cache_size", CACHE)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Brings a file to this version.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sqlite = |source| sqlite_error(path, source);
    let found = version(connection, path)?;
    for (version, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        let step = connection.transaction().map_err(sqlite)?;
        step.execute_batch(migration).map_err(sqlite)?;
        if version + 1 >= NUMBERED {
            Tally::count(&step).and_then(|tally| tally.keep(&step)).map_err(sqlite)?;
        }
        step.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
        step.pragma_update(None, "user_version", version + 1).map_err(sqlite)?;
        step.commit().map_err(sqlite)?;
    }
    if found == 0 {
        // Nothing was ever changed here: whatever a ledger says was, was changed in another store.
        in_book(connection, |book| book.note("generation", "0")).map_err(sqlite)?;
    }
    Ok(())
}

/// Creates the file for its owner alone; what SQLite puts beside it takes after it.
pub(super) fn create(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(NO_LINK)
        .open(path)
        .map(drop)
}

/// What SQLite keeps beside a file; whatever has such a name goes where the file goes.
pub(super) fn beside(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        name.into()
    })
}

fn open_alone(path: &Path) -> rusqlite::Result<Connection> {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                uri.push(char::from(*byte));
            }
            // It cannot fail: a string takes everything.
            other => drop(write!(uri, "%{other:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|source| sqlite_error(path, source))
}

fn unreadable(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Unreadable { path: path.into(), source }
}

pub(super) fn damaged(path: &Path, finding: impl Into<String>) -> StoreError {
    StoreError::Damaged { path: path.into(), finding: finding.into() }
}

/// Whether the sum is right and the file holds what it says: for somebody who asks, on a file in use.
pub(super) fn check(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut integrity = connection.prepare("PRAGMA integrity_check(20)")?;
    let mut rows = integrity.query([])?;
    while let Some(row) = rows.next()? {
        let finding: String = row.get(0)?;
        if finding != "ok" {
            findings.push(finding);
        }
    }
    let mut keys = connection.prepare(
        "SELECT DISTINCT \"table\" || ' speaks of ' || parent || ' that are not there'
         FROM pragma_foreign_key_check LIMIT 20",
    )?;
    let mut rows = keys.query([])?;
    while let Some(row) = rows.next()? {
        findings.push(row.get(0)?);
    }
    if !is_as_written(connection)? {
        findings.push(NOT_AS_WRITTEN.into());
    }
    Ok(findings)
}

/// What is said of a store whose sum is wrong.
pub(super) const NOT_AS_WRITTEN: &str = "its values are not those that were written";

fn is_as_written(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(Tally::kept(connection)? == Some(Tally::count(connection)?))
}
