//! Writing: one batch, one transaction, whole or not at all.

use rusqlite::{ToSql, params};

use super::Store;
use super::consents::{self, ConsentGiven};
use super::error::{StoreError, sqlite_error};
use super::notices;
use super::retention;
use super::tally::{Book, Kept};
use super::{cases, identifiers, register, rights};
use crate::engine::breaches::{Breach, Note};
use crate::engine::cases::CaseChange;
use crate::engine::consent::ConsentEnd;
use crate::engine::names::{AppKey, NoticeKey, ToggleKey};
use crate::engine::settings::{AgeBand, Allowance, Entry, Key, LockedFor, Overlay, Profile};
use crate::ledger::{Anchor, Event};

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

    pub(super) fn kept(self) -> Kept {
        match self {
            Table::Apps => Kept::Apps,
            Table::Toggles => Kept::Toggles,
            Table::Notices => Kept::Notices,
            Table::Purposes => Kept::Purposes,
            Table::Items => Kept::Items,
        }
    }

    fn insert(self) -> &'static str {
        match self {
            Table::Apps => "INSERT OR IGNORE INTO apps (id, name) VALUES (?1, ?2)",
            Table::Toggles => "INSERT OR IGNORE INTO toggles (id, name) VALUES (?1, ?2)",
            Table::Notices => "INSERT OR IGNORE INTO notices (id, name) VALUES (?1, ?2)",
            Table::Purposes => "INSERT OR IGNORE INTO purposes (id, name) VALUES (?1, ?2)",
            Table::Items => "INSERT OR IGNORE INTO items (id, name) VALUES (?1, ?2)",
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

/// One change, as it goes to the disk.
#[derive(Debug, Default)]
pub struct Batch<'a> {
    /// Names that the rest speaks of.
    pub names: &'a [NewName],
    /// New values.
    pub overlay: Option<&'a Overlay>,
    /// Consents given.
    pub consents: &'a [ConsentGiven],
    /// Consents that end.
    pub ended: &'a [ConsentEnd],
    /// What happened, for the ledger.
    pub events: &'a [Event],
    /// Pairs loaded for the first time, with the notice in force: app, purpose, item, notice.
    pub pairs: &'a [(AppKey, u32, u32, NoticeKey)],
    /// What toggles cover from now on, in place of what they covered: toggle, purpose, item.
    pub coverage: Option<&'a [(ToggleKey, u32, u32)]>,
    /// The notice that is in force from now on: when it took effect, and its id.
    pub notice: Option<&'a (i64, Box<str>)>,
    /// After a restore: the highest number of an app that was there then.
    pub restored_apps: Option<u32>,
    /// Breaches entered in the register.
    pub breaches: &'a [Breach],
    /// What was done about breaches: which, and what.
    pub breach_notes: &'a [(i64, Note)],
    /// What changes of the cases.
    pub cases: &'a [CaseChange],
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
        let raises = self.compared;
        self.write(|book| {
            put(book, batch)?;
            if let Some((effective, id)) = batch.notice {
                book.note("notice", &format!("{effective} {id}"))?;
            }
            if let Some(apps) = batch.restored_apps {
                book.note("restored-apps", &apps.to_string())?;
            }
            // Until store and ledger were compared, the ledger may know of later changes than this.
            if raises { book.note("generation", &batch.generation.to_string()) } else { Ok(()) }
        })?;
        self.ahead |= !raises;
        if raises {
            self.remember_generation(batch.generation);
        }
        Ok(())
    }

    /// One transaction that keeps the sum over the rows right.
    pub(super) fn write<T>(
        &mut self,
        write: impl FnOnce(&mut Book<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let written = in_book(&mut self.connection, write);
        written.map_err(|source| sqlite_error(&self.path, source))
    }

    /// Forgets outbox events up to a generation, once the ledger has them durably; and notes how far
    /// its chain was then.
    ///
    /// # Errors
    /// The disk does not take it; they stay, and are offered to the ledger again.
    pub fn clear_outbox(&mut self, up_to: u64, anchor: Option<Anchor>) -> Result<(), StoreError> {
        self.write(|book| {
            book.db
                .prepare_cached("DELETE FROM outbox WHERE generation <= ?1")?
                .execute([up_to.cast_signed()])?;
            match anchor {
                Some(anchor) => book.note(ANCHOR, &anchor_text(anchor)),
                None => Ok(()),
            }
        })
    }

    /// How far the ledger's chain was when it was last known to be on the disk.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = ?1";
        match self.connection.query_row(sql, [ANCHOR], |row| row.get::<_, String>(0)) {
            Ok(text) => match parse_anchor(&text) {
                Some(anchor) => Ok(Some(anchor)),
                None => Err(self.damaged("what it notes of the ledger cannot be read")),
            },
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            Err(source) => Err(sqlite_error(&self.path, source)),
        }
    }
}

/// What `meta` calls the note of how far the ledger is.
const ANCHOR: &str = "ledger-anchor";

fn anchor_text(anchor: Anchor) -> String {
    let link: String = anchor.link.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} {link}", anchor.block)
}

fn parse_anchor(text: &str) -> Option<Anchor> {
    let (block, digits) = text.split_once(' ')?;
    let mut link = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, at) in link.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(Anchor { block: block.parse().ok()?, link })
}

/// One transaction on a store's file that keeps the sum over the rows right.
pub(super) fn in_book<T>(
    connection: &mut rusqlite::Connection,
    write: impl FnOnce(&mut Book<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut book = Book::open(&transaction)?;
    let written = write(&mut book)?;
    book.close()?;
    transaction.commit()?;
    Ok(written)
}

pub(super) fn put(book: &mut Book<'_>, batch: &Batch<'_>) -> rusqlite::Result<()> {
    for new in batch.names {
        let values: [&dyn ToSql; 2] = [&new.number, &new.name];
        book.write(new.table.kept(), &values[..1], new.table.insert(), &values)?;
    }
    let db = book.db;
    for given in batch.consents {
        consents::give(db, given)?;
    }
    if let Some(overlay) = batch.overlay {
        put_overlay(book, overlay, batch.at)?;
    }
    for ended in batch.ended {
        consents::end(db, ended, batch.at, batch.generation)?;
    }
    for (app, purpose, item, notice) in batch.pairs {
        let values: [&dyn ToSql; 4] = [&app.0, purpose, item, &notice.0.get()];
        let sql =
            "INSERT OR IGNORE INTO pairs (app, purpose, item, notice) VALUES (?1, ?2, ?3, ?4)";
        book.write(Kept::Pairs, &values[..3], sql, &values)?;
    }
    if let Some(coverage) = batch.coverage {
        book.clear(Kept::Coverage, "DELETE FROM coverage")?;
        let sql = "INSERT INTO coverage (toggle, purpose, item) VALUES (?1, ?2, ?3)";
        for (toggle, purpose, item) in coverage {
            let values: [&dyn ToSql; 3] = [&toggle.0, purpose, item];
            book.write(Kept::Coverage, &values, sql, &values)?;
        }
    }
    for breach in batch.breaches {
        register::put_breach(db, breach)?;
    }
    for (breach, note) in batch.breach_notes {
        register::put_note(db, *breach, note)?;
    }
    for change in batch.cases {
        cases::put(db, change)?;
    }
    for event in batch.events {
        let body = serde_json::to_string(event)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        db.prepare_cached("INSERT INTO outbox (generation, ordinal, event) VALUES (?1, ?2, ?3)")?
            .execute(params![event.generation.cast_signed(), event.ordinal, body])?;
    }
    Ok(())
}

fn put_overlay(book: &mut Book<'_>, overlay: &Overlay, at: i64) -> rusqlite::Result<()> {
    for (key, entry) in &overlay.entries {
        match entry {
            Some(entry) => put_entry(book, *key, *entry)?,
            None => remove(book, Kept::Settings, DELETE_SETTING, *key)?,
        }
    }
    for (key, allowance) in &overlay.allowances {
        match allowance {
            Some(allowance) => put_allowance(book, *key, allowance)?,
            None => remove(book, Kept::Allowances, DELETE_ALLOWANCE, *key)?,
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
        let key: [&dyn ToSql; 2] = [&user, &toggle.0];
        book.write(Kept::Locks, &key, sql, &key)?;
    }
    for (user, profile) in &overlay.profiles {
        put_profile(book, *user, profile)?;
    }
    for (key, count) in &overlay.refusals {
        put_refusals(book, *key, *count)?;
    }
    for (user, secret) in &overlay.secrets {
        identifiers::put_secret(book, *user, secret, at)?;
    }
    for (reset, renewed) in &overlay.renewals {
        identifiers::put_renewed(book, reset, *renewed)?;
    }
    for (key, since) in &overlay.rights {
        rights::put(book, key, *since)?;
    }
    retention::put(book, &overlay.retention)?;
    notices::put(book, &overlay.notices, at)
}

fn put_entry(book: &mut Book<'_>, key: Key, entry: Entry) -> rusqlite::Result<()> {
    let values: [&dyn ToSql; 8] = [
        &key.user,
        &key.app.0,
        &key.toggle.0,
        &entry.state.word(),
        &entry.at,
        &entry.generation.cast_signed(),
        &entry.by.word(),
        &entry.notice.map(|notice| notice.0.get()),
    ];
    let sql = "INSERT OR REPLACE INTO settings
                   (user, app, toggle, state, at, generation, made_by, notice)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    book.write(Kept::Settings, &values[..3], sql, &values)
}

fn put_allowance(book: &mut Book<'_>, key: Key, allowance: &Allowance) -> rusqlite::Result<()> {
    let entry = allowance.entry;
    let values: [&dyn ToSql; 12] = [
        &key.user,
        &key.app.0,
        &key.toggle.0,
        &entry.at,
        &entry.generation.cast_signed(),
        &entry.by.word(),
        &entry.notice.map(|notice| notice.0.get()),
        &allowance.lifetime.word(),
        &allowance.lifetime.until(),
        &allowance.given.wall,
        &format!("{:032x}", allowance.given.boot),
        &allowance.given.since_boot,
    ];
    let sql = "INSERT OR REPLACE INTO allowances
                   (user, app, toggle, at, generation, made_by, notice, lifetime, until,
                    given_wall, given_boot, given_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    book.write(Kept::Allowances, &values[..3], sql, &values)
}

fn put_profile(book: &mut Book<'_>, user: u32, profile: &Profile) -> rusqlite::Result<()> {
    let values: [&dyn ToSql; 5] = [
        &user,
        &profile.region,
        &profile.age_band.map(AgeBand::word),
        &profile.language,
        &profile.guardian,
    ];
    let sql = "INSERT OR REPLACE INTO profiles (user, region, age_band, language, guardian)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    book.write(Kept::Profiles, &values[..1], sql, &values)
}

fn put_refusals(book: &mut Book<'_>, key: Key, count: u32) -> rusqlite::Result<()> {
    if count == 0 {
        return remove(book, Kept::Refusals, DELETE_REFUSALS, key);
    }
    let values: [&dyn ToSql; 4] = [&key.user, &key.app.0, &key.toggle.0, &count];
    let sql = "INSERT OR REPLACE INTO refusals (user, app, toggle, count) VALUES (?1, ?2, ?3, ?4)";
    book.write(Kept::Refusals, &values[..3], sql, &values)
}

const DELETE_REFUSALS: &str = "DELETE FROM refusals WHERE user = ?1 AND app = ?2 AND toggle = ?3";
const DELETE_SETTING: &str = "DELETE FROM settings WHERE user = ?1 AND app = ?2 AND toggle = ?3";
const DELETE_ALLOWANCE: &str =
    "DELETE FROM allowances WHERE user = ?1 AND app = ?2 AND toggle = ?3";

fn remove(book: &mut Book<'_>, table: Kept, sql: &str, key: Key) -> rusqlite::Result<()> {
    let key: [&dyn ToSql; 3] = [&key.user, &key.app.0, &key.toggle.0];
    book.write(table, &key, sql, &key)
}
