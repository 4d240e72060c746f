//! What identifiers are made from, and when they were reset (R59). What is read here is never shown in an
//! error: it is secret.

use rusqlite::ToSql;

use super::Store;
use super::error::StoreError;
use super::read::{by, odd};
use super::tally::{Book, Kept, Tally};
use crate::pseudonym::{Kind, Renewed, Reset, Secret};

impl Store {
    pub(super) fn secrets(&self, tally: &mut Tally) -> Result<Vec<(u32, Secret)>, StoreError> {
        let mut rows = Vec::new();
        self.each_kept(Kept::IdentifierSecrets, tally, |row| {
            // What stands there is not told: it may be the most of one.
            let bytes = <[u8; 32]>::try_from(row.get_ref(1)?.as_blob().unwrap_or_default());
            let bytes = bytes.map_err(|_| odd("a secret", "something of another length".into()))?;
            rows.push((row.get(0)?, Secret::from(bytes)));
            Ok(())
        })?;
        Ok(rows)
    }

    pub(super) fn renewals(&self, tally: &mut Tally) -> Result<Vec<(Reset, Renewed)>, StoreError> {
        let mut rows = Vec::new();
        self.each_kept(Kept::IdentifierResets, tally, |row| {
            let kind: String = row.get(1)?;
            let kind = Kind::parse(&kind).ok_or_else(|| odd("a kind of identifier", kind))?;
            let reset = Reset { user: row.get(0)?, kind, scope: row.get(2)? };
            let renewed = Renewed {
                generation: row.get::<_, i64>(3)?.cast_unsigned(),
                at: row.get(4)?,
                by: by(row.get_ref(5)?)?,
            };
            rows.push((reset, renewed));
            Ok(())
        })?;
        Ok(rows)
    }
}

pub(super) fn put_secret(
    book: &mut Book<'_>,
    user: u32,
    secret: &Secret,
    at: i64,
) -> rusqlite::Result<()> {
    let values: [&dyn ToSql; 3] = [&user, secret.bytes(), &at];
    let sql = "INSERT OR REPLACE INTO identifier_secrets (user, secret, at) VALUES (?1, ?2, ?3)";
    book.write(Kept::IdentifierSecrets, &values[..1], sql, &values)
}

pub(super) fn put_renewed(
    book: &mut Book<'_>,
    reset: &Reset,
    renewed: Renewed,
) -> rusqlite::Result<()> {
    let values: [&dyn ToSql; 6] = [
        &reset.user,
        &reset.kind.word(),
        &reset.scope,
        &renewed.generation.cast_signed(),
        &renewed.at,
        &renewed.by.word(),
    ];
    let sql = "INSERT OR REPLACE INTO identifier_resets
                   (user, kind, scope, generation, at, made_by)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    book.write(Kept::IdentifierResets, &values[..3], sql, &values)
}
