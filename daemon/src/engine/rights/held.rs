//! Rights that a user exercised and that hold until they are lifted: objections, opting out of automated
//! decisions, restrictions (R47, R48, R51). What they do to a check is the rule's.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::clock::Moment;
use crate::decision::situation::{Held, Reach, Right};
use crate::engine::change::{event, known_app};
use crate::engine::error::{EngineError, Invalid};
use crate::engine::names::{ALL_APPS, AppKey};
use crate::engine::policy::Policy;
use crate::engine::publish::Draft;
use crate::engine::request::check_id;
use crate::engine::settings::{By, View};
use crate::engine::{ChangedSetting, Engine, State};
use crate::ledger::{Event, What};
use crate::row::Row;

/// A right of which every later check knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lasting {
    /// To legitimate interest, profiling and direct marketing (R47).
    Objection,
    /// Not to be judged by machines alone (R51).
    AutomatedDecisions,
    /// Used with consent or for legal claims alone (R48).
    Restriction,
}

impl Lasting {
    /// All of them.
    pub const ALL: [Lasting; 3] =
        [Lasting::Objection, Lasting::AutomatedDecisions, Lasting::Restriction];

    /// The word on the wire and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Lasting::Objection => "objection",
            Lasting::AutomatedDecisions => "automated-decisions",
            Lasting::Restriction => "restriction",
        }
    }

    /// The right of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.word() == word)
    }

    fn right(self) -> Right {
        match self {
            Lasting::Objection => Right::Objection,
            Lasting::AutomatedDecisions => Right::AutomatedDecisions,
            Lasting::Restriction => Right::Restriction,
        }
    }
}

/// Whose right, towards whom, about what. An id of `""` stands for all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldKey {
    /// Uid.
    pub user: u32,
    /// The app, or all.
    pub app: AppKey,
    /// Which right.
    pub right: Lasting,
    /// One purpose, or all.
    pub purpose: Box<str>,
    /// One data item, or all; one identifier stands for all of them.
    pub data: Box<str>,
}

/// Since when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// In the order of events.
    pub generation: u64,
    /// Unix seconds: for people.
    pub at: i64,
}

/// The rights that hold; on their way to the disk, `None` lifts one.
pub type Rights = BTreeMap<HeldKey, Since>;
/// Rights on their way to the disk.
pub type RightsChange = BTreeMap<HeldKey, Option<Since>>;

/// Makes what is on its way hold.
pub(in crate::engine) fn take(rights: &mut Rights, change: RightsChange) {
    for (key, since) in change {
        match since {
            Some(since) => drop(rights.insert(key, since)),
            None => drop(rights.remove(&key)),
        }
    }
}

impl View<'_> {
    /// What holds for an app of a user, as the rule sees it. What the catalogue no longer has reaches
    /// nothing; it holds again with a catalogue that has it.
    pub(in crate::engine) fn held(&self, catalog: &Catalog, user: u32, app: AppKey) -> Vec<Held> {
        let change =
            self.overlay.map(|overlay| &overlay.rights).filter(|change| !change.is_empty());
        if self.settings.rights.is_empty() && change.is_none() {
            return Vec::new();
        }
        let concerned = |key: &HeldKey| key.user == user && (key.app == app || key.app == ALL_APPS);
        let kept = self.settings.rights.iter().map(|(key, since)| (key, *since));
        let kept = kept.filter(|(key, _)| change.is_none_or(|change| !change.contains_key(*key)));
        let coming = change.into_iter().flatten().filter_map(|(key, since)| Some((key, (*since)?)));
        let held = kept.chain(coming).filter(|(key, _)| concerned(key));
        held.filter_map(|(key, since)| {
            let reach = Reach {
                purpose: one(&key.purpose, |id| catalog.purposes.find(id))?,
                data: one(&key.data, |id| catalog.data.find(id))?,
            };
            Some(Held { right: key.right.right(), reach, generation: since.generation })
        })
        .collect()
    }
}

/// All, or the one that an id names; `None` if that is gone.
fn one<T>(id: &str, find: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if id.is_empty() { Some(None) } else { find(id).map(Some) }
}

/// A right as somebody exercises or lifts it. An id of `""` stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Which right.
    pub right: Lasting,
    /// Towards which app.
    pub app: &'a str,
    /// About which purpose.
    pub purpose: &'a str,
    /// About which data item.
    pub data: &'a str,
}

impl Engine {
    /// Exercises a right: it holds for every check that starts after this returned, on the pages too.
    /// One that holds already holds from now on. Returns the generation.
    ///
    /// # Errors
    /// No such app, purpose or data item; or the disk does not take it: then it holds in memory all the
    /// same.
    pub fn exercise(&self, user: u32, claim: &Claim<'_>, by: By) -> Result<u64, EngineError> {
        self.claim(user, claim, by, What::Right)
    }

    /// Lifts a right. Nothing happens to one that does not hold. Returns the generation.
    ///
    /// # Errors
    /// As [`Engine::exercise`]; what the disk does not take holds on.
    pub fn lift(&self, user: u32, claim: &Claim<'_>, by: By) -> Result<u64, EngineError> {
        self.claim(user, claim, by, What::RightLifted)
    }

    fn claim(&self, user: u32, claim: &Claim<'_>, by: By, what: What) -> Result<u64, EngineError> {
        self.change(|state, draft, now| state.claim(draft, user, claim, by, what, now))
    }

    /// The rights of a user that hold, in the order of apps.
    #[must_use]
    pub fn rights_held(&self, user: u32) -> Vec<Row> {
        let state = self.read_state();
        let rights = state.settings.rights.iter().filter(|(key, _)| key.user == user);
        let row = |(key, since): (&HeldKey, &Since)| {
            Row::new()
                .with("right", key.right.word())
                .with("app", state.numbers.apps.name(key.app.0).unwrap_or_default())
                .with("purpose", &*key.purpose)
                .with("data", &*key.data)
                .with("since", since.at)
        };
        rights.map(row).collect()
    }
}

impl State {
    /// Puts a right into a change, or takes it out.
    pub(in crate::engine) fn claim(
        &mut self,
        draft: &mut Draft,
        user: u32,
        claim: &Claim<'_>,
        by: By,
        what: What,
        now: Moment,
    ) -> Result<(), EngineError> {
        let lifted = what == What::RightLifted;
        if !lifted {
            let policy = self.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            claim.reach(&policy)?;
        }
        let app = match claim.app {
            "" => ALL_APPS,
            app => known_app(self, app)?,
        };
        let Claim { right, purpose, data, .. } = *claim;
        let key = HeldKey { user, app, right, purpose: purpose.into(), data: data.into() };
        if lifted && !self.settings.rights.contains_key(&key) {
            return Ok(());
        }
        draft.changed.push(ChangedSetting {
            user: Some(user),
            toggle: None,
            app: claim.app.into(),
        });
        draft.event(Event {
            app: Some(claim.app.into()),
            state: Some(described(&key)),
            ..event(what, Some(user), Some(by), now)
        });
        let since = Since { generation: draft.generation, at: now.wall };
        draft.overlay.rights.insert(key, (!lifted).then_some(since));
        Ok(())
    }
}

impl Claim<'_> {
    /// Which pairs it is about.
    pub(in crate::engine) fn reach(&self, policy: &Policy) -> Result<Reach, EngineError> {
        check_id(self.purpose)?;
        check_id(self.data)?;
        let catalog = &policy.catalog;
        let purpose = one(self.purpose, |id| catalog.purposes.find(id));
        let data = one(self.data, |id| catalog.data.find(id));
        Ok(Reach {
            purpose: purpose.ok_or_else(|| Invalid::UnknownPurpose(self.purpose.into()))?,
            data: data.ok_or_else(|| Invalid::UnknownData(self.data.into()))?,
        })
    }
}

/// As its event says it, and [`parsed`] reads it.
fn described(key: &HeldKey) -> String {
    let mut words = key.right.word().to_owned();
    for (what, id) in [("purpose", &key.purpose), ("data", &key.data)] {
        if !id.is_empty() {
            words.push_str(&format!(", {what} {id}"));
        }
    }
    words
}

/// The right that an event tells of: which, about which purpose, about which data item.
pub(in crate::engine) fn parsed(words: &str) -> Option<(Lasting, Box<str>, Box<str>)> {
    let mut words = words.split(", ");
    let right = Lasting::of(words.next()?)?;
    let (mut purpose, mut data): (Box<str>, Box<str>) = Default::default();
    for word in words {
        match word.split_once(' ') {
            Some(("purpose", id)) => purpose = id.into(),
            Some(("data", id)) => data = id.into(),
            Some(_) | None => {}
        }
    }
    Some((right, purpose, data))
}
