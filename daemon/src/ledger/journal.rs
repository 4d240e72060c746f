//! The open minute: rows in a mapped file, each written once and counted in place.
//!
//! A row is in the file before its answer leaves, so kill -9 loses none; a loss of power may. What
//! cannot be told from damage is passed over: every row carries a checksum, and so does every count.
//! Nothing here is ever moved or erased: rows of a segment that SQLite has are simply out of date.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering::{Relaxed, Release};

use consentd_gate::FileWords;

/// The file's name in the state folder.
pub(super) const FILE: &str = "ledger.journal";

/// 512 KiB: several thousand rows. What does not fit closes the segment early.
const WORDS: usize = 64 * 1024;
/// `cnsdjrnl`, then the version.
const MAGIC: u64 = 0x636e_7364_6a72_6e6c;
const VERSION: u64 = 1;
/// Magic, version, the owner's id in two words, a checksum of these.
const HEADER: usize = 8;
/// In a row: mark, length and serial; body's length and checksum; seq; at; count.
const HEAD: usize = 5;
const MARK: u64 = 0x636a;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    /// The file is not one, or not this device's.
    #[error("{0}")]
    Damaged(&'static str),
    /// It was written by a later version.
    #[error("it is of version {0}")]
    Newer(u64),
    /// The system refuses it.
    #[error(transparent)]
    System(#[from] std::io::Error),
}

/// A row of the open minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// Its place in the order of events.
    pub seq: i64,
    /// The first time, Unix seconds.
    pub at: i64,
    /// The last time, Unix seconds.
    pub last: i64,
    /// How often.
    pub count: u32,
    /// Where its counting word is.
    word: usize,
}

/// The journal in use.
#[derive(Debug)]
pub(super) struct Journal {
    words: FileWords,
    /// Which segment is open.
    serial: u32,
    /// Where the next row goes.
    end: usize,
    /// The open rows by their body, which says what makes them the same.
    rows: HashMap<Box<[u8]>, Open>,
}

impl Journal {
    /// Opens the journal of the ledger `id` in `state_dir`. Rows of segments later than `closed`, the
    /// last one that SQLite has, are open again; without a `closed` those of the latest segment are.
    ///
    /// # Errors
    /// The file is damaged as a whole, a later version's, or the system refuses it; it is as it was.
    pub fn open(state_dir: &Path, id: u128, closed: Option<u32>) -> Result<Self, JournalError> {
        let path = state_dir.join(FILE);
        let is_new = match std::fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata.len() == 0,
            Ok(_) => return Err(JournalError::Damaged("it is not a regular file")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(error.into()),
        };
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags)
            .open(&path)?;
        // Read, not mapped: a disk that fails says so here, and not by a signal.
        let found = if is_new { Vec::new() } else { read(&file)? };
        if !is_new {
            judge_header(&found, id)?;
        }
        let words = FileWords::map(&file, WORDS)?;
        write_header(&words, id);
        let mut journal =
            Self { words, serial: closed.unwrap_or(0) + 1, end: HEADER, rows: HashMap::new() };
        journal.recover(&found, closed);
        Ok(journal)
    }

    /// The segment that is open.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The open rows.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], Open)> {
        self.rows.iter().map(|(body, open)| (&**body, *open))
    }

    /// Whether no row is open.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How often a row was counted, if it is open.
    pub fn counted(&self, body: &[u8]) -> Option<u32> {
        self.rows.get(body).map(|open| open.count)
    }

    /// Counts a row `times` more, if it is open.
    pub fn count(&mut self, body: &[u8], times: u32, at: i64) -> bool {
        let Some(open) = self.rows.get_mut(body) else {
            return false;
        };
        open.count = open.count.saturating_add(times);
        open.last = open.last.max(at);
        let word = count_word(self.serial, open.word, open.count, open.last - open.at);
        self.words[open.word].store(word, Release);
        true
    }

    /// Opens a row that was counted `times`. False if there is no room for it.
    pub fn append(&mut self, body: &[u8], times: u32, seq: i64, at: i64) -> bool {
        let length = body.len().div_ceil(8);
        let start = self.end;
        let Some(target) = self.words.get(start..start + HEAD + length) else {
            return false;
        };
        let mark = mark(self.serial, length);
        for (word, part) in target[HEAD..].iter().zip(body.chunks(8)) {
            word.store(pack(part), Relaxed);
        }
        let sum = checksum(start, mark, seq, at, body);
        target[4].store(count_word(self.serial, start + 4, times, 0), Relaxed);
        target[3].store(at.cast_unsigned(), Relaxed);
        target[2].store(seq.cast_unsigned(), Relaxed);
        target[1].store((body.len() as u64) << 32 | u64::from(sum), Relaxed);
        // Last: from here on it is a row.
        target[0].store(mark, Release);
        self.end = start + HEAD + length;
        let open = Open { seq, at, last: at, count: times, word: start + 4 };
        self.rows.insert(body.into(), open);
        true
    }

    /// SQLite has the open rows: begins the next segment.
    pub fn begin_next(&mut self) {
        self.serial += 1;
        self.end = HEADER;
        self.rows = HashMap::new();
    }

    /// Takes up the rows that a former daemon left open.
    fn recover(&mut self, found: &[u64], closed: Option<u32>) {
        let mut rows = Vec::new();
        let mut at = HEADER;
        while at < found.len() {
            match parse(found, at) {
                Some(row) => {
                    at += HEAD + row.body.len().div_ceil(8);
                    rows.push(row);
                }
                None => at += 1,
            }
        }
        let latest = rows.iter().map(|row| row.serial).max();
        let Some(serial) = latest.filter(|serial| closed.is_none_or(|closed| *serial > closed))
        else {
            return;
        };
        self.serial = serial;
        // Of earlier segments SQLite has all, or they were closed before.
        for row in rows.into_iter().filter(|row| row.serial == serial) {
            self.end = row.open.word - 4 + HEAD + row.body.len().div_ceil(8);
            self.rows.insert(row.body.into(), row.open);
        }
    }
}

/// A row as it was found.
struct Found {
    serial: u32,
    open: Open,
    body: Vec<u8>,
}

/// The row at a place, if there is one and its checksum is right. A wrong count is taken for one: that
/// it was asked at least once is certain.
fn parse(words: &[u64], start: usize) -> Option<Found> {
    let [first, second, seq, at, counted] = *words.get(start..start + HEAD)? else {
        return None;
    };
    if first >> 48 != MARK {
        return None;
    }
    let serial = u32::try_from(first & 0xffff_ffff).ok()?;
    let length = usize::try_from((first >> 32) & 0xffff).ok()?;
    let bytes = usize::try_from(second >> 32).ok()?;
    if bytes.div_ceil(8) != length {
        return None;
    }
    let packed = words.get(start + HEAD..start + HEAD + length)?;
    let mut body: Vec<u8> = packed.iter().flat_map(|word| word.to_ne_bytes()).collect();
    body.truncate(bytes);
    let (seq, at) = (seq.cast_signed(), at.cast_signed());
    if u64::from(checksum(start, first, seq, at, &body)) != second & 0xffff_ffff {
        return None;
    }
    let count = u32::try_from(counted & 0xffff_ffff).ok()?;
    let span = i64::try_from((counted >> 32) & 0xff).ok()?;
    let (count, span) = if count_word(serial, start + 4, count, span) == counted && count > 0 {
        (count, span)
    } else {
        (1, 0)
    };
    let open = Open { seq, at, last: at.saturating_add(span), count, word: start + 4 };
    Some(Found { serial, open, body })
}

fn mark(serial: u32, length: usize) -> u64 {
    MARK << 48 | (length as u64 & 0xffff) << 32 | u64::from(serial)
}

/// A count and the seconds from the first time to the last, in one word that is stored at once: 24 bits
/// of checksum, 8 of seconds, 32 of count.
fn count_word(serial: u32, place: usize, count: u32, span: i64) -> u64 {
    let span = u8::try_from(span.max(0)).unwrap_or(u8::MAX);
    let value = u64::from(span) << 32 | u64::from(count);
    let mut sum = crc32fast::Hasher::new();
    sum.update(&serial.to_le_bytes());
    sum.update(&place.to_le_bytes());
    sum.update(&value.to_le_bytes());
    u64::from(sum.finalize() & 0x00ff_ffff) << 40 | value
}

fn checksum(place: usize, mark: u64, seq: i64, at: i64, body: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&place.to_le_bytes());
    sum.update(&mark.to_le_bytes());
    sum.update(&seq.to_le_bytes());
    sum.update(&at.to_le_bytes());
    sum.update(body);
    sum.finalize()
}

fn pack(part: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..part.len()].copy_from_slice(part);
    u64::from_ne_bytes(bytes)
}

fn header(id: u128) -> [u64; HEADER] {
    let [low, high] = halves(id);
    let mut header = [MAGIC, VERSION, low, high, 0, 0, 0, 0];
    header[4] = header_sum(&header);
    header
}

fn halves(id: u128) -> [u64; 2] {
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    [half(id), half(id >> 64)]
}

fn header_sum(header: &[u64]) -> u64 {
    let mut sum = crc32fast::Hasher::new();
    for word in &header[..4] {
        sum.update(&word.to_le_bytes());
    }
    u64::from(sum.finalize())
}

/// A header that is damaged says nothing, and the rows behind it speak for themselves; one that is
/// whole and not this ledger's says that all of them are another's.
fn judge_header(found: &[u64], id: u128) -> Result<(), JournalError> {
    let Some(header) = found.get(..HEADER) else {
        return Err(JournalError::Damaged("it is too short"));
    };
    if header_sum(header) != header[4] {
        return Ok(());
    }
    if header[0] != MAGIC {
        return Err(JournalError::Damaged("it is not a journal"));
    }
    if header[1] != VERSION {
        return Err(JournalError::Newer(header[1]));
    }
    let owner = [header[2], header[3]];
    if owner != halves(id) && owner != [0, 0] && id != 0 {
        return Err(JournalError::Damaged("it is another device's"));
    }
    Ok(())
}

fn write_header(words: &FileWords, id: u128) {
    for (word, value) in words.iter().zip(header(id)) {
        word.store(value, Relaxed);
    }
}

fn read(file: &File) -> std::io::Result<Vec<u64>> {
    let mut bytes = Vec::new();
    file.take(WORDS as u64 * 8).read_to_end(&mut bytes)?;
    Ok(bytes.chunks_exact(8).map(pack).collect())
}
