//! The hot path: one check by numbers, without a JNIEnv. It takes no lock, allocates nothing and waits for
//! nothing once a thread has met a `Consent`.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use consent::{Consent, DataItem, Decision, Purpose};

use crate::opened;

/// Only the daemon can answer: Java asks again where it may wait.
pub(crate) const CALL: i32 = -1;

/// What is answered where nothing is known: the bits of deny, `daemon-unavailable`.
const UNAVAILABLE: i32 = Decision::UNAVAILABLE.bits() as i32;

thread_local! {
    /// The `Consent` that this thread asked last. One that is closed denies by itself.
    static LAST: RefCell<Option<(i32, Consent)>> = const { RefCell::new(None) };
}

/// A decision's bits, or [`CALL`]. Numbers of nobody deny. A panic denies.
#[inline]
pub(crate) fn check(consent: i32, purpose: i32, data: i32) -> i32 {
    without_panic(|| look(consent, purpose, data))
}

/// Denies in place of a panic.
#[inline]
pub(crate) fn without_panic(check: impl FnOnce() -> i32) -> i32 {
    // What a panic leaves behind is looked at by nobody: the thread's own entry, in a cell that is then
    // still borrowed, which leads to the cold way.
    catch_unwind(AssertUnwindSafe(check)).unwrap_or(UNAVAILABLE)
}

#[inline]
fn look(consent: i32, purpose: i32, data: i32) -> i32 {
    let found = LAST.try_with(|last| match &*last.try_borrow().ok()? {
        Some((number, last)) if *number == consent => Some(ask(last, purpose, data)),
        Some(_) | None => None,
    });
    match found {
        Ok(Some(bits)) => bits,
        Ok(None) | Err(_) => meet(consent, purpose, data),
    }
}

/// The first check of a thread, or the first of another `Consent`.
#[cold]
fn meet(number: i32, purpose: i32, data: i32) -> i32 {
    let Ok(opened) = opened::find(number) else { return UNAVAILABLE };
    let bits = ask(&opened.consent, purpose, data);
    // A thread that ends keeps nothing more.
    let _ended = LAST.try_with(|last| {
        if let Ok(mut last) = last.try_borrow_mut() {
            *last = Some((number, opened.consent.clone()));
        }
    });
    bits
}

#[inline]
fn ask(consent: &Consent, purpose: i32, data: i32) -> i32 {
    consent.try_check(handle::purpose(purpose), handle::data(data)).map_or(CALL, bits)
}

/// A decision as Java has it.
#[inline]
pub(crate) fn bits(decision: Decision) -> i32 {
    i32::from(decision.bits())
}

/// Handles by the numbers that Java has. Those that were never given out are no handle of any `Consent`.
pub(crate) mod handle {
    use super::{DataItem, Purpose};

    #[inline]
    pub(crate) const fn purpose(number: i32) -> Purpose {
        Purpose::from_number(number.cast_unsigned())
    }

    #[inline]
    pub(crate) const fn data(number: i32) -> DataItem {
        DataItem::from_number(number.cast_unsigned())
    }
}
