//! Texts for C: of decisions, which stay, and of errors, which are a thread's own.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::LazyLock;

use consent::{Error, Reason, Refusal};

use crate::border::Fault;

/// By number, each with a zero byte behind it.
static REASONS: LazyLock<Vec<CString>> =
    LazyLock::new(|| Reason::ALL.iter().map(|reason| with_end(reason.wire())).collect());
static REFUSALS: LazyLock<Vec<CString>> = LazyLock::new(|| {
    (0..8).map_while(Refusal::from_code).map(|refusal| with_end(refusal.wire())).collect()
});

thread_local! {
    static LAST: RefCell<(c_int, CString)> = RefCell::default();
}

/// The word of a reason.
pub fn reason(reason: Reason) -> *const c_char {
    word(&REASONS, reason.code())
}

/// The word of a refusal.
pub fn refusal(refusal: Refusal) -> *const c_char {
    word(&REFUSALS, refusal.code())
}

fn word(words: &'static [CString], code: u8) -> *const c_char {
    words.get(usize::from(code)).map_or(c"".as_ptr(), |word| word.as_ptr())
}

/// Keeps what a fault says for this thread; its number.
pub fn remember(fault: &Fault) -> c_int {
    let number = number(fault);
    let text = match fault {
        Fault::Argument(what) => format!("{what}; correct the call"),
        Fault::Consent(error) => error.to_string(),
        Fault::Internal => general(number).to_string_lossy().into_owned(),
    };
    let _thread_ends = LAST
        .try_with(|last| last.try_borrow_mut().map(|mut last| *last = (number, with_end(&text))));
    number
}

/// What a number is: the particulars, if it was this thread's last.
pub fn text(number: c_int) -> *const c_char {
    let particular = LAST.try_with(|last| {
        let last = last.try_borrow().ok()?;
        (last.0 == number && number != 0).then(|| last.1.as_ptr())
    });
    particular.ok().flatten().unwrap_or_else(|| general(number).as_ptr())
}

fn with_end(text: &str) -> CString {
    CString::new(text.replace('\0', "?")).unwrap_or_default()
}

/// The numbers of `consent.h`.
fn number(fault: &Fault) -> c_int {
    match fault {
        Fault::Argument(_) => -1,
        Fault::Internal => -16,
        Fault::Consent(error) => match error {
            Error::Id { .. } => -2,
            Error::TooManyNames { .. } => -3,
            Error::Handle => -4,
            Error::Bus(_) => -5,
            Error::NoDaemon => -6,
            Error::NoReply => -7,
            Error::Closed => -8,
            Error::NotAuthorized(_) => -9,
            Error::InvalidArgument(_) => -10,
            Error::TooLarge(_) => -11,
            Error::TooManyRequests(_) => -12,
            Error::StoreUnavailable(_) | Error::CatalogInvalid(_) => -13,
            Error::Unknown(_) | Error::Gate(_) => -14,
            Error::System { .. } => -15,
            _ => -16,
        },
    }
}

fn general(number: c_int) -> &'static CStr {
    match number {
        0 => c"no error",
        -1 => c"an argument is null, not UTF-8 or too long; correct the call",
        -2 => c"an id is 1 to 128 printable ASCII characters; correct it",
        -3 => c"too many ids were named; name the ones that the app declares, once each",
        -4 => c"the number is of another consent_t; name its id to this one",
        -5 => c"the system bus cannot be reached; is it running?",
        -6 => c"consentd is not running and the bus cannot start it; see consentctl doctor",
        -7 => c"consentd did not answer in time; ask again later",
        -8 => c"it is closed; open another",
        -9 => c"consentd refuses this caller",
        -10 => c"the question is wrong: an item twice, or a word that the context does not take",
        -11 => c"the question is too large; ask for fewer items",
        -12 => c"too many requests wait already; wait for them",
        -13 => c"consentd has no settings or no catalogue; see consentctl doctor",
        -14 => c"consentd and libconsent are of different versions; update the older",
        -15 => c"no memory, thread or descriptor is left; look at the limits",
        -16 => c"libconsent has a fault; please report it",
        _ => c"no error of libconsent's",
    }
}
