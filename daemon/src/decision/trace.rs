//! How the rule explains itself, arm by arm.

use super::words::{Decision, Reason};
use crate::catalog::{Basis, Catalog, RegionIx, ToggleIx, Trust};

/// An arm of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Who calls, and how far that can be believed.
    Identity = 1,
    /// Purpose and item are known.
    Catalog,
    /// Nothing rules it out for good.
    Never,
    /// The app declared it.
    Declaration,
    /// The declaration holds what purpose and recipient require.
    Requirement,
    /// The purpose is open to the user's age.
    Minor,
    /// No objection, restriction or isolation.
    Rights,
    /// The legal basis holds here.
    Basis,
    /// To whom, where to, how.
    Sending,
    /// No administrator's lock.
    Lock,
    /// Every covering toggle is on.
    Toggles,
    /// Every covering consent toggle has a consent for this pair.
    Consent,
    /// Nothing was found against it.
    Allowed,
}

impl Rule {
    /// All thirteen, in order.
    pub const ALL: [Rule; 13] = [
        Rule::Identity,
        Rule::Catalog,
        Rule::Never,
        Rule::Declaration,
        Rule::Requirement,
        Rule::Minor,
        Rule::Rights,
        Rule::Basis,
        Rule::Sending,
        Rule::Lock,
        Rule::Toggles,
        Rule::Consent,
        Rule::Allowed,
    ];

    /// 1–13.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// A short name for a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::Identity => "identity",
            Rule::Catalog => "catalogue",
            Rule::Never => "never",
            Rule::Declaration => "declaration",
            Rule::Requirement => "requirement",
            Rule::Minor => "minor",
            Rule::Rights => "rights",
            Rule::Basis => "basis",
            Rule::Sending => "sending",
            Rule::Lock => "lock",
            Rule::Toggles => "toggles",
            Rule::Consent => "consent",
            Rule::Allowed => "allowed",
        }
    }

    /// The requirements it carries out.
    #[must_use]
    pub fn requirement(self) -> &'static str {
        match self {
            Rule::Identity => "R55",
            Rule::Catalog => "R1-R13",
            Rule::Never => "R7, R11, R31, R59",
            Rule::Declaration => "R17",
            Rule::Requirement => "R14-R16, R30, R32",
            Rule::Minor => "R38",
            Rule::Rights => "R42, R47, R48, R51",
            Rule::Basis => "R27-R29",
            Rule::Sending => "R30, R37, R54",
            Rule::Lock | Rule::Toggles => "R18-R26",
            Rule::Consent => "R39",
            Rule::Allowed => "R28",
        }
    }

    /// What it means that a pair passed it.
    #[must_use]
    pub fn passed(self) -> &'static str {
        match self {
            Rule::Identity => "the app is identified, and trusted enough for this item",
            Rule::Catalog => "the catalogue knows the purpose and the item",
            Rule::Never => "no rule of the policy excludes it for good",
            Rule::Declaration => "the app declared that it collects this for this purpose",
            Rule::Requirement => {
                "the declaration holds what the purpose and the recipients require"
            }
            Rule::Minor => "the purpose is open to this user's age",
            Rule::Rights => "no objection, restriction or isolation stands against it",
            Rule::Basis => "the declared legal basis holds for this purpose in this region",
            Rule::Sending => "recipients, destinations and transport are declared and permitted",
            Rule::Lock => "the administrator holds no switch off that covers it",
            Rule::Toggles => "every switch that covers it is on",
            Rule::Consent => "the consents it needs were given, under a notice that names it",
            Rule::Allowed => "nothing speaks against it",
        }
    }
}

/// What an arm found against a pair, beyond the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Nothing more to say.
    Bare,
    /// The caller's trust is too low.
    Trust {
        /// What it has.
        has: Trust,
        /// What the item asks.
        needed: Trust,
    },
    /// A rule of `never.toml`, by position.
    Never(usize),
    /// There is no valid declaration of the app at all.
    NoDeclaration,
    /// A mark that the declaration lacks or the context contradicts.
    Requires(&'static str),
    /// The basis that does not hold.
    Basis {
        /// The declared one.
        basis: Basis,
        /// The user's region.
        region: RegionIx,
    },
    /// No declared destination serves the region, or the one named is not declared.
    NoDestination,
    /// The country that the data may not go to.
    Country([u8; 2]),
    /// The toggle in the way.
    Toggle(ToggleIx),
    /// The toggle in the way, which was not chosen again since the store was restored.
    Unconfirmed(ToggleIx),
}

/// An arm's finding against a pair: this decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The reason on the wire.
    pub reason: Reason,
    /// What more there is to say.
    pub cause: Cause,
}

impl Finding {
    pub(super) fn new(reason: Reason, cause: Cause) -> Self {
        Self { reason, cause }
    }

    pub(super) fn bare(reason: Reason) -> Self {
        Self::new(reason, Cause::Bare)
    }

    /// In words, for a person.
    #[must_use]
    pub fn text(&self, catalog: &Catalog) -> String {
        let meaning = self.reason.meaning();
        match self.cause {
            Cause::Bare => meaning.to_owned(),
            Cause::Trust { has, needed } => {
                format!("{meaning}: it is {}, the item asks for {}", has.word(), needed.word())
            }
            Cause::Never(rule) => catalog
                .nevers
                .get(rule)
                .map_or_else(|| meaning.to_owned(), |never| format!("{meaning}: {}", never.why)),
            Cause::NoDeclaration => "the app has no valid declaration in apps.d".to_owned(),
            Cause::Requires(mark) => format!("{meaning}: it has to be {mark}"),
            Cause::Basis { basis, region } => {
                format!("{meaning}: {} in {}", basis.word(), catalog.regions[region].name)
            }
            Cause::NoDestination => {
                "the app declared no such destination for the user's region".to_owned()
            }
            Cause::Country(code) => {
                format!("the data may not go to {}", String::from_utf8_lossy(&code))
            }
            Cause::Unconfirmed(toggle) => format!(
                "the settings were restored since {} was chosen, and what was withdrawn in between is \
                 not known; the user has to choose again",
                catalog.toggles[toggle].name
            ),
            Cause::Toggle(toggle) => {
                let toggle = &catalog.toggles[toggle];
                let path = toggle.paths.first().map(|path| format!(" ({path})"));
                let decides = match self.reason.decision() {
                    Decision::Ask => "the user has to be asked",
                    Decision::Allow | Decision::Deny => "that decides",
                };
                format!("{meaning}: {}{}; {decides}", toggle.name, path.unwrap_or_default())
            }
        }
    }
}

/// One arm of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which arm.
    pub rule: Rule,
    /// What it found; none if the pair passed.
    pub finding: Option<Finding>,
}

/// Watches the arms go by.
pub trait Trace {
    /// Notes what an arm said, and passes it on.
    fn arm<T>(&mut self, rule: Rule, outcome: Result<T, Finding>) -> Result<T, Finding>;
}

/// Watches nothing: what a check uses.
pub struct NoTrace;

impl Trace for NoTrace {
    #[inline]
    fn arm<T>(&mut self, _: Rule, outcome: Result<T, Finding>) -> Result<T, Finding> {
        outcome
    }
}

/// Keeps every arm: what an explanation uses.
#[derive(Debug, Default)]
pub struct Steps(pub Vec<Step>);

impl Trace for Steps {
    fn arm<T>(&mut self, rule: Rule, outcome: Result<T, Finding>) -> Result<T, Finding> {
        self.0.push(Step { rule, finding: outcome.as_ref().err().copied() });
        outcome
    }
}
