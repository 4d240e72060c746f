//! After a loss: what the ledger knows and the store does not is replayed, as far as it denies; and
//! what somebody does by hand about the store (invariant 4).
//!
//! It never loosens anything: an `on`, a lock that was let go, an app that was reset are left out.

use std::path::Path;
use std::thread::JoinHandle;

use super::error::EngineError;
use super::held::{self, HeldKey, Since};
use super::names::{ALL_APPS, ToggleKey};
use super::policy::{Numbers, PolicyError};
use super::settings::{AgeBand, By, Entry, Key, LockedFor, Overlay, Restored, Settings};
use super::{Engine, State};
use crate::catalog::{Kind, Scope, State as ToggleState};
use crate::ledger::{Event, Ledger, LedgerError, What};
use crate::row::Row;
use crate::store::{Batch, Loaded, Opened, Store, StoreError};

const DAY: i64 = 86_400;

/// Why store and ledger were not compared.
#[derive(Debug, thiserror::Error)]
enum NotCompared {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Numbers(#[from] PolicyError),
}

/// The backup in the making, and the day of the last one.
#[derive(Debug, Default)]
pub(super) struct Backups {
    making: Option<JoinHandle<()>>,
    /// Days since 1970, UTC.
    made_on: Option<i64>,
}

impl Backups {
    pub fn begin(state_dir: &Path) -> Self {
        let made_on = Store::last_backup(state_dir).map(|at| at.div_euclid(DAY));
        Self { making: None, made_on }
    }

    /// Waits for the backup in the making.
    fn finish(&mut self) {
        if self.making.take().is_some_and(|making| making.join().is_err()) {
            tracing::error!("a backup broke off");
        }
    }
}

impl Drop for Backups {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Engine {
    /// Compares store and ledger, if both are open and were not compared yet. Where that fails, the one
    /// that is to blame counts as not open.
    pub(super) fn compare_opened(
        &self,
        writer: &mut Option<Store>,
        ledger: &mut Result<Ledger, String>,
    ) {
        let (Some(store), Ok(opened)) = (writer.as_mut(), ledger.as_ref()) else { return };
        match self.compare(store, opened) {
            Ok(()) => {}
            Err(NotCompared::Ledger(error)) => {
                tracing::error!(%error, "the ledger cannot be compared with the store: everything is denied");
                *ledger = Err(error.to_string());
            }
            Err(error @ (NotCompared::Store(_) | NotCompared::Numbers(_))) => {
                tracing::error!(%error, "the store did not take what the ledger knows: everything is denied");
                self.write_state().store = Err(error.to_string());
                *writer = None;
            }
        }
    }

    /// Compares a store that was just opened with the ledger, and with what else remembers how far it
    /// was. One that knows of later changes shows that an older store was put in place, or restored:
    /// what it denied since is replayed, and what is not off asks.
    fn compare(&self, store: &mut Store, ledger: &Ledger) -> Result<(), NotCompared> {
        if store.is_compared() {
            return Ok(());
        }
        let ledgers_last = ledger.last_generation()?.unwrap_or_default();
        let last = ledgers_last.max(store.once_had());
        let behind = store.known().filter(|known| last > *known);
        let mut events = match behind {
            Some(known) => ledger.events_after(known)?,
            None => Vec::new(),
        };
        let at = self.clock.now().wall;
        let mut state = self.write_state();
        let state = &mut *state;
        let owed = std::mem::take(&mut state.owed);
        if behind.is_none() && owed.is_empty() {
            store.agree(state.generation)?;
            return Ok(());
        }
        events.extend_from_slice(&owed);
        let overlay = replayed(&events, &mut state.numbers, &state.settings)?;
        let names = state.numbers.new.clone();
        let mut batch =
            Batch { names: &names, overlay: Some(&overlay), events: &owed, at, ..Batch::default() };
        let kept = match behind {
            Some(known) => {
                tracing::error!(
                    store = known,
                    lost = last,
                    ledger = ledgers_last,
                    denials = overlay.entries.len() + overlay.locks.len(),
                    "the store lost its last changes, or is an older copy: what was switched off \
                     since is off again, and what is not off asks until it is confirmed"
                );
                store.catch_up(last, &batch).map(|starts| u64::from(starts) << 32)
            }
            None => {
                batch.generation = state.generation + 1;
                store.commit(&batch).and_then(|()| {
                    store.agree(batch.generation)?;
                    Ok(batch.generation)
                })
            }
        };
        let generation = match kept {
            Ok(generation) => generation,
            Err(error) => {
                state.owed = owed;
                return Err(error.into());
            }
        };
        state.generation = generation;
        state.numbers.new.clear();
        state.settings.take(overlay);
        if behind.is_some() {
            state.settings.allowances.clear();
            // As in the store: which identifiers were reset since, nobody knows.
            state.settings.secrets.clear();
            state.settings.renewals.clear();
            state.settings.restored = Some(Restored { generation, apps: u32::MAX, at });
        }
        state.unsaved.in_outbox += owed.len();
        state.unsaved.outbox.extend(owed);
        Ok(())
    }

    /// Makes the backup of the day in the background, if none was made yet. A change brings it along.
    pub(super) fn back_up_daily(&self, now: i64) {
        // Somebody makes one just now: no change waits for that.
        let Ok(mut backups) = self.backups.try_lock() else { return };
        let today = now.div_euclid(DAY);
        let busy = backups.making.as_ref().is_some_and(|making| !making.is_finished());
        if busy || backups.made_on == Some(today) {
            return;
        }
        backups.made_on = Some(today);
        let state_dir = self.config.state_dir.clone();
        let make = move || {
            if let Err(error) = Store::back_up(&state_dir, now) {
                tracing::warn!(%error, "the day's backup was not made");
            }
        };
        match std::thread::Builder::new().name("backup".into()).spawn(make) {
            Ok(making) => backups.making = Some(making),
            Err(error) => tracing::warn!(%error, "the day's backup was not begun"),
        }
    }

    /// Backs up what no backup has yet, and leaves nothing of the store beside its file: at stop.
    pub(super) fn back_up_rest(&self) {
        self.lock_backups().finish();
        let writer = self.lock_writer();
        let Some(store) = writer.as_ref() else { return };
        let state_dir = &self.config.state_dir;
        let backed_up = match store.is_backed_up(state_dir) {
            Ok(true) => Ok(()),
            Ok(false) => Store::back_up(state_dir, self.clock.now().wall).map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = backed_up {
            tracing::warn!(%error, "no backup was made at stop");
        }
        if let Err(error) = store.settle() {
            tracing::warn!(%error, "the log stays beside the store");
        }
    }

    /// Looks the store and its backups through. Holds nobody up.
    ///
    /// # Errors
    /// The backups cannot be looked at.
    pub fn check_store(&self) -> Result<Row, EngineError> {
        let state_dir = &self.config.state_dir;
        let findings = match Store::check(state_dir) {
            Ok(findings) => findings,
            Err(error) => vec![error.to_string()],
        };
        let backups = Store::backups(state_dir)?.into_iter().map(|(backup, error)| {
            Row::new()
                .with("file", backup.name())
                .with("at", backup.at)
                .with("generation", backup.generation)
                .with("good", error.is_none())
                .maybe("error", error.map(|error| error.to_string()))
        });
        let row = Row::new()
            .with("sound", findings.is_empty())
            .with("findings", findings)
            .with("path", state_dir.join("settings.db").display().to_string())
            .with("backups", backups.collect::<Vec<_>>());
        Ok(row.and(self.restored()))
    }

    /// Backs the store up now. Returns the file's name.
    ///
    /// # Errors
    /// The store cannot be used, or the disk does not take the copy.
    pub fn back_up(&self) -> Result<String, EngineError> {
        self.read_state().store.clone().map_err(EngineError::StoreUnavailable)?;
        let mut backups = self.lock_backups();
        backups.finish();
        let now = self.clock.now().wall;
        let backup = Store::back_up(&self.config.state_dir, now)?;
        backups.made_on = Some(now.div_euclid(DAY));
        Ok(backup.name())
    }

    /// Puts a backup in force; what was there is set aside. What was switched off since stays off, as
    /// far as the ledger knows; everything else asks until it is confirmed.
    ///
    /// # Errors
    /// There is no such backup, it is not sound, or the disk does not take it.
    pub fn restore_store(&self, file: &str) -> Result<(), EngineError> {
        let state_dir = &self.config.state_dir;
        let backups = Store::backups(state_dir)?;
        let found = backups.into_iter().find(|(backup, _)| backup.name() == file);
        match found {
            None => Err(StoreError::UnknownBackup(file.into()).into()),
            Some((_, Some(error))) => Err(error.into()),
            Some((_, None)) => self.replace_store(|at| Store::restore(state_dir, file, at)),
        }
    }

    /// Sets the store aside and begins anew: everything asks, and what the ledger knows as switched off
    /// is off.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn reset_store(&self) -> Result<(), EngineError> {
        self.replace_store(|at| Store::reset(&self.config.state_dir, at))
    }

    fn replace_store(
        &self,
        replace: impl FnOnce(i64) -> Result<(), StoreError>,
    ) -> Result<(), EngineError> {
        self.lock_backups().finish();
        let mut writer = self.lock_writer();
        if let Some(store) = writer.as_mut() {
            // What the store that goes has to say is in the ledger first.
            self.settle_outbox_of(store, 0);
        }
        let mut state = self.write_state();
        state.store = Err("another is being put in its place".into());
        self.lock_pages().supersede();
        let unsaved = std::mem::take(&mut state.unsaved);
        state.owed.extend(unsaved.outbox);
        state.owed.extend(unsaved.events);
        drop(state);
        *writer = None;
        let replaced = replace(self.clock.now().wall);
        drop(writer);
        // Whichever is there now is opened; what cannot be opened denies, and says why.
        if let Err(error) = self.reload() {
            tracing::error!(%error, "the catalogue is not in force after the store was replaced");
        }
        replaced?;
        match &self.read_state().store {
            Ok(()) => Ok(()),
            Err(error) => Err(EngineError::StoreUnavailable(error.clone())),
        }
    }

    /// Whether the store was restored, and what waits to be confirmed since.
    pub(super) fn restored(&self) -> Row {
        let state = self.read_state();
        let Some(restored) = state.settings.restored.filter(|_| state.store.is_ok()) else {
            return Row::new();
        };
        Row::new()
            .with("restored", restored.at)
            .with("unconfirmed", u32::try_from(unconfirmed(&state, restored)).unwrap_or(u32::MAX))
    }
}

/// Opens the store and counts the start.
pub(super) fn open_store(state_dir: &Path, at: i64) -> Result<(Store, u32, Loaded), StoreError> {
    let Opened { mut store, loaded } = Store::open(state_dir, at)?;
    let starts = store.count_start()?;
    Ok((store, starts, loaded))
}

/// How many choices ask because the store was restored: those stored on, and for every user the
/// switches for all apps that are on where nobody chose.
fn unconfirmed(state: &State, restored: Restored) -> usize {
    let settings = &state.settings;
    let is_old = |entry: &Entry| entry.generation < restored.generation;
    let entries = settings.entries.iter();
    let stored = entries.filter(|(_, e)| e.state == ToggleState::On && is_old(e)).count();
    let Ok(policy) = &state.policy else { return stored };
    let mut users: Vec<u32> = settings.entries.iter().map(|(key, _)| key.user).collect();
    users.extend(settings.profiles.keys());
    users.sort_unstable();
    users.dedup();
    let defaults = policy.catalog.toggles.iter().filter(|(_, toggle)| {
        toggle.kind == Kind::Switch
            && toggle.scope != Scope::App
            && toggle.all_default == ToggleState::On
    });
    let defaults: Vec<ToggleKey> = defaults.map(|(ix, _)| policy.toggle_key(ix)).collect();
    let unset = users.iter().flat_map(|user| {
        defaults.iter().map(|toggle| Key { user: *user, app: ALL_APPS, toggle: *toggle })
    });
    stored + unset.filter(|key| settings.entries.get(key).is_none()).count()
}

/// What events took away, in their order: offs, locks, rights exercised, an age band that became a
/// minor's, a guardian.
/// What was chosen after an event stays.
fn replayed(
    events: &[Event],
    numbers: &mut Numbers,
    settings: &Settings,
) -> Result<Overlay, PolicyError> {
    let mut overlay = Overlay::default();
    for event in events {
        let locks = match (event.what, event.user) {
            (What::Lock, None) | (What::Catalog, None) => Some(LockedFor::Everybody),
            (What::Lock, Some(user)) => Some(LockedFor::User(user)),
            // A lock that a toggle's successor inherited looks so; taken for one, it denies more.
            (What::Catalog, Some(user))
                if event.app.as_deref() == Some("")
                    && event.by.as_deref() == Some(By::Administrator.word()) =>
            {
                Some(LockedFor::User(user))
            }
            (What::Profile, Some(user)) => {
                replay_profile(event, user, settings, &mut overlay);
                continue;
            }
            (What::Right, Some(user)) => {
                replay_right(event, user, numbers, settings, &mut overlay);
                continue;
            }
            (What::Set | What::Catalog, Some(_)) => None,
            (
                What::Set
                | What::Reset
                | What::Forget
                | What::Expired
                | What::Consumed
                | What::Unlock
                | What::Profile
                | What::Decline
                | What::IdentifierReset
                | What::Right
                | What::RightLifted
                | What::CaseOpened
                | What::CaseEnded,
                _,
            ) => continue,
        };
        let Some(toggle) = event.toggle.as_deref() else { continue };
        if let Some(whose) = locks {
            overlay.locks.insert((whose, numbers.toggle(toggle)?), true);
            continue;
        }
        let is_off = event.state.as_deref() == Some(ToggleState::Off.word());
        if let (true, Some(user), Some(app)) = (is_off, event.user, event.app.as_deref()) {
            let key = Key { user, app: numbers.app(app), toggle: numbers.toggle(toggle)? };
            if settings.entries.get(&key).is_none_or(|kept| kept.generation <= event.generation) {
                overlay.entries.insert(key, Some(off(event)));
                if settings.allowances.contains_key(&key) {
                    overlay.allowances.insert(key, None);
                }
            }
        }
    }
    Ok(overlay)
}

fn off(event: &Event) -> Entry {
    let by = By::ALL.into_iter().find(|by| event.by.as_deref() == Some(by.word()));
    Entry {
        generation: event.generation,
        at: u32::try_from(event.at).unwrap_or_default(),
        notice: None,
        state: ToggleState::Off,
        by: by.unwrap_or(By::Shell),
    }
}

fn replay_right(
    event: &Event,
    user: u32,
    numbers: &mut Numbers,
    settings: &Settings,
    overlay: &mut Overlay,
) {
    let words = event.state.as_deref().unwrap_or_default();
    let Some((right, purpose, data)) = held::parsed(words) else { return };
    let app = numbers.app(event.app.as_deref().unwrap_or_default());
    let key = HeldKey { user, app, right, purpose, data };
    if settings.rights.get(&key).is_none_or(|kept| kept.generation <= event.generation) {
        overlay.rights.insert(key, Some(Since { generation: event.generation, at: event.at }));
    }
}

/// Replays of a profile what protects a minor; its event says it in words.
fn replay_profile(event: &Event, user: u32, settings: &Settings, overlay: &mut Overlay) {
    let known = overlay.profiles.get(&user).or_else(|| settings.profiles.get(&user));
    let mut profile = known.cloned().unwrap_or_default();
    for word in event.state.as_deref().unwrap_or_default().split(", ") {
        match word.split_once(' ') {
            Some(("age", age)) if age == AgeBand::Minor.word() => {
                profile.age_band = Some(AgeBand::Minor);
            }
            Some(("guardian", guardian)) => {
                profile.guardian = guardian.parse().ok().or(profile.guardian);
            }
            Some(_) | None => {}
        }
    }
    if known.cloned().unwrap_or_default() != profile {
        overlay.profiles.insert(user, profile);
    }
}
