//! How often holders register and are called, so that one that floods or hangs takes nothing from the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use consentd_dbus::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::holders::{Whose, lock};

/// Calls to holders under way, of all apps.
const AT_ONCE: usize = 8;
/// Of a user's app.
const AT_ONCE_OF_APP: usize = 2;
/// How often an app may register in that time: each time it is handed what waits.
const REGISTRATIONS: u32 = 8;
const PER: Duration = Duration::from_secs(60);

/// Who registered lately, and who is called now.
pub(super) struct Pace {
    /// When an app registered first in a while, and how often since.
    recently: Mutex<HashMap<Whose, (Instant, u32)>>,
    calls: Arc<Semaphore>,
    calls_of: Mutex<HashMap<(u32, String), Arc<Semaphore>>>,
}

/// The right to call a user's app now.
pub(super) struct Turn {
    _of_app: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            recently: Mutex::default(),
            calls: Arc::new(Semaphore::new(AT_ONCE)),
            calls_of: Mutex::default(),
        }
    }
}

impl Pace {
    /// Counts a registration.
    ///
    /// # Errors
    /// It is one too many.
    pub(super) fn admit(&self, whose: &Whose) -> Result<()> {
        let mut recently = lock(&self.recently);
        recently.retain(|_, (first, _)| first.elapsed() < PER);
        let (_, times) = recently.entry(whose.clone()).or_insert_with(|| (Instant::now(), 0));
        *times = times.saturating_add(1);
        if *times <= REGISTRATIONS {
            return Ok(());
        }
        Err(Error::TooManyRequests(format!(
            "this app registered {REGISTRATIONS} times within a minute; register once, and stay on the bus"
        )))
    }

    /// Waits until a user's app may be called.
    pub(super) async fn turn(&self, user: u32, app: &str) -> Option<Turn> {
        let whose = (user, app.to_owned());
        let of_app = {
            let mut calls_of = lock(&self.calls_of);
            // Whoever waits or calls holds one.
            calls_of.retain(|known, calls| *known == whose || Arc::strong_count(calls) > 1);
            let calls = calls_of.entry(whose);
            Arc::clone(calls.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_OF_APP))))
        };
        let _of_app = of_app.acquire_owned().await.ok()?;
        let _of_all = Arc::clone(&self.calls).acquire_owned().await.ok()?;
        Some(Turn { _of_app, _of_all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    }

    #[test]
    fn an_app_that_registers_ever_again_is_refused_and_another_is_not() {
        let pace = Pace::default();
        let (hasty, other) = ((Some(1_000), "hasty".to_owned()), (None, "hasty".to_owned()));
        for _ in 0..REGISTRATIONS {
            pace.admit(&hasty).unwrap();
        }
        for _ in 0..2 {
            assert!(matches!(pace.admit(&hasty), Err(Error::TooManyRequests(_))));
        }
        pace.admit(&other).unwrap();
    }

    #[test]
    fn one_that_hangs_takes_its_own_turns_alone() {
        block_on(async {
            let pace = Pace::default();
            // The first look at a future comes before its time is over, and these need no second.
            let now = async |user, app| {
                tokio::time::timeout(Duration::ZERO, pace.turn(user, app)).await.ok().flatten()
            };
            let mut hanging = Vec::new();
            for _ in 0..AT_ONCE_OF_APP {
                hanging.push(now(1_000, "hangs").await.unwrap());
            }
            assert!(now(1_000, "hangs").await.is_none());
            assert!(now(1_001, "hangs").await.is_some(), "another person's does not wait for it");
            assert!(now(1_000, "good").await.is_some());
            hanging.pop();
            assert!(now(1_000, "hangs").await.is_some());
            let mut all = hanging;
            for app in ["a", "b", "c", "d", "e", "f", "g"] {
                all.push(now(1_000, app).await.unwrap());
            }
            assert_eq!(all.len(), AT_ONCE);
            assert!(now(1_000, "one more").await.is_none(), "all together are so many");
            drop(all);
            assert!(now(1_000, "one more").await.is_some());
            assert_eq!(lock(&pace.calls_of).len(), 1, "who is gone is forgotten");
        });
    }
}
