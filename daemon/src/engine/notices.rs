//! Notices: what each brought, what a user declined of it, and what they still have to be told (R39, R41).
//!
//! What is new is computed from the declared pairs and the notice since which each exists; nobody declares
//! it. A notice that brought nothing is new wording, of which nobody has to be told.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{MAX_CHANGES, event, find_toggle};
use super::error::{EngineError, Invalid, TooLarge};
use super::inspect::Look;
use super::names::{ALL_APPS, NoticeKey, ToggleKey};
use super::policy::{Policy, PolicyError, Remembered};
use super::request::check_id;
use super::settings::{By, Key, View};
use super::standing::Resolver;
use super::{ChangedSetting, Engine};
use crate::catalog::{Catalog, NoticeIx, NoticeKind, State as ToggleState};
use crate::decision::situation::Toggles as _;
use crate::ledger::{Event, What};
use crate::row::{Cell, Row};

/// What users answered to notices.
#[derive(Debug, Default)]
pub struct NoticeAnswers {
    /// The newest notice that a user declined for a toggle.
    pub declined: BTreeMap<(u32, ToggleKey), NoticeKey>,
    /// The newest notice that a user was told of.
    pub told: BTreeMap<u32, NoticeKey>,
}

/// Changes of them on their way to the disk. None forgets.
#[derive(Debug, Clone, Default)]
pub struct NoticeChanges {
    /// Declined, or consented to after all.
    pub declined: BTreeMap<(u32, ToggleKey), Option<NoticeKey>>,
    /// Told.
    pub told: BTreeMap<u32, NoticeKey>,
}

impl NoticeChanges {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.declined.is_empty() && self.told.is_empty()
    }

    /// The rows whose answers a change touches.
    pub fn rows(&self) -> impl Iterator<Item = Key> {
        let rows = self.declined.keys();
        rows.map(|(user, toggle)| Key { user: *user, app: ALL_APPS, toggle: *toggle })
    }
}

impl NoticeAnswers {
    /// Makes changes its own.
    pub fn take(&mut self, changes: NoticeChanges) {
        for (whose, declined) in changes.declined {
            match declined {
                Some(notice) => drop(self.declined.insert(whose, notice)),
                None => drop(self.declined.remove(&whose)),
            }
        }
        self.told.extend(changes.told);
    }
}

impl View<'_> {
    /// The newest notice that a user declined for a toggle.
    #[must_use]
    pub fn declined(&self, user: u32, toggle: ToggleKey) -> Option<NoticeKey> {
        let whose = (user, toggle);
        match self.overlay.and_then(|overlay| overlay.notices.declined.get(&whose)) {
            Some(changed) => *changed,
            None => self.settings.notices.declined.get(&whose).copied(),
        }
    }
}

/// What a notice means for a user.
#[derive(Debug, Default)]
struct News<'a> {
    /// What it brought.
    purposes: BTreeSet<&'a str>,
    data: BTreeSet<&'a str>,
    /// The toggles under which something of it waits for an answer.
    asks: BTreeSet<&'a str>,
    /// The apps that it waits for.
    apps: BTreeSet<&'a str>,
    /// The toggles for which it was declined.
    declined: BTreeSet<&'a str>,
}

impl Engine {
    /// Declines what a notice brought, for some toggles: the consent that was given stays, what is newer
    /// is denied. Returns the generation.
    ///
    /// # Errors
    /// A toggle is no consent, the notice is not in force, or the disk does not take it: then nothing
    /// changed.
    pub fn decline(
        &self,
        user: u32,
        toggles: &[&str],
        notice: &str,
        by: By,
    ) -> Result<u64, EngineError> {
        if toggles.is_empty() {
            return Err(Invalid::NoChanges.into());
        }
        if toggles.len() > MAX_CHANGES {
            return Err(TooLarge::Changes(toggles.len()).into());
        }
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            let (ix, key) = in_force(&policy, notice, now.wall)?;
            for id in toggles {
                let (toggle, definition) = find_toggle(&policy, id)?;
                if !definition.consent {
                    return Err(Invalid::NoConsent { toggle: (*id).into() }.into());
                }
                let whose = (user, policy.toggle_key(toggle));
                let known = state.view().declined(user, whose.1);
                if known.and_then(|known| policy.notice_of(known)) >= Some(ix) {
                    continue;
                }
                draft.overlay.notices.declined.insert(whose, Some(key));
                draft.changed.push(ChangedSetting {
                    user: Some(user),
                    toggle: Some((*id).into()),
                    app: String::new(),
                });
                draft.event(Event {
                    toggle: Some((*id).into()),
                    app: Some(String::new()),
                    notice: Some(notice.into()),
                    ..event(What::Decline, Some(user), Some(by), now)
                });
            }
            Ok(())
        })
    }

    /// Notes that a user was told of a notice, and of those before it. Returns the generation.
    ///
    /// # Errors
    /// The notice is not in force, or the disk does not take it.
    pub fn tell(&self, user: u32, notice: &str) -> Result<u64, EngineError> {
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            let (ix, key) = in_force(&policy, notice, now.wall)?;
            let known = state.settings.notices.told.get(&user);
            if known.and_then(|known| policy.notice_of(*known)) < Some(ix) {
                draft.overlay.notices.told.insert(user, key);
            }
            Ok(())
        })
    }

    /// The ids of the notices that wait for a user.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn pending_notices(&self, user: u32) -> Result<Vec<String>, EngineError> {
        let notices = self.list_notices(user)?.into_iter();
        let pending = notices.filter(|row| row.get("pending") == Some(&Cell::Flag(true)));
        let id = |row: Row| match row.get("id") {
            Some(Cell::Text(id)) => Some(id.clone()),
            Some(_) | None => None,
        };
        Ok(pending.filter_map(id).collect())
    }

    /// In how many milliseconds the next notice takes effect. None if none is to come.
    #[must_use]
    pub fn next_notice(&self) -> Option<i64> {
        let now = self.clock.now().wall;
        let policy = self.policy().ok()?;
        let coming = policy.catalog.notices.iter().map(|(_, notice)| notice.effective);
        let next = coming.filter(|effective| *effective > now).min()?;
        Some((next - now).saturating_mul(1_000))
    }

    /// The notices of the catalogue, with what each means for a user.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn list_notices(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        self.look(|look| {
            let catalog = &look.policy.catalog;
            let in_force = catalog.notice_at(look.now.wall);
            let mut news = news(look, user);
            let since = look.came(user);
            Ok(catalog
                .notices
                .iter()
                .map(|(ix, notice)| {
                    let news = news.remove(&ix).unwrap_or_default();
                    let material = notice.kind == NoticeKind::Owner || !news.data.is_empty();
                    let is_new = since.is_some_and(|since| ix > since) && Some(ix) <= in_force;
                    let untold = material && is_new && !look.was_told(user, ix);
                    let pending = Some(ix) <= in_force && (untold || !news.asks.is_empty());
                    Row::new()
                        .with("id", &notice.id)
                        .with("name", &notice.name)
                        .with("kind", notice.kind.word())
                        .with("effective", notice.effective)
                        .with("language", &notice.language)
                        .with("sha256", &notice.sha256)
                        .with("in_force", Some(ix) == in_force)
                        .with("material", material)
                        .with("pending", pending)
                        .with("told", !untold)
                        .with("new_purposes", owned(news.purposes))
                        .with("new_data", owned(news.data))
                        .with("asks", owned(news.asks))
                        .with("apps", owned(news.apps))
                        .with("declined", owned(news.declined))
                        .with("requirement", &notice.source.requirement)
                        .with("section", &notice.source.section)
                })
                .collect())
        })
    }
}

/// What each notice brought, and what of it waits for the user.
fn news<'a>(look: &Look<'a>, user: u32) -> BTreeMap<NoticeIx, News<'a>> {
    let (policy, catalog) = (look.policy, &look.policy.catalog);
    let mut all: BTreeMap<NoticeIx, News<'a>> = BTreeMap::new();
    for (ix, app) in policy.apps.iter() {
        let (view, now) = (look.view, look.now);
        let resolver = Resolver { policy, view, user, app: policy.app_key(ix), now };
        for pair in &app.pairs {
            let news = all.entry(pair.since).or_default();
            news.purposes.insert(&catalog.purposes[pair.purpose].id);
            news.data.insert(&catalog.data[pair.data].id);
            for toggle in catalog.covering(pair.purpose, pair.data) {
                let (definition, standing) =
                    (&catalog.toggles[*toggle], resolver.standing(*toggle));
                let older = standing.consent.is_some_and(|consent| consent.notice < pair.since);
                if !definition.consent || standing.state != ToggleState::On || !older {
                    continue;
                }
                if standing.declined.is_some_and(|declined| declined >= pair.since) {
                    news.declined.insert(&definition.id);
                } else {
                    news.asks.insert(&definition.id);
                    news.apps.insert(&app.id);
                }
            }
        }
    }
    all
}

impl Look<'_> {
    /// The notice that was in force when the user first chose something: of that and of older ones they
    /// need not be told. None if they never chose.
    fn came(&self, user: u32) -> Option<NoticeIx> {
        let entries = self.state.settings.entries.iter();
        let first = entries.filter(|(key, _)| key.user == user).map(|(_, entry)| entry.at).min()?;
        let catalog: &Catalog = &self.policy.catalog;
        catalog
            .notice_at(i64::from(first))
            .or_else(|| catalog.notices.iter().next().map(|(ix, _)| ix))
    }

    /// Whether a user was told of a notice: by whoever showed it, or because they answered it.
    fn was_told(&self, user: u32, notice: NoticeIx) -> bool {
        let settings = &self.state.settings;
        let told = settings.notices.told.get(&user).copied();
        let declined = settings.notices.declined.iter();
        let declined = declined.filter(|((whose, _), _)| *whose == user).map(|(_, notice)| *notice);
        let entries = settings.entries.iter().filter(|(key, _)| key.user == user);
        let consented = entries.filter_map(|(_, entry)| entry.notice);
        let mut answered = told.into_iter().chain(declined).chain(consented);
        answered.any(|known| self.policy.notice_of(known).is_some_and(|known| known >= notice))
    }
}

/// The notice in force, if it is newer than every one before it.
///
/// # Errors
/// The catalogue's newest notice is older than one that was in force already.
pub(super) fn newer_notice(
    catalog: &Catalog,
    remembered: &Remembered,
    now: i64,
) -> Result<Option<(i64, Box<str>)>, PolicyError> {
    if let (Some((known, id)), Some((_, newest))) =
        (&remembered.notice, catalog.notices.iter().last())
        && newest.effective < *known
    {
        let quoted = |id: &str| format!("`{id}`");
        return Err(PolicyError::OlderNotice { newest: quoted(&newest.id), known: quoted(id) });
    }
    let in_force = catalog.notice_at(now).map(|notice| &catalog.notices[notice]);
    let newer = in_force.filter(|notice| {
        remembered.notice.as_ref().is_none_or(|(known, _)| notice.effective > *known)
    });
    Ok(newer.map(|notice| (notice.effective, notice.id.clone())))
}

fn in_force(policy: &Policy, notice: &str, now: i64) -> Result<(NoticeIx, NoticeKey), EngineError> {
    check_id(notice)?;
    let notices = &policy.catalog.notices;
    let known = notices.find(notice).filter(|known| notices[*known].effective <= now);
    let known = known.ok_or_else(|| Invalid::Notice(notice.into()))?;
    Ok((known, policy.notice_key(known)))
}

fn owned(words: BTreeSet<&str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}
