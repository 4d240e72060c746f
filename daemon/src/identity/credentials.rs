//! What the bus says of a connection: all that is believed without looking, and nothing more.

use std::os::fd::OwnedFd;

use super::Unidentified;

/// The kernel shows a uid that has no name in this user namespace as this one.
const OVERFLOW_UID: u32 = 65534;

/// Who the bus saw when the connection was made.
#[derive(Debug)]
pub struct Credentials {
    uid: u32,
    pid: u32,
    process_fd: Option<OwnedFd>,
}

impl Credentials {
    /// The bus's answer, if it can be somebody.
    ///
    /// uids are unsigned all the way (polkit, CVE-2018-19788).
    ///
    /// # Errors
    /// No uid, no pid, or one that stands for nobody.
    pub fn new(
        uid: Option<u32>,
        pid: Option<u32>,
        process_fd: Option<OwnedFd>,
    ) -> Result<Self, Unidentified> {
        let (Some(uid), Some(pid)) = (uid, pid) else {
            return Err(Unidentified::NoCredentials);
        };
        if pid == 0 || i32::try_from(pid).is_err() {
            return Err(Unidentified::NoCredentials);
        }
        if uid == u32::MAX || uid == OVERFLOW_UID {
            return Err(Unidentified::NobodysUid(uid));
        }
        Ok(Credentials { uid, pid, process_fd })
    }

    /// The user.
    #[must_use]
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// The process that connected, which may have passed the connection on since; never 0.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The process itself, where the bus holds it (dbus 1.16, dbus-broker 35).
    #[must_use]
    pub fn process_fd(&self) -> Option<&OwnedFd> {
        self.process_fd.as_ref()
    }

    pub(super) fn into_process_fd(self) -> Option<OwnedFd> {
        self.process_fd
    }
}
