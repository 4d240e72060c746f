//! Consents in the store: given and ended, never changed. What one covered is kept with it, once for all
//! that covered the same.

use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::{OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::Store;
use super::error::StoreError;
use super::read::Unread;
use crate::engine::consent::ConsentEnd;
use crate::engine::names::NoticeKey;
use crate::engine::settings::{By, Entry, Key, Lifetime};

/// A consent, with what a receipt needs (R39).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentGiven {
    /// Whose, for which toggle and app.
    pub key: Key,
    /// The `on`.
    pub entry: Entry,
    /// How long it was to hold.
    pub lifetime: Lifetime,
    /// Under which notice.
    pub notice: NoticeKey,
    /// The SHA-256 of that notice's text, hex.
    pub notice_sha256: Box<str>,
    /// The language of that text.
    pub notice_language: Box<str>,
    /// The language the user reads.
    pub language: Box<str>,
    /// The user's region then.
    pub region: Box<str>,
    /// The controller then (R36).
    pub controller: Box<str>,
    /// The pairs it covers: purpose, item; sorted.
    pub covers: Box<[(u32, u32)]>,
}

/// What a consent covered: each purpose with its items.
pub type Covers = Vec<(String, Vec<String>)>;

/// A consent for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRow {
    /// Its number in the store.
    pub id: i64,
    /// For which toggle.
    pub toggle: String,
    /// For which app; `""` is all.
    pub app: String,
    /// Unix seconds.
    pub at: i64,
    /// Under which notice.
    pub notice: String,
    /// The SHA-256 of its text.
    pub notice_sha256: Option<String>,
    /// The language of its text.
    pub notice_language: Option<String>,
    /// How it was given.
    pub by: String,
    /// The language of the profile then.
    pub language: String,
    /// The region then.
    pub region: String,
    /// The controller then.
    pub controller: String,
    /// How long it was to hold.
    pub lifetime: Option<String>,
    /// Until when it was to hold, Unix seconds.
    pub until: Option<i64>,
    /// What it covered; none where an earlier version did not keep it.
    pub covers: Option<Covers>,
    /// When, in the order of events.
    pub generation: u64,
    /// When it ended, Unix seconds.
    pub ended: Option<i64>,
    /// How it ended.
    pub how_ended: Option<String>,
    /// By what it was ended.
    pub ended_by: Option<String>,
}

impl Store {
    /// A user's consents that are `wanted`, newest first, as rows for display: `limit` at most, all
    /// older than number `before`.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn consents(
        &self,
        user: u32,
        before: Option<i64>,
        limit: usize,
        wanted: impl Fn(&ConsentRow) -> bool,
    ) -> Result<Vec<ConsentRow>, StoreError> {
        let before = before.unwrap_or(i64::MAX);
        let sql = format!(
            "SELECT c.id, t.name, a.name, c.at, n.name, c.notice_sha256, c.notice_language,
                    c.made_by, c.language, c.region, c.controller, c.lifetime, c.until,
                    c.generation, e.ended_at, e.how, e.made_by, c.scope
             FROM consents c
             JOIN toggles t ON t.id = c.toggle
             JOIN apps a ON a.id = c.app
             JOIN notices n ON n.id = c.notice
             LEFT JOIN consent_ends e USING (user, app, toggle, generation)
             WHERE c.user = {user} AND c.id < {before} ORDER BY c.id DESC"
        );
        let mut consents: Vec<(ConsentRow, Option<i64>)> = Vec::new();
        self.each(&sql, |row| {
            if consents.len() == limit {
                return Ok(());
            }
            let consent = ConsentRow {
                id: row.get(0)?,
                toggle: row.get(1)?,
                app: row.get(2)?,
                at: row.get(3)?,
                notice: row.get(4)?,
                notice_sha256: row.get(5)?,
                notice_language: row.get(6)?,
                by: row.get(7)?,
                language: row.get(8)?,
                region: row.get(9)?,
                controller: row.get(10)?,
                lifetime: row.get(11)?,
                until: row.get(12)?,
                covers: None,
                generation: row.get::<_, i64>(13)?.cast_unsigned(),
                ended: row.get(14)?,
                how_ended: row.get(15)?,
                ended_by: row.get(16)?,
            };
            if wanted(&consent) {
                consents.push((consent, row.get(17)?));
            }
            Ok(())
        })?;
        let mut scopes: HashMap<i64, Rc<Covers>> = HashMap::new();
        let mut rows = Vec::with_capacity(consents.len());
        for (mut consent, scope) in consents {
            if let Some(scope) = scope {
                let covers = match scopes.get(&scope) {
                    Some(known) => Rc::clone(known),
                    None => Rc::new(self.scope(scope)?),
                };
                scopes.insert(scope, Rc::clone(&covers));
                consent.covers = Some((*covers).clone());
            }
            rows.push(consent);
        }
        Ok(rows)
    }

    /// The pairs of a scope, by purpose.
    fn scope(&self, scope: i64) -> Result<Covers, StoreError> {
        let sql = format!(
            "SELECT p.name, i.name FROM scope_pairs s
             JOIN purposes p ON p.id = s.purpose
             JOIN items i ON i.id = s.item
             WHERE s.scope = {scope} ORDER BY p.name, i.name"
        );
        let mut covers = Covers::new();
        self.each(&sql, |row| {
            let (purpose, item): (String, String) = (row.get(0)?, row.get(1)?);
            match covers.last_mut() {
                Some((last, items)) if *last == purpose => items.push(item),
                Some(_) | None => covers.push((purpose, vec![item])),
            }
            Ok::<(), Unread>(())
        })?;
        Ok(covers)
    }
}

pub(super) fn give(db: &Transaction<'_>, given: &ConsentGiven) -> rusqlite::Result<()> {
    let scope = keep_scope(db, &given.covers)?;
    db.prepare_cached(
        "INSERT INTO consents
            (user, app, toggle, generation, at, notice, made_by, language, region, controller,
             scope, notice_sha256, notice_language, lifetime, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
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
        scope,
        given.notice_sha256,
        given.notice_language,
        given.lifetime.word(),
        given.lifetime.until(),
    ])?;
    Ok(())
}

/// Ends a consent, once: one that ended before has ended then. `at` is now, in Unix seconds, and
/// `generation` that of the change that ends it.
pub(super) fn end(
    db: &Transaction<'_>,
    end: &ConsentEnd,
    at: i64,
    generation: u64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO consent_ends
            (user, app, toggle, generation, ended_at, ended_by, how, made_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        end.key.user,
        end.key.app.0,
        end.key.toggle.0,
        end.generation.cast_signed(),
        at,
        generation.cast_signed(),
        end.how.word(),
        end.by.map(By::word),
    ])?;
    Ok(())
}

/// The number of a scope, which is the same for the same pairs.
fn keep_scope(db: &Transaction<'_>, pairs: &[(u32, u32)]) -> rusqlite::Result<i64> {
    let mut hash = Sha256::new();
    for (purpose, item) in pairs {
        hash.update(purpose.to_le_bytes());
        hash.update(item.to_le_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let known = db
        .prepare_cached("SELECT id FROM scopes WHERE digest = ?1")?
        .query_row([&digest[..]], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    db.prepare_cached("INSERT INTO scopes (digest) VALUES (?1)")?.execute([&digest[..]])?;
    let scope = db.last_insert_rowid();
    let mut insert =
        db.prepare_cached("INSERT INTO scope_pairs (scope, purpose, item) VALUES (?1, ?2, ?3)")?;
    for (purpose, item) in pairs {
        insert.execute(params![scope, purpose, item])?;
    }
    Ok(scope)
}
