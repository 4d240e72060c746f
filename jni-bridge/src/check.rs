//! The hot path: one check by numbers, without a JNIEnv. It takes no lock, allocates nothing and waits for
//! nothing, once a thread has met the `Consent`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use consent::{Consent, DataItem, Decision, Purpose};

use crate::opened;

/// Only the daemon can answer: Java asks again where it may wait.
pub(crate) const CALL: i32 = -1;

/// What is answered where nothing is known: the bits of deny, `daemon-unavailable`.
const UNAVAILABLE: i32 = Decision::UNAVAILABLE.bits() as i32;

/// A decision's bits, or [`CALL`]. Numbers of nobody deny. A panic denies.
#[inline(always)]
pub(crate) fn check(consent: i32, purpose: i32, data: i32) -> i32 {
    without_panic(|| match opened::find_first(consent) {
        Some(consent) => ask(consent, purpose, data),
        None => look_farther(consent, purpose, data),
    })
}

/// Denies in place of a panic.
#[inline(always)]
pub(crate) fn without_panic(check: impl FnOnce() -> i32) -> i32 {
    // The client library is made so that a panic leaves nothing half done that another check looks at.
    catch_unwind(AssertUnwindSafe(check)).unwrap_or(UNAVAILABLE)
}

/// For whoever opened hundreds, or has a number of nobody.
#[cold]
fn look_farther(number: i32, purpose: i32, data: i32) -> i32 {
    opened::find(number).map_or(UNAVAILABLE, |opened| ask(&opened.consent, purpose, data))
}

#[inline(always)]
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
