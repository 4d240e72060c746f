//! What a number of Java's stands for. Numbers are given once: that of a closed `Consent` is nobody's.
//!
//! The first ones of a process stand in a table that is read without a lock and for ever, closed or not: a
//! closed `Consent` denies by itself, and what is left of it is some kilobytes. An app opens one, or a few.
//! Whoever opens one after the other has the later ones behind a lock, and they are gone when closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use consent::Consent;

use crate::events::Events;
use crate::failure::Failure;

/// How many are never forgotten.
const FIRST: usize = 256;

/// A `Consent` that Java opened.
pub(crate) struct Opened {
    pub(crate) consent: Consent,
    pub(crate) events: Events,
}

struct Table {
    last: i32,
    opened: BTreeMap<i32, Arc<Opened>>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { last: 0, opened: BTreeMap::new() });

/// By number; nobody has 0.
static FIRST_ONES: [OnceLock<Consent>; FIRST] = [const { OnceLock::new() }; FIRST];

fn table() -> MutexGuard<'static, Table> {
    // Whoever panicked left it whole: each change is one insertion or removal.
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a number to a `Consent`.
pub(crate) fn add(consent: Consent) -> Result<i32, Failure> {
    let mut table = table();
    let number = table.last.checked_add(1).ok_or(Failure::TooMany)?;
    table.last = number;
    if let Some(first) = usize::try_from(number).ok().and_then(|at| FIRST_ONES.get(at)) {
        // Numbers are given once: it is empty.
        let _set = first.set(consent.clone());
    }
    table.opened.insert(number, Arc::new(Opened { events: Events::new(consent.clone()), consent }));
    Ok(number)
}

/// The `Consent` of a number without a lock, if it is one of the first; closed maybe.
#[inline]
pub(crate) fn find_first(number: i32) -> Option<&'static Consent> {
    FIRST_ONES.get(usize::try_from(number).ok()?)?.get()
}

/// What a number stands for.
pub(crate) fn find(number: i32) -> Result<Arc<Opened>, Failure> {
    table().opened.get(&number).cloned().ok_or(Failure::Closed)
}

/// Closes it, if nobody did before.
pub(crate) fn close(number: i32) {
    let opened = table().opened.remove(&number);
    if let Some(opened) = opened {
        // First, so that what waits hears that it is closed, and not what that comes to.
        opened.events.close();
        opened.consent.close();
    }
}
