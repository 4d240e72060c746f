//! Tells apps and watchers that something changed, after it holds. Signals go to those concerned alone.

use std::sync::{Arc, Weak};

use consentd_dbus::names;
use tokio::sync::{Notify, mpsc};

use super::followers::Followers;
use super::service::Service;
use super::settings::state_row;
use crate::engine::{Changed, ChangedSetting, EngineError, Listener};
use crate::ledger::{Event, Record};

/// Between tries to write denials that the disk did not take.
const RETRY: std::time::Duration = std::time::Duration::from_secs(5);

/// The engine's listener: what it hears is told by a task of its own.
pub(super) struct Signals {
    changes: mpsc::UnboundedSender<Changed>,
    followers: Arc<Followers>,
    due: Arc<Notify>,
}

impl Signals {
    /// Starts the tasks that tell, end allowances, and write what the disk did not take.
    pub fn start(service: &Arc<Service>) -> Self {
        let (changes, mut heard) = mpsc::unbounded_channel::<Changed>();
        let telling = Arc::downgrade(service);
        tokio::spawn(async move {
            while let Some(change) = heard.recv().await {
                let Some(service) = telling.upgrade() else { break };
                service.tell(&change).await;
            }
        });
        let due = Arc::new(Notify::new());
        tokio::spawn(keep_time(Arc::downgrade(service), Arc::clone(&due)));
        Self { changes, followers: Arc::clone(&service.followers), due }
    }
}

impl Listener for Signals {
    fn changed(&self, change: &Changed) {
        // It fails only when the daemon ends.
        drop(self.changes.send(change.clone()));
    }

    fn recorded(&self, records: &[Record<'_>]) {
        self.followers.recorded(records);
    }

    fn noted(&self, events: &[Event]) {
        self.followers.noted(events);
    }

    fn due_changed(&self) {
        self.due.notify_one();
    }
}

/// Sleeps until the next due moment, and only if there is one.
async fn keep_time(service: Weak<Service>, due: Arc<Notify>) {
    loop {
        let Some(engine) = service.upgrade().map(|service| Arc::clone(&service.engine)) else {
            return;
        };
        let retry = (engine.unsaved() > 0).then_some(RETRY);
        let next = engine.next_due().and_then(|ms| u64::try_from(ms).ok());
        let next = next.map(std::time::Duration::from_millis);
        let wait = [retry, next].into_iter().flatten().min();
        match wait {
            None => due.notified().await,
            Some(wait) => {
                tokio::select! {
                    () = due.notified() => continue,
                    () = tokio::time::sleep(wait) => {}
                }
                let ended = tokio::task::spawn_blocking(move || engine.expire()).await;
                if let Ok(Err(EngineError::NotStored(_) | EngineError::StoreUnavailable(_))) = ended
                {
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

impl Service {
    async fn tell(&self, change: &Changed) {
        for (sender, concerned) in self.examiner.known().callers() {
            if self.concerns(change, &concerned) {
                self.send(&sender, names::GATE, "Changed", &(change.generation,)).await;
            }
        }
        for setting in &change.settings {
            let Some(toggle) = setting.toggle.as_deref() else { continue };
            for (watcher, user) in self.watchers.of(setting.user) {
                let Ok(row) = self.engine.get(user, toggle, &setting.app) else { continue };
                let body = (toggle, setting.app.as_str(), state_row(row));
                self.send(&watcher, names::SETTINGS, "SettingChanged", &body).await;
            }
        }
    }

    /// Whether a change can make an app hear another answer. A change without settings is a new policy.
    fn concerns(&self, change: &Changed, caller: &crate::identity::Caller) -> bool {
        let Ok(policy) = self.engine.policy() else { return true };
        let Some((_, app)) = policy.app(&caller.app) else { return change.settings.is_empty() };
        let covered = |setting: &ChangedSetting| match &setting.toggle {
            None => true,
            Some(id) => policy.catalog.toggles.find(id).is_some_and(|toggle| {
                app.pairs
                    .iter()
                    .any(|pair| policy.catalog.covering(pair.purpose, pair.data).contains(&toggle))
            }),
        };
        change.settings.is_empty()
            || change.settings.iter().any(|setting| {
                setting.user.is_none_or(|user| user == caller.user)
                    && (["", "*"].contains(&setting.app.as_str()) || *setting.app == *caller.app)
                    && covered(setting)
            })
    }

    async fn send<B>(&self, to: &str, interface: &str, signal: &str, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let sent =
            self.connection.emit_signal(Some(to), names::PATH, interface, signal, body).await;
        if let Err(error) = sent {
            tracing::debug!(%error, to, signal, "a signal was not sent");
        }
    }
}
