//! A user's profile: region, age band, language, guardian (R36, R38).

use super::change::event;
use super::error::{EngineError, Invalid};
use super::policy::Policy;
use super::request::check_id;
use super::settings::By;
use super::{ChangedSetting, Engine};
use crate::catalog::Catalog;
use crate::ledger::{Event, What};

/// How old a user is, as far as the rule asks (R38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgeBand {
    /// Not a minor.
    Adult,
    /// A minor.
    Minor,
}

impl AgeBand {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            AgeBand::Adult => "adult",
            AgeBand::Minor => "minor",
        }
    }
}

/// A user's region, age band, language and guardian; each unset until somebody sets it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// A region's id.
    pub region: Option<Box<str>>,
    /// Adult or minor.
    pub age_band: Option<AgeBand>,
    /// BCP 47.
    pub language: Option<Box<str>>,
    /// The uid of the guardian; root alone puts it.
    pub guardian: Option<u32>,
}

impl Engine {
    /// Changes a user's profile by what `change` names. Returns the generation.
    ///
    /// # Errors
    /// No such region, age band or language; only the guardian or root may raise a minor's age band,
    /// and only root may name a guardian; or the disk does not take it: then nothing changed.
    pub fn set_profile(
        &self,
        user: u32,
        change: &ProfileChange<'_>,
        by: By,
    ) -> Result<u64, EngineError> {
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            let old = state.settings.profiles.get(&user).cloned().unwrap_or_default();
            let new = change.on(&old, &policy, by)?;
            let is_minor = |profile: &Profile| self.config.age(Some(profile)) == AgeBand::Minor;
            if is_minor(&old) && !is_minor(&new) && !by.is_guardians() {
                return Err(EngineError::GuardianOnly("raising an age band"));
            }
            if new == old {
                return Ok(());
            }
            draft.changed.push(ChangedSetting {
                user: Some(user),
                toggle: None,
                app: String::new(),
            });
            draft.event(Event {
                state: Some(describe(&new)),
                ..event(What::Profile, Some(user), Some(by), now)
            });
            draft.overlay.profiles.insert(user, new);
            Ok(())
        })
    }

    /// A user's guardian.
    #[must_use]
    pub fn guardian(&self, user: u32) -> Option<u32> {
        self.read_state().settings.profiles.get(&user)?.guardian
    }
}

/// What a profile change names; `""` unsets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfileChange<'a> {
    /// A region's id.
    pub region: Option<&'a str>,
    /// `adult` or `minor`.
    pub age_band: Option<&'a str>,
    /// A BCP 47 tag.
    pub language: Option<&'a str>,
    /// A uid; `u32::MAX` unsets.
    pub guardian: Option<u32>,
}

impl ProfileChange<'_> {
    fn on(&self, old: &Profile, policy: &Policy, by: By) -> Result<Profile, EngineError> {
        let mut new = old.clone();
        if let Some(region) = self.region {
            check_id(region)?;
            new.region = match region {
                "" => None,
                known if policy.catalog.regions.find(known).is_some() => Some(known.into()),
                other => return Err(no_region(&policy.catalog, other).into()),
            };
        }
        if let Some(age_band) = self.age_band {
            check_id(age_band)?;
            new.age_band = match age_band {
                "" => None,
                "adult" => Some(AgeBand::Adult),
                "minor" => Some(AgeBand::Minor),
                other => return Err(Invalid::AgeBand(other.into()).into()),
            };
        }
        if let Some(language) = self.language {
            let is_tag = language.len() <= 35
                && language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !is_tag {
                return Err(Invalid::Language(language.chars().take(35).collect()).into());
            }
            new.language = (!language.is_empty()).then(|| language.into());
        }
        if let Some(guardian) = self.guardian {
            if by != By::Administrator {
                return Err(EngineError::GuardianOnly("naming a guardian"));
            }
            new.guardian = (guardian != u32::MAX).then_some(guardian);
        }
        Ok(new)
    }
}

/// There is no such region, but these.
pub(super) fn no_region(catalog: &Catalog, region: &str) -> Invalid {
    let known: Vec<&str> = catalog.regions.ids().collect();
    Invalid::Region { region: region.into(), known: known.join(", ") }
}

pub(super) fn describe(profile: &Profile) -> String {
    let mut words = Vec::new();
    words.extend(profile.region.as_ref().map(|region| format!("region {region}")));
    words.extend(profile.age_band.map(|age| format!("age {}", age.word())));
    words.extend(profile.language.as_ref().map(|language| format!("language {language}")));
    words.extend(profile.guardian.map(|guardian| format!("guardian {guardian}")));
    if words.is_empty() { "unset".into() } else { words.join(", ") }
}
