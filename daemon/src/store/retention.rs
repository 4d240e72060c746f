//! What became of what was collected, in the store.

use std::collections::BTreeMap;

use rusqlite::ToSql;

use super::Store;
use super::error::StoreError;
use super::read::odd;
use super::tally::{Book, Kept, Tally};
use crate::engine::names::AppKey;
use crate::engine::retention::{Fate, Keeping, PairKey, RetentionChanges};

impl Store {
    pub(super) fn retained(
        &self,
        tally: &mut Tally,
    ) -> Result<BTreeMap<PairKey, Keeping>, StoreError> {
        let mut pairs = BTreeMap::new();
        self.each_kept(Kept::Retention, tally, |row| {
            let key = PairKey {
                user: row.get(0)?,
                app: AppKey(row.get(1)?),
                purpose: row.get(2)?,
                item: row.get(3)?,
            };
            let (state, law): (String, Option<u32>) = (row.get(4)?, row.get(5)?);
            let fate = match (state.as_str(), law) {
                ("active", None) => Fate::Active,
                ("due", None) => Fate::Due,
                ("isolated", law) => Fate::Isolated(law),
                ("erased", None) => Fate::Erased,
                ("anonymised", None) => Fate::Anonymised,
                _ => return Err(odd("a state of what was collected", state)),
            };
            let kept = Keeping {
                fate,
                last: row.get(6)?,
                lived: row.get(7)?,
                seq: row.get(8)?,
                since: row.get(9)?,
                generation: row.get::<_, i64>(10)?.cast_unsigned(),
            };
            pairs.insert(key, kept);
            Ok(())
        })?;
        Ok(pairs)
    }
}

pub(super) fn put(book: &mut Book<'_>, changes: &RetentionChanges) -> rusqlite::Result<()> {
    for (key, kept) in &changes.pairs {
        let sql = "INSERT OR REPLACE INTO retention
                       (user, app, purpose, item, state, law, last, lived, seq, since, generation)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let values: [&dyn ToSql; 11] = [
            &key.user,
            &key.app.0,
            &key.purpose,
            &key.item,
            &kept.fate.word(),
            &kept.fate.law(),
            &kept.last,
            &kept.lived,
            &kept.seq,
            &kept.since,
            &kept.generation.cast_signed(),
        ];
        book.write(Kept::Retention, &values[..4], sql, &values)?;
    }
    if let Some(lived) = &changes.lived {
        book.note("lived", &lived.text())?;
    }
    if let Some((anew, seq)) = changes.read {
        book.note("collected", &format!("{anew} {seq}"))?;
    }
    Ok(())
}
