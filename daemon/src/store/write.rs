//! Writing: one batch, one transaction, whole or not at all.

use rusqlite::{Transaction, params};

use super::{Store, StoreError, sqlite_error};
use crate::engine::names::{AppKey, NoticeKey, ToggleKey};
use crate::engine::settings::{Allowance, Entry, Key, LockedFor, Overlay, Profile};
use crate::ledger::Event;

/// Which names a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Apps.
    Apps,
    /// Toggles.
    Toggles,
    /// Notices.
    Notices,
    /// Purposes.
    Purposes,
    /// Data items.
    Items,
}

impl Table {
    /// All of them.
    pub const ALL: [Table; 5] =
        [Table::Apps, Table::Toggles, Table::Notices, Table::Purposes, Table::Items];

    pub(super) fn sql_name(self) -> &'static str {
        match self {
            Table::Apps => "apps",
            Table::Toggles => "toggles",
            Table::Notices => "notices",
            Table::Purposes => "purposes",
            Table::Items => "items",
        }
    }
}

/// A name that got its number just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewName {
    /// Of what.
    pub table: Table,
    /// Its number.
    pub number: u32,
    /// The name.
    pub name: Box<str>,
}

/// A consent, with what a receipt needs (R39).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentGiven {
    /// Whose, for which toggle and app.
    pub key: Key,
    /// The `on`.
    pub entry: Entry,
    /// Under which notice.
    pub notice: NoticeKey,
    /// The language the user reads.
    pub language: Box<str>,
    /// The user's region then.
    pub region: Box<str>,
    /// The controller then (R36).
    pub controller: Box<str>,
}

/// One change, as it goes to the disk.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    /// Names that the rest speaks of.
    pub names: &'a [NewName],
    /// New values.
    pub overlay: Option<&'a Overlay>,
    /// Consents given.
    pub consents: &'a [ConsentGiven],
    /// Consents that ended: whose, and the generation they were given in.
    pub ended: &'a [(Key, u64)],
    /// What happened, for the ledger.
    pub events: &'a [Event],
    /// Pairs loaded for the first time, with the notice in force: app, purpose, item, notice.
    pub pairs: &'a [(AppKey, u32, u32, NoticeKey)],
    /// What toggles cover from now on, in place of what they covered: toggle, purpose, item.
    pub coverage: Option<&'a [(ToggleKey, u32, u32)]>,
    /// When, Unix seconds.
    pub at: i64,
    /// The generation of this change.
    pub generation: u64,
}

impl Store {
    /// Commits a batch. When this returns, it is on the disk.
    ///
    /// # Errors
    /// The disk does not take it: then nothing of it was written.
    pub fn commit(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let mut write = || -> rusqlite::Result<()> {
            let transaction = self
                .connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            put(&transaction, batch)?;
            transaction.commit()
        };
        write().map_err(|source| sqlite_error(&self.path, source))
    }

    /// Forgets outbox events up to a generation, once the ledger has them durably.
    ///
    /// # Errors
    /// The disk does not take it; they stay, and are offered to the ledger again.
    pub fn clear_outbox(&mut self, up_to: u64) -> Result<(), StoreError> {
        let clear = || -> rusqlite::Result<usize> {
            self.connection
                .prepare_cached("DELETE FROM outbox WHERE generation <= ?1")?
                .execute([up_to.cast_signed()])
        };
        clear().map(drop).map_err(|source| sqlite_error(&self.path, source))
    }
}

fn put(db: &Transaction<'_>, batch: &Batch<'_>) -> rusqlite::Result<()> {
    for new in batch.names {
        let table = new.table.sql_name();
        db.prepare_cached(&format!("INSERT OR IGNORE INTO {table} (id, name) VALUES (?1, ?2)"))?
            .execute(params![new.number, new.name])?;
    }
    for given in batch.consents {
        put_consent(db, given)?;
    }
    if let Some(overlay) = batch.overlay {
        put_overlay(db, overlay)?;
    }
    for (key, given) in batch.ended {
        db.prepare_cached(
            "INSERT OR IGNORE INTO consent_ends (user, app, toggle, generation, ended_at, ended_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            key.user,
            key.app.0,
            key.toggle.0,
            given.cast_signed(),
            batch.at,
            batch.generation.cast_signed()
        ])?;
    }
    for (app, purpose, item, notice) in batch.pairs {
        db.prepare_cached(
            "INSERT OR IGNORE INTO pairs (app, purpose, item, notice) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![app.0, purpose, item, notice.0.get()])?;
    }
    if let Some(coverage) = batch.coverage {
        db.execute("DELETE FROM coverage", [])?;
        let mut insert =
            db.prepare_cached("INSERT INTO coverage (toggle, purpose, item) VALUES (?1, ?2, ?3)")?;
        for (toggle, purpose, item) in coverage {
            insert.execute(params![toggle.0, purpose, item])?;
        }
    }
    for event in batch.events {
        let body = serde_json::to_string(event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        db.prepare_cached("INSERT INTO outbox (generation, ordinal, event) VALUES (?1, ?2, ?3)")?
            .execute(params![event.generation.cast_signed(), event.ordinal, body])?;
    }
    Ok(())
}

fn put_consent(db: &Transaction<'_>, given: &ConsentGiven) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO consents
            (user, app, toggle, generation, at, notice, made_by, language, region, controller)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        given.key.user,
        given.key.app.0,
        given.key.toggle.0,
        given.entry.generation.cast_signed(),
        given.entry.at,
        given.notice.0.get(),
        given.entry.by.word(),
        given.language,
        given.region,
        given.controller,
    ])?;
    Ok(())
}

fn put_overlay(db: &Transaction<'_>, overlay: &Overlay) -> rusqlite::Result<()> {
    for (key, entry) in &overlay.entries {
        match entry {
            Some(entry) => put_entry(db, *key, *entry)?,
            None => remove(db, "settings", *key)?,
        }
    }
    for (key, allowance) in &overlay.allowances {
        match allowance {
            Some(allowance) => put_allowance(db, *key, allowance)?,
            None => remove(db, "allowances", *key)?,
        }
    }
    for ((whose, toggle), held) in &overlay.locks {
        let user = match whose {
            LockedFor::Everybody => -1,
            LockedFor::User(user) => i64::from(*user),
        };
        let sql = if *held {
            "INSERT OR IGNORE INTO locks (user, toggle) VALUES (?1, ?2)"
        } else {
            "DELETE FROM locks WHERE user = ?1 AND toggle = ?2"
        };
        db.prepare_cached(sql)?.execute(params![user, toggle.0])?;
    }
    for (user, profile) in &overlay.profiles {
        put_profile(db, *user, profile)?;
    }
    for (key, count) in &overlay.refusals {
        put_refusals(db, *key, *count)?;
    }
    Ok(())
}

fn put_entry(db: &Transaction<'_>, key: Key, entry: Entry) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO settings
            (user, app, toggle, state, at, generation, made_by, notice)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        key.user,
        key.app.0,
        key.toggle.0,
        entry.state.word(),
        entry.at,
        entry.generation.cast_signed(),
        entry.by.word(),
        entry.notice.map(|notice| notice.0.get()),
    ])?;
    Ok(())
}

fn put_allowance(db: &Transaction<'_>, key: Key, allowance: &Allowance) -> rusqlite::Result<()> {
    let entry = allowance.entry;
    db.prepare_cached(
        "INSERT OR REPLACE INTO allowances
            (user, app, toggle, at, generation, made_by, notice, lifetime, until,
             given_wall, given_boot, given_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        key.user,
        key.app.0,
        key.toggle.0,
        entry.at,
        entry.generation.cast_signed(),
        entry.by.word(),
        entry.notice.map(|notice| notice.0.get()),
        allowance.lifetime.word(),
        allowance.lifetime.until(),
        allowance.given.wall,
        format!("{:032x}", allowance.given.boot),
        allowance.given.since_boot,
    ])?;
    Ok(())
}

fn put_profile(db: &Transaction<'_>, user: u32, profile: &Profile) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO profiles (user, region, age_band, language, guardian)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        user,
        profile.region,
        profile.age_band.map(super::super::engine::settings::AgeBand::word),
        profile.language,
        profile.guardian,
    ])?;
    Ok(())
}

fn put_refusals(db: &Transaction<'_>, key: Key, count: u32) -> rusqlite::Result<()> {
    if count == 0 {
        return remove(db, "refusals", key);
    }
    db.prepare_cached(
        "INSERT OR REPLACE INTO refusals (user, app, toggle, count) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![key.user, key.app.0, key.toggle.0, count])?;
    Ok(())
}

fn remove(db: &Transaction<'_>, table: &str, key: Key) -> rusqlite::Result<()> {
    db.prepare_cached(&format!(
        "DELETE FROM {table} WHERE user = ?1 AND app = ?2 AND toggle = ?3"
    ))?
    .execute(params![key.user, key.app.0, key.toggle.0])?;
    Ok(())
}
