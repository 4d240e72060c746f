//! A jar in SQLite, read from a copy: a browser locks its own, and keeps the newest cookies in files
//! beside it. The copy lies in memory where there is such a folder, for its owner alone, and has no
//! name any more once it is open.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use tempfile::TempDir;

use super::{Browser, JarError, Kept, MAX_COOKIES, MAX_TEXT, text};

/// How a SQLite file begins.
pub const MAGIC: &[u8] = b"SQLite format 3\0";

/// A jar of the most cookies that a browser keeps has a tenth of it.
const MAX_BYTES: u64 = 256 << 20;
/// How often a copy is made anew because the browser wrote meanwhile.
const ATTEMPTS: usize = 8;
/// What SQLite keeps beside a file: what was written last, or what was there before.
const BESIDE: [&str; 2] = ["-wal", "-journal"];

/// An open copy.
#[derive(Debug)]
pub struct Sqlite {
    /// The jar that it is of.
    path: PathBuf,
    connection: Connection,
}

/// Copies a jar and what belongs to it, as they were at one moment.
pub fn copy(path: &Path, mut jar: File) -> Result<TempDir, JarError> {
    let unreadable = |source| JarError::Unreadable { path: path.to_owned(), source };
    let dir = private_dir().map_err(unreadable)?;
    let beside = BESIDE.map(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    });
    for _ in 0..ATTEMPTS {
        let before = state(path, &beside).map_err(unreadable)?;
        if before.iter().flatten().map(|state| state.bytes).sum::<u64>() > MAX_BYTES {
            return Err(JarError::TooLarge { path: path.to_owned(), what: "more than 256 MiB" });
        }
        io::Seek::rewind(&mut jar).map_err(unreadable)?;
        write(&mut jar, &dir.path().join("jar")).map_err(unreadable)?;
        for (end, path) in BESIDE.iter().zip(&beside) {
            let to = dir.path().join(format!("jar{end}"));
            match super::open(path) {
                Ok(mut file) => write(&mut file, &to).map_err(unreadable)?,
                // It is not there, or no file of SQLite's.
                Err(_) => drop(std::fs::remove_file(&to)),
            }
        }
        // A file that took the jar's name meanwhile is another one.
        let opened = jar.metadata().map_err(unreadable)?;
        let is_same = before[0].as_ref().is_some_and(|state| state.inode == opened.ino());
        if is_same && state(path, &beside).map_err(unreadable)? == before {
            return Ok(dir);
        }
        jar = super::open(path)?;
    }
    Err(JarError::Busy(path.to_owned()))
}

/// What tells that a file was written, or is another.
#[derive(Debug, PartialEq, Eq)]
struct State {
    inode: u64,
    bytes: u64,
    written: (i64, i64),
}

impl State {
    fn of(metadata: &Metadata) -> Self {
        let written = (metadata.mtime(), metadata.mtime_nsec());
        Self { inode: metadata.ino(), bytes: metadata.len(), written }
    }
}

/// The jar, and those beside it that are there.
fn state(path: &Path, beside: &[PathBuf; 2]) -> io::Result<[Option<State>; 3]> {
    let of = |path: &Path| std::fs::metadata(path).ok().map(|metadata| State::of(&metadata));
    let jar = State::of(&std::fs::metadata(path)?);
    Ok([Some(jar), of(&beside[0]), of(&beside[1])])
}

/// In memory if possible: no value comes to a disk that it was not on.
fn private_dir() -> io::Result<TempDir> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let memory = [runtime, Some(PathBuf::from("/dev/shm"))].into_iter().flatten();
    let made = memory.filter(|dir| dir.is_absolute()).find_map(|dir| TempDir::new_in(dir).ok());
    made.map_or_else(TempDir::new, Ok)
}

fn write(from: &mut File, to: &Path) -> io::Result<()> {
    let mut options = File::options();
    let options = options.write(true).create(true).truncate(true);
    let mut to = std::os::unix::fs::OpenOptionsExt::mode(options, 0o600).open(to)?;
    io::copy(&mut from.take(MAX_BYTES + 1), &mut to).map(drop)
}

/// Opens a copy, which has no name afterwards.
pub fn open(path: &Path, dir: TempDir) -> Result<Sqlite, JarError> {
    let damaged = |error: rusqlite::Error| JarError::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.path().join("jar"), flags).map_err(damaged)?;
    // Nothing of what a jar brings along is run. Alone on the copy, SQLite needs no third file.
    connection
        .execute_batch(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;
             PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY; PRAGMA cache_spill = OFF;",
        )
        .map_err(damaged)?;
    // The first look brings in what stands beside the file.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(damaged)?;
    drop(dir);
    Ok(Sqlite { path: path.to_owned(), connection })
}

impl Sqlite {
    /// Whose jar it is, by its tables.
    pub fn kind(&self) -> Result<Browser, JarError> {
        for (table, column, browser) in
            [("moz_cookies", "host", Browser::Firefox), ("cookies", "host_key", Browser::Chromium)]
        {
            if self.has_table(table)? && self.columns(table)?.iter().any(|name| name == column) {
                return Ok(browser);
            }
        }
        Err(JarError::NotAJar(self.path.clone()))
    }

    /// A table, and no view or virtual table, which could be anything.
    fn has_table(&self, name: &str) -> Result<bool, JarError> {
        let sql = "SELECT count(*) FROM sqlite_schema
                   WHERE type = 'table' AND name = ?1 AND sql LIKE 'CREATE TABLE%'";
        let found = self.connection.query_row(sql, [name], |row| row.get::<_, i64>(0));
        found.map(|count| count == 1).map_err(|error| self.damaged(&error))
    }

    /// The columns of a table.
    pub fn columns(&self, table: &str) -> Result<Vec<String>, JarError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let mut names = self.connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
            names.query_map([table], |row| row.get(0))?.collect()
        };
        read().map_err(|error| self.damaged(&error))
    }

    /// Its `user_version`.
    pub fn version(&self) -> Result<i64, JarError> {
        let version = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0));
        version.map_err(|error| self.damaged(&error))
    }

    /// Every row of a question about names, hosts and times.
    pub fn rows(
        &self,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<Kept>,
    ) -> Result<Vec<Kept>, JarError> {
        let collect = || -> rusqlite::Result<Vec<Kept>> {
            let mut asked = self.connection.prepare(sql)?;
            asked.query_map([], read)?.take(MAX_COOKIES + 1).collect()
        };
        let rows = collect().map_err(|error| self.damaged(&error))?;
        if rows.len() > MAX_COOKIES {
            return Err(JarError::TooLarge {
                path: self.path.clone(),
                what: "more than a million cookies",
            });
        }
        Ok(rows)
    }

    fn damaged(&self, error: &rusqlite::Error) -> JarError {
        JarError::Damaged { path: self.path.clone(), why: error.to_string() }
    }
}

/// A column as so much of its bytes as is looked at, whatever its type.
pub fn beginning(column: &str) -> String {
    format!("substr(CAST({column} AS BLOB), 1, {})", MAX_TEXT + 1)
}

/// A field of [`beginning`].
pub fn words(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => text(bytes),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => String::new(),
    })
}

/// A field that holds a time or a flag; 0 if it holds something else.
pub fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<i64> {
    Ok(match row.get_ref(at)? {
        ValueRef::Integer(number) => number,
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => 0,
    })
}
