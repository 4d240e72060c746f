//! Reads one process's files under /proc, in a way that a reused pid cannot deceive.
//!
//! Everything is read through a descriptor of the process's own folder, which the kernel ties to
//! that process and not to its number; and counts only if the process is still alive afterwards.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::{Credentials, Unidentified};
use crate::catalog::Trust;

/// No file read here is longer.
const LIMIT: usize = 64 * 1024;

/// A /proc: the kernel's, or a recorded one.
#[derive(Debug)]
pub struct ProcRoot {
    dir: OwnedFd,
}

impl ProcRoot {
    /// Opens it, usually `/proc`.
    ///
    /// # Errors
    /// It is no folder, or cannot be opened.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        Ok(ProcRoot { dir: openat(CWD, path, folder(), Mode::empty())? })
    }

    /// The user namespace and the root of this daemon itself, to compare others' with.
    fn own_surroundings(&self) -> Result<Surroundings, Unidentified> {
        let user_namespace = link(self.dir.as_fd(), "self/ns/user", "self/ns/user")?;
        let root = statat(&self.dir, "self/root", AtFlags::empty())
            .map_err(|errno| Unidentified::unreadable("self/root", errno))?;
        Ok(Surroundings { user_namespace, root: (root.st_dev, root.st_ino) })
    }

    /// The process behind a process descriptor, by the kernel's word.
    fn pid_of(&self, pidfd: BorrowedFd<'_>) -> Result<u32, Unidentified> {
        const WHAT: &str = "fdinfo of its descriptor";
        let path = format!("self/fdinfo/{}", pidfd.as_raw_fd());
        let text = read(self.dir.as_fd(), &path, WHAT)?;
        let pid = field(&text, "Pid:").ok_or(Unidentified::Garbled { what: WHAT })?;
        match pid.parse::<i64>() {
            Ok(..=0) => Err(Unidentified::Gone),
            Ok(pid) => u32::try_from(pid).map_err(|_| Unidentified::Garbled { what: WHAT }),
            Err(_) => Err(Unidentified::Garbled { what: WHAT }),
        }
    }
}

/// What keeps a process apart from others, as far as the file system shows.
#[derive(Debug, PartialEq, Eq)]
struct Surroundings {
    user_namespace: Option<CString>,
    root: (u64, u64),
}

/// One living process.
#[derive(Debug)]
pub(super) struct Process {
    dir: OwnedFd,
    pidfd: OwnedFd,
    pid: u32,
    ceiling: Trust,
}

impl Process {
    /// Takes hold of the process that the bus names, by its descriptor if the bus gave one.
    ///
    /// The folder may be that of another process with the same pid; if this one is still alive
    /// after the reading, it was alive before, and the folder was its own.
    pub(super) fn open(credentials: Credentials, proc: &ProcRoot) -> Result<Self, Unidentified> {
        let pid = credentials.pid();
        let (pidfd, ceiling) = match credentials.into_process_fd() {
            Some(pidfd) => {
                let descriptor = proc.pid_of(pidfd.as_fd())?;
                if descriptor != pid {
                    return Err(Unidentified::OtherProcess { bus: pid, descriptor });
                }
                (pidfd, Trust::Confined)
            }
            // By then the pid may be another process's (polkit, CVE-2013-4288 and CVE-2019-6133).
            None => (open_pid(pid)?, Trust::Weak),
        };
        let dir = match openat(&proc.dir, pid.to_string(), folder(), Mode::empty()) {
            Ok(dir) => dir,
            Err(errno) => {
                confirm_alive(pidfd.as_fd())?;
                return Err(Unidentified::unreadable("the folder", errno));
            }
        };
        Ok(Process { dir, pidfd, pid, ceiling })
    }

    /// Whether it is alive. What was read before that is true of it and of no other.
    ///
    /// # Errors
    /// It has ended.
    pub(super) fn confirm_alive(&self) -> Result<(), Unidentified> {
        confirm_alive(self.pidfd.as_fd())
    }

    /// The most that anything found out about it can be believed.
    pub(super) fn ceiling(&self) -> Trust {
        self.ceiling
    }

    /// Fails unless it runs as this user, and could not become another by itself.
    ///
    /// Real, effective, saved and file system uid have to be one: a set-user-id program, or a
    /// service in the middle of changing users, does as one user what another one wants.
    pub(super) fn confirm_user(&self, uid: u32) -> Result<(), Unidentified> {
        const WHAT: &str = "status";
        let text = self.read(WHAT)?;
        let garbled = || Unidentified::Garbled { what: WHAT };
        let tgid = field(&text, "Tgid:").ok_or_else(garbled)?;
        if tgid.parse() != Ok(self.pid) {
            return Err(garbled());
        }
        let mut uids = [0_u32; 4];
        let mut words = field(&text, "Uid:").ok_or_else(garbled)?.split_ascii_whitespace();
        for uid in &mut uids {
            *uid = words.next().and_then(|word| word.parse().ok()).ok_or_else(garbled)?;
        }
        if words.next().is_some() {
            return Err(garbled());
        }
        if uids == [uid; 4] {
            Ok(())
        } else {
            Err(Unidentified::OtherUser { bus: uid, process: uids })
        }
    }

    /// Its root folder.
    ///
    /// Opened by itself, because a process whose main thread has left shows no root at all, which
    /// would otherwise read like a root without the file that is looked for.
    pub(super) fn root(&self) -> Result<OwnedFd, Unidentified> {
        openat(&self.dir, "root", folder(), Mode::empty())
            .map_err(|errno| Unidentified::unreadable("root", errno))
    }

    /// Whether it lives in another user namespace or under another root than the daemon.
    pub(super) fn is_apart(&self, root: &OwnedFd, proc: &ProcRoot) -> Result<bool, Unidentified> {
        let root =
            rustix::fs::fstat(root).map_err(|errno| Unidentified::unreadable("root", errno))?;
        let surroundings = Surroundings {
            user_namespace: link(self.dir.as_fd(), "ns/user", "ns/user")?,
            root: (root.st_dev, root.st_ino),
        };
        Ok(surroundings != proc.own_surroundings()?)
    }

    /// A file of its folder.
    pub(super) fn read(&self, what: &'static str) -> Result<Vec<u8>, Unidentified> {
        read(self.dir.as_fd(), what, what)
    }

    /// A file of its folder that not every kernel has, or can fill.
    pub(super) fn read_if_any(&self, what: &'static str) -> Result<Option<Vec<u8>>, Unidentified> {
        match self.read(what) {
            Ok(text) => Ok(Some(text)),
            Err(Unidentified::Unreadable { errno: Errno::NOENT | Errno::INVAL, .. }) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Where its executable was, and which file it is; nothing for a kernel thread.
    pub(super) fn executable(&self) -> Result<Option<(CString, Stat)>, Unidentified> {
        let Some(path) = link(self.dir.as_fd(), "exe", "exe")? else {
            return Ok(None);
        };
        let stat = statat(&self.dir, "exe", AtFlags::empty())
            .map_err(|errno| Unidentified::unreadable("exe", errno))?;
        Ok(Some((path, stat)))
    }
}

fn folder() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn open_pid(pid: u32) -> Result<OwnedFd, Unidentified> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Unidentified::NoCredentials)?;
    pidfd_open(pid, PidfdFlags::empty())
        .map_err(|errno| Unidentified::unreadable("a descriptor", errno))
}

fn confirm_alive(pidfd: BorrowedFd<'_>) -> Result<(), Unidentified> {
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut fds, Some(&now)) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Unidentified::Gone),
        Err(errno) => Err(Unidentified::unreadable("its descriptor", errno)),
    }
}

/// A symbolic link's text; nothing where there is none.
fn link(
    dir: BorrowedFd<'_>,
    path: &str,
    what: &'static str,
) -> Result<Option<CString>, Unidentified> {
    match readlinkat(dir, path, Vec::new()) {
        Ok(text) => Ok(Some(text)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Unidentified::unreadable(what, errno)),
    }
}

fn read(dir: BorrowedFd<'_>, path: &str, what: &'static str) -> Result<Vec<u8>, Unidentified> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    openat(dir, path, flags, Mode::empty())
        .and_then(|file| read_whole(file.as_fd(), LIMIT))
        .map_err(|errno| Unidentified::unreadable(what, errno))
}

/// All of a file, unless it is longer than `limit` bytes.
pub(super) fn read_whole(file: BorrowedFd<'_>, limit: usize) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    let mut part = [0_u8; 4096];
    loop {
        match rustix::io::read(file, &mut part) {
            Ok(0) => return Ok(text),
            Ok(length) if text.len() + length > limit => return Err(Errno::FBIG),
            Ok(length) => text.extend_from_slice(&part[..length]),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// The value of the one line that begins with `name`.
fn field<'a>(text: &'a [u8], name: &str) -> Option<&'a str> {
    let mut values =
        text.split(|&byte| byte == b'\n').filter_map(|line| line.strip_prefix(name.as_bytes()));
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    std::str::from_utf8(value).ok().map(str::trim)
}
