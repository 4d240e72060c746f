//! Holders on the bus: apps that keep personal data are told of cases, and answer (R44–R52); of what they are
//! to erase besides, in [`super::erasures`].
//!
//! What a holder says is hostile input: it can finish or refuse its part of a case, and nothing else. What
//! it returns is passed on to the person, and kept nowhere.

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use consentd_dbus::{Error, Result, names};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::task::AbortHandle;
use zbus::message::Header;
use zbus::names::{BusName, UniqueName};
use zbus::{Connection, Fd, ObjectPath};

use super::dict::{Dict, Options, Reader, dict};
use super::erasures::Erasures;
use super::errors::{no_sender, unidentified};
use super::leaving::leaving;
use super::pace::Pace;
use super::service::Service;
use crate::catalog::Trust;
use crate::engine::cases::{Progress, Task, Tasks};
use crate::identity::Caller;
use crate::row::Row;

/// How long a holder may take to answer a call.
pub(super) const PATIENCE: Duration = Duration::from_secs(25);
/// How long it may go on to write after it answered.
const REST: Duration = Duration::from_secs(5);
/// Before a holder is asked for the second time.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest between two times.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);
/// The most that one holder returns of a case.
const MAX_DATA: usize = 16 << 20;
/// Characters of what is said of a holder that failed.
pub(super) const MAX_WHY: usize = 256;

/// The holders that registered, and the cases on their way.
pub(super) struct Holders {
    registered: Mutex<HashMap<Whose, Holder>>,
    registrations: AtomicU64,
    under_way: Mutex<HashSet<(i64, String)>>,
    pub(super) pace: Pace,
}

/// A user's instance of an app; of all users where the app is a service of the system.
pub(super) type Whose = (Option<u32>, String);

struct Holder {
    registration: u64,
    name: UniqueName<'static>,
    path: ObjectPath<'static>,
    /// Waits until it leaves the bus.
    watch: AbortHandle,
}

/// Where a holder answers.
pub(super) type Address = (UniqueName<'static>, ObjectPath<'static>);

/// What a holder came to.
pub(super) struct Handled {
    pub progress: Progress,
    pub note: String,
    pub data: Vec<u8>,
}

impl Default for Holders {
    fn default() -> Self {
        Self {
            registered: Mutex::default(),
            registrations: AtomicU64::new(1),
            under_way: Mutex::default(),
            pace: Pace::default(),
        }
    }
}

impl Holders {
    /// Makes an object of a connection the one that answers for an app, in place of any other.
    async fn register(
        self: &Arc<Self>,
        connection: &Connection,
        whose: Whose,
        name: &UniqueName<'_>,
        path: &ObjectPath<'_>,
    ) -> Result<()> {
        self.pace.admit(&whose)?;
        let gone = leaving(connection, name).await.map_err(|error| {
            tracing::warn!(%error, "a holder cannot be watched");
            Error::TooManyRequests(
                "the bus has no room for one more holder; try again later".into(),
            )
        })?;
        let registration = self.registrations.fetch_add(1, Ordering::Relaxed);
        let holders = Arc::downgrade(self);
        let of = whose.clone();
        // What it leaves behind waits for this lock, so it cannot come before what is done under it.
        let mut registered = lock(&self.registered);
        let watch = tokio::spawn(async move {
            gone.await;
            if let Some(holders) = holders.upgrade() {
                let mut registered = lock(&holders.registered);
                if registered.get(&of).is_some_and(|holder| holder.registration == registration) {
                    registered.remove(&of);
                }
            }
        });
        let (name, path, watch) = (name.to_owned(), path.to_owned(), watch.abort_handle());
        if let Some(former) = registered.insert(whose, Holder { registration, name, path, watch }) {
            former.watch.abort();
        }
        Ok(())
    }

    fn address(&self, user: u32, app: &str) -> Option<Address> {
        let registered = lock(&self.registered);
        let of = |user| registered.get(&(user, app.to_owned()));
        let holder = of(Some(user)).or_else(|| of(None))?;
        Some((holder.name.clone(), holder.path.clone()))
    }
}

/// The pause after a holder was asked so many times in vain: it grows with each, to a day.
pub(super) fn pause(told: u32) -> Duration {
    let pause = FIRST_PAUSE * 4_u32.saturating_pow(told.saturating_sub(1).min(8));
    pause.min(LONGEST_PAUSE)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Service {
    /// Has an object of the caller's answer for its app, and hands it the cases that wait.
    ///
    /// # Errors
    /// The caller is no declared app.
    pub(super) async fn register_holder(
        self: &Arc<Self>,
        header: &Header<'_>,
        path: &ObjectPath<'_>,
    ) -> Result<()> {
        let (identified, _) = self.identify(header).await.map_err(|why| unidentified(&why))?;
        let caller = identified.caller.as_ref().ok().filter(|caller| caller.declared.is_some());
        let caller = caller.ok_or_else(|| {
            Error::NotAuthorized(
                "only a declared app answers cases; install its declaration in apps.d".into(),
            )
        })?;
        let sender = header.sender().ok_or_else(no_sender)?;
        let whose = (one_users(caller), caller.app.to_string());
        self.holders.register(&self.asking, whose.clone(), sender, path).await?;
        let (user, app) = whose;
        self.erase(Erasures::OfApp { user, app: app.clone() });
        self.dispatch(Tasks::OfApp { user, app });
        Ok(())
    }

    /// Hands cases to the holders that can be reached; the others' wait. Returns at once.
    pub(super) fn dispatch(self: &Arc<Self>, which: Tasks) {
        let service = Arc::clone(self);
        tokio::spawn(async move {
            let engine = Arc::clone(&service.engine);
            let tasks = tokio::task::spawn_blocking(move || engine.tasks(&which)).await;
            match tasks {
                Ok(Ok(tasks)) => {
                    for task in tasks {
                        tokio::spawn(Arc::clone(&service).hand(task));
                    }
                }
                Ok(Err(error)) => tracing::error!(%error, "cases wait: they cannot be read"),
                Err(error) => tracing::error!(%error, "cases wait: reading them broke off"),
            }
        });
    }

    /// Hands one case to one holder, and notes what it comes to.
    async fn hand(self: Arc<Self>, task: Task) {
        let key = (task.case.id, task.app.clone());
        if !lock(&self.holders.under_way).insert(key.clone()) {
            return;
        }
        let turn = self.holders.pace.turn(task.case.user, &task.app).await;
        // What waited for its turn may have ended meanwhile.
        let asks = turn.is_some() && tries(&Arc::downgrade(&self), &task).await.is_some();
        let handled = if asks { self.ask_holder(&task).await } else { None };
        drop(turn);
        let awaited = handled.as_ref().is_some_and(|handled| match handled.progress {
            Progress::Failed | Progress::Waiting => true,
            Progress::Done | Progress::Refused => false,
        });
        if let Some(handled) = handled {
            self.noted(&task, handled).await;
            self.resume_withdrawn(&task).await;
        }
        lock(&self.holders.under_way).remove(&key);
        if awaited {
            self.chase(task);
        }
    }

    async fn noted(&self, task: &Task, handled: Handled) {
        let engine = Arc::clone(&self.engine);
        let (case, app) = (task.case.id, task.app.clone());
        let noted = tokio::task::spawn_blocking(move || {
            engine.note_holder(case, &app, handled.progress, &handled.note)
        });
        match noted.await {
            Ok(Ok(())) => self.tell_of_case(task.case.user, case.to_string()).await,
            Ok(Err(error)) => tracing::error!(%error, "a holder's answer was not stored"),
            Err(error) => tracing::error!(%error, "storing a holder's answer broke off"),
        }
    }

    /// Asks a holder again that answers for its app and has not finished: after a pause that grows with
    /// each try, to a day.
    fn chase(self: &Arc<Self>, task: Task) {
        let service = Arc::downgrade(self);
        tokio::spawn(async move {
            let Some(told) = tries(&service, &task).await else { return };
            tokio::time::sleep(pause(told)).await;
            // Another may have asked meanwhile, and goes on.
            if tries(&service, &task).await == Some(told)
                && let Some(service) = service.upgrade()
            {
                service.dispatch(Tasks::OfHolder { case: task.case.id, app: task.app });
            }
        });
    }

    /// Tells a holder to go on that was at work on a case while the person took it back.
    async fn resume_withdrawn(self: &Arc<Self>, task: &Task) {
        let (engine, case) = (Arc::clone(&self.engine), task.case.id);
        let ended = tokio::task::spawn_blocking(move || engine.is_lifted(case)).await;
        if matches!(ended, Ok(Ok(true))) {
            self.resume(vec![task.clone()]);
        }
    }

    /// Asks the holder of a case, whose turn it is; `None` where nobody answers for the app now.
    pub(super) async fn ask_holder(&self, task: &Task) -> Option<Handled> {
        let handled = match self.holder_of(task.case.user, &task.app).await? {
            Ok(address) => handle(&self.asking, address, task).await,
            Err(why) => Err(why),
        };
        Some(handled.unwrap_or_else(|why| {
            // A holder's own words may be in it.
            let why: String = why.chars().take(MAX_WHY).collect();
            tracing::warn!(case = task.case.id, app = task.app, why, "a holder did not answer");
            Handled { progress: Progress::Failed, note: why, data: Vec::new() }
        }))
    }

    /// Who answers for a user's app: the object that registered, else the holder at the name that its
    /// declaration gives, started by the bus if need be. `None` where there is neither.
    pub(super) async fn holder_of(
        &self,
        user: u32,
        app: &str,
    ) -> Option<std::result::Result<Address, String>> {
        if let Some(address) = self.holders.address(user, app) {
            return Some(Ok(address));
        }
        let policy = self.engine.policy().ok()?;
        let (ix, _) = policy.app(app)?;
        let name = policy.apps.get(ix).holder.clone()?;
        Some(self.owner(&name, user, app).await)
    }

    /// Whoever owns the name has to be the app, and the user's: what it is asked is one person's.
    async fn owner(
        &self,
        name: &str,
        user: u32,
        app: &str,
    ) -> std::result::Result<Address, String> {
        let bus = zbus::fdo::DBusProxy::new(&self.asking).await.map_err(|e| e.to_string())?;
        let bus_name = BusName::try_from(name.to_owned()).map_err(|e| e.to_string())?;
        let known = |error: zbus::fdo::Error| format!("nobody owns {name}: {error}");
        let owner = match bus.get_name_owner(bus_name.clone()).await {
            Ok(owner) => owner,
            Err(_nobody) => {
                let name_of = zbus::names::WellKnownName::try_from(name);
                let started = bus.start_service_by_name(name_of.map_err(|e| e.to_string())?, 0);
                tokio::time::timeout(PATIENCE, started)
                    .await
                    .map_err(|_| format!("{name} was not started in time"))?
                    .map_err(known)?;
                bus.get_name_owner(bus_name).await.map_err(known)?
            }
        };
        let policy = self.engine.policy().map_err(|error| error.to_string())?;
        let unique = UniqueName::try_from(owner.as_str().to_owned()).map_err(|e| e.to_string())?;
        let identified =
            self.examiner.identify(&self.asking, &unique, &policy.apps, policy.serial).await;
        let identified = identified.map_err(|why| format!("{name} cannot be identified: {why}"))?;
        match &identified.caller {
            Ok(caller)
                if caller.declared.is_some()
                    && *caller.app == *app
                    && one_users(caller).is_none_or(|one| one == user) =>
            {
                let path = format!("/{}", name.replace('.', "/").replace('-', "_"));
                let path = ObjectPath::try_from(path).map_err(|e| e.to_string())?;
                Ok((unique, path))
            }
            Ok(_) | Err(_) => Err(format!("{name} is owned by somebody else than the app")),
        }
    }

    /// Tells the holders of a right that was lifted that they may go on (R48).
    pub(super) fn resume(self: &Arc<Self>, tasks: Vec<Task>) {
        for task in tasks {
            let service = Arc::clone(self);
            tokio::spawn(async move {
                let (user, app) = (task.case.user, &*task.app);
                let Some(_turn) = service.holders.pace.turn(user, app).await else { return };
                let (name, path) = match service.holder_of(user, app).await {
                    Some(Ok(address)) => address,
                    Some(Err(why)) => return tracing::warn!(app, why, "not told to resume"),
                    None => return,
                };
                let body = (task.case.id.to_string(), Dict::new());
                let told = service.asking.call_method(
                    Some(&name),
                    &path,
                    Some(names::HOLDER),
                    "Resume",
                    &body,
                );
                match tokio::time::timeout(PATIENCE, told).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => tracing::warn!(%error, app = task.app, "not told to resume"),
                    Err(_) => tracing::warn!(app = task.app, "took too long to resume"),
                }
            });
        }
    }
}

/// The user whose instance a caller is; none of a service of the system, which is everybody's.
fn one_users(caller: &Caller) -> Option<u32> {
    (caller.trust != Trust::System).then_some(caller.user)
}

/// How often a holder was told; `None` once there is nothing more to tell it.
async fn tries(service: &Weak<Service>, task: &Task) -> Option<u32> {
    let engine = Arc::clone(&service.upgrade()?.engine);
    let (case, app) = (task.case.id, task.app.clone());
    tokio::task::spawn_blocking(move || engine.tries_of(case, &app)).await.ok()?.ok()?
}

async fn handle(
    bus: &Connection,
    (name, path): Address,
    task: &Task,
) -> std::result::Result<Handled, String> {
    let (reader, writer) = pipe().map_err(|error| format!("no pipe: {error}"))?;
    let case = &task.case;
    let details = Row::new()
        .with("user", case.user)
        .with("purpose", &*case.purpose)
        .with("data", &*case.data)
        .with("statement", &*case.statement)
        .with("due", case.due)
        .with("region", &*case.region);
    let body = (case.id.to_string(), case.right.word(), Fd::from(writer), dict(details));
    let interface = Some(names::HOLDER);
    let asked = async {
        let asked = bus.call_method(Some(&name), &path, interface, "Handle", &body).await;
        // Its end alone is left, so that the pipe ends when it closes that.
        drop(body);
        asked
    };
    let (stop, mut stopped) = tokio::sync::oneshot::channel();
    let returned = tokio::spawn(async move {
        tokio::select! {
            data = read(reader) => data,
            _ = &mut stopped => Err("it went on writing after it had answered".to_owned()),
        }
    });
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    let rest = tokio::spawn(async move {
        tokio::time::sleep(REST).await;
        let _done = stop.send(());
    });
    let data = returned.await.unwrap_or_else(|error| Err(error.to_string()));
    rest.abort();
    let reply = answer.map_err(|_| "it did not answer in time".to_owned())?;
    let reply = reply.map_err(|error| format!("it failed: {error}"))?;
    let reply = reply.body();
    let (state, result): (&str, Options<'_>) =
        reply.deserialize().map_err(|error| format!("its answer cannot be read: {error}"))?;
    let mut result = Reader::new(result);
    let said = |error: Error| format!("its answer cannot be read: {error}");
    let (ground, note) = (result.text("ground").map_err(said)?, result.text("note").map_err(said)?);
    let user = result.small("user").map_err(said)?;
    result.end("ground, note, user").map_err(said)?;
    let data = data?;
    if !data.is_empty() && user != Some(case.user) {
        return Err("it did not say that what it returned is this person's".into());
    }
    if std::str::from_utf8(&data).is_err() {
        return Err("what it returned is no UTF-8 text".into());
    }
    let (progress, note) = match state {
        "done" => (Progress::Done, note.unwrap_or_default()),
        "refused" => (Progress::Refused, ground.unwrap_or_default()),
        "working" => (Progress::Waiting, note.unwrap_or_default()),
        _ => return Err("its answer is neither done, refused nor working".into()),
    };
    Ok(Handled { progress, note, data })
}

fn pipe() -> std::io::Result<(Receiver, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    Ok((Receiver::from_owned_fd(reader)?, writer))
}

async fn read(mut reader: Receiver) -> std::result::Result<Vec<u8>, String> {
    let mut data = Vec::new();
    let mut part = (&mut reader).take(MAX_DATA as u64 + 1);
    part.read_to_end(&mut data).await.map_err(|error| error.to_string())?;
    if data.len() > MAX_DATA {
        return Err(format!("it returned more than {} MiB", MAX_DATA >> 20));
    }
    Ok(data)
}
