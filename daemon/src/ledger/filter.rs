//! Which lines are wanted, and the SQL that finds them.

use rusqlite::types::Value;

use super::chain::Kind;
use super::entry::{Event, Line};

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

    pub(super) fn sql(self) -> &'static str {
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

/// What a filter looks at of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Whose settings answered.
    pub user: u32,
    /// Who asked.
    pub app: &'a str,
    /// For what.
    pub purpose: &'a str,
    /// What.
    pub data: &'a str,
    /// The answer.
    pub decision: &'a str,
}

/// The conditions of a query and their values.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    sql: Vec<&'static str>,
    pub values: Vec<Value>,
}

impl Conditions {
    pub fn add(&mut self, sql: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.sql.push(sql);
            self.values.push(value.into());
        }
    }

    fn always(&mut self, sql: &'static str) {
        self.sql.push(sql);
    }

    /// Narrows to the places that the blocks of a time have: rows are found by their place.
    fn between(&mut self, filter: &Filter, kind: Kind) {
        let (since, until) = match kind {
            Kind::Records => (
                "seq >= (SELECT min(first_seq) FROM blocks
                         WHERE kind = 'records' AND held > 0 AND until_at >= ?)",
                "seq <= (SELECT max(last_seq) FROM blocks
                         WHERE kind = 'records' AND held > 0 AND from_at <= ?)",
            ),
            Kind::Events => (
                "seq >= (SELECT min(first_seq) FROM blocks
                         WHERE kind = 'events' AND held > 0 AND until_at >= ?)",
                "seq <= (SELECT max(last_seq) FROM blocks
                         WHERE kind = 'events' AND held > 0 AND from_at <= ?)",
            ),
        };
        self.add(since, filter.since);
        self.add(until, filter.until);
    }

    pub fn sql(&self) -> String {
        if self.sql.is_empty() { "1".into() } else { self.sql.join(" AND ") }
    }
}

/// Whose setting events: each kind is found by an index of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose {
    /// The user's.
    User,
    /// Those that concern everybody.
    Everybody,
}

impl Filter {
    /// Whether it takes an answer, whenever that was.
    #[must_use]
    pub fn takes_record(&self, record: &Asked<'_>) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        self.has_records()
            && self.user == record.user
            && is(&self.app, record.app)
            && is(&self.purpose, record.purpose)
            && is(&self.data, record.data)
            && is(&self.decision, record.decision)
    }

    /// Whether it takes a setting event, whenever that was.
    #[must_use]
    pub fn takes_event(&self, event: &Event) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        self.has_events()
            && event.user.is_none_or(|user| user == self.user)
            && is(&self.app, event.app.as_deref())
            && is(&self.toggle, event.toggle.as_deref())
    }

    /// Whether it takes a row of the open minute.
    pub(super) fn takes(&self, line: &Line) -> bool {
        match line {
            Line::Record { user, app, purpose, data, decision, at, last, .. } => {
                self.since.is_none_or(|since| *last >= since)
                    && self.until.is_none_or(|until| *at <= until)
                    && self.takes_record(&Asked { user: *user, app, purpose, data, decision })
            }
            Line::Setting { .. } => false,
        }
    }

    /// The conditions that its records meet.
    pub(super) fn record_conditions(&self) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.add("user = ?", Some(self.user));
        conditions.add("app = ?", self.app.clone());
        conditions.add("purpose = ?", self.purpose.clone());
        conditions.add("data = ?", self.data.clone());
        conditions.add("decision = ?", self.decision.clone());
        conditions.add("last >= ?", self.since);
        conditions.add("at <= ?", self.until);
        conditions.between(self, Kind::Records);
        conditions
    }

    /// The conditions that its setting events meet.
    pub(super) fn event_conditions(&self, whose: Whose) -> Conditions {
        let mut conditions = Conditions::default();
        match whose {
            Whose::User => conditions.add("user = ?", Some(self.user)),
            Whose::Everybody => conditions.always("user IS NULL"),
        }
        conditions.add("app = ?", self.app.clone());
        conditions.add("toggle = ?", self.toggle.clone());
        conditions.add("at >= ?", self.since);
        conditions.add("at <= ?", self.until);
        conditions.between(self, Kind::Events);
        conditions
    }

    pub(super) fn has_records(&self) -> bool {
        self.wanted != Wanted::Settings && self.toggle.is_none()
    }

    pub(super) fn has_events(&self) -> bool {
        let records_only = self.purpose.is_some() || self.data.is_some() || self.decision.is_some();
        self.wanted != Wanted::Records && !records_only
    }
}
