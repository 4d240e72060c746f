//! Who calls: from the kernel and the bus alone, never from an argument.
//!
//! The bus names a user and a process ([`bus`]), the process is examined ([`examine`]), the facts
//! ([`Peer`]) are matched with the declarations, and what comes of it is remembered ([`Known`]).

pub mod bus;
mod cgroup;
mod credentials;
mod executable;
mod flatpak;
mod interpreter;
mod known;
mod peer;
mod proc;
mod snap;
mod unidentified;

pub use cgroup::{Place, ScopedApp};
pub use credentials::Credentials;
pub use executable::{Executable, NotProven};
pub use flatpak::{Flatpak, FlatpakFault};
pub use interpreter::is_interpreter;
pub use known::{Identified, Known};
pub use peer::{Peer, examine};
pub use proc::ProcRoot;
pub use snap::Snap;
pub use unidentified::{NotRecognised, Unidentified};

use crate::apps::AppIx;
use crate::catalog::Trust;

/// How a caller was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `.flatpak-info` in its root.
    Flatpak,
    /// Its cgroup and AppArmor label.
    Snap,
    /// A declared system user of its own.
    User,
    /// A declared unit of the system's service manager.
    Unit,
    /// A declared executable.
    Executable,
    /// A scope or service of the user's service manager.
    Scope,
}

impl Kind {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Flatpak => "flatpak",
            Kind::Snap => "snap",
            Kind::User => "user",
            Kind::Unit => "unit",
            Kind::Executable => "executable",
            Kind::Scope => "scope",
        }
    }
}

/// An identified app of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The uid it runs as.
    pub user: u32,
    /// How it was recognised.
    pub kind: Kind,
    /// The declared app's id; for what nobody declared, `KIND:NAME`, which no declared id can be.
    pub app: Box<str>,
    /// Its declaration, if there is a valid one.
    pub declared: Option<AppIx>,
    /// Which of several running instances: flatpak's instance id, a scope's name, else empty.
    pub instance: Box<str>,
    /// How far that can be believed.
    pub trust: Trust,
}
