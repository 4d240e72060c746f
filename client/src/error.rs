//! What can go wrong besides a denial, and what to do about it. A denial is a decision, never one of
//! these.

use std::io;

use consentd_gate::GateError;
use thiserror::Error;

use crate::names::MAX_NAMES;

/// Why there is no [`Consent`](crate::Consent), no handle, or no answer to a question that was wrong.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// An id that no catalogue can have.
    #[error("the id {id:?} is not 1 to 128 printable ASCII characters; correct it")]
    Id {
        /// The id.
        id: String,
    },
    /// A handle for every id that came along.
    #[error(
        "more than {MAX_NAMES} {what} were named; name the ones that the app declares, once each"
    )]
    TooManyNames {
        /// Purposes or data items.
        what: &'static str,
    },
    /// A handle that this `Consent` did not give.
    #[error("the handle is of another Consent; name its id to this one")]
    Handle,
    /// No bus is there, or it hung up.
    #[error(
        "the system bus cannot be reached; is it running, and is DBUS_SYSTEM_BUS_ADDRESS right?"
    )]
    Bus(#[source] zbus::Error),
    /// The bus is there and consentd is not.
    #[error("consentd is not running and the bus cannot start it; see `consentctl doctor`")]
    NoDaemon,
    /// No answer came in time.
    #[error("consentd did not answer in time; ask again later")]
    NoReply,
    /// It has been closed, or is a child's whose parent closed it.
    #[error("this Consent is closed; open another")]
    Closed,
    /// The daemon refuses this caller.
    #[error("{0}")]
    NotAuthorized(String),
    /// The question itself is wrong: an empty list, an item twice, a word the context does not take.
    #[error("{0}")]
    InvalidArgument(String),
    /// More items or bytes than the contract's limits.
    #[error("{0}")]
    TooLarge(String),
    /// Too many requests wait, or gates are open, already.
    #[error("{0}")]
    TooManyRequests(String),
    /// The daemon's store cannot be read.
    #[error("{0}")]
    StoreUnavailable(String),
    /// The daemon's catalogue cannot be read.
    #[error("{0}")]
    CatalogInvalid(String),
    /// The daemon is another version's.
    #[error("consentd answered what this library does not know: {0}; update the older of the two")]
    Unknown(String),
    /// The memory that the daemon shared is of no use.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The kernel gives no thread or no descriptor.
    #[error("cannot {doing}; look at the limits of threads and open files")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

impl From<consentd_dbus::Error> for Error {
    fn from(error: consentd_dbus::Error) -> Self {
        use consentd_dbus::Error as Wire;
        match error {
            Wire::Bus(error) => error.into(),
            Wire::NotAuthorized(text) => Error::NotAuthorized(text),
            Wire::InvalidArgument(text) => Error::InvalidArgument(text),
            Wire::TooLarge(text) => Error::TooLarge(text),
            Wire::TooManyRequests(text) => Error::TooManyRequests(text),
            Wire::StoreUnavailable(text) => Error::StoreUnavailable(text),
            Wire::CatalogInvalid(text) => Error::CatalogInvalid(text),
            Wire::UnknownToggle(text)
            | Wire::UnknownApp(text)
            | Wire::UnknownCase(text)
            | Wire::UnknownFormat(text)
            | Wire::NotSupported(text) => Error::Unknown(text),
        }
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        let zbus::Error::MethodError(name, text, _) = &error else {
            return Error::Bus(error);
        };
        match name.as_str().strip_prefix("org.freedesktop.DBus.Error.") {
            Some("ServiceUnknown" | "NameHasNoOwner") => Error::NoDaemon,
            Some(name) if name.starts_with("Spawn.") => Error::NoDaemon,
            Some("NoReply" | "Timeout" | "TimedOut") => Error::NoReply,
            Some("AccessDenied") => {
                Error::NotAuthorized(format!("the bus lets this process not ask: {error}"))
            }
            Some(_) | None => {
                Error::Unknown(format!("{name} {}", text.as_deref().unwrap_or_default()))
            }
        }
    }
}

/// Gives the kernel's refusal the words of what was tried.
pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Error {
    move |source| Error::System { doing, source: source.into() }
}
