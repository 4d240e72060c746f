//! Why the ledger cannot be used, and what to do.

use std::path::PathBuf;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite failed.
    #[error("{path}: {source}", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The file is damaged, none of ours, or another device's.
    #[error("{path} is damaged: {finding}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        finding: String,
    },
    /// The file is of a later version.
    #[error("{path} is of version {found}, this consentd knows {known}; install the newer consentd again", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The latest known here.
        known: usize,
    },
    /// The folder cannot be used.
    #[error("cannot use {path}: {source}; check that its folder is writable by the daemon's user", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another daemon writes it.
    #[error("another consentd writes {path}; stop it first", path = .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// Somebody reads an older state of it.
    #[error("{path} is being read, so not all of it could be brought to the disk; the next change tries again", path = .path.display())]
    BeingRead {
        /// The file.
        path: PathBuf,
    },
    /// The journal is full, and what it holds cannot be brought to the disk.
    #[error("the open minute has no room for more, and the disk takes none of it: {0}")]
    Full(#[source] Box<LedgerError>),
}
