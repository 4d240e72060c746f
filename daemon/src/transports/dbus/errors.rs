//! The one place where an error gets its form on the bus.

use consentd_dbus::Error;

use crate::authority::Refused;
use crate::engine::{EngineError, PolicyError};
use crate::identity::Unidentified;
use crate::store::StoreError;

/// The wire form of an engine's error: one code and one short text that says what to do.
pub(super) fn wire(error: EngineError) -> Error {
    let text = error.to_string();
    match error {
        EngineError::UnknownToggle { .. } => Error::UnknownToggle(text),
        EngineError::UnknownApp { .. } => Error::UnknownApp(text),
        EngineError::UnknownCase(_) => Error::UnknownCase(text),
        EngineError::Invalid(_) => Error::InvalidArgument(text),
        EngineError::TooLarge(_) => Error::TooLarge(text),
        EngineError::Locked { .. }
        | EngineError::GuardianOnly(_)
        | EngineError::Undeclared
        | EngineError::AnothersGate => Error::NotAuthorized(text),
        EngineError::TooManyGates(_) | EngineError::TooManyCases(_) => Error::TooManyRequests(text),
        EngineError::Gate(_) => {
            tracing::error!(error = text, "a gate was not opened");
            Error::TooManyRequests("the daemon has no memory for a gate; ask with Check".into())
        }
        EngineError::NoRandomness(_) => {
            tracing::error!(error = text, "no secret was drawn");
            Error::StoreUnavailable("the system gave no randomness; see the daemon's log".into())
        }
        EngineError::NotStored(source) => {
            tracing::error!(error = %source, "a change was not stored");
            Error::StoreUnavailable(
                "the disk did not take the change; what it switches off holds all the same, nothing \
                 else of it; free space or mount the disk writable, then try again"
                    .into(),
            )
        }
        EngineError::StoreUnavailable(_) => Error::StoreUnavailable(
            "the store cannot be used and everything is denied; `consentctl status` says why"
                .into(),
        ),
        EngineError::Store(StoreError::UnknownBackup(_)) => Error::InvalidArgument(text),
        EngineError::LedgerUnavailable(_) | EngineError::Ledger(_) | EngineError::Store(_) => {
            tracing::error!(error = text, "an inspection failed");
            Error::StoreUnavailable(
                "the daemon's databases cannot be read; `consentctl status` says why".into(),
            )
        }
        EngineError::CatalogUnavailable(text) => Error::CatalogInvalid(text),
    }
}

/// The wire form of a policy that was not adopted: its text is for whoever wrote the catalogue.
pub(super) fn policy(error: &PolicyError) -> Error {
    tracing::error!(%error, "the catalogue was not taken; the one in force stays");
    match error {
        PolicyError::Store(_) => wire(EngineError::StoreUnavailable(error.to_string())),
        PolicyError::Catalog(_)
        | PolicyError::Apps(_)
        | PolicyError::BrokeOff
        | PolicyError::Uncovers { .. }
        | PolicyError::OlderNotice { .. }
        | PolicyError::TooMany(_) => Error::CatalogInvalid(error.to_string()),
    }
}

pub(super) fn refused(refused: Refused) -> Error {
    Error::NotAuthorized(refused.to_string())
}

pub(super) fn unidentified(why: &Unidentified) -> Error {
    Error::NotAuthorized(format!("the caller cannot be identified: {why}"))
}

/// A message that came from nowhere.
pub(super) fn no_sender() -> Error {
    Error::InvalidArgument("a call without a sender".into())
}
