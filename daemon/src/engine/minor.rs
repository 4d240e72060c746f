//! A guardian's report of a minor (R38, S3 12): what was consented to is withdrawn, what is closed to minors
//! is switched off, and the apps that have to erase what they hold are named.
//!
//! It tells no app: whoever carries out rights opens the case that [`Removal::erasure`] asks for.

use super::change::{Checked, Choice, event};
use super::consent::{ConsentEnd, HowEnded};
use super::error::EngineError;
use super::names::{ALL_APPS, OTHER_APPS};
use super::policy::Policy;
use super::profile::describe;
use super::publish::Draft;
use super::settings::{AgeBand, By, Key, Lifetime};
use super::{ChangedSetting, Engine, State};
use crate::catalog::{Catalog, Kind, Scope, State as ToggleState, Toggle};
use crate::clock::Moment;
use crate::ledger::{Event, What};

/// What a report did, and what is left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Removal {
    /// The generation after it.
    pub generation: u64,
    /// How many consents it withdrew.
    pub withdrawn: usize,
    /// Apps that may hold personal data of the user: each has to erase it.
    pub erasure: Vec<Box<str>>,
}

impl Engine {
    /// Takes a guardian's report that a user is a minor whose data has to go. Every consent is withdrawn,
    /// all marketing and personalisation is off, and the profile says minor. Earlier records stand.
    ///
    /// # Errors
    /// Neither the guardian nor root reports it; or the disk does not take it: then what it switches off
    /// is off all the same.
    pub fn report_minor(&self, user: u32, by: By) -> Result<Removal, EngineError> {
        if !by.is_guardians() {
            return Err(EngineError::GuardianOnly("reporting a minor"));
        }
        let (mut withdrawn, mut erasure) = (0, Vec::new());
        let generation = self.change(|state, draft, now| {
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
            erasure = holders(&policy);
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

/// Apps that declare personal data.
fn holders(policy: &Policy) -> Vec<Box<str>> {
    let data = &policy.catalog.data;
    let holds = policy.apps.iter().map(|(_, app)| app);
    let holds = holds.filter(|app| app.pairs.iter().any(|pair| data[pair.data].personal));
    holds.map(|app| app.id.clone()).collect()
}
