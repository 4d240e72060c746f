//! Setting damaged files aside, whole, with a note of why: a folder of their own under `set-aside/`.
//!
//! It moves, and never copies, opens, changes or removes what it moves. Nothing in there is ever read
//! again by the daemon.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where it all goes, in the state folder.
pub const FOLDER: &str = "set-aside";
/// The note beside the files.
pub const NOTE: &str = "why.txt";
/// What a folder's name ends in until everything is in it.
const UNFINISHED: &str = ".unfinished";

/// Moves `files` of `state_dir` into a folder of their own, in this order, and says there why. What is
/// not there is passed over; a folder or a link is moved as it is. When this returns, it is on the disk.
///
/// The first file is the one that the rest belong to, and goes first: what a kill leaves behind of the
/// rest never again lies beside a first file, and the next call for it finishes the same folder.
/// `at` is in Unix seconds. Returns the folder.
///
/// # Errors
/// The disk does not take it; what was moved so far stays where it is now.
pub fn set_aside(state_dir: &Path, files: &[&str], why: &str, at: i64) -> std::io::Result<PathBuf> {
    let parent = state_dir.join(FOLDER);
    let subject = files.first().copied().unwrap_or("nothing");
    DirBuilder::new().recursive(true).mode(0o700).create(&parent)?;
    sync_dir(state_dir)?;
    let unfinished = match unfinished(&parent, subject)? {
        Some(begun) => begun,
        None => begin(&parent, subject, at)?,
    };
    note(&unfinished, why, at)?;
    for file in files {
        move_into(state_dir, &unfinished, file)?;
    }
    sync_dir(&unfinished)?;
    let finished = finished(&unfinished);
    std::fs::rename(&unfinished, &finished)?;
    sync_dir(&parent)?;
    Ok(finished)
}

/// Makes what was created, renamed or removed in a folder durable.
///
/// # Errors
/// The disk does not take it.
pub fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The folder that an earlier call for the same files began, if it was cut off.
fn unfinished(parent: &Path, subject: &str) -> std::io::Result<Option<PathBuf>> {
    let suffix = format!("-{subject}{UNFINISHED}");
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(|name| name.ends_with(&suffix));
        if ours && entry.file_type()?.is_dir() {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

fn begin(parent: &Path, subject: &str, at: i64) -> std::io::Result<PathBuf> {
    let moment = moment(at).replace(':', "");
    for count in 1_u32.. {
        let again = if count == 1 { String::new() } else { format!("-{count}") };
        let path = parent.join(format!("{moment}{again}-{subject}{UNFINISHED}"));
        if finished(&path).symlink_metadata().is_ok() {
            continue;
        }
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                sync_dir(parent)?;
                return Ok(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

fn finished(unfinished: &Path) -> PathBuf {
    unfinished.with_extension("")
}

fn note(dir: &Path, why: &str, at: i64) -> std::io::Result<()> {
    let path = dir.join(NOTE);
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    writeln!(file, "{}: {why}", moment(at))?;
    file.sync_all()
}

fn move_into(state_dir: &Path, dir: &Path, file: &str) -> std::io::Result<()> {
    let from = state_dir.join(file);
    match from.symlink_metadata() {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    // A second of the same name comes after a kill alone; neither is lost.
    let mut to = dir.join(file);
    for count in 2_u32.. {
        if to.symlink_metadata().is_err() {
            break;
        }
        to = dir.join(format!("{file}-{count}"));
    }
    std::fs::rename(from, to)?;
    sync_dir(state_dir)
}

fn moment(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_768_435_200;
    const FILES: [&str; 3] = ["settings.db", "settings.db-wal", "settings.db-shm"];

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_there_is_moved_whole_with_a_note_of_why() {
        let state = tempfile::TempDir::new().unwrap();
        std::fs::write(state.path().join("settings.db"), "database").unwrap();
        std::fs::create_dir_all(state.path().join("settings.db-wal/in it")).unwrap();
        let dir = set_aside(state.path(), &FILES, "its pages are torn", AT).unwrap();
        assert_eq!(dir, state.path().join("set-aside/2026-01-15T000000Z-settings.db"));
        assert_eq!(names(state.path()), ["set-aside"]);
        assert_eq!(names(&dir), ["settings.db", "settings.db-wal", "why.txt"]);
        assert_eq!(std::fs::read_to_string(dir.join("settings.db")).unwrap(), "database");
        assert!(dir.join("settings.db-wal/in it").is_dir());
        let why = std::fs::read_to_string(dir.join("why.txt")).unwrap();
        assert_eq!(why, "2026-01-15T00:00:00Z: its pages are torn\n");
    }

    #[test]
    fn a_link_is_moved_and_not_what_it_leads_to() {
        let state = tempfile::TempDir::new().unwrap();
        let elsewhere = state.path().join("elsewhere");
        std::fs::write(&elsewhere, "theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, state.path().join("settings.db")).unwrap();
        let dir = set_aside(state.path(), &FILES, "a link", AT).unwrap();
        assert_eq!(std::fs::read_link(dir.join("settings.db")).unwrap(), elsewhere);
        assert_eq!(std::fs::read_to_string(elsewhere).unwrap(), "theirs");
    }

    #[test]
    fn two_in_one_second_have_folders_of_their_own() {
        let state = tempfile::TempDir::new().unwrap();
        for content in ["first", "second"] {
            std::fs::write(state.path().join("ledger.db"), content).unwrap();
            set_aside(state.path(), &["ledger.db"], content, AT).unwrap();
        }
        let aside = state.path().join("set-aside");
        let expected = ["2026-01-15T000000Z-2-ledger.db", "2026-01-15T000000Z-ledger.db"];
        assert_eq!(names(&aside), expected);
        for (dir, content) in expected.into_iter().zip(["second", "first"]) {
            let kept = std::fs::read_to_string(aside.join(dir).join("ledger.db")).unwrap();
            assert_eq!(kept, content);
        }
    }

    #[test]
    fn what_a_kill_cut_off_is_finished_in_the_same_folder() {
        let state = tempfile::TempDir::new().unwrap();
        let begun = state.path().join("set-aside/2026-01-14T235959Z-settings.db.unfinished");
        std::fs::create_dir_all(&begun).unwrap();
        std::fs::write(begun.join("settings.db"), "torn").unwrap();
        std::fs::write(state.path().join("settings.db-wal"), "its log").unwrap();
        std::fs::write(state.path().join("ledger.db"), "another's").unwrap();
        let other = set_aside(state.path(), &["ledger.db"], "damaged too", AT).unwrap();
        assert_eq!(names(&other), ["ledger.db", "why.txt"]);
        let dir = set_aside(state.path(), &FILES, "it is gone", AT).unwrap();
        assert_eq!(dir, state.path().join("set-aside/2026-01-14T235959Z-settings.db"));
        assert_eq!(names(&dir), ["settings.db", "settings.db-wal", "why.txt"]);
    }
}
