//! Consents: what one holds when it is given, how it ends, and the list of them (R39, R40, R50).
//!
//! One is made by a choice of the user's, never by using the device, and is never rewritten: what it
//! covered is written down with it, since a later catalogue may cover something else.

use std::collections::BTreeSet;

use super::change::Choice;
use super::error::EngineError;
use super::names::{ALL_APPS, NoticeKey};
use super::policy::Policy;
use super::request::check_id;
use super::settings::{By, Entry, Key, Lifetime};
use super::{Engine, State};
use crate::row::Row;
use crate::store::{ConsentGiven, ConsentRow};

/// How a consent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowEnded {
    /// The toggle was switched off, made to ask, unset or reset.
    Withdrawn,
    /// A newer one for the same took its place.
    Superseded,
    /// Its time was over, or it was used up.
    Expired,
}

impl HowEnded {
    /// The word on the wire and in the store. The store has one more, `unconfirmed`: it was restored
    /// since, and nobody knows whether the consent was withdrawn before.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            HowEnded::Withdrawn => "withdrawn",
            HowEnded::Superseded => "superseded",
            HowEnded::Expired => "expired",
        }
    }
}

/// A consent that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentEnd {
    /// Whose, for which toggle and app.
    pub key: Key,
    /// When it was given, in the order of events.
    pub generation: u64,
    /// How it ends.
    pub how: HowEnded,
    /// By what; none where it ends by itself.
    pub by: Option<By>,
}

/// Which consents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsentFilter {
    /// Those that let this app do something: its own, and those for all apps.
    pub app: Option<String>,
    /// Older than the one of this number.
    pub before: Option<i64>,
    /// So many at most.
    pub limit: Option<u32>,
}

impl Engine {
    /// A user's consents, newest first; those that ended too.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list_consents(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        self.consents(user, &ConsentFilter::default())
    }

    /// Some of a user's consents, newest first; those that ended too.
    ///
    /// # Errors
    /// There is no such app, or the store cannot be read.
    pub fn consents(&self, user: u32, filter: &ConsentFilter) -> Result<Vec<Row>, EngineError> {
        let concerned = filter.app.as_deref().map(|app| self.concerned(app)).transpose()?;
        let writer = self.lock_writer();
        let Some(store) = writer.as_ref() else {
            let state = self.read_state();
            let error = state.store.clone().err().unwrap_or_default();
            return Err(EngineError::StoreUnavailable(error));
        };
        let wanted = |consent: &ConsentRow| {
            concerned.as_ref().is_none_or(|(app, toggles)| {
                consent.app == *app || (consent.app.is_empty() && toggles.contains(&consent.toggle))
            })
        };
        let limit = filter.limit.map_or(usize::MAX, |limit| limit as usize);
        let consents = store.consents(user, filter.before, limit, wanted)?;
        Ok(consents.into_iter().map(|consent| row(user, consent)).collect())
    }

    /// An app, and the toggles under which a consent for all apps concerns it.
    fn concerned(&self, app: &str) -> Result<(String, BTreeSet<String>), EngineError> {
        check_id(app)?;
        let state = self.read_state();
        let policy = state.policy.as_ref().ok();
        let declared = policy.and_then(|policy| Some((policy, policy.app(app)?.0)));
        if declared.is_none() && (app.is_empty() || state.numbers.apps.find(app).is_none()) {
            return Err(EngineError::UnknownApp { id: app.into() });
        }
        let toggles = declared.into_iter().flat_map(|(policy, app)| policy.app_toggles(app));
        let names = &state.numbers.toggles;
        let name = |toggle: &super::names::ToggleKey| names.name(u32::from(toggle.0));
        Ok((app.into(), toggles.filter_map(name).map(str::to_owned).collect()))
    }

    /// A consent as it is given now.
    pub(super) fn consent(
        &self,
        state: &State,
        policy: &Policy,
        (key, entry, lifetime): (Key, Entry, Lifetime),
        notice: NoticeKey,
    ) -> ConsentGiven {
        let (region, _) = self.config.profile(&policy.catalog, state.view(), key.user);
        let region = &policy.catalog.regions[region];
        let profile = state.settings.profiles.get(&key.user);
        let shown = policy.notice_of(notice).map(|notice| &policy.catalog.notices[notice]);
        ConsentGiven {
            key,
            entry,
            lifetime,
            notice,
            notice_sha256: shown.map(|notice| notice.sha256.clone()).unwrap_or_default(),
            notice_language: shown.map(|notice| notice.language.clone()).unwrap_or_default(),
            language: profile.and_then(|profile| profile.language.clone()).unwrap_or_default(),
            region: region.id.clone(),
            controller: region.controller.clone(),
            covers: covered(policy, key, notice),
        }
    }
}

impl Choice {
    /// How this choice ends a consent that was given before, if it makes a new one or does not.
    pub(super) fn ends(&self, key: Key, entry: &Entry, how: HowEnded) -> ConsentEnd {
        ConsentEnd { key, generation: entry.generation, how, by: Some(self.by) }
    }
}

/// The pairs that a consent covers (purpose, item): of one app what it declares under the toggle and the
/// notice names; of all apps all that the toggle stands for, whichever app declares it.
fn covered(policy: &Policy, key: Key, notice: NoticeKey) -> Box<[(u32, u32)]> {
    let Some(toggle) = policy.toggle_of(key.toggle) else {
        return Box::default();
    };
    let catalog = &policy.catalog;
    let pairs: BTreeSet<(u32, u32)> = if key.app == ALL_APPS {
        let covers = catalog.toggles[toggle].covers.iter();
        let pairs = covers.flat_map(|cover| {
            let purposes = cover.purposes.iter();
            purposes.flat_map(|purpose| cover.data.iter().map(|data| (*purpose, *data)))
        });
        pairs.map(|(purpose, data)| policy.pair_numbers(purpose, data)).collect()
    } else {
        let notice = policy.notice_of(notice);
        let app = policy.app_of(key.app);
        let pairs = app.into_iter().flat_map(|app| &app.pairs).filter(|pair| {
            notice.is_some_and(|notice| pair.since <= notice)
                && catalog.covering(pair.purpose, pair.data).contains(&toggle)
        });
        pairs.map(|pair| policy.pair_numbers(pair.purpose, pair.data)).collect()
    };
    pairs.into_iter().collect()
}

fn row(user: u32, consent: ConsentRow) -> Row {
    let covers = consent.covers;
    let purposes = covers.as_ref().map(|covers| {
        let purposes = covers.iter().map(|(purpose, _)| purpose.clone());
        purposes.collect::<Vec<_>>()
    });
    let data = covers.as_ref().map(|covers| {
        let data: BTreeSet<&String> = covers.iter().flat_map(|(_, data)| data).collect();
        data.into_iter().cloned().collect::<Vec<_>>()
    });
    let covers = covers.map(|covers| {
        let cover = |(purpose, data)| Row::new().with("purpose", purpose).with("data", data);
        covers.into_iter().map(cover).collect::<Vec<Row>>()
    });
    Row::new()
        .with("id", consent.id)
        .with("user", user)
        .with("toggle", consent.toggle)
        .with("app", consent.app)
        .with("at", consent.at)
        .with("notice", consent.notice)
        .maybe("notice_language", consent.notice_language)
        .maybe("notice_sha256", consent.notice_sha256)
        .with("by", consent.by)
        .with("language", consent.language)
        .with("region", consent.region)
        .with("controller", consent.controller)
        .maybe("lifetime", consent.lifetime)
        .maybe("until", consent.until)
        .maybe("purposes", purposes)
        .maybe("data", data)
        .maybe("covers", covers)
        .with("generation", consent.generation)
        .with("in_force", consent.ended.is_none())
        .maybe("ended", consent.ended)
        .maybe("how_ended", consent.how_ended)
        .maybe("ended_by", consent.ended_by)
}
