//! The client library for C: `include/consent.h` is its documentation. Every function here is the border
//! alone: pointers looked at, panics caught, numbers for words. It decides nothing and asks nothing
//! itself.

#![allow(unsafe_code, reason = "C's names and C's pointers")]

mod border;
mod words;

use std::ffi::{c_char, c_int, c_uint};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::catch_unwind;
use std::ptr::null_mut;
use std::sync::OnceLock;
use std::time::Duration;

use consent::{Changed, Consent, Context, DataItem, Decision, Error, Outcome, Purpose};

use border::{Fault, as_ref, guarded, items, out, text};

/// `consent_t`. Never freed: what comes after `consent_close` finds it closed, not gone.
#[derive(Debug)]
pub struct Handle {
    consent: Consent,
    changed: OnceLock<Changed>,
}

/// `consent_context_t`.
#[repr(C)]
#[derive(Debug)]
pub struct Said {
    size: usize,
    recipient: *const c_char,
    destination: *const c_char,
    tag: *const c_char,
    secure: c_int,
    deidentified: c_int,
    deadline: c_uint,
}

/// See `consent.h`.
///
/// # Safety
/// `out` is null or has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_open(out: *mut *mut Handle) -> c_int {
    // SAFETY: as the caller says.
    guarded(|| unsafe { opened(out, Consent::open) })
}

/// See `consent.h`.
///
/// # Safety
/// `address` is null or a text, `out` is null or has room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_open_at(address: *const c_char, out: *mut *mut Handle) -> c_int {
    guarded(|| {
        // SAFETY: as the caller says.
        unsafe {
            let open = || Consent::open_at(text(address).unwrap_or_default());
            match text(address) {
                Ok(_) => opened(out, open),
                Err(fault) => opened(out, || Err(Error::Closed)).and(Err(fault)),
            }
        }
    })
}

/// # Safety
/// As `consent_open`.
unsafe fn opened(
    room: *mut *mut Handle,
    open: impl FnOnce() -> Result<Consent, Error>,
) -> Result<c_int, Fault> {
    // SAFETY: as the caller says.
    let room = unsafe { out(room, 1, null_mut()) }?;
    let handle = Handle { consent: open()?, changed: OnceLock::new() };
    room.fill(Box::into_raw(Box::new(handle)));
    Ok(0)
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_close(consent: *mut Handle) {
    guarded(|| {
        if !consent.is_null() {
            // SAFETY: as the caller says; it is never freed.
            unsafe { as_ref(consent) }?.consent.close();
        }
        Ok(0)
    });
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`, `id` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_purpose(consent: *mut Handle, id: *const c_char) -> c_int {
    guarded(|| {
        // SAFETY: as the caller says.
        let (handle, id) = unsafe { (as_ref(consent)?, text(id)?) };
        Ok(handle.consent.purpose(id)?.number().cast_signed())
    })
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`, `id` is null or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_data(consent: *mut Handle, id: *const c_char) -> c_int {
    guarded(|| {
        // SAFETY: as the caller says.
        let (handle, id) = unsafe { (as_ref(consent)?, text(id)?) };
        Ok(handle.consent.data(id)?.number().cast_signed())
    })
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_check(consent: *const Handle, purpose: c_int, data: c_int) -> u32 {
    // SAFETY: as the caller says; it is never freed.
    let Some(handle) = (unsafe { consent.as_ref() }) else { return 0 };
    let (purpose, data) = (purpose.cast_unsigned(), data.cast_unsigned());
    let (purpose, data) = (Purpose::from_number(purpose), DataItem::from_number(data));
    catch_unwind(|| handle.consent.check(purpose, data).bits().into()).unwrap_or(0)
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`; `data` is null or has `count` numbers, `decisions` is
/// null or room for as many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_check_all(
    consent: *const Handle,
    purpose: c_int,
    data: *const c_int,
    count: usize,
    decisions: *mut u32,
) -> c_int {
    let ask = |consent: &Consent, purpose, data: &[DataItem]| Ok(consent.check_all(purpose, data));
    // SAFETY: as the caller says.
    guarded(|| unsafe { asked(consent, purpose, data, count, decisions, ask) })
}

/// See `consent.h`.
///
/// # Safety
/// As `consent_check_all`; and `context` is null or a context whose texts are texts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_check_with(
    consent: *const Handle,
    purpose: c_int,
    data: *const c_int,
    count: usize,
    context: *const Said,
    decisions: *mut u32,
) -> c_int {
    let ask = |consent: &Consent, purpose, data: &[DataItem]| {
        // SAFETY: as the caller says.
        Ok(consent.check_with(purpose, data, &unsafe { said(context) }?)?)
    };
    // SAFETY: as the caller says.
    guarded(|| unsafe { asked(consent, purpose, data, count, decisions, ask) })
}

/// See `consent.h`.
///
/// # Safety
/// As `consent_check_with`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_request(
    consent: *const Handle,
    purpose: c_int,
    data: *const c_int,
    count: usize,
    context: *const Said,
    decisions: *mut u32,
) -> c_int {
    let ask = |consent: &Consent, purpose, data: &[DataItem]| {
        // SAFETY: as the caller says.
        Ok(consent.request_blocking(purpose, data, &unsafe { said(context) }?)?)
    };
    // SAFETY: as the caller says.
    guarded(|| unsafe { asked(consent, purpose, data, count, decisions, ask) })
}

/// # Safety
/// As `consent_check_all`.
unsafe fn asked(
    consent: *const Handle,
    purpose: c_int,
    data: *const c_int,
    count: usize,
    decisions: *mut u32,
    ask: impl FnOnce(&Consent, Purpose, &[DataItem]) -> Result<Vec<Decision>, Fault>,
) -> Result<c_int, Fault> {
    // SAFETY: as the caller says. What was there before is denied in any case.
    let (decisions, handle, data) =
        unsafe { (out(decisions, count, 0)?, as_ref(consent)?, items(data, count)?) };
    let answers = ask(&handle.consent, Purpose::from_number(purpose.cast_unsigned()), &data)?;
    for (decision, answer) in decisions.iter_mut().zip(answers) {
        *decision = answer.bits().into();
    }
    Ok(0)
}

/// # Safety
/// `context` is null, or a context whose texts are null or texts.
unsafe fn said(context: *const Said) -> Result<Context, Fault> {
    let mut said = Context::new();
    // SAFETY: as the caller says.
    let Some(context) = (unsafe { context.as_ref() }) else { return Ok(said) };
    if ![0, size_of::<Said>()].contains(&context.size) {
        return Err(Fault::Argument("the context is another version's"));
    }
    let word = |pointer: *const c_char| {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: as the caller says.
        unsafe { text(pointer) }.map(Some)
    };
    if let Some(recipient) = word(context.recipient)? {
        said = said.recipient(recipient);
    }
    if let Some(destination) = word(context.destination)? {
        said = said.destination(destination);
    }
    if let Some(tag) = word(context.tag)? {
        said = said.tag(tag);
    }
    if context.secure != 0 {
        said = said.secure(context.secure > 0);
    }
    if context.deidentified != 0 {
        said = said.deidentified(context.deidentified > 0);
    }
    if context.deadline != 0 {
        said = said.deadline(Duration::from_secs(context.deadline.into()));
    }
    Ok(said)
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_changed_fd(consent: *mut Handle) -> c_int {
    // SAFETY: as the caller says.
    guarded(|| Ok(changed(unsafe { as_ref(consent) }?)?.as_fd().as_raw_fd()))
}

/// See `consent.h`.
///
/// # Safety
/// `consent` is null or came from `consent_open`; `generation` is null or has room for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn consent_changed_read(consent: *mut Handle, generation: *mut u64) -> c_int {
    guarded(|| {
        // SAFETY: as the caller says.
        let Some(newest) = changed(unsafe { as_ref(consent) }?)?.read() else { return Ok(0) };
        if !generation.is_null() {
            // SAFETY: as the caller says.
            unsafe { out(generation, 1, newest) }?;
        }
        Ok(1)
    })
}

fn changed(handle: &Handle) -> Result<&Changed, Error> {
    if let Some(changed) = handle.changed.get() {
        return Ok(changed);
    }
    let changed = handle.consent.changed()?;
    Ok(handle.changed.get_or_init(|| changed))
}

/// See `consent.h`.
#[unsafe(no_mangle)]
pub extern "C" fn consent_is_allowed(decision: u32) -> c_int {
    read(decision).is_allowed().into()
}

/// See `consent.h`.
#[unsafe(no_mangle)]
pub extern "C" fn consent_decision(decision: u32) -> c_int {
    match read(decision).outcome() {
        Outcome::Deny => 0,
        Outcome::Allow => 1,
        Outcome::Ask => 2,
    }
}

/// See `consent.h`.
#[unsafe(no_mangle)]
pub extern "C" fn consent_reason(decision: u32) -> *const c_char {
    words::reason(read(decision).reason())
}

/// See `consent.h`.
#[unsafe(no_mangle)]
pub extern "C" fn consent_refusal(decision: u32) -> *const c_char {
    words::refusal(read(decision).refusal())
}

/// See `consent.h`.
#[unsafe(no_mangle)]
pub extern "C" fn consent_strerror(error: c_int) -> *const c_char {
    words::text(error)
}

fn read(decision: u32) -> Decision {
    u16::try_from(decision).map_or(Decision::UNAVAILABLE, Decision::from_bits)
}
