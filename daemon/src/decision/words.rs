//! The words of an answer, as they stand on the wire (contract: Wire values).

use std::fmt;

use crate::catalog::Basis;

/// What an app hears about one data item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It may collect.
    Allow,
    /// It may not.
    Deny,
    /// It may not now; a prompt may change that.
    Ask,
}

impl Decision {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
            Decision::Ask => "ask",
        }
    }
}

/// Defines [`Reason`]: each with its word, its decision, and what it means to a person.
macro_rules! reasons {
    ($($name:ident $decision:ident $word:literal $meaning:literal;)*) => {
        /// Why a decision is what it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)*
        }

        impl Reason {
            /// All of them, in the contract's order.
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// The word on the wire.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Reason::$name => $word,)* }
            }

            /// The decision it goes with.
            #[must_use]
            pub fn decision(self) -> Decision {
                match self { $(Reason::$name => Decision::$decision,)* }
            }

            /// What it means, in words.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$name => $meaning,)* }
            }
        }
    };
}

reasons! {
    Consented Allow "consented" "the user consented";
    Contract Allow "contract" "it is needed for a service the user asked for";
    LegalObligation Allow "legal-obligation" "a law requires it";
    LegitimateInterest Allow "legitimate-interest" "it serves a legitimate interest that the policy lists";
    NotSet Ask "not-set" "the user has not decided yet";
    NoticeChanged Ask "notice-changed" "it is newer than the notice the user agreed to";
    Unidentified Deny "unidentified" "the caller cannot be identified as an app";
    InsufficientTrust Deny "insufficient-trust" "the caller's identity is not proven well enough for this item";
    UnknownPurpose Deny "unknown-purpose" "the catalogue has no such purpose";
    UnknownData Deny "unknown-data" "the catalogue has no such data item";
    Forbidden Deny "forbidden" "the policy rules it out, whatever the user chose";
    Undeclared Deny "undeclared" "the app did not declare that it collects this for this purpose";
    RequirementNotMet Deny "requirement-not-met" "the purpose or the recipient asks for more than the app declared";
    Minor Deny "minor" "the purpose is closed to minors";
    Objected Deny "objected" "the user objected";
    Restricted Deny "restricted" "the user had the processing restricted";
    Isolated Deny "isolated" "the data is kept for a law alone";
    BasisNotPermitted Deny "basis-not-permitted" "the legal basis does not hold for this purpose in this region";
    RecipientNotDeclared Deny "recipient-not-declared" "the app did not declare this recipient";
    TransferNotPermitted Deny "transfer-not-permitted" "the data may not go to that country";
    InsecureDestination Deny "insecure-destination" "the destination is not declared to use TLS";
    Locked Deny "locked" "the administrator holds it off";
    ToggleOff Deny "toggle-off" "a switch that covers it is off";
    NoticeDeclined Deny "notice-declined" "the user declined the notice that brought it";
    Refused Deny "refused" "the user refused just now";
    TimedOut Deny "timed-out" "nobody answered the prompt in time";
    NoAgent Deny "no-agent" "there is nothing to show a prompt with";
    TooManyRefusals Deny "too-many-refusals" "the user refused twice; the setting has to be changed in Settings";
    StoreUnavailable Deny "store-unavailable" "the daemon's store cannot be used";
    CatalogUnavailable Deny "catalog-unavailable" "the daemon has no valid catalogue";
    DaemonUnavailable Deny "daemon-unavailable" "the daemon cannot be reached";
    Essential Allow "essential" "the site does not work without it";
    Unlisted Deny "unlisted" "the policy lists no such cookie on this domain";
    CategoryOff Deny "category-off" "its category is not switched on for this site";
}

impl From<Basis> for Reason {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Consent => Reason::Consented,
            Basis::Contract => Reason::Contract,
            Basis::LegalObligation => Reason::LegalObligation,
            Basis::LegitimateInterest => Reason::LegitimateInterest,
        }
    }
}

/// What a refused collector uses instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// It is not refused.
    NotRefused,
    /// The all-zero UUID.
    ZeroUuid,
    /// An empty list.
    Empty,
    /// Nothing.
    None,
    /// The approximate counterpart, which is allowed.
    Approximate,
}

impl Refusal {
    /// The word on the wire; empty when allowed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Refusal::NotRefused => "",
            Refusal::ZeroUuid => "zero-uuid",
            Refusal::Empty => "empty",
            Refusal::None => "none",
            Refusal::Approximate => "approximate",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
