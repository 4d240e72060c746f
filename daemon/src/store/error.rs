//! What can be wrong with the store, and which of it is damage: that alone is set aside.

use std::path::{Path, PathBuf};

/// Why the store cannot be used. Nothing was changed or removed because of it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state folder cannot be used.
    #[error("cannot use the state folder {dir}: {source}; check that it exists and is writable by the daemon's user", dir = .dir.display())]
    Dir {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another daemon works there.
    #[error("another consentd uses the state folder {dir}; stop it first", dir = .dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// There was a store once.
    #[error("{path} is gone, though it was created once; {cure}", path = .path.display(), cure = CURE)]
    Missing {
        /// The file that is gone.
        path: PathBuf,
    },
    /// The file is not consentd's.
    #[error("{path} is not a consentd store (application id {found:#x}); {cure}", path = .path.display(), cure = CURE)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i32,
    },
    /// The file is damaged.
    #[error("{path} is damaged ({finding}); {cure}", path = .path.display(), cure = CURE)]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check found.
        finding: String,
    },
    /// Something else than a file has its name.
    #[error("{path} is no plain file; {cure}", path = .path.display(), cure = CURE)]
    Irregular {
        /// The path.
        path: PathBuf,
    },
    /// The file is there and cannot be read.
    #[error("{path} cannot be read ({source}); {cure}", path = .path.display(), cure = CURE)]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is of a later version.
    #[error("{path} is of version {found}, this consentd knows {known}; it was left alone: install the newer consentd again", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest version known here.
        known: usize,
    },
    /// SQLite failed.
    #[error("{path}: {source}", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A value in the store is none that was ever written there.
    #[error("{path} holds `{value}` as {what}, which is none; {cure}", path = .path.display(), cure = CURE)]
    Value {
        /// The file.
        path: PathBuf,
        /// Which column.
        what: &'static str,
        /// What stands there.
        value: String,
    },
    /// There is no backup of that name.
    #[error("no backup `{0}`; `consentctl store check` lists them")]
    UnknownBackup(String),
    /// A backup did not come to its end.
    #[error("the backup of {path} was not made: {why}; free space, then run `consentctl store backup`", path = .path.display())]
    NotBackedUp {
        /// The store.
        path: PathBuf,
        /// What was in the way.
        why: &'static str,
    },
}

/// What somebody can do about a store that has no good backup.
const CURE: &str = "put a copy of it back, with its -wal if the copy has one, or run `consentctl \
                    store reset`, which sets it aside and begins anew with everything asking";

impl StoreError {
    /// Whether the file itself is to blame: not a disk that takes nothing, another daemon, or a newer
    /// version, which are left alone and looked at again later.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            StoreError::Missing { .. }
            | StoreError::Foreign { .. }
            | StoreError::Damaged { .. }
            | StoreError::Irregular { .. }
            | StoreError::Unreadable { .. }
            | StoreError::Value { .. } => true,
            StoreError::Sqlite { source, .. } => is_content(source),
            StoreError::Dir { .. }
            | StoreError::InUse { .. }
            | StoreError::Newer { .. }
            | StoreError::UnknownBackup(_)
            | StoreError::NotBackedUp { .. } => false,
        }
    }
}

/// Whether SQLite stumbled over what the file holds, or over reading it.
fn is_content(error: &rusqlite::Error) -> bool {
    use rusqlite::{Error, ErrorCode, ffi};
    let unreadable = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_CORRUPTFS,
        ffi::SQLITE_IOERR_DATA,
    ];
    match error.sqlite_error() {
        Some(failure) => {
            unreadable.contains(&failure.extended_code)
                || matches!(
                    failure.code,
                    // `Unknown` is what SQLite says of a table or a column that is not there.
                    ErrorCode::DatabaseCorrupt
                        | ErrorCode::NotADatabase
                        | ErrorCode::TypeMismatch
                        | ErrorCode::Unknown
                )
        }
        None => matches!(
            error,
            Error::FromSqlConversionFailure(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::InvalidColumnType(..)
                | Error::Utf8Error(..)
                | Error::QueryReturnedNoRows
        ),
    }
}

pub(super) fn dir_error(dir: &Path, source: std::io::Error) -> StoreError {
    StoreError::Dir { dir: dir.into(), source }
}

pub(super) fn sqlite_error(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Sqlite { path: path.into(), source }
}
