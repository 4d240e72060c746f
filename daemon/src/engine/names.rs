//! Small numbers for names that are stored a hundred thousand times.
//!
//! A number belongs to its name for the life of the store; catalogue and declarations may come and go.

use std::collections::HashMap;
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

/// Names and their numbers, both ways.
#[derive(Debug, Default)]
pub struct Names {
    by_name: HashMap<Box<str>, u32>,
    by_number: HashMap<u32, Box<str>>,
    next: u32,
}

impl Names {
    /// Takes a name that has its number already, from the store.
    pub fn insert(&mut self, number: u32, name: Box<str>) {
        self.next = self.next.max(number.saturating_add(1));
        self.by_number.insert(number, name.clone());
        self.by_name.insert(name, number);
    }

    /// The number of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The name of a number.
    #[must_use]
    pub fn name(&self, number: u32) -> Option<&str> {
        self.by_number.get(&number).map(|name| &**name)
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

    /// All numbers with their names, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.by_number.iter().map(|(number, name)| (*number, &**name))
    }
}
