//! How much of an app's usage memory the ledger has: committed with the rows, so that a count that is
//! drained again after a crash is neither lost nor counted twice.

use std::collections::HashMap;

use rusqlite::{Connection, Transaction, params};

use super::body::Body;
use super::journal::Open;

/// What was drained of one usage memory, by purpose, data item and reason.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Drained(HashMap<Counted, u64>);

/// Purpose, data item, reason.
type Counted = (Box<str>, Box<str>, Box<str>);

impl Drained {
    /// How often it is in the ledger that a pair was answered for a reason.
    #[must_use]
    pub fn total(&self, purpose: &str, data: &str, reason: &str) -> u64 {
        let key = (purpose.into(), data.into(), reason.into());
        self.0.get(&key).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, body: &Body<'_>, count: u64) {
        let key = (body.purpose.into(), body.data.into(), body.reason.into());
        let total = self.0.entry(key).or_insert(0);
        *total = total.saturating_add(count);
    }
}

/// What closed rows have of a usage memory.
pub(super) fn of(db: &Connection, usage: u64) -> rusqlite::Result<Drained> {
    db.prepare_cached("SELECT purpose, data, reason, total FROM drained WHERE usage = ?1")?
        .query_map([usage.cast_signed()], |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()
        .map(Drained)
}

/// Adds a row that is being closed.
pub(super) fn add(
    db: &Transaction<'_>,
    usage: u64,
    open: Open,
    body: &Body<'_>,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO drained (usage, purpose, data, reason, total, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET total = total + excluded.total, at = excluded.at",
    )?
    .execute(params![
        usage.cast_signed(),
        body.purpose,
        body.data,
        body.reason,
        open.count,
        open.last
    ])
    .map(drop)
}

/// Forgets a usage memory that nobody counts in any more.
pub(super) fn forget(db: &Transaction<'_>, usage: u64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM drained WHERE usage = ?1")?
        .execute([usage.cast_signed()])
        .map(drop)
}

/// Forgets those whose app never came back after a crash.
pub(super) fn prune(db: &Transaction<'_>, before: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM drained WHERE at < ?1")?.execute([before]).map(drop)
}
