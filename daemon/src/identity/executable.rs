//! Whether a process runs the file at a path, and nobody but root or the daemon's own user could
//! have put another one there.
//!
//! It never follows a link, and never looks at what the file holds.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::Errno;

use super::Unidentified;
use super::interpreter::is_interpreter;

const WRITABLE_BY_OTHERS: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// The executable of a process: the very file that is at this path now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    /// Absolute, without links.
    pub path: PathBuf,
}

/// Why an executable cannot stand for an app.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// A kernel thread.
    #[error("the process has no executable")]
    None,
    /// Replaced or deleted after the process started, or only there in the process's own mounts.
    #[error("what the process runs is not at {0:?} (any more); start it again after an update")]
    Replaced(PathBuf),
    /// It runs whatever it is given.
    #[error("{0:?} runs other programs; make the app an executable of its own")]
    Interpreter(PathBuf),
    /// Neither root's nor the daemon's user's.
    #[error("{path:?} belongs to uid {uid}; give it and all folders above it to root")]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is.
        uid: u32,
    },
    /// Others may write to it, or put something in its place.
    #[error("{0:?} can be written to by others; chmod go-w it")]
    Writable(PathBuf),
    /// No file, a link where a folder should be, and the like.
    #[error("{0:?} is no regular file in a plain folder; install the executable there")]
    NotPlain(PathBuf),
    /// The daemon may not look there.
    #[error(
        "{path:?} cannot be looked at: {errno}; let the daemon's user enter the folders above it"
    )]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
}

impl NotProven {
    /// Whether the same file would be refused again.
    pub(super) fn is_definite(&self) -> bool {
        match self {
            NotProven::Unreadable { .. } => false,
            NotProven::None
            | NotProven::Replaced(_)
            | NotProven::Interpreter(_)
            | NotProven::Owner { .. }
            | NotProven::Writable(_)
            | NotProven::NotPlain(_) => true,
        }
    }
}

/// Compares what runs (the link's text, and the file behind it) with what is at that path.
///
/// The outer error is a doubt that may pass; the inner one is final for this process.
pub(super) fn prove(
    running: Option<(CString, Stat)>,
) -> Result<Result<Executable, NotProven>, Unidentified> {
    let Some((path, stat)) = running else {
        return Ok(Err(NotProven::None));
    };
    let path = PathBuf::from(OsString::from_vec(path.into_bytes()));
    if is_interpreter(&path) {
        return Ok(Err(NotProven::Interpreter(path)));
    }
    match compare(&path, &stat) {
        Ok(()) => Ok(Ok(Executable { path })),
        Err(NotProven::Unreadable {
            errno: errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM),
            ..
        }) => Err(Unidentified::Exhausted(errno)),
        Err(why) => Ok(Err(why)),
    }
}

/// Walks down from the root, folder by folder, so that nothing can be exchanged on the way.
fn compare(path: &Path, running: &Stat) -> Result<(), NotProven> {
    let mut names = path.components();
    if names.next() != Some(Component::RootDir) {
        return Err(NotProven::Replaced(path.into()));
    }
    let mut here = PathBuf::from("/");
    let unreadable = |path: &Path, errno| match errno {
        Errno::NOENT => NotProven::Replaced(path.into()),
        errno => NotProven::Unreadable { path: path.into(), errno },
    };
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file =
        openat(CWD, "/", flags, Mode::empty()).map_err(|errno| unreadable(&here, errno))?;
    let mut stat = fstat(&file).map_err(|errno| unreadable(&here, errno))?;
    let mut names = names.peekable();
    while let Some(name) = names.next() {
        let Component::Normal(name) = name else {
            return Err(NotProven::NotPlain(path.into()));
        };
        let shared = confirm_folder(&here, &stat)?;
        let parent = here.clone();
        here.push(name);
        file =
            openat(&file, name, flags, Mode::empty()).map_err(|errno| unreadable(&here, errno))?;
        let next = fstat(&file).map_err(|errno| unreadable(&here, errno))?;
        let is_file = names.peek().is_none();
        // In a shared sticky folder only the owner can exchange an entry; a mount can show any owner.
        if shared == Shared::Sticky && (is_file || next.st_dev != stat.st_dev) {
            return Err(NotProven::Writable(parent));
        }
        stat = next;
    }
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(NotProven::NotPlain(here));
    }
    confirm_owner(&here, &stat)?;
    if stat.st_mode & WRITABLE_BY_OTHERS != 0 {
        return Err(NotProven::Writable(here));
    }
    if (stat.st_dev, stat.st_ino) != (running.st_dev, running.st_ino) {
        return Err(NotProven::Replaced(here));
    }
    Ok(())
}

#[derive(PartialEq, Eq)]
enum Shared {
    No,
    Sticky,
}

fn confirm_folder(path: &Path, stat: &Stat) -> Result<Shared, NotProven> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(NotProven::NotPlain(path.into()));
    }
    confirm_owner(path, stat)?;
    if stat.st_mode & WRITABLE_BY_OTHERS == 0 {
        Ok(Shared::No)
    } else if stat.st_mode & STICKY != 0 && stat.st_uid == 0 {
        Ok(Shared::Sticky)
    } else {
        Err(NotProven::Writable(path.into()))
    }
}

fn confirm_owner(path: &Path, stat: &Stat) -> Result<(), NotProven> {
    if stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(NotProven::Owner { path: path.into(), uid: stat.st_uid })
    }
}
