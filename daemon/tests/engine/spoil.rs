//! Generated damage to the files of a state folder: cut off, bits flipped, swapped with another
//! device's, made a folder or a link, made unreadable, removed. The same number makes the same damage.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Numbers that look random and are the same in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(case: u64) -> Self {
        Self(case.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).unwrap_or(0)
    }
}

/// The files of a state folder and of its backups, in order.
pub fn files(state_dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in [state_dir.to_path_buf(), state_dir.join("backups")] {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        files.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    files.sort();
    files
}

/// What a link leads to that leads nowhere, in the other device's folder. Nobody may create it.
pub const NOWHERE: &str = "nowhere";

/// Spoils one file. `other` is the state folder of another device. Says what it did.
pub fn spoil(path: &Path, other: &Path, dice: &mut Dice) -> io::Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let how = match dice.below(10) {
        0 | 1 => {
            let bytes = fs::read(path)?;
            let left = dice.below(bytes.len());
            fs::write(path, &bytes[..left])?;
            format!("cut off at {left}")
        }
        2..=5 => {
            let mut bytes = fs::read(path)?;
            let count = 1 + dice.below(8);
            for _ in 0..count {
                let place = dice.below(bytes.len());
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            fs::write(path, &bytes)?;
            format!("{count} bits flipped")
        }
        6 => {
            let theirs = files(other);
            let same = theirs.iter().find(|theirs| theirs.file_name() == path.file_name());
            let theirs = same.unwrap_or(&theirs[dice.below(theirs.len())]);
            fs::copy(theirs, path)?;
            format!("swapped with another device's {}", theirs.display())
        }
        7 => {
            fs::remove_file(path)?;
            fs::create_dir(path)?;
            fs::write(path.join("in it"), "something")?;
            "made a folder".into()
        }
        8 => {
            fs::remove_file(path)?;
            let to = other.join(if dice.below(2) == 0 { NOWHERE } else { "settings.db" });
            std::os::unix::fs::symlink(&to, path)?;
            format!("made a link to {}", to.display())
        }
        _ if dice.below(2) == 0 => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o000))?;
            "made unreadable".into()
        }
        _ => {
            fs::remove_file(path)?;
            "removed".into()
        }
    };
    Ok(format!("{name} {how}"))
}
