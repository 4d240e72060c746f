//! What users answered to notices, in the store.

use rusqlite::ToSql;

use super::Store;
use super::error::StoreError;
use super::read::notice_key;
use super::tally::{Book, Kept, Tally};
use crate::engine::names::ToggleKey;
use crate::engine::notices::{NoticeAnswers, NoticeChanges};

impl Store {
    /// The newest notice that was ever in force: when it took effect, and its id.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn newest_notice(&self) -> Result<Option<(i64, Box<str>)>, StoreError> {
        Ok(self.meta(&mut Tally::default())?.notice)
    }

    pub(super) fn notice_answers(&self, tally: &mut Tally) -> Result<NoticeAnswers, StoreError> {
        let mut answers = NoticeAnswers::default();
        self.each_kept(Kept::Declines, tally, |row| {
            let whose = (row.get(0)?, ToggleKey(row.get(1)?));
            answers.declined.insert(whose, notice_key(row, 2)?);
            Ok(())
        })?;
        self.each_kept(Kept::Told, tally, |row| {
            answers.told.insert(row.get(0)?, notice_key(row, 1)?);
            Ok(())
        })?;
        Ok(answers)
    }
}

/// Writes changes. `at` is now, in Unix seconds.
pub(super) fn put(book: &mut Book<'_>, changes: &NoticeChanges, at: i64) -> rusqlite::Result<()> {
    for ((user, toggle), declined) in &changes.declined {
        let key: [&dyn ToSql; 2] = [user, &toggle.0];
        match declined {
            Some(notice) => {
                let sql = "INSERT OR REPLACE INTO declines (user, toggle, notice, at)
                           VALUES (?1, ?2, ?3, ?4)";
                let values: [&dyn ToSql; 4] = [user, &toggle.0, &notice.0.get(), &at];
                book.write(Kept::Declines, &key, sql, &values)?;
            }
            None => {
                let sql = "DELETE FROM declines WHERE user = ?1 AND toggle = ?2";
                book.write(Kept::Declines, &key, sql, &key)?;
            }
        }
    }
    for (user, notice) in &changes.told {
        let sql = "INSERT OR REPLACE INTO told (user, notice, at) VALUES (?1, ?2, ?3)";
        let values: [&dyn ToSql; 3] = [user, &notice.0.get(), &at];
        book.write(Kept::Told, &values[..1], sql, &values)?;
    }
    Ok(())
}
