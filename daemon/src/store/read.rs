//! Reading: everything at start, consents when somebody asks.

use std::num::NonZeroU16;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::{Store, StoreError, Table, sqlite_error};
use crate::catalog::State;
use crate::clock::Moment;
use crate::engine::entries::Entries;
use crate::engine::names::{AppKey, Names, NoticeKey, ToggleKey};
use crate::engine::settings::{
    AgeBand, Allowance, By, Entry, Key, Lifetime, LockedFor, Profile, Settings,
};
use crate::ledger::Event;

/// A pair's first load: app, purpose, item, and the notice in force then.
pub type FirstLoad = (AppKey, u32, u32, NoticeKey);

/// Everything in the store.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What users chose.
    pub settings: Settings,
    /// Numbers of apps.
    pub apps: Names,
    /// Numbers of toggles.
    pub toggles: Names,
    /// Numbers of notices.
    pub notices: Names,
    /// Numbers of purposes.
    pub purposes: Names,
    /// Numbers of items.
    pub items: Names,
    /// Events that the ledger may lack.
    pub outbox: Vec<Event>,
}

impl Store {
    /// Reads the settings, the names and the outbox.
    ///
    /// # Errors
    /// A row cannot be read, or holds what was never written there.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        for table in Table::ALL {
            let names = match table {
                Table::Apps => &mut loaded.apps,
                Table::Toggles => &mut loaded.toggles,
                Table::Notices => &mut loaded.notices,
                Table::Purposes => &mut loaded.purposes,
                Table::Items => &mut loaded.items,
            };
            // Numbers begin at 1, but for the two apps that stand for many.
            names.insert(0, "".into());
            let sql = format!("SELECT id, name FROM {}", table.sql_name());
            self.each(&sql, |row| {
                names.insert(row.get(0)?, row.get(1)?);
                Ok(())
            })?;
        }
        loaded.settings = Settings {
            entries: self.entries()?,
            allowances: self.allowances()?.into_iter().collect(),
            locks: self.locks()?.into_iter().collect(),
            profiles: self.profiles()?.into_iter().collect(),
            refusals: self.refusals()?.into_iter().collect(),
        };
        self.each("SELECT event FROM outbox ORDER BY generation, ordinal", |row| {
            let body: String = row.get(0)?;
            loaded.outbox.push(serde_json::from_str(&body).map_err(|_| odd("an event", body))?);
            Ok(())
        })?;
        Ok(loaded)
    }

    /// Pairs that were loaded before, sorted.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn first_loads(&self) -> Result<Vec<FirstLoad>, StoreError> {
        let mut pairs = Vec::new();
        self.each("SELECT app, purpose, item, notice FROM pairs ORDER BY 1, 2, 3", |row| {
            let notice: Option<NonZeroU16> = NonZeroU16::new(row.get(3)?);
            let notice = notice.ok_or_else(|| odd("a notice", "0".into()))?;
            pairs.push((AppKey(row.get(0)?), row.get(1)?, row.get(2)?, NoticeKey(notice)));
            Ok(())
        })?;
        Ok(pairs)
    }

    /// What toggles covered under the catalogue that was in force: toggle, purpose, item.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn coverage(&self) -> Result<Vec<(ToggleKey, u32, u32)>, StoreError> {
        let mut coverage = Vec::new();
        self.each("SELECT toggle, purpose, item FROM coverage ORDER BY 1, 2, 3", |row| {
            coverage.push((ToggleKey(row.get(0)?), row.get(1)?, row.get(2)?));
            Ok(())
        })?;
        Ok(coverage)
    }

    /// A user's consents, newest first, as rows for display.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn consents(&self, user: u32) -> Result<Vec<ConsentRow>, StoreError> {
        let mut consents = Vec::new();
        let sql = format!(
            "SELECT c.id, t.name, a.name, c.at, n.name, c.made_by, c.language, c.region,
                    c.controller, c.generation, e.ended_at
             FROM consents c
             JOIN toggles t ON t.id = c.toggle
             JOIN apps a ON a.id = c.app
             JOIN notices n ON n.id = c.notice
             LEFT JOIN consent_ends e USING (user, app, toggle, generation)
             WHERE c.user = {user} ORDER BY c.id DESC"
        );
        self.each(&sql, |row| {
            consents.push(ConsentRow {
                id: row.get(0)?,
                toggle: row.get(1)?,
                app: row.get(2)?,
                at: row.get(3)?,
                notice: row.get(4)?,
                by: row.get(5)?,
                language: row.get(6)?,
                region: row.get(7)?,
                controller: row.get(8)?,
                generation: row.get::<_, i64>(9)?.cast_unsigned(),
                ended: row.get(10)?,
            });
            Ok(())
        })?;
        Ok(consents)
    }

    fn entries(&self) -> Result<Entries, StoreError> {
        let mut entries = Entries::default();
        let sql = "SELECT user, app, toggle, state, at, generation, made_by, notice FROM settings
                   ORDER BY user, app, toggle";
        self.each(sql, |row| {
            let entry = Entry {
                state: state(row.get_ref(3)?)?,
                at: row.get(4)?,
                generation: row.get::<_, i64>(5)?.cast_unsigned(),
                by: by(row.get_ref(6)?)?,
                notice: notice(row, 7)?,
            };
            entries.insert(key(row)?, entry);
            Ok(())
        })?;
        Ok(entries)
    }

    fn allowances(&self) -> Result<Vec<(Key, Allowance)>, StoreError> {
        let mut rows = Vec::new();
        let sql = "SELECT user, app, toggle, at, generation, made_by, notice, lifetime, until,
                          given_wall, given_boot, given_ms FROM allowances";
        self.each(sql, |row| {
            let lifetime: String = row.get(7)?;
            let until: Option<i64> = row.get(8)?;
            let boot: String = row.get(10)?;
            let allowance = Allowance {
                entry: Entry {
                    state: State::On,
                    at: row.get(3)?,
                    generation: row.get::<_, i64>(4)?.cast_unsigned(),
                    by: by(row.get_ref(5)?)?,
                    notice: notice(row, 6)?,
                },
                lifetime: match (lifetime.as_str(), until) {
                    ("until", Some(until)) => Lifetime::Until(until),
                    ("boot", None) => Lifetime::Boot,
                    ("once", None) => Lifetime::Once,
                    _ => return Err(odd("a lifetime", lifetime)),
                },
                given: Moment {
                    wall: row.get(9)?,
                    boot: u128::from_str_radix(&boot, 16).map_err(|_| odd("a boot id", boot))?,
                    since_boot: row.get(11)?,
                },
            };
            rows.push((key(row)?, allowance));
            Ok(())
        })?;
        Ok(rows)
    }

    fn locks(&self) -> Result<Vec<(LockedFor, ToggleKey)>, StoreError> {
        let mut rows = Vec::new();
        self.each("SELECT user, toggle FROM locks", |row| {
            let whose = match row.get::<_, i64>(0)? {
                -1 => LockedFor::Everybody,
                user => LockedFor::User(
                    u32::try_from(user).map_err(|_| odd("a uid", user.to_string()))?,
                ),
            };
            rows.push((whose, ToggleKey(row.get(1)?)));
            Ok(())
        })?;
        Ok(rows)
    }

    fn profiles(&self) -> Result<Vec<(u32, Profile)>, StoreError> {
        let mut rows = Vec::new();
        self.each("SELECT user, region, age_band, language, guardian FROM profiles", |row| {
            let age_band: Option<String> = row.get(2)?;
            let profile = Profile {
                region: row.get(1)?,
                age_band: match age_band.as_deref() {
                    None => None,
                    Some("adult") => Some(AgeBand::Adult),
                    Some("minor") => Some(AgeBand::Minor),
                    Some(other) => return Err(odd("an age band", other.into())),
                },
                language: row.get(3)?,
                guardian: row.get(4)?,
            };
            rows.push((row.get(0)?, profile));
            Ok(())
        })?;
        Ok(rows)
    }

    fn refusals(&self) -> Result<Vec<(Key, u32)>, StoreError> {
        let mut rows = Vec::new();
        self.each("SELECT user, app, toggle, count FROM refusals", |row| {
            rows.push((key(row)?, row.get(3)?));
            Ok(())
        })?;
        Ok(rows)
    }

    fn each(
        &self,
        sql: &str,
        mut take: impl FnMut(&Row<'_>) -> Result<(), Unread>,
    ) -> Result<(), StoreError> {
        let mut read = || -> Result<(), Unread> {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                take(row)?;
            }
            Ok(())
        };
        read().map_err(|unread| match unread {
            Unread::Sqlite(source) => sqlite_error(&self.path, source),
            Unread::Odd { what, value } => {
                StoreError::Value { path: self.path.clone(), what, value }
            }
        })
    }
}

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
    /// How it was given.
    pub by: String,
    /// The language of the profile then.
    pub language: String,
    /// The region then.
    pub region: String,
    /// The controller then.
    pub controller: String,
    /// When, in the order of events.
    pub generation: u64,
    /// When it ended, Unix seconds.
    pub ended: Option<i64>,
}

enum Unread {
    Sqlite(rusqlite::Error),
    Odd { what: &'static str, value: String },
}

impl From<rusqlite::Error> for Unread {
    fn from(source: rusqlite::Error) -> Self {
        Unread::Sqlite(source)
    }
}

fn odd(what: &'static str, value: String) -> Unread {
    Unread::Odd { what, value }
}

fn key(row: &Row<'_>) -> Result<Key, Unread> {
    Ok(Key { user: row.get(0)?, app: AppKey(row.get(1)?), toggle: ToggleKey(row.get(2)?) })
}

fn notice(row: &Row<'_>, column: usize) -> Result<Option<NoticeKey>, Unread> {
    let number: Option<u16> = row.get(column)?;
    Ok(number.and_then(NonZeroU16::new).map(NoticeKey))
}

fn text(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(text) => text,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => b"",
    }
}

fn state(value: ValueRef<'_>) -> Result<State, Unread> {
    match text(value) {
        b"on" => Ok(State::On),
        b"off" => Ok(State::Off),
        b"ask" => Ok(State::Ask),
        other => Err(odd("a state", String::from_utf8_lossy(other).into_owned())),
    }
}

fn by(value: ValueRef<'_>) -> Result<By, Unread> {
    let word = text(value);
    By::ALL
        .into_iter()
        .find(|by| by.word().as_bytes() == word)
        .ok_or_else(|| odd("a way of choosing", String::from_utf8_lossy(word).into_owned()))
}
