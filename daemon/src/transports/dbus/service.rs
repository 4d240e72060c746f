//! What the interfaces share: the engine, who calls, and whether they may.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use consentd_dbus::Error;
use consentd_dbus::names;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use zbus::Connection;
use zbus::message::{Flags, Header};
use zbus::names::UniqueName;

use super::admin::Admin;
use super::errors;
use super::followers::Followers;
use super::gate::Gate;
use super::polkit;
use super::settings::Settings;
use super::signals::Signals;
use super::watchers::Watchers;
use crate::apps::Apps;
use crate::authority::{Act, Actor, Authority, Polkit, Verdict};
use crate::engine::settings::By;
use crate::engine::{Engine, Policy};
use crate::identity::bus::{Examiner, Limits};
use crate::identity::{Identified, ProcRoot, Unidentified};

/// Questions to polkit that one user's programs may have open.
const MAX_ASKED: usize = 8;
/// How long a stop waits for calls under way.
const STOP: std::time::Duration = std::time::Duration::from_secs(5);

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name to own.
    pub name: String,
    /// Executables that may use the settings though a declared app runs them.
    pub settings_executables: Vec<PathBuf>,
}

/// The daemon on a bus.
pub struct Service {
    pub(super) engine: Arc<Engine>,
    pub(super) connection: Connection,
    pub(super) examiner: Examiner,
    pub(super) authority: Authority,
    pub(super) watchers: Watchers,
    pub(super) followers: Arc<Followers>,
    asked: std::sync::Mutex<std::collections::HashMap<u32, usize>>,
    /// Held for reading by every call under way, for writing by the stop.
    calls: Arc<RwLock<()>>,
    name: String,
}

/// A call under way: the daemon does not stop before it was answered.
pub(super) type Call = OwnedRwLockReadGuard<()>;

/// A caller that was let in to settings or administration, for one user.
pub(super) struct Admitted {
    /// Whose settings.
    pub user: u32,
    /// How a choice is made.
    pub by: By,
    /// The caller.
    pub uid: u32,
    /// Keeps the daemon from stopping under it.
    pub _call: Call,
}

impl Service {
    /// Serves the engine on a connection and owns the name. When this returns, callers are answered.
    ///
    /// # Errors
    /// The bus refuses, or another daemon owns the name.
    pub async fn start(
        engine: Arc<Engine>,
        connection: Connection,
        config: Config,
    ) -> anyhow::Result<Arc<Self>> {
        let proc = ProcRoot::open(std::path::Path::new("/proc"))?;
        let service = Arc::new(Self {
            engine: Arc::clone(&engine),
            connection: connection.clone(),
            examiner: Examiner::new(proc, Limits::default()),
            authority: Authority {
                settings_executables: config.settings_executables,
                own_uid: rustix::process::geteuid().as_raw(),
            },
            watchers: Watchers::default(),
            followers: Arc::new(Followers::new(Arc::clone(&engine))),
            asked: std::sync::Mutex::default(),
            calls: Arc::default(),
            name: config.name.clone(),
        });
        engine.listen(Arc::new(Signals::start(&service)));
        let server = connection.object_server();
        server.at(names::PATH, Gate(Arc::clone(&service))).await?;
        server.at(names::PATH, Settings(Arc::clone(&service))).await?;
        server.at(names::PATH, Admin(Arc::clone(&service))).await?;
        connection
            .request_name_with_flags(
                config.name.as_str(),
                zbus::fdo::RequestNameFlags::DO_NOT_QUEUE,
            )
            .await
            .with_context(|| {
                let name = &config.name;
                format!("cannot own {name}; stop another consentd, or install org.consentd.conf")
            })?;
        Ok(service)
    }

    /// Notes that a call is under way.
    pub(super) async fn begin(&self) -> Call {
        Arc::clone(&self.calls).read_owned().await
    }

    /// Gives the name up, so that the next call starts the next daemon, and waits until the calls under
    /// way were answered.
    pub async fn stop(&self) {
        if let Err(error) = self.connection.release_name(self.name.as_str()).await {
            tracing::warn!(%error, "the name was not released");
        }
        if tokio::time::timeout(STOP, self.calls.write()).await.is_err() {
            tracing::warn!("calls that took too long were not answered before the stop");
        }
    }

    /// Who sent a message.
    ///
    /// # Errors
    /// Any doubt.
    pub(super) async fn identify(
        &self,
        header: &Header<'_>,
    ) -> Result<(Arc<Identified>, Option<Arc<Policy>>), Unidentified> {
        let sender = header.sender().ok_or(Unidentified::BusRefused)?;
        let policy = self.engine.policy().ok();
        let nobody = Apps::default();
        let (apps, registry) =
            policy.as_ref().map_or((&nobody, 0), |policy| (&policy.apps, policy.serial));
        let identified = self.examiner.identify(&self.connection, sender, apps, registry).await?;
        Ok((identified, policy))
    }

    /// Lets a caller in to do something to a user's settings: its own unless `user` names another.
    ///
    /// # Errors
    /// It may not.
    pub(super) async fn admit(
        &self,
        header: &Header<'_>,
        act: Act,
        user: Option<u32>,
    ) -> Result<Admitted, Error> {
        let call = self.begin().await;
        let identified = self.identify(header).await.map_err(|why| errors::unidentified(&why));
        let (identified, policy) = identified?;
        let peer = &identified.peer;
        // An app whose declaration was rejected is still an app.
        let rejected = policy
            .as_ref()
            .and_then(|policy| policy.apps.rejected_apps())
            .is_some_and(|apps| peer.caller(apps).is_ok_and(|caller| caller.declared.is_some()));
        let actor = Actor { peer, caller: &identified.caller, rejected };
        let user = user.unwrap_or(peer.uid);
        if user == u32::MAX {
            return Err(Error::InvalidArgument("uid 4294967295 stands for nobody".into()));
        }
        let guardian = self.engine.guardian(user);
        let polkit = self.polkit(act, peer.uid, user).await?;
        let by = self.authority.by(actor, user, guardian);
        match self.authority.judge(actor, act, user, guardian, polkit) {
            Verdict::Granted => {}
            Verdict::Refused(why) => return Err(errors::refused(why)),
            Verdict::Ask(action) => {
                let sender = header.sender().map(UniqueName::as_str).unwrap_or_default();
                let flags = header.primary().flags();
                if !self.ask(peer.uid, sender, flags, action).await? {
                    return Err(Error::NotAuthorized(format!(
                        "polkit refused {}; ask an administrator, or call from an active session",
                        action.id()
                    )));
                }
            }
        }
        Ok(Admitted { user, by, uid: peer.uid, _call: call })
    }

    /// Whether polkit is there, where that matters.
    async fn polkit(&self, act: Act, uid: u32, user: u32) -> Result<Polkit, Error> {
        let matters = act == Act::Loosen || act == Act::Administer || uid != user;
        if !matters || uid == 0 {
            return Ok(Polkit::Absent);
        }
        polkit::presence(&self.connection).await.map_err(|error| {
            tracing::error!(%error, "the bus does not say whether polkit is there");
            Error::NotAuthorized("the bus does not say whether polkit is there; try again".into())
        })
    }

    async fn ask(
        &self,
        uid: u32,
        sender: &str,
        flags: Flags,
        action: crate::authority::Action,
    ) -> Result<bool, Error> {
        let _place = Place::take(&self.asked, uid)?;
        Ok(polkit::allows(&self.connection, sender, flags, action).await)
    }
}

/// A place among the questions to polkit that one user's programs may have open.
struct Place<'a> {
    asked: &'a std::sync::Mutex<std::collections::HashMap<u32, usize>>,
    uid: u32,
}

impl<'a> Place<'a> {
    fn take(
        asked: &'a std::sync::Mutex<std::collections::HashMap<u32, usize>>,
        uid: u32,
    ) -> Result<Self, Error> {
        let mut places = asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let taken = places.entry(uid).or_insert(0);
        if *taken >= MAX_ASKED {
            return Err(Error::TooManyRequests(format!(
                "{MAX_ASKED} questions to polkit wait already; answer or close them first"
            )));
        }
        *taken += 1;
        Ok(Self { asked, uid })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(taken) = places.get_mut(&self.uid) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.uid);
            }
        }
    }
}
