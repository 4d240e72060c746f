//! What becomes an exception, and which: a failure's class says what a caller can do, its message what is
//! wrong.

use std::any::Any;

use jni::Env;
use jni::errors::ErrorPolicy;
use jni::jni_str;
use jni::strings::{JNIStr, JNIString};
use thiserror::Error;

/// Why a native has no answer.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("this Consent is closed; open another")]
    Closed,
    #[error("two thousand million Consents were opened; keep one instead")]
    TooMany,
    #[error("{0}")]
    Argument(&'static str),
    #[error(transparent)]
    Client(#[from] consent::Error),
    #[error(
        "no thread of the library's own can wait for answers: {0}; look at the limits of threads"
    )]
    Wait(#[source] std::io::Error),
    #[error("the JVM refused: {0}")]
    Java(#[from] jni::errors::Error),
}

impl Failure {
    fn class(&self) -> &'static JNIStr {
        use consent::Error;
        match self {
            Failure::Closed | Failure::Client(Error::Closed) => CLOSED,
            Failure::Argument(_) => INVALID,
            Failure::TooMany | Failure::Wait(_) | Failure::Java(_) => BASE,
            Failure::Client(
                Error::Id { .. }
                | Error::TooManyNames { .. }
                | Error::Handle
                | Error::InvalidArgument(_)
                | Error::TooLarge(_)
                | Error::Gate(_),
            ) => INVALID,
            Failure::Client(
                Error::Bus(_)
                | Error::NoDaemon
                | Error::NoReply
                | Error::StoreUnavailable(_)
                | Error::CatalogInvalid(_),
            ) => UNAVAILABLE,
            Failure::Client(Error::NotAuthorized(_)) => NOT_AUTHORIZED,
            Failure::Client(Error::TooManyRequests(_)) => TOO_MANY,
            // The client library may come to fail in more ways; the message says how.
            Failure::Client(_) => BASE,
        }
    }

    /// The message with what is behind it: Java shows no source of ours.
    fn text(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            source = error.source();
        }
        text
    }
}

const BASE: &JNIStr = jni_str!("org/consentd/ConsentException");
const CLOSED: &JNIStr = jni_str!("org/consentd/ClosedException");
const INVALID: &JNIStr = jni_str!("org/consentd/InvalidArgumentException");
const UNAVAILABLE: &JNIStr = jni_str!("org/consentd/DaemonUnavailableException");
const NOT_AUTHORIZED: &JNIStr = jni_str!("org/consentd/NotAuthorizedException");
const TOO_MANY: &JNIStr = jni_str!("org/consentd/TooManyRequestsException");
const NATIVE: &JNIStr = jni_str!("org/consentd/NativeFailureException");

/// Throws what failed. An exception that Java has thrown already stays the one.
pub(crate) enum Throw {}

impl<T: Default> ErrorPolicy<T, Failure> for Throw {
    type Captures<'local: 'native, 'native> = ();

    fn on_error<'local: 'native, 'native>(
        env: &mut Env<'local>,
        (): &mut (),
        failure: Failure,
    ) -> jni::errors::Result<T> {
        throw(env, failure.class(), &failure.text());
        Ok(T::default())
    }

    fn on_panic<'local: 'native, 'native>(
        env: &mut Env<'local>,
        (): &mut (),
        payload: Box<dyn Any + Send + 'static>,
    ) -> jni::errors::Result<T> {
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let said = said.unwrap_or("and said nothing");
        throw(env, NATIVE, &format!("the native library panicked: {said}; nothing was allowed"));
        Ok(T::default())
    }
}

fn throw(env: &mut Env<'_>, class: &JNIStr, message: &str) {
    if !env.exception_check() {
        // It reports the exception that it threw; what else it could report, nobody could be told.
        let _thrown = env.throw_new(class, JNIString::from(message));
    }
}
