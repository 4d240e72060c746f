//! Checks, changes and inspection, without any transport.
//!
//! The way of a check: [`Engine::check`] → the rule → the ledger → the answer. The way of a change:
//! [`change`] → what it denies is published → the store commits → what it allows is published.
//! Any error, doubt or absence denies.

pub mod breaches;
pub mod change;
mod check;
pub mod consent;
mod cookies;
mod documents;
pub mod entries;
pub mod error;
mod gate;
pub mod identifiers;
mod inspect;
pub mod names;
pub mod notices;
mod opening;
pub mod policy;
pub mod profile;
pub mod prompt;
mod proof;
mod publish;
mod recover;
pub mod request;
pub mod retention;
pub mod rights;
pub mod settings;
pub mod site;
pub mod standing;
mod touched;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::sync::{RwLockReadGuard, RwLockWriteGuard};

use crate::catalog::{Catalog, RegionIx};
use crate::clock::Clock;
use crate::ledger::{Event, Ledger, LedgerError, LedgerReader, Record};
use crate::pages::Pages;
use crate::store::{Store, StoreError};

pub use check::{Answer, Asker, Checked};
pub use cookies::{Explained, Jar, JarChecked, MAX_COOKIES, fits};
pub use error::EngineError;
pub use gate::OpenedGate;
pub use inspect::Health;
pub use policy::{Policy, PolicyDirs, PolicyError};
pub use request::Request;
pub use retention::{erasures, lived};
pub use rights::{cases, held, minor};

use policy::{Numbers, Remembered};
use publish::Unsaved;
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
    /// Holders have something to erase that they were not told of: [`Engine::erasures_due`].
    fn erasures_due(&self);
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
    /// The toggle's id; none for a profile and for a right.
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
    /// What the store that was just opened remembers of earlier policies; the first one adopted takes it.
    remembered: Option<Remembered>,
    touched: Touched,
    /// Denials that stand in memory because the disk did not take them.
    unsaved: Unsaved,
    /// What a store that was replaced had still to say: the one in its place has to.
    owed: Vec<Event>,
}

/// When the first period that something is kept for is over; by policy and count of changes.
type FirstEnd = ((u64, u64), Option<i64>);

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
    /// Taken after `state`, before the ledger.
    pages: Mutex<Pages>,
    listener: OnceLock<Arc<dyn Listener>>,
    /// Whether anybody wants to hear of every record.
    followed: AtomicBool,
    /// When something was allowed first since the ledger was read for retention, on the boot-time clock;
    /// 0 for never.
    unread: AtomicI64,
    /// Whether a consent went off that something may have been derived under since the last look.
    switched_off: AtomicBool,
    first_end: Mutex<Option<FirstEnd>>,
    started: i64,
}

impl Engine {
    /// Opens store, ledger and policy. What cannot be opened denies, says why in [`Engine::health`],
    /// and is tried again by [`Engine::reload`].
    #[must_use]
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Self {
        let began = clock.now();
        let engine = Self {
            config,
            clock,
            state: RwLock::new(State::unopened()),
            writer: Mutex::new(None),
            ledger: Mutex::new(Err("not opened yet".into())),
            reader: Mutex::new(None),
            backups: Mutex::default(),
            pages: Mutex::default(),
            listener: OnceLock::new(),
            followed: AtomicBool::new(false),
            // Whatever the daemon before this one did not read.
            first_end: Mutex::default(),
            unread: AtomicI64::new(began.since_boot.max(1)),
            switched_off: AtomicBool::new(false),
            started: began.wall,
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
        consentd_gate::heap::give_back();
        self.switched_off.store(true, Ordering::Relaxed);
        self.announce(&Changed { generation: self.generation(), settings: Vec::new() });
        if let Some(listener) = self.listener.get() {
            listener.erasures_due();
        }
        Ok(self.warnings())
    }

    /// Reads catalogue and declarations and says what is wrong or odd with them; changes nothing.
    ///
    /// # Errors
    /// The catalogue on the disk is wrong.
    pub fn check_policy(&self) -> Result<Vec<String>, PolicyError> {
        let (catalog, apps) = self.read_policy()?;
        let store = self.lock_writer();
        let remembered = opening::remembered(store.as_ref())?;
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
        self.save_lived();
        self.settle_outbox(0);
        self.close_gates();
        if let Ok(ledger) = self.lock_ledger().as_mut() {
            *self.lock_reader() = None;
            if let Err(error) = ledger.close(self.clock.now().wall) {
                tracing::warn!(%error, "the ledger was not brought into one file at stop");
            }
        }
        self.back_up_rest();
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

    fn announce(&self, changed: &Changed) {
        if let Some(listener) = self.listener.get() {
            listener.changed(changed);
        }
    }

    fn lock_writer(&self) -> MutexGuard<'_, Option<Store>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is in the store and not in memory.
    fn in_store<T>(
        &self,
        writer: &Option<Store>,
        read: impl FnOnce(&Store) -> Result<T, StoreError>,
    ) -> Result<T, EngineError> {
        match writer.as_ref() {
            Some(store) => Ok(read(store)?),
            None => {
                let error = self.read_state().store.clone().err().unwrap_or_default();
                Err(EngineError::StoreUnavailable(error))
            }
        }
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

    fn lock_pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
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
            remembered: None,
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
