//! When something last changed that one app's answers rest on.
//!
//! The generation an app is told is of its own concerns, so that it learns nothing of another's.

use std::collections::HashMap;

use super::names::{ALL_APPS, AppKey, OTHER_APPS, ToggleKey};
use super::settings::{Key, LockedFor, Overlay};

/// The generation of the last change of each row, lock, profile and right, and of the policy.
#[derive(Debug, Default)]
pub(super) struct Touched {
    rows: HashMap<Key, u64>,
    locks: HashMap<(LockedFor, ToggleKey), u64>,
    profiles: HashMap<u32, u64>,
    rights: HashMap<(u32, AppKey), u64>,
    /// Apps whose data was isolated, or is no longer.
    held: HashMap<(u32, AppKey), u64>,
    policy: u64,
}

impl Touched {
    /// Notes what a change touches.
    pub fn note(&mut self, overlay: &Overlay, generation: u64) {
        let rows = overlay.entries.keys().chain(overlay.allowances.keys()).copied();
        let rows = rows.chain(overlay.notices.rows());
        self.rows.extend(rows.map(|key| (key, generation)));
        self.locks.extend(overlay.locks.keys().map(|lock| (*lock, generation)));
        self.held.extend(overlay.retention.apps().map(|app| (app, generation)));
        self.profiles.extend(overlay.profiles.keys().map(|user| (*user, generation)));
        let rights = overlay.rights.keys().map(|key| ((key.user, key.app), generation));
        self.rights.extend(rights);
    }

    /// Notes that everything is new.
    pub fn note_policy(&mut self, generation: u64) {
        self.policy = generation;
    }

    /// The last change that an app of a user can notice, given the toggles that cover its pairs.
    pub fn last(
        &self,
        user: u32,
        app: AppKey,
        toggles: impl IntoIterator<Item = ToggleKey>,
    ) -> u64 {
        let of_toggle = |toggle| {
            let rows = [ALL_APPS, OTHER_APPS, app].map(|app| Key { user, app, toggle });
            let rows = rows.into_iter().filter_map(|key| self.rows.get(&key));
            let locks = [LockedFor::Everybody, LockedFor::User(user)];
            let locks = locks.into_iter().filter_map(|whose| self.locks.get(&(whose, toggle)));
            rows.chain(locks).copied().max()
        };
        let toggles = toggles.into_iter().filter_map(of_toggle).max();
        let profile = self.profiles.get(&user).copied();
        let rights = [app, ALL_APPS].into_iter();
        let rights = rights.filter_map(|app| self.rights.get(&(user, app))).copied().max();
        let held = self.held.get(&(user, app)).copied();
        toggles.max(profile).max(rights).max(held).unwrap_or(0).max(self.policy)
    }
}
