//! Looking the ledger through, on a connection that can only read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};

use super::LedgerError;
use super::chain::{self, Anchor, Verdict};
use super::entry::{Event, Line, What, source};
use super::file::{Meta, sqlite_error};
use super::filter::{By, Conditions, Count, Counted, Filter, Whose};

/// A page of lines, newest first, and where the next one begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The lines.
    pub lines: Vec<Line>,
    /// What to ask with for older ones; none at the end.
    pub next: Option<i64>,
}

/// A pair that an app was allowed to collect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Whose.
    pub user: u32,
    /// By which app.
    pub app: String,
    /// For what.
    pub purpose: String,
    /// What.
    pub data: String,
    /// The place of the last time in the order of events.
    pub seq: i64,
    /// The last time, Unix seconds.
    pub last: i64,
}

/// The reading end: long queries here do not hold a check up.
#[derive(Debug)]
pub struct LedgerReader {
    connection: Connection,
    path: PathBuf,
}

impl LedgerReader {
    /// Opens the ledger that a [`super::Ledger`] writes.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -256)?;
            Ok(connection)
        };
        let connection = open().map_err(|source| sqlite_error(path, source))?;
        Ok(Self { connection, path: path.into() })
    }

    /// A page of lines, newest first, older than `cursor`. `open` are the rows of the open minute, as
    /// they were before this was called.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn history(
        &self,
        open: Vec<Line>,
        filter: &Filter,
        cursor: Option<i64>,
        limit: u32,
    ) -> Result<Page, LedgerError> {
        let _moment = self.moment()?;
        let mut lines: Vec<Line> = Vec::new();
        if filter.has_records() {
            let closed = self.closed_up_to()?;
            let open = open.into_iter().filter(|line| {
                line.seq() > closed
                    && cursor.is_none_or(|cursor| line.seq() < cursor)
                    && filter.takes(line)
            });
            lines.extend(open);
            let mut conditions = filter.record_conditions();
            conditions.add("seq < ?", cursor);
            self.select(RECORD, conditions, limit, |row| {
                lines.push(record(row)?);
                Ok(())
            })?;
        }
        if filter.has_events() {
            for whose in [Whose::User, Whose::Everybody] {
                let mut conditions = filter.event_conditions(whose);
                conditions.add("seq < ?", cursor);
                self.select(EVENT, conditions, limit, |row| {
                    lines.push(setting(row)?);
                    Ok(())
                })?;
            }
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.seq()));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = lines.last().filter(|_| more).map(Line::seq);
        Ok(Page { lines, next })
    }

    /// Records summed by `by`, largest first. `open` as for [`LedgerReader::history`].
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn counts(
        &self,
        open: &[Line],
        filter: &Filter,
        by: &[By],
    ) -> Result<Vec<Count>, LedgerError> {
        if !filter.has_records() {
            return Ok(Vec::new());
        }
        let _moment = self.moment()?;
        let closed = self.closed_up_to()?;
        let conditions = filter.record_conditions();
        let columns: Vec<&str> = by.iter().map(|by| by.sql()).collect();
        let selected: String = columns.iter().map(|column| format!("{column}, ")).collect();
        let group = if columns.is_empty() {
            String::new()
        } else {
            format!("GROUP BY {}", columns.join(", "))
        };
        let sql = format!(
            "SELECT {selected}ifnull(sum(count), 0) AS total FROM records WHERE {} {group}
             ORDER BY total DESC LIMIT 10000",
            conditions.sql()
        );
        let mut counts = Vec::new();
        self.rows(&sql, &conditions.values, |row| {
            let values: rusqlite::Result<Vec<Counted>> = by
                .iter()
                .enumerate()
                .map(|(column, by)| match by {
                    By::Hour | By::Day => Ok(Counted::Time(row.get(column)?)),
                    By::App | By::Data | By::Purpose | By::Decision => {
                        Ok(Counted::Word(row.get(column)?))
                    }
                })
                .collect();
            counts.push(Count { by: values?, count: row.get(by.len())? });
            Ok(())
        })?;
        for line in open.iter().filter(|line| line.seq() > closed && filter.takes(line)) {
            add(&mut counts, by, line);
        }
        counts.sort_by_key(|count| std::cmp::Reverse(count.count));
        Ok(counts)
    }

    /// How many rows of records there are, whosoever, those of the open minute left out.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn size(&self) -> Result<u64, LedgerError> {
        let mut size = 0;
        self.rows("SELECT ifnull(sum(rows), 0) FROM held", &[], |row| {
            size = row.get(0)?;
            Ok(())
        })?;
        Ok(size)
    }

    /// Looks along the hash chain, to the end; `anchor` is what the store has noted of it.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn verify(&self, anchor: Option<Anchor>) -> Result<Verdict, LedgerError> {
        let _moment = self.moment()?;
        chain::verify(&self.connection, anchor).map_err(|source| self.error(source))
    }

    /// Why it was begun anew, and where what it held is; none if it never was.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn begun(&self) -> Result<Option<String>, LedgerError> {
        Meta::Begun.read(&self.connection).map_err(|source| self.error(source))
    }

    /// While it lives, every query sees the same state.
    fn moment(&self) -> Result<rusqlite::Transaction<'_>, LedgerError> {
        self.connection.unchecked_transaction().map_err(|source| self.error(source))
    }

    /// The place of the last row that was closed.
    /// What apps were allowed to collect since place `from`, each pair with its last time; and up to where
    /// it will not change any more. `open` as for [`LedgerReader::history`].
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn collected(
        &self,
        open: &[Line],
        from: i64,
    ) -> Result<(Vec<Collected>, i64), LedgerError> {
        let _moment = self.moment()?;
        let closed = self.closed_up_to()?.max(from);
        // By place: the rows since then, and no others.
        let sql = "SELECT user, app, purpose, data, seq, last FROM records
                   WHERE seq > ? AND decision = 'allow' ORDER BY seq";
        let mut collected: HashMap<(u32, String, String, String), (i64, i64)> = HashMap::new();
        self.rows(sql, &[Value::Integer(from)], |row| {
            let pair = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            collected.insert(pair, (row.get(4)?, row.get(5)?));
            Ok(())
        })?;
        for line in open.iter().filter(|line| line.seq() > closed) {
            if let Line::Record { seq, last, user, app, purpose, data, decision, .. } = line
                && decision == "allow"
            {
                let pair = (*user, app.clone(), purpose.clone(), data.clone());
                collected.insert(pair, (*seq, *last));
            }
        }
        let collected = collected.into_iter().map(|((user, app, purpose, data), (seq, last))| {
            Collected { user, app, purpose, data, seq, last }
        });
        Ok((collected.collect(), closed))
    }

    fn closed_up_to(&self) -> Result<i64, LedgerError> {
        let mut last = 0;
        let sql = "SELECT last_seq FROM blocks WHERE kind = 'records' AND held > 0
                   ORDER BY first_seq DESC LIMIT 1";
        self.rows(sql, &[], |row| {
            last = row.get(0)?;
            Ok(())
        })?;
        Ok(last)
    }

    fn select(
        &self,
        select: &str,
        conditions: Conditions,
        limit: u32,
        take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), LedgerError> {
        self.rows(&newest_first(select, &conditions, limit), &conditions.values, take)
    }

    fn rows(
        &self,
        sql: &str,
        values: &[Value],
        mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), LedgerError> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        };
        read().map_err(|source| self.error(source))
    }

    fn error(&self, source: rusqlite::Error) -> LedgerError {
        sqlite_error(&self.path, source)
    }
}

fn newest_first(select: &str, conditions: &Conditions, limit: u32) -> String {
    let rows = u64::from(limit) + 1;
    format!("{select} WHERE {} ORDER BY seq DESC LIMIT {rows}", conditions.sql())
}

/// Adds a row of the open minute to the sums.
fn add(counts: &mut Vec<Count>, by: &[By], line: &Line) {
    let Line::Record { app, data, purpose, decision, at, count, .. } = line else {
        return;
    };
    let values: Vec<Counted> = by
        .iter()
        .map(|by| match by {
            By::App => Counted::Word(app.clone()),
            By::Data => Counted::Word(data.clone()),
            By::Purpose => Counted::Word(purpose.clone()),
            By::Decision => Counted::Word(decision.clone()),
            By::Hour => Counted::Time(at - at.rem_euclid(3600)),
            By::Day => Counted::Time(at - at.rem_euclid(86_400)),
        })
        .collect();
    match counts.iter_mut().find(|known| known.by == values) {
        Some(known) => known.count += count,
        None => counts.push(Count { by: values, count: *count }),
    }
}

/// Setting events of later changes than that of `generation`, oldest first.
pub(super) fn events_after(db: &Connection, generation: u64) -> rusqlite::Result<Vec<Event>> {
    db.prepare_cached(&format!("{EVENT} WHERE generation > ?1 ORDER BY generation, ordinal"))?
        .query_map([generation.cast_signed()], event)?
        .collect()
}

const RECORD: &str = "SELECT seq, at, last, user, app, trust, purpose, data, decision, reason, tag,
                             count, usage IS NOT NULL FROM records";
const EVENT: &str = "SELECT seq, generation, ordinal, at, user, what, toggle, app, state, lifetime,
                            until, made_by, notice FROM events";

fn record(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line::Record {
        seq: row.get(0)?,
        at: row.get(1)?,
        last: row.get(2)?,
        user: row.get(3)?,
        app: row.get(4)?,
        trust: row.get(5)?,
        purpose: row.get(6)?,
        data: row.get(7)?,
        decision: row.get(8)?,
        reason: row.get(9)?,
        tag: row.get(10)?,
        count: row.get(11)?,
        source: source(row.get(12)?),
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let what: String = row.get(5)?;
    Ok(Event {
        generation: row.get::<_, i64>(1)?.cast_unsigned(),
        ordinal: row.get(2)?,
        at: row.get(3)?,
        user: row.get(4)?,
        what: What::ALL
            .into_iter()
            .find(|known| known.word() == what)
            .ok_or(rusqlite::Error::InvalidQuery)?,
        toggle: row.get(6)?,
        app: row.get(7)?,
        state: row.get(8)?,
        lifetime: row.get(9)?,
        until: row.get(10)?,
        by: row.get(11)?,
        notice: row.get(12)?,
    })
}

fn setting(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line::Setting { seq: row.get(0)?, event: event(row)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite does for a query, a line each.
    fn plan(db: &Connection, sql: &str, conditions: &Conditions) -> String {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement
            .query_map(rusqlite::params_from_iter(&conditions.values), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_query_looks_at_every_row_or_sorts() {
        let dir = tempfile::TempDir::new().unwrap();
        let db = super::super::file::open(&dir.path().join("ledger.db"), None).unwrap();
        let word = |word: &str| Some(word.to_owned());
        let all = || Filter { user: 1000, ..Filter::default() };
        let cases = [
            (all(), "records_by_user", "events_by_user"),
            (Filter { app: word("a"), ..all() }, "records_by_app", "events_by_app"),
            (Filter { purpose: word("p"), ..all() }, "records_by_purpose", ""),
            (Filter { data: word("d"), ..all() }, "records_by_data", ""),
            (Filter { decision: word("deny"), ..all() }, "records_by_decision", ""),
            (Filter { toggle: word("t"), ..all() }, "", "events_by_toggle"),
            (
                Filter { since: Some(1), until: Some(9), ..all() },
                "blocks_by_time",
                "blocks_by_time",
            ),
        ];
        for (filter, of_records, of_events) in cases {
            let mut queries = Vec::new();
            if filter.has_records() {
                queries.push((RECORD, filter.record_conditions(), of_records));
            }
            if filter.has_events() {
                queries.push((EVENT, filter.event_conditions(Whose::User), of_events));
                queries.push((EVENT, filter.event_conditions(Whose::Everybody), of_events));
            }
            for cursor in [None, Some(500_000_i64)] {
                for (select, conditions, index) in &queries {
                    let mut conditions = conditions.clone();
                    conditions.add("seq < ?", cursor);
                    let plan = plan(&db, &newest_first(select, &conditions, 100), &conditions);
                    assert!(plan.contains(index), "{filter:?} without {index}:\n{plan}");
                    assert!(!plan.contains("SCAN"), "{filter:?}:\n{plan}");
                    assert!(!plan.contains("TEMP B-TREE"), "{filter:?}:\n{plan}");
                }
            }
        }
    }
}
