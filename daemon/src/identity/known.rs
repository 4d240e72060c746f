//! Who is known, by unique name. A bus gives none twice while it lives, so nothing here goes stale
//! when a connection ends, and nobody has to be told that it did.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Caller, Peer, Unidentified};

const LIMIT: usize = 1024;

/// A peer, and the app it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// The facts, for authority.
    pub peer: Peer,
    /// The app, or the definite answer that it is none.
    pub caller: Result<Caller, Unidentified>,
}

/// The peers that were identified lately.
///
/// Every entry belongs to the registry of apps that it was matched with, which the holder numbers;
/// with another number it is not found.
#[derive(Debug, Default)]
pub struct Known {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_name: HashMap<Box<str>, Entry>,
    /// Grows with every use.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    identified: Arc<Identified>,
    registry: u64,
    used: u64,
}

impl Known {
    /// Who owns a unique name, if that is known under this registry of apps.
    #[must_use]
    pub fn get(&self, unique: &str, registry: u64) -> Option<Arc<Identified>> {
        let mut entries = self.lock();
        entries.uses += 1;
        let used = entries.uses;
        let entry = entries.by_name.get_mut(unique).filter(|entry| entry.registry == registry)?;
        entry.used = used;
        Some(Arc::clone(&entry.identified))
    }

    /// Remembers an answer; a full cache forgets the one used least lately by the user who has most.
    pub fn insert(&self, unique: &str, registry: u64, identified: Arc<Identified>) {
        let mut entries = self.lock();
        entries.uses += 1;
        let used = entries.uses;
        if !entries.by_name.contains_key(unique) && entries.by_name.len() >= LIMIT {
            entries.forget_one();
        }
        entries.by_name.insert(unique.into(), Entry { identified, registry, used });
    }

    /// Forgets everybody: the declarations have changed.
    pub fn clear(&self) {
        self.lock().by_name.clear();
    }

    /// The unique names under which an app of a user is known, to send it a signal.
    #[must_use]
    pub fn connections(&self, user: u32, app: &str) -> Vec<Box<str>> {
        let is_it = |entry: &Entry| {
            entry
                .identified
                .caller
                .as_ref()
                .is_ok_and(|caller| caller.user == user && &*caller.app == app)
        };
        let entries = self.lock();
        entries
            .by_name
            .iter()
            .filter(|(_, entry)| is_it(entry))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Every connection of an app that is known, to send it a signal.
    #[must_use]
    pub fn callers(&self) -> Vec<(Box<str>, Caller)> {
        let entries = self.lock();
        let known = entries.by_name.iter();
        known
            .filter_map(|(name, entry)| {
                Some((name.clone(), entry.identified.caller.as_ref().ok()?.clone()))
            })
            .collect()
    }

    /// A panic elsewhere leaves the map whole: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// From the user who has most, so that nobody can push others out by connecting often.
    fn forget_one(&mut self) {
        let mut counts: HashMap<u32, usize> = HashMap::new();
        for entry in self.by_name.values() {
            *counts.entry(entry.identified.peer.uid).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|&(uid, count)| (count, uid)).map(|(uid, _)| uid);
        let oldest = self
            .by_name
            .iter()
            .filter(|(_, entry)| Some(entry.identified.peer.uid) == most)
            .min_by_key(|(_, entry)| entry.used)
            .map(|(name, _)| name.clone());
        if let Some(name) = oldest {
            self.by_name.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Trust;
    use crate::identity::{Kind, NotProven, Place};

    fn identified(uid: u32, app: &str) -> Arc<Identified> {
        let peer = Peer {
            uid,
            pid: 1,
            ceiling: Trust::Weak,
            flatpak: None,
            snap: None,
            place: Place::Elsewhere,
            executable: Err(NotProven::None),
            apart: false,
        };
        let caller = Caller {
            user: uid,
            kind: Kind::Scope,
            app: app.into(),
            declared: None,
            instance: "".into(),
            trust: Trust::Weak,
        };
        Arc::new(Identified { peer, caller: Ok(caller) })
    }

    #[test]
    fn one_user_cannot_push_another_out() {
        let known = Known::default();
        known.insert(":1.1", 1, identified(1000, "scope:quiet"));
        for connection in 0..3000 {
            known.insert(&format!(":2.{connection}"), 1, identified(1001, "scope:loud"));
        }
        assert!(known.get(":1.1", 1).is_some());
        assert_eq!(known.connections(1000, "scope:quiet"), [":1.1".into()]);
        assert_eq!(known.connections(1001, "scope:loud").len(), LIMIT - 1);
    }

    #[test]
    fn a_full_cache_forgets_what_was_used_least_lately() {
        let known = Known::default();
        for connection in 0..LIMIT {
            known.insert(&format!(":1.{connection}"), 1, identified(1000, "scope:a"));
        }
        assert!(known.get(":1.0", 1).is_some());
        known.insert(":1.9999", 1, identified(1000, "scope:a"));
        assert!(known.get(":1.0", 1).is_some());
        assert!(known.get(":1.1", 1).is_none());
        assert!(known.get(":1.2", 1).is_some());
    }

    #[test]
    fn an_answer_from_another_registry_of_apps_is_not_found() {
        let known = Known::default();
        known.insert(":1.1", 1, identified(1000, "scope:a"));
        assert!(known.get(":1.1", 2).is_none());
        assert!(known.get(":1.1", 1).is_some());
        known.clear();
        assert!(known.get(":1.1", 1).is_none());
    }

    #[test]
    fn connections_are_those_of_one_app_of_one_user() {
        let known = Known::default();
        known.insert(":1.1", 1, identified(1000, "scope:a"));
        known.insert(":1.2", 1, identified(1000, "scope:b"));
        known.insert(":1.3", 1, identified(1001, "scope:a"));
        assert_eq!(known.connections(1000, "scope:a"), [":1.1".into()]);
    }
}
