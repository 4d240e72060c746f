//! A browser's jar as a file: whose it is, and what each cookie is called, where, and for how long.
//!
//! It is told by its content. Values are never asked for, kept or shown, and the file stays as it is.

mod chromium;
mod firefox;
mod netscape;
mod sqlite;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// The most cookies that are read: browsers keep thousands.
const MAX_COOKIES: usize = 1_000_000;
/// The longest name or host that is read whole, in bytes: browsers keep no longer ones.
const MAX_TEXT: usize = 4_096;

/// Whose jar it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser {
    /// `cookies.sqlite`.
    Firefox,
    /// `Cookies`; of its kin too.
    Chromium,
    /// `cookies.txt`, which many programs read and write.
    Netscape,
}

impl Browser {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Browser::Firefox => "firefox",
            Browser::Chromium => "chromium",
            Browser::Netscape => "netscape",
        }
    }

    /// As a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Browser::Firefox => "Firefox's jar",
            Browser::Chromium => "Chromium's jar",
            Browser::Netscape => "a jar in Netscape's format",
        }
    }
}

/// A jar that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Jar {
    pub browser: Browser,
    pub cookies: Vec<Kept>,
    /// Lines that are no cookies.
    pub skipped: u64,
}

/// One cookie of a jar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The site whose page it is kept for, where the jar says so: it keeps one for each.
    pub site: Option<String>,
    pub name: String,
    /// Its host, with a dot before it if hosts below it get it too.
    pub domain: String,
    pub lifetime: Lifetime,
}

/// For how long a cookie was set, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the browser ends.
    Session,
    /// For so long, as of when it was last set.
    Exactly(u64),
    /// For so long at least: the jar does not say when it was last set.
    AtLeast(u64),
}

impl Lifetime {
    /// From when it ends and when it was last set, or at least used.
    fn between(expires: i64, set: Option<i64>, used: i64) -> Self {
        let since = |then: i64| u64::try_from(expires.saturating_sub(then)).unwrap_or(0);
        match set.filter(|set| *set > 0) {
            Some(set) => Lifetime::Exactly(since(set)),
            None => Lifetime::AtLeast(since(used)),
        }
    }

    /// As the daemon is asked: 0 is until the browser ends.
    pub fn seconds(self) -> u64 {
        match self {
            Lifetime::Session => 0,
            Lifetime::Exactly(seconds) | Lifetime::AtLeast(seconds) => seconds,
        }
    }
}

/// Why a jar was not read.
#[derive(Debug, thiserror::Error)]
pub enum JarError {
    /// The system does not let it be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// A folder, a pipe, a device.
    #[error("{} is {what}; name the jar itself: cookies.sqlite, Cookies or cookies.txt", .path.display())]
    NoFile { path: PathBuf, what: &'static str },
    /// A file of another kind.
    #[error(
        "{} is no jar: neither Firefox's cookies.sqlite, Chromium's Cookies nor a Netscape cookies.txt",
        .0.display()
    )]
    NotAJar(PathBuf),
    /// Larger than any jar is.
    #[error("{} is larger than any jar: {what}", .path.display())]
    TooLarge { path: PathBuf, what: &'static str },
    /// The browser writes all the time.
    #[error("{} changes while it is read; close the browser, or copy it and read the copy", .0.display())]
    Busy(PathBuf),
    /// A jar that is not whole.
    #[error("{} is damaged: {why}", .path.display())]
    Damaged { path: PathBuf, why: String },
}

/// Reads a jar at Unix second `now`. Nothing is written beside it, be it in use or not.
///
/// # Errors
/// Any of [`JarError`].
pub fn read(path: &Path, now: i64) -> Result<Jar, JarError> {
    let mut file = open(path)?;
    let unreadable = |source| JarError::Unreadable { path: path.to_owned(), source };
    let mut head = Vec::with_capacity(sqlite::MAGIC.len());
    let length = sqlite::MAGIC.len() as u64;
    (&mut file).take(length).read_to_end(&mut head).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if head == sqlite::MAGIC {
        let copy = sqlite::copy(path, file)?;
        let jar = sqlite::open(path, copy)?;
        return match jar.kind()? {
            Browser::Firefox => firefox::read(&jar),
            Browser::Chromium => chromium::read(&jar),
            Browser::Netscape => Err(JarError::NotAJar(path.to_owned())),
        };
    }
    match netscape::read(file, now).map_err(unreadable)? {
        Some(jar) => Ok(jar),
        None => Err(JarError::NotAJar(path.to_owned())),
    }
}

/// Opens a file for reading, and nothing else: a pipe would wait for its writer.
fn open(path: &Path) -> Result<File, JarError> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let unreadable = |source| JarError::Unreadable { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(JarError::NoFile { path: path.to_owned(), what: "a folder" });
    }
    if !metadata.is_file() {
        return Err(JarError::NoFile { path: path.to_owned(), what: "no regular file" });
    }
    Ok(file)
}

/// A name or a host as text that the bus takes. What is too long or no text is no listed name either.
fn text(bytes: &[u8]) -> String {
    let (kept, more) = match bytes.get(..MAX_TEXT) {
        Some(kept) if bytes.len() > MAX_TEXT => (kept, "…"),
        Some(_) | None => (bytes, ""),
    };
    String::from_utf8_lossy(kept).replace('\0', "\u{fffd}") + more
}

/// The host of a site as browsers write it: `https://mi.com`, `https://mi.com:8443`.
fn host(site: &str) -> Option<String> {
    let host = site.split_once("://").map_or(site, |(_, rest)| rest);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => host,
    };
    (!host.is_empty()).then(|| host.to_owned())
}
