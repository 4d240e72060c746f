//! The register of breaches: what happened, whom to tell and by when, and who was told (R56, S3 6.1).
//!
//! Whom to tell is the catalogue's to say, region by region. It tells nobody by itself.

use super::change::known_app;
use super::error::{EngineError, Invalid, TooLarge};
use super::profile::no_region;
use super::request::check_id;
use super::{Engine, Policy, State};
use crate::catalog::{Catalog, Duty, Region, Risk, Told};
use crate::row::Row;

/// Bytes of a text in the register.
pub const MAX_TEXT: usize = 4_096;
/// Names in one list of an entry.
pub const MAX_NAMES: usize = 1_024;

/// A breach, as somebody enters it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What happened.
    pub what: String,
    /// When it was found, Unix seconds: deadlines run from there. Now, if not said.
    pub found: Option<i64>,
    /// When it happened, Unix seconds, if that is known.
    pub happened: Option<i64>,
    /// How likely it harms the people concerned: `unlikely`, `likely`, `high`. High, if not said.
    pub risk: Option<String>,
    /// How many people are concerned, if that is known.
    pub people: Option<u64>,
    /// Whose data, by uid. Everybody's on the device, if not said.
    pub users: Vec<u32>,
    /// In which regions they live. What their profiles say, if not said.
    pub regions: Vec<String>,
    /// Which data items, as far as they are known.
    pub data: Vec<String>,
    /// Which apps it went through.
    pub apps: Vec<String>,
    /// What was done about it.
    pub measures: String,
}

/// A breach, as the register keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Its number.
    pub id: i64,
    /// Unix seconds.
    pub found: i64,
    /// Unix seconds.
    pub happened: Option<i64>,
    /// When it was entered, Unix seconds.
    pub entered: i64,
    /// What happened.
    pub what: String,
    /// How likely it harms.
    pub risk: Risk,
    /// How many people.
    pub people: Option<u64>,
    /// Uids; empty: everybody's.
    pub users: Vec<u32>,
    /// Regions' ids.
    pub regions: Vec<String>,
    /// Data items' ids.
    pub data: Vec<String>,
    /// Apps' ids.
    pub apps: Vec<String>,
    /// What was done about it when it was entered.
    pub measures: String,
}

/// What was done about a breach since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// When, Unix seconds.
    pub at: i64,
    /// Who was told.
    pub told: Option<String>,
    /// What else was done.
    pub measures: String,
}

/// Somebody to tell of one breach.
struct Obligation<'a> {
    duty: &'a Duty,
    region: &'a Region,
    /// Unix seconds.
    by: i64,
    /// Unix seconds.
    told: Option<i64>,
}

impl Engine {
    /// Enters a breach. Returns its number.
    ///
    /// # Errors
    /// Nothing happened, a time lies ahead, a name is none, or the disk does not take it.
    pub fn add_breach(&self, found: &Found) -> Result<i64, EngineError> {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        let id = self.in_store(&writer, |store| store.next_breach())?;
        self.commit(&mut writer, now, |state, draft, now| {
            draft.breaches.push(entered(state, found, id, now.wall)?);
            Ok(())
        })?;
        Ok(id)
    }

    /// Notes that somebody was told of a breach, at a time or now, or what else was done about it.
    ///
    /// # Errors
    /// No such breach, nobody who is to be told, a time ahead, nothing done, or the disk does not take it.
    pub fn note_breach(
        &self,
        id: &str,
        told: Option<String>,
        at: Option<i64>,
        measures: String,
    ) -> Result<(), EngineError> {
        let now = self.clock.now();
        check_id(id)?;
        check_text(&measures)?;
        let note = Note { at: at.unwrap_or(now.wall), told, measures };
        if note.at > now.wall {
            return Err(Invalid::Ahead("at").into());
        }
        if note.told.is_none() && note.measures.is_empty() {
            return Err(Invalid::NothingDone.into());
        }
        let mut writer = self.lock_writer();
        let kept = self.in_store(&writer, |store| store.breaches())?;
        let known = kept.into_iter().find(|(breach, _)| breach.id.to_string() == id);
        let (breach, notes) = known.ok_or_else(|| Invalid::Breach(id.into()))?;
        if note.at < breach.found && note.told.is_some() {
            return Err(Invalid::ToldBeforeFound.into());
        }
        self.commit(&mut writer, now, |state, draft, _| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            if let Some(told) = &note.told {
                check_id(told)?;
                let obligations = obligations(&policy.catalog, &breach, &notes);
                let who: Vec<String> = obligations.iter().map(Obligation::who).collect();
                if !who.contains(told) {
                    let known = if who.is_empty() { "nobody".into() } else { who.join(", ") };
                    return Err(Invalid::NobodyToTell { who: told.clone(), known }.into());
                }
            }
            draft.breach_notes.push((breach.id, note.clone()));
            Ok(())
        })
        .map(drop)
    }

    /// The register, newest first: each breach with whom to tell by when, and how that stands.
    ///
    /// # Errors
    /// The store cannot be read, or there is no catalogue in force.
    pub fn list_breaches(&self) -> Result<Vec<Row>, EngineError> {
        let policy = self.policy()?;
        let now = self.clock.now().wall;
        let kept = self.in_store(&self.lock_writer(), |store| store.breaches())?;
        Ok(kept.iter().map(|(breach, notes)| row(&policy.catalog, breach, notes, now)).collect())
    }
}

fn entered(state: &mut State, found: &Found, id: i64, now: i64) -> Result<Breach, EngineError> {
    let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
    if found.what.trim().is_empty() {
        return Err(Invalid::NothingHappened.into());
    }
    check_text(&found.what)?;
    check_text(&found.measures)?;
    let at = found.found.unwrap_or(now);
    if at > now {
        return Err(Invalid::Ahead("found").into());
    }
    if at < 0 || found.happened.is_some_and(|happened| happened > at || happened < 0) {
        return Err(Invalid::HappenedLater.into());
    }
    let risk = match found.risk.as_deref() {
        None => Risk::High,
        Some(word) => {
            check_id(word)?;
            Risk::parse(word).ok_or_else(|| Invalid::Risk(word.into()))?
        }
    };
    for names in [found.users.len(), found.regions.len(), found.data.len(), found.apps.len()] {
        if names > MAX_NAMES {
            return Err(TooLarge::Names(names).into());
        }
    }
    for item in &found.data {
        check_id(item)?;
        if policy.catalog.data.find(item).is_none() {
            return Err(Invalid::DataItem(item.clone()).into());
        }
    }
    for app in &found.apps {
        check_id(app)?;
        known_app(state, app)?;
    }
    for region in &found.regions {
        check_id(region)?;
        if policy.catalog.regions.find(region).is_none() {
            return Err(no_region(&policy.catalog, region).into());
        }
    }
    Ok(Breach {
        id,
        found: at,
        happened: found.happened,
        entered: now,
        what: found.what.clone(),
        risk,
        people: found.people,
        users: each_once(found.users.clone()),
        regions: concerned(state, &policy, found),
        data: each_once(found.data.clone()),
        apps: each_once(found.apps.clone()),
        measures: found.measures.clone(),
    })
}

/// The regions whose law holds: those named; else those of the users named; else of everybody on the
/// device, whoever never set one included.
fn concerned(state: &State, policy: &Policy, found: &Found) -> Vec<String> {
    if !found.regions.is_empty() {
        return each_once(found.regions.clone());
    }
    let catalog = &policy.catalog;
    let default = &catalog.regions[catalog.default_region].id;
    let profiles = &state.settings.profiles;
    let of_user = |user: &u32| {
        let set = profiles.get(user).and_then(|profile| profile.region.as_deref());
        set.filter(|region| catalog.regions.find(region).is_some()).unwrap_or(default).to_owned()
    };
    let regions: Vec<String> = if found.users.is_empty() {
        profiles.keys().map(of_user).chain([default.to_string()]).collect()
    } else {
        found.users.iter().map(of_user).collect()
    };
    each_once(regions)
}

fn each_once<T: Ord>(mut names: Vec<T>) -> Vec<T> {
    names.sort_unstable();
    names.dedup();
    names
}

fn check_text(text: &str) -> Result<(), TooLarge> {
    if text.len() > MAX_TEXT { Err(TooLarge::Text(text.len())) } else { Ok(()) }
}

/// Whom to tell of a breach, soonest first. A region that the catalogue no longer has asks nothing.
fn obligations<'a>(catalog: &'a Catalog, breach: &Breach, notes: &[Note]) -> Vec<Obligation<'a>> {
    let regions = breach.regions.iter().filter_map(|id| catalog.regions.find(id));
    let mut obligations: Vec<Obligation<'a>> = regions
        .map(|ix| &catalog.regions[ix])
        .flat_map(|region| region.breach.iter().map(move |duty| (region, duty)))
        .filter(|(_, duty)| breach.risk >= duty.risk)
        .map(|(region, duty)| {
            let within = i64::try_from(duty.within).unwrap_or(i64::MAX);
            let by = breach.found.saturating_add(within);
            Obligation { duty, region, by, told: None }
        })
        .collect();
    for obligation in &mut obligations {
        let who = obligation.who();
        let told = notes.iter().filter(|note| note.told.as_deref() == Some(&*who));
        obligation.told = told.map(|note| note.at).min();
    }
    obligations.sort_by_key(|obligation| obligation.by);
    obligations
}

impl Obligation<'_> {
    /// What it is called: `authority:EEA`, `users:IN`, `CERT-In:IN`.
    fn who(&self) -> String {
        let who = match &self.duty.tell {
            Told::Authority => "authority",
            Told::Users => "users",
            Told::Body(name) => name.split([':', ',']).next().unwrap_or(name),
        };
        format!("{who}:{}", self.region.id)
    }

    fn name(&self) -> &str {
        match &self.duty.tell {
            Told::Authority => self.region.authority.as_deref().unwrap_or_default(),
            Told::Users => "the people concerned",
            Told::Body(name) => name,
        }
    }

    /// `open`, `late`, `told` or `told-late`.
    fn state(&self, now: i64) -> &'static str {
        match self.told {
            Some(told) if told <= self.by => "told",
            Some(_) => "told-late",
            None if now <= self.by => "open",
            None => "late",
        }
    }

    fn row(&self, now: i64) -> Row {
        Row::new()
            .with("who", self.who())
            .with("name", self.name())
            .with("region", &self.region.id)
            .with("by", self.by)
            .with("law", &self.duty.law)
            .with("state", self.state(now))
            .maybe("told", self.told)
    }
}

fn row(catalog: &Catalog, breach: &Breach, notes: &[Note], now: i64) -> Row {
    let obligations = obligations(catalog, breach, notes);
    let is = |state: &str| obligations.iter().any(|obligation| obligation.state(now) == state);
    let state = match (is("late"), is("open")) {
        (true, _) => "late",
        (false, true) => "open",
        (false, false) if obligations.is_empty() => "nobody-to-tell",
        (false, false) => "told",
    };
    let measures = notes.iter().map(|note| &note.measures).filter(|text| !text.is_empty());
    let first = Some(&breach.measures).filter(|text| !text.is_empty());
    Row::new()
        .with("id", breach.id.to_string())
        .with("state", state)
        .with("what", &*breach.what)
        .maybe("happened", breach.happened)
        .with("found", breach.found)
        .with("entered", breach.entered)
        .with("risk", breach.risk.word())
        .maybe("people", breach.people)
        .with("users", breach.users.iter().map(u32::to_string).collect::<Vec<_>>())
        .with("regions", breach.regions.clone())
        .with("data", breach.data.clone())
        .with("apps", breach.apps.clone())
        .with("measures", first.into_iter().chain(measures).cloned().collect::<Vec<_>>())
        .with("tell", obligations.iter().map(|one| one.row(now)).collect::<Vec<_>>())
}
