//! What each app declares that it collects, read from `apps.d/*.toml`.
//!
//! A declaration that is wrong denies that app alone; the others go on.

mod executable;
mod load;
mod retention;
mod schema;
mod validate;

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;

use crate::catalog::{Basis, DataIx, NoticeIx, PurposeIx, RecipientIx, RegionIx, Trust};

pub use load::{Rejection, UnreadDir, load};
pub use retention::period;

/// An app of the registry in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppIx(pub u32);

impl AppIx {
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// How an app is recognised. Exactly what the kernel or the bus can prove.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// The application id of a flatpak.
    Flatpak(Box<str>),
    /// The name of a snap.
    Snap(Box<str>),
    /// A system user of the app's own, by uid.
    User {
        /// Its name in the user database.
        name: Box<str>,
        /// Its uid when the declaration was loaded; below 1000, never 0.
        uid: u32,
    },
    /// A unit of the system's service manager: `weather.service`.
    Unit(Box<str>),
    /// An executable, by its absolute path.
    Executable(PathBuf),
    /// The `APP` of a user's `app-APP-….scope` or of an `app-APP@….service`.
    Scope(Box<str>),
}

impl Identity {
    /// The most that this way of being recognised can prove.
    #[must_use]
    pub fn best_trust(&self) -> Trust {
        match self {
            Identity::User { .. } => Trust::System,
            Identity::Flatpak(_) | Identity::Snap(_) | Identity::Unit(_) => Trust::Confined,
            Identity::Executable(_) | Identity::Scope(_) => Trust::Weak,
        }
    }

    /// The uid of a user of the app's own.
    fn uid(&self) -> Option<u32> {
        match self {
            Identity::User { uid, .. } => Some(*uid),
            Identity::Flatpak(_)
            | Identity::Snap(_)
            | Identity::Unit(_)
            | Identity::Executable(_)
            | Identity::Scope(_) => None,
        }
    }

    /// The word on the wire: `flatpak`, `snap`, `user`, `unit`, `executable`, `scope`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Identity::Flatpak(_) => "flatpak",
            Identity::Snap(_) => "snap",
            Identity::User { .. } => "user",
            Identity::Unit(_) => "unit",
            Identity::Executable(_) => "executable",
            Identity::Scope(_) => "scope",
        }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Identity::Flatpak(id)
            | Identity::Snap(id)
            | Identity::Unit(id)
            | Identity::Scope(id) => {
                write!(f, "{} {id}", self.kind())
            }
            Identity::User { name, .. } => write!(f, "user {name}"),
            Identity::Executable(path) => write!(f, "executable {}", path.display()),
        }
    }
}

/// Whoever receives what is collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// One of the catalogue's.
    Known(RecipientIx),
    /// A third party's SDK inside the app, with a policy of its own (R32).
    Sdk {
        /// `sdk:adnet`
        id: Box<str>,
        /// What it is called.
        name: Box<str>,
        /// Where its own policy is.
        policy: Box<str>,
    },
}

/// ISO 3166 alpha-2: `NL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country(pub [u8; 2]);

impl Country {
    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

/// What may make an export lawful (R37): the appropriate safeguards of GDPR 46.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safeguard {
    /// `standard-contractual-clauses`
    StandardContractualClauses,
    /// `binding-corporate-rules`
    BindingCorporateRules,
    /// `contractual-clauses`
    ContractualClauses,
    /// `code-of-conduct`
    CodeOfConduct,
    /// `certification`
    Certification,
    /// `legal-instrument`
    LegalInstrument,
}

impl Safeguard {
    /// All of them.
    pub const ALL: [Safeguard; 6] = [
        Safeguard::StandardContractualClauses,
        Safeguard::BindingCorporateRules,
        Safeguard::ContractualClauses,
        Safeguard::CodeOfConduct,
        Safeguard::Certification,
        Safeguard::LegalInstrument,
    ];

    /// The word in a declaration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Safeguard::StandardContractualClauses => "standard-contractual-clauses",
            Safeguard::BindingCorporateRules => "binding-corporate-rules",
            Safeguard::ContractualClauses => "contractual-clauses",
            Safeguard::CodeOfConduct => "code-of-conduct",
            Safeguard::Certification => "certification",
            Safeguard::LegalInstrument => "legal-instrument",
        }
    }
}

/// A country that data is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Where.
    pub country: Country,
    /// The regions it serves; empty for all.
    pub regions: Box<[RegionIx]>,
    /// Whether the connection is declared TLS (R54). What is not declared so, is not.
    pub tls: bool,
    /// A transfer safeguard (R37).
    pub safeguard: Option<Safeguard>,
    /// Marked as permitted by the region's law (R37).
    pub permitted: bool,
}

/// One `[[collects]]` of a declaration: what its pairs have in common.
#[derive(Debug, Clone)]
pub struct Collection {
    /// The legal basis.
    pub basis: Basis,
    /// Whether the service cannot do without (R28). Shown in prompts; never in the rule.
    pub mandatory: bool,
    /// R14, R30.
    pub necessary: bool,
    /// R15.
    pub deidentified: bool,
    /// R32.
    pub aggregate: bool,
    /// R16.
    pub on_device: bool,
    /// Used for decisions made by machines alone (R51).
    pub automated: bool,
    /// Who receives it; empty: nobody but the app.
    pub recipients: Box<[Recipient]>,
    /// Where it goes; empty: it stays on the device.
    pub destinations: Box<[Destination]>,
    /// How long it is kept, in words; shared by all that say the same.
    pub retention: Arc<str>,
}

/// One declared pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// For what.
    pub purpose: PurposeIx,
    /// What.
    pub data: DataIx,
    /// Position of its [`Collection`] in [`App::collections`].
    pub collection: u16,
    /// The notice since which it exists (R39): the declared one when loaded; the engine raises it to
    /// the one in force when the pair was first loaded.
    pub since: NoticeIx,
}

/// One declared app.
#[derive(Debug, Clone)]
pub struct App {
    /// `org.example.weather`
    pub id: Box<str>,
    /// `Weather`
    pub name: Box<str>,
    /// Who makes it: apps of one vendor share their VAID. `example.org`
    pub vendor: Option<Box<str>>,
    /// The bus name at which it answers cases (R44). `org.example.Weather`
    pub holder: Option<Box<str>>,
    /// How it is recognised: at least one way.
    pub identities: Vec<Identity>,
    /// What its pairs have in common.
    pub collections: Vec<Collection>,
    /// Sorted by (purpose, data); no pair twice.
    pub pairs: Vec<Pair>,
}

impl App {
    /// The declared pair, if it is declared.
    #[must_use]
    pub fn pair(&self, purpose: PurposeIx, data: DataIx) -> Option<&Pair> {
        self.pairs
            .binary_search_by_key(&(purpose, data), |pair| (pair.purpose, pair.data))
            .ok()
            .map(|position| &self.pairs[position])
    }

    /// What a pair of this app has in common with its neighbours.
    #[must_use]
    pub fn collection(&self, pair: &Pair) -> &Collection {
        &self.collections[usize::from(pair.collection)]
    }
}

/// All declared apps, and those whose declaration was rejected.
#[derive(Debug, Default)]
pub struct Apps {
    apps: Vec<App>,
    /// Sorted by id.
    by_id: Vec<AppIx>,
    /// Apps with the position of one of their identities, sorted by identity.
    by_identity: Vec<(AppIx, u16)>,
    /// Sorted by uid.
    by_uid: Vec<(u32, AppIx)>,
    rejected: Vec<Rejection>,
    /// Those of the rejected whose identities could be read: they stay apps.
    rejected_apps: Option<Box<Apps>>,
}

impl FromIterator<App> for Apps {
    /// Registers apps as they are, unchecked: [`load`] checks. Where several claim the same, the last
    /// is found.
    fn from_iter<T: IntoIterator<Item = App>>(apps: T) -> Self {
        let mut apps: Vec<App> = apps.into_iter().collect();
        apps.shrink_to_fit();
        let mut by_id: Vec<AppIx> = (0..).map(AppIx).take(apps.len()).collect();
        by_id.sort_by(|one, other| {
            let ids = (&apps[one.place()].id, &apps[other.place()].id);
            ids.0.cmp(ids.1).then(other.cmp(one))
        });
        by_id.dedup_by(|ix, last| apps[ix.place()].id == apps[last.place()].id);
        let mut by_identity = Vec::with_capacity(apps.len());
        let mut by_uid = Vec::new();
        for (ix, app) in (0..).map(AppIx).zip(&apps) {
            by_identity.extend((0..).take(app.identities.len()).map(|position| (ix, position)));
            by_uid.extend(app.identities.iter().filter_map(|identity| Some((identity.uid()?, ix))));
        }
        by_identity.sort_by(|one, other| {
            identity_at(&apps, *one).cmp(identity_at(&apps, *other)).then(other.cmp(one))
        });
        by_identity.dedup_by(|at, last| identity_at(&apps, *at) == identity_at(&apps, *last));
        by_identity.shrink_to_fit();
        by_uid.sort_by_key(|(uid, ix): &(u32, AppIx)| (*uid, Reverse(*ix)));
        by_uid.dedup_by_key(|(uid, _)| *uid);
        Apps { apps, by_id, by_identity, by_uid, rejected: Vec::new(), rejected_apps: None }
    }
}

fn identity_at(apps: &[App], (ix, position): (AppIx, u16)) -> &Identity {
    &apps[ix.place()].identities[usize::from(position)]
}

impl Apps {
    /// The app of an index of this registry.
    #[must_use]
    pub fn get(&self, index: AppIx) -> &App {
        &self[index]
    }

    /// The app of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<AppIx> {
        let found = self.by_id.binary_search_by(|ix| (*self[*ix].id).cmp(id)).ok()?;
        Some(self.by_id[found])
    }

    /// The app of an id that had this place in the registry when it was last looked up.
    #[must_use]
    pub fn find_again(&self, place: AppIx, id: &str) -> Option<AppIx> {
        match self.apps.get(place.place()) {
            Some(app) if *app.id == *id => Some(place),
            Some(_) | None => self.find(id),
        }
    }

    /// The app that is recognised in a certain way. An executable's path is the one the kernel
    /// shows, with no link in it.
    #[must_use]
    pub fn by_identity(&self, identity: &Identity) -> Option<AppIx> {
        let found = self
            .by_identity
            .binary_search_by(|at| identity_at(&self.apps, *at).cmp(identity))
            .ok()?;
        Some(self.by_identity[found].0)
    }

    /// The app whose own system user has a uid.
    #[must_use]
    pub fn by_uid(&self, uid: u32) -> Option<AppIx> {
        let found = self.by_uid.binary_search_by_key(&uid, |(uid, _)| *uid).ok()?;
        Some(self.by_uid[found].1)
    }

    /// All, in the order of their files' names.
    pub fn iter(&self) -> impl Iterator<Item = (AppIx, &App)> {
        (0..).map(AppIx).zip(&self.apps)
    }

    /// All, to raise [`Pair::since`] once it is known when each pair was first loaded.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (AppIx, &mut App)> {
        (0..).map(AppIx).zip(&mut self.apps)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.apps.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }

    /// Rejected apps, as far as it could be read how they are recognised; none declares anything.
    #[must_use]
    pub fn rejected_apps(&self) -> Option<&Apps> {
        self.rejected_apps.as_deref()
    }

    /// The declarations that were not taken, in the order of their files' names.
    #[must_use]
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }
}

impl std::ops::Index<AppIx> for Apps {
    type Output = App;
    fn index(&self, index: AppIx) -> &App {
        &self.apps[index.place()]
    }
}
