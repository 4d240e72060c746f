//! The policy as data: what is collected, for what, under which switch, on which legal basis.
//!
//! Owns the words of `catalog/*.toml` after they were read and checked. It is immutable once loaded;
//! a reload builds a new one. It never looks at what a user chose.

mod basis;
mod coverage;
mod describe;
pub(crate) mod document;
mod entries;
pub mod load;
mod region;
mod schema;
mod select;
mod sheet;
pub mod table;
mod toggle;
mod validate;
pub(crate) mod values;
mod warnings;
mod words;

use serde::Deserialize;

pub use basis::{Bases, Basis, BasisTerm, Narrowing, Requires};
pub use describe::describe;
pub use document::{Place, Problem};
pub(crate) use entries::PERSONALISED_ADS;
pub use region::{Answer, Duty, Notice, NoticeKind, Region, Risk, Told, Transfer};
pub use table::{Entry, Table};
pub use toggle::{AppDefault, Cover, Kind, Scope, State, Toggle};

/// Defines the index of one kind of catalogue entry: two bytes that stand for an id.
macro_rules! index {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);
        impl table::Index for $name {
            fn new(position: u16) -> Self {
                Self(position)
            }
            fn position(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index!(
    /// A data item of the catalogue in force.
    DataIx
);
index!(
    /// A purpose of the catalogue in force.
    PurposeIx
);
index!(
    /// A toggle of the catalogue in force.
    ToggleIx
);
index!(
    /// A recipient of the catalogue in force.
    RecipientIx
);
index!(
    /// A region of the catalogue in force.
    RegionIx
);
index!(
    /// A notice; a later notice has a larger index.
    NoticeIx
);

/// Where a rule comes from: the requirement and the section of the policy that states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `R39`
    pub requirement: Box<str>,
    /// `S3 14`
    pub section: Box<str>,
}

/// What a refused collector uses instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The all-zero UUID.
    ZeroUuid,
    /// An empty list.
    Empty,
    /// Nothing.
    None,
    /// The item's approximate counterpart, where that is allowed; else nothing.
    Approximate,
}

/// How much harm a leak of the item does (R55), least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensitivity {
    /// Says nothing about a person.
    Public,
    /// Ordinary personal data.
    Internal,
    /// Follows a person around, or reaches them.
    Confidential,
    /// Money, position, messages, identity.
    Restricted,
}

/// Terms of other vocabularies for the same thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// W3C Data Privacy Vocabulary, prefixed: `pd:UID`.
    pub dpv: Vec<Box<str>>,
    /// fideslang key: `user.device.device_id`.
    pub fides: Vec<Box<str>>,
    /// Android data-safety `category/type`; data items alone.
    pub android: Vec<Box<str>>,
    /// IAB TCF purpose: `10`, `SP1`; purposes alone.
    pub tcf: Vec<Box<str>>,
}

/// How far an identity can be believed, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// A scope or an executable, or a bus that gives no process descriptor.
    Weak,
    /// A sandbox: it cannot claim another identity.
    Confined,
    /// A system user of its own.
    System,
}

impl Trust {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Trust::Weak => "weak",
            Trust::Confined => "confined",
            Trust::System => "system",
        }
    }
}

/// One kind of data (R1–R12).
#[derive(Debug, Clone)]
pub struct DataItem {
    /// `device.imei`
    pub id: Box<str>,
    /// `IMEI`
    pub name: Box<str>,
    /// Whether it tells of a person when it stands alone (R58).
    pub personal: bool,
    /// R55.
    pub sensitivity: Sensitivity,
    /// One of the identifiers that are refused as one group.
    pub identifier: bool,
    /// The app makes it of other items: once a consent that it lies under is off, it is to be erased (R60).
    pub derived: bool,
    /// Groups that toggles and rules name as `@group`: `position`, `precise`, `crash`, `hardware`, `direct`.
    pub groups: Vec<Box<str>>,
    /// What a refused collector uses instead.
    pub shape: Shape,
    /// The less exact item that may be used in its place (R5).
    pub approximate: Option<DataIx>,
    /// Who gave it, for items that come from third parties (R9).
    pub origin: Option<Box<str>>,
    /// The least trust a caller needs to have it.
    pub min_trust: Trust,
    /// Other vocabularies.
    pub terms: Terms,
    /// Where the policy names it.
    pub source: Source,
}

/// One purpose (R13, R31).
#[derive(Debug, Clone)]
pub struct Purpose {
    /// `ads.personalised`
    pub id: Box<str>,
    /// `P21`; the two that are always refused have none.
    pub number: Box<str>,
    /// `Personalised ads and profiling`
    pub name: Box<str>,
    /// The bases permitted before [`Narrowing`]s (R27, R28).
    pub bases: Bases,
    /// R14, R15, R16.
    pub requires: Requires,
    /// Whether it is open to a minor (R38).
    pub minors: bool,
    /// Whether an objection reaches it whatever its basis: profiling, direct marketing, automated decisions.
    pub objectionable: bool,
    /// A legal claim or obligation: restriction and isolation let it pass (R42, R48).
    pub legal: bool,
    /// Other vocabularies.
    pub terms: Terms,
    /// Where the policy names it.
    pub source: Source,
}

/// A refusal that no setting and no consent lifts (R7, R11, R31, R59).
#[derive(Debug, Clone)]
pub struct Never {
    /// `ecv-identity-only`
    pub id: Box<str>,
    /// Purposes that are refused.
    pub purposes: Vec<PurposeIx>,
    /// Items that are refused for them.
    pub data: Vec<DataIx>,
    /// Why, in words for the person.
    pub why: Box<str>,
    /// The pairs as the file names them, for display.
    pub written: Box<str>,
    /// Where the policy states it.
    pub source: Source,
}

/// Somebody data goes to (R30, R32).
#[derive(Debug, Clone)]
pub struct Recipient {
    /// `carrier`
    pub id: Box<str>,
    /// `Parcel carrier`
    pub name: Box<str>,
    /// R30 (authorities: necessary), R32 (partners' statistics: aggregate).
    pub requires: Requires,
    /// Other vocabularies.
    pub terms: Terms,
    /// Where the policy names it.
    pub source: Source,
}

/// One listed cookie (part F of the requirements).
#[derive(Debug, Clone)]
pub struct Cookie {
    /// `_ga`
    pub name: Box<str>,
    /// The toggle of its category.
    pub category: ToggleIx,
    /// Declared lifetime in seconds; 0 is a session cookie.
    pub max_age: u64,
    /// Domains it is listed for.
    pub domains: Vec<Box<str>>,
    /// Who sets it.
    pub by: Box<str>,
    /// Lifetimes that other policies state for it, as written: `2 y (S0)` (R35).
    pub conflicts: Vec<Box<str>>,
    /// Where the policy lists it.
    pub source: Source,
}

/// Something the catalogue's reader should look at; nothing was changed because of it (R35).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// `cookies.toml:12`
    pub place: String,
    /// What, and which requirement says so.
    pub text: String,
}

/// Everything in `catalog/*.toml`.
#[derive(Debug)]
pub struct Catalog {
    /// R1–R12.
    pub data: Table<DataItem, DataIx>,
    /// R13, R31.
    pub purposes: Table<Purpose, PurposeIx>,
    /// R18–R26.
    pub toggles: Table<Toggle, ToggleIx>,
    /// R30–R32.
    pub recipients: Table<Recipient, RecipientIx>,
    /// R36–R38.
    pub regions: Table<Region, RegionIx>,
    /// R39, in the order of their effective dates.
    pub notices: Table<Notice, NoticeIx>,
    /// The four of R27, in the order of [`Basis::ALL`].
    pub bases: Vec<BasisTerm>,
    /// R28, R29.
    pub narrowings: Vec<Narrowing>,
    /// R7, R11, R31, R59.
    pub nevers: Vec<Never>,
    /// Part F.
    pub cookies: Vec<Cookie>,
    /// The region of a profile that names none.
    pub default_region: RegionIx,
    /// R35.
    pub warnings: Vec<Warning>,
    /// For each (purpose, item), row by row: which list of toggles covers it.
    coverage: Vec<u32>,
    /// Those lists.
    covering: Vec<Box<[ToggleIx]>>,
    /// For each (purpose, item): the never rule that refuses it.
    forbidden: Vec<Option<u16>>,
    /// For each (purpose, item): the bases that some region permits.
    somewhere: Vec<Bases>,
}

impl Catalog {
    /// Which cell of the (purpose, item) matrices a pair is.
    fn cell(&self, purpose: PurposeIx, data: DataIx) -> usize {
        usize::from(purpose.0) * self.data.len() + usize::from(data.0)
    }

    /// The toggles that must let a pair pass, in the catalogue's order.
    #[must_use]
    pub fn covering(&self, purpose: PurposeIx, data: DataIx) -> &[ToggleIx] {
        &self.covering[self.coverage[self.cell(purpose, data)] as usize]
    }

    /// The never rule that refuses a pair.
    #[must_use]
    pub fn never(&self, purpose: PurposeIx, data: DataIx) -> Option<&Never> {
        self.never_index(purpose, data).and_then(|rule| self.nevers.get(rule))
    }

    /// The never rule that refuses a pair, as its position in `nevers`.
    #[must_use]
    pub fn never_index(&self, purpose: PurposeIx, data: DataIx) -> Option<usize> {
        self.forbidden[self.cell(purpose, data)].map(usize::from)
    }

    /// The bases permitted for a pair in a region (R27–R29).
    #[must_use]
    pub fn permitted(&self, purpose: PurposeIx, data: DataIx, region: RegionIx) -> Bases {
        self.narrowings
            .iter()
            .filter(|rule| {
                rule.purposes.contains(&purpose)
                    && rule.data.contains(&data)
                    && rule.regions.contains(&region)
            })
            .fold(self.purposes[purpose].bases, |left, rule| left.and(rule.bases))
    }

    /// The bases that at least one region permits for a pair.
    #[must_use]
    pub fn permitted_somewhere(&self, purpose: PurposeIx, data: DataIx) -> Bases {
        self.somewhere[self.cell(purpose, data)]
    }

    /// The notice in force at a moment (Unix seconds): the latest that took effect.
    #[must_use]
    pub fn notice_at(&self, now: i64) -> Option<NoticeIx> {
        self.notices.iter().rfind(|(_, notice)| notice.effective <= now).map(|(index, _)| index)
    }

    /// The region a country (ISO 3166 alpha-2) lies in; the region of all others if none names it.
    #[must_use]
    pub fn region_of(&self, country: &str) -> Option<RegionIx> {
        let named = self.regions.iter().find(|(_, r)| r.countries.iter().any(|c| **c == *country));
        let others = || self.regions.iter().find(|(_, region)| region.countries.is_empty());
        named.or_else(others).map(|(index, _)| index)
    }
}
