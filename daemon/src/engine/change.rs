//! What can be changed: states, locks, profiles; and making an app as if it were new.
//!
//! Who may change it is [`crate::authority`]'s to say, before.

use consentd_dbus::names::SITE_PREFIX;

use super::consent::{ConsentEnd, HowEnded};
use super::error::{EngineError, Invalid, TooLarge};
use super::names::{ALL_APPS, AppKey, NoticeKey, OTHER_APPS};
use super::policy::Policy;
use super::publish::Draft;
use super::request::check_id;
use super::settings::{Allowance, By, Entry, Key, Lifetime, LockedFor};
use super::site::Site;
use super::{ChangedSetting, Engine, State};
use crate::catalog::{Kind, Scope, State as ToggleState, Toggle, ToggleIx};
use crate::clock::Moment;
use crate::ledger::{Event, What};

/// Changes in one [`Engine::set`].
pub const MAX_CHANGES: usize = 1_024;

/// One change of a setting, as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// A toggle's id.
    pub toggle: &'a str,
    /// `""` all apps, `*` those without a state of their own, an app's id, `site:HOST`.
    pub app: &'a str,
    /// `on`, `off`, `ask`, `unset`.
    pub state: &'a str,
}

/// What goes with a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetOptions {
    /// `forever`, `until`, `boot`, `once`; with `on` alone.
    pub lifetime: Option<String>,
    /// When an `until` ends, Unix seconds.
    pub until: Option<i64>,
    /// The notice that was shown; else the one in force.
    pub notice: Option<String>,
}

impl Change<'_> {
    /// Whether it can loosen a decision: all but `off`.
    #[must_use]
    pub fn loosens(&self) -> bool {
        self.state != ToggleState::Off.word()
    }
}

/// A change once it is known to make sense.
pub(super) struct Checked<'a> {
    pub(super) toggle: &'a Toggle,
    pub(super) key: Key,
    /// None for `unset`.
    pub(super) state: Option<ToggleState>,
}

impl Engine {
    /// Sets states, all or nothing, for one user. When this returns without an error, they hold and are
    /// on the disk. Returns the generation.
    ///
    /// # Errors
    /// A change makes no sense, a toggle is locked, or the disk does not take it; in the last case what
    /// it switches off holds in memory all the same.
    pub fn set(
        &self,
        user: u32,
        changes: &[Change<'_>],
        options: &SetOptions,
        by: By,
    ) -> Result<u64, EngineError> {
        if changes.is_empty() {
            return Err(Invalid::NoChanges.into());
        }
        if changes.len() > MAX_CHANGES {
            return Err(TooLarge::Changes(changes.len()).into());
        }
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            let (_, minor) = self.config.profile(&policy.catalog, state.view(), user);
            let lifetime = lifetime(options, now)?;
            let notice = notice(&policy, options, now)?;
            let mut checked = Vec::with_capacity(changes.len());
            for change in changes {
                checked.push(check(state, &policy, user, change, lifetime)?);
            }
            let mut seen = std::collections::HashSet::with_capacity(checked.len());
            if let Some(twice) = checked.iter().find(|change| !seen.insert(change.key)) {
                return Err(Invalid::SetTwice { toggle: (*twice.toggle.id).into() }.into());
            }
            let consents = |change: &Checked<'_>| {
                change.toggle.consent && change.state == Some(ToggleState::On)
            };
            if minor && !by.is_guardians() && checked.iter().any(consents) {
                return Err(EngineError::GuardianOnly("consenting for a minor"));
            }
            for change in &checked {
                let choice = Choice { lifetime, notice, by, now };
                self.apply(state, draft, &policy, change, &choice)?;
            }
            Ok(())
        })
    }

    pub(super) fn apply(
        &self,
        state: &State,
        draft: &mut Draft,
        policy: &Policy,
        change: &Checked<'_>,
        choice: &Choice,
    ) -> Result<(), EngineError> {
        let Checked { toggle, key, state: wanted, .. } = *change;
        let settings = &state.settings;
        draft.overlay.refusals.extend(settings.refused_before(key).map(|refused| (refused, 0)));
        let (lasting, passing) = (settings.entries.get(&key), settings.allowances.get(&key));
        let unchanged = match wanted {
            Some(ToggleState::On) => false,
            Some(wanted) => passing.is_none() && lasting.is_some_and(|entry| entry.state == wanted),
            None => passing.is_none() && lasting.is_none(),
        };
        // A denial that waits for the disk goes along with every change, this one too.
        if unchanged {
            return Ok(());
        }
        let consent = toggle.consent && wanted == Some(ToggleState::On);
        let notice = if consent { Some(choice.notice()?) } else { None };
        let entry = wanted.map(|wanted| Entry {
            generation: draft.generation,
            at: u32::try_from(choice.now.wall).unwrap_or(0),
            notice,
            state: wanted,
            by: choice.by,
        });
        let stays_beneath = wanted == Some(ToggleState::On) && choice.lifetime != Lifetime::Forever;
        let how = if consent { HowEnded::Superseded } else { HowEnded::Withdrawn };
        let ends = |draft: &mut Draft, entry: &Entry| {
            if entry.notice.is_some() {
                draft.ended.push(choice.ends(key, entry, how));
            }
        };
        if let Some(passing) = passing {
            ends(draft, &passing.entry);
            draft.overlay.allowances.insert(key, None);
        }
        match entry {
            Some(entry) if stays_beneath => {
                let (lifetime, given) = (choice.lifetime, choice.now);
                let allowance = Allowance { entry, lifetime, given };
                draft.overlay.allowances.insert(key, Some(allowance));
            }
            Some(_) | None => {
                lasting.iter().for_each(|entry| ends(draft, entry));
                draft.overlay.entries.insert(key, entry);
            }
        }
        if let (Some(entry), Some(notice)) = (entry, notice) {
            let declined = state.view().declined(key.user, key.toggle);
            let age = |notice| policy.notice_of(notice);
            if key.app == ALL_APPS && declined.is_some_and(|known| age(known) <= age(notice)) {
                draft.overlay.notices.declined.insert((key.user, key.toggle), None);
            }
            let given = (key, entry, choice.lifetime);
            draft.consents.push(self.consent(state, policy, given, notice));
        }
        let app = state.numbers.apps.name(key.app.0).unwrap_or_default().to_owned();
        let shown = wanted.map_or("unset", ToggleState::word);
        let forever = wanted != Some(ToggleState::On) || choice.lifetime == Lifetime::Forever;
        draft.changed.push(ChangedSetting {
            user: Some(key.user),
            toggle: Some((*toggle.id).into()),
            app: app.clone(),
        });
        draft.event(Event {
            toggle: Some((*toggle.id).into()),
            app: Some(app),
            state: Some(shown.into()),
            lifetime: (!forever).then(|| choice.lifetime.word().into()),
            until: choice.lifetime.until().filter(|_| !forever),
            notice: notice
                .and_then(|key| Some((*policy.catalog.notices[policy.notice_of(key)?].id).into())),
            ..event(What::Set, Some(key.user), Some(choice.by), choice.now)
        });
        Ok(())
    }

    /// Makes an app as if it were new: its own states are gone, offs included. Returns how many.
    ///
    /// # Errors
    /// No such app, or the disk does not take it: then nothing changed.
    pub fn reset(&self, user: u32, app: &str, by: By) -> Result<u32, EngineError> {
        self.clear(user, app, by, What::Reset)
    }

    /// The app was removed: as [`Engine::reset`], and its AAID is no more; its history stays.
    ///
    /// # Errors
    /// As [`Engine::reset`].
    pub fn forget(&self, user: u32, app: &str, by: By) -> Result<u32, EngineError> {
        self.clear(user, app, by, What::Forget)
    }

    fn clear(&self, user: u32, app: &str, by: By, what: What) -> Result<u32, EngineError> {
        check_id(app)?;
        if app.is_empty() || app == "*" {
            return Err(Invalid::ResetAll.into());
        }
        let mut cleared = 0;
        self.change(|state, draft, now| {
            let key = known_app(state, app)?;
            let entries: Vec<(Key, Entry)> = state.settings.entries.of_app(user, key).collect();
            let allowances: Vec<(Key, Entry)> = state
                .settings
                .allowances_of(user, key)
                .map(|(key, allowance)| (*key, allowance.entry))
                .collect();
            for (key, entry) in entries.iter().chain(&allowances) {
                if entry.notice.is_some() {
                    let (generation, how) = (entry.generation, HowEnded::Withdrawn);
                    draft.ended.push(ConsentEnd { key: *key, generation, how, by: Some(by) });
                }
                let toggle = state.numbers.toggles.name(u32::from(key.toggle.0));
                draft.changed.push(ChangedSetting {
                    user: Some(user),
                    toggle: toggle.map(str::to_owned),
                    app: app.to_owned(),
                });
            }
            let refused = state.settings.refusals.keys();
            let refused = refused.filter(|refused| refused.user == user && refused.app == key);
            draft.overlay.refusals.extend(refused.map(|refused| (*refused, 0)));
            draft.overlay.entries.extend(entries.iter().map(|(key, _)| (*key, None)));
            draft.overlay.allowances.extend(allowances.iter().map(|(key, _)| (*key, None)));
            cleared = entries.len() + allowances.len();
            if cleared > 0 {
                draft.event(Event {
                    app: Some(app.into()),
                    ..event(what, Some(user), Some(by), now)
                });
            }
            if what == What::Forget {
                state.forget_identifiers(draft, user, app, by, now);
            }
            Ok(())
        })?;
        Ok(u32::try_from(cleared).unwrap_or(u32::MAX))
    }

    /// Holds toggles off, or lets go of them. Returns the generation.
    ///
    /// # Errors
    /// No such toggle, an empty list, or the disk does not take it; a lock holds in memory all the same.
    pub fn lock(&self, whose: LockedFor, toggles: &[&str], held: Hold) -> Result<u64, EngineError> {
        if toggles.is_empty() {
            return Err(Invalid::NoChanges.into());
        }
        if toggles.len() > MAX_CHANGES {
            return Err(TooLarge::Changes(toggles.len()).into());
        }
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            for id in toggles {
                let (ix, toggle) = find_toggle(&policy, id)?;
                is_switch(toggle)?;
                let lock = (whose, policy.toggle_key(ix));
                let is_held = state.settings.locks.contains(&lock);
                if is_held == (held == Hold::Off) || draft.overlay.locks.contains_key(&lock) {
                    continue;
                }
                let user = match whose {
                    LockedFor::Everybody => None,
                    LockedFor::User(user) => Some(user),
                };
                draft.overlay.locks.insert(lock, held == Hold::Off);
                draft.changed.push(ChangedSetting {
                    user,
                    toggle: Some((*id).into()),
                    app: String::new(),
                });
                let what = if held == Hold::Off { What::Lock } else { What::Unlock };
                draft.event(Event {
                    toggle: Some((*id).into()),
                    app: Some(String::new()),
                    ..event(what, user, Some(By::Administrator), now)
                });
            }
            Ok(())
        })
    }
}

/// Whether the administrator holds a toggle off or lets go of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Held off.
    Off,
    /// Let go.
    Released,
}

/// What goes with every change of one set.
pub(super) struct Choice {
    pub(super) lifetime: Lifetime,
    pub(super) notice: Option<NoticeKey>,
    pub(super) by: By,
    pub(super) now: Moment,
}

impl Choice {
    /// The notice consented to: without one there is nothing to consent to.
    fn notice(&self) -> Result<NoticeKey, EngineError> {
        self.notice.ok_or_else(|| Invalid::Notice("in force".into()).into())
    }
}

pub(super) fn event(what: What, user: Option<u32>, by: Option<By>, now: Moment) -> Event {
    Event {
        generation: 0,
        ordinal: 0,
        at: now.wall,
        user,
        what,
        toggle: None,
        app: None,
        state: None,
        lifetime: None,
        until: None,
        by: by.map(|by| by.word().into()),
        notice: None,
    }
}

fn check<'a>(
    state: &mut State,
    policy: &'a Policy,
    user: u32,
    change: &Change<'_>,
    lifetime: Lifetime,
) -> Result<Checked<'a>, EngineError> {
    let (ix, toggle) = find_toggle(policy, change.toggle)?;
    is_switch(toggle)?;
    let wanted = match change.state {
        "on" => Some(ToggleState::On),
        "off" => Some(ToggleState::Off),
        "ask" => Some(ToggleState::Ask),
        "unset" => None,
        other => return Err(Invalid::State(other.chars().take(32).collect()).into()),
    };
    let on = wanted == Some(ToggleState::On);
    let app = app_of(state, toggle, change.app)?;
    if on && toggle.consent && app == OTHER_APPS {
        return Err(Invalid::ConsentForOthers { toggle: (*toggle.id).into() }.into());
    }
    if !on && lifetime != Lifetime::Forever {
        return Err(Invalid::LifetimeWithoutOn.into());
    }
    if lifetime == Lifetime::Once && (app == ALL_APPS || app == OTHER_APPS) {
        return Err(Invalid::OnceForMany.into());
    }
    let toggle_key = policy.toggle_key(ix);
    if on && state.view().is_locked(user, toggle_key) {
        return Err(EngineError::Locked { toggle: (*toggle.id).into() });
    }
    Ok(Checked { toggle, key: Key { user, app, toggle: toggle_key }, state: wanted })
}

/// The toggle of an id.
///
/// # Errors
/// There is none; the error names the nearest.
pub(super) fn find_toggle<'a>(
    policy: &'a Policy,
    id: &str,
) -> Result<(ToggleIx, &'a Toggle), EngineError> {
    check_id(id)?;
    let toggles = &policy.catalog.toggles;
    let ix = toggles.find(id).ok_or_else(|| {
        let same = |known: &&str| known.eq_ignore_ascii_case(id) || known.contains(id);
        let near = toggles.ids().filter(|_| !id.is_empty()).find(same);
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        EngineError::UnknownToggle { id: id.into(), hint }
    })?;
    Ok((ix, &toggles[ix]))
}

fn is_switch(toggle: &Toggle) -> Result<(), EngineError> {
    let id = || String::from(&*toggle.id);
    match toggle.kind {
        Kind::Switch => Ok(()),
        Kind::Fixed => Err(Invalid::AlwaysOn { toggle: id() }.into()),
        Kind::Action => {
            let path = toggle.paths.first().map(|path| (**path).to_owned()).unwrap_or_default();
            Err(Invalid::Action { toggle: id(), path }.into())
        }
    }
}

/// Which app a change names, if the toggle keeps a state for it.
fn app_of(state: &mut State, toggle: &Toggle, app: &str) -> Result<AppKey, EngineError> {
    check_id(app)?;
    let id = || String::from(&*toggle.id);
    match (toggle.scope, app) {
        (Scope::All | Scope::Both | Scope::Site, "") => Ok(ALL_APPS),
        (Scope::All, _) => Err(Invalid::NoApp { toggle: id() }.into()),
        (Scope::App, "") => Err(Invalid::NeedsApp { toggle: id() }.into()),
        (Scope::App | Scope::Both | Scope::Site, "*") => Ok(OTHER_APPS),
        (Scope::Site, app) => match Site::named(app) {
            Some(site) => Ok(state.numbers.app(site?.id())),
            None => Err(Invalid::NeedsSite { toggle: id() }.into()),
        },
        (Scope::App | Scope::Both, app) if app.starts_with(SITE_PREFIX) => {
            Err(Invalid::NoSite { toggle: id() }.into())
        }
        (Scope::App | Scope::Both, app) => known_app(state, app),
    }
}

/// The number of an app that is declared, was rejected, or has been set before.
pub(super) fn known_app(state: &mut State, app: &str) -> Result<AppKey, EngineError> {
    let unknown = || EngineError::UnknownApp { id: app.into() };
    if app.is_empty() || app == "*" {
        return Err(unknown());
    }
    if let Some(site) = Site::named(app) {
        return state.numbers.apps.find(site?.id()).map(AppKey).ok_or_else(unknown);
    }
    if let Some(number) = state.numbers.apps.find(app) {
        return Ok(AppKey(number));
    }
    let policy =
        state.policy.as_ref().map_err(|error| EngineError::CatalogUnavailable(error.clone()))?;
    let rejected = policy.apps.rejected().iter().any(|rejection| *rejection.app == *app);
    if rejected { Ok(state.numbers.app(app)) } else { Err(unknown()) }
}

fn lifetime(options: &SetOptions, now: Moment) -> Result<Lifetime, EngineError> {
    let word = options.lifetime.as_deref().unwrap_or("forever");
    match (word, options.until) {
        ("forever", None) => Ok(Lifetime::Forever),
        ("boot", None) => Ok(Lifetime::Boot),
        ("once", None) => Ok(Lifetime::Once),
        ("until", Some(until)) if until > now.wall => Ok(Lifetime::Until(until)),
        ("until", Some(_)) => Err(Invalid::UntilInThePast.into()),
        ("until", None) | ("forever" | "boot" | "once", Some(_)) => {
            Err(Invalid::UntilWithoutTime.into())
        }
        (other, _) => Err(Invalid::Lifetime(other.chars().take(32).collect()).into()),
    }
}

fn notice(
    policy: &Policy,
    options: &SetOptions,
    now: Moment,
) -> Result<Option<NoticeKey>, EngineError> {
    let notices = &policy.catalog.notices;
    let Some(id) = options.notice.as_deref() else {
        return Ok(policy.catalog.notice_at(now.wall).map(|notice| policy.notice_key(notice)));
    };
    check_id(id)?;
    let in_force = notices.find(id).filter(|notice| notices[*notice].effective <= now.wall);
    let notice = in_force.ok_or_else(|| Invalid::Notice(id.into()))?;
    Ok(Some(policy.notice_key(notice)))
}
