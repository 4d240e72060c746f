//! What a line of the ledger says.

use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::decision::Reason;

/// One answered item, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Unix seconds.
    pub at: i64,
    /// Whose settings answered.
    pub user: u32,
    /// The caller's app; empty if it was not identified.
    pub app: &'a str,
    /// The caller's trust; empty if it was not identified.
    pub trust: &'static str,
    /// What it was asked for.
    pub purpose: &'a str,
    /// What was asked for.
    pub data: &'a str,
    /// The answer.
    pub reason: Reason,
    /// The caller's own word about it.
    pub tag: &'a str,
    /// How often it was answered so, at least once.
    pub times: u64,
    /// Which usage memory it was counted in, if the app's own library answered from a page.
    pub usage: Option<u64>,
}

impl<'a> Record<'a> {
    /// What makes it the same row as others of a minute.
    pub(super) fn body(&self, minute: i64) -> Body<'a> {
        Body {
            minute,
            user: self.user,
            app: self.app,
            trust: self.trust,
            purpose: self.purpose,
            data: self.data,
            decision: self.reason.decision().word(),
            reason: self.reason.word(),
            tag: self.tag,
            usage: self.usage,
        }
    }

    /// Whether a caller can have made the ids up: those that the catalogue has are few, and each keeps a
    /// row of its own, whatever else the caller asks.
    pub(super) fn may_be_invented(&self) -> bool {
        // Any host can be named as a site, whatever the answer.
        self.purpose.starts_with(consentd_dbus::names::SITE_PREFIX) || self.is_about_unknown()
    }

    fn is_about_unknown(&self) -> bool {
        match self.reason {
            Reason::Unidentified
            | Reason::InsufficientTrust
            | Reason::UnknownPurpose
            | Reason::UnknownData
            | Reason::StoreUnavailable
            | Reason::CatalogUnavailable
            | Reason::DaemonUnavailable => true,
            Reason::Consented
            | Reason::Contract
            | Reason::LegalObligation
            | Reason::LegitimateInterest
            | Reason::NotSet
            | Reason::NoticeChanged
            | Reason::Forbidden
            | Reason::Undeclared
            | Reason::RequirementNotMet
            | Reason::Minor
            | Reason::Objected
            | Reason::Restricted
            | Reason::Isolated
            | Reason::BasisNotPermitted
            | Reason::RecipientNotDeclared
            | Reason::TransferNotPermitted
            | Reason::InsecureDestination
            | Reason::Locked
            | Reason::ToggleOff
            | Reason::NoticeDeclined
            | Reason::Refused
            | Reason::TimedOut
            | Reason::NoAgent
            | Reason::TooManyRefusals
            | Reason::Essential
            | Reason::Unlisted
            | Reason::CategoryOff => false,
        }
    }
}

/// What happened to a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It was set.
    Set,
    /// The app was made as if new.
    Reset,
    /// The app was removed.
    Forget,
    /// An allowance ended.
    Expired,
    /// An allowance for one time was used.
    Consumed,
    /// The administrator holds it off.
    Lock,
    /// The administrator let go of it.
    Unlock,
    /// The profile changed.
    Profile,
    /// A new catalogue handed an off to a toggle's successor.
    Catalog,
    /// An identifier was reset: `state` says of which kind.
    IdentifierReset,
    /// A right was exercised that holds from then on.
    Right,
    /// It was lifted.
    RightLifted,
    /// A case was opened: `state` says which.
    CaseOpened,
    /// It ended.
    CaseEnded,
    /// What a notice brought was declined.
    Decline,
}

impl What {
    /// All of them.
    pub const ALL: [What; 15] = [
        What::Set,
        What::Reset,
        What::Forget,
        What::Expired,
        What::Consumed,
        What::Lock,
        What::Unlock,
        What::Profile,
        What::Catalog,
        What::IdentifierReset,
        What::Right,
        What::RightLifted,
        What::CaseOpened,
        What::CaseEnded,
        What::Decline,
    ];

    /// The word on the wire and in the ledger.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            What::Set => "set",
            What::Reset => "reset",
            What::Forget => "forget",
            What::Expired => "expired",
            What::Consumed => "consumed",
            What::Lock => "lock",
            What::Unlock => "unlock",
            What::Profile => "profile",
            What::Catalog => "catalog",
            What::IdentifierReset => "identifier-reset",
            What::Right => "right",
            What::RightLifted => "right-lifted",
            What::CaseOpened => "case-opened",
            What::CaseEnded => "case-ended",
            What::Decline => "decline",
        }
    }
}

/// One change of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The change it belongs to.
    pub generation: u64,
    /// Its place among the events of that change.
    pub ordinal: u32,
    /// Unix seconds.
    pub at: i64,
    /// Whose; none for everybody.
    pub user: Option<u32>,
    /// What happened.
    pub what: What,
    /// To which toggle.
    pub toggle: Option<String>,
    /// For which app; `""` is all.
    pub app: Option<String>,
    /// `on`, `off`, `ask`, `unset`; for a profile what was set; for an identifier its kind; for a right
    /// and a case which.
    pub state: Option<String>,
    /// How long it holds.
    pub lifetime: Option<String>,
    /// Unix seconds.
    pub until: Option<i64>,
    /// How it was chosen.
    pub by: Option<String>,
    /// The notice consented to.
    pub notice: Option<String>,
}

/// One line, as it is read: a row of records or an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Line {
    /// What an app asked, and how often in that minute.
    Record {
        /// Place in the order of events.
        seq: i64,
        /// The first time, Unix seconds.
        at: i64,
        /// The last time, Unix seconds.
        last: i64,
        /// Whose settings answered.
        user: u32,
        /// The caller's app; empty if it was not identified.
        app: String,
        /// The caller's trust.
        trust: String,
        /// For what.
        purpose: String,
        /// What.
        data: String,
        /// The answer.
        decision: String,
        /// Why.
        reason: String,
        /// The caller's own word about it.
        #[serde(skip_serializing_if = "String::is_empty")]
        tag: String,
        /// How often.
        count: u64,
        /// Who counted it: the `daemon`, or the app's own library, `client`.
        source: &'static str,
    },
    /// What was changed.
    Setting {
        /// Place in the order of events.
        seq: i64,
        /// The event.
        #[serde(flatten)]
        event: Event,
    },
}

/// Who counted a record.
pub(super) fn source(by_app: bool) -> &'static str {
    if by_app { "client" } else { "daemon" }
}

impl Line {
    /// A row of the minute that is still open.
    pub(super) fn open(seq: i64, at: i64, last: i64, count: u32, body: &Body<'_>) -> Self {
        Line::Record {
            seq,
            at,
            last,
            user: body.user,
            app: body.app.into(),
            trust: body.trust.into(),
            purpose: body.purpose.into(),
            data: body.data.into(),
            decision: body.decision.into(),
            reason: body.reason.into(),
            tag: body.tag.into(),
            count: count.into(),
            source: source(body.usage.is_some()),
        }
    }

    /// Its place in the order of events.
    #[must_use]
    pub fn seq(&self) -> i64 {
        match self {
            Line::Record { seq, .. } | Line::Setting { seq, .. } => *seq,
        }
    }
}
