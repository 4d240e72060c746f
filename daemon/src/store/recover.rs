//! Putting another file in the store's place: a backup, or an empty one. What was there is set aside.
//!
//! The new file is made whole beside the old one, with everything in it that makes its toggles ask,
//! and takes its place by one rename. A kill before that leaves the damage to be found again; one after
//! it leaves a store that asks.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::backup::{self, Backup};
use super::error::{StoreError, dir_error, sqlite_error};
use super::file;
use super::lock::Lock;
use super::marker::Marked;
use super::tally::Book;
use super::write::in_book;
use crate::aside::{set_aside, sync_dir};

/// The store, and what SQLite may keep beside it. The file itself goes first: a log without its file is
/// harmless, a file without its log is an older state.
const FILES: [&str; 4] =
    ["settings.db", "settings.db-wal", "settings.db-shm", "settings.db-journal"];
/// What the new file is called until it is whole.
const COMING: &str = "settings.db.coming";

/// The last change that a store of version 1 shows; it kept no such number.
const LAST_KNOWN: &str = "
    SELECT ifnull(max(last), 0) FROM (
        SELECT max(generation) AS last FROM settings UNION ALL
        SELECT max(generation) FROM consents UNION ALL
        SELECT max(ended_by) FROM consent_ends UNION ALL
        SELECT max(generation) FROM outbox)";

/// What comes in the store's place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instead<'a> {
    /// A backup, which was looked at.
    Backup(&'a Backup),
    /// Nothing: everything begins anew.
    Nothing,
}

/// Begins the very first store: nothing was ever chosen, so nothing is unknown.
///
/// # Errors
/// The disk does not take it; then there is no store yet.
pub(super) fn begin(state_dir: &Path, lock: &Lock) -> Result<(), StoreError> {
    let coming = state_dir.join(COMING);
    prepare(&coming, None, |book| note_starts(book, lock).map(drop))?;
    put_in_place(state_dir, &coming)
}

/// Sets the store aside and puts something in its place. Every toggle that is not stored off asks then.
///
/// # Errors
/// The disk does not take it. The store is as it was, or not there at all, which denies.
pub(super) fn replace(
    state_dir: &Path,
    lock: &Lock,
    instead: Instead<'_>,
    why: &str,
    at: i64,
) -> Result<(), StoreError> {
    let io = |source| dir_error(state_dir, source);
    let marked = Marked::read(state_dir).map_err(io)?;
    let coming = state_dir.join(COMING);
    let backup = match instead {
        Instead::Backup(backup) => Some(backup),
        Instead::Nothing => None,
    };
    let id = prepare(&coming, backup, |book| {
        let starts = note_starts(book, lock)?;
        // The start that comes now is one more: what is set then is confirmed.
        unconfirm(book, u64::from(starts.saturating_add(1)) << 32, at)?;
        if text(book, "generation")?.is_none() {
            let last: i64 = book.db.query_row(LAST_KNOWN, [], |row| row.get(0))?;
            book.note("generation", &last.cast_unsigned().to_string())?;
        }
        let own = text(book, "store-id")?.as_deref().and_then(super::marker::parse);
        let id = marked.store().or(own).unwrap_or_default();
        book.note("store-id", &format!("{id:032x}"))?;
        Ok(id)
    })?;
    let why = match instead {
        Instead::Backup(backup) => format!("{why}\n{} was restored in its place", backup.name()),
        Instead::Nothing => format!("{why}\nan empty store was put in its place"),
    };
    set_aside(state_dir, &FILES, &why, at).map_err(io)?;
    put_in_place(state_dir, &coming)?;
    marked.write(state_dir, id, at).map_err(io)
}

/// Restores the newest backup that is sound. Says which, if there was one.
///
/// # Errors
/// As [`replace`].
pub(super) fn restore_newest(
    state_dir: &Path,
    lock: &Lock,
    damage: &StoreError,
    at: i64,
) -> Result<Option<Backup>, StoreError> {
    let marked = Marked::read(state_dir).map_err(|source| dir_error(state_dir, source))?;
    for backup in backup::list(state_dir)? {
        match backup.examine(marked.store()) {
            Ok(_) => {
                replace(state_dir, lock, Instead::Backup(&backup), &damage.to_string(), at)?;
                return Ok(Some(backup));
            }
            Err(error @ StoreError::Newer { .. }) => return Err(error),
            Err(error) => tracing::warn!(%error, "a backup that is of no use"),
        }
    }
    Ok(None)
}

/// Makes the file that is coming, whole: a copy of a backup, or an empty store, and what `write` adds.
/// It is a single file then, with nothing of it beside it.
fn prepare<T>(
    coming: &Path,
    backup: Option<&Backup>,
    write: impl FnOnce(&mut Book<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let io = |source| StoreError::Dir { dir: coming.into(), source };
    let sqlite = |source| sqlite_error(coming, source);
    for left in file::beside(coming).iter().chain([&PathBuf::from(coming)]) {
        match std::fs::remove_file(left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
            Ok(()) | Err(_) => {}
        }
    }
    file::create(coming).map_err(io)?;
    if let Some(backup) = backup {
        std::fs::copy(&backup.path, coming).map_err(io)?;
    }
    // Kept as the store keeps its log: to change that once it is in place takes a journal, which a kill
    // would leave there.
    let mut connection = file::open(coming).map_err(sqlite)?;
    file::migrate(&mut connection, coming)?;
    let written = in_book(&mut connection, write).map_err(sqlite)?;
    let merge = "PRAGMA wal_checkpoint(TRUNCATE)";
    connection.query_row(merge, [], |_| Ok(())).map_err(sqlite)?;
    connection.close().map_err(|(_, source)| sqlite(source))?;
    File::open(coming).and_then(|file| file.sync_all()).map_err(io)?;
    Ok(written)
}

fn put_in_place(state_dir: &Path, coming: &Path) -> Result<(), StoreError> {
    std::fs::rename(coming, state_dir.join(FILES[0]))
        .and_then(|()| sync_dir(state_dir))
        .map_err(|source| dir_error(state_dir, source))
}

/// Notes as many starts as anything remembers.
fn note_starts(book: &mut Book<'_>, lock: &Lock) -> rusqlite::Result<u32> {
    let starts = text(book, "starts")?.and_then(|starts| starts.parse().ok()).unwrap_or(0);
    let starts = lock.remembered().starts.max(starts);
    book.note("starts", &starts.to_string())?;
    Ok(starts)
}

/// From now on what was chosen before `generation` is unconfirmed. Allowances that end have ended, and
/// no older consent is in force: whether they were withdrawn nobody knows.
pub(super) fn unconfirm(book: &mut Book<'_>, generation: u64, at: i64) -> rusqlite::Result<()> {
    let held = generation.cast_signed();
    book.db.execute("DELETE FROM allowances WHERE generation < ?1", [held])?;
    // Which identifiers were reset since nobody knows either: all of them become others (R59).
    book.db.execute_batch("DELETE FROM identifier_secrets; DELETE FROM identifier_resets")?;
    book.db.execute(
        "INSERT OR IGNORE INTO consent_ends (user, app, toggle, generation, ended_at, ended_by, how)
         SELECT user, app, toggle, generation, ?2, ?1, 'unconfirmed' FROM consents WHERE generation < ?1",
        [held, at],
    )?;
    book.recount()?;
    book.note("restored", &generation.to_string())?;
    book.note("restored-at", &at.to_string())?;
    book.note("restored-apps", &u32::MAX.to_string())
}

fn text(book: &Book<'_>, key: &str) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    match book.db.query_row(sql, [key], |row| row.get(0)) {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error),
    }
}
