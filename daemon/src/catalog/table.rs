//! Entries by index and by id.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::ops;

/// What has an id of its own in a table.
pub trait Entry {
    /// The id: unique in its table.
    fn id(&self) -> &str;
}

/// A position in a table, typed by what the table holds.
pub trait Index: Copy {
    /// The index of a position.
    fn new(position: u16) -> Self;
    /// The position it stands for.
    fn position(self) -> usize;
}

/// Entries in their file's order, found by index or by id.
#[derive(Debug, Clone)]
pub struct Table<T, I> {
    rows: Vec<T>,
    by_id: HashMap<Box<str>, u16>,
    index: PhantomData<I>,
}

/// Why an entry was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Rejected {
    /// The id stands there already.
    #[error("`{0}` stands in this table already; give each entry an id of its own")]
    Doubled(Box<str>),
    /// An index is two bytes.
    #[error("the table holds 65,535 entries already; no more fit")]
    Full,
}

impl<T, I> Default for Table<T, I> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_id: HashMap::new(), index: PhantomData }
    }
}

impl<T: Entry, I: Index> Table<T, I> {
    /// Adds an entry at the end.
    ///
    /// # Errors
    /// The id is taken, or the table is full.
    pub fn push(&mut self, row: T) -> Result<I, Rejected> {
        let position = u16::try_from(self.rows.len()).map_err(|_| Rejected::Full)?;
        if position == u16::MAX {
            return Err(Rejected::Full);
        }
        if self.by_id.contains_key(row.id()) {
            return Err(Rejected::Doubled(row.id().into()));
        }
        self.by_id.insert(row.id().into(), position);
        self.rows.push(row);
        Ok(I::new(position))
    }

    /// The index of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<I> {
        self.by_id.get(id).map(|position| I::new(*position))
    }

    /// An entry that is not finished yet; only loading changes one.
    pub(super) fn row_mut(&mut self, index: I) -> &mut T {
        &mut self.rows[index.position()]
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        #[expect(clippy::cast_possible_truncation, reason = "push keeps positions below u16::MAX")]
        self.rows.iter().enumerate().map(|(position, row)| (I::new(position as u16), row))
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(Entry::id)
    }
}

impl<T, I: Index> ops::Index<I> for Table<T, I> {
    type Output = T;
    fn index(&self, index: I) -> &T {
        &self.rows[index.position()]
    }
}

/// Says which field of an entry is its id.
macro_rules! entry {
    ($($entry:ty),*) => {
        $(impl Entry for $entry {
            fn id(&self) -> &str {
                &self.id
            }
        })*
    };
}

entry!(
    super::DataItem,
    super::Purpose,
    super::Toggle,
    super::Recipient,
    super::Region,
    super::Notice
);
