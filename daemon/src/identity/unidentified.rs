//! Why a caller could not be identified, in words that say what to do about it.
//!
//! A variant never says anything of another app (invariant 5).

use rustix::io::Errno;

use super::executable::NotProven;
use super::flatpak::FlatpakFault;

/// Why nobody can say who calls. It denies (invariant 1); there is no fallback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// GetConnectionCredentials failed.
    #[error(
        "the bus does not tell who calls; stay connected until the answer has come, and look for the bus's own error in the daemon's log"
    )]
    BusRefused,
    /// The bus's answer has no uid, or no pid, or pid 0.
    #[error(
        "the bus knows no user or no process of this connection; connect over a Unix socket, from the pid namespace of the bus or one below it"
    )]
    NoCredentials,
    /// The unique name vanished while its process was examined.
    #[error(
        "the connection was closed while it was examined; stay connected until the answer has come"
    )]
    Disconnected,
    /// A uid that stands for nobody: -1, or the kernel's overflow uid.
    #[error("uid {0} stands for nobody; run the app as a user of its own")]
    NobodysUid(u32),
    /// The process ended, before or during the examination.
    #[error(
        "the process that connected has ended; call from the process that opened the connection, and let it live until the answer has come"
    )]
    Gone,
    /// The bus's process descriptor is of another process than the bus's pid.
    #[error(
        "the bus names process {bus} and hands over a descriptor of process {descriptor}; let daemon and bus share one pid namespace"
    )]
    OtherProcess {
        /// What the bus says.
        bus: u32,
        /// What its descriptor says.
        descriptor: u32,
    },
    /// The process does not run as the user that connected, and as that one alone.
    #[error(
        "uid {bus} connected, and the process runs as real, effective, saved, file system uid {process:?}; connect after the process has become its user, and not from a set-user-id program"
    )]
    OtherUser {
        /// What the bus says.
        bus: u32,
        /// What the kernel says.
        process: [u32; 4],
    },
    /// Something of the process could not be read.
    #[error(
        "cannot read {what} of the process: {errno}; the daemon needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH to examine other users' processes"
    )]
    Unreadable {
        /// The file, relative to the process's folder.
        what: &'static str,
        /// Why not.
        errno: Errno,
    },
    /// A file of the kernel's does not look as it should.
    #[error(
        "cannot make sense of {what} of the process; this kernel's format is not known to this daemon"
    )]
    Garbled {
        /// The file, relative to the process's folder.
        what: &'static str,
    },
    /// A `.flatpak-info` that is not one of flatpak's.
    #[error("{0}")]
    Flatpak(#[from] FlatpakFault),
    /// The cgroup is of one snap, the label of another.
    #[error(
        "the cgroup is of snap {cgroup} and the AppArmor label of snap {label}; start the app with `snap run`"
    )]
    TwoSnaps {
        /// By the cgroup.
        cgroup: Box<str>,
        /// By AppArmor.
        label: Box<str>,
    },
    /// A snap that shows a `.flatpak-info`.
    #[error("the process is a snap and shows a .flatpak-info too; remove that file from its root")]
    SnapAndFlatpak,
    /// The two cgroup hierarchies name different units.
    #[error(
        "the process is in two units at once; let the service manager alone place processes in cgroups"
    )]
    TwoUnits,
    /// The daemon has no descriptors, memory or threads left.
    #[error(
        "the daemon has run out of descriptors, memory or threads: {0}; raise its limits, or end who uses them up"
    )]
    Exhausted(Errno),
    /// The examination took too long.
    #[error(
        "the process could not be examined in time; look for a hung file system (FUSE, network) at its root"
    )]
    Slow,
    /// The user's other processes are being examined, and that takes too long.
    #[error(
        "too many processes of this user are being examined; look for hung file systems (FUSE, network) at their roots"
    )]
    Busy,
    /// The examination ended without a result.
    #[error(
        "the process could not be examined; look for a panic in the daemon's log, and report it"
    )]
    Aborted,
    /// Nothing that an app could be recognised by.
    #[error(
        "nothing tells which app this is: no sandbox, no declared user, unit or executable, no app scope ({0}); declare its executable in apps.d, or start it from an app's scope"
    )]
    Unrecognised(NotRecognised),
}

/// What the executable had to say, in [`Unidentified::Unrecognised`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecognised {
    /// It could be declared.
    #[error("{0:?} is not declared")]
    Undeclared(std::path::PathBuf),
    /// It could not even be declared.
    #[error("{0}")]
    NotProven(#[from] NotProven),
}

impl Unidentified {
    /// Whether the same process would get the same answer again, so that it may be remembered.
    ///
    /// Doubt (no descriptors, a deadline, an unreadable file) is not: it may pass.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        match self {
            Unidentified::Unrecognised(NotRecognised::Undeclared(_)) => true,
            Unidentified::Unrecognised(NotRecognised::NotProven(why)) => why.is_definite(),
            Unidentified::BusRefused
            | Unidentified::NoCredentials
            | Unidentified::Disconnected
            | Unidentified::NobodysUid(_)
            | Unidentified::Gone
            | Unidentified::OtherProcess { .. }
            | Unidentified::OtherUser { .. }
            | Unidentified::Unreadable { .. }
            | Unidentified::Garbled { .. }
            | Unidentified::Flatpak(_)
            | Unidentified::TwoSnaps { .. }
            | Unidentified::SnapAndFlatpak
            | Unidentified::TwoUnits
            | Unidentified::Exhausted(_)
            | Unidentified::Slow
            | Unidentified::Busy
            | Unidentified::Aborted => false,
        }
    }

    /// The variant for a file of the process that could not be read.
    pub(super) fn unreadable(what: &'static str, errno: Errno) -> Self {
        match errno {
            Errno::MFILE | Errno::NFILE | Errno::NOMEM => Unidentified::Exhausted(errno),
            Errno::SRCH => Unidentified::Gone,
            _ => Unidentified::Unreadable { what, errno },
        }
    }
}
