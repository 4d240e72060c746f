//! Cases: a user exercises a right towards every app that holds the data, and sees how far it is
//! (R44–R52).
//!
//! Who may open one is [`crate::authority`]'s to say; telling the holders is the transport's.

pub use super::case::*;
use super::held::{Claim, Lasting};
use crate::apps::App;
use crate::catalog::{DataIx, PurposeIx};
use crate::clock::Moment;
use crate::engine::change::{event, known_app};
use crate::engine::error::{EngineError, Invalid, TooLarge};
use crate::engine::publish::Draft;
use crate::engine::request::check_id;
use crate::engine::settings::By;
use crate::engine::{Engine, Policy, State};
use crate::ledger::{Event, What};
use crate::row::Row;

impl Engine {
    /// Opens a case towards every declared app that collects what it is about, and exercises a right
    /// that checks have to know of. Returns its number.
    ///
    /// # Errors
    /// No such app, purpose or data item; nobody collects it; too much is said, or too many are open; or
    /// the disk does not take it: then a right that denies holds in memory all the same.
    pub fn open_case(&self, user: u32, open: &Opening<'_>, by: By) -> Result<i64, EngineError> {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        let (id, cases) =
            self.in_store(&writer, |store| Ok((store.next_case()?, store.cases(user)?)))?;
        if cases.iter().filter(|(case, _)| case.end.is_none()).count() >= MAX_OPEN {
            return Err(EngineError::TooManyCases(MAX_OPEN));
        }
        self.commit(&mut writer, now, |state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            check_text(open.statement)?;
            check_id(open.app)?;
            if open.right == CaseRight::Rectification && open.statement.trim().is_empty() {
                return Err(Invalid::NothingStated.into());
            }
            let apps = holders(state, &policy, open)?;
            if let CaseRight::Lasting(right) = open.right {
                state.claim(draft, user, &open.claim(right), by, What::Right, now)?;
            }
            self.put_case(state, &policy, draft, NewCase { id, user, open, apps, by, now });
            Ok(())
        })?;
        Ok(id)
    }

    /// Puts a case into a change.
    pub(in crate::engine) fn put_case(
        &self,
        state: &State,
        policy: &Policy,
        draft: &mut Draft,
        new: NewCase<'_>,
    ) {
        let NewCase { id, user, open, apps, by, now } = new;
        let (region, _) = self.config.profile(&policy.catalog, state.view(), user);
        let region = &policy.catalog.regions[region];
        let within = i64::try_from(region.answer.within).unwrap_or(i64::MAX);
        draft.cases.push(CaseChange::Opened(Case {
            id,
            user,
            right: open.right,
            app: open.app.into(),
            purpose: open.purpose.into(),
            data: open.data.into(),
            statement: open.statement.into(),
            by,
            opened: now.wall,
            due: now.wall.saturating_add(within),
            region: region.id.to_string(),
            controller: region.controller.to_string(),
            authority: region.authority.as_deref().unwrap_or_default().into(),
            end: None,
        }));
        let waiting = apps.into_iter().map(|app| Holder::waiting(id, app, now));
        draft.cases.extend(waiting.map(CaseChange::Holder));
        let words = told(id, open.right);
        case_event(draft, What::CaseOpened, user, open.app, &words, Some(by), now);
    }

    /// A user's cases, newest first, each with its holders.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list_cases(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        let now = self.clock.now().wall;
        let cases = self.in_store(&self.lock_writer(), |store| store.cases(user))?;
        Ok(cases.iter().map(|(case, holders)| row(case, holders, now)).collect())
    }

    /// One case of a user.
    ///
    /// # Errors
    /// The user has no such case, or the store cannot be read.
    pub fn get_case(&self, user: u32, id: &str) -> Result<Row, EngineError> {
        let now = self.clock.now().wall;
        let (case, holders) = self.case(&self.lock_writer(), user, id)?;
        Ok(row(&case, &holders, now))
    }

    /// Takes a case back: a right that checks know of is lifted. Returns the generation.
    ///
    /// # Errors
    /// The user has no such case, or it ended in another way; or the disk does not take it: then nothing
    /// changed.
    pub fn withdraw_case(&self, user: u32, id: &str, by: By) -> Result<u64, EngineError> {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        let (case, _) = self.case(&writer, user, id)?;
        let lasting = match (case.right, case.end) {
            (_, Some((End::Withdrawn, _))) => return Ok(self.generation()),
            (CaseRight::Lasting(right), _) => Some(right),
            (_, None) => None,
            (_, Some((end, _))) => {
                return Err(Invalid::CaseEnded { case: case.id, end: end.word() }.into());
            }
        };
        self.commit(&mut writer, now, |state, draft, now| {
            if let Some(right) = lasting {
                let Case { app, purpose, data, .. } = &case;
                let claim = Claim { right, app, purpose, data };
                state.claim(draft, user, &claim, by, What::RightLifted, now)?;
            }
            draft.cases.push(CaseChange::Ended(case.id, End::Withdrawn, now.wall));
            let words = format!("{}, withdrawn", told(case.id, case.right));
            case_event(draft, What::CaseEnded, user, &case.app, &words, Some(by), now);
            Ok(())
        })
    }

    /// Notes what a holder came to with a case, and ends the case if it was the last one awaited. What it
    /// erased is kept no longer (R42).
    ///
    /// # Errors
    /// There is no such case or the app holds nothing of it; a refusal that names no listed ground counts
    /// as failed; or the disk does not take it.
    pub fn note_holder(
        &self,
        case: i64,
        app: &str,
        progress: Progress,
        note: &str,
    ) -> Result<(), EngineError> {
        if progress == Progress::Done {
            // What was collected until now is known then, and is not taken for what was erased.
            self.keep_retention()?;
        }
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        let found = self.in_store(&writer, |store| store.case(case))?;
        let (case, mut holders) =
            found.ok_or_else(|| EngineError::UnknownCase(case.to_string()))?;
        let unknown = || EngineError::UnknownApp { id: app.into() };
        let holder = holders.iter_mut().find(|holder| holder.app == app).ok_or_else(unknown)?;
        if case.end.is_some() || holder.progress.is_final() {
            return Ok(());
        }
        let groundless = progress == Progress::Refused && !GROUNDS.contains(&note);
        holder.progress = if groundless { Progress::Failed } else { progress };
        holder.note = match groundless {
            true => "it refused, and named none of the grounds there are".into(),
            false => note.chars().take(MAX_TEXT / 4).collect(),
        };
        holder.at = now.wall;
        holder.tries = holder.tries.saturating_add(1);
        let changed = CaseChange::Holder(holder.clone());
        let end = ending(&holders);
        self.commit(&mut writer, now, |state, draft, now| {
            draft.cases.push(changed);
            if case.right == CaseRight::Erasure && progress == Progress::Done {
                state.erased_for(draft, &case, app, now);
            }
            if let Some(end) = end {
                draft.cases.push(CaseChange::Ended(case.id, end, now.wall));
                let words = format!("{}, {}", told(case.id, case.right), end.word());
                case_event(draft, What::CaseEnded, case.user, &case.app, &words, None, now);
            }
            Ok(())
        })?;
        Ok(())
    }

    /// What holders are still to be told, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tasks(&self, which: &Tasks) -> Result<Vec<Task>, EngineError> {
        let cases = self.in_store(&self.lock_writer(), |store| store.open_cases())?;
        let tasks = cases.into_iter().rev().flat_map(|(case, holders)| {
            let waiting = holders.into_iter().filter(|holder| !holder.progress.is_final());
            waiting.map(move |holder| Task { case: case.clone(), app: holder.app })
        });
        let wanted = |task: &Task| match which {
            Tasks::All => true,
            Tasks::OfCase(id) => task.case.id == *id,
            Tasks::OfHolder { case, app } => task.case.id == *case && task.app == *app,
            Tasks::OfApp { user, app } => {
                task.app == *app && user.is_none_or(|user| user == task.case.user)
            }
        };
        Ok(tasks.filter(wanted).collect())
    }

    /// How often a holder was told of a case; `None` once it has done its part or the case ended.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tries_of(&self, case: i64, app: &str) -> Result<Option<u32>, EngineError> {
        let found = self.in_store(&self.lock_writer(), |store| store.case(case))?;
        let open = found.filter(|(case, _)| case.end.is_none());
        let holder = open.and_then(|(_, holders)| holders.into_iter().find(|held| held.app == app));
        Ok(holder.filter(|holder| !holder.progress.is_final()).map(|holder| holder.tries))
    }

    /// A user's case of which there is a report, and the holders that are to return something for it.
    ///
    /// # Errors
    /// As [`Engine::told_of`]; or it is no case of access or portability, or was withdrawn.
    pub fn report_of(&self, user: u32, id: &str) -> Result<(Row, Vec<Task>), EngineError> {
        let (case, holders) = self.case(&self.lock_writer(), user, id)?;
        match (case.right, case.end) {
            (
                CaseRight::Access | CaseRight::Portability,
                None | Some((End::Done | End::Refused, _)),
            ) => {}
            (CaseRight::Access | CaseRight::Portability, Some((End::Withdrawn, _)))
            | (CaseRight::Rectification | CaseRight::Erasure | CaseRight::Lasting(_), _) => {
                return Err(Invalid::NoReport(case.id).into());
            }
        }
        let row = row(&case, &holders, self.clock.now().wall);
        let done = holders.into_iter().filter(|holder| holder.progress == Progress::Done);
        Ok((row, done.map(|holder| Task { case: case.clone(), app: holder.app }).collect()))
    }

    /// Whether a case was taken back whose right stopped something.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn is_lifted(&self, case: i64) -> Result<bool, EngineError> {
        let found = self.in_store(&self.lock_writer(), |store| store.case(case))?;
        Ok(found.is_some_and(|(case, _)| {
            matches!((case.right, case.end), (CaseRight::Lasting(_), Some((End::Withdrawn, _))))
        }))
    }

    /// The holders of a user's case that stopped something for it, or may have: they were told.
    ///
    /// # Errors
    /// The user has no such case, or the store cannot be read.
    pub fn told_of(&self, user: u32, id: &str) -> Result<Vec<Task>, EngineError> {
        let (case, holders) = self.case(&self.lock_writer(), user, id)?;
        let stops = matches!(case.right, CaseRight::Lasting(_));
        let began =
            |holder: &Holder| stops && holder.tries > 0 && holder.progress != Progress::Refused;
        let told = holders.into_iter().filter(began);
        Ok(told.map(|holder| Task { case: case.clone(), app: holder.app }).collect())
    }

    fn case(
        &self,
        writer: &Option<crate::store::Store>,
        user: u32,
        id: &str,
    ) -> Result<(Case, Vec<Holder>), EngineError> {
        check_id(id)?;
        let unknown = || EngineError::UnknownCase(id.into());
        let number: i64 = id.parse().map_err(|_| unknown())?;
        // `+1` and `01` are nobody's.
        if number.to_string() != id {
            return Err(unknown());
        }
        let found = self.in_store(writer, |store| store.case(number))?;
        found.filter(|(case, _)| case.user == user).ok_or_else(unknown)
    }
}

/// A case that a change opens.
pub(in crate::engine) struct NewCase<'a> {
    pub id: i64,
    pub user: u32,
    pub open: &'a Opening<'a>,
    /// Whom it goes to.
    pub apps: Vec<String>,
    pub by: By,
    pub now: Moment,
}

impl<'a> Opening<'a> {
    fn claim(&self, right: Lasting) -> Claim<'a> {
        Claim { right, app: self.app, purpose: self.purpose, data: self.data }
    }
}

/// The declared apps that collect what a case is about.
fn holders(
    state: &mut State,
    policy: &Policy,
    open: &Opening<'_>,
) -> Result<Vec<String>, EngineError> {
    let reach = open.claim(Lasting::Objection).reach(policy)?;
    if !open.app.is_empty() {
        known_app(state, open.app)?;
    }
    let collects = |app: &&App| {
        let catalog = &policy.catalog;
        let reaches = |(purpose, data): (PurposeIx, DataIx)| reach.covers(catalog, purpose, data);
        app.pairs.iter().any(|pair| reaches((pair.purpose, pair.data)))
    };
    let named = |app: &&App| open.app.is_empty() || *app.id == *open.app;
    let holders: Vec<String> = policy
        .apps
        .iter()
        .map(|(_, app)| app)
        .filter(named)
        .filter(collects)
        .map(|app| app.id.to_string())
        .collect();
    if holders.is_empty() { Err(Invalid::NobodyCollects.into()) } else { Ok(holders) }
}

/// How a case ends with what its holders said; `None` while one is awaited.
fn ending(holders: &[Holder]) -> Option<End> {
    if !holders.iter().all(|holder| holder.progress.is_final()) {
        return None;
    }
    let refused = holders.iter().all(|holder| holder.progress == Progress::Refused);
    Some(if refused { End::Refused } else { End::Done })
}

fn check_text(text: &str) -> Result<(), TooLarge> {
    if text.len() > MAX_TEXT { Err(TooLarge::Text(text.len())) } else { Ok(()) }
}

fn told(id: i64, right: CaseRight) -> String {
    format!("case {id}, {}", right.word())
}

fn case_event(
    draft: &mut Draft,
    what: What,
    user: u32,
    app: &str,
    words: &str,
    by: Option<By>,
    now: Moment,
) {
    let (app, state) = (Some(app.to_owned()), Some(words.to_owned()));
    draft.event(Event { app, state, ..event(what, Some(user), by, now) });
}

fn row(case: &Case, holders: &[Holder], now: i64) -> Row {
    let late = case.end.is_none() && now > case.due;
    let state = match case.end {
        Some((end, _)) => end.word(),
        None if late => "late",
        None => "open",
    };
    let holder = |holder: &Holder| {
        Row::new()
            .with("app", &*holder.app)
            .with("state", holder.progress.word())
            .with("at", holder.at)
            .with("tries", holder.tries)
            .with("note", &*holder.note)
    };
    Row::new()
        .with("case", case.id.to_string())
        .with("right", case.right.word())
        .with("app", &*case.app)
        .with("purpose", &*case.purpose)
        .with("data", &*case.data)
        .with("statement", &*case.statement)
        .with("by", case.by.word())
        .with("opened", case.opened)
        .with("due", case.due)
        .with("region", &*case.region)
        .with("controller", &*case.controller)
        .with("authority", &*case.authority)
        .with("state", state)
        .maybe("ended", case.end.map(|(_, at)| at))
        .with("holders", holders.iter().map(holder).collect::<Vec<_>>())
}
