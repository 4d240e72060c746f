//! Opening what is on the disk, and setting aside what is damaged.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::LedgerError;
use super::file::{self, Meta, sqlite_error};
use super::journal::{self, Journal, JournalError};

/// The id of the store that a ledger belongs to, as far as it knows; 0 if it does not.
pub(super) fn known_store(db: &Connection) -> rusqlite::Result<u128> {
    let known = Meta::Store.read(db)?;
    Ok(known.and_then(|id| u128::from_str_radix(&id, 16).ok()).unwrap_or(0))
}

pub(super) fn open_or_anew(
    state_dir: &Path,
    path: &Path,
    store: Option<u128>,
    now: i64,
) -> Result<Connection, LedgerError> {
    match file::open(path, store) {
        Err(error @ LedgerError::Damaged { .. }) => {
            anew(state_dir, path, store, &error.to_string(), now)
        }
        opened => opened,
    }
}

/// Sets a ledger aside and opens a new one, which says so.
pub(super) fn anew(
    state_dir: &Path,
    path: &Path,
    store: Option<u128>,
    why: &str,
    now: i64,
) -> Result<Connection, LedgerError> {
    let dir = set_aside(state_dir, file::WHOLE, why, now)?;
    tracing::error!(why, kept_in = %dir.display(), "the ledger was set aside and begun anew");
    let connection = file::open(path, store)?;
    let note = format!("{why}; what it held is in {}", dir.display());
    Meta::Begun.write(&connection, &note).map_err(|source| sqlite_error(path, source))?;
    Ok(connection)
}

pub(super) fn open_journal(
    state_dir: &Path,
    id: u128,
    closed: Option<u32>,
    now: i64,
) -> Result<Journal, LedgerError> {
    let path = state_dir.join(journal::FILE);
    let error = |error| match error {
        JournalError::Newer(found) => LedgerError::Newer {
            path: path.clone(),
            found: usize::try_from(found).unwrap_or(usize::MAX),
            known: 1,
        },
        JournalError::Damaged(finding) => file::damaged(&path, finding),
        JournalError::System(source) => LedgerError::File { path: path.clone(), source },
    };
    match Journal::open(state_dir, id, closed) {
        Err(JournalError::Damaged(why)) => {
            let dir = set_aside(state_dir, &[journal::FILE], why, now)?;
            tracing::error!(why, kept_in = %dir.display(), "the journal was set aside");
            Journal::open(state_dir, id, closed).map_err(error)
        }
        opened => opened.map_err(error),
    }
}

fn set_aside(
    state_dir: &Path,
    files: &[&str],
    why: &str,
    now: i64,
) -> Result<PathBuf, LedgerError> {
    crate::aside::set_aside(state_dir, files, why, now)
        .map_err(|source| LedgerError::File { path: state_dir.into(), source })
}
