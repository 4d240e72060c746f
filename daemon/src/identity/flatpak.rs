//! Flatpak's word on an app: `.flatpak-info` in the root of its sandbox.
//!
//! Whoever can make a user namespace can show such a file, and anything else in its place: a
//! device, a pipe, a file system that never answers. So it is looked at before it is opened, and
//! only its absence means "not a flatpak".

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use super::Unidentified;
use super::proc::read_whole;
use crate::catalog::Trust;

const NAME: &str = ".flatpak-info";
const LIMIT: usize = 64 * 1024;
/// So that `flatpak:ID` is an id of at most 128 bytes.
const LONGEST_ID: usize = 120;

/// A flatpak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flatpak {
    /// `org.example.Weather`
    pub app: Box<str>,
    /// Which of its running instances; empty where flatpak did not say.
    pub instance: Box<str>,
    /// How far this can be believed: a sandbox, or no more than a scope's name.
    pub ceiling: Trust,
}

/// What is wrong with a `.flatpak-info`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FlatpakFault {
    /// A link, pipe, device, folder.
    #[error(
        "/.flatpak-info of the process is not a regular file; start the app with `flatpak run`"
    )]
    NotRegular,
    /// Empty, or longer than any that flatpak writes.
    #[error("/.flatpak-info of the process is {0} bytes long; start the app with `flatpak run`")]
    Size(u64),
    /// Not a key file.
    #[error(
        "/.flatpak-info of the process is no key file at line {0}; start the app with `flatpak run`"
    )]
    Syntax(usize),
    /// A runtime, which is no app.
    #[error("the process runs a flatpak runtime without an app; start an app with `flatpak run`")]
    Runtime,
    /// No `name` in `[Application]`, or none that flatpak would take.
    #[error(
        "/.flatpak-info of the process names no valid application; start the app with `flatpak run`"
    )]
    Name,
    /// An `instance-id` that flatpak would not give.
    #[error(
        "/.flatpak-info of the process has an invalid instance-id; start the app with `flatpak run`"
    )]
    Instance,
}

/// Reads it through the process's root; nothing if there is no such file.
pub(super) fn look(root: &OwnedFd) -> Result<Option<Flatpak>, Unidentified> {
    let unreadable = |errno| Unidentified::unreadable("root/.flatpak-info", errno);
    // Without opening it: opening alone can set a device off, a watchdog for one.
    let path_only = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let place = match openat(root, NAME, path_only, Mode::empty()) {
        Ok(place) => place,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(unreadable(errno)),
    };
    let stat = fstat(&place).map_err(unreadable)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FlatpakFault::NotRegular.into());
    }
    // The kernel's own files, /proc/kmsg for one, have length 0; reading one can consume something.
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size == 0 || size > LIMIT as u64 {
        return Err(FlatpakFault::Size(size).into());
    }
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(CWD, format!("/proc/self/fd/{}", place.as_raw_fd()), flags, Mode::empty())
        .map_err(unreadable)?;
    let text = read_whole(file.as_fd(), LIMIT).map_err(unreadable)?;
    Ok(Some(parse(&text)?))
}

/// What the file says, if flatpak can have written it.
fn parse(text: &[u8]) -> Result<Flatpak, FlatpakFault> {
    let (mut name, mut instance) = (None, None);
    let mut group = "";
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let syntax = || FlatpakFault::Syntax(index + 1);
        let line = std::str::from_utf8(line).map_err(|_| syntax())?;
        if line.contains('\0') {
            return Err(syntax());
        }
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            group = rest.trim_end().strip_suffix(']').ok_or_else(syntax)?;
            if group == "Runtime" {
                return Err(FlatpakFault::Runtime);
            }
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(syntax)?;
        let slot = match (group, key.trim_end()) {
            ("", _) => return Err(syntax()),
            ("Application", "name") => &mut name,
            ("Instance", "instance-id") => &mut instance,
            _ => continue,
        };
        // Readers differ on which of two counts.
        if slot.replace(value.trim()).is_some() {
            return Err(syntax());
        }
    }
    let app = name.filter(|name| is_app_id(name)).ok_or(FlatpakFault::Name)?;
    let instance = instance.unwrap_or_default();
    if instance.len() > 64 || !instance.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(FlatpakFault::Instance);
    }
    Ok(Flatpak { app: app.into(), instance: instance.into(), ceiling: Trust::Confined })
}

/// Whether flatpak would take it: three elements or more, `-` in the last alone.
pub(super) fn is_app_id(id: &str) -> bool {
    let elements: Vec<&str> = id.split('.').collect();
    let (Some(last), true) = (elements.len().checked_sub(1), id.len() <= LONGEST_ID) else {
        return false;
    };
    last >= 2
        && elements.iter().enumerate().all(|(position, element)| {
            !element.is_empty()
                && !element.starts_with(|first: char| first.is_ascii_digit())
                && element.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric()
                        || byte == b'_'
                        || (byte == b'-' && position == last)
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "org.example.Weather";

    #[test]
    fn what_flatpak_writes_is_read() {
        let text = "\
# written by flatpak
[Application]
name=org.example.Weather
runtime=runtime/org.example.Platform/x86_64/23

[Instance]
instance-id=1234567890
app-path=/var/lib/flatpak/app/org.example.Weather/files
session-bus-proxy=true

[Context]
shared=network;ipc;
name=org.example.Other
";
        let expected =
            Flatpak { app: ID.into(), instance: "1234567890".into(), ceiling: Trust::Confined };
        assert_eq!(parse(text.as_bytes()), Ok(expected.clone()));
        let spaced =
            "[Application]\n  name = org.example.Weather \n[Instance] \ninstance-id =1234567890\n";
        assert_eq!(parse(spaced.as_bytes()), Ok(expected));
        let old = "[Application]\nname=org.example.Weather";
        assert_eq!(&*parse(old.as_bytes()).unwrap().instance, "");
    }

    #[test]
    fn anything_else_is_refused() {
        use FlatpakFault::{Instance, Name, Runtime, Syntax};
        let long = format!("[Application]\nname=org.example.{}\n", "a".repeat(LONGEST_ID));
        let table: &[(&[u8], FlatpakFault)] = &[
            (b"\n", Name),
            (b"[Application]\n", Name),
            (b"[Application]\nname=\n", Name),
            (b"[Application]\nname=weather\n", Name),
            (b"[Application]\nname=org.weather\n", Name),
            (b"[Application]\nname=org..Weather\n", Name),
            (b"[Application]\nname=org.example.Weather.\n", Name),
            (b"[Application]\nname=org.exa-mple.Weather\n", Name),
            (b"[Application]\nname=org.example.1Weather\n", Name),
            (b"[Application]\nname=org.example.Weather/evil\n", Name),
            (b"[Application]\nname=org.example.We:ather\n", Name),
            (b"[Application]\nname=org.example.W\xc3\xa9ather\n", Name),
            (long.as_bytes(), Name),
            (b"[Other]\nname=org.example.Weather\n", Name),
            (b"[Instance]\nname=org.example.Weather\n", Name),
            (b"name=org.example.Weather\n", Syntax(1)),
            (b"[Application\nname=org.example.Weather\n", Syntax(1)),
            (b"[Application]\nname\n", Syntax(2)),
            (b"[Application]\nname=org.example.Weather\nname=org.example.Other\n", Syntax(3)),
            (
                b"[Application]\nname=org.example.Weather\n[Application]\nname=org.example.Other\n",
                Syntax(4),
            ),
            (b"[Application]\nname=org.example.Weather\n\xff\xfe=1\n", Syntax(3)),
            (b"[Application]\nname=org.example.Weather\nx=\0\n", Syntax(3)),
            (b"\x7fELF\x02\x01\x01\0\0\0", Syntax(1)),
            (b"[Runtime]\nruntime=runtime/org.example.Platform/x86_64/23\n", Runtime),
            (b"[Application]\nname=org.example.Weather\n[Runtime]\n", Runtime),
            (
                b"[Application]\nname=org.example.Weather\n[Instance]\ninstance-id=../../x\n",
                Instance,
            ),
        ];
        for (text, fault) in table {
            assert_eq!(parse(text).as_ref(), Err(fault), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn a_dash_may_be_in_the_last_element_alone() {
        assert!(is_app_id("org.example.Weather-Now_2"));
        assert!(is_app_id("_org.example._2"));
        assert!(!is_app_id("org.exam-ple.Weather"));
        assert!(!is_app_id(""));
    }
}
