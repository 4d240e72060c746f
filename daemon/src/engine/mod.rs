//! Checks, changes and inspection, without any transport.
//!
//! The way of a check: [`Engine::check`] → the rule → the ledger → the answer. The way of a change:
//! [`change`] → what it denies is published → the store commits → what it allows is published.
//! Any error, doubt or absence denies.

pub mod change;
mod check;
pub mod entries;
pub mod error;
mod inspect;
pub mod names;
pub mod policy;
pub mod profile;
pub mod prompt;
mod proof;
mod publish;
mod recover;
pub mod request;
pub mod settings;
mod touched;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::sync::{RwLockReadGuard, RwLockWriteGuard};

use crate::apps::Apps;
use crate::catalog::{Catalog, RegionIx};
use crate::clock::{Clock, Moment};
use crate::ledger::{Event, Ledger, LedgerError, LedgerReader, Record};
use crate::store::Store;

pub use check::{Answer, Asker, Checked};
pub use error::EngineError;
pub use inspect::Health;
pub use policy::{Policy, PolicyDirs, PolicyError};
pub use request::Request;

use policy::{Novelties, Numbers, Remembered};
use publish::{Draft, Unsaved};
use recover::Backups;
use settings::{AgeBand, Overlay, Profile, Settings, View};
use touched::Touched;

/// Where the engine works.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of both databases.
    pub state_dir: PathBuf,
    /// Where catalogue and declarations are.
    pub policy: PolicyDirs,
    /// The age band of users who set none: adult, unless the device's builder says otherwise.
    pub default_age: AgeBand,
}

/// Hears of what happened. Called after it is durable, outside the engine's locks.
pub trait Listener: Send + Sync {
    /// Settings changed; the apps concerned may now hear another answer.
    fn changed(&self, change: &Changed);
    /// Answers were recorded.
    fn recorded(&self, records: &[Record<'_>]);
    /// Setting events were noted.
    fn noted(&self, events: &[Event]);
    /// An allowance came that a clock will end, or one is gone: the next due moment may be another.
    fn due_changed(&self);
}

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// The generation of the change.
    pub generation: u64,
    /// Which settings.
    pub settings: Vec<ChangedSetting>,
}

/// One setting that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSetting {
    /// Whose; none for everybody.
    pub user: Option<u32>,
    /// The toggle's id; none for a profile.
    pub toggle: Option<String>,
    /// The app; `""` for all.
    pub app: String,
}

/// Everything a check looks at.
struct State {
    policy: Result<Arc<Policy>, String>,
    settings: Settings,
    /// Changes that are on their way to the disk.
    overlay: Option<Arc<Overlay>>,
    generation: u64,
    /// Why the store cannot be used, if it cannot.
    store: Result<(), String>,
    numbers: Numbers,
    touched: Touched,
    /// Denials that stand in memory because the disk did not take them.
    unsaved: Unsaved,
    /// What a store that was replaced had still to say: the one in its place has to.
    owed: Vec<Event>,
}

/// The daemon's heart.
pub struct Engine {
    config: Config,
    clock: Arc<dyn Clock>,
    state: RwLock<State>,
    /// Serialises changes. Taken before `state`, never after.
    writer: Mutex<Option<Store>>,
    ledger: Mutex<Result<Ledger, String>>,
    /// With how often the ledger had been begun anew when it was opened.
    reader: Mutex<Option<(u32, LedgerReader)>>,
    backups: Mutex<Backups>,
    listener: OnceLock<Arc<dyn Listener>>,
    /// Whether anybody wants to hear of every record.
    followed: AtomicBool,
    started: i64,
}

impl Engine {
    /// Opens store, ledger and policy. What cannot be opened denies, says why in [`Engine::health`],
    /// and is tried again by [`Engine::reload`].
    #[must_use]
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Self {
        let started = clock.now().wall;
        let engine = Self {
            config,
            clock,
            state: RwLock::new(State::unopened()),
            writer: Mutex::new(None),
            ledger: Mutex::new(Err("not opened yet".into())),
            reader: Mutex::new(None),
            backups: Mutex::default(),
            listener: OnceLock::new(),
            followed: AtomicBool::new(false),
            started,
        };
        if let Err(error) = engine.adopt(engine.open_while_reading()) {
            tracing::error!(%error, "no catalogue in force: everything is denied");
        }
        engine
    }

    /// Says who hears of what happens. The first one stays.
    pub fn listen(&self, listener: Arc<dyn Listener>) {
        if self.listener.set(listener).is_err() {
            tracing::warn!("somebody listens to the engine already");
        }
    }

    /// Says whether anybody wants to hear of every record.
    pub fn follow(&self, followed: bool) {
        self.followed.store(followed, Ordering::Relaxed);
    }

    /// Reads catalogue and declarations anew: all or nothing. Tries a store and a ledger again that
    /// could not be opened. Returns the catalogue's warnings.
    ///
    /// # Errors
    /// The new catalogue is wrong: the old one stays in force.
    pub fn reload(&self) -> Result<Vec<String>, PolicyError> {
        self.adopt(self.open_while_reading())?;
        self.announce(&Changed { generation: self.generation(), settings: Vec::new() });
        Ok(self.warnings())
    }

    /// Reads catalogue and declarations and says what is wrong or odd with them; changes nothing.
    ///
    /// # Errors
    /// The catalogue on the disk is wrong.
    pub fn check_policy(&self) -> Result<Vec<String>, PolicyError> {
        let (catalog, apps) = self.read_policy()?;
        let store = self.lock_writer();
        let remembered = remembered(store.as_ref())?;
        let state = self.read_state();
        let mut numbers = Numbers::default();
        for (known, wanted) in [
            (&state.numbers.toggles, &mut numbers.toggles),
            (&state.numbers.purposes, &mut numbers.purposes),
            (&state.numbers.items, &mut numbers.items),
        ] {
            for (number, name) in known.iter() {
                wanted.insert(number, name.into());
            }
        }
        let now = self.clock.now().wall;
        let (policy, _) =
            Policy::adopt(catalog, apps, &mut numbers, &remembered, &state.settings, now)?;
        Ok(warnings(&policy))
    }

    /// Warnings of the catalogue in force, and declarations that were rejected.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.read_state().policy.as_ref().map(|policy| warnings(policy)).unwrap_or_default()
    }

    /// The generation of the last change.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.read_state().generation
    }

    /// The policy in force.
    ///
    /// # Errors
    /// There is none.
    pub fn policy(&self) -> Result<Arc<Policy>, EngineError> {
        self.read_state().policy.clone().map_err(EngineError::CatalogUnavailable)
    }

    /// Makes everything durable that is not yet: before the daemon ends.
    pub fn close(&self) {
        if let Err(error) = self.retry() {
            tracing::error!(%error, "changes that the disk did not take are lost at stop");
        }
        self.settle_outbox(0);
        if let Ok(ledger) = self.lock_ledger().as_mut() {
            *self.lock_reader() = None;
            if let Err(error) = ledger.close(self.clock.now().wall) {
                tracing::warn!(%error, "the ledger was not brought into one file at stop");
            }
        }
        self.back_up_rest();
    }

    /// Opens what is on the disk and reads the policy beside it: a phone's start waits for both. The
    /// policy is read on this thread, since a file's words, once done with, make room for what the same
    /// thread comes to need.
    fn open_while_reading(&self) -> Result<(Catalog, Apps), PolicyError> {
        std::thread::scope(|scope| {
            let opening = scope.spawn(|| {
                self.open_store();
                self.open_ledger();
            });
            let read = catch_unwind(AssertUnwindSafe(|| self.read_policy()));
            opening.join().unwrap_or_else(|panic| resume_unwind(panic));
            read.unwrap_or(Err(PolicyError::BrokeOff))
        })
    }

    /// Looks the ledger's file through, and begins another if it is damaged: after the start, since it
    /// may be long.
    pub fn check_ledger(&self) {
        let path = match self.lock_ledger().as_ref() {
            Ok(ledger) => ledger.path().to_owned(),
            Err(_) => return,
        };
        let Err(error) = Ledger::check(&path) else {
            return;
        };
        tracing::error!(%error, "the ledger did not pass its check");
        if let (LedgerError::Damaged { .. }, Ok(ledger)) = (&error, self.lock_ledger().as_mut())
            && let Err(error) = ledger.begin_anew(&error.to_string(), self.clock.now().wall)
        {
            tracing::error!(%error, "the ledger could not be begun anew");
        }
    }

    fn open_store(&self) {
        let mut writer = self.lock_writer();
        if writer.is_some() {
            return;
        }
        match recover::open_store(&self.config.state_dir, self.clock.now().wall) {
            Ok((store, starts, loaded)) => {
                *self.lock_backups() = Backups::begin(&self.config.state_dir);
                let mut state = self.write_state();
                state.generation = u64::from(starts) << 32;
                state.settings = loaded.settings;
                state.numbers = Numbers {
                    apps: loaded.apps,
                    toggles: loaded.toggles,
                    notices: loaded.notices,
                    purposes: loaded.purposes,
                    items: loaded.items,
                    new: Vec::new(),
                };
                state.unsaved = Unsaved::default();
                state.unsaved.in_outbox = loaded.outbox.len();
                state.unsaved.outbox = loaded.outbox;
                // A policy that was numbered without this store's names cannot be judged by.
                state.policy = Err("the catalogue is not loaded yet; reload it".into());
                state.store = Ok(());
                *writer = Some(store);
            }
            Err(error) => {
                tracing::error!(%error, "the store cannot be used: everything is denied");
                self.write_state().store = Err(error.to_string());
            }
        }
    }

    fn open_ledger(&self) {
        let mut writer = self.lock_writer();
        let store = writer.as_ref().map(Store::id);
        let mut ledger = self.lock_ledger();
        if ledger.is_err() {
            *ledger = Ledger::open(&self.config.state_dir, store, self.clock.now().wall)
                .inspect_err(|error| {
                    tracing::error!(%error, "the ledger cannot be used: everything is denied");
                })
                .map_err(|error| error.to_string());
        }
        self.compare_opened(&mut writer, &mut ledger);
        drop(writer);
        if let Ok(ledger) = ledger.as_mut() {
            let outbox = std::mem::take(&mut self.write_state().unsaved.outbox);
            if let Err(error) = ledger.note(&outbox) {
                tracing::warn!(%error, "setting events wait in the outbox");
                self.write_state().unsaved.outbox = outbox;
            }
        }
    }

    fn read_policy(&self) -> Result<(Catalog, Apps), PolicyError> {
        let catalog = crate::catalog::load::load(&self.config.policy.catalog)?;
        let apps = crate::apps::load(&self.config.policy.apps, &catalog)?;
        for rejection in apps.rejected() {
            tracing::warn!(app = %rejection.app, place = %rejection.place, "{}", rejection.text);
        }
        Ok((catalog, apps))
    }

    /// Puts a policy in force. Until a store is open there is nothing to number it
    /// with; then the catalogue alone is kept, and everything is denied for want of the store.
    fn adopt(&self, read: Result<(Catalog, Apps), PolicyError>) -> Result<(), PolicyError> {
        let adopted = read.and_then(|(catalog, apps)| self.try_adopt(catalog, apps));
        adopted.inspect_err(|error| {
            let mut state = self.write_state();
            if state.policy.is_err() {
                state.policy = Err(error.to_string());
            }
        })
    }

    fn try_adopt(&self, catalog: Catalog, apps: Apps) -> Result<(), PolicyError> {
        let mut writer = self.lock_writer();
        let remembered = remembered(writer.as_ref())?;
        let now = self.clock.now();
        let mut state = self.write_state();
        let State { numbers, settings, .. } = &mut *state;
        let (policy, novelties) =
            Policy::adopt(catalog, apps, numbers, &remembered, settings, now.wall)?;
        drop(state);
        let inherited = match writer.as_mut() {
            Some(store) => self.keep_novelties(store, &novelties, now)?,
            None => Draft::default(),
        };
        // At once: what successors inherit is gone from those they succeed.
        let mut state = self.write_state();
        state.settings.take(inherited.overlay);
        state.policy = Ok(Arc::new(policy));
        state.generation = state.generation.max(inherited.generation) + 1;
        let generation = state.generation;
        state.touched.note_policy(generation);
        drop(state);
        self.note(&inherited.events);
        Ok(())
    }

    /// Makes durable what a policy brings: first loads, coverage, what is handed to successors.
    /// Returns the latter, which is not in force yet.
    fn keep_novelties(
        &self,
        store: &mut Store,
        novelties: &Novelties,
        now: Moment,
    ) -> Result<Draft, PolicyError> {
        let state = self.read_state();
        let new = state.numbers.new.clone();
        let generation = state.generation + 1;
        let inherited = publish::inherited(&state, &novelties.successions, generation, now);
        // After a restore: these apps were there, whatever was chosen for them.
        let restored = state.settings.restored.filter(|restored| restored.apps == u32::MAX);
        let restored_apps = restored.map(|_| state.numbers.apps.highest());
        drop(state);
        let nothing_new = new.is_empty()
            && novelties.pairs.is_empty()
            && novelties.coverage.is_none()
            && restored_apps.is_none();
        if nothing_new && inherited.is_empty() {
            return Ok(Draft::default());
        }
        store.commit(&crate::store::Batch {
            names: &new,
            overlay: Some(&inherited.overlay),
            ended: &inherited.ended,
            events: &inherited.events,
            pairs: &novelties.pairs,
            coverage: novelties.coverage.as_deref(),
            restored_apps,
            at: now.wall,
            generation,
            ..Default::default()
        })?;
        let mut state = self.write_state();
        state.numbers.new.clear();
        if let (Some(restored), Some(apps)) = (&mut state.settings.restored, restored_apps) {
            restored.apps = apps;
        }
        drop(state);
        Ok(inherited)
    }

    fn announce(&self, changed: &Changed) {
        if let Some(listener) = self.listener.get() {
            listener.changed(changed);
        }
    }

    fn lock_writer(&self) -> MutexGuard<'_, Option<Store>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_ledger(&self) -> MutexGuard<'_, Result<Ledger, String>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_reader(&self) -> MutexGuard<'_, Option<(u32, LedgerReader)>> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_backups(&self) -> MutexGuard<'_, Backups> {
        self.backups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unopened() -> Self {
        Self {
            policy: Err("not loaded yet".into()),
            settings: Settings::default(),
            overlay: None,
            generation: 0,
            store: Err("not opened yet".into()),
            numbers: Numbers::default(),
            touched: Touched::default(),
            unsaved: Unsaved::default(),
            owed: Vec::new(),
        }
    }

    /// What is in force.
    fn view(&self) -> View<'_> {
        View { settings: &self.settings, overlay: None }
    }

    /// What will be in force once the disk has it.
    fn coming(&self) -> Option<View<'_>> {
        let overlay = self.overlay.as_deref()?;
        Some(View { settings: &self.settings, overlay: Some(overlay) })
    }
}

impl Config {
    /// The region and the age that the rule sees for a user (R36, R38).
    fn profile(&self, catalog: &Catalog, view: View<'_>, user: u32) -> (RegionIx, bool) {
        let profile = view.profile(user);
        let region = profile
            .and_then(|profile| profile.region.as_deref())
            .and_then(|region| catalog.regions.find(region))
            .unwrap_or(catalog.default_region);
        (region, self.age(profile) == AgeBand::Minor)
    }

    /// The age band of a user: where none was set, what the device's builder says.
    fn age(&self, profile: Option<&Profile>) -> AgeBand {
        profile.and_then(|profile| profile.age_band).unwrap_or(self.default_age)
    }
}

fn remembered(store: Option<&Store>) -> Result<Remembered, crate::store::StoreError> {
    match store {
        Some(store) => Ok(Remembered { pairs: store.first_loads()?, coverage: store.coverage()? }),
        None => Ok(Remembered::default()),
    }
}

fn warnings(policy: &Policy) -> Vec<String> {
    let catalog = policy
        .catalog
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.place, warning.text));
    let apps = policy.apps.rejected().iter().map(|rejection| {
        format!("{}: {} is denied: {}", rejection.place, rejection.app, rejection.text)
    });
    catalog.chain(apps).collect()
}
