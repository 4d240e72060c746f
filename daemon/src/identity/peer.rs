//! What is known of the process at the other end, and which app that makes it.
//!
//! Facts first, then the match with the declarations: the one needs the kernel, the other nothing.

use std::path::Path;

use super::cgroup::{self, Place};
use super::executable::{self, Executable, NotProven};
use super::flatpak::{self, Flatpak};
use super::interpreter::is_proxy;
use super::proc::{ProcRoot, Process};
use super::snap::{self, Snap};
use super::unidentified::NotRecognised;
use super::{Caller, Credentials, Kind, Unidentified};
use crate::apps::{AppIx, Apps, Identity};
use crate::catalog::Trust;

/// The facts of one peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The user, whom the bus names and the process runs as.
    pub uid: u32,
    /// The process, for logs alone: it may be another's by the time it is read.
    pub pid: u32,
    /// The most that any fact but the uid can be believed: weak without the bus's process descriptor.
    pub ceiling: Trust,
    /// The flatpak it is.
    pub flatpak: Option<Flatpak>,
    /// The snap it is.
    pub snap: Option<Snap>,
    /// The unit it is in.
    pub place: Place,
    /// The file it runs, if that says anything.
    pub executable: Result<Executable, NotProven>,
    /// Whether it is in another user namespace or under another root than the daemon, speaks for
    /// somebody else, or could not be looked at.
    pub apart: bool,
}

/// Finds the facts. Blocks, as long as the peer likes: its root may be a file system of its own.
///
/// Where the bus gave no process descriptor, they hold only if the connection is still open
/// afterwards: else its pid may have been another process's before this began.
///
/// # Errors
/// Any doubt.
pub fn examine(credentials: Credentials, proc: &ProcRoot) -> Result<Peer, Unidentified> {
    let uid = credentials.uid();
    let pid = credentials.pid();
    let process = Process::open(credentials, proc)?;
    let facts = facts(&process, uid, pid, proc);
    // What was read of a process that ended meanwhile, an error included, means nothing.
    process.confirm_alive()?;
    facts
}

fn facts(process: &Process, uid: u32, pid: u32, proc: &ProcRoot) -> Result<Peer, Unidentified> {
    process.confirm_user(uid)?;
    let place = cgroup::parse(&process.read("cgroup")?, uid)?;
    let label = match process.read_if_any("attr/apparmor/current")? {
        Some(label) => Some(label),
        None => process.read_if_any("attr/current")?,
    };
    let snap = snap::judge(&place, label.as_deref())?;
    let running = process.executable()?;
    let root = process.root()?;
    let flatpak = flatpak::look(&root)?.or_else(|| place.flatpak());
    if snap.is_some() && flatpak.is_some() {
        return Err(Unidentified::SnapAndFlatpak);
    }
    let executable = executable::prove(running)?;
    let proxied = matches!(&executable, Err(NotProven::Interpreter(path)) if is_proxy(path));
    let apart = proxied || process.is_apart(&root, proc)?;
    Ok(Peer { uid, pid, ceiling: process.ceiling(), flatpak, snap, place, executable, apart })
}

impl Peer {
    /// What is left of a process that has ended: its uid, which the bus alone proves.
    #[must_use]
    pub(super) fn of_user_alone(uid: u32, pid: u32) -> Self {
        Peer {
            uid,
            pid,
            ceiling: Trust::Weak,
            flatpak: None,
            snap: None,
            place: Place::Elsewhere,
            executable: Err(NotProven::None),
            apart: true,
        }
    }

    /// Whether Settings1, Rights1, Admin1 and RegisterAgent are closed to it (design, Authority).
    #[must_use]
    pub fn is_sandboxed(&self) -> bool {
        self.apart || self.flatpak.is_some() || self.snap.is_some()
    }

    /// The executable that the process is proven to run.
    #[must_use]
    pub fn executable_path(&self) -> Option<&Path> {
        self.executable.as_ref().ok().map(|executable| executable.path.as_path())
    }

    /// Which app it is. The first that fits decides: flatpak, snap, declared user, declared unit,
    /// declared executable, scope.
    ///
    /// # Errors
    /// Nothing fits.
    pub fn caller(&self, apps: &Apps) -> Result<Caller, Unidentified> {
        if let Some(flatpak) = &self.flatpak {
            let identity = Identity::Flatpak(flatpak.app.clone());
            let found = Found { kind: Kind::Flatpak, identity, instance: &flatpak.instance };
            return Ok(self.named(found, flatpak.ceiling, apps));
        }
        if let Some(snap) = &self.snap {
            let identity = Identity::Snap(snap.name.clone());
            let found = Found { kind: Kind::Snap, identity, instance: &snap.instance };
            return Ok(self.named(found, snap.ceiling, apps));
        }
        if let Some(app) = apps.by_uid(self.uid) {
            return Ok(self.declared(Kind::User, app, "", Trust::System, apps));
        }
        if let Place::System { unit } = &self.place
            && let Some(app) = apps.by_identity(&Identity::Unit(unit.clone()))
        {
            let trust = Trust::Confined.min(self.ceiling);
            return Ok(self.declared(Kind::Unit, app, "", trust, apps));
        }
        if let Ok(executable) = &self.executable
            && let Some(app) = apps.by_identity(&Identity::Executable(executable.path.clone()))
        {
            return Ok(self.declared(Kind::Executable, app, "", Trust::Weak, apps));
        }
        if let Place::User { unit, app } = &self.place {
            if let Some(scoped) = app {
                let identity = Identity::Scope(scoped.app.clone());
                let found = Found { kind: Kind::Scope, identity, instance: unit };
                return Ok(self.named(found, Trust::Weak, apps));
            }
            // A service that is not named as an app's, dbus.service for one, may hold many apps;
            // it is one only if a declaration says so.
            if let Some(app) = apps.by_identity(&Identity::Scope(unit.clone())) {
                return Ok(self.declared(Kind::Scope, app, unit, Trust::Weak, apps));
            }
        }
        Err(Unidentified::Unrecognised(match &self.executable {
            Ok(executable) => NotRecognised::Undeclared(executable.path.clone()),
            Err(why) => NotRecognised::NotProven(why.clone()),
        }))
    }

    /// An app that has a name of its own, declared or not.
    fn named(&self, found: Found<'_>, ceiling: Trust, apps: &Apps) -> Caller {
        let Found { kind, identity, instance } = found;
        let trust = ceiling.min(self.ceiling);
        match apps.by_identity(&identity) {
            Some(app) => self.declared(kind, app, instance, trust, apps),
            None => Caller {
                user: self.uid,
                kind,
                app: undeclared_id(&identity),
                declared: None,
                instance: instance.into(),
                trust,
            },
        }
    }

    fn declared(
        &self,
        kind: Kind,
        app: AppIx,
        instance: &str,
        trust: Trust,
        apps: &Apps,
    ) -> Caller {
        Caller {
            user: self.uid,
            kind,
            app: apps.get(app).id.clone(),
            declared: Some(app),
            instance: instance.into(),
            trust,
        }
    }
}

struct Found<'a> {
    kind: Kind,
    identity: Identity,
    instance: &'a str,
}

/// `flatpak:org.example.Weather`: no declared id has a colon.
fn undeclared_id(identity: &Identity) -> Box<str> {
    match identity {
        Identity::Flatpak(name)
        | Identity::Snap(name)
        | Identity::Unit(name)
        | Identity::Scope(name)
        | Identity::User { name, .. } => format!("{}:{name}", identity.kind()).into(),
        Identity::Executable(path) => format!("{}:{}", identity.kind(), path.display()).into(),
    }
}
