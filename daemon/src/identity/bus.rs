//! Asks the bus who calls, and has that examined within limits. The one file here that knows zbus.
//!
//! A lookup that fails denies; it never falls back to another way of asking, nor to what a caller
//! says (polkit, CVE-2021-3560 and CVE-2018-1116).

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};
use zbus::fdo::ConnectionCredentials;
use zbus::names::UniqueName;

use super::peer::examine;
use super::{Credentials, Identified, Known, Peer, ProcRoot, Unidentified};
use crate::apps::Apps;

/// What the bus knows of a connection, by one call.
///
/// # Errors
/// The bus does not answer, or not with a uid and a pid.
pub async fn credentials(
    connection: &zbus::Connection,
    unique: &UniqueName<'_>,
) -> Result<Credentials, Unidentified> {
    let reply = ask(connection, "GetConnectionCredentials", unique).await?;
    let answer: ConnectionCredentials = reply.body().deserialize().map_err(|error| {
        tracing::warn!(%unique, %error, "the bus's credentials cannot be read");
        Unidentified::BusRefused
    })?;
    let (uid, pid) = (answer.unix_user_id(), answer.process_id());
    Credentials::new(uid, pid, answer.into_process_fd().map(OwnedFd::from))
}

/// Whether the connection with that unique name is still open.
///
/// # Errors
/// It is not, or the bus does not say.
pub async fn still_owned(
    connection: &zbus::Connection,
    unique: &UniqueName<'_>,
) -> Result<(), Unidentified> {
    let reply = ask(connection, "NameHasOwner", unique).await?;
    match reply.body().deserialize::<bool>() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unidentified::Disconnected),
        Err(error) => {
            tracing::warn!(%unique, %error, "the bus's answer cannot be read");
            Err(Unidentified::BusRefused)
        }
    }
}

async fn ask(
    connection: &zbus::Connection,
    method: &str,
    unique: &UniqueName<'_>,
) -> Result<zbus::Message, Unidentified> {
    const BUS: &str = "org.freedesktop.DBus";
    // The bus goes by its well-known name, which passes for a unique one.
    if !unique.starts_with(':') {
        return Err(Unidentified::BusRefused);
    }
    connection
        .call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), method, &(unique.as_str(),))
        .await
        .map_err(|error| {
            tracing::debug!(%unique, method, %error, "the bus refused to say who calls");
            Unidentified::BusRefused
        })
}

/// How much a caller may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A caller that cannot be examined within this is unidentified.
    pub deadline: Duration,
    /// Examinations of one user's processes at a time, hung ones included (polkit, CVE-2021-4115).
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { deadline: Duration::from_secs(2), at_once: 4 }
    }
}

/// Identifies callers, remembers them, and keeps hostile ones within limits.
#[derive(Debug)]
pub struct Examiner {
    proc: Arc<ProcRoot>,
    limits: Limits,
    places: Mutex<HashMap<u32, Arc<Semaphore>>>,
    known: Known,
}

impl Examiner {
    /// With a /proc to look at.
    #[must_use]
    pub fn new(proc: ProcRoot, limits: Limits) -> Self {
        Examiner { proc: Arc::new(proc), limits, places: Mutex::default(), known: Known::default() }
    }

    /// Those identified lately: cleared on reload, asked for whom a signal goes to.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Who the owner of a unique name is. `registry` numbers `apps`: every load has another.
    ///
    /// # Errors
    /// Any doubt, which may pass, and is forgotten. That it is certainly no app is no error here:
    /// [`Identified::caller`] says so.
    pub async fn identify(
        &self,
        connection: &zbus::Connection,
        unique: &UniqueName<'_>,
        apps: &Apps,
        registry: u64,
    ) -> Result<Arc<Identified>, Unidentified> {
        if let Some(identified) = self.known.get(unique, registry) {
            return Ok(identified);
        }
        let deadline = Instant::now() + self.limits.deadline;
        let credentials = timeout_at(deadline, credentials(connection, unique))
            .await
            .unwrap_or(Err(Unidentified::BusRefused))?;
        let place = timeout_at(deadline, self.place(credentials.uid()))
            .await
            .unwrap_or(Err(Unidentified::Busy))?;
        // Another call of the same connection may have been first.
        if let Some(identified) = self.known.get(unique, registry) {
            return Ok(identified);
        }
        let look = self.look(connection, unique, credentials, place, apps);
        let peer = timeout_at(deadline, look).await.unwrap_or(Err(Unidentified::Slow))?;
        let caller = peer.caller(apps);
        let identified = Arc::new(Identified { peer, caller });
        if identified.caller.as_ref().err().is_none_or(Unidentified::is_definite) {
            self.known.insert(unique, registry, Arc::clone(&identified));
        }
        Ok(identified)
    }

    /// The facts, confirmed as far as the bus lets them be.
    async fn look(
        &self,
        connection: &zbus::Connection,
        unique: &UniqueName<'_>,
        credentials: Credentials,
        place: OwnedSemaphorePermit,
        apps: &Apps,
    ) -> Result<Peer, Unidentified> {
        let (uid, pid) = (credentials.uid(), credentials.pid());
        let has_descriptor = credentials.process_fd().is_some();
        let confirmed = async {
            let peer = self.examine(credentials, place).await?;
            if !has_descriptor {
                still_owned(connection, unique).await?;
            }
            Ok(peer)
        };
        match confirmed.await {
            // The bus's uid alone proves a system user of the app's own, whichever of its processes
            // connected. A living process that cannot be looked into is another matter: it may be in
            // a sandbox, which comes first.
            Err(Unidentified::Gone) if apps.by_uid(uid).is_some() => {
                Ok(Peer::of_user_alone(uid, pid))
            }
            answer => answer,
        }
    }

    /// Waits until few enough of the user's processes are being examined.
    async fn place(&self, uid: u32) -> Result<OwnedSemaphorePermit, Unidentified> {
        let places = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.retain(|_, places| Arc::strong_count(places) > 1);
            let new = || Arc::new(Semaphore::new(self.limits.at_once));
            Arc::clone(places.entry(uid).or_insert_with(new))
        };
        places.acquire_owned().await.map_err(|_| Unidentified::Busy)
    }

    /// In a thread of its own, not the runtime's: a runtime waits for its blocking threads when it
    /// ends, and this one may hang for as long as the peer likes. Its place is taken that long.
    async fn examine(
        &self,
        credentials: Credentials,
        place: OwnedSemaphorePermit,
    ) -> Result<Peer, Unidentified> {
        let proc = Arc::clone(&self.proc);
        let (sender, receiver) = oneshot::channel();
        let work = move || {
            let _place = place;
            // Nobody may be waiting any more.
            let _ = sender.send(examine(credentials, &proc));
        };
        std::thread::Builder::new().name("examine".into()).spawn(work).map_err(|error| {
            Unidentified::Exhausted(Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))
        })?;
        receiver.await.unwrap_or(Err(Unidentified::Aborted))
    }
}
