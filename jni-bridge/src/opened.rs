//! What a number of Java's stands for. Numbers are given once: that of a closed `Consent` is nobody's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consent::Consent;

use crate::events::Events;
use crate::failure::Failure;

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

fn table() -> MutexGuard<'static, Table> {
    // Whoever panicked left it whole: each change is one insertion or removal.
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a number to a `Consent`.
pub(crate) fn add(consent: Consent) -> Result<i32, Failure> {
    let mut table = table();
    let number = table.last.checked_add(1).ok_or(Failure::TooMany)?;
    table.last = number;
    table.opened.insert(number, Arc::new(Opened { events: Events::new(consent.clone()), consent }));
    Ok(number)
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
