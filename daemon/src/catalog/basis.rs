//! Legal bases: the four, which purposes ask for, and where fewer of them hold (R27–R29).

use serde::Deserialize;

use super::{DataIx, PurposeIx, RegionIx, Source};

/// A legal basis (R27).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// GDPR 6(1)(a).
    Consent,
    /// GDPR 6(1)(b).
    Contract,
    /// GDPR 6(1)(c).
    LegalObligation,
    /// GDPR 6(1)(f).
    LegitimateInterest,
}

impl Basis {
    /// All four, in the order of GDPR 6(1).
    pub const ALL: [Basis; 4] =
        [Basis::Consent, Basis::Contract, Basis::LegalObligation, Basis::LegitimateInterest];

    /// The word on the wire and in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Basis::Consent => "consent",
            Basis::Contract => "contract",
            Basis::LegalObligation => "legal-obligation",
            Basis::LegitimateInterest => "legitimate-interest",
        }
    }
}

/// What a legal basis is called, and where the law has it.
#[derive(Debug, Clone)]
pub struct BasisTerm {
    /// Which.
    pub basis: Basis,
    /// `Consent`
    pub name: Box<str>,
    /// DPV's term for the article: `eu-gdpr:A6-1-a`.
    pub gdpr: Box<str>,
    /// Where the policy names it.
    pub source: Source,
}

/// A set of legal bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bases(u8);

impl Bases {
    /// The same set with `basis` in it.
    #[must_use]
    pub fn with(self, basis: Basis) -> Self {
        Self(self.0 | 1 << basis as u8)
    }
    /// Whether `basis` is in it.
    #[must_use]
    pub fn contains(self, basis: Basis) -> bool {
        self.0 & (1 << basis as u8) != 0
    }
    /// What either holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// What both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Those in it, in the order of [`Basis::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Basis> {
        Basis::ALL.into_iter().filter(move |basis| self.contains(*basis))
    }
}

impl FromIterator<Basis> for Bases {
    fn from_iter<I: IntoIterator<Item = Basis>>(bases: I) -> Self {
        bases.into_iter().fold(Self::default(), Self::with)
    }
}

/// What a purpose or a recipient asks of a declared pair (R14, R15, R16, R30, R32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Requires {
    /// The pair is declared necessary.
    pub necessary: bool,
    /// Personal items are declared de-identified.
    pub deidentified: bool,
    /// The pair is declared aggregate.
    pub aggregate: bool,
    /// The pair is declared to stay on the device.
    pub on_device: bool,
}

/// Which bases remain for some pairs in some regions (R28, R29).
#[derive(Debug, Clone)]
pub struct Narrowing {
    /// `crash-improvement`
    pub id: Box<str>,
    /// The purposes it speaks of.
    pub purposes: Vec<PurposeIx>,
    /// The items it speaks of.
    pub data: Vec<DataIx>,
    /// The regions it speaks of.
    pub regions: Vec<RegionIx>,
    /// What remains permitted.
    pub bases: Bases,
    /// The pairs as the file names them, for display.
    pub written: Box<str>,
    /// Where the policy states it.
    pub source: Source,
}
