//! The catalogue as rows of plain values, for `catalog show` and the bus. It decides nothing.

use super::Catalog;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Words, an id, a number with its unit.
    Text(String),
    /// Several of them.
    List(Vec<String>),
    /// Yes or no.
    Flag(bool),
    /// A count, seconds, or a Unix time.
    Number(i64),
}

/// One entry: keys in a fixed order, each with its value; a key without a value is absent.
pub type Row = Vec<(&'static str, Value)>;

/// All entries of a kind: `data`, `purposes`, `toggles`, `bases`, `recipients`, `cookies`,
/// `regions`, `notices`, `never`. `None` if there is no such kind.
#[must_use]
pub fn describe(catalog: &Catalog, kind: &str) -> Option<Vec<Row>> {
    let _ = (catalog, kind);
    None
}
