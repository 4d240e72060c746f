//! Small numbers for names that are stored a hundred thousand times.
//!
//! A number belongs to its name for the life of the store; catalogue and declarations may come and go.

use std::num::NonZeroU16;

/// An app's number. Two of them stand for many apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppKey(pub u32);

/// All apps together: `""` on the wire.
pub const ALL_APPS: AppKey = AppKey(0);
/// Apps without a state of their own: `"*"` on the wire.
pub const OTHER_APPS: AppKey = AppKey(1);

/// A toggle's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToggleKey(pub u16);

impl ToggleKey {
    /// The least.
    pub const MIN: ToggleKey = ToggleKey(0);
    /// The greatest.
    pub const MAX: ToggleKey = ToggleKey(u16::MAX);
}

/// A notice's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeKey(pub NonZeroU16);

/// Names and their numbers, both ways; each name is held once.
#[derive(Debug, Default)]
pub struct Names {
    /// By number.
    names: Vec<(u32, Box<str>)>,
    /// Numbers, by their names.
    by_name: Vec<u32>,
    next: u32,
}

impl Names {
    /// Takes a name that has its number already, from the store.
    pub fn insert(&mut self, number: u32, name: Box<str>) {
        self.next = self.next.max(number.saturating_add(1));
        if let Some(old) = self.name(number)
            && let Ok(position) = self.position(old)
            && self.by_name[position] == number
        {
            self.by_name.remove(position);
        }
        match self.position(&name) {
            Ok(position) => self.by_name[position] = number,
            Err(position) => self.by_name.insert(position, number),
        }
        match self.names.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(position) => self.names[position].1 = name,
            Err(position) => self.names.insert(position, (number, name)),
        }
    }

    /// The number of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.position(name).ok().map(|position| self.by_name[position])
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&str> {
        let position = self.names.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(&self.names[position].1)
    }

    /// The number of a name, a new one if it has none yet; and whether it is new.
    pub fn number(&mut self, name: &str) -> (u32, bool) {
        if let Some(number) = self.find(name) {
            return (number, false);
        }
        let number = self.next;
        self.insert(number, name.into());
        (number, true)
    }

    /// The highest number that a name has.
    #[must_use]
    pub fn highest(&self) -> u32 {
        self.next.saturating_sub(1)
    }

    /// All numbers with their names, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.names.iter().map(|(number, name)| (*number, &**name))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.by_name.binary_search_by(|number| self.name(*number).cmp(&Some(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        let mut names = Names::default();
        for (number, name) in [(0, ""), (7, "m"), (3, "z"), (9, "a"), (0, ""), (3, "y")] {
            names.insert(number, name.into());
        }
        let all: Vec<_> = names.iter().collect();
        assert_eq!(all, [(0, ""), (3, "y"), (7, "m"), (9, "a")]);
        for (number, name) in all {
            assert_eq!((names.find(name), names.name(number)), (Some(number), Some(name)));
        }
        assert_eq!((names.find("z"), names.name(4)), (None, None));
        assert_eq!(names.number("m"), (7, false));
        assert_eq!((names.number("b"), names.number("b")), ((10, true), (10, false)));
    }
}
