//! What crosses the border, looked at before it is used; and what does not: panics.

#![allow(unsafe_code, reason = "C gives addresses")]

use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use consent::{DataItem, Error};

use crate::words::remember;

/// The most items of one question.
const MOST: usize = 256;

/// What a function of C returns instead.
#[derive(Debug)]
pub enum Fault {
    /// A null pointer, or what no argument can be.
    Argument(&'static str),
    /// What the library says.
    Consent(Error),
    /// A panic.
    Internal,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Fault::Consent(error)
    }
}

/// Runs what a function does; a fault is remembered for `consent_strerror`, and its number given.
pub fn guarded(run: impl FnOnce() -> Result<c_int, Fault>) -> c_int {
    match catch_unwind(AssertUnwindSafe(run)).unwrap_or(Err(Fault::Internal)) {
        Ok(value) => value,
        Err(fault) => remember(&fault),
    }
}

/// What a pointer of C's points to.
///
/// # Safety
/// It is null, or points to a `T` that lives as long as it is used and that nobody changes meanwhile.
pub unsafe fn as_ref<'a, T>(pointer: *const T) -> Result<&'a T, Fault> {
    // SAFETY: as the caller says.
    unsafe { pointer.as_ref() }.ok_or(Fault::Argument("a pointer is null"))
}

/// A text of C's.
///
/// # Safety
/// It is null, or ends with a zero byte, and nobody changes it while it is used.
pub unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, Fault> {
    if pointer.is_null() {
        return Err(Fault::Argument("a text is null"));
    }
    // SAFETY: as the caller says.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Fault::Argument("a text is not UTF-8"))
}

/// Items of C's.
///
/// # Safety
/// It is null, or points to `count` numbers that nobody changes while they are used.
pub unsafe fn items(pointer: *const c_int, count: usize) -> Result<Vec<DataItem>, Fault> {
    count_of(count)?;
    if pointer.is_null() {
        return Err(Fault::Argument("the items are null"));
    }
    // SAFETY: as the caller says; the count is small.
    let numbers = unsafe { slice::from_raw_parts(pointer, count) };
    Ok(numbers.iter().map(|number| DataItem::from_number(number.cast_unsigned())).collect())
}

/// Room that C gives for `count` values, filled with one.
///
/// # Safety
/// It is null, or points to room for `count` values that only this function's caller uses meanwhile.
pub unsafe fn out<'a, T: Copy>(
    pointer: *mut T,
    count: usize,
    value: T,
) -> Result<&'a mut [T], Fault> {
    count_of(count)?;
    if pointer.is_null() {
        return Err(Fault::Argument("the room for what is returned is null"));
    }
    for place in 0..count {
        // SAFETY: it is inside of the room, as the caller says, which may hold anything before.
        unsafe { pointer.add(place).write(value) };
    }
    // SAFETY: as the caller says, and all of it has a value now.
    Ok(unsafe { slice::from_raw_parts_mut(pointer, count) })
}

/// Refuses counts that no question has, which could be no room's either.
pub fn count_of(count: usize) -> Result<(), Fault> {
    if count > MOST { Err(Fault::Argument("more than 256 items")) } else { Ok(()) }
}
