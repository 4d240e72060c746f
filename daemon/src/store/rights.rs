//! Rights that hold until they are lifted (R47, R48, R51).

use rusqlite::ToSql;

use super::Store;
use super::error::StoreError;
use super::read::odd;
use super::tally::{Book, Kept, Tally};
use crate::engine::held::{HeldKey, Lasting, Rights, Since};
use crate::engine::names::AppKey;

impl Store {
    pub(super) fn rights(&self, tally: &mut Tally) -> Result<Rights, StoreError> {
        let mut rights = Rights::new();
        self.each_kept(Kept::Rights, tally, |row| {
            let word: String = row.get(2)?;
            let key = HeldKey {
                user: row.get(0)?,
                app: AppKey(row.get(1)?),
                right: Lasting::of(&word).ok_or_else(|| odd("a right", word))?,
                purpose: row.get(3)?,
                data: row.get(4)?,
            };
            let generation = row.get::<_, i64>(5)?.cast_unsigned();
            rights.insert(key, Since { generation, at: row.get(6)? });
            Ok(())
        })?;
        Ok(rights)
    }
}

pub(super) fn put(
    book: &mut Book<'_>,
    key: &HeldKey,
    since: Option<Since>,
) -> rusqlite::Result<()> {
    let right = key.right.word();
    let (user, app, purpose, data) = (&key.user, &key.app.0, &key.purpose, &key.data);
    let which: [&dyn ToSql; 5] = [user, app, &right, purpose, data];
    let Some(since) = since else {
        let sql = "DELETE FROM rights
                   WHERE user = ?1 AND app = ?2 AND right = ?3 AND purpose = ?4 AND data = ?5";
        return book.write(Kept::Rights, &which, sql, &which);
    };
    let generation = since.generation.cast_signed();
    let values: [&dyn ToSql; 7] = [user, app, &right, purpose, data, &generation, &since.at];
    let sql = "INSERT OR REPLACE INTO rights (user, app, right, purpose, data, generation, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    book.write(Kept::Rights, &which, sql, &values)
}
