//! Looking the ledger through, on a connection that can only read.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row};

use super::LedgerError;
use super::entry::{Event, Line, What};

/// Which lines are wanted; what is none does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whose lines; lines that concern everybody are always in.
    pub user: u32,
    /// One app.
    pub app: Option<String>,
    /// One toggle: its setting events alone.
    pub toggle: Option<String>,
    /// One purpose: its records alone.
    pub purpose: Option<String>,
    /// One item: its records alone.
    pub data: Option<String>,
    /// One decision: its records alone.
    pub decision: Option<String>,
    /// From here on, Unix seconds.
    pub since: Option<i64>,
    /// Up to here, Unix seconds.
    pub until: Option<i64>,
    /// Records, setting events, or both.
    pub wanted: Wanted,
}

/// Which kinds of lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Both.
    #[default]
    All,
    /// What apps asked.
    Records,
    /// What was changed.
    Settings,
}

/// A page of lines, newest first, and where the next one begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The lines.
    pub lines: Vec<Line>,
    /// What to ask with for older ones; none at the end.
    pub next: Option<i64>,
}

/// What records are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By app.
    App,
    /// By item.
    Data,
    /// By purpose.
    Purpose,
    /// By decision.
    Decision,
    /// By hour, UTC.
    Hour,
    /// By day, UTC.
    Day,
}

impl By {
    /// All of them.
    pub const ALL: [By; 6] = [By::App, By::Data, By::Purpose, By::Decision, By::Hour, By::Day];

    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            By::App => "app",
            By::Data => "data",
            By::Purpose => "purpose",
            By::Decision => "decision",
            By::Hour => "hour",
            By::Day => "day",
        }
    }

    fn sql(self) -> &'static str {
        match self {
            By::App => "app",
            By::Data => "data",
            By::Purpose => "purpose",
            By::Decision => "decision",
            By::Hour => "at - at % 3600",
            By::Day => "at - at % 86400",
        }
    }
}

/// One sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The values it was counted by, in the order asked; a time is its start in Unix seconds.
    pub by: Vec<Counted>,
    /// How many answers.
    pub count: u64,
}

/// A value that something was counted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// An id or a word.
    Word(String),
    /// The start of an hour or a day, Unix seconds.
    Time(i64),
}

/// The reading end: long queries here do not hold a check up.
#[derive(Debug)]
pub struct LedgerReader {
    connection: Connection,
    path: PathBuf,
}

/// The conditions of a query and their values.
#[derive(Default)]
struct Conditions {
    sql: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, sql: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sql.push(sql);
            self.values.push(value.into());
        }
    }

    fn sql(&self) -> String {
        if self.sql.is_empty() { "1".into() } else { self.sql.join(" AND ") }
    }
}

fn record_conditions(filter: &Filter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add("user = ?", Some(filter.user));
    conditions.add("app = ?", filter.app.clone());
    conditions.add("purpose = ?", filter.purpose.clone());
    conditions.add("data = ?", filter.data.clone());
    conditions.add("decision = ?", filter.decision.clone());
    conditions.add("last >= ?", filter.since);
    conditions.add("at <= ?", filter.until);
    conditions
}

fn event_conditions(filter: &Filter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add("(user = ? OR user IS NULL)", Some(filter.user));
    conditions.add("app = ?", filter.app.clone());
    conditions.add("toggle = ?", filter.toggle.clone());
    conditions.add("at >= ?", filter.since);
    conditions.add("at <= ?", filter.until);
    conditions
}

impl Filter {
    fn has_records(&self) -> bool {
        self.wanted != Wanted::Settings && self.toggle.is_none()
    }

    fn has_events(&self) -> bool {
        let records_only = self.purpose.is_some() || self.data.is_some() || self.decision.is_some();
        self.wanted != Wanted::Records && !records_only
    }
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
        let connection =
            open().map_err(|source| LedgerError::Sqlite { path: path.into(), source })?;
        Ok(Self { connection, path: path.into() })
    }

    /// A page of lines, newest first, older than `cursor`.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn history(
        &self,
        filter: &Filter,
        cursor: Option<i64>,
        limit: u32,
    ) -> Result<Page, LedgerError> {
        let mut lines = Vec::new();
        if filter.has_records() {
            let mut conditions = record_conditions(filter);
            conditions.add("seq < ?", cursor);
            let sql =
                "SELECT seq, at, last, user, app, trust, purpose, data, decision, reason, tag,
                              count FROM records";
            self.select(sql, conditions, limit, |row| {
                lines.push(record(row)?);
                Ok(())
            })?;
        }
        if filter.has_events() {
            let mut conditions = event_conditions(filter);
            conditions.add("seq < ?", cursor);
            let sql =
                "SELECT seq, generation, ordinal, at, user, what, toggle, app, state, lifetime,
                              until, made_by, notice FROM events";
            self.select(sql, conditions, limit, |row| {
                lines.push(event(row)?);
                Ok(())
            })?;
        }
        lines.sort_by_key(|line| std::cmp::Reverse(line.seq()));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = lines.last().filter(|_| more).map(Line::seq);
        Ok(Page { lines, next })
    }

    /// Records summed by `by`, largest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn counts(&self, filter: &Filter, by: &[By]) -> Result<Vec<Count>, LedgerError> {
        if !filter.has_records() {
            return Ok(Vec::new());
        }
        let conditions = record_conditions(filter);
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
        Ok(counts)
    }

    /// How many rows of records there are, whosoever.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn size(&self) -> Result<u64, LedgerError> {
        let mut size = 0;
        self.rows("SELECT count(*) FROM records", &[], |row| {
            size = row.get(0)?;
            Ok(())
        })?;
        Ok(size)
    }

    fn select(
        &self,
        select: &str,
        conditions: Conditions,
        limit: u32,
        take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), LedgerError> {
        let sql = format!(
            "{select} WHERE {} ORDER BY seq DESC LIMIT {}",
            conditions.sql(),
            u64::from(limit) + 1
        );
        self.rows(&sql, &conditions.values, take)
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
        read().map_err(|source| LedgerError::Sqlite { path: self.path.clone(), source })
    }
}

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
        source: "daemon",
    })
}

fn event(row: &Row<'_>) -> rusqlite::Result<Line> {
    let what: String = row.get(5)?;
    let event = Event {
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
    };
    Ok(Line::Setting { seq: row.get(0)?, event })
}
