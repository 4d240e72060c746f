//! What a page says of names: its app, purposes, data items and pairs, copied out of the memory and
//! checked once. Never looks at the memory again.

use std::ops::Range;

use super::{MAX_ID, MAX_PAIRS};

/// Defines a number of something in a page.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u16);

        impl $name {
            /// The one of this number; `None` where no page can have so many.
            #[must_use]
            pub fn new(number: usize) -> Option<Self> {
                u16::try_from(number).ok().filter(|_| number < MAX_PAIRS).map(Self)
            }

            /// Its number.
            #[inline]
            #[must_use]
            pub const fn number(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index! {
    /// A purpose of a page, by its place among the page's purposes sorted by name.
    PurposeIndex
}
index! {
    /// A data item of a page, by its place among the page's data items sorted by name.
    DataIndex
}
index! {
    /// A pair of a page, by its place among the page's pairs sorted by purpose and data item.
    PairIndex
}

/// The names of a page.
#[derive(Debug)]
pub struct Directory {
    app: Box<str>,
    purposes: Box<[Box<str>]>,
    items: Box<[Box<str>]>,
    pairs: Box<[(PurposeIndex, DataIndex)]>,
    /// An open hash table, at most half full: the pair's number + 1 below its key, or 0.
    places: Box<[u64]>,
}

impl Directory {
    /// The app whose page it is.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The purposes, sorted by name.
    pub fn purposes(&self) -> impl ExactSizeIterator<Item = &str> {
        self.purposes.iter().map(AsRef::as_ref)
    }

    /// The data items, sorted by name.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(AsRef::as_ref)
    }

    /// The pairs as (purpose, data item), in the order of [`PairIndex`].
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(purpose, data)| (name(&self.purposes, purpose.0), name(&self.items, data.0)))
    }

    /// The purpose of this name; `None` if no declared pair has it.
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<PurposeIndex> {
        PurposeIndex::new(self.purposes.binary_search_by(|held| held.as_ref().cmp(name)).ok()?)
    }

    /// The data item of this name; `None` if no declared pair has it.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<DataIndex> {
        DataIndex::new(self.items.binary_search_by(|held| held.as_ref().cmp(name)).ok()?)
    }

    /// The pair of a purpose and a data item of this page; `None` if it is not declared.
    #[inline]
    #[must_use]
    pub fn pair(&self, purpose: PurposeIndex, data: DataIndex) -> Option<PairIndex> {
        let key = key(purpose, data);
        let mask = self.places.len().wrapping_sub(1);
        let mut at = spread(key);
        // Half of the places are empty, so this ends.
        loop {
            let place = *self.places.get(at & mask)?;
            if place >> 32 == u64::from(key) && place != 0 {
                let [low, high, ..] = place.to_le_bytes();
                return Some(PairIndex(u16::from_le_bytes([low, high]).wrapping_sub(1)));
            }
            if place == 0 {
                return None;
            }
            at = at.wrapping_add(1);
        }
    }

    /// The names and ids of (purpose, data item) of a pair; `None` if the page has no such pair.
    #[must_use]
    pub fn names(&self, pair: PairIndex) -> Option<(&str, &str)> {
        let (purpose, data) = self.pairs.get(pair.number())?;
        Some((name(&self.purposes, purpose.0), name(&self.items, data.0)))
    }

    /// Reads the names and pairs of a page; what is wrong with them otherwise.
    pub(super) fn decode(
        names: &[u8],
        pairs: &[u8],
        purpose_count: usize,
        item_count: usize,
    ) -> Result<Self, &'static str> {
        let mut rest = names;
        let app = take_name(&mut rest)?;
        let purposes = take_sorted(&mut rest, purpose_count)?;
        let items = take_sorted(&mut rest, item_count)?;
        let mut numbers = Vec::with_capacity(pairs.len() / PAIR_LEN);
        for pair in pairs.chunks_exact(PAIR_LEN) {
            let &[a, b, c, d] = pair else { return Err("a pair is cut off") };
            let (purpose, data) = (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]));
            if usize::from(purpose) >= purpose_count || usize::from(data) >= item_count {
                return Err("a pair has a purpose or data item that is not there");
            }
            let pair = (PurposeIndex(purpose), DataIndex(data));
            if numbers.last().is_some_and(|last| *last >= pair) {
                return Err("its pairs are not sorted");
            }
            numbers.push(pair);
        }
        let places = places(&numbers);
        Ok(Self { app, purposes, items, pairs: numbers.into(), places })
    }
}

/// The bytes of a pair in the page.
pub(super) const PAIR_LEN: usize = 4;

/// Whether a page can hold this id.
pub(super) fn is_id(id: &[u8]) -> bool {
    (1..=MAX_ID).contains(&id.len()) && id.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn name(names: &[Box<str>], number: u16) -> &str {
    names.get(usize::from(number)).map_or("", AsRef::as_ref)
}

fn take(rest: &mut &[u8], range: Range<usize>) -> Result<Box<[u8]>, &'static str> {
    let taken = rest.get(range.clone()).ok_or("its names are cut off")?.into();
    *rest = rest.get(range.end..).unwrap_or_default();
    Ok(taken)
}

fn take_name(rest: &mut &[u8]) -> Result<Box<str>, &'static str> {
    let len = usize::from(*rest.first().ok_or("its names are cut off")?);
    let bytes = take(rest, 1..1 + len)?;
    if !is_id(&bytes) {
        return Err("a name is not 1 to 128 printable characters");
    }
    String::from_utf8(bytes.into()).map(Into::into).map_err(|_| "a name is no text")
}

fn take_sorted(rest: &mut &[u8], count: usize) -> Result<Box<[Box<str>]>, &'static str> {
    let mut names: Vec<Box<str>> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = take_name(rest)?;
        if names.last().is_some_and(|last| *last >= name) {
            return Err("its names are not sorted");
        }
        names.push(name);
    }
    Ok(names.into())
}

fn key(purpose: PurposeIndex, data: DataIndex) -> u32 {
    u32::from(purpose.0) << 16 | u32::from(data.0)
}

/// Spreads neighbouring keys over a table (Fibonacci hashing).
fn spread(key: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b9) >> 15) as usize
}

fn places(pairs: &[(PurposeIndex, DataIndex)]) -> Box<[u64]> {
    let mut places = vec![0; (pairs.len() * 2).next_power_of_two().max(2)];
    let mask = places.len() - 1;
    for (&(purpose, data), number) in pairs.iter().zip(1..) {
        let key = key(purpose, data);
        let mut at = spread(key) & mask;
        while places[at] != 0 {
            at = (at + 1) & mask;
        }
        places[at] = u64::from(key) << 32 | number;
    }
    places.into()
}
