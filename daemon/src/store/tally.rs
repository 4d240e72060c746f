//! A sum over every row that decides something, kept in the store itself and renewed with each change:
//! a bit that flipped in a value shows, and so do pages of two different files mixed into one.
//!
//! It finds accidents. Whoever can write the file can write the sum.

use std::collections::HashSet;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql, Transaction};

/// A table that the sum covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Meta,
    Apps,
    Toggles,
    Notices,
    Purposes,
    Items,
    Settings,
    Allowances,
    Locks,
    Profiles,
    Pairs,
    Coverage,
    Refusals,
    IdentifierSecrets,
    IdentifierResets,
    Rights,
    Declines,
    Told,
    Retention,
}

impl Kept {
    pub const ALL: [Kept; 19] = [
        Kept::Meta,
        Kept::Apps,
        Kept::Toggles,
        Kept::Notices,
        Kept::Purposes,
        Kept::Items,
        Kept::Settings,
        Kept::Allowances,
        Kept::Locks,
        Kept::Profiles,
        Kept::Pairs,
        Kept::Coverage,
        Kept::Refusals,
        Kept::IdentifierSecrets,
        Kept::IdentifierResets,
        Kept::Rights,
        Kept::Declines,
        Kept::Told,
        Kept::Retention,
    ];

    /// The table.
    fn name(self) -> &'static str {
        match self {
            Kept::Meta => "meta",
            Kept::Apps => "apps",
            Kept::Toggles => "toggles",
            Kept::Notices => "notices",
            Kept::Purposes => "purposes",
            Kept::Items => "items",
            Kept::Settings => "settings",
            Kept::Allowances => "allowances",
            Kept::Locks => "locks",
            Kept::Profiles => "profiles",
            Kept::Pairs => "pairs",
            Kept::Coverage => "coverage",
            Kept::Refusals => "refusals",
            Kept::IdentifierSecrets => "identifier_secrets",
            Kept::IdentifierResets => "identifier_resets",
            Kept::Rights => "rights",
            Kept::Declines => "declines",
            Kept::Told => "told",
            Kept::Retention => "retention",
        }
    }

    /// Reads every row, in an order that suits the reader.
    pub fn sql(self) -> &'static str {
        match self {
            Kept::Meta => "SELECT key, value FROM meta WHERE key <> 'tally'",
            Kept::Apps => "SELECT id, name FROM apps",
            Kept::Toggles => "SELECT id, name FROM toggles",
            Kept::Notices => "SELECT id, name FROM notices",
            Kept::Purposes => "SELECT id, name FROM purposes",
            Kept::Items => "SELECT id, name FROM items",
            Kept::Settings => {
                "SELECT user, app, toggle, state, at, generation, made_by, notice FROM settings"
            }
            Kept::Allowances => {
                "SELECT user, app, toggle, at, generation, made_by, notice, lifetime, until,
                        given_wall, given_boot, given_ms FROM allowances"
            }
            Kept::Locks => "SELECT user, toggle FROM locks",
            Kept::Profiles => "SELECT user, region, age_band, language, guardian FROM profiles",
            Kept::Pairs => "SELECT app, purpose, item, notice FROM pairs",
            Kept::Coverage => "SELECT toggle, purpose, item FROM coverage",
            Kept::Refusals => "SELECT user, app, toggle, count FROM refusals",
            Kept::IdentifierSecrets => "SELECT user, secret, at FROM identifier_secrets",
            Kept::IdentifierResets => {
                "SELECT user, kind, scope, generation, at, made_by FROM identifier_resets"
            }
            Kept::Rights => "SELECT user, app, right, purpose, data, generation, at FROM rights",
            Kept::Declines => "SELECT user, toggle, notice, at FROM declines",
            Kept::Retention => {
                "SELECT user, app, purpose, item, state, law, last, lived, seq, since, generation
                 FROM retention"
            }
            Kept::Told => "SELECT user, notice, at FROM told",
        }
    }

    /// What picks one row.
    fn key(self) -> &'static str {
        match self {
            Kept::Meta => " AND key = ?1",
            Kept::Apps | Kept::Toggles | Kept::Notices | Kept::Purposes | Kept::Items => {
                " WHERE id = ?1"
            }
            Kept::Settings | Kept::Allowances | Kept::Refusals => {
                " WHERE user = ?1 AND app = ?2 AND toggle = ?3"
            }
            Kept::Locks | Kept::Declines => " WHERE user = ?1 AND toggle = ?2",
            Kept::Profiles | Kept::Told | Kept::IdentifierSecrets => " WHERE user = ?1",
            Kept::IdentifierResets => " WHERE user = ?1 AND kind = ?2 AND scope = ?3",
            Kept::Rights => {
                " WHERE user = ?1 AND app = ?2 AND right = ?3 AND purpose = ?4 AND data = ?5"
            }
            Kept::Pairs => " WHERE app = ?1 AND purpose = ?2 AND item = ?3",
            Kept::Retention => " WHERE user = ?1 AND app = ?2 AND purpose = ?3 AND item = ?4",
            Kept::Coverage => " WHERE toggle = ?1 AND purpose = ?2 AND item = ?3",
        }
    }
}

/// The sum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally(u64);

impl Tally {
    /// Adds a row of [`Kept::sql`].
    pub fn add(&mut self, table: Kept, row: &Row<'_>) -> rusqlite::Result<()> {
        self.0 = self.0.wrapping_add(weigh(table, row)?);
        Ok(())
    }

    /// Adds a row whose values were fetched already.
    pub fn add_values(&mut self, table: Kept, values: &[ValueRef<'_>]) {
        let mut hash = Weight::of(table);
        values.iter().for_each(|value| hash.take(*value));
        self.0 = self.0.wrapping_add(hash.end());
    }

    /// As it is written.
    pub fn text(self) -> String {
        format!("{:016x}", self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }

    /// The sum over everything, counted anew. A file of an earlier version lacks what came later.
    pub fn count(db: &Connection) -> rusqlite::Result<Self> {
        let mut tally = Self::default();
        let mut tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let there: HashSet<String> =
            tables.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for table in Kept::ALL.into_iter().filter(|table| there.contains(table.name())) {
            let mut statement = db.prepare(table.sql())?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                tally.add(table, row)?;
            }
        }
        Ok(tally)
    }

    /// The sum that the store keeps.
    pub fn kept(db: &Connection) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT value FROM meta WHERE key = 'tally'";
        let text = db.query_row(sql, [], |row| row.get::<_, String>(0));
        match text {
            Ok(text) => Ok(Self::parse(&text)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn keep(self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        db.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('tally', ?1)")?
            .execute([self.text()])?;
        Ok(())
    }
}

/// A transaction that keeps the sum right. What is written past it shows as damage.
pub(super) struct Book<'a> {
    pub db: &'a Transaction<'a>,
    tally: Tally,
}

impl<'a> Book<'a> {
    pub fn open(db: &'a Transaction<'a>) -> rusqlite::Result<Self> {
        Ok(Self { db, tally: Tally::kept(db)?.unwrap_or_default() })
    }

    /// Writes one row of a table: replaces it, adds it, or removes it.
    pub fn write(
        &mut self,
        table: Kept,
        key: &[&dyn ToSql],
        sql: &str,
        values: &[&dyn ToSql],
    ) -> rusqlite::Result<()> {
        let before = self.weight(table, key)?;
        self.db.prepare_cached(sql)?.execute(values)?;
        let after = self.weight(table, key)?;
        self.tally.0 = self.tally.0.wrapping_sub(before).wrapping_add(after);
        Ok(())
    }

    /// Removes every row of a table.
    pub fn clear(&mut self, table: Kept, sql: &str) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare(table.sql())?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            self.tally.0 = self.tally.0.wrapping_sub(weigh(table, row)?);
        }
        self.db.execute(sql, []).map(drop)
    }

    /// Writes a line of `meta`.
    pub fn note(&mut self, key: &str, value: &str) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";
        self.write(Kept::Meta, &[&key], sql, &[&key, &value])
    }

    /// Writes the sum. The transaction is committed after it.
    pub fn close(self) -> rusqlite::Result<()> {
        self.tally.keep(self.db)
    }

    /// Counts anew: after something was written past the book on purpose.
    pub fn recount(&mut self) -> rusqlite::Result<()> {
        self.tally = Tally::count(self.db)?;
        Ok(())
    }

    fn weight(&self, table: Kept, key: &[&dyn ToSql]) -> rusqlite::Result<u64> {
        let sql = format!("{}{}", table.sql(), table.key());
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(key)?;
        rows.next()?.map_or(Ok(0), |row| weigh(table, row))
    }
}

fn weigh(table: Kept, row: &Row<'_>) -> rusqlite::Result<u64> {
    let mut hash = Weight::of(table);
    for column in 0..row.as_ref().column_count() {
        hash.take(row.get_ref(column)?);
    }
    Ok(hash.end())
}

/// A hash of the table and its values, mixed in the end: sums of neighbours do not cancel out. Any
/// value that differs makes another hash of what follows, and the file has what it always had: this is
/// part of the format.
struct Weight(u64);

impl Weight {
    fn of(table: Kept) -> Self {
        Self(table as u64)
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn take(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.word(1),
            ValueRef::Integer(number) => self.word(number.cast_unsigned()),
            ValueRef::Real(number) => self.word(number.to_bits()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                for chunk in bytes.chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    self.word(u64::from_le_bytes(word));
                }
                self.word(bytes.len() as u64);
            }
        }
    }

    fn end(self) -> u64 {
        let mut hash = self.0 ^ (self.0 >> 32);
        hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^ (hash >> 32)
    }
}
