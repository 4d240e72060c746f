//! Tells apps and watchers that something changed, after it holds. Signals go to those concerned alone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use consentd_dbus::names;
use tokio::sync::{Notify, mpsc};
use zbus::names::UniqueName;
use zbus::object_server::SignalEmitter;

use super::dict::dict;
use super::erasures::Erasures;
use super::followers::Followers;
use super::gate::Gate;
use super::rights::Rights;
use super::service::Service;
use super::settings::{Settings, state_row};
use crate::alarm::Alarm;
use crate::engine::{Changed, ChangedSetting, EngineError, Listener};
use crate::ledger::{Event, Record};

/// Before the first try to write again what the disk did not take; twice as long before each next one.
const RETRY: Duration = Duration::from_secs(5);
/// The longest between two tries.
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// The engine's listener: what it hears is told by a task of its own.
pub(super) struct Signals {
    changes: mpsc::UnboundedSender<Changed>,
    followers: Arc<Followers>,
    due: Arc<Notify>,
    erasures: Arc<Notify>,
}

impl Signals {
    /// Starts the tasks that tell, end allowances and periods, have holders erase what is due, and write
    /// what the disk did not take.
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
        let erasures = Arc::new(Notify::new());
        tokio::spawn(have_erased(Arc::downgrade(service), Arc::clone(&erasures)));
        Self { changes, followers: Arc::clone(&service.followers), due, erasures }
    }
}

impl Listener for Signals {
    fn changed(&self, change: &Changed) {
        // It fails only when the daemon ends.
        drop(self.changes.send(change.clone()));
        if change.settings.is_empty() {
            // A new policy: it has other periods and notices.
            self.due.notify_one();
        }
    }

    fn recorded(&self, records: &[Record<'_>]) {
        self.followers.recorded(records);
    }

    fn noted(&self, events: &[Event]) {
        self.followers.noted(events);
    }

    fn erasures_due(&self) {
        self.erasures.notify_one();
    }

    fn due_changed(&self) {
        self.due.notify_one();
    }
}

/// Has holders erase what became due, when it did.
async fn have_erased(service: Weak<Service>, due: Arc<Notify>) {
    loop {
        due.notified().await;
        let Some(service) = service.upgrade() else { return };
        service.erase(Erasures::All);
    }
}

/// Sleeps until the next due moment, and only if there is one.
async fn keep_time(service: Weak<Service>, due: Arc<Notify>) {
    let alarm = match Alarm::new() {
        Ok(alarm) => alarm,
        Err(error) => {
            // What is over is out of force all the same; it is only not told.
            tracing::error!(%error, "no timer: the end of an allowance is not told");
            return;
        }
    };
    // Set once a try has failed: until then nothing waits longer than it has to.
    let mut pause: Option<Duration> = None;
    loop {
        let Some(engine) = service.upgrade().map(|service| Arc::clone(&service.engine)) else {
            return;
        };
        let retry = (engine.unsaved() > 0).then_some(RETRY);
        let notice = engine.next_notice();
        let next = engine.next_due().into_iter().chain(engine.next_retention()).chain(notice).min();
        let takes_effect = next.is_some() && next == notice;
        let next = next.and_then(|ms| u64::try_from(ms).ok());
        let soonest = [retry, next.map(Duration::from_millis)].into_iter().flatten().min();
        let Some(soonest) = soonest else {
            pause = None;
            if let Err(error) = alarm.clear() {
                tracing::warn!(%error, "a timer runs on");
            }
            due.notified().await;
            continue;
        };
        tokio::select! {
            () = due.notified() => continue,
            slept = alarm.after(soonest.max(pause.unwrap_or_default())) => {
                if let Err(error) = slept {
                    tracing::error!(%error, "the timer failed: the end of an allowance is not told");
                    return;
                }
            }
        }
        let ended = tokio::task::spawn_blocking(move || {
            let expired = engine.expire()?;
            engine.keep_retention()?;
            Ok::<u64, EngineError>(expired)
        })
        .await;
        pause = match ended {
            Ok(Err(error)) if error.may_pass() => {
                Some(pause.map_or(RETRY, |pause| pause * 2).min(LONGEST_RETRY))
            }
            Ok(_) | Err(_) => None,
        };
        if takes_effect && let Some(service) = service.upgrade() {
            service.tell_notices().await;
        }
    }
}

impl Service {
    async fn tell(&self, change: &Changed) {
        for (app, caller) in self.examiner.known().callers() {
            if self.concerns(change, &caller)
                && let Some(emitter) = self.emitter(&app)
            {
                sent(&app, Gate::changed(&emitter, change.generation).await);
            }
        }
        if change.settings.is_empty() {
            self.tell_notices().await;
        }
        for setting in &change.settings {
            let Some(toggle) = setting.toggle.as_deref() else { continue };
            for (watcher, user) in self.watchers.of(setting.user) {
                let Ok(row) = self.engine.get(user, toggle, &setting.app) else { continue };
                if let Some(emitter) = self.emitter(&watcher) {
                    let state = state_row(row);
                    let told = Settings::setting_changed(&emitter, toggle, &setting.app, state);
                    sent(&watcher, told.await);
                }
            }
        }
    }

    /// Tells watchers of the notices that wait for their user, each once.
    async fn tell_notices(&self) {
        for (watcher, user) in self.watchers.of(None) {
            let Ok(notices) = self.engine.pending_notices(user) else { continue };
            for notice in notices {
                if self.watchers.is_first(&watcher, user, &notice)
                    && let Some(emitter) = self.emitter(&watcher)
                {
                    sent(&watcher, Settings::notice_pending(&emitter, &notice).await);
                }
            }
        }
    }

    /// Tells whoever watches a user that a case of that user is farther.
    pub(super) async fn tell_of_case(&self, user: u32, case: String) {
        let (engine, id) = (Arc::clone(&self.engine), case.clone());
        let row = tokio::task::spawn_blocking(move || engine.get_case(user, &id)).await;
        let Ok(Ok(row)) = row else { return };
        for (watcher, _) in self.watchers.of(Some(user)) {
            if let Some(emitter) = self.emitter(&watcher) {
                sent(&watcher, Rights::case_changed(&emitter, &case, dict(row.clone())).await);
            }
        }
    }

    /// Sends to one connection alone.
    fn emitter(&self, to: &str) -> Option<SignalEmitter<'static>> {
        let to = UniqueName::try_from(to.to_owned()).ok()?;
        let emitter = SignalEmitter::new(&self.connection, names::PATH).ok()?;
        Some(emitter.set_destination(to.into()).into_owned())
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
}

fn sent(to: &str, outcome: zbus::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, to, "a signal was not sent");
    }
}
