//! What users chose, in memory: lasting states, allowances that end, locks, profiles.
//!
//! It says what they come to at a moment. It never decides a check and never touches the disk.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::Entries;
use super::held::{self, Rights, RightsChange};
use super::names::{ALL_APPS, AppKey, NoticeKey, OTHER_APPS, ToggleKey};
use super::notices::{NoticeAnswers, NoticeChanges};
use super::retention::{Retention, RetentionChanges};
use crate::catalog::{AppDefault, Kind, Scope, State, Toggle};
use crate::clock::Moment;
use crate::pseudonym::{Renewals, Renewed, Reset, Secret};

pub use super::profile::{AgeBand, Profile};

/// Whose state of what: one row of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Uid.
    pub user: u32,
    /// The app, or one of the two that stand for many.
    pub app: AppKey,
    /// The toggle.
    pub toggle: ToggleKey,
}

/// How a choice was made. The daemon finds it out; no caller says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A settings program named in the configuration.
    Settings,
    /// The shell tool, or another program of the user.
    Shell,
    /// An answered prompt.
    Prompt,
    /// The user's guardian.
    Guardian,
    /// Root, for a user.
    Administrator,
}

impl By {
    /// All of them.
    pub const ALL: [By; 5] = [By::Settings, By::Shell, By::Prompt, By::Guardian, By::Administrator];

    /// Whether a minor's consent counts when it was given so (R38).
    #[must_use]
    pub fn is_guardians(self) -> bool {
        match self {
            By::Guardian | By::Administrator => true,
            By::Settings | By::Shell | By::Prompt => false,
        }
    }

    /// The word on the wire and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            By::Settings => "settings",
            By::Shell => "shell",
            By::Prompt => "prompt",
            By::Guardian => "guardian",
            By::Administrator => "administrator",
        }
    }
}

/// A state that lasts until it is changed. 16 bytes: a phone has a hundred thousand of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When, in the order of events.
    pub generation: u64,
    /// When, Unix seconds: for people; nothing is decided by it.
    pub at: u32,
    /// The notice consented to; none where it is not a consent.
    pub notice: Option<NoticeKey>,
    /// What was chosen.
    pub state: State,
    /// How it was chosen.
    pub by: By,
}

/// How long an `on` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is changed.
    Forever,
    /// Until a wall-clock time, Unix seconds.
    Until(i64),
    /// Until the machine starts anew.
    Boot,
    /// For one recorded check that allows.
    Once,
}

impl Lifetime {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Lifetime::Forever => "forever",
            Lifetime::Until(_) => "until",
            Lifetime::Boot => "boot",
            Lifetime::Once => "once",
        }
    }

    /// The end of an `until`, Unix seconds.
    #[must_use]
    pub fn until(self) -> Option<i64> {
        match self {
            Lifetime::Until(until) => Some(until),
            Lifetime::Forever | Lifetime::Boot | Lifetime::Once => None,
        }
    }
}

/// An `on` that ends by itself; the lasting state returns then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The `on`.
    pub entry: Entry,
    /// When it ends; never `Forever`.
    pub lifetime: Lifetime,
    /// When it was given, on all clocks.
    pub given: Moment,
}

impl Allowance {
    /// Whether it holds at a moment. A clock set back revives nothing: before it was given it does not
    /// hold, and in the boot that gave it it holds no longer than its span.
    #[must_use]
    pub fn holds(&self, now: Moment) -> bool {
        match self.lifetime {
            Lifetime::Forever | Lifetime::Once => true,
            Lifetime::Boot => now.boot == self.given.boot,
            Lifetime::Until(until) => {
                let span_ms = until.saturating_sub(self.given.wall).saturating_mul(1000);
                let elapsed = now.since_boot.saturating_sub(self.given.since_boot);
                let in_span = now.boot != self.given.boot || elapsed < span_ms;
                (self.given.wall..until).contains(&now.wall) && in_span
            }
        }
    }

    /// Whether it is over for good at a moment, and not merely out of force.
    #[must_use]
    pub fn is_over(&self, now: Moment) -> bool {
        match self.lifetime {
            Lifetime::Forever | Lifetime::Once => false,
            Lifetime::Boot => now.boot != self.given.boot,
            Lifetime::Until(until) => {
                let span_ms = until.saturating_sub(self.given.wall).saturating_mul(1000);
                let elapsed = now.since_boot.saturating_sub(self.given.since_boot);
                now.wall >= until || (now.boot == self.given.boot && elapsed >= span_ms)
            }
        }
    }

    /// How many milliseconds from `now` it ends at the latest, if a clock ends it; 0 if it is over
    /// and its end is still to be noted.
    #[must_use]
    pub fn due_in(&self, now: Moment) -> Option<i64> {
        if self.is_over(now) {
            return Some(0);
        }
        let until = self.lifetime.until()?;
        let by_wall = until.saturating_sub(now.wall).saturating_mul(1000);
        let span_ms = until.saturating_sub(self.given.wall).saturating_mul(1000);
        let by_boot = if now.boot == self.given.boot {
            span_ms.saturating_sub(now.since_boot.saturating_sub(self.given.since_boot))
        } else {
            by_wall
        };
        Some(by_wall.min(by_boot).max(0))
    }
}

/// Whose lock: one user's, or everybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockedFor {
    /// Every user of the device.
    Everybody,
    /// One user.
    User(u32),
}

/// When the store was restored: what is older, and not stored off, asks until somebody chooses again. What
/// was withdrawn in between nobody knows (invariant 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// What is older than this is unconfirmed, in the order of events.
    pub generation: u64,
    /// Apps with a number up to this were there then: what was chosen for them may be lost, so having
    /// no state of their own means nothing.
    pub apps: u32,
    /// Unix seconds: for people.
    pub at: i64,
}

/// Everything that users and the administrator chose.
#[derive(Debug, Default)]
pub struct Settings {
    /// Lasting states.
    pub entries: Entries,
    /// Allowances that end.
    pub allowances: BTreeMap<Key, Allowance>,
    /// Toggles held off.
    pub locks: BTreeSet<(LockedFor, ToggleKey)>,
    /// Profiles that were set.
    pub profiles: BTreeMap<u32, Profile>,
    /// How often the user refused a prompt about an app's toggle, since they last set it.
    pub refusals: BTreeMap<Key, u32>,
    /// What a user's identifiers are made from; none until the first one is asked for.
    pub secrets: BTreeMap<u32, Secret>,
    /// When identifiers were reset.
    pub renewals: Renewals,
    /// Objections, restrictions.
    pub rights: Rights,
    /// What they answered to notices.
    pub notices: NoticeAnswers,
    /// What became of what was collected.
    pub retention: Retention,
    /// When all this was restored from a backup, if it ever was.
    pub restored: Option<Restored>,
}

/// Changes on their way to the disk, over the settings they will change. None is a removal.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    /// Lasting states.
    pub entries: BTreeMap<Key, Option<Entry>>,
    /// Allowances that end.
    pub allowances: BTreeMap<Key, Option<Allowance>>,
    /// Locks: held or let go.
    pub locks: BTreeMap<(LockedFor, ToggleKey), bool>,
    /// Profiles.
    pub profiles: BTreeMap<u32, Profile>,
    /// Refused prompts; 0 forgets them.
    pub refusals: BTreeMap<Key, u32>,
    /// Secrets of users whose first identifier was asked for.
    pub secrets: BTreeMap<u32, Secret>,
    /// Identifiers that are reset.
    pub renewals: BTreeMap<Reset, Renewed>,
    /// Objections, restrictions.
    pub rights: RightsChange,
    /// Answers to notices.
    pub notices: NoticeChanges,
    /// What became of what was collected.
    pub retention: RetentionChanges,
}

impl Settings {
    /// Makes an overlay's changes its own.
    pub fn take(&mut self, overlay: Overlay) {
        for (key, entry) in overlay.entries {
            match entry {
                Some(entry) => self.entries.insert(key, entry),
                None => self.entries.remove(&key),
            }
        }
        for (key, allowance) in overlay.allowances {
            match allowance {
                Some(allowance) => drop(self.allowances.insert(key, allowance)),
                None => drop(self.allowances.remove(&key)),
            }
        }
        for (lock, held) in overlay.locks {
            if held {
                self.locks.insert(lock);
            } else {
                self.locks.remove(&lock);
            }
        }
        self.profiles.extend(overlay.profiles);
        self.secrets.extend(overlay.secrets);
        self.renewals.extend(overlay.renewals);
        self.refusals.extend(overlay.refusals);
        self.refusals.retain(|_, count| *count > 0);
        held::take(&mut self.rights, overlay.rights);
        self.notices.take(overlay.notices);
        self.retention.take(overlay.retention);
    }

    /// The refused prompts that a setting of a toggle makes bygones: the app's own; all, where it is set
    /// for all or for those without a state of their own.
    pub fn refused_before(&self, set: Key) -> impl Iterator<Item = Key> {
        let concerned = move |key: &&Key| {
            key.user == set.user
                && key.toggle == set.toggle
                && (key.app == set.app || set.app == ALL_APPS || set.app == OTHER_APPS)
        };
        self.refusals.keys().filter(concerned).copied()
    }

    /// The allowances of one user's app.
    pub fn allowances_of(
        &self,
        user: u32,
        app: AppKey,
    ) -> impl Iterator<Item = (&Key, &Allowance)> {
        let least = Key { user, app, toggle: ToggleKey::MIN };
        self.allowances.range(least..=Key { toggle: ToggleKey::MAX, ..least })
    }
}

/// The settings as a check sees them: what is in force, or what will be once it is on the disk.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What is in force.
    pub settings: &'a Settings,
    /// What is on its way.
    pub overlay: Option<&'a Overlay>,
}

/// Which of a toggle's states decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// The all-apps state.
    AllApps,
    /// The app's own.
    App,
    /// The one for apps without one of their own.
    Others,
    /// The catalogue's default.
    Default,
}

impl DecidedBy {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            DecidedBy::AllApps => "all-apps",
            DecidedBy::App => "app",
            DecidedBy::Others => "others",
            DecidedBy::Default => "default",
        }
    }
}

/// What is stored in one row, as it holds at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The state and its circumstances.
    pub entry: Entry,
    /// How long it holds.
    pub lifetime: Lifetime,
}

/// What a toggle comes to for an app, before any lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved {
    /// The state.
    pub state: State,
    /// Which row decided.
    pub decided_by: DecidedBy,
    /// That row; none for a default.
    pub stored: Option<Stored>,
    /// The newest `on` that counts.
    pub switched_on: Option<u64>,
    /// The newest consent that counts.
    pub consent: Option<Entry>,
    /// Whether it asks for no other reason than that the store was restored since it was chosen.
    pub unconfirmed: bool,
}

impl View<'_> {
    /// One row, as it holds now: an allowance in force, else the lasting state.
    #[must_use]
    pub fn stored(&self, key: Key, now: Moment) -> Option<Stored> {
        let allowance = match self.overlay.and_then(|overlay| overlay.allowances.get(&key)) {
            Some(changed) => changed.as_ref(),
            None => self.settings.allowances.get(&key),
        };
        if let Some(allowance) = allowance.filter(|allowance| allowance.holds(now)) {
            return Some(Stored { entry: allowance.entry, lifetime: allowance.lifetime });
        }
        let entry = match self.overlay.and_then(|overlay| overlay.entries.get(&key)) {
            Some(changed) => *changed,
            None => self.settings.entries.get(&key),
        };
        entry.map(|entry| Stored { entry, lifetime: Lifetime::Forever })
    }

    /// Whether a toggle is held off for a user.
    #[must_use]
    pub fn is_locked(&self, user: u32, toggle: ToggleKey) -> bool {
        [LockedFor::Everybody, LockedFor::User(user)].into_iter().any(|whose| {
            let lock = (whose, toggle);
            match self.overlay.and_then(|overlay| overlay.locks.get(&lock)) {
                Some(held) => *held,
                None => self.settings.locks.contains(&lock),
            }
        })
    }

    /// A user's profile.
    #[must_use]
    pub fn profile(&self, user: u32) -> Option<&Profile> {
        self.overlay
            .and_then(|overlay| overlay.profiles.get(&user))
            .or_else(|| self.settings.profiles.get(&user))
    }

    /// What a toggle comes to for a user's app: the all-apps state off is off; else the app's own; else
    /// the one for apps without their own; else the app default.
    #[must_use]
    pub fn resolve(
        &self,
        toggle: &Toggle,
        toggle_key: ToggleKey,
        user: u32,
        app: AppKey,
        now: Moment,
    ) -> Resolved {
        let row = |app| self.stored(Key { user, app, toggle: toggle_key }, now);
        let all = match toggle.scope {
            Scope::Both | Scope::All | Scope::Site => row(ALL_APPS),
            Scope::App => None,
        };
        let (own, others) = match toggle.scope {
            Scope::Both | Scope::App | Scope::Site if app != ALL_APPS => {
                (row(app), row(OTHER_APPS))
            }
            Scope::Both | Scope::App | Scope::Site | Scope::All => (None, None),
        };
        let all_state = all.map_or(toggle.all_default, |stored| stored.entry.state);
        let by = if all.is_some() { DecidedBy::AllApps } else { DecidedBy::Default };
        let follow = (all_state, by);
        let (state, decided_by) = if toggle.kind == Kind::Fixed {
            (State::On, DecidedBy::Default)
        } else if all_state == State::Off || toggle.scope == Scope::All || app == ALL_APPS {
            follow
        } else if let Some(own) = own {
            (own.entry.state, DecidedBy::App)
        } else if let Some(others) = others {
            (others.entry.state, DecidedBy::Others)
        } else {
            match toggle.app_default {
                AppDefault::Follow => follow,
                AppDefault::Ask => (State::Ask, DecidedBy::Default),
                AppDefault::Off => (State::Off, DecidedBy::Default),
            }
        };
        let stored = match decided_by {
            DecidedBy::AllApps => all,
            DecidedBy::App => own,
            DecidedBy::Others => others,
            DecidedBy::Default => None,
        };
        let unconfirmed = state == State::On
            && toggle.kind != Kind::Fixed
            && self.settings.restored.is_some_and(|restored| {
                let keeps_own = toggle.scope != Scope::All && app != ALL_APPS;
                stored.is_none_or(|stored| stored.entry.generation < restored.generation)
                    || (keeps_own && decided_by != DecidedBy::App && app.0 <= restored.apps)
            });
        let state = if unconfirmed { State::Ask } else { state };
        let confirmed = |entry: &Entry| {
            let restored = self.settings.restored;
            restored.is_none_or(|restored| entry.generation >= restored.generation)
        };
        let on = |stored: Option<Stored>| {
            let entry = stored.map(|stored| stored.entry);
            entry.filter(|entry| entry.state == State::On && confirmed(entry))
        };
        // What was chosen for apps without a state of their own does not concern one that has.
        let counting_others = others.filter(|_| own.is_none());
        let newest = |entries: [Option<Entry>; 3]| {
            entries.into_iter().flatten().max_by_key(|entry| entry.generation)
        };
        let consented = |entry: Option<Entry>| entry.filter(|entry| entry.notice.is_some());
        Resolved {
            state,
            decided_by,
            stored,
            switched_on: newest([on(own), on(all), on(counting_others)])
                .map(|entry| entry.generation),
            consent: newest([consented(on(own)), consented(on(all)), None]),
            unconfirmed,
        }
    }
}
