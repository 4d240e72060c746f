//! A guardian's report of a minor (R38, S3 12): what was consented to is withdrawn, what is closed to minors
//! is switched off, and a case of erasure goes to every app that may hold personal data.
//!
//! It tells no app: that is for whoever hands cases to holders.

use super::cases::{Case, CaseChange, CaseRight, Holder, NewCase, Opening};
use crate::catalog::{Catalog, Kind, Scope, State as ToggleState, Toggle};
use crate::clock::Moment;
use crate::engine::change::{Checked, Choice, event};
use crate::engine::consent::{ConsentEnd, HowEnded};
use crate::engine::error::EngineError;
use crate::engine::names::{ALL_APPS, OTHER_APPS};
use crate::engine::policy::Policy;
use crate::engine::profile::describe;
use crate::engine::publish::Draft;
use crate::engine::settings::{AgeBand, By, Key, Lifetime};
use crate::engine::{ChangedSetting, Engine, State};
use crate::ledger::{Event, What};

/// What a report did, and what is left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Removal {
    /// The generation after it.
    pub generation: u64,
    /// How many consents it withdrew.
    pub withdrawn: usize,
    /// The case that has apps erase what they hold; none if no app declares personal data.
    pub erasure: Option<i64>,
}

impl Engine {
    /// Takes a guardian's report that a user is a minor whose data has to go. Every consent is withdrawn,
    /// all marketing and personalisation is off, the profile says minor, and a case opens that has every
    /// app erase what it holds, however many are open. While that one is open, another report tells its
    /// holders once more. Earlier records stand.
    ///
    /// # Errors
    /// Neither the guardian nor root reports it; or the disk does not take it: then what it switches off
    /// is off all the same.
    pub fn report_minor(&self, user: u32, by: By) -> Result<Removal, EngineError> {
        if !by.is_guardians() {
            return Err(EngineError::GuardianOnly("reporting a minor"));
        }
        let (mut withdrawn, mut erasure) = (0, None);
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        let (next, cases) =
            self.in_store(&writer, |store| Ok((store.next_case()?, store.cases(user)?)))?;
        let generation = self.commit(&mut writer, now, |state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            withdrawn = self.withdraw_all(state, draft, &policy, user, by, now)?;
            let closed = policy.catalog.toggles.iter();
            for (ix, toggle) in closed.filter(|(_, toggle)| is_for_adults(&policy.catalog, toggle))
            {
                let app = if toggle.scope == Scope::App { OTHER_APPS } else { ALL_APPS };
                let key = Key { user, app, toggle: policy.toggle_key(ix) };
                // A consent for all apps was withdrawn just now: that is this.
                if !draft.overlay.entries.contains_key(&key) {
                    self.switch_off(state, draft, &policy, (toggle, key), by, now)?;
                }
            }
            let mut profile = state.settings.profiles.get(&user).cloned().unwrap_or_default();
            profile.age_band = Some(AgeBand::Minor);
            draft.event(Event {
                state: Some(format!("{}, data to be removed", describe(&profile))),
                ..event(What::Profile, Some(user), Some(by), now)
            });
            draft.changed.push(ChangedSetting {
                user: Some(user),
                toggle: None,
                app: String::new(),
            });
            draft.overlay.profiles.insert(user, profile);
            let apps = holders(&policy);
            let known = cases.iter().find(|(case, _)| is_removal(case));
            erasure = match known {
                Some((case, told)) => {
                    draft.cases.extend(once_more(case.id, told, apps, now));
                    Some(case.id)
                }
                None if apps.is_empty() => None,
                None => {
                    let case = NewCase { id: next, user, open: &REMOVAL, apps, by, now };
                    self.put_case(state, &policy, draft, case);
                    Some(next)
                }
            };
            Ok(())
        })?;
        Ok(Removal { generation, withdrawn, erasure })
    }

    /// Switches off what was consented to, by app, by site and for all.
    fn withdraw_all(
        &self,
        state: &State,
        draft: &mut Draft,
        policy: &Policy,
        user: u32,
        by: By,
        now: Moment,
    ) -> Result<usize, EngineError> {
        let settings = &state.settings;
        let lasting = settings.entries.iter().filter(|(_, entry)| entry.notice.is_some());
        let passing = settings.allowances.iter().filter(|(_, held)| held.entry.notice.is_some());
        let mut keys: Vec<Key> = lasting.map(|(key, _)| key).collect();
        keys.extend(passing.map(|(key, _)| *key));
        keys.retain(|key| key.user == user);
        keys.sort_unstable();
        keys.dedup();
        for key in &keys {
            match policy.toggle_of(key.toggle) {
                Some(ix) => {
                    let toggle = &policy.catalog.toggles[ix];
                    self.switch_off(state, draft, policy, (toggle, *key), by, now)?;
                }
                // A toggle that the catalogue has no more: it would allow again if it came back.
                None => end(state, draft, *key, by),
            }
        }
        Ok(keys.len())
    }

    fn switch_off(
        &self,
        state: &State,
        draft: &mut Draft,
        policy: &Policy,
        (toggle, key): (&Toggle, Key),
        by: By,
        now: Moment,
    ) -> Result<(), EngineError> {
        let off = Checked { toggle, key, state: Some(ToggleState::Off) };
        let choice = Choice { lifetime: Lifetime::Forever, notice: None, by, now };
        self.apply(state, draft, policy, &off, &choice)
    }
}

/// Takes a choice away, and ends the consents in it.
fn end(state: &State, draft: &mut Draft, key: Key, by: By) {
    let lasting = state.settings.entries.get(&key);
    let passing = state.settings.allowances.get(&key).map(|allowance| allowance.entry);
    let consents = lasting.into_iter().chain(passing).filter(|entry| entry.notice.is_some());
    draft.ended.extend(consents.map(|entry| ConsentEnd {
        key,
        generation: entry.generation,
        how: HowEnded::Withdrawn,
        by: Some(by),
    }));
    draft.overlay.entries.insert(key, None);
    draft.overlay.allowances.insert(key, None);
}

/// Whether a switch is about nothing but what is closed to minors.
fn is_for_adults(catalog: &Catalog, toggle: &Toggle) -> bool {
    let mut purposes = toggle.covers.iter().flat_map(|cover| &cover.purposes).peekable();
    toggle.kind == Kind::Switch
        && purposes.peek().is_some()
        && purposes.all(|purpose| !catalog.purposes[*purpose].minors)
}

/// What has apps erase all that they hold of a user.
const REMOVAL: Opening<'static> =
    Opening { right: CaseRight::Erasure, app: "", purpose: "", data: "", statement: "" };

/// Whether a case is a guardian's of everything, and open.
fn is_removal(case: &Case) -> bool {
    let about = [&case.app, &case.purpose, &case.data];
    case.right == REMOVAL.right
        && case.end.is_none()
        && case.by.is_guardians()
        && about.iter().all(|id| id.is_empty())
}

/// The holders that are to be told of a case again, since they were done, or did not hold anything then.
fn once_more(case: i64, told: &[Holder], apps: Vec<String>, now: Moment) -> Vec<CaseChange> {
    let waits = |app: &str| told.iter().any(|held| held.app == app && !held.progress.is_final());
    let apps = apps.into_iter().filter(|app| !waits(app));
    apps.map(|app| CaseChange::Holder(Holder::waiting(case, app, now))).collect()
}

/// Apps that declare personal data.
fn holders(policy: &Policy) -> Vec<String> {
    let data = &policy.catalog.data;
    let holds = policy.apps.iter().map(|(_, app)| app);
    let holds = holds.filter(|app| app.pairs.iter().any(|pair| data[pair.data].personal));
    holds.map(|app| app.id.to_string()).collect()
}
