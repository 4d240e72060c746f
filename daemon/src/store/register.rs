//! The register of breaches on the disk (R56). It decides nothing, so the sum is not over it.

use rusqlite::{Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Store;
use super::error::StoreError;
use super::read::{Unread, odd};
use crate::catalog::Risk;
use crate::engine::breaches::{Breach, Note};

impl Store {
    /// The number that the next breach gets.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next_breach(&self) -> Result<i64, StoreError> {
        let sql = "SELECT ifnull(max(id), 0) + 1 FROM breaches";
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|error| self.sqlite(error))
    }

    /// The register, newest first, each breach with what was done since, in that order.
    ///
    /// # Errors
    /// The store cannot be read, or holds what was never written there.
    pub fn breaches(&self) -> Result<Vec<(Breach, Vec<Note>)>, StoreError> {
        let mut breaches: Vec<(Breach, Vec<Note>)> = Vec::new();
        let sql = "SELECT id, found, happened, entered, what, risk, people, users, regions, data,
                          apps, measures
                   FROM breaches ORDER BY id DESC";
        self.each(sql, |row| {
            let risk: String = row.get(5)?;
            let breach = Breach {
                id: row.get(0)?,
                found: row.get(1)?,
                happened: row.get(2)?,
                entered: row.get(3)?,
                what: row.get(4)?,
                risk: Risk::parse(&risk).ok_or_else(|| odd("a risk", risk))?,
                people: row.get(6)?,
                users: list(row.get(7)?)?,
                regions: list(row.get(8)?)?,
                data: list(row.get(9)?)?,
                apps: list(row.get(10)?)?,
                measures: row.get(11)?,
            };
            breaches.push((breach, Vec::new()));
            Ok(())
        })?;
        self.each("SELECT breach, at, told, measures FROM breach_notes ORDER BY id", |row| {
            let id: i64 = row.get(0)?;
            let note = Note { at: row.get(1)?, told: row.get(2)?, measures: row.get(3)? };
            let of = breaches.iter_mut().find(|(breach, _)| breach.id == id);
            of.into_iter().for_each(|(_, notes)| notes.push(note.clone()));
            Ok(())
        })?;
        Ok(breaches)
    }
}

pub(super) fn put_breach(db: &Transaction<'_>, breach: &Breach) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO breaches
            (id, found, happened, entered, what, risk, people, users, regions, data, apps, measures)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        breach.id,
        breach.found,
        breach.happened,
        breach.entered,
        breach.what,
        breach.risk.word(),
        breach.people,
        json(&breach.users)?,
        json(&breach.regions)?,
        json(&breach.data)?,
        json(&breach.apps)?,
        breach.measures,
    ])
    .map(drop)
}

pub(super) fn put_note(db: &Transaction<'_>, breach: i64, note: &Note) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO breach_notes (breach, at, told, measures) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![breach, note.at, note.told, note.measures])
    .map(drop)
}

fn json(list: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(list)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn list<T: DeserializeOwned>(text: String) -> Result<Vec<T>, Unread> {
    serde_json::from_str(&text).map_err(|_| odd("a list", text))
}
