//! Checks in process: gates opened, what their pages show, and what was counted from them.
//!
//! A page shows what [`Engine::check`] would answer without a context. Where only the daemon can
//! answer, because an allowance is used up or ends by the clock, the page says so.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use super::check::{stricter, unavailable};
use super::names::{ALL_APPS, AppKey, OTHER_APPS, ToggleKey};
use super::policy::Policy;
use super::settings::{Allowance, Lifetime, View};
use super::{Asker, Engine, EngineError, State};
use crate::apps::App;
use crate::catalog::{DataIx, PurposeIx};
use crate::clock::Moment;
use crate::decision::{self, Context, Question, Ruling};
use crate::identity::Caller;
use crate::ledger::Record;
use crate::pages::{
    Affected, Counted, Descriptors, Gate, Kept, Pages, Pair, Ruled, Tally, Undrained,
};

/// A gate that was opened.
#[derive(Debug)]
pub struct OpenedGate {
    /// The id of its page and usage memory.
    pub id: u64,
    /// The generation of the last change that its answers rest on.
    pub generation: u64,
    /// What the app gets.
    pub descriptors: Descriptors,
}

/// What a change comes to on the pages, once it is in force.
pub(super) struct Foreseen {
    affected: Affected,
    ruled: HashMap<u64, Vec<(usize, Ruled)>>,
    now: Moment,
}

/// What became of a change that was on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The disk has it.
    Whole,
    /// The disk did not take it: what it denies stands in memory.
    DenialsAlone,
}

impl Engine {
    /// Opens a gate for an app. From then on its page shows every change, denials before they are on
    /// the disk and allowances after.
    ///
    /// # Errors
    /// The app is not declared, has too many gates, or nothing can be answered now.
    pub fn open_gate(&self, caller: &Caller) -> Result<OpenedGate, EngineError> {
        if let Err(error) = self.lock_ledger().as_ref() {
            return Err(EngineError::LedgerUnavailable(error.clone()));
        }
        let state = self.read_state();
        if let Err(error) = &state.store {
            return Err(EngineError::StoreUnavailable(error.clone()));
        }
        let policy =
            state.policy.as_ref().map_err(|text| EngineError::CatalogUnavailable(text.clone()))?;
        let asker = Asker { user: caller.user, caller: Some(caller) };
        let Some(declared) = asker.declared(policy) else {
            return Err(EngineError::Undeclared);
        };
        let mut pages = self.lock_pages();
        pages.has_room(caller.user, &caller.app)?;
        let pairs = pairs(policy, policy.apps.get(declared));
        let generation = super::check::generation(&state, asker);
        let app = policy.app_key(declared);
        let (mut gate, descriptors) = Gate::open(caller.clone(), app, generation, pairs)?;
        let all: Vec<usize> = (0..gate.pairs().len()).collect();
        let ruled = self.rule(&state, policy, &gate, &all, self.clock.now());
        gate.show(generation, &ruled);
        let id = gate.id();
        pages.add(gate);
        Ok(OpenedGate { id, generation, descriptors })
    }

    /// Closes a gate whose app has gone or let go of it, and records what it counted last.
    pub fn close_gate(&self, id: u64) {
        let mut pages = self.lock_pages();
        if let Some(mut gate) = pages.remove(id) {
            gate.close();
            self.drain_to_its_end(&mut pages, gate);
        }
    }

    /// Begins a gate's next drain epoch and records what was counted before it.
    pub fn drain_gate(&self, id: u64) {
        let mut pages = self.lock_pages();
        if let Some(gate) = pages.get_mut(id) {
            gate.begin_epoch();
            self.drain(gate);
        }
    }

    /// Records what was counted in all gates: before anybody reads the record.
    pub fn drain_gates(&self) {
        let mut pages = self.lock_pages();
        for gate in pages.take_unsaved() {
            self.drain_to_its_end(&mut pages, gate);
        }
        for gate in pages.iter_mut() {
            self.drain(gate);
        }
    }

    /// Closes every gate: before the daemon ends. What is counted until the apps see it stays in their
    /// usage memory, and they bring it to the next daemon.
    pub(super) fn close_gates(&self) {
        let mut pages = self.lock_pages();
        pages.iter_mut().for_each(Gate::close);
        drop(pages);
        self.drain_gates();
    }

    /// How many gates are open.
    #[must_use]
    pub fn gates(&self) -> usize {
        self.lock_pages().len()
    }

    /// Records what an earlier daemon did not drain of a gate, which its app or the service manager
    /// kept. What was drained already is not counted again.
    ///
    /// # Errors
    /// It is no gate of a daemon of this user, or not this app's; or the ledger does not take it.
    pub fn take_up_gate(
        &self,
        caller: Option<&Caller>,
        page: &OwnedFd,
        usage: OwnedFd,
    ) -> Result<(), EngineError> {
        let kept = Kept::open(page, usage)?;
        let is_callers = |caller: &Caller| caller.user == kept.user() && *caller.app == *kept.app();
        if caller.is_some_and(|caller| !is_callers(caller)) || self.lock_pages().has(kept.id()) {
            return Err(EngineError::AnothersGate);
        }
        let Some(counted) = kept.counted()? else {
            tracing::warn!(app = kept.app(), "the usage of an earlier gate cannot be; not counted");
            return Ok(());
        };
        let now = self.clock.now();
        let mut ledger = self.lock_ledger();
        let ledger =
            ledger.as_mut().map_err(|error| EngineError::LedgerUnavailable(error.clone()))?;
        let drained = ledger.drained(kept.id())?;
        let records: Vec<Record<'_>> = counted
            .iter()
            .filter_map(|counted| {
                let Counted { purpose, data, reason, total } = *counted;
                let before = drained.total(purpose, data, reason.word());
                Some(Record {
                    at: now.wall,
                    user: kept.user(),
                    app: kept.app(),
                    trust: caller.map_or("", |caller| caller.trust.word()),
                    purpose,
                    data,
                    reason,
                    tag: "",
                    times: total.checked_sub(before).filter(|times| *times > 0)?,
                    usage: Some(kept.id()),
                })
            })
            .collect();
        ledger.record(&records)?;
        Ok(())
    }

    /// Shows what a change denies, before it is on the disk, on every page that it matters to. Called
    /// with the state locked for writing and the change on its way.
    pub(super) fn show_denials(
        &self,
        state: &State,
        affected: Affected,
        generation: u64,
        now: Moment,
    ) -> Foreseen {
        let mut foreseen = Foreseen { affected, ruled: HashMap::new(), now };
        let mut pages = self.lock_pages();
        let (Some(coming), Ok(policy)) = (state.coming(), &state.policy) else {
            pages.supersede();
            return foreseen;
        };
        for gate in pages.iter_mut() {
            let touched = gate.touched(&foreseen.affected.of(gate.caller.user, gate.app));
            if !touched.is_empty() {
                let ruled = self.rule_in(policy, coming, gate, &touched, now);
                gate.show_denials(generation, &ruled);
                foreseen.ruled.insert(gate.id(), ruled);
            }
        }
        foreseen
    }

    /// Shows all of a change that is in force now. Where all of it is, it is what was foreseen.
    pub(super) fn show_change(
        &self,
        state: &State,
        mut foreseen: Foreseen,
        generation: u64,
        outcome: Outcome,
    ) {
        let mut pages = self.lock_pages();
        let (None, Ok(policy)) = (unavailable(state), &state.policy) else {
            pages.supersede();
            return;
        };
        for gate in pages.iter_mut() {
            // A gate that was opened meanwhile was ruled by both, and nothing was foreseen of it.
            let ruled = match (outcome, foreseen.ruled.remove(&gate.id())) {
                (Outcome::Whole, Some(ruled)) => ruled,
                (Outcome::Whole | Outcome::DenialsAlone, _) => {
                    let touched = gate.touched(&foreseen.affected.of(gate.caller.user, gate.app));
                    self.rule(state, policy, gate, &touched, foreseen.now)
                }
            };
            if !ruled.is_empty() {
                gate.show(generation, &ruled);
            }
        }
    }

    /// Decides about some pairs of a gate, as a check is judged now.
    fn rule(
        &self,
        state: &State,
        policy: &Policy,
        gate: &Gate,
        places: &[usize],
        now: Moment,
    ) -> Vec<(usize, Ruled)> {
        let decide = |view| self.rule_in(policy, view, gate, places, now);
        let mut ruled = decide(state.view());
        if let Some(coming) = state.coming() {
            let both = |held: Option<Ruling>, next: Option<Ruling>| Some(stricter(held?, next?));
            for ((_, held), (_, next)) in ruled.iter_mut().zip(decide(coming)) {
                held.alone = both(held.alone, next.alone);
                held.combined = both(held.combined, next.combined);
            }
        }
        ruled
    }

    /// Decides about some pairs of a gate under one view.
    fn rule_in(
        &self,
        policy: &Policy,
        view: View<'_>,
        gate: &Gate,
        places: &[usize],
        now: Moment,
    ) -> Vec<(usize, Ruled)> {
        let asker = Asker { user: gate.caller.user, caller: Some(&gate.caller) };
        let context = Context::default();
        let called = called_for(view, gate.caller.user, gate.app);
        self.situation(policy, view, asker, now, |situation| {
            let rule = |place: &usize| {
                let pair = &gate.pairs()[*place];
                let item = policy.catalog.data.find(&pair.data);
                let personal = item.is_none_or(|item| policy.catalog.data[item].personal);
                if pair.toggles.iter().any(|toggle| called.contains(toggle)) {
                    return (*place, Ruled { alone: None, combined: None, personal });
                }
                let data = [&*pair.data];
                let question = Question { purpose: &pair.purpose, data: &data, context: &context };
                let alone = decision::decide(&question, situation).pop();
                // A personal item is judged alike, whatever is beside it.
                let combined = if personal {
                    alone
                } else {
                    decision::decide_combined(&question, situation).pop()
                };
                (*place, Ruled { alone, combined, personal })
            };
            places.iter().map(rule).collect()
        })
    }

    fn drain(&self, gate: &mut Gate) -> bool {
        match self.try_drain(gate) {
            Ok(()) => true,
            Err(Undrained::Refused(error)) => {
                tracing::error!(%error, app = %gate.caller.app, "counts wait in a gate's usage memory");
                false
            }
            Err(Undrained::Unread(error)) => {
                tracing::error!(%error, app = %gate.caller.app, "a gate's usage cannot be read");
                gate.close();
                true
            }
            Err(Undrained::Hostile(error)) => {
                tracing::warn!(%error, app = %gate.caller.app, user = gate.caller.user, "a gate is closed");
                gate.close();
                true
            }
        }
    }

    fn try_drain(&self, gate: &mut Gate) -> Result<(), Undrained<EngineError>> {
        let at = self.clock.now().wall;
        gate.drain(|caller, usage, tallies| {
            let records: Vec<Record<'_>> =
                tallies.iter().map(|tally| counted(caller, usage, *tally, at)).collect();
            match self.lock_ledger().as_mut() {
                Ok(ledger) => ledger.record(&records)?,
                Err(error) => return Err(EngineError::LedgerUnavailable(error.clone())),
            }
            self.note_collected();
            self.show_followers(&records);
            Ok(())
        })
    }

    fn drain_to_its_end(&self, pages: &mut Pages, mut gate: Gate) {
        if !self.drain(&mut gate) {
            pages.keep_unsaved(gate);
        } else if let Ok(ledger) = self.lock_ledger().as_mut() {
            ledger.end_usage(gate.id());
        }
    }
}

/// What was counted of a gate, as a record.
fn counted<'a>(caller: &'a Caller, usage: u64, tally: Tally<'a>, at: i64) -> Record<'a> {
    Record {
        at,
        user: caller.user,
        app: &caller.app,
        trust: caller.trust.word(),
        purpose: &tally.pair.purpose,
        data: &tally.pair.data,
        reason: tally.reason,
        tag: "",
        times: tally.times,
        usage: Some(usage),
    }
}

/// The toggles under which an app has an allowance that is used up or ends by the clock.
fn called_for(view: View<'_>, user: u32, app: AppKey) -> Vec<ToggleKey> {
    let ends = |allowance: &Allowance| match allowance.lifetime {
        Lifetime::Once | Lifetime::Until(_) => true,
        Lifetime::Forever | Lifetime::Boot => false,
    };
    let changed = view.overlay.map(|overlay| &overlay.allowances);
    let held = [app, ALL_APPS, OTHER_APPS]
        .into_iter()
        .flat_map(|app| view.settings.allowances_of(user, app))
        .filter(|(key, _)| changed.is_none_or(|changed| !changed.contains_key(key)));
    let coming = changed.into_iter().flatten().filter_map(|(key, given)| {
        let of_app = key.app == app || key.app == ALL_APPS || key.app == OTHER_APPS;
        Some((key, given.as_ref().filter(|_| of_app && key.user == user)?))
    });
    held.chain(coming).filter(|(_, given)| ends(given)).map(|(key, _)| key.toggle).collect()
}

/// What a page of an app holds: its declared pairs by name, each with the toggles that cover it, or the
/// counterpart that a refusal may name.
fn pairs(policy: &Policy, app: &App) -> Box<[Pair]> {
    let catalog = &policy.catalog;
    let covering = |purpose: PurposeIx, data: DataIx| {
        catalog.covering(purpose, data).iter().map(|toggle| policy.toggle_key(*toggle))
    };
    let pair = |pair: &crate::apps::Pair| {
        let counterpart = catalog.data[pair.data].approximate;
        let mut toggles: Vec<ToggleKey> = covering(pair.purpose, pair.data)
            .chain(counterpart.into_iter().flat_map(|data| covering(pair.purpose, data)))
            .collect();
        toggles.sort_unstable();
        toggles.dedup();
        Pair {
            purpose: catalog.purposes[pair.purpose].id.as_ref().into(),
            data: catalog.data[pair.data].id.as_ref().into(),
            toggles: toggles.into(),
        }
    };
    let mut pairs: Vec<Pair> = app.pairs.iter().map(pair).collect();
    pairs.sort_by(|one, other| (&one.purpose, &one.data).cmp(&(&other.purpose, &other.data)));
    pairs.into()
}
