//! The files of a system: this one's, or an image's below a folder, where links lead nowhere outside.
//! It reads and never writes.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::User;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

/// Where a system's files are.
#[derive(Debug)]
pub struct Root {
    image: Option<PathBuf>,
}

/// What a file is, as far as its rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whose it is.
    pub uid: u32,
    /// Its permissions.
    pub mode: u32,
    /// What it is.
    pub kind: Kind,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file that can be read.
    File,
    /// A folder.
    Folder,
    /// A device and the like: `/dev/null` stands for a masked unit.
    Other,
}

impl Root {
    /// This system, or the one below a folder.
    pub fn new(image: Option<PathBuf>) -> Self {
        Self { image }
    }

    /// Whether it is a system that does not run.
    pub fn is_image(&self) -> bool {
        self.image.is_some()
    }

    /// What is there; `None` if nothing is.
    pub fn look(&self, path: impl AsRef<Path>) -> io::Result<Option<Seen>> {
        let Some(file) = self.open(path.as_ref(), OFlags::PATH)? else { return Ok(None) };
        let metadata = file.metadata()?;
        let kind = match (metadata.is_file(), metadata.is_dir()) {
            (true, _) => Kind::File,
            (false, true) => Kind::Folder,
            (false, false) => Kind::Other,
        };
        Ok(Some(Seen { uid: metadata.uid(), mode: metadata.mode() & 0o7777, kind }))
    }

    /// What a file holds; `None` if there is none.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Option<String>> {
        let Some(mut file) = self.open(path.as_ref(), OFlags::RDONLY)? else { return Ok(None) };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(Some(text))
    }

    /// How a file begins; nothing if it cannot be read.
    pub fn start(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let mut start = Vec::new();
        if let Ok(Some(file)) = self.open(path.as_ref(), OFlags::RDONLY) {
            // What could not be read is not there.
            let _ = file.take(2).read_to_end(&mut start);
        }
        start
    }

    /// The files of a folder that end so, by name; none if there is no such folder.
    pub fn files(&self, dir: impl AsRef<Path>, ending: &str) -> io::Result<Vec<PathBuf>> {
        let dir = dir.as_ref();
        let Some(folder) = self.open(dir, OFlags::RDONLY | OFlags::DIRECTORY)? else {
            return Ok(Vec::new());
        };
        let mut files = Vec::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(ending) && !name.starts_with('.') {
                files.push(dir.join(name));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Who stands for root: whose the topmost folder is. An image can be built by anybody.
    pub fn superuser(&self) -> u32 {
        let top = self.image.as_deref().unwrap_or(Path::new("/"));
        fs::metadata(top).map_or(0, |metadata| metadata.uid())
    }

    /// The uid of a user of that system.
    pub fn user(&self, name: &str) -> Option<u32> {
        if self.image.is_none() {
            return User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
        }
        let passwd = self.read("/etc/passwd").ok()??;
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(2)?.parse().ok()
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<Option<File>> {
        let mut flags = flags | OFlags::CLOEXEC;
        if !flags.contains(OFlags::PATH) {
            // A pipe that nobody writes to must not hold this up.
            flags |= OFlags::NONBLOCK;
        }
        let opened = match &self.image {
            None => openat(CWD, path, flags, Mode::empty()),
            Some(image) => {
                let top = openat(CWD, image, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
                openat2(top, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)
            }
        };
        match opened {
            Ok(file) => Ok(Some(File::from(file))),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
