//! What a service manager keeps for a daemon: descriptors by name, told over the notification socket, and
//! given to the next start at 3 and up.

use std::collections::BTreeSet;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};

use anyhow::Result;
use rustix::io::IoSliceMut;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::place;
use crate::process::bound_command;

/// As many as go in one message.
const MOST: usize = 16;

/// Descriptors that are kept, in the order in which they will be given.
#[derive(Debug, Default)]
pub struct Descriptors {
    kept: Vec<(String, OwnedFd)>,
}

impl Descriptors {
    /// Keeps one more under a name, before all others, as systemd does.
    pub fn keep(&mut self, name: &str, fd: OwnedFd) {
        self.kept.insert(0, (name.to_owned(), fd));
    }

    /// Does what a notification says.
    pub fn heed(&mut self, notification: &str, fds: Vec<OwnedFd>) {
        let says = |line: &str| notification.lines().any(|each| each == line);
        let name = notification.lines().find_map(|line| line.strip_prefix("FDNAME="));
        let name = name.unwrap_or("stored");
        if says("FDSTORE=1") {
            fds.into_iter().for_each(|fd| self.keep(name, fd));
        }
        if says("FDSTOREREMOVE=1") {
            self.kept.retain(|(kept, _)| kept != name);
        }
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.kept.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Those of a name once more.
    pub fn copy(&self, name: &str) -> Result<Vec<OwnedFd>> {
        let of_name = self.kept.iter().filter(|(kept, _)| kept == name);
        of_name.map(|(_, fd)| Ok(fd.try_clone()?)).collect()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The last first: nothing promises an order.
    pub fn reverse(&mut self) {
        self.kept.reverse();
    }

    /// A program that gets them. `LISTEN_PID` is its own, which only it can say: `activate` does, and
    /// becomes it.
    pub fn command(&self, program: &std::path::Path) -> Result<Command> {
        let (ours, theirs) = UnixStream::pair()?;
        let fds: Vec<BorrowedFd<'_>> = self.kept.iter().map(|(_, fd)| fd.as_fd()).collect();
        send(&ours, &fds)?;
        let names: Vec<&str> = self.kept.iter().map(|(name, _)| name.as_str()).collect();
        let mut command = bound_command(place::built("activate")?);
        command
            .arg(program)
            .env("LISTEN_FDS", fds.len().to_string())
            .env("LISTEN_FDNAMES", names.join(":"))
            .stdin(Stdio::from(OwnedFd::from(theirs)));
        Ok(command)
    }
}

fn send(socket: &UnixStream, fds: &[BorrowedFd<'_>]) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    anyhow::ensure!(with.push(SendAncillaryMessage::ScmRights(fds)), "at most {MOST} are given");
    sendmsg(socket, &[IoSlice::new(b"given")], &mut with, SendFlags::empty())?;
    Ok(())
}

/// The descriptors that a program was started with on its standard input, at 3 and up, to be left open
/// over an exec.
pub fn given() -> Result<Vec<OwnedFd>> {
    Ok(receive(std::io::stdin(), RecvFlags::empty())?.1)
}

/// The next notification, and the descriptors that come with it.
pub fn notification(socket: &UnixDatagram) -> Result<(String, Vec<OwnedFd>)> {
    receive(socket, RecvFlags::CMSG_CLOEXEC)
}

fn receive(socket: impl AsFd, flags: RecvFlags) -> Result<(String, Vec<OwnedFd>)> {
    let mut text = [0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let read = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut with, flags)?.bytes;
    let mut fds = Vec::new();
    for message in with.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok((String::from_utf8_lossy(text.get(..read).unwrap_or_default()).into_owned(), fds))
}
