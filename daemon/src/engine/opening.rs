//! What the engine opens: store, ledger and policy, at start and at each reload.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::policy::{Novelties, Numbers, Remembered};
use super::publish::{Draft, Unsaved};
use super::recover::{self, Backups};
use super::{Engine, Policy, PolicyError, State, publish};
use crate::apps::Apps;
use crate::catalog::Catalog;
use crate::clock::Moment;
use crate::ledger::Ledger;
use crate::store::Store;

impl Engine {
    /// Opens what is on the disk and reads the policy beside it: a phone's start waits for both. The
    /// policy is read on this thread, since a file's words, once done with, make room for what the same
    /// thread comes to need.
    pub(super) fn open_while_reading(&self) -> Result<(Catalog, Apps), PolicyError> {
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
                let counted = &mut state.settings.retention.lived;
                *counted = counted.take().map(|lived| lived.at(self.clock.now()));
                state.numbers = Numbers {
                    apps: loaded.apps,
                    toggles: loaded.toggles,
                    notices: loaded.notices,
                    purposes: loaded.purposes,
                    items: loaded.items,
                    new: Vec::new(),
                };
                state.remembered = Some(Remembered {
                    pairs: loaded.pairs,
                    coverage: loaded.coverage,
                    notice: loaded.notice,
                });
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

    pub(super) fn read_policy(&self) -> Result<(Catalog, Apps), PolicyError> {
        let catalog = crate::catalog::load::load(&self.config.policy.catalog)?;
        let apps = crate::apps::load(&self.config.policy.apps, &catalog)?;
        for rejection in apps.rejected() {
            tracing::warn!(app = %rejection.app, place = %rejection.place, "{}", rejection.text);
        }
        Ok((catalog, apps))
    }

    /// Puts a policy in force. Until a store is open there is nothing to number it
    /// with; then the catalogue alone is kept, and everything is denied for want of the store.
    pub(super) fn adopt(
        &self,
        read: Result<(Catalog, Apps), PolicyError>,
    ) -> Result<(), PolicyError> {
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
        let now = self.clock.now();
        let loaded = self.write_state().remembered.take();
        let remembered = match loaded {
            Some(loaded) => loaded,
            None => remembered(writer.as_ref())?,
        };
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
        self.lock_pages().supersede();
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
            && novelties.notice.is_none()
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
            notice: novelties.notice.as_ref(),
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
}

pub(super) fn remembered(store: Option<&Store>) -> Result<Remembered, crate::store::StoreError> {
    match store {
        Some(store) => Ok(Remembered {
            pairs: store.first_loads()?,
            coverage: store.coverage()?,
            notice: store.newest_notice()?,
        }),
        None => Ok(Remembered::default()),
    }
}
