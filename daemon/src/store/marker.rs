//! `first-start`: says that a store was created here once, and which: its number.
//!
//! It is written once, whole or not at all, and holds nothing that anybody chose.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::file::NO_LINK;
use crate::aside::{set_aside, sync_dir};

const NAME: &str = "first-start";

/// What the marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marked {
    /// Nothing: no store was created here.
    Never,
    /// A store was, by a version that numbered none.
    Unnumbered,
    /// This one was.
    Store(u128),
    /// It says nothing that can be read. A store was created here.
    Unreadable,
}

impl Marked {
    pub fn read(state_dir: &Path) -> std::io::Result<Self> {
        let path = state_dir.join(NAME);
        match path.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Marked::Never),
            Err(error) => return Err(error),
            Ok(metadata) if !metadata.is_file() => return Ok(Marked::Unreadable),
            Ok(_) => {}
        }
        let mut text = String::new();
        let read = OpenOptions::new()
            .read(true)
            .open(path)
            .and_then(|file| file.take(64).read_to_string(&mut text));
        Ok(match (read, text.as_str()) {
            (Ok(_), "") => Marked::Unnumbered,
            (Ok(_), text) => parse(text.trim_end()).map_or(Marked::Unreadable, Marked::Store),
            (Err(_), _) => Marked::Unreadable,
        })
    }

    /// The store that was created here, if it is known which.
    pub fn store(self) -> Option<u128> {
        match self {
            Marked::Store(id) => Some(id),
            Marked::Never | Marked::Unnumbered | Marked::Unreadable => None,
        }
    }

    /// Makes the marker say that the store is `id`. One that says something else is set aside.
    pub fn write(self, state_dir: &Path, id: u128, at: i64) -> std::io::Result<()> {
        match self {
            Marked::Store(marked) if marked == id => return Ok(()),
            Marked::Store(_) | Marked::Unreadable => {
                let why = "it does not name the store that is here";
                set_aside(state_dir, &[NAME], why, at)?;
            }
            Marked::Never | Marked::Unnumbered => {}
        }
        let path = state_dir.join(format!("{NAME}.new"));
        super::file::create(&path)?;
        let mut file = OpenOptions::new().write(true).custom_flags(NO_LINK).open(&path)?;
        writeln!(file, "{id:032x}")?;
        file.sync_all()?;
        std::fs::rename(path, state_dir.join(NAME))?;
        sync_dir(state_dir)
    }
}

/// A store's number as text.
pub(super) fn parse(text: &str) -> Option<u128> {
    let is_plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}
