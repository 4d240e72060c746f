//! Reading: everything at start.

use std::num::NonZeroU16;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::error::{StoreError, sqlite_error};
use super::tally::{Kept, Tally};
use super::{Store, Table};
use crate::catalog::State;
use crate::clock::Moment;
use crate::engine::entries::Entries;
use crate::engine::lived::Lived;
use crate::engine::names::{AppKey, Names, NoticeKey, ToggleKey};
use crate::engine::retention::Retention;
use crate::engine::settings::{
    AgeBand, Allowance, By, Entry, Key, Lifetime, LockedFor, Profile, Restored, Settings,
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
    /// As [`Store::first_loads`].
    pub pairs: Vec<FirstLoad>,
    /// As [`Store::coverage`].
    pub coverage: Vec<(ToggleKey, u32, u32)>,
    /// As [`Store::newest_notice`].
    pub notice: Option<(i64, Box<str>)>,
    /// The generation of the last change that was committed since store and ledger were compared; none
    /// if a version wrote it that did not keep it.
    pub generation: Option<u64>,
}

impl Store {
    /// Reads the settings, the names and the outbox, and sees that they are what was written.
    ///
    /// # Errors
    /// A row cannot be read, holds what was never written there, or names what is not there.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded::default();
        let mut tally = Tally::default();
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
            self.each_kept(table.kept(), &mut tally, |row| {
                names.insert(row.get(0)?, row.get(1)?);
                Ok(())
            })?;
        }
        let meta = self.meta(&mut tally)?;
        loaded.settings = Settings {
            entries: self.entries(&mut tally)?,
            allowances: self.allowances(&mut tally)?.into_iter().collect(),
            locks: self.locks(&mut tally)?.into_iter().collect(),
            profiles: self.profiles(&mut tally)?.into_iter().collect(),
            refusals: self.refusals(&mut tally)?.into_iter().collect(),
            secrets: self.secrets(&mut tally)?.into_iter().collect(),
            renewals: self.renewals(&mut tally)?.into_iter().collect(),
            rights: self.rights(&mut tally)?,
            notices: self.notice_answers(&mut tally)?,
            retention: Retention {
                pairs: self.retained(&mut tally)?,
                lived: meta.lived,
                read: meta.read,
                changes: 0,
            },
            restored: meta.restored,
        };
        loaded.generation = meta.generation;
        loaded.notice = meta.notice;
        loaded.pairs = self.pairs(&mut tally)?;
        loaded.coverage = self.covered(&mut tally)?;
        self.each("SELECT event FROM outbox ORDER BY generation, ordinal", |row| {
            let body: String = row.get(0)?;
            loaded.outbox.push(serde_json::from_str(&body).map_err(|_| odd("an event", body))?);
            Ok(())
        })?;
        let kept = Tally::kept(&self.connection).map_err(|error| self.sqlite(error))?;
        // Version 1 kept no sum; it is counted when that is brought to this version.
        if meta.store_id.is_some() && kept != Some(tally) {
            return Err(self.damaged(super::file::NOT_AS_WRITTEN));
        }
        loaded.is_whole().map_err(|what| self.damaged(what))?;
        Ok(loaded)
    }

    /// What the store says of itself.
    pub(super) fn meta(&self, tally: &mut Tally) -> Result<Meta, StoreError> {
        let mut meta = Meta::default();
        let mut restored: (Option<u64>, Option<u32>, Option<i64>) = (None, None, None);
        self.each_kept(Kept::Meta, tally, |row| {
            let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
            let wrong = || odd("a line of meta", format!("{key} = {value}"));
            match key.as_str() {
                "starts" => meta.starts = value.parse().map_err(|_| wrong())?,
                "store-id" => {
                    meta.store_id = Some(super::marker::parse(&value).ok_or_else(wrong)?);
                }
                "generation" => meta.generation = Some(value.parse().map_err(|_| wrong())?),
                "lived" => meta.lived = Some(Lived::parse(&value).ok_or_else(wrong)?),
                "collected" => {
                    let (anew, seq) = value.split_once(' ').ok_or_else(wrong)?;
                    let place = (anew.parse().ok(), seq.parse().ok());
                    meta.read = Some(place.0.zip(place.1).ok_or_else(wrong)?);
                }
                "notice" => {
                    let (effective, id) = value.split_once(' ').ok_or_else(wrong)?;
                    let effective = effective.parse().map_err(|_| wrong())?;
                    meta.notice = Some((effective, id.into()));
                }
                "restored" => restored.0 = Some(value.parse().map_err(|_| wrong())?),
                "restored-apps" => restored.1 = Some(value.parse().map_err(|_| wrong())?),
                "restored-at" => restored.2 = Some(value.parse().map_err(|_| wrong())?),
                _ => {}
            }
            Ok(())
        })?;
        meta.restored = restored.0.map(|generation| Restored {
            generation,
            apps: restored.1.unwrap_or(u32::MAX),
            at: restored.2.unwrap_or_default(),
        });
        Ok(meta)
    }

    /// Pairs that were loaded before, sorted.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn first_loads(&self) -> Result<Vec<FirstLoad>, StoreError> {
        self.pairs(&mut Tally::default())
    }

    fn pairs(&self, tally: &mut Tally) -> Result<Vec<FirstLoad>, StoreError> {
        let mut pairs = Vec::new();
        self.each_kept(Kept::Pairs, tally, |row| {
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
        self.covered(&mut Tally::default())
    }

    fn covered(&self, tally: &mut Tally) -> Result<Vec<(ToggleKey, u32, u32)>, StoreError> {
        let mut coverage = Vec::new();
        self.each_kept(Kept::Coverage, tally, |row| {
            coverage.push((ToggleKey(row.get(0)?), row.get(1)?, row.get(2)?));
            Ok(())
        })?;
        coverage.sort_unstable();
        Ok(coverage)
    }

    fn entries(&self, tally: &mut Tally) -> Result<Entries, StoreError> {
        let mut entries = Entries::default();
        self.each(Kept::Settings.sql(), |row| {
            // Each value is fetched once: there may be a hundred thousand rows, and a start waits.
            let mut values = [ValueRef::Null; 8];
            for (column, value) in values.iter_mut().enumerate() {
                *value = row.get_ref(column)?;
            }
            tally.add_values(Kept::Settings, &values);
            let [user, app, toggle, chosen, at, generation, made_by, notice] = values;
            let key = Key {
                user: number(user)?,
                app: AppKey(number(app)?),
                toggle: ToggleKey(number(toggle)?),
            };
            let entry = Entry {
                state: state(chosen)?,
                at: number(at)?,
                generation: number::<i64>(generation)?.cast_unsigned(),
                by: by(made_by)?,
                notice: if notice == ValueRef::Null {
                    None
                } else {
                    NonZeroU16::new(number(notice)?).map(NoticeKey)
                },
            };
            entries.insert(key, entry);
            Ok(())
        })?;
        Ok(entries)
    }

    fn allowances(&self, tally: &mut Tally) -> Result<Vec<(Key, Allowance)>, StoreError> {
        let mut rows = Vec::new();
        self.each_kept(Kept::Allowances, tally, |row| {
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

    fn locks(&self, tally: &mut Tally) -> Result<Vec<(LockedFor, ToggleKey)>, StoreError> {
        let mut rows = Vec::new();
        self.each_kept(Kept::Locks, tally, |row| {
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

    fn profiles(&self, tally: &mut Tally) -> Result<Vec<(u32, Profile)>, StoreError> {
        let mut rows = Vec::new();
        self.each_kept(Kept::Profiles, tally, |row| {
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

    fn refusals(&self, tally: &mut Tally) -> Result<Vec<(Key, u32)>, StoreError> {
        let mut rows = Vec::new();
        self.each_kept(Kept::Refusals, tally, |row| {
            rows.push((key(row)?, row.get(3)?));
            Ok(())
        })?;
        Ok(rows)
    }

    pub(super) fn each_kept(
        &self,
        table: Kept,
        tally: &mut Tally,
        mut take: impl FnMut(&Row<'_>) -> Result<(), Unread>,
    ) -> Result<(), StoreError> {
        self.each(table.sql(), |row| {
            tally.add(table, row)?;
            take(row)
        })
    }

    pub(super) fn each(
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

/// What the store says of itself.
#[derive(Debug, Default)]
pub(super) struct Meta {
    /// How often a daemon started with it.
    pub starts: u32,
    /// Which store it is; version 1 did not say.
    pub store_id: Option<u128>,
    /// See [`Loaded::generation`].
    pub generation: Option<u64>,
    /// When it was restored last.
    pub restored: Option<Restored>,
    /// See [`Store::newest_notice`].
    pub notice: Option<(i64, Box<str>)>,
    /// The daemon's own count of time.
    pub lived: Option<Lived>,
    /// Up to where the ledger was read for retention.
    pub read: Option<(u32, i64)>,
}

impl Loaded {
    /// Whether everything that settings speak of is there.
    fn is_whole(&self) -> Result<(), &'static str> {
        let settings = &self.settings;
        let keys = settings.entries.iter().map(|(key, _)| key);
        let keys = keys.chain(settings.allowances.keys().copied());
        let known = |toggle: ToggleKey| self.toggles.name(u32::from(toggle.0)).is_some();
        let mut last = None;
        for key in keys {
            // They come app by app.
            if last != Some(key.app) && self.apps.name(key.app.0).is_none() {
                return Err("a setting is of an app that is not there");
            }
            last = Some(key.app);
            if !known(key.toggle) {
                return Err("a setting is of a toggle that is not there");
            }
        }
        if settings.rights.keys().any(|key| self.apps.name(key.app.0).is_none()) {
            return Err("a right is towards an app that is not there");
        }
        let mut notices = settings
            .entries
            .iter()
            .map(|(_, entry)| entry)
            .chain(settings.allowances.values().map(|allowance| allowance.entry))
            .filter_map(|entry| entry.notice);
        if notices.any(|notice| self.notices.name(u32::from(notice.0.get())).is_none()) {
            return Err("a consent is under a notice that is not there");
        }
        match settings.locks.iter().all(|(_, toggle)| known(*toggle)) {
            true => Ok(()),
            false => Err("a lock is of a toggle that is not there"),
        }
    }
}

pub(super) enum Unread {
    Sqlite(rusqlite::Error),
    Odd { what: &'static str, value: String },
}

impl From<rusqlite::Error> for Unread {
    fn from(source: rusqlite::Error) -> Self {
        Unread::Sqlite(source)
    }
}

pub(super) fn odd(what: &'static str, value: String) -> Unread {
    Unread::Odd { what, value }
}

fn key(row: &Row<'_>) -> Result<Key, Unread> {
    Ok(Key { user: row.get(0)?, app: AppKey(row.get(1)?), toggle: ToggleKey(row.get(2)?) })
}

/// A notice that has to be there.
pub(super) fn notice_key(row: &Row<'_>, column: usize) -> Result<NoticeKey, Unread> {
    notice(row, column)?.ok_or_else(|| odd("a notice", "0".into()))
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

fn number<T: TryFrom<i64>>(value: ValueRef<'_>) -> Result<T, Unread> {
    let number = value.as_i64().map_err(rusqlite::Error::from)?;
    T::try_from(number).map_err(|_| odd("a number", number.to_string()))
}

fn state(value: ValueRef<'_>) -> Result<State, Unread> {
    match text(value) {
        b"on" => Ok(State::On),
        b"off" => Ok(State::Off),
        b"ask" => Ok(State::Ask),
        other => Err(odd("a state", String::from_utf8_lossy(other).into_owned())),
    }
}

pub(super) fn by(value: ValueRef<'_>) -> Result<By, Unread> {
    let word = text(value);
    By::ALL
        .into_iter()
        .find(|by| by.word().as_bytes() == word)
        .ok_or_else(|| odd("a way of choosing", String::from_utf8_lossy(word).into_owned()))
}
