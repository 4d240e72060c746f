//! Lasting states, close together: a phone has a hundred thousand of them, and they stay in memory.
//!
//! An ordered map from [`Key`] to [`Entry`], in sorted runs of at most `FULL` rows. It holds; what
//! the states come to is said elsewhere.

use std::collections::BTreeMap;

use super::names::{AppKey, ToggleKey};
use super::settings::{Entry, Key};

/// The most rows of a run. A change moves no more than one run, however many there are.
const FULL: usize = 128;

/// A row without its user, in 22 bytes: padding would cost another two of each.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed(2))]
struct Row {
    app: AppKey,
    toggle: ToggleKey,
    entry: Entry,
}

impl Row {
    fn place(&self) -> (AppKey, ToggleKey) {
        (self.app, self.toggle)
    }

    fn key(&self, user: u32) -> Key {
        Key { user, app: self.app, toggle: self.toggle }
    }
}

/// The lasting states of all users.
#[derive(Debug, Default)]
pub struct Entries {
    /// Sorted rows of one user, none empty, by a key that is not above their first and above the last
    /// of the run before. A user's first run has the least key of all.
    runs: BTreeMap<Key, Vec<Row>>,
}

impl Entries {
    /// The state of a row.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Entry> {
        let (at, run) = self.runs.range(..=key).next_back()?;
        if at.user != key.user {
            return None;
        }
        find(run, key).ok().map(|position| run[position].entry)
    }

    /// Sets the state of a row; the fastest for rows in order.
    pub fn insert(&mut self, key: Key, entry: Entry) {
        let row = Row { app: key.app, toggle: key.toggle, entry };
        // Rows in order come to the last run's end: nothing is searched.
        if let Some(mut last) = self.runs.last_entry()
            && last.key().user == key.user
            && last.get().last().is_some_and(|last| last.place() < row.place())
            && last.get().len() < FULL
        {
            last.get_mut().push(row);
            return;
        }
        let held = self.runs.range_mut(..=key).next_back().filter(|(at, _)| at.user == key.user);
        let Some((_, run)) = held else {
            self.runs.insert(first_of(key.user), vec![row]);
            return;
        };
        let position = match find(run, &key) {
            Ok(position) => {
                run[position] = row;
                return;
            }
            Err(position) => position,
        };
        if run.len() < FULL {
            run.insert(position, row);
            return;
        }
        // Rows that come in order, as from the store, leave full runs behind.
        let middle = if position == FULL { FULL } else { FULL / 2 };
        let mut upper = run.split_off(middle);
        run.shrink_to_fit();
        match position.checked_sub(middle) {
            Some(above) => upper.insert(above, row),
            None => run.insert(position, row),
        }
        if let Some(first) = upper.first() {
            self.runs.insert(first.key(key.user), upper);
        }
    }

    /// Removes a row, if it is there.
    pub fn remove(&mut self, key: &Key) {
        let held = self.runs.range_mut(..=key).next_back().filter(|(at, _)| at.user == key.user);
        let Some((&at, run)) = held else { return };
        if let Ok(position) = find(run, key) {
            run.remove(position);
            run.shrink_to(run.len() * 2);
            if run.is_empty() {
                self.runs.remove(&at);
            }
        }
    }

    /// All rows, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (Key, Entry)> {
        self.runs.iter().flat_map(|(at, run)| rows(at.user, run))
    }

    /// The rows of one user's app, in the toggles' order.
    pub fn of_app(&self, user: u32, app: AppKey) -> impl Iterator<Item = (Key, Entry)> {
        let least = Key { user, app, toggle: ToggleKey::MIN };
        let greatest = Key { toggle: ToggleKey::MAX, ..least };
        // The run before the first that begins with the app may end with it.
        let before = self.runs.range(..least).next_back().filter(|(at, _)| at.user == user);
        before.into_iter().chain(self.runs.range(least..=greatest)).flat_map(move |(_, run)| {
            let from = run.partition_point(|row| row.place() < (app, ToggleKey::MIN));
            let to = run.partition_point(|row| row.place() <= (app, ToggleKey::MAX));
            rows(user, &run[from..to])
        })
    }
}

impl Extend<(Key, Entry)> for Entries {
    fn extend<T: IntoIterator<Item = (Key, Entry)>>(&mut self, rows: T) {
        rows.into_iter().for_each(|(key, entry)| self.insert(key, entry));
    }
}

impl FromIterator<(Key, Entry)> for Entries {
    fn from_iter<T: IntoIterator<Item = (Key, Entry)>>(rows: T) -> Self {
        let mut entries = Entries::default();
        entries.extend(rows);
        entries
    }
}

fn first_of(user: u32) -> Key {
    Key { user, app: AppKey(0), toggle: ToggleKey::MIN }
}

fn find(run: &[Row], key: &Key) -> Result<usize, usize> {
    run.binary_search_by_key(&(key.app, key.toggle), Row::place)
}

fn rows(user: u32, run: &[Row]) -> impl Iterator<Item = (Key, Entry)> {
    run.iter().map(move |row| (row.key(user), row.entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::State;
    use crate::engine::settings::By;
    use proptest::prelude::*;

    fn entry(generation: u64) -> Entry {
        Entry { generation, at: 7, notice: None, state: State::Off, by: By::Shell }
    }

    fn key(user: u32, app: u32, toggle: u16) -> Key {
        Key { user, app: AppKey(app), toggle: ToggleKey(toggle) }
    }

    #[test]
    fn a_row_takes_22_bytes() {
        assert_eq!(size_of::<Row>(), 22);
    }

    #[test]
    fn rows_in_order_leave_no_run_half_full() {
        let rows = (0..10).flat_map(|user| (0..1000).map(move |app| (key(user, app, 3), entry(1))));
        let entries: Entries = rows.collect();
        assert_eq!(entries.runs.len(), 10 * 1000_usize.div_ceil(FULL));
        assert!(entries.runs.values().all(|run| run.capacity() <= FULL));
        assert_eq!(entries.iter().count(), 10_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Few apps, so that runs split, empty and are searched at their edges.
        #[test]
        fn it_is_an_ordered_map(
            changes in prop::collection::vec(
                (0_u32..3, 0_u32..40, 0_u16..20, prop::option::weighted(0.7, any::<u64>())),
                0..1500,
            ),
            ascending in any::<bool>(),
        ) {
            let mut changes = changes;
            if ascending {
                changes.sort_by_key(|(user, app, toggle, _)| (*user, *app, *toggle));
            }
            let mut map = BTreeMap::new();
            let mut entries = Entries::default();
            for (user, app, toggle, generation) in changes {
                let key = key(user, app, toggle);
                match generation {
                    Some(generation) => {
                        map.insert(key, entry(generation));
                        entries.insert(key, entry(generation));
                    }
                    None => {
                        map.remove(&key);
                        entries.remove(&key);
                    }
                }
            }
            prop_assert!(entries.iter().eq(map.iter().map(|(key, entry)| (*key, *entry))));
            prop_assert!(entries.runs.values().all(|run| !run.is_empty() && run.len() <= FULL));
            for user in 0..3 {
                for app in 0..40 {
                    for toggle in 0..20 {
                        let key = key(user, app, toggle);
                        prop_assert_eq!(entries.get(&key), map.get(&key).copied());
                    }
                    let of_app = map.iter().filter(|(key, _)| key.user == user && key.app.0 == app);
                    let of_app = of_app.map(|(key, entry)| (*key, *entry));
                    prop_assert!(entries.of_app(user, AppKey(app)).eq(of_app));
                }
            }
        }
    }
}
