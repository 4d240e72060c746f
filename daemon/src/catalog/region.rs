//! Regions and the notices in force in them: who controls, where data may go, what was said when
//! (R36–R39).

use serde::Deserialize;

use super::Source;

/// A place of controllers, data centres and rules for transfers (R36–R38).
#[derive(Debug, Clone)]
pub struct Region {
    /// `EEA`
    pub id: Box<str>,
    /// `European Economic Area`
    pub name: Box<str>,
    /// ISO 3166 alpha-2 codes of the countries in it; empty for the region of all others.
    pub countries: Vec<Box<str>>,
    /// The controller a receipt names (R36).
    pub controller: Box<str>,
    /// The controller's address.
    pub address: Box<str>,
    /// The page to reach the controller by: an address of the web.
    pub contact: Option<Box<str>>,
    /// The controller's address for mail, where the policies state one.
    pub email: Option<Box<str>>,
    /// The controller's telephone number, where the policies state one.
    pub phone: Option<Box<str>>,
    /// The grievance officer, where there is one.
    pub officer: Option<Box<str>>,
    /// Countries with a data centre (R37).
    pub data_centres: Vec<Box<str>>,
    /// Authority to complain to (R52).
    pub authority: Option<Box<str>>,
    /// Where its data may go (R37).
    pub transfer: Transfer,
    /// Within how long a case is to be answered (R52).
    pub answer: Answer,
    /// Whom to tell of a breach, and by when (R56).
    pub breach: Vec<Duty>,
    /// Where the policy states it.
    pub source: Source,
}

/// Within how long a case is to be answered (R52).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Seconds.
    pub within: u64,
    /// The law that says so.
    pub law: Box<str>,
}

/// Somebody who has to be told of a breach (R56).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// Who.
    pub tell: Told,
    /// From which risk on.
    pub risk: Risk,
    /// Within how many seconds after it was found.
    pub within: u64,
    /// The law that says so.
    pub law: Box<str>,
}

/// Who has to be told of a breach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The region's authority.
    Authority,
    /// The people concerned.
    Users,
    /// Another body, by its name.
    Body(Box<str>),
}

impl Told {
    /// The word in a catalogue: a body's is its name.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Told::Authority => "authority",
            Told::Users => "users",
            Told::Body(name) => name,
        }
    }
}

/// How likely a breach harms the people concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// It hardly can.
    Unlikely,
    /// It may.
    Likely,
    /// It may badly.
    High,
}

impl Risk {
    /// All of them.
    pub const ALL: [Risk; 3] = [Risk::Unlikely, Risk::Likely, Risk::High];

    /// The word in a catalogue, in the store and on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Risk::Unlikely => "unlikely",
            Risk::Likely => "likely",
            Risk::High => "high",
        }
    }

    /// The risk of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|risk| risk.word() == word)
    }
}

/// Where a region's personal data may go (R37).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transfer {
    /// Nowhere else.
    Home {
        /// ISO 3166 codes.
        countries: Vec<Box<str>>,
    },
    /// Elsewhere only where the destination is declared `transfer = "permitted"`.
    HomeUnlessPermitted {
        /// ISO 3166 codes.
        countries: Vec<Box<str>>,
    },
    /// To countries as protective; elsewhere only with a declared safeguard.
    Protective {
        /// ISO 3166 codes.
        countries: Vec<Box<str>>,
    },
    /// Wherever is declared.
    Declared,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The privacy policy: what is collected, and for what.
    #[default]
    Policy,
    /// Another owner of the services: users are told, whatever else it brings (R41).
    Owner,
}

impl NoticeKind {
    /// The word on the wire and in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            NoticeKind::Policy => "policy",
            NoticeKind::Owner => "owner",
        }
    }
}

/// A versioned privacy notice (R39).
#[derive(Debug, Clone)]
pub struct Notice {
    /// `2025-10-10`
    pub id: Box<str>,
    /// What it is called.
    pub name: Box<str>,
    /// What it is about.
    pub kind: NoticeKind,
    /// Unix seconds, midnight UTC of the effective date.
    pub effective: i64,
    /// BCP 47 tag of its text.
    pub language: Box<str>,
    /// SHA-256 of its text, hex.
    pub sha256: Box<str>,
    /// Where it is.
    pub source: Source,
}
