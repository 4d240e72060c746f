//! Why the engine did not do what was asked. A denial is not among these: it is an answer.

use crate::ledger::LedgerError;
use crate::store::StoreError;

/// Why a change or an inspection was refused.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No toggle has this id.
    #[error("no toggle `{id}`{hint}; `consentctl toggles` lists them")]
    UnknownToggle {
        /// What was named.
        id: String,
        /// The nearest id, as `; did you mean …?`, or nothing.
        hint: String,
    },
    /// No app has this id.
    #[error("no app `{id}`; `consentctl apps` lists them")]
    UnknownApp {
        /// What was named.
        id: String,
    },
    /// The user has no case with this number.
    #[error("no case `{0}`; `consentctl rights list` lists them")]
    UnknownCase(String),
    /// Too many cases are open.
    #[error("{0} cases are open already; wait until some are answered, or withdraw one")]
    TooManyCases(usize),
    /// The request does not make sense.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The request is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The administrator holds the toggle off.
    #[error("the administrator holds `{toggle}` off; `consentctl unlock {toggle}` lets go of it")]
    Locked {
        /// Which.
        toggle: String,
    },
    /// Only root or the guardian may.
    #[error("{0}: only root or the user's guardian may do that")]
    GuardianOnly(&'static str),
    /// A gate is for declared apps.
    #[error("only a declared app has a gate; install its declaration in apps.d, or ask with Check")]
    Undeclared,
    /// Too many gates.
    #[error(transparent)]
    TooManyGates(#[from] crate::pages::Full),
    /// The memory of a gate that is not the caller's, or is in use.
    #[error("this gate is another app's, or still open; bring the one that was yours")]
    AnothersGate,
    /// The memory of a gate failed.
    #[error("the gate's memory failed: {0}")]
    Gate(#[from] consentd_gate::GateError),
    /// The system gave no random bytes.
    #[error("the system gave no randomness: {0}")]
    NoRandomness(#[source] std::io::Error),
    /// The store cannot be used.
    #[error("the store cannot be used: {0}")]
    StoreUnavailable(String),
    /// The disk did not take a change.
    #[error("the store did not take the change; what it switches off holds all the same: {0}")]
    NotStored(#[source] StoreError),
    /// The ledger cannot be read.
    #[error("the ledger cannot be read: {0}")]
    LedgerUnavailable(String),
    /// The ledger failed.
    #[error("the ledger failed: {0}")]
    Ledger(#[from] LedgerError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// There is no catalogue in force, or a new one was refused.
    #[error("{0}")]
    CatalogUnavailable(String),
}

impl EngineError {
    /// Whether the same may go well another time: what failed is the disk or the system, not what was
    /// asked.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            EngineError::NoRandomness(_)
            | EngineError::StoreUnavailable(_)
            | EngineError::NotStored(_)
            | EngineError::LedgerUnavailable(_)
            | EngineError::Ledger(_)
            | EngineError::Store(_) => true,
            EngineError::UnknownToggle { .. }
            | EngineError::UnknownApp { .. }
            | EngineError::UnknownCase(_)
            | EngineError::TooManyCases(_)
            | EngineError::Invalid(_)
            | EngineError::TooLarge(_)
            | EngineError::Locked { .. }
            | EngineError::GuardianOnly(_)
            | EngineError::Undeclared
            | EngineError::TooManyGates(_)
            | EngineError::AnothersGate
            | EngineError::Gate(_)
            | EngineError::CatalogUnavailable(_) => false,
        }
    }
}

/// What was wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No items.
    #[error("the list of data items is empty; name at least one")]
    NoItems,
    /// One item twice.
    #[error("`{0}` is asked twice; name each item once")]
    Doubled(String),
    /// No changes.
    #[error("the list of changes is empty; name at least one")]
    NoChanges,
    /// One setting twice.
    #[error("`{toggle}` is set twice for the same app; set it once")]
    SetTwice {
        /// Which.
        toggle: String,
    },
    /// Not a country.
    #[error("`{0}` is no country code; use two capital letters of ISO 3166, such as NL")]
    Country(String),
    /// Not a state.
    #[error("`{0}` is no state; use on, off, ask or unset")]
    State(String),
    /// Not a lifetime.
    #[error("`{0}` is no lifetime; use forever, until, boot or once")]
    Lifetime(String),
    /// A lifetime on something else than `on`.
    #[error("a lifetime goes with `on` alone; off, ask and unset hold until they are changed")]
    LifetimeWithoutOn,
    /// `until` without its time.
    #[error("the lifetime `until` needs the option `until`, in Unix seconds; and only it has one")]
    UntilWithoutTime,
    /// A time that is over.
    #[error("the time in `until` is over already")]
    UntilInThePast,
    /// `once` for many.
    #[error("`once` is for one app alone; name the app")]
    OnceForMany,
    /// A button.
    #[error("`{toggle}` is not a switch; it is found under {path}")]
    Action {
        /// Which.
        toggle: String,
        /// Where.
        path: String,
    },
    /// Always on.
    #[error("`{toggle}` is always on: what it covers is needed for the site to work")]
    AlwaysOn {
        /// Which.
        toggle: String,
    },
    /// No app where one is needed.
    #[error(
        "`{toggle}` is set app by app; name an app, or `*` for those without a state of their own"
    )]
    NeedsApp {
        /// Which.
        toggle: String,
    },
    /// An app where none can be.
    #[error("`{toggle}` is one switch for all apps; leave the app empty")]
    NoApp {
        /// Which.
        toggle: String,
    },
    /// Not a host.
    #[error("`{site}` is no site: {why}")]
    Site {
        /// What was named, its beginning at least.
        site: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A site where none can be.
    #[error("`{toggle}` is no category of cookies; `site:HOST` goes with those alone")]
    NoSite {
        /// Which.
        toggle: String,
    },
    /// Neither a cookie, nor local storage, nor a beacon.
    #[error("`{0}` is kept in no way; use cookie, local-storage or beacon")]
    CookieKind(String),
    /// Not a site, where one is needed.
    #[error(
        "`{toggle}` is set site by site: name `site:HOST`, `*`, or leave it empty for all sites"
    )]
    NeedsSite {
        /// Which.
        toggle: String,
    },
    /// Consent for apps not named.
    #[error("nobody consents for apps not named: `*` of `{toggle}` takes off or ask alone")]
    ConsentForOthers {
        /// Which.
        toggle: String,
    },
    /// No such notice.
    #[error("no notice `{0}` is in force; `consentctl catalog list notices` lists them")]
    Notice(String),
    /// Nothing to decline.
    #[error("`{toggle}` is no consent, so no notice asks for it again; switch it off instead")]
    NoConsent {
        /// Which.
        toggle: String,
    },
    /// Not an app that can be reset.
    #[error("name one app; all apps at once cannot be reset")]
    ResetAll,
    /// A correction of nothing.
    #[error("say what is wrong and how it should be: `--text`")]
    NothingStated,
    /// Nobody holds it.
    #[error("no declared app collects that; leave the purpose, the data item or the app out")]
    NobodyCollects,
    /// A case that is over.
    #[error("case {case} is {end} already, and cannot be withdrawn")]
    CaseEnded {
        /// Which.
        case: i64,
        /// How it ended.
        end: &'static str,
    },
    /// A case that returns nothing.
    #[error("there is no report of case {0}: it asks for no copy, or was withdrawn")]
    NoReport(i64),
    /// No such right.
    #[error(
        "`{0}` is no right; use access, rectification, erasure, portability, objection, restriction or automated-decisions"
    )]
    Right(String),
    /// No such purpose.
    #[error("no purpose `{0}`; `consentctl catalog list purposes` lists them")]
    UnknownPurpose(String),
    /// No such data item.
    #[error("no data item `{0}`; `consentctl catalog list data` lists them")]
    UnknownData(String),
    /// No such region.
    #[error("no region `{region}`; use {known}")]
    Region {
        /// What was named.
        region: String,
        /// Those there are.
        known: String,
    },
    /// A breach of nothing.
    #[error("say in `what` what happened")]
    NothingHappened,
    /// A time to come.
    #[error("the time in `{0}` is not over yet")]
    Ahead(&'static str),
    /// Found before it happened.
    #[error("`happened` is after `found`, or a time is before 1970")]
    HappenedLater,
    /// Not a risk.
    #[error("`{0}` is no risk; use unlikely, likely or high")]
    Risk(String),
    /// Not a data item.
    #[error("no data item `{0}`; `consentctl catalog list data` lists them")]
    DataItem(String),
    /// No such breach.
    #[error("no breach `{0}`; `consentctl breach list` lists them")]
    Breach(String),
    /// Neither told nor done.
    #[error("say who was told, or what was done")]
    NothingDone,
    /// Told of what nobody knew.
    #[error("nobody was told before the breach was found")]
    ToldBeforeFound,
    /// Nobody of that name.
    #[error("`{who}` is not to be told of it; to be told: {known}")]
    NobodyToTell {
        /// Who was named.
        who: String,
        /// Who is.
        known: String,
    },
    /// Not a kind of identifier.
    #[error("no kind `{0}`; use oaid, vaid or aaid")]
    IdentifierKind(String),
    /// An app for an OAID.
    #[error("the OAID is one for all of a user's apps; leave the app out")]
    OneForAllApps,
    /// A removal beside something else.
    #[error(
        "`removal` goes alone: it makes the user a minor, and changes nothing else of the profile"
    )]
    RemovalAlone,
    /// No such age band.
    #[error("`{0}` is no age band; use adult or minor")]
    AgeBand(String),
    /// Not a language tag.
    #[error("`{0}` is no language tag; use one such as en or zh-Hans")]
    Language(String),
    /// Not a kind of entries.
    #[error(
        "no kind `{0}`; use data, purposes, toggles, bases, recipients, cookies, regions, notices or never"
    )]
    CatalogKind(String),
}

/// What was too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Items in one check.
    #[error("{0} items in one check; at most 256 go")]
    Items(usize),
    /// Bytes of an id.
    #[error("an id of {0} bytes; at most 128 go")]
    Id(usize),
    /// Cookies in a jar.
    #[error("{0} cookies in one jar; at most 10,000 go, so bring the rest in another")]
    Cookies(usize),
    /// Bytes of a tag.
    #[error("a tag of {0} bytes; at most 64 go")]
    Tag(usize),
    /// Bytes of a text.
    #[error("a text of {0} bytes; at most 4,096 go")]
    Text(usize),
    /// Names in a list.
    #[error("a list of {0} names; at most 1,024 go")]
    Names(usize),
    /// Changes in one set.
    #[error("{0} changes at once; at most 1,024 go")]
    Changes(usize),
}
