//! Who hears `SettingChanged` and `NoticePending`: those that called `Watch`, until they leave the bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consentd_dbus::{Error, Result};
use zbus::Connection;
use zbus::names::UniqueName;

use super::leaving::leaving;

/// Watchers of one user's programs.
const MAX_WATCHERS: usize = 64;

/// One connection: the uid behind it and the users it watches. It stays until the connection ends,
/// watching or not, so that each has one match rule at most.
#[derive(Debug)]
struct Watcher {
    uid: u32,
    watched: Vec<u32>,
    /// Notices it was told of, with the user each waits for.
    noticed: Vec<(u32, String)>,
}

/// Watchers by unique name.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<HashMap<String, Watcher>>);

impl Watchers {
    /// Who watches a user; everybody, if a change concerns everybody. With the user each watches.
    pub fn of(&self, user: Option<u32>) -> Vec<(String, u32)> {
        let watchers = self.lock();
        let watched = watchers.iter().flat_map(|(name, watcher)| {
            watcher.watched.iter().map(move |watched| (name.clone(), *watched))
        });
        watched.filter(|(_, watched)| user.is_none_or(|user| user == *watched)).collect()
    }

    /// Whether a watcher was not told yet that a notice waits for a user; it is from now on.
    pub fn is_first(&self, watcher: &str, user: u32, notice: &str) -> bool {
        let mut watchers = self.lock();
        let Some(known) = watchers.get_mut(watcher) else { return false };
        let told = known.noticed.iter().any(|(whose, id)| *whose == user && id == notice);
        if !told {
            known.noticed.push((user, notice.to_owned()));
        }
        !told
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Has a connection of `uid` told of changes to a user's settings.
    pub async fn watch(
        self: &Arc<Self>,
        connection: &Connection,
        watcher: &UniqueName<'_>,
        uid: u32,
        user: u32,
    ) -> Result<()> {
        {
            let mut watchers = self.lock();
            if let Some(known) = watchers.get_mut(watcher.as_str()) {
                if !known.watched.contains(&user) {
                    known.watched.push(user);
                }
                return Ok(());
            }
            if watchers.values().filter(|other| other.uid == uid).count() >= MAX_WATCHERS {
                return Err(Error::TooManyRequests(format!(
                    "{MAX_WATCHERS} programs of this user watch already; end one of them"
                )));
            }
            watchers.insert(
                watcher.to_string(),
                Watcher { uid, watched: vec![user], noticed: Vec::new() },
            );
        }
        let waited = self.forget_when_gone(connection, watcher.to_owned()).await;
        if waited.is_err() {
            self.lock().remove(watcher.as_str());
        }
        waited
    }

    /// Ends what [`Watchers::watch`] began.
    pub fn unwatch(&self, watcher: &UniqueName<'_>, user: u32) {
        if let Some(known) = self.lock().get_mut(watcher.as_str()) {
            known.watched.retain(|watched| *watched != user);
        }
    }

    /// Waits in the background until a watcher leaves the bus.
    async fn forget_when_gone(
        self: &Arc<Self>,
        connection: &Connection,
        watcher: UniqueName<'static>,
    ) -> Result<()> {
        let left = leaving(connection, &watcher).await?;
        let watchers = Arc::downgrade(self);
        tokio::spawn(async move {
            left.await;
            if let Some(watchers) = watchers.upgrade() {
                watchers.lock().remove(watcher.as_str());
            }
        });
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Watcher>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
