//! How a change reaches checks and the disk: denials before the commit, allowances after it.
//!
//! While a change is on its way, a check is judged by what is in force and by what is coming, and hears
//! the stricter. A denial that the disk does not take stands in memory and is written with the next
//! change, or by [`Engine::retry`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::breaches::{Breach, Note};
use super::cases::CaseChange;
use super::consent::{ConsentEnd, HowEnded};
use super::gate::Outcome;
use super::names::{ALL_APPS, AppKey, ToggleKey};
use super::retention::Fate;
use super::settings::{By, Entry, Key, LockedFor, Overlay};
use super::{Changed, ChangedSetting, Engine, EngineError, State};
use crate::catalog::State as ToggleState;
use crate::clock::Moment;
use crate::ledger::{Event, What};
use crate::pages::Affected;
use crate::store::{Batch, ConsentGiven, Store};

/// Events kept in the store's outbox before the ledger is synchronised and the outbox emptied.
const OUTBOX_EVENTS: usize = 64;

/// A change that is being put together.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub overlay: Overlay,
    pub consents: Vec<ConsentGiven>,
    pub ended: Vec<ConsentEnd>,
    pub events: Vec<Event>,
    pub changed: Vec<ChangedSetting>,
    pub breaches: Vec<Breach>,
    pub breach_notes: Vec<(i64, Note)>,
    pub cases: Vec<CaseChange>,
    pub generation: u64,
}

/// What the disk has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    /// Denials that stand in memory.
    pub denials: Overlay,
    /// The consents that they end.
    pub ended: Vec<ConsentEnd>,
    /// Their events.
    pub events: Vec<Event>,
    /// Events in the store's outbox that the ledger may lack.
    pub outbox: Vec<Event>,
    /// How many events the outbox holds.
    pub in_outbox: usize,
}

impl Unsaved {
    /// How many denials wait for the disk.
    pub fn len(&self) -> usize {
        self.denials.entries.len() + self.denials.locks.len() + self.denials.rights.len()
    }
}

impl Draft {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.overlay.entries.is_empty()
            && self.overlay.allowances.is_empty()
            && self.overlay.locks.is_empty()
            && self.overlay.profiles.is_empty()
            && self.overlay.refusals.is_empty()
            && self.overlay.secrets.is_empty()
            && self.overlay.renewals.is_empty()
            && self.breaches.is_empty()
            && self.breach_notes.is_empty()
            && self.cases.is_empty()
            && self.overlay.rights.is_empty()
            && self.overlay.notices.is_empty()
            && self.overlay.retention.is_empty()
            && self.events.is_empty()
    }

    /// Adds an event of this change.
    pub fn event(&mut self, mut event: Event) {
        event.generation = self.generation;
        event.ordinal = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        self.events.push(event);
    }
}

impl Engine {
    /// Carries out a change that `build` puts together. Blocks until the disk has it.
    ///
    /// # Errors
    /// `build`'s, with nothing changed; or the disk's: then what the change switches off holds in
    /// memory all the same, and nothing else of it.
    pub(super) fn change(
        &self,
        build: impl FnOnce(&mut State, &mut Draft, Moment) -> Result<(), EngineError>,
    ) -> Result<u64, EngineError> {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        self.commit(&mut writer, now, build)
    }

    /// As [`Engine::change`], for whoever holds the writer already.
    pub(super) fn commit(
        &self,
        writer: &mut Option<Store>,
        now: Moment,
        build: impl FnOnce(&mut State, &mut Draft, Moment) -> Result<(), EngineError>,
    ) -> Result<u64, EngineError> {
        let mut state = self.write_state();
        if let Err(error) = &state.store {
            return Err(EngineError::StoreUnavailable(error.clone()));
        }
        let store =
            writer.as_mut().ok_or(EngineError::StoreUnavailable("not opened yet".into()))?;
        let mut draft = Draft { generation: state.generation + 1, ..Draft::default() };
        build(&mut state, &mut draft, now)?;
        if draft.is_empty() && state.unsaved.len() == 0 {
            return Ok(state.generation);
        }
        let names = state.numbers.new.clone();
        let events = with_unsaved(&mut draft, &state);
        let ended: Vec<ConsentEnd> =
            state.unsaved.ended.iter().chain(&draft.ended).copied().collect();
        let overlay = Arc::new(std::mem::take(&mut draft.overlay));
        state.overlay = Some(Arc::clone(&overlay));
        let affected = Affected::by(&overlay);
        let is_lost = state.policy.as_ref().is_ok_and(|policy| policy.derived.loses_by(&overlay));
        let is_due = overlay.retention.pairs.values().any(|kept| kept.fate == Fate::Due);
        let foreseen = self.show_denials(&state, affected, draft.generation, now);
        drop(state);

        let committed = store.commit(&Batch {
            names: &names,
            overlay: Some(&overlay),
            consents: &draft.consents,
            ended: &ended,
            events: &events,
            breaches: &draft.breaches,
            breach_notes: &draft.breach_notes,
            cases: &draft.cases,
            at: now.wall,
            generation: draft.generation,
            ..Batch::default()
        });

        let mut state = self.write_state();
        state.overlay = None;
        state.generation = draft.generation;
        state.touched.note(&overlay, draft.generation);
        let overlay = Arc::unwrap_or_clone(overlay);
        let became = if committed.is_ok() { Outcome::Whole } else { Outcome::DenialsAlone };
        let outcome = match committed {
            Ok(()) => {
                state.settings.take(overlay);
                state.numbers.new.clear();
                state.unsaved.denials = Overlay::default();
                state.unsaved.ended.clear();
                state.unsaved.events.clear();
                Ok(draft.generation)
            }
            Err(error) => {
                tracing::error!(%error, "a change was not stored; what it switches off holds in memory");
                let denials = denials(overlay);
                state.unsaved.take(&denials, &draft);
                state.settings.take(denials);
                Err(EngineError::NotStored(error))
            }
        };
        self.show_change(&state, foreseen, draft.generation, became);
        drop(state);
        if outcome.is_ok() {
            self.note(&events);
            self.settle_outbox_of(store, OUTBOX_EVENTS);
            self.back_up_daily(now.wall);
        }
        if !draft.changed.is_empty() {
            self.announce(&Changed { generation: draft.generation, settings: draft.changed });
        }
        self.switched_off.fetch_or(is_lost, Ordering::Relaxed);
        if let Some(listener) = self.listener.get() {
            if is_due && outcome.is_ok() {
                listener.erasures_due();
            }
            listener.due_changed();
        }
        outcome
    }

    /// Writes the denials that stand in memory alone. Does nothing if there are none.
    ///
    /// # Errors
    /// The disk still does not take them.
    pub fn retry(&self) -> Result<u64, EngineError> {
        self.change(|_, _, _| Ok(()))
    }

    /// How many denials wait for the disk.
    #[must_use]
    pub fn unsaved(&self) -> usize {
        self.read_state().unsaved.len()
    }

    /// Ends allowances whose time is over, with an event each.
    ///
    /// # Errors
    /// The disk does not take it; they are out of force all the same.
    pub fn expire(&self) -> Result<u64, EngineError> {
        self.change(|state, draft, now| {
            let over: Vec<Key> = state
                .settings
                .allowances
                .iter()
                .filter(|(_, allowance)| allowance.is_over(now))
                .map(|(key, _)| *key)
                .collect();
            for key in over {
                state.end_allowance(draft, key, What::Expired, now);
            }
            Ok(())
        })
    }

    /// In how many milliseconds the next allowance is over.
    #[must_use]
    pub fn next_due(&self) -> Option<i64> {
        let now = self.clock.now();
        self.read_state().settings.allowances.values().filter_map(|a| a.due_in(now)).min()
    }

    /// Uses allowances for one time up, durably.
    pub(super) fn use_up(
        &self,
        writer: &mut Option<Store>,
        user: u32,
        once: &[Key],
        now: Moment,
    ) -> Result<u64, EngineError> {
        self.commit(writer, now, |state, draft, now| {
            for key in once.iter().filter(|key| key.user == user) {
                state.end_allowance(draft, *key, What::Consumed, now);
            }
            Ok(())
        })
    }

    /// Hands events to the ledger, after those that it did not take before. What it does not take stays
    /// in the store's outbox.
    pub(super) fn note(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let mut waiting = self.read_state().unsaved.outbox.clone();
        waiting.extend_from_slice(events);
        let noted = match self.lock_ledger().as_mut() {
            Ok(ledger) => ledger.note(&waiting).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        let mut state = self.write_state();
        state.unsaved.in_outbox += events.len();
        match noted {
            Ok(()) => state.unsaved.outbox.clear(),
            Err(error) => {
                tracing::warn!(error, "setting events wait in the outbox");
                state.unsaved.outbox = waiting;
                return;
            }
        }
        drop(state);
        if let Some(listener) = self.listener.get() {
            listener.noted(&waiting);
        }
    }

    /// Empties the store's outbox if it holds more than `limit` events and the ledger has them all.
    pub(super) fn settle_outbox(&self, limit: usize) {
        let mut writer = self.lock_writer();
        if let Some(store) = writer.as_mut() {
            self.settle_outbox_of(store, limit);
        }
    }

    pub(super) fn settle_outbox_of(&self, store: &mut Store, limit: usize) {
        let state = self.read_state();
        let (held, generation) = (state.unsaved.in_outbox, state.generation);
        let waiting = state.unsaved.outbox.clone();
        drop(state);
        if held <= limit {
            return;
        }
        let synced = match self.lock_ledger().as_mut() {
            Ok(ledger) => ledger.note(&waiting).and_then(|()| ledger.sync()).ok(),
            Err(_) => None,
        };
        if synced.is_some_and(|anchor| store.clear_outbox(generation, Some(anchor)).is_ok()) {
            let mut state = self.write_state();
            state.unsaved.outbox.clear();
            state.unsaved.in_outbox = 0;
        }
    }
}

impl State {
    /// Removes an allowance, with its event.
    pub(super) fn end_allowance(&self, draft: &mut Draft, key: Key, what: What, now: Moment) {
        let Some(allowance) = self.settings.allowances.get(&key) else {
            return;
        };
        if allowance.entry.notice.is_some() {
            let (generation, how) = (allowance.entry.generation, HowEnded::Expired);
            draft.ended.push(ConsentEnd { key, generation, how, by: None });
        }
        draft.overlay.allowances.insert(key, None);
        let toggle = self.numbers.toggles.name(u32::from(key.toggle.0)).map(str::to_owned);
        let app = self.numbers.apps.name(key.app.0).unwrap_or_default().to_owned();
        draft.changed.push(ChangedSetting {
            user: Some(key.user),
            toggle: toggle.clone(),
            app: app.clone(),
        });
        draft.event(Event {
            generation: 0,
            ordinal: 0,
            at: now.wall,
            user: Some(key.user),
            what,
            toggle,
            app: Some(app),
            state: None,
            lifetime: Some(allowance.lifetime.word().into()),
            until: allowance.lifetime.until(),
            by: None,
            notice: None,
        });
    }
}

impl Unsaved {
    /// Keeps what a draft denies, beside what waits already.
    fn take(&mut self, denials: &Overlay, draft: &Draft) {
        let ended = draft.ended.iter().filter(|end| denials.entries.contains_key(&end.key));
        self.ended.extend(ended);
        self.events.extend(draft.events.iter().filter(|event| denies(event)).cloned());
        self.denials.entries.extend(denials.entries.iter().map(|(key, entry)| (*key, *entry)));
        self.denials.allowances.extend(denials.allowances.iter().map(|(key, gone)| (*key, *gone)));
        self.denials.locks.extend(denials.locks.iter().map(|(lock, held)| (*lock, *held)));
        self.denials.refusals.extend(denials.refusals.iter().map(|(key, count)| (*key, *count)));
        self.denials.rights.extend(denials.rights.clone());
    }
}

/// Lays the denials that wait for the disk under a draft, which may overrule them. Returns all events.
fn with_unsaved(draft: &mut Draft, state: &State) -> Vec<Event> {
    for (key, entry) in &state.unsaved.denials.entries {
        draft.overlay.entries.entry(*key).or_insert(*entry);
    }
    for (key, gone) in &state.unsaved.denials.allowances {
        draft.overlay.allowances.entry(*key).or_insert(*gone);
    }
    for (lock, held) in &state.unsaved.denials.locks {
        draft.overlay.locks.entry(*lock).or_insert(*held);
    }
    for (key, count) in &state.unsaved.denials.refusals {
        draft.overlay.refusals.entry(*key).or_insert(*count);
    }
    for (key, since) in &state.unsaved.denials.rights {
        draft.overlay.rights.entry(key.clone()).or_insert(*since);
    }
    state.unsaved.events.iter().chain(&draft.events).cloned().collect()
}

/// What of a change takes away, and nothing else.
fn denials(overlay: Overlay) -> Overlay {
    let off = |entry: &Option<Entry>| entry.is_some_and(|e| e.state == ToggleState::Off);
    let entries: std::collections::BTreeMap<Key, Option<Entry>> =
        overlay.entries.into_iter().filter(|(_, entry)| off(entry)).collect();
    let allowances = overlay
        .allowances
        .into_iter()
        .filter(|(key, allowance)| allowance.is_none() && entries.contains_key(key))
        .collect();
    let locks = overlay.locks.into_iter().filter(|(_, held)| *held).collect();
    let refusals = overlay.refusals.into_iter().filter(|(_, count)| *count > 0).collect();
    let rights = overlay.rights.into_iter().filter(|(_, since)| since.is_some()).collect();
    Overlay { entries, allowances, locks, refusals, rights, ..Overlay::default() }
}

fn denies(event: &Event) -> bool {
    event.what == What::Lock
        || event.what == What::Right
        || event.state.as_deref() == Some(ToggleState::Off.word())
}

/// What successors inherit of toggles that are gone: offs and locks, which move on to them. An off is
/// inherited over an `on` too, since that was never said of what the successor covers now.
pub(super) fn inherited(
    state: &State,
    successions: &[(ToggleKey, ToggleKey)],
    generation: u64,
    now: Moment,
) -> Draft {
    let mut draft = Draft { generation, ..Draft::default() };
    let settings = &state.settings;
    for (from, to) in successions {
        let handed = |user, app: AppKey, by: By| Event {
            generation,
            ordinal: 0,
            at: now.wall,
            user,
            what: What::Catalog,
            toggle: state.numbers.toggles.name(u32::from(to.0)).map(str::to_owned),
            app: state.numbers.apps.name(app.0).map(str::to_owned),
            state: Some(ToggleState::Off.word().into()),
            lifetime: None,
            until: None,
            by: Some(by.word().into()),
            notice: None,
        };
        let is_off = |entry: &Entry| entry.state == ToggleState::Off;
        for (key, entry) in settings.entries.iter().filter(|(key, _)| key.toggle == *from) {
            if !is_off(&entry) {
                continue;
            }
            draft.overlay.entries.insert(key, None);
            let heir = Key { toggle: *to, ..key };
            let (lasting, passing) = (settings.entries.get(&heir), settings.allowances.get(&heir));
            let replaced = lasting.into_iter().chain(passing.map(|allowance| allowance.entry));
            let consents = replaced.filter(|entry| entry.notice.is_some());
            draft.ended.extend(consents.map(|consent| ConsentEnd {
                key: heir,
                generation: consent.generation,
                how: HowEnded::Withdrawn,
                by: Some(entry.by),
            }));
            if passing.is_some() {
                draft.overlay.allowances.insert(heir, None);
            }
            if !lasting.as_ref().is_some_and(is_off) {
                draft.overlay.entries.insert(heir, Some(Entry { generation, ..entry }));
                draft.event(handed(Some(key.user), key.app, entry.by));
            }
        }
        for (whose, _) in settings.locks.iter().filter(|(_, toggle)| toggle == from) {
            draft.overlay.locks.insert((*whose, *from), false);
            if !settings.locks.contains(&(*whose, *to)) {
                draft.overlay.locks.insert((*whose, *to), true);
                let user = match whose {
                    LockedFor::Everybody => None,
                    LockedFor::User(user) => Some(*user),
                };
                draft.event(handed(user, ALL_APPS, By::Administrator));
            }
        }
    }
    draft
}
