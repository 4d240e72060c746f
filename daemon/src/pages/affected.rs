//! Which gates a change can matter to, told by the rows it touches.

use crate::engine::names::{ALL_APPS, AppKey, OTHER_APPS, ToggleKey};
use crate::engine::settings::{Key, LockedFor, Overlay};

/// The rows that a change touches.
#[derive(Debug, Clone, Default)]
pub struct Affected {
    rows: Vec<Key>,
    locks: Vec<(LockedFor, ToggleKey)>,
    profiles: Vec<u32>,
    rights: Vec<(u32, AppKey)>,
    /// Apps whose data may be isolated, or no longer.
    held: Vec<(u32, AppKey)>,
}

/// What of one app a change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// Nothing.
    Nothing,
    /// What these toggles cover.
    Toggles(Vec<ToggleKey>),
    /// Everything.
    All,
}

impl Affected {
    /// By a change.
    #[must_use]
    pub fn by(change: &Overlay) -> Self {
        Self {
            rows: change
                .entries
                .keys()
                .chain(change.allowances.keys())
                .copied()
                .chain(change.notices.rows())
                .collect(),
            locks: change.locks.keys().copied().collect(),
            profiles: change.profiles.keys().copied().collect(),
            rights: change.rights.keys().map(|key| (key.user, key.app)).collect(),
            held: change.retention.apps().collect(),
        }
    }

    /// What it touches of a user's app.
    #[must_use]
    pub fn of(&self, user: u32, app: AppKey) -> Touch {
        let claimed = |(whose, towards): &(u32, AppKey)| {
            *whose == user && (*towards == app || *towards == ALL_APPS)
        };
        if self.profiles.contains(&user)
            || self.held.contains(&(user, app))
            || self.rights.iter().any(claimed)
        {
            return Touch::All;
        }
        let rows = self.rows.iter().filter(|key| {
            key.user == user && (key.app == app || key.app == ALL_APPS || key.app == OTHER_APPS)
        });
        let locks = self.locks.iter().filter(|(whose, _)| match whose {
            LockedFor::Everybody => true,
            LockedFor::User(locked) => *locked == user,
        });
        let toggles: Vec<ToggleKey> =
            rows.map(|key| key.toggle).chain(locks.map(|(_, toggle)| *toggle)).collect();
        if toggles.is_empty() { Touch::Nothing } else { Touch::Toggles(toggles) }
    }
}
