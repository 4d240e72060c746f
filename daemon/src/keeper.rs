//! What the service manager keeps for the daemon's next start: the memory of open gates, so that what a
//! daemon that crashed had not drained is counted all the same.
//!
//! Where there is no service manager the apps themselves bring it. Owns nothing; decides nothing; never
//! waits: a service manager that does not listen keeps less, and holds no app up.

use std::collections::HashMap;
use std::fs::File;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketFlags, SocketType, sendmsg_addr, socket_with,
};
use sd_notify::NotifyState;

use crate::engine::Engine;

const PREFIX: &str = "gate-";

/// Has a gate's memory kept.
pub fn keep(id: u64, page: BorrowedFd<'_>, usage: BorrowedFd<'_>) {
    let name = name(id);
    let states = [NotifyState::FdStore, NotifyState::FdName(&name)];
    if let Err(error) = tell(&states, &[page, usage]) {
        tracing::warn!(%error, "the service manager does not keep a gate");
    }
}

/// Has it kept no longer.
pub fn let_go(id: u64) {
    let name = name(id);
    let states = [NotifyState::FdStoreRemove, NotifyState::FdName(&name)];
    if let Err(error) = tell(&states, &[]) {
        tracing::warn!(%error, "the service manager was not told of a closed gate");
    }
}

/// Takes up what an earlier daemon had kept, and has it kept no longer.
pub fn take_up(engine: &Engine) {
    let Ok(kept) = sd_notify::listen_fds_with_names() else { return };
    let mut gates: HashMap<String, Vec<OwnedFd>> = HashMap::new();
    for (number, name) in kept.filter(|(_, name)| name.starts_with(PREFIX)) {
        // Opened anew by its name in /proc: a number is nobody's.
        match File::open(format!("/proc/self/fd/{number}")) {
            Ok(file) => gates.entry(name).or_default().push(file.into()),
            Err(error) => tracing::warn!(%error, name, "a kept gate cannot be opened"),
        }
    }
    for (name, mut fds) in gates {
        if let (Some(usage), Some(page), None) = (fds.pop(), fds.pop(), fds.pop())
            && let Err(error) = engine.take_up_gate(None, &page, usage)
        {
            tracing::warn!(%error, name, "what was counted in a kept gate is not recorded");
        }
        let states = [NotifyState::FdStoreRemove, NotifyState::FdName(&name)];
        if let Err(error) = tell(&states, &[]) {
            tracing::warn!(%error, name, "the service manager keeps a gate that was taken up");
        }
    }
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
