//! The errors of the contract, one type for both sides of the bus.

use std::fmt;

use zbus::DBusError;

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// `org.consentd.Error.*`: one name, and one short text that says what is wrong and what to do.
///
/// The daemon returns it from its methods; a client gets the same variant back from a call.
/// Internals stay in the daemon's log.
#[derive(Debug, Clone, DBusError)]
#[zbus(prefix = "org.consentd.Error", impl_display = false)]
pub enum Error {
    /// What the bus or its library reports: no daemon, no reply, no bus.
    #[zbus(error)]
    Bus(zbus::Error),
    /// The catalogue has no such toggle.
    UnknownToggle(String),
    /// No such app is declared, and none was ever seen.
    UnknownApp(String),
    /// There is no such rights case, or it is another user's.
    UnknownCase(String),
    /// There is no such export format.
    UnknownFormat(String),
    /// The caller may not do this: an app, another user, or a lock stands against it.
    NotAuthorized(String),
    /// An argument, an option or an option's type is not what the member takes.
    InvalidArgument(String),
    /// More items, bytes or changes than the contract's limits.
    TooLarge(String),
    /// Too many requests wait already.
    TooManyRequests(String),
    /// The store or the ledger cannot be read or written; nothing was loosened.
    StoreUnavailable(String),
    /// The catalogue on the disk is wrong; the one in force stays.
    CatalogInvalid(String),
    /// This build of the daemon does not do that.
    NotSupported(String),
}

impl Error {
    /// The last part of the error's name, for instance `UnknownToggle`.
    #[must_use]
    pub fn short_name(&self) -> String {
        let name = self.name();
        name.as_str().rsplit('.').next().unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Bus(error) => error.fmt(f),
            Error::UnknownToggle(text)
            | Error::UnknownApp(text)
            | Error::UnknownCase(text)
            | Error::UnknownFormat(text)
            | Error::NotAuthorized(text)
            | Error::InvalidArgument(text)
            | Error::TooLarge(text)
            | Error::TooManyRequests(text)
            | Error::StoreUnavailable(text)
            | Error::CatalogInvalid(text)
            | Error::NotSupported(text) => f.write_str(text),
        }
    }
}
