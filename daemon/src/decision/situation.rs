//! What the rule looks at: the question, and a snapshot of everything that was settled before it.

use crate::apps::App;
use crate::catalog::{Catalog, DataIx, NoticeIx, PurposeIx, RegionIx, State, ToggleIx, Trust};

/// What a caller may say about a check. A recipient or a destination picks the declared one that the
/// check is about, and leaves the others out; the rest can only tighten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Who will receive it (R30).
    pub recipient: Option<Box<str>>,
    /// The country it goes to, ISO 3166 alpha-2 (R37).
    pub destination: Option<Box<str>>,
    /// Whether the connection is TLS (R54).
    pub secure: Option<bool>,
    /// Whether it is de-identified first (R15).
    pub deidentified: Option<bool>,
}

/// One check: several items for one purpose, judged together (R58).
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The purpose's id.
    pub purpose: &'a str,
    /// The items' ids, in the caller's order.
    pub data: &'a [&'a str],
    /// What the caller said about it.
    pub context: &'a Context,
}

/// A consent in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// When, in the order of events.
    pub generation: u64,
    /// Under which notice.
    pub notice: NoticeIx,
    /// Whether root or the guardian gave it, as a minor's must be (R38).
    pub by_guardian: bool,
}

/// What a toggle comes to, for one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Resolved over all layers but the lock.
    pub state: State,
    /// Whether the administrator holds it off.
    pub locked: bool,
    /// The newest `on` that counts for this app, in the order of events.
    pub switched_on: Option<u64>,
    /// The newest consent in force; consent toggles alone have one.
    pub consent: Option<Consent>,
    /// The newest notice the user declined for it (R39).
    pub declined: Option<NoticeIx>,
    /// Whether it asks because the store was restored since it was chosen.
    pub unconfirmed: bool,
}

/// Resolves toggles for the app in question. Only those that cover a pair are asked for.
pub trait Toggles {
    /// What `toggle` comes to.
    fn standing(&self, toggle: ToggleIx) -> Standing;
}

/// Which pairs a right reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// One purpose, or all.
    pub purpose: Option<PurposeIx>,
    /// One item, or all; one identifier stands for all of them.
    pub data: Option<DataIx>,
}

impl Reach {
    /// Whether a pair lies in it.
    #[must_use]
    pub fn covers(self, catalog: &Catalog, purpose: PurposeIx, data: DataIx) -> bool {
        let item = self.data.is_none_or(|named| {
            named == data || (catalog.data[named].identifier && catalog.data[data].identifier)
        });
        item && self.purpose.is_none_or(|named| named == purpose)
    }
}

/// A right that the user exercised and that holds for this app (R47, R48, R51, R42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which right.
    pub right: Right,
    /// Which pairs.
    pub reach: Reach,
    /// When, in the order of events.
    pub generation: u64,
}

/// The rights that stand in the way of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To legitimate interest, profiling and direct marketing (R47).
    Objection,
    /// Not to be judged by machines alone (R51).
    AutomatedDecisions,
    /// Processed only with consent or for legal claims (R48).
    Restriction,
    /// Kept for one law alone, or until it can be cleared (R42, R43). It reaches the very item, whatever
    /// other identifiers there are.
    Isolation {
        /// The purpose that stands for that law; none where no law keeps it.
        law: Option<PurposeIx>,
    },
}

/// Everything that was settled before the rule runs.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The policy.
    pub catalog: &'a Catalog,
    /// The caller's trust; none if it was not identified.
    pub caller: Option<Trust>,
    /// The caller's valid declaration, if it has one.
    pub app: Option<&'a App>,
    /// The user's region (R36).
    pub region: RegionIx,
    /// Whether the user is known to be a minor (R38).
    pub minor: bool,
    /// The toggles, resolved for this app.
    pub toggles: &'a dyn Toggles,
    /// The rights that hold for this app.
    pub held: &'a [Held],
}
