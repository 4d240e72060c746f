//! The ledger: who asked for what, why, what was answered, how often; and what users changed.
//!
//! An answer is in the journal before it leaves the daemon, so it survives kill -9; power loss may take
//! the last moments. Closed minutes and setting events are in `ledger.db`, under a hash chain. No
//! collected value is ever stored, only that it was asked for.

mod body;
mod chain;
mod drained;
mod entry;
mod error;
mod file;
mod filter;
mod journal;
mod opening;
mod prune;
mod query;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

pub use chain::{Anchor, Link, Verdict};
pub use drained::Drained;
pub use entry::{Event, Line, Record, What};
pub use error::LedgerError;
pub use filter::{Asked, By, Count, Counted, Filter, Wanted};
pub use query::{Collected, LedgerReader, Page};

use body::Body;
use chain::Kind;
use file::{Meta, sqlite_error};
use journal::Journal;
use opening::{anew, known_store, open_journal, open_or_anew};

/// Distinct rows that one app of one user can open in a minute; what exceeds them is counted in one
/// row of `*`, so that a flood of invented ids cannot fill the disk.
const ROWS_PER_MINUTE: u32 = 1_024;

/// The writing end. One writer: the engine.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    state_dir: PathBuf,
    path: PathBuf,
    journal: Journal,
    /// Held while this daemon lives: a second one would give the same places to other rows.
    _lock: File,
    store: Option<u128>,
    /// How often it was begun anew.
    anew: u32,
    /// Whether the file went aside and no other could be begun: the connection leads nowhere.
    lost: bool,
    next_seq: i64,
    minute: i64,
    opened_by: HashMap<(u32, Box<str>), u32>,
    /// Usage memories that will not be drained any more.
    ended: HashSet<u64>,
    /// Where a row's bytes are put together.
    bytes: Vec<u8>,
}

impl Ledger {
    /// Opens the ledger in `state_dir`, creating it if there is none. It belongs to the store with the
    /// id `store`. What is damaged is set aside whole, at Unix second `now`, and begun anew: the
    /// journal keeps what it has, and so does `ledger.db`.
    ///
    /// # Errors
    /// Any of [`LedgerError`]; the files are as they were.
    pub fn open(state_dir: &Path, store: Option<u128>, now: i64) -> Result<Self, LedgerError> {
        let path = state_dir.join(file::FILE);
        let lock = file::lock(state_dir)?;
        let connection = open_or_anew(state_dir, &path, store, now)?;
        let sqlite = |source| sqlite_error(&path, source);
        let id = match store {
            Some(id) => id,
            None => known_store(&connection).map_err(sqlite)?,
        };
        let closed = Meta::Closed.read(&connection).map_err(sqlite)?;
        let closed = closed.and_then(|serial| serial.parse().ok());
        let journal = open_journal(state_dir, id, closed, now)?;
        let stored: i64 = connection
            .query_row(
                "SELECT max((SELECT ifnull(max(seq), 0) FROM records),
                            (SELECT ifnull(max(seq), 0) FROM events),
                            (SELECT ifnull(max(last_seq), 0) FROM blocks))",
                [],
                |row| row.get(0),
            )
            .map_err(sqlite)?;
        let open = journal.rows().map(|(_, open)| open.seq).max().unwrap_or(0);
        Ok(Self {
            connection,
            state_dir: state_dir.into(),
            journal,
            _lock: lock,
            store,
            anew: 0,
            lost: false,
            next_seq: stored.max(open) + 1,
            minute: i64::MIN,
            opened_by: HashMap::new(),
            ended: HashSet::new(),
            bytes: Vec::new(),
            path,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often it was begun anew since it was opened: a reader of an earlier file reads what was.
    #[must_use]
    pub fn times_anew(&self) -> u32 {
        self.anew
    }

    /// Writes the records of one answer. When this returns they survive kill -9.
    ///
    /// # Errors
    /// They cannot be written: the answer must not leave. Some of them may stand all the same.
    pub fn record(&mut self, records: &[Record<'_>]) -> Result<(), LedgerError> {
        let Some(first) = records.first() else {
            return Ok(());
        };
        let minute = first.at.div_euclid(60);
        if minute != self.minute {
            self.turn_minute(minute, first.at);
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        let written = records.iter().try_for_each(|record| self.put(record, minute, &mut bytes));
        self.bytes = bytes;
        written
    }

    fn put(
        &mut self,
        record: &Record<'_>,
        minute: i64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), LedgerError> {
        let mut body = record.body(minute);
        body.encode(bytes);
        if let Some(counted) = self.journal.counted(bytes) {
            return self.count(bytes, counted, record);
        }
        let opened = self.opened_by.entry((record.user, record.app.into())).or_insert(0);
        if *opened >= ROWS_PER_MINUTE {
            body.tag = "";
            if record.may_be_invented() {
                body.purpose = "*";
                body.data = "*";
            }
            body.encode(bytes);
            if let Some(counted) = self.journal.counted(bytes) {
                return self.count(bytes, counted, record);
            }
        } else {
            *opened += 1;
        }
        self.append(bytes, record.times, record.at)
    }

    /// Counts a row that is open. What does not fit in its count goes into rows after it.
    fn count(
        &mut self,
        bytes: &[u8],
        counted: u32,
        record: &Record<'_>,
    ) -> Result<(), LedgerError> {
        let room = u32::MAX - counted;
        let times = u32::try_from(record.times).unwrap_or(u32::MAX).min(room);
        self.journal.count(bytes, times, record.at);
        match record.times - u64::from(times) {
            0 => Ok(()),
            rest => self.continue_after_closing(bytes, rest, record.at),
        }
    }

    fn append(&mut self, bytes: &[u8], times: u64, at: i64) -> Result<(), LedgerError> {
        let first = u32::try_from(times).unwrap_or(u32::MAX);
        if self.journal.append(bytes, first, self.next_seq, at) {
            self.next_seq += 1;
            return match times - u64::from(first) {
                0 => Ok(()),
                rest => self.continue_after_closing(bytes, rest, at),
            };
        }
        if self.journal.is_empty() {
            return Err(file::damaged(&self.path, "the journal has no room for one row"));
        }
        self.continue_after_closing(bytes, times, at)
    }

    fn continue_after_closing(
        &mut self,
        bytes: &[u8],
        times: u64,
        at: i64,
    ) -> Result<(), LedgerError> {
        self.close_segment(at).map_err(|error| LedgerError::Full(Box::new(error)))?;
        self.append(bytes, times, at)
    }

    /// Brings the open rows to `ledger.db`.
    ///
    /// # Errors
    /// The disk does not take them: they stay open, and are there after a restart.
    pub fn close_segment(&mut self, now: i64) -> Result<(), LedgerError> {
        if self.journal.is_empty() {
            return Ok(());
        }
        self.find_again(now)?;
        let closed = self.insert_open_rows().map_err(|source| self.error(source));
        let closed = match closed {
            Err(error @ LedgerError::Damaged { .. }) => {
                self.begin_anew(&error.to_string(), now)?;
                self.insert_open_rows().map_err(|source| self.error(source))
            }
            closed => closed,
        };
        closed.map(|()| {
            self.journal.begin_next();
            self.ended.clear();
        })
    }

    fn insert_open_rows(&mut self) -> rusqlite::Result<()> {
        let serial = self.journal.serial();
        let transaction = self.connection.transaction()?;
        let closed = Meta::Closed.read(&transaction)?.and_then(|serial| serial.parse().ok());
        if closed.is_some_and(|closed: u32| closed >= serial) {
            // An earlier commit was taken, though it was said to have failed.
            return Ok(());
        }
        let mut rows: Vec<_> = self.journal.rows().collect();
        rows.sort_unstable_by_key(|(_, open)| open.seq);
        for (bytes, open) in &rows {
            if let Some(body) = Body::decode(bytes) {
                insert(&transaction, *open, &body)?;
                if let Some(usage) = body.usage.filter(|usage| !self.ended.contains(usage)) {
                    drained::add(&transaction, usage, *open, &body)?;
                }
            }
        }
        self.ended.iter().try_for_each(|usage| drained::forget(&transaction, *usage))?;
        if let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) {
            chain::seal(&transaction, Kind::Records, first.seq, last.seq)?;
        }
        Meta::Closed.write(&transaction, &serial.to_string())?;
        transaction.commit()
    }

    /// Writes setting events. One that is there already is passed over, so that a replay is harmless.
    ///
    /// # Errors
    /// The disk does not take them; they stay in the store's outbox.
    pub fn note(&mut self, events: &[Event]) -> Result<(), LedgerError> {
        let Some(last) = events.last() else {
            return Ok(());
        };
        self.find_again(last.at)?;
        self.write_events(events).map_err(|source| self.error(source))
    }

    fn write_events(&mut self, events: &[Event]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        let first = self.next_seq;
        let mut next = first;
        for event in events {
            next += i64::from(insert_event(&transaction, next, event)? > 0);
        }
        if next > first {
            chain::seal(&transaction, Kind::Events, first, next - 1)?;
        }
        transaction.commit()?;
        self.next_seq = next;
        Ok(())
    }

    /// Makes everything in `ledger.db` durable against power loss too. Waits for no reader. Returns
    /// the end of the chain as the disk has it now.
    ///
    /// # Errors
    /// The disk does not take it, or a reader needs an older state still.
    pub fn sync(&mut self) -> Result<Anchor, LedgerError> {
        let sync = || -> rusqlite::Result<(Anchor, bool, i64, i64)> {
            let head = chain::head(&self.connection)?;
            self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((head, row.get(0)?, row.get(1)?, row.get(2)?))
            })
        };
        let (head, is_busy, frames, moved) = sync().map_err(|source| self.error(source))?;
        if is_busy || frames != moved {
            return Err(LedgerError::BeingRead { path: self.path.clone() });
        }
        Ok(head)
    }

    /// Brings everything into `ledger.db` alone: before the daemon ends.
    ///
    /// # Errors
    /// The disk does not take it; then the journal and SQLite's log have it.
    pub fn close(&mut self, now: i64) -> Result<(), LedgerError> {
        self.close_segment(now)?;
        let merge = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.connection.query_row(merge, [], |_| Ok(())).map_err(|source| self.error(source))
    }

    /// The setting events of later changes than that of `generation`, oldest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn events_after(&self, generation: u64) -> Result<Vec<Event>, LedgerError> {
        query::events_after(&self.connection, generation).map_err(|source| self.error(source))
    }

    /// The generation of the latest change that it has an event of.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn last_generation(&self) -> Result<Option<u64>, LedgerError> {
        self.connection
            .query_row("SELECT max(generation) FROM events", [], |row| row.get::<_, Option<i64>>(0))
            .map(|last| last.map(i64::cast_unsigned))
            .map_err(|source| self.error(source))
    }

    /// The rows of the open minute, in no order.
    #[must_use]
    pub fn open_lines(&self) -> Vec<Line> {
        let lines = self.journal.rows().filter_map(|(bytes, open)| {
            Some(Line::open(open.seq, open.at, open.last, open.count, &Body::decode(bytes)?))
        });
        lines.collect()
    }

    /// How much of a usage memory's counters is in the ledger, the open rows included.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn drained(&self, usage: u64) -> Result<Drained, LedgerError> {
        let mut drained =
            drained::of(&self.connection, usage).map_err(|source| self.error(source))?;
        for (bytes, open) in self.journal.rows() {
            if let Some(body) = Body::decode(bytes).filter(|body| body.usage == Some(usage)) {
                drained.add(&body, open.count.into());
            }
        }
        Ok(drained)
    }

    /// Says that a usage memory is drained to its end: what was kept of its totals can go.
    pub fn end_usage(&mut self, usage: u64) {
        self.ended.insert(usage);
    }

    /// Sets `ledger.db` aside and begins another. The open rows stay open.
    ///
    /// # Errors
    /// The disk does not take it; then nothing can be recorded until it does.
    pub fn begin_anew(&mut self, why: &str, now: i64) -> Result<(), LedgerError> {
        // Closed first: what is moved away must not be written any more.
        let nothing = Connection::open_in_memory().map_err(|source| self.error(source))?;
        drop(std::mem::replace(&mut self.connection, nothing));
        self.lost = true;
        self.connection = anew(&self.state_dir, &self.path, self.store, why, now)?;
        self.lost = false;
        self.anew += 1;
        Ok(())
    }

    /// Opens the file again after it could not be begun anew.
    fn find_again(&mut self, now: i64) -> Result<(), LedgerError> {
        if self.lost {
            self.connection = open_or_anew(&self.state_dir, &self.path, self.store, now)?;
            self.lost = false;
            self.anew += 1;
        }
        Ok(())
    }

    /// Looks the whole file at `path` through, which is a while's work. Needs no ledger to be open.
    ///
    /// # Errors
    /// It is damaged, or cannot be read.
    pub fn check(path: &Path) -> Result<(), LedgerError> {
        file::check(path)
    }

    /// Records of another minute open rows of their own. What cannot be brought to the disk stays in
    /// the journal and is tried again; and what is too old or too much goes.
    fn turn_minute(&mut self, minute: i64, now: i64) {
        self.minute = minute;
        self.opened_by = HashMap::new();
        if let Err(error) = self.close_segment(now) {
            tracing::error!(%error, "the last minute stays in the journal");
            return;
        }
        if let Err(error) = prune::prune(&mut self.connection, now) {
            tracing::warn!(%error, "old records were not pruned");
        }
    }

    fn error(&self, source: rusqlite::Error) -> LedgerError {
        sqlite_error(&self.path, source)
    }
}

fn insert(db: &Transaction<'_>, open: journal::Open, body: &Body<'_>) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO records
            (seq, at, last, user, app, trust, purpose, data, decision, reason, tag, count, usage)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        open.seq,
        open.at,
        open.last,
        body.user,
        body.app,
        body.trust,
        body.purpose,
        body.data,
        body.decision,
        body.reason,
        body.tag,
        open.count,
        body.usage.map(u64::cast_signed),
    ])?;
    db.prepare_cached(
        "INSERT INTO held (user, app, rows) VALUES (?1, ?2, 1)
         ON CONFLICT DO UPDATE SET rows = rows + 1",
    )?
    .execute(params![body.user, body.app])?;
    Ok(())
}

fn insert_event(db: &Transaction<'_>, seq: i64, event: &Event) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO events
            (seq, generation, ordinal, at, user, what, toggle, app, state, lifetime, until,
             made_by, notice)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        seq,
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
    ])
}
