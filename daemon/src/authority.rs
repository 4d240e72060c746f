//! Who may inspect and change what. No app can grant itself anything (invariant 11).
//!
//! It judges facts that identity found out; it asks nobody. Where polkit has to be asked it says so,
//! and the transport asks.

use std::path::PathBuf;

use crate::engine::settings::By;
use crate::identity::{Caller, Kind, Peer, Unidentified};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Look.
    Inspect,
    /// Switch off: needs no authentication, ever.
    Tighten,
    /// Whatever can loosen a decision.
    Loosen,
    /// Exercise a right, or withdraw a case: the person themselves, and no program in their name (R57).
    Exercise,
    /// Locks, reload, the whole device.
    Administer,
}

/// What polkit is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An active session may; others authenticate.
    Loosen,
    /// The person authenticates themselves.
    Exercise,
    /// An administrator authenticates.
    Administer,
}

impl Action {
    /// The action's id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Action::Loosen => consentd_dbus::names::ACTION_LOOSEN,
            Action::Exercise => consentd_dbus::names::ACTION_RIGHTS,
            Action::Administer => consentd_dbus::names::ACTION_ADMINISTER,
        }
    }
}

/// What is known of who wants to.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// The process.
    pub peer: &'a Peer,
    /// The app it is, if it is one.
    pub caller: &'a Result<Caller, Unidentified>,
    /// Whether a rejected declaration names it.
    pub rejected: bool,
}

/// Whether polkit answers on this bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polkit {
    /// It does, or can be started.
    Present,
    /// It is not installed.
    Absent,
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Granted,
    /// If polkit says so.
    Ask(Action),
    /// It may not.
    Refused(Refused),
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An app in a sandbox.
    #[error(
        "apps in a sandbox may not see or change settings; use Gate1 for what concerns the app itself"
    )]
    Sandboxed,
    /// A declared app.
    #[error(
        "declared apps may not see or change settings; use Gate1, or have root name the executable in consentd.toml"
    )]
    DeclaredApp,
    /// Somebody else's settings.
    #[error("another user's settings are root's and the guardian's to change; run it as root")]
    OtherUser,
    /// Nobody can find out whether it is the person.
    #[error(
        "a right is exercised by the person themselves, whom polkit authenticates; install polkit, or run it as root"
    )]
    StepUp,
    /// The whole device.
    #[error("that is the administrator's; run it as root")]
    AdministratorOnly,
}

/// Who is who.
#[derive(Debug, Clone, Default)]
pub struct Authority {
    /// Executables that may use the settings though a declared app runs them, from configuration that
    /// root owns.
    pub settings_executables: Vec<PathBuf>,
    /// The daemon's own user: on a private bus, whoever started it.
    pub own_uid: u32,
}

impl Authority {
    /// Whether an actor may do something to a user's settings. `guardian` is that user's guardian.
    #[must_use]
    pub fn judge(
        &self,
        actor: Actor<'_>,
        act: Act,
        user: u32,
        guardian: Option<u32>,
        polkit: Polkit,
    ) -> Verdict {
        if let Err(refused) = self.admit(actor) {
            return Verdict::Refused(refused);
        }
        let uid = actor.peer.uid;
        let is_administrator = uid == 0 || uid == self.own_uid;
        let ask_or = |action, refused| match polkit {
            Polkit::Present => Verdict::Ask(action),
            Polkit::Absent => Verdict::Refused(refused),
        };
        match act {
            _ if is_administrator && (uid != user || uid == 0) => Verdict::Granted,
            Act::Administer | Act::Exercise if is_administrator => Verdict::Granted,
            Act::Administer => ask_or(Action::Administer, Refused::AdministratorOnly),
            Act::Inspect | Act::Tighten | Act::Loosen | Act::Exercise
                if uid != user && guardian != Some(uid) =>
            {
                ask_or(Action::Administer, Refused::OtherUser)
            }
            Act::Inspect | Act::Tighten => Verdict::Granted,
            Act::Exercise => ask_or(Action::Exercise, Refused::StepUp),
            Act::Loosen => match polkit {
                Polkit::Present => Verdict::Ask(Action::Loosen),
                Polkit::Absent => Verdict::Granted,
            },
        }
    }

    /// Apps are refused, except executables that root named. A name lifts nothing of a sandbox, nor of
    /// a system user or a unit: an app in there can run any program of the system.
    fn admit(&self, actor: Actor<'_>) -> Result<(), Refused> {
        if actor.peer.is_sandboxed() {
            return Err(Refused::Sandboxed);
        }
        let declared = actor.caller.as_ref().ok().filter(|caller| caller.declared.is_some());
        let by_name = declared.is_none_or(|caller| match caller.kind {
            Kind::Executable | Kind::Scope => true,
            Kind::Flatpak | Kind::Snap | Kind::User | Kind::Unit => false,
        });
        if by_name && self.is_named(actor.peer) {
            return Ok(());
        }
        if declared.is_some() || actor.rejected {
            return Err(Refused::DeclaredApp);
        }
        Ok(())
    }

    fn is_named(&self, peer: &Peer) -> bool {
        peer.executable_path()
            .is_some_and(|path| self.settings_executables.iter().any(|named| named == path))
    }

    /// How a choice that an actor makes for a user is made.
    #[must_use]
    pub fn by(&self, actor: Actor<'_>, user: u32, guardian: Option<u32>) -> By {
        let uid = actor.peer.uid;
        if uid != user {
            return if guardian == Some(uid) { By::Guardian } else { By::Administrator };
        }
        let shell = actor.peer.executable_path().is_none_or(|path| path.ends_with("consentctl"));
        if self.is_named(actor.peer) && !shell { By::Settings } else { By::Shell }
    }
}
