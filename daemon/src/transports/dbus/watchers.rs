//! Who hears `SettingChanged`: those that called `Watch`, until they leave the bus.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consentd_dbus::{Error, Result};
use futures_util::StreamExt;
use zbus::message::Header;
use zbus::names::UniqueName;

use super::admission::Admitted;
use super::service::Service;

/// Watchers of one user's programs.
const MAX_WATCHERS: usize = 64;

/// Unique names, each with the uid behind it and the users it watches.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<HashMap<String, (u32, Vec<u32>)>>);

impl Watchers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, (u32, Vec<u32>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who watches a user; everybody, if a change concerns everybody. With the user each watches.
    pub fn of(&self, user: Option<u32>) -> Vec<(String, u32)> {
        let watchers = self.lock();
        let watched = watchers.iter().flat_map(|(name, (_, users))| {
            users.iter().map(move |watched| (name.clone(), *watched))
        });
        watched.filter(|(_, watched)| user.is_none_or(|user| user == *watched)).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }
}

impl Service {
    /// Has a caller told of changes to a user's settings.
    pub(super) async fn watch(
        self: &Arc<Self>,
        header: &Header<'_>,
        admitted: &Admitted,
    ) -> Result<()> {
        let Some(sender) = header.sender().map(UniqueName::to_owned) else {
            return Err(Error::InvalidArgument("a call without a sender".into()));
        };
        {
            let mut watchers = self.watchers.lock();
            if let Some((_, users)) = watchers.get_mut(sender.as_str()) {
                if !users.contains(&admitted.user) {
                    users.push(admitted.user);
                }
                return Ok(());
            }
            let same = watchers.values().filter(|(uid, _)| *uid == admitted.uid).count();
            if same >= MAX_WATCHERS {
                return Err(Error::TooManyRequests(format!(
                    "{MAX_WATCHERS} programs of this user watch already; end one of them"
                )));
            }
            watchers.insert(sender.to_string(), (admitted.uid, vec![admitted.user]));
        }
        self.forget_when_gone(sender).await
    }

    /// Ends what [`Service::watch`] began.
    pub(super) fn unwatch(&self, header: &Header<'_>, user: u32) {
        let Some(sender) = header.sender() else {
            return;
        };
        let mut watchers = self.watchers.lock();
        if let Some((_, users)) = watchers.get_mut(sender.as_str()) {
            users.retain(|watched| *watched != user);
            if users.is_empty() {
                watchers.remove(sender.as_str());
            }
        }
    }

    /// Waits in the background until a watcher leaves the bus.
    async fn forget_when_gone(self: &Arc<Self>, sender: UniqueName<'static>) -> Result<()> {
        let bus = zbus::fdo::DBusProxy::new(&self.connection).await?;
        let mut left = bus.receive_name_owner_changed_with_args(&[(0, sender.as_str())]).await?;
        let name = zbus::names::BusName::from(sender.clone());
        // It may have left before the match rule was there.
        if !bus.name_has_owner(name).await.map_err(zbus::Error::from)? {
            self.watchers.lock().remove(sender.as_str());
            return Ok(());
        }
        let service = Arc::downgrade(self);
        tokio::spawn(async move {
            left.next().await;
            if let Some(service) = service.upgrade() {
                service.watchers.lock().remove(sender.as_str());
            }
        });
        Ok(())
    }
}
