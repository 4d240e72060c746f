//! Catalogue and declarations in force, with the numbers that the settings know them by.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::names::{ALL_APPS, AppKey, Names, NoticeKey, OTHER_APPS, ToggleKey};
use super::notices::newer_notice;
use super::retention::derived::Derived;
use super::settings::Settings;
use crate::apps::{App, AppIx, Apps};
use crate::catalog::{Catalog, DataIx, Kind, NoticeIx, PurposeIx, Scope, State, ToggleIx};
use crate::store::{NewName, Table};

/// How many policies were adopted; the number of the next one. 0 stands for none.
static LOADS: AtomicU64 = AtomicU64::new(1);

/// Where the policy is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDirs {
    /// `catalog/*.toml`.
    pub catalog: PathBuf,
    /// `apps.d/*.toml`, in order.
    pub apps: Vec<PathBuf>,
}

/// Why a policy was not adopted; the old one stays.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The catalogue is wrong.
    #[error(transparent)]
    Catalog(#[from] crate::catalog::load::LoadError),
    /// A folder of declarations cannot be read.
    #[error(transparent)]
    Apps(#[from] crate::apps::UnreadDir),
    /// The reading ended before its end; the log says where.
    #[error("the catalogue was not read to its end; see the daemon's log")]
    BrokeOff,
    /// A stored off would lose what it covered.
    #[error(
        "toggle `{toggle}` no longer covers ({purpose}, {item}), though somebody switched it off; \
         name it in `succeeds` of the toggle that covers the pair now"
    )]
    Uncovers {
        /// The toggle that is stored off.
        toggle: String,
        /// A pair it covered.
        purpose: String,
        /// A pair it covered.
        item: String,
    },
    /// The notices went back in time.
    #[error(
        "the catalogue's newest notice, {newest}, is older than {known}, which was in force already; \
         load a catalogue that has {known} or a newer one, under a version of its own (R39)"
    )]
    OlderNotice {
        /// The newest that the catalogue has, in backticks.
        newest: String,
        /// The newest that was ever in force, in backticks.
        known: String,
    },
    /// The store did not take what the policy brings.
    #[error("the store did not take the new catalogue: {0}")]
    Store(#[from] crate::store::StoreError),
    /// The catalogue has more than the store can number.
    #[error("more than 65,535 {0} were ever loaded; begin a new store")]
    TooMany(&'static str),
}

/// Numbers of everything that is stored by number.
#[derive(Debug)]
pub struct Numbers {
    /// Apps.
    pub apps: Names,
    /// Toggles.
    pub toggles: Names,
    /// Notices.
    pub notices: Names,
    /// Purposes.
    pub purposes: Names,
    /// Items.
    pub items: Names,
    /// Names that the store does not know yet.
    pub new: Vec<NewName>,
}

impl Default for Numbers {
    /// Nothing numbered yet. 0 is nobody's; the first two apps stand for many.
    fn default() -> Self {
        let mut numbers = Self {
            apps: Names::default(),
            toggles: Names::default(),
            notices: Names::default(),
            purposes: Names::default(),
            items: Names::default(),
            new: Vec::new(),
        };
        numbers.apps.insert(ALL_APPS.0, "".into());
        numbers.apps.insert(OTHER_APPS.0, "*".into());
        for names in
            [&mut numbers.toggles, &mut numbers.notices, &mut numbers.purposes, &mut numbers.items]
        {
            names.insert(0, "".into());
        }
        numbers
    }
}

impl Numbers {
    /// The number of an app, a new one if it has none.
    pub fn app(&mut self, name: &str) -> AppKey {
        AppKey(number(&mut self.apps, Table::Apps, &mut self.new, name))
    }

    /// The number of a toggle, a new one if it has none.
    ///
    /// # Errors
    /// There are too many.
    pub fn toggle(&mut self, name: &str) -> Result<ToggleKey, PolicyError> {
        let wide = number(&mut self.toggles, Table::Toggles, &mut self.new, name);
        u16::try_from(wide).map(ToggleKey).map_err(|_| PolicyError::TooMany("toggles"))
    }

    fn notice(&mut self, name: &str) -> Result<NoticeKey, PolicyError> {
        let wide = number(&mut self.notices, Table::Notices, &mut self.new, name);
        u16::try_from(wide)
            .ok()
            .and_then(std::num::NonZeroU16::new)
            .map(NoticeKey)
            .ok_or(PolicyError::TooMany("notices"))
    }

    fn purpose(&mut self, name: &str) -> u32 {
        number(&mut self.purposes, Table::Purposes, &mut self.new, name)
    }

    fn item(&mut self, name: &str) -> u32 {
        number(&mut self.items, Table::Items, &mut self.new, name)
    }
}

fn number(names: &mut Names, table: Table, new: &mut Vec<NewName>, name: &str) -> u32 {
    let (number, is_new) = names.number(name);
    if is_new {
        new.push(NewName { table, number, name: name.into() });
    }
    number
}

/// The policy in force.
#[derive(Debug)]
pub struct Policy {
    /// What the policies say.
    pub catalog: Catalog,
    /// What apps declare.
    pub apps: Apps,
    toggles: Vec<ToggleKey>,
    notices: Vec<NoticeKey>,
    notice_of: HashMap<NoticeKey, NoticeIx>,
    app_keys: Vec<AppKey>,
    purposes: Box<[u32]>,
    items: Box<[u32]>,
    /// For each app, the toggles that cover its pairs.
    app_toggles: Vec<Box<[ToggleKey]>>,
    /// What apps derive.
    pub(super) derived: Derived,
    /// Which load this is; no two have the same.
    pub serial: u64,
}

/// What a new policy brings that the store has to know.
#[derive(Debug, Default)]
pub struct Novelties {
    /// Pairs that were never loaded before.
    pub pairs: Vec<(AppKey, u32, u32, NoticeKey)>,
    /// What toggles cover, if it differs from what the store has.
    pub coverage: Option<Vec<(ToggleKey, u32, u32)>>,
    /// The notice in force, if none as new was in force before: when it took effect, and its id.
    pub notice: Option<(i64, Box<str>)>,
    /// Toggles of an earlier catalogue and those that inherit their off.
    pub successions: Vec<(ToggleKey, ToggleKey)>,
}

/// What the store remembers of earlier policies.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Pairs that were loaded before, sorted.
    pub pairs: Vec<(AppKey, u32, u32, NoticeKey)>,
    /// What toggles covered, sorted.
    pub coverage: Vec<(ToggleKey, u32, u32)>,
    /// The newest notice that was ever in force: when it took effect, and its id.
    pub notice: Option<(i64, Box<str>)>,
}

impl Policy {
    /// Numbers a policy, raises its pairs to the notice since which they exist (R39), and checks that
    /// no stored off loses what it covered.
    ///
    /// # Errors
    /// A stored off would lose what it covered, or there are too many names.
    pub fn adopt(
        catalog: Catalog,
        mut apps: Apps,
        numbers: &mut Numbers,
        remembered: &Remembered,
        settings: &Settings,
        now: i64,
    ) -> Result<(Self, Novelties), PolicyError> {
        let notice = newer_notice(&catalog, remembered, now)?;
        let toggles: Vec<ToggleKey> =
            catalog.toggles.ids().map(|id| numbers.toggle(id)).collect::<Result<_, _>>()?;
        let notices: Vec<NoticeKey> =
            catalog.notices.ids().map(|id| numbers.notice(id)).collect::<Result<_, _>>()?;
        let notice_of =
            catalog.notices.iter().map(|(ix, _)| (notices[usize::from(ix.0)], ix)).collect();
        let app_keys: Vec<AppKey> = apps.iter().map(|(_, app)| numbers.app(&app.id)).collect();
        let purposes: Vec<u32> = catalog.purposes.ids().map(|id| numbers.purpose(id)).collect();
        let items: Vec<u32> = catalog.data.ids().map(|id| numbers.item(id)).collect();
        let coverage = coverage(&catalog, &toggles, &purposes, &items);
        let successions = successions(&catalog, &toggles, &numbers.toggles);
        let covered =
            Covered { catalog: &catalog, toggles: &toggles, numbers, now_covers: &coverage };
        covered.keeps(&remembered.coverage, &successions, settings)?;
        let pairs = raise(
            &catalog,
            &mut apps,
            &Loading { remembered, app_keys: &app_keys, purposes: &purposes, items: &items },
            &notices,
            &notice_of,
            now,
        );
        let coverage = (coverage != remembered.coverage).then_some(coverage);
        let serial = LOADS.fetch_add(1, Ordering::Relaxed);
        let covering = |app: &App| {
            let covering = app.pairs.iter().flat_map(|p| catalog.covering(p.purpose, p.data));
            let mut keys: Vec<ToggleKey> =
                covering.map(|toggle| toggles[usize::from(toggle.0)]).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_boxed_slice()
        };
        let app_toggles = apps.iter().map(|(_, app)| covering(app)).collect();
        let derived = Derived::of(&catalog, &toggles, &items);
        let policy = Self {
            catalog,
            apps,
            toggles,
            notices,
            notice_of,
            app_keys,
            purposes: purposes.into(),
            items: items.into(),
            app_toggles,
            derived,
            serial,
        };
        Ok((policy, Novelties { pairs, coverage, notice, successions }))
    }

    /// The number of a toggle.
    #[must_use]
    pub fn toggle_key(&self, toggle: ToggleIx) -> ToggleKey {
        self.toggles[usize::from(toggle.0)]
    }

    /// The toggle of a number, if the catalogue still has it.
    #[must_use]
    pub fn toggle_of(&self, key: ToggleKey) -> Option<ToggleIx> {
        self.catalog.toggles.iter().map(|(ix, _)| ix).find(|ix| self.toggle_key(*ix) == key)
    }

    /// The number of a notice.
    #[must_use]
    pub fn notice_key(&self, notice: NoticeIx) -> NoticeKey {
        self.notices[usize::from(notice.0)]
    }

    /// The notice of a number, if the catalogue still has it.
    #[must_use]
    pub fn notice_of(&self, key: NoticeKey) -> Option<NoticeIx> {
        self.notice_of.get(&key).copied()
    }

    /// The number of a declared app.
    #[must_use]
    pub fn app_key(&self, app: AppIx) -> AppKey {
        self.app_keys[app.0 as usize]
    }

    /// The numbers of a purpose and an item.
    #[must_use]
    pub fn pair_numbers(&self, purpose: PurposeIx, data: DataIx) -> (u32, u32) {
        (self.purposes[usize::from(purpose.0)], self.items[usize::from(data.0)])
    }

    /// The pair of two numbers, if the catalogue still has both.
    #[must_use]
    pub fn pair_of(&self, purpose: u32, item: u32) -> Option<(PurposeIx, DataIx)> {
        let place = |numbers: &[u32], number| {
            let place = numbers.iter().position(|known| *known == number)?;
            u16::try_from(place).ok()
        };
        let purpose = place(&self.purposes, purpose).map(PurposeIx)?;
        Some((purpose, place(&self.items, item).map(DataIx)?))
    }

    /// The declared app of a number.
    #[must_use]
    pub fn app_of(&self, key: AppKey) -> Option<&App> {
        let place = self.app_keys.iter().position(|known| *known == key)?;
        self.apps.iter().nth(place).map(|(_, app)| app)
    }

    /// The toggles that cover an app's pairs.
    #[must_use]
    pub fn app_toggles(&self, app: AppIx) -> &[ToggleKey] {
        &self.app_toggles[app.0 as usize]
    }

    /// A declared app by its id.
    #[must_use]
    pub fn app(&self, id: &str) -> Option<(AppIx, &App)> {
        self.apps.find(id).map(|ix| (ix, self.apps.get(ix)))
    }
}

/// What each toggle covers, sorted.
fn coverage(
    catalog: &Catalog,
    toggles: &[ToggleKey],
    purposes: &[u32],
    items: &[u32],
) -> Vec<(ToggleKey, u32, u32)> {
    let mut coverage = Vec::new();
    for (purpose, _) in catalog.purposes.iter() {
        for (item, _) in catalog.data.iter() {
            for toggle in catalog.covering(purpose, item) {
                coverage.push((
                    toggles[usize::from(toggle.0)],
                    purposes[usize::from(purpose.0)],
                    items[usize::from(item.0)],
                ));
            }
        }
    }
    coverage.sort_unstable();
    coverage
}

/// Which earlier toggles hand their off to which.
fn successions(
    catalog: &Catalog,
    toggles: &[ToggleKey],
    names: &Names,
) -> Vec<(ToggleKey, ToggleKey)> {
    let mut successions = Vec::new();
    for (ix, toggle) in catalog.toggles.iter() {
        for earlier in &toggle.succeeds {
            let number = names.find(earlier).and_then(|number| u16::try_from(number).ok());
            if let Some(number) = number {
                successions.push((ToggleKey(number), toggles[usize::from(ix.0)]));
            }
        }
    }
    successions
}

struct Covered<'a> {
    catalog: &'a Catalog,
    toggles: &'a [ToggleKey],
    numbers: &'a Numbers,
    now_covers: &'a [(ToggleKey, u32, u32)],
}

/// Where a toggle is stored off: a successor must keep states there too.
#[derive(Debug, Default, Clone, Copy)]
struct Off {
    for_all: bool,
    for_one: bool,
}

impl Covered<'_> {
    /// Whether every pair that lay under a stored off still does, or under the toggle's successor.
    fn keeps(
        &self,
        before: &[(ToggleKey, u32, u32)],
        successions: &[(ToggleKey, ToggleKey)],
        settings: &Settings,
    ) -> Result<(), PolicyError> {
        let mut offs: HashMap<ToggleKey, Off> =
            settings.locks.iter().map(|(_, toggle)| (*toggle, Off::default())).collect();
        for (key, _) in settings.entries.iter().filter(|(_, entry)| entry.state == State::Off) {
            let off = offs.entry(key.toggle).or_default();
            off.for_all |= key.app == ALL_APPS;
            off.for_one |= key.app != ALL_APPS;
        }
        for (toggle, purpose, item) in before {
            let Some(off) = offs.get(toggle).filter(|_| self.is_known(*purpose, *item)) else {
                continue;
            };
            let heirs = successions.iter().filter(|(from, _)| from == toggle).map(|(_, to)| *to);
            let kept = std::iter::once(*toggle)
                .chain(heirs)
                .filter(|toggle| self.takes(*toggle, *off))
                .any(|toggle| self.now_covers.binary_search(&(toggle, *purpose, *item)).is_ok());
            if !kept {
                let name = |names: &Names, number: u32| {
                    names.name(number).unwrap_or("a name that is gone").to_owned()
                };
                return Err(PolicyError::Uncovers {
                    toggle: name(&self.numbers.toggles, u32::from(toggle.0)),
                    purpose: name(&self.numbers.purposes, *purpose),
                    item: name(&self.numbers.items, *item),
                });
            }
        }
        Ok(())
    }

    /// Whether a toggle of the new catalogue can be off where an earlier one was.
    fn takes(&self, toggle: ToggleKey, off: Off) -> bool {
        let mut known = self.catalog.toggles.iter().zip(self.toggles);
        known.any(|((_, definition), key)| {
            *key == toggle
                && definition.kind == Kind::Switch
                && match definition.scope {
                    Scope::Both | Scope::Site => true,
                    Scope::All => !off.for_one,
                    Scope::App => !off.for_all,
                }
        })
    }

    /// Whether the new catalogue still has both: what is gone is denied, and loses nothing.
    fn is_known(&self, purpose: u32, item: u32) -> bool {
        let purpose = self.numbers.purposes.name(purpose);
        let item = self.numbers.items.name(item);
        purpose.is_some_and(|id| self.catalog.purposes.find(id).is_some())
            && item.is_some_and(|id| self.catalog.data.find(id).is_some())
    }
}

struct Loading<'a> {
    remembered: &'a Remembered,
    app_keys: &'a [AppKey],
    purposes: &'a [u32],
    items: &'a [u32],
}

/// Raises each pair to the later of the notice it declares and the one in force when it was first
/// loaded (R39). Returns the pairs that are loaded for the first time.
fn raise(
    catalog: &Catalog,
    apps: &mut Apps,
    loading: &Loading<'_>,
    notices: &[NoticeKey],
    notice_of: &HashMap<NoticeKey, NoticeIx>,
    now: i64,
) -> Vec<(AppKey, u32, u32, NoticeKey)> {
    let known = &loading.remembered.pairs;
    let in_force = catalog.notice_at(now);
    let mut fresh = Vec::new();
    for (ix, app) in apps.iter_mut() {
        let key = loading.app_keys[ix.0 as usize];
        for pair in &mut app.pairs {
            let PurposeIx(purpose) = pair.purpose;
            let DataIx(item) = pair.data;
            let purpose = loading.purposes[usize::from(purpose)];
            let item = loading.items[usize::from(item)];
            let wanted = (key, purpose, item);
            let found = known
                .binary_search_by_key(&wanted, |(app, purpose, item, _)| (*app, *purpose, *item));
            let first = match found {
                // A notice that the catalogue no longer has makes no pair older.
                Ok(position) => notice_of.get(&known[position].3).copied().or(in_force),
                Err(_) => {
                    if let Some(notice) = in_force {
                        fresh.push((key, purpose, item, notices[usize::from(notice.0)]));
                    }
                    in_force
                }
            };
            pair.since = pair.since.max(first.unwrap_or(pair.since));
        }
    }
    fresh
}
