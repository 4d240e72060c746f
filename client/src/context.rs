//! What an app may add to a question. A context can only tighten an answer.

use std::collections::HashMap;
use std::time::Duration;

use zbus::Variant;

/// Said with a question ([`check_with`](crate::Consent::check_with),
/// [`request`](crate::Consent::request)). Empty, it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Context {
    recipient: Option<String>,
    destination: Option<String>,
    secure: Option<bool>,
    deidentified: Option<bool>,
    tag: Option<String>,
    deadline: Option<u32>,
    user: Option<u32>,
}

impl Context {
    /// Says nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Who gets the data: one of the recipients that the app declares.
    pub fn recipient(mut self, recipient: impl Into<String>) -> Self {
        self.recipient = Some(recipient.into());
        self
    }

    /// The country where it goes (ISO 3166), one that the app declares.
    pub fn destination(mut self, country: impl Into<String>) -> Self {
        self.destination = Some(country.into());
        self
    }

    /// Whether it travels encrypted.
    pub fn secure(mut self, secure: bool) -> Self {
        self.secure = Some(secure);
        self
    }

    /// Whether it was de-identified before.
    pub fn deidentified(mut self, deidentified: bool) -> Self {
        self.deidentified = Some(deidentified);
        self
    }

    /// Kept in the record: 64 bytes at most.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// How long a request waits for the user: whole seconds, 1 to 120, 20 if not said.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(u32::try_from(deadline.as_secs()).unwrap_or(u32::MAX));
        self
    }

    /// For whom a service asks. Only a caller with a system user of its own may say it.
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// How long a request waits, in seconds.
    pub(crate) fn patience(&self) -> Duration {
        let seconds = self.deadline.unwrap_or(consentd_dbus::names::DEFAULT_DEADLINE_SECONDS);
        Duration::from_secs(seconds.min(consentd_dbus::names::MAX_DEADLINE_SECONDS).into())
    }

    /// As it goes over the bus.
    pub(crate) fn wire(&self) -> HashMap<&'static str, Variant<'_>> {
        let text = |text: &'_ Option<String>| text.clone().map(Variant::from);
        [
            ("recipient", text(&self.recipient)),
            ("destination", text(&self.destination)),
            ("secure", self.secure.map(Variant::from)),
            ("deidentified", self.deidentified.map(Variant::from)),
            ("tag", text(&self.tag)),
            ("deadline", self.deadline.map(Variant::from)),
            ("user", self.user.map(Variant::from)),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
    }
}
