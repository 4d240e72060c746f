//! Ids as small numbers, given out once and for ever. No lock is taken, so that a child that fork made
//! finds its parent's names whole whatever the parent was doing.

use std::sync::OnceLock;

use consentd_gate::page::MAX_ID;

use crate::error::Error;

/// How many purposes, and how many data items, one `Consent` has handles for.
pub const MAX_NAMES: usize = 1024;
const CHUNK: usize = 64;
/// The lower half of a handle's number is its place in the table; the upper says whose table: the tag.
/// Tags go from 1 to so many, so that the number is positive to those who have signed ones.
const MAX_TAG: u32 = (1 << 15) - 1;

/// The tag of the so-manieth `Consent`; after 32,767 they come again.
pub const fn tag(nth: u32) -> u32 {
    (nth % MAX_TAG + 1) << 16
}

/// Defines a handle.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(u32);

        impl $name {
            pub(crate) const fn new(tag: u32, place: usize) -> Self {
                // Places end at MAX_NAMES.
                #[allow(clippy::cast_possible_truncation, reason = "see above")]
                let place = place as u32;
                Self(tag | place)
            }

            /// Its number, from 1, below 2³¹: for other languages.
            #[inline]
            #[must_use]
            pub const fn number(self) -> u32 {
                self.0
            }

            /// The handle of a number. One that was never given denies wherever it is used.
            #[inline]
            #[must_use]
            pub const fn from_number(number: u32) -> Self {
                Self(number)
            }

            /// Its place in the table of this tag; past every table's end if it is another's.
            #[inline]
            pub(crate) const fn place(self, tag: u32) -> usize {
                self.0.wrapping_sub(tag) as usize
            }
        }
    };
}

handle! {
    /// A purpose, by [`Consent::purpose`](crate::Consent::purpose). Of use with that `Consent` alone,
    /// for as long as the process lives and in its children.
    Purpose
}
handle! {
    /// A data item, by [`Consent::data`](crate::Consent::data). Of use with that `Consent` alone, for as
    /// long as the process lives and in its children.
    DataItem
}

/// The names of one `Consent`.
#[derive(Debug, Default)]
pub struct Names {
    pub purposes: Table,
    pub items: Table,
}

impl Names {
    /// The same names for a child.
    pub fn copy(&self) -> Self {
        Self { purposes: self.purposes.copy(), items: self.items.copy() }
    }
}

/// Names in the order in which they came.
#[derive(Debug, Default)]
pub struct Table {
    first: Box<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    slots: [OnceLock<Box<str>>; CHUNK],
    next: OnceLock<Box<Chunk>>,
}

impl Default for Chunk {
    fn default() -> Self {
        Self { slots: [const { OnceLock::new() }; CHUNK], next: OnceLock::new() }
    }
}

impl Table {
    /// The place of a name, a new one if need be.
    pub fn place(&self, id: &str, what: &'static str) -> Result<usize, Error> {
        let printable = id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !printable || !(1..=MAX_ID).contains(&id.len()) {
            return Err(Error::Id { id: id.chars().take(MAX_ID).collect() });
        }
        let mut chunk = &self.first;
        for from in (0..MAX_NAMES).step_by(CHUNK) {
            for (at, slot) in chunk.slots.iter().enumerate() {
                // Whoever comes first fills it; who finds another name there goes on.
                if **slot.get_or_init(|| id.into()) == *id {
                    return Ok(from + at);
                }
            }
            chunk = chunk.next.get_or_init(Box::default);
        }
        Err(Error::TooManyNames { what })
    }

    /// The name at a place.
    pub fn get(&self, place: usize) -> Option<&str> {
        if place >= MAX_NAMES {
            return None;
        }
        let mut chunk = &self.first;
        for _ in 0..place / CHUNK {
            chunk = chunk.next.get()?;
        }
        chunk.slots.get(place % CHUNK)?.get().map(AsRef::as_ref)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(&self.first), |chunk| chunk.next.get())
            .flat_map(|chunk| &chunk.slots)
            .map_while(|slot| slot.get().map(AsRef::as_ref))
    }

    fn copy(&self) -> Self {
        let copy = Self::default();
        let mut chunk = &copy.first;
        let names: Vec<&str> = self.iter().collect();
        for (number, names) in names.chunks(CHUNK).enumerate() {
            if number > 0 {
                chunk = chunk.next.get_or_init(Box::default);
            }
            for (slot, name) in chunk.slots.iter().zip(names) {
                slot.get_or_init(|| (*name).into());
            }
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_place() {
        let table = Table::default();
        for number in 0..MAX_NAMES {
            assert_eq!(table.place(&format!("item.{number}"), "items").unwrap(), number);
        }
        assert_eq!(table.place("item.700", "items").unwrap(), 700);
        assert_eq!(table.get(700), Some("item.700"));
        assert_eq!(table.get(MAX_NAMES), None);
        assert!(matches!(table.place("one more", "items"), Err(Error::TooManyNames { .. })));
        assert!(table.copy().iter().eq(table.iter()));
        assert_eq!(table.iter().count(), MAX_NAMES);
    }

    #[test]
    fn threads_that_name_the_same_get_the_same() {
        let table = Table::default();
        let names: Vec<String> = (0..200).map(|number| format!("item.{number}")).collect();
        let place = || names.iter().map(|name| table.place(name, "items").unwrap()).collect();
        let [one, two]: [Vec<usize>; 2] = std::thread::scope(|threads| {
            [(); 2].map(|()| threads.spawn(place)).map(|thread| thread.join().unwrap())
        });
        assert_eq!(one, two);
        assert_eq!(table.iter().count(), 200);
    }

    #[test]
    fn what_no_catalogue_can_have_is_refused() {
        let table = Table::default();
        for id in ["", "a\n", "gerät", &"x".repeat(129)] {
            assert!(matches!(table.place(id, "items"), Err(Error::Id { .. })), "{id}");
        }
        assert_eq!(table.place(&"x".repeat(128), "items").unwrap(), 0);
    }

    #[test]
    fn a_handle_of_another_is_at_no_place() {
        let ours = Purpose::new(tag(7), 3);
        assert_eq!(ours.place(tag(7)), 3);
        assert!(ours.place(tag(6)) >= MAX_NAMES);
        assert!(ours.place(tag(8)) >= MAX_NAMES);
        assert!(Purpose::from_number(0).place(tag(0)) >= MAX_NAMES);
        assert_eq!(Purpose::from_number(ours.number()), ours);
        assert!(Purpose::new(tag(MAX_TAG - 1), MAX_NAMES).number() <= i32::MAX.unsigned_abs());
    }
}
