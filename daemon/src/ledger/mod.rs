//! `ledger.db`: who asked for what, why, what was answered, how often; and what users changed.
//!
//! An answer is in here before it leaves the daemon, so it survives kill -9 (WAL, synchronous NORMAL:
//! power loss may take the last moments). Rows are coalesced by minute. No collected value is ever
//! stored, only that it was asked for.

mod entry;
mod query;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

pub use entry::{Event, Line, Record, What};
pub use query::{By, Count, Counted, Filter, LedgerReader, Page, Wanted};

const APPLICATION_ID: i32 = 0x636e_736c;
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001.sql")];

/// Records are kept 31 days, setting events two years.
const RECORD_SECONDS: i64 = 31 * 86_400;
const EVENT_SECONDS: i64 = 2 * 365 * 86_400;
/// At most this many records; the oldest go first.
const MAX_RECORDS: i64 = 2_000_000;
/// After so many new rows it is seen to that there are not too many.
const ROWS_BETWEEN_PRUNES: i64 = 4_096;
/// Distinct rows that one app of one user can open in a minute; what exceeds them is counted in one
/// row of `*`, so that a flood of invented ids cannot fill the disk.
const ROWS_PER_MINUTE: u32 = 1_024;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite failed.
    #[error("{path}: {source}", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The file is none of ours.
    #[error("{path} is not a consentd ledger; move it away and start again", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is of a later version.
    #[error("{path} is of version {found}, this consentd knows {known}; install the newer consentd again", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest known here.
        known: usize,
    },
    /// The folder cannot be used.
    #[error("cannot use {path}: {source}; check that its folder is writable by the daemon's user", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another daemon writes it.
    #[error("another consentd writes {path}; stop it first", path = .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Somebody reads an older state of it.
    #[error("{path} is being read, so not all of it could be brought to the disk; the next change tries again", path = .path.display())]
    BeingRead {
        /// The file.
        path: PathBuf,
    },
}

/// What makes records of one minute the same row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    user: u32,
    app: Box<str>,
    trust: &'static str,
    purpose: Box<str>,
    data: Box<str>,
    reason: &'static str,
    tag: Box<str>,
}

/// The writing end. One writer: the engine.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    /// Held while this daemon lives: a second one would give the same places to other rows.
    _lock: File,
    next_seq: i64,
    minute: i64,
    open: HashMap<Row, i64>,
    opened_by: HashMap<(u32, Box<str>), u32>,
    pruned_on: i64,
    /// The next row's number when it was last pruned.
    pruned_at: i64,
}

impl Ledger {
    /// Opens the ledger in `state_dir`, creating it if there is none.
    ///
    /// # Errors
    /// Any of [`LedgerError`]; the file is as it was.
    pub fn open(state_dir: &Path) -> Result<Self, LedgerError> {
        let path = state_dir.join("ledger.db");
        let lock = lock(&path)?;
        let mut connection = prepare(&path)?;
        let next_seq = connection
            .query_row(
                "SELECT 1 + max((SELECT ifnull(max(seq), 0) FROM records),
                                (SELECT ifnull(max(seq), 0) FROM events))",
                [],
                |row| row.get(0),
            )
            .map_err(|source| LedgerError::Sqlite { path: path.clone(), source })?;
        connection.set_prepared_statement_cache_capacity(16);
        connection.set_transaction_behavior(rusqlite::TransactionBehavior::Immediate);
        Ok(Self {
            connection,
            path,
            _lock: lock,
            next_seq,
            minute: i64::MIN,
            open: HashMap::new(),
            opened_by: HashMap::new(),
            pruned_on: i64::MIN,
            pruned_at: i64::MIN,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the records of one answer, all or none. When this returns they survive kill -9.
    ///
    /// # Errors
    /// The disk does not take them: the answer must not leave.
    pub fn record(&mut self, records: &[Record<'_>]) -> Result<(), LedgerError> {
        let Some(first) = records.first() else {
            return Ok(());
        };
        self.turn_minute(first.at.div_euclid(60))?;
        let written = self.write_records(records);
        if written.is_err() {
            // What the failed transaction had opened is not there: look nothing up in it again.
            self.forget_minute();
        }
        written.map_err(|source| self.error(source))
    }

    fn write_records(&mut self, records: &[Record<'_>]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for record in records {
            let mut row = Row {
                user: record.user,
                app: record.app.into(),
                trust: record.trust,
                purpose: record.purpose.into(),
                data: record.data.into(),
                reason: record.reason.word(),
                tag: record.tag.into(),
            };
            if let Some(seq) = self.open.get(&row) {
                count_again(&transaction, *seq, record.at)?;
                continue;
            }
            let opened = self.opened_by.entry((row.user, row.app.clone())).or_insert(0);
            if *opened >= ROWS_PER_MINUTE {
                row.tag = "".into();
                if record.may_be_invented() {
                    row.purpose = "*".into();
                    row.data = "*".into();
                }
                if let Some(seq) = self.open.get(&row) {
                    count_again(&transaction, *seq, record.at)?;
                    continue;
                }
            }
            *opened += 1;
            let seq = self.next_seq;
            insert(&transaction, seq, record, &row)?;
            self.next_seq += 1;
            self.open.insert(row, seq);
        }
        transaction.commit()
    }

    /// Writes setting events. One that is there already is passed over, so that a replay is harmless.
    ///
    /// # Errors
    /// The disk does not take them; they stay in the store's outbox.
    pub fn note(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        self.write_events(events).map_err(|source| self.error(source))
    }

    fn write_events(&mut self, events: &[Event]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for event in events {
            let added = transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO events
                        (seq, generation, ordinal, at, user, what, toggle, app, state, lifetime,
                         until, made_by, notice)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                )?
                .execute(params![
                    self.next_seq,
                    event.generation.cast_signed(),
                    event.ordinal,
                    event.at,
                    event.user,
                    event.what.word(),
                    event.toggle,
                    event.app,
                    event.state,
                    event.lifetime,
                    event.until,
                    event.by,
                    event.notice,
                ])?;
            self.next_seq += i64::from(added > 0);
        }
        transaction.commit()
    }

    /// Makes everything written so far durable against power loss too. Waits for no reader.
    ///
    /// # Errors
    /// The disk does not take it, or a reader needs an older state still.
    pub fn sync(&mut self) -> Result<(), LedgerError> {
        let (is_busy, frames, moved): (bool, i64, i64) = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map_err(|source| self.error(source))?;
        if is_busy || frames != moved {
            return Err(LedgerError::BeingRead { path: self.path.clone() });
        }
        Ok(())
    }

    /// Records of another minute open rows of their own. Now and then what is too old or too much goes.
    fn turn_minute(&mut self, minute: i64) -> Result<(), LedgerError> {
        if minute == self.minute {
            return Ok(());
        }
        self.forget_minute();
        self.minute = minute;
        let day = minute.div_euclid(24 * 60);
        if self.next_seq.saturating_sub(self.pruned_at) >= ROWS_BETWEEN_PRUNES {
            self.prune_excess().map_err(|source| self.error(source))?;
            self.pruned_at = self.next_seq;
        }
        if day != self.pruned_on {
            self.prune(minute.saturating_mul(60)).map_err(|source| self.error(source))?;
            self.pruned_on = day;
        }
        Ok(())
    }

    fn forget_minute(&mut self) {
        self.minute = i64::MIN;
        self.open.clear();
        self.opened_by.clear();
    }

    /// Takes what is too much from whoever has most, the oldest first: no app's flood takes another's
    /// records.
    fn prune_excess(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let count = "SELECT count(*) FROM records";
        let held: i64 = transaction.query_row(count, [], |row| row.get(0))?;
        let mut excess = held - MAX_RECORDS;
        while excess > 0 {
            let gone = transaction.execute(
                "DELETE FROM records WHERE seq IN (
                    SELECT records.seq FROM records JOIN (
                        SELECT user, app FROM records GROUP BY user, app
                        ORDER BY count(*) DESC LIMIT 1
                    ) AS most USING (user, app) ORDER BY records.seq LIMIT ?1)",
                [excess.min(ROWS_BETWEEN_PRUNES)],
            )?;
            if gone == 0 {
                break;
            }
            excess -= i64::try_from(gone).unwrap_or(i64::MAX);
        }
        transaction.commit()
    }

    fn prune(&mut self, now: i64) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM records WHERE last < ?1", [now - RECORD_SECONDS])?;
        transaction.execute("DELETE FROM events WHERE at < ?1", [now - EVENT_SECONDS])?;
        transaction.commit()
    }

    fn error(&self, source: rusqlite::Error) -> LedgerError {
        LedgerError::Sqlite { path: self.path.clone(), source }
    }
}

fn count_again(db: &Connection, seq: i64, at: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE records SET count = count + 1, last = ?2 WHERE seq = ?1")?
        .execute([seq, at])?;
    Ok(())
}

fn insert(db: &Connection, seq: i64, record: &Record<'_>, row: &Row) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO records
            (seq, at, last, user, app, trust, purpose, data, decision, reason, tag, count)
         VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1)",
    )?
    .execute(params![
        seq,
        record.at,
        row.user,
        row.app,
        row.trust,
        row.purpose,
        row.data,
        record.reason.decision().word(),
        row.reason,
        row.tag,
    ])?;
    Ok(())
}

/// A file beside the ledger: closing a second descriptor of the ledger itself would drop SQLite's locks.
fn lock(path: &Path) -> Result<File, LedgerError> {
    let path = path.with_file_name("ledger.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|source| LedgerError::File { path: path.clone(), source })?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(LedgerError::InUse { path }),
        Err(errno) => Err(LedgerError::File { path, source: errno.into() }),
    }
}

fn prepare(path: &Path) -> Result<Connection, LedgerError> {
    let sqlite = |source| LedgerError::Sqlite { path: path.into(), source };
    let file = |source| LedgerError::File { path: path.into(), source };
    if path.try_exists().map_err(file)? {
        inspect(path)?;
    } else {
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        created.map_err(file)?;
    }
    let mut connection = Connection::open(path).map_err(sqlite)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(sqlite)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(sqlite)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(sqlite)?;
    connection.pragma_update(None, "cache_size", -512).map_err(sqlite)?;
    let version: usize =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    for (number, migration) in MIGRATIONS.iter().enumerate().skip(version) {
        let step = connection.transaction().map_err(sqlite)?;
        step.execute_batch(migration).map_err(sqlite)?;
        step.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
        step.pragma_update(None, "user_version", number + 1).map_err(sqlite)?;
        step.commit().map_err(sqlite)?;
    }
    Ok(connection)
}

/// Whether a file that is there may be worked on. Looks without writing.
fn inspect(path: &Path) -> Result<(), LedgerError> {
    let sqlite = |source| LedgerError::Sqlite { path: path.into(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(sqlite)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(sqlite)?;
    if application != APPLICATION_ID && (application != 0 || tables != 0) {
        return Err(LedgerError::Foreign { path: path.into() });
    }
    let found: usize =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(sqlite)?;
    let known = MIGRATIONS.len();
    if found > known {
        return Err(LedgerError::Newer { path: path.into(), found, known });
    }
    Ok(())
}
