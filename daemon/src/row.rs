//! A list of named values: what inspection returns, whatever the transport.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// One value.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A word or a sentence.
    Text(String),
    /// Several words.
    List(Vec<String>),
    /// Yes or no.
    Flag(bool),
    /// A time in Unix seconds, or a number that may be negative.
    Number(i64),
    /// A uid or a small count.
    Small(u32),
    /// A count or a generation.
    Count(u64),
    /// Rows of their own.
    Rows(Vec<Row>),
}

/// Named values in the order they are shown. A name that has no value is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row(pub Vec<(&'static str, Cell)>);

impl Row {
    /// An empty row.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same row with one more value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cell>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// The same row with one more value, if there is one.
    #[must_use]
    pub fn maybe(self, name: &'static str, value: Option<impl Into<Cell>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same row with another's values after its own.
    #[must_use]
    pub fn and(mut self, other: Row) -> Self {
        self.0.extend(other.0);
        self
    }

    /// A value by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Cell> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in &self.0 {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<&Box<str>> for Cell {
    fn from(text: &Box<str>) -> Self {
        Cell::Text((**text).into())
    }
}

impl From<Vec<String>> for Cell {
    fn from(list: Vec<String>) -> Self {
        Cell::List(list)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Self {
        Cell::Flag(flag)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Cell::Number(number)
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Cell::Small(number)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Cell::Count(count)
    }
}

impl From<Vec<Row>> for Cell {
    fn from(rows: Vec<Row>) -> Self {
        Cell::Rows(rows)
    }
}
