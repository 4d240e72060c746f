//! The fixed bytes of a page, to and from numbers. Reads a private copy alone, and trusts nothing in it.

use super::directory::{Directory, PAIR_LEN, is_id};
use super::writer::Contents;
use super::{MAX_ITEMS, MAX_LEN, MAX_PAIRS, MAX_PURPOSES};
use crate::error::GateError;
use crate::word::{SLOTS, Word};

const MAGIC: u64 = u64::from_be_bytes(*b"cnspage\x01");

// Where each word of the header stands, in words.
const AT_MAGIC: usize = 0;
const AT_LEN: usize = 1;
const AT_ID: usize = 2;
const AT_USER: usize = 3;
const AT_BORN: usize = 4;
const AT_PAIRS: usize = 5;
const AT_PURPOSES: usize = 6;
const AT_ITEMS: usize = 7;
const AT_WORDS: usize = 8;
const AT_MEANINGS: usize = 9;
const AT_NAMES: usize = 10;
const AT_DIRECTORY: usize = 11;
const AT_EPOCH: usize = 18;
/// The words of the header, the changing ones included.
const HEADER: usize = 24;

const LINE: usize = 64;
/// The byte at which the changing words begin.
pub(super) const CHANGING_AT: usize = 2 * LINE;
const WORDS_AT: usize = HEADER * 8;

/// Where things are in a page, checked against its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub len: usize,
    pub id: u64,
    pub user: u32,
    pub born: u64,
    pub pairs: usize,
    pub words_at: usize,
    pub meanings_at: usize,
}

impl Layout {
    /// The bytes that say a page's length, from its start.
    pub const PROBE: usize = 16;

    /// The length that a page's first bytes claim.
    pub fn probe(bytes: [u8; Self::PROBE]) -> Result<u64, GateError> {
        if word(&bytes, AT_MAGIC) != Some(MAGIC) {
            return Err(GateError::Version { kind: "page" });
        }
        Ok(word(&bytes, AT_LEN).unwrap_or(0))
    }

    /// Reads a whole page, every part of it but the changing words and the meanings.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Directory), GateError> {
        let malformed = |fault| GateError::Malformed { fault };
        if word(bytes, AT_MAGIC) != Some(MAGIC) {
            return Err(GateError::Version { kind: "page" });
        }
        let len = size(bytes, AT_LEN, MAX_LEN).ok_or(malformed("its length is none"))?;
        if len != bytes.len() {
            let (expected, found) = (len as u64, bytes.len() as u64);
            return Err(GateError::Length { expected, found });
        }
        let pairs = size(bytes, AT_PAIRS, MAX_PAIRS).ok_or(malformed("it has too many pairs"))?;
        let purposes =
            size(bytes, AT_PURPOSES, MAX_PURPOSES).ok_or(malformed("it has too many purposes"))?;
        let items =
            size(bytes, AT_ITEMS, MAX_ITEMS).ok_or(malformed("it has too many data items"))?;
        let place = |at| size(bytes, at, len).ok_or(malformed("a section lies outside of it"));
        let (words_at, meanings_at) = (place(AT_WORDS)?, place(AT_MEANINGS)?);
        let (names_at, directory_at) = (place(AT_NAMES)?, place(AT_DIRECTORY)?);
        let in_order = words_at >= WORDS_AT
            && meanings_at >= words_at + pairs * 4
            && names_at >= meanings_at + pairs * SLOTS * 4
            && directory_at >= names_at
            && len - directory_at == pairs * PAIR_LEN;
        if !in_order || words_at % LINE != 0 || meanings_at % LINE != 0 {
            return Err(malformed("its sections lie wrong"));
        }
        let id = word(bytes, AT_ID).filter(|id| *id != 0).ok_or(malformed("it has no id"))?;
        let user = word(bytes, AT_USER).and_then(|user| u32::try_from(user).ok());
        let layout = Self {
            len,
            id,
            user: user.ok_or(malformed("its user is none"))?,
            born: word(bytes, AT_BORN).unwrap_or(0),
            pairs,
            words_at,
            meanings_at,
        };
        let names = bytes.get(names_at..directory_at).unwrap_or_default();
        let directory = bytes.get(directory_at..).unwrap_or_default();
        let directory = Directory::decode(names, directory, purposes, items).map_err(malformed)?;
        Ok((layout, directory))
    }

    /// Lays out a page of which every word calls and no slot has a meaning.
    pub fn encode(contents: &Contents<'_>) -> Result<(Self, Vec<u8>), GateError> {
        let pairs = contents.pairs.len();
        if contents.id == 0 {
            return Err(GateError::NoId);
        }
        if !contents.pairs.is_sorted_by(|one, next| one < next) {
            return Err(GateError::Order);
        }
        let mut purposes: Vec<&str> = contents.pairs.iter().map(|(purpose, _)| *purpose).collect();
        let mut items: Vec<&str> = contents.pairs.iter().map(|(_, data)| *data).collect();
        for names in [&mut purposes, &mut items] {
            names.sort_unstable();
            names.dedup();
        }
        at_most("pairs", pairs, MAX_PAIRS)?;
        at_most("purposes", purposes.len(), MAX_PURPOSES)?;
        at_most("data items", items.len(), MAX_ITEMS)?;

        let meanings_at = (WORDS_AT + pairs * 4).next_multiple_of(LINE);
        let names_at = (meanings_at + pairs * SLOTS * 4).next_multiple_of(LINE);
        let mut bytes = vec![0; names_at];
        for name in [contents.app].into_iter().chain(purposes.iter().chain(&items).copied()) {
            let len = u8::try_from(name.len()).ok().filter(|_| is_id(name.as_bytes()));
            bytes.push(len.ok_or_else(|| GateError::Id { id: name.to_owned() })?);
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.resize(bytes.len().next_multiple_of(PAIR_LEN), 0);
        let directory_at = bytes.len();
        for (purpose, data) in contents.pairs {
            for (names, name) in [(&purposes, purpose), (&items, data)] {
                // Both lists were made of these very names, and a u16 holds their numbers.
                let number = names.binary_search(name).ok().and_then(|at| u16::try_from(at).ok());
                bytes.extend_from_slice(&number.unwrap_or(u16::MAX).to_ne_bytes());
            }
        }
        let layout = Self {
            len: bytes.len(),
            id: contents.id,
            user: contents.user,
            born: contents.generation,
            pairs,
            words_at: WORDS_AT,
            meanings_at,
        };
        for (at, value) in [
            (AT_MAGIC, MAGIC),
            (AT_LEN, layout.len as u64),
            (AT_ID, layout.id),
            (AT_USER, u64::from(layout.user)),
            (AT_BORN, layout.born),
            (AT_PAIRS, pairs as u64),
            (AT_PURPOSES, purposes.len() as u64),
            (AT_ITEMS, items.len() as u64),
            (AT_WORDS, WORDS_AT as u64),
            (AT_MEANINGS, meanings_at as u64),
            (AT_NAMES, names_at as u64),
            (AT_DIRECTORY, directory_at as u64),
            // The generation among the changing words, and the first epoch.
            (AT_EPOCH - 1, layout.born),
            (AT_EPOCH, 1),
        ] {
            put(&mut bytes, at * 8, &value.to_ne_bytes());
        }
        for pair in 0..pairs {
            put(&mut bytes, WORDS_AT + pair * 4, &Word::CALL.bits().to_ne_bytes());
        }
        Ok((layout, bytes))
    }
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), GateError> {
    if found > limit { Err(GateError::TooMany { what, found, limit }) } else { Ok(()) }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// A word of the header; `None` past the end.
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at * 8..at * 8 + 8)?.first_chunk()?;
    Some(u64::from_ne_bytes(*word))
}

/// A word of the header that counts something of which there may be so many.
fn size(bytes: &[u8], at: usize, limit: usize) -> Option<usize> {
    usize::try_from(word(bytes, at)?).ok().filter(|size| *size <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(&str, &str); 3] = [("ads", "oaid"), ("maps", "precise"), ("maps", "wifi")];

    fn page() -> Vec<u8> {
        let contents =
            Contents { id: 5, app: "org.example", user: 7, generation: 3, pairs: &PAIRS };
        Layout::encode(&contents).unwrap().1
    }

    #[test]
    fn a_page_is_read_as_it_was_laid_out() {
        let bytes = page();
        let (layout, directory) = Layout::decode(&bytes).unwrap();
        assert_eq!((layout.id, layout.user, layout.born, layout.pairs), (5, 7, 3, 3));
        assert_eq!(directory.app(), "org.example");
        assert!(directory.pairs().eq(PAIRS));
        assert!(layout.words_at.is_multiple_of(LINE) && layout.meanings_at.is_multiple_of(LINE));
    }

    #[test]
    fn a_page_cut_anywhere_is_none() {
        let bytes = page();
        for len in (0..bytes.len()).step_by(if cfg!(miri) { 97 } else { 1 }) {
            let mut cut = bytes[..len].to_vec();
            assert!(Layout::decode(&cut).is_err(), "{len}");
            // Nor when it says so itself.
            put(&mut cut, AT_LEN * 8, &(len as u64).to_ne_bytes());
            assert!(Layout::decode(&cut).is_err(), "{len}");
        }
    }

    #[test]
    fn no_changed_byte_of_the_header_leads_astray() {
        let bytes = page();
        for at in (0..HEADER * 8).step_by(if cfg!(miri) { 13 } else { 1 }) {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok((layout, directory)) = Layout::decode(&changed) {
                    assert_eq!(layout.pairs, directory.pairs().len());
                    assert!(layout.meanings_at + layout.pairs * SLOTS * 4 <= bytes.len());
                }
            }
        }
    }
}
