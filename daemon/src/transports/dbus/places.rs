//! So many at once for each user, and no more: nobody takes what the daemon has for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consentd_dbus::Error;

/// Places for one kind of work, counted by user.
#[derive(Debug)]
pub(super) struct Places {
    each: usize,
    /// What waits or runs, for the error.
    what: &'static str,
    taken: Mutex<HashMap<u32, usize>>,
}

impl Places {
    /// `each` places for every user.
    pub fn new(each: usize, what: &'static str) -> Arc<Self> {
        Arc::new(Self { each, what, taken: Mutex::default() })
    }

    /// A place for one more of a user's.
    pub fn take(self: &Arc<Self>, uid: u32) -> Result<Place, Error> {
        let mut places = self.lock();
        let taken = places.entry(uid).or_insert(0);
        if *taken >= self.each {
            return Err(Error::TooManyRequests(format!(
                "{} {} of this user are open already; let one end first",
                self.each, self.what
            )));
        }
        *taken += 1;
        Ok(Place { places: Arc::clone(self), uid })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        if let Some(taken) = places.get_mut(&self.uid) {
            *taken -= 1;
            if *taken == 0 {
                places.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_so_many_places_and_gets_them_back() {
        let places = Places::new(2, "questions");
        let first = places.take(1000).unwrap();
        let _second = places.take(1000).unwrap();
        assert!(matches!(places.take(1000), Err(Error::TooManyRequests(_))));
        let other = places.take(1001).unwrap();
        drop(first);
        let _third = places.take(1000).unwrap();
        drop(other);
        assert_eq!(places.lock().len(), 1, "who has none is forgotten");
    }
}
