//! What others' tools read: the policy and a user's consents in the forms that their publishers define.
//!
//! Pure functions from the catalogue, the declarations and rows to JSON. Nothing here reads the store,
//! looks at a clock, or decides anything.

pub mod consent;
pub mod cookies;
pub mod dpv;
pub mod fides;
pub mod kantara;

use std::collections::BTreeSet;

use crate::apps::Recipient;
use crate::catalog::Catalog;

/// A form that is one JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// What the apps declare, as a manifest of fides (fideslang 3.1).
    Fides,
    /// The listed cookies, as device-storage disclosures of IAB Europe.
    Cookies,
    /// A receipt for each consent of the user's, as Kantara's specification 1.1 has it.
    Kantara,
    /// A record of each consent of the user's after ISO/IEC TS 27560, in DPV 2.3.
    Dpv,
}

impl Document {
    /// All of them.
    pub const ALL: [Document; 4] =
        [Document::Fides, Document::Cookies, Document::Kantara, Document::Dpv];

    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Document::Fides => "fides",
            Document::Cookies => "cookies",
            Document::Kantara => "kantara",
            Document::Dpv => "dpv",
        }
    }

    /// The document of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.word() == word)
    }
}

/// What a recipient is called.
fn recipient_name<'a>(catalog: &'a Catalog, recipient: &'a Recipient) -> &'a str {
    match recipient {
        Recipient::Known(known) => &catalog.recipients[*known].name,
        Recipient::Sdk { name, .. } => name,
    }
}

/// Each once, in order.
fn each_once<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    words.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}
