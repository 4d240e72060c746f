//! What the service manager keeps for the daemon's next start: the memory of open gates, so that what a
//! daemon that crashed had not drained is counted all the same.
//!
//! Where there is no service manager the apps themselves bring it. Owns what it still has to tell; decides
//! nothing; never waits: a service manager that does not listen keeps less, and holds no app up.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use consentd_gate::page::KeptPage;
use rustix::fs::{Mode, OFlags};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, sendmsg_addr, socket_with,
};
use sd_notify::NotifyState;

use crate::engine::{Engine, EngineError};

const PREFIX: &str = "gate-";

/// More names than a service manager keeps (`FileDescriptorStoreMax=`).
const MOST_OWED: usize = 4_096;

/// The service manager, as the one who keeps gates.
#[derive(Debug, Default)]
pub struct Keeper {
    /// What it keeps no longer once it has room to hear of it.
    owed: Mutex<Vec<String>>,
}

impl Keeper {
    /// Has a gate's memory kept.
    pub fn keep(&self, id: u64, page: BorrowedFd<'_>, usage: BorrowedFd<'_>) {
        self.settle();
        let name = name(id);
        let states = [NotifyState::FdStore, NotifyState::FdName(&name)];
        if let Err(error) = tell(&states, &[page, usage]) {
            tracing::warn!(%error, "the service manager does not keep a gate");
        }
    }

    /// Has it kept no longer.
    pub fn let_go(&self, id: u64) {
        self.let_go_of(name(id));
    }

    /// Takes up what an earlier daemon had kept. What is counted, and what never can be, is kept no longer.
    pub fn take_up(&self, engine: &Engine) {
        let kept = match sd_notify::listen_fds_with_names() {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, "what the service manager kept is passed over");
                return;
            }
        };
        let mut gates: BTreeMap<String, Vec<OwnedFd>> = BTreeMap::new();
        for (number, name) in kept.filter(|(_, name)| name.starts_with(PREFIX)) {
            let fds = gates.entry(name.clone()).or_default();
            match open_anew(number) {
                Ok(fd) => fds.push(fd),
                Err(error) => tracing::warn!(%error, name, "a kept gate cannot be opened"),
            }
        }
        for (name, fds) in gates {
            match count(engine, fds) {
                Ok(()) => {}
                Err(Uncounted::Refused(error)) if error.may_pass() => {
                    tracing::error!(%error, name, "what was counted in a kept gate waits for the next start");
                    continue;
                }
                Err(error) => tracing::warn!(%error, name, "what is kept is passed over"),
            }
            self.let_go_of(name);
        }
    }

    fn let_go_of(&self, name: String) {
        let mut owed = self.owed();
        if owed.len() < MOST_OWED {
            owed.push(name);
        }
        drop(owed);
        self.settle();
    }

    /// Tells it what it had no room to hear of before.
    fn settle(&self) {
        let mut owed = self.owed();
        while let Some(name) = owed.last() {
            let states = [NotifyState::FdStoreRemove, NotifyState::FdName(name)];
            match tell(&states, &[]) {
                Ok(()) => owed.pop(),
                Err(error) => {
                    tracing::debug!(%error, owed = owed.len(), "the service manager does not listen");
                    return;
                }
            };
        }
    }

    fn owed(&self) -> MutexGuard<'_, Vec<String>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
enum Uncounted {
    /// A page and its usage memory are two.
    #[error("{0} descriptors are no gate; two are")]
    NotTwo(usize),
    /// They are no gate, or the ledger takes nothing.
    #[error(transparent)]
    Refused(#[from] EngineError),
}

fn count(engine: &Engine, fds: Vec<OwnedFd>) -> Result<(), Uncounted> {
    let [one, other] = fds.try_into().map_err(|fds: Vec<_>| Uncounted::NotTwo(fds.len()))?;
    // The service manager keeps no order among descriptors of one name.
    let (page, usage) = if KeptPage::open(&one).is_ok() { (one, other) } else { (other, one) };
    Ok(engine.take_up_gate(None, &page, usage)?)
}

/// By its name in /proc, since a number is nobody's. Whatever it is, opening it waits for nothing.
fn open_anew(number: RawFd) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(format!("/proc/self/fd/{number}"), flags, Mode::empty())
}

/// Tells the service manager, if there is one and it has room for what it is told.
///
/// # Errors
/// It has none, or its socket is not there.
pub fn tell(states: &[NotifyState<'_>], fds: &[BorrowedFd<'_>]) -> rustix::io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
        path => SocketAddrUnix::new(path)?,
    };
    let text: String = states.iter().map(|state| format!("{state}\n")).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        with.push(SendAncillaryMessage::ScmRights(fds));
    }
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg_addr(socket, &address, &[IoSlice::new(text.as_bytes())], &mut with, flags).map(drop)
}

fn name(id: u64) -> String {
    format!("{PREFIX}{id:016x}")
}
