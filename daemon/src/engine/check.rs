//! A check: judged under what is in force and what is on its way, recorded, answered.

use super::error::EngineError;
use super::names::{AppKey, ToggleKey};
use super::policy::Policy;
use super::settings::{Key, Lifetime, View};
use super::standing::{Once, Resolver};
use super::{Engine, Request, State};
use crate::apps::{AppIx, Identity};
use crate::catalog::{Catalog, Shape, State as ToggleState};
use crate::clock::Moment;
use crate::decision::trace::Step;
use crate::decision::{self, Decision, Reason, Refusal, Ruling, Situation};
use crate::identity::{Caller, Kind};
use crate::ledger::Record;

/// Who asks, and about whose settings.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Whose settings answer.
    pub user: u32,
    /// The caller, if it was identified.
    pub caller: Option<&'a Caller>,
}

impl Asker<'_> {
    /// The caller's declaration in a policy. It may have been identified under an earlier one, in which
    /// its place was another app's: the id tells.
    pub(super) fn declared(&self, policy: &Policy) -> Option<AppIx> {
        let caller = self.caller?;
        policy.apps.find_again(caller.declared?, &caller.app)
    }
}

/// What a check comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// One ruling per item, in the order asked.
    pub rulings: Vec<Ruling>,
    /// The generation of the last change that could make this app hear another answer.
    pub generation: u64,
}

/// Whether a check was answered at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Checked {
    /// It was, and it is recorded.
    Answered(Answer),
    /// It uses up an allowance for one time: that has to be on the disk first. Call
    /// [`Engine::check_once`], which waits for the disk.
    UsesOnce,
}

/// A judged check that has not left yet.
pub(super) struct Judged {
    pub(super) answer: Answer,
    /// The allowances for one time that it rests on.
    pub(super) once: Vec<Key>,
}

impl Engine {
    /// Answers a check, recorded. Never waits for the disk to sync.
    pub fn check(&self, asker: Asker<'_>, request: &Request<'_>) -> Checked {
        let now = self.clock.now();
        let judged = self.judge(&self.read_state(), asker, request, now);
        if judged.once.is_empty() {
            Checked::Answered(self.record(asker, request, judged.answer, now))
        } else {
            Checked::UsesOnce
        }
    }

    /// Answers a check that may use up an allowance for one time, which is durable before this returns.
    pub fn check_once(&self, asker: Asker<'_>, request: &Request<'_>) -> Answer {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        // Judged again, now that no other check can use the same allowance up.
        let judged = self.judge(&self.read_state(), asker, request, now);
        let mut answer = judged.answer;
        if !judged.once.is_empty()
            && let Err(error) = self.use_up(&mut writer, asker.user, &judged.once, now)
        {
            tracing::error!(%error, "an allowance for one time could not be used up");
            answer.rulings = self.refuse(request, Reason::StoreUnavailable);
        }
        drop(writer);
        self.record(asker, request, answer, now)
    }

    /// The same answer, neither recorded nor using anything up.
    pub fn preview(&self, asker: Asker<'_>, request: &Request<'_>) -> Answer {
        self.judge(&self.read_state(), asker, request, self.clock.now()).answer
    }

    /// The same rulings, each with the arms of the rule that led to it. Not recorded.
    #[must_use]
    pub fn explain(&self, asker: Asker<'_>, request: &Request<'_>) -> Vec<(Ruling, Vec<Step>)> {
        let state = self.read_state();
        let now = self.clock.now();
        match unavailable(&state) {
            Some(reason) => {
                let refused = self.refuse_by(&state, request, reason);
                refused.into_iter().map(|ruling| (ruling, Vec::new())).collect()
            }
            None => match &state.policy {
                Ok(policy) => {
                    let view = state.coming().unwrap_or(state.view());
                    self.situation(policy, view, asker, now, |situation| {
                        decision::explain(request.question(), situation)
                    })
                }
                Err(_) => Vec::new(),
            },
        }
    }

    pub(super) fn judge(
        &self,
        state: &State,
        asker: Asker<'_>,
        request: &Request<'_>,
        now: Moment,
    ) -> Judged {
        self.judge_in(state, state.view(), asker, request, now)
    }

    /// The same under `view` in place of what is in force.
    pub(super) fn judge_in(
        &self,
        state: &State,
        view: View<'_>,
        asker: Asker<'_>,
        request: &Request<'_>,
        now: Moment,
    ) -> Judged {
        let generation = generation(state, asker);
        let policy = match (unavailable(state), &state.policy) {
            (None, Ok(policy)) => policy,
            (reason, _) => {
                let reason = reason.unwrap_or(Reason::CatalogUnavailable);
                let rulings = self.refuse_by(state, request, reason);
                return Judged { answer: Answer { rulings, generation }, once: Vec::new() };
            }
        };
        let decide = |view| {
            self.situation(policy, view, asker, now, |situation| {
                decision::decide(request.question(), situation)
            })
        };
        let mut rulings = decide(view);
        // A change is on its way to the disk: what it denies holds already, what it allows not yet.
        if let Some(coming) = state.coming() {
            for (ruling, next) in rulings.iter_mut().zip(decide(coming)) {
                *ruling = stricter(*ruling, next);
            }
        }
        let once = used_once(state, policy, asker, request, &rulings, now);
        Judged { answer: Answer { rulings, generation }, once }
    }

    /// Runs `judge` in the situation of a user's app.
    pub(super) fn situation<T>(
        &self,
        policy: &Policy,
        view: View<'_>,
        asker: Asker<'_>,
        now: Moment,
        judge: impl FnOnce(&Situation<'_>) -> T,
    ) -> T {
        let declared = asker.declared(policy);
        let (region, minor) = self.config.profile(&policy.catalog, view, asker.user);
        let app = declared.map_or(NOBODY, |app| policy.app_key(app));
        let mut held = view.held(&policy.catalog, asker.user, app);
        held.extend(view.isolated(policy, asker.user, app));
        let resolved = Once::of(Resolver { policy, view, user: asker.user, app, now });
        judge(&Situation {
            catalog: &policy.catalog,
            caller: asker.caller.map(|caller| caller.trust),
            app: declared.map(|app| policy.apps.get(app)),
            region,
            minor,
            toggles: &resolved,
            held: &held,
        })
    }

    /// Writes an answer down. One that cannot be written down does not leave: it denies.
    pub(super) fn record(
        &self,
        asker: Asker<'_>,
        request: &Request<'_>,
        mut answer: Answer,
        now: Moment,
    ) -> Answer {
        let question = request.question();
        let records: Vec<Record<'_>> = question
            .data
            .iter()
            .zip(&answer.rulings)
            .map(|(data, ruling)| Record {
                at: now.wall,
                user: asker.user,
                app: asker.caller.map_or("", |caller| &caller.app),
                trust: asker.caller.map_or("", |caller| caller.trust.word()),
                purpose: question.purpose,
                data,
                reason: ruling.reason,
                tag: request.tag(),
                times: 1,
                usage: None,
            })
            .collect();
        let written = match self.lock_ledger().as_mut() {
            Ok(ledger) => ledger.record(&records).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        match written {
            Ok(()) => {
                if records.iter().any(|record| record.reason.decision() == Decision::Allow) {
                    self.note_collected();
                }
                self.show_followers(&records);
            }
            Err(error) => {
                tracing::error!(error, "an answer could not be recorded: denied");
                answer.rulings = self.refuse(request, Reason::StoreUnavailable);
            }
        }
        answer
    }

    pub(super) fn show_followers(&self, records: &[Record<'_>]) {
        if self.followed.load(std::sync::atomic::Ordering::Relaxed)
            && let Some(listener) = self.listener.get()
        {
            listener.recorded(records);
        }
    }

    pub(super) fn refuse(&self, request: &Request<'_>, reason: Reason) -> Vec<Ruling> {
        self.refuse_by(&self.read_state(), request, reason)
    }

    /// The same refusal for every item, each in its shape.
    fn refuse_by(&self, state: &State, request: &Request<'_>, reason: Reason) -> Vec<Ruling> {
        let catalog = state.policy.as_ref().ok().map(|policy| &policy.catalog);
        let refuse = |id: &&str| Ruling { reason, refusal: shape(catalog, id) };
        request.question().data.iter().map(refuse).collect()
    }
}

/// The generation of the last change that the caller's answers rest on; of others' it learns nothing.
pub(super) fn generation(state: &State, asker: Asker<'_>) -> u64 {
    let policy = state.policy.as_ref().ok();
    match policy.and_then(|policy| Some((policy, asker.declared(policy)?))) {
        Some((policy, app)) => {
            let toggles = policy.app_toggles(app).iter().copied();
            state.touched.last(asker.user, policy.app_key(app), toggles)
        }
        None => state.touched.last(asker.user, NOBODY, []),
    }
}

/// An app as it would ask with the best identity it declares.
pub(super) fn as_declared(policy: &Policy, user: u32, id: &str) -> Result<Caller, EngineError> {
    let (ix, app) = policy.app(id).ok_or_else(|| EngineError::UnknownApp { id: id.into() })?;
    let best = app.identities.iter().max_by_key(|identity| identity.best_trust());
    Ok(Caller {
        user,
        kind: best.map_or(Kind::Executable, kind_of),
        app: app.id.clone(),
        declared: Some(ix),
        instance: "".into(),
        trust: best.map_or(crate::catalog::Trust::Weak, Identity::best_trust),
    })
}

fn kind_of(identity: &Identity) -> Kind {
    match identity {
        Identity::Flatpak(_) => Kind::Flatpak,
        Identity::Snap(_) => Kind::Snap,
        Identity::User { .. } => Kind::User,
        Identity::Unit(_) => Kind::Unit,
        Identity::Executable(_) => Kind::Executable,
        Identity::Scope(_) => Kind::Scope,
    }
}

/// An app that nobody has settings for: what an undeclared caller is judged as.
const NOBODY: AppKey = AppKey(u32::MAX);

/// Why nothing can be judged.
pub(super) fn unavailable(state: &State) -> Option<Reason> {
    if state.store.is_err() {
        Some(Reason::StoreUnavailable)
    } else if state.policy.is_err() {
        Some(Reason::CatalogUnavailable)
    } else {
        None
    }
}

/// Of two rulings the one that takes more away; the second of equals.
pub(super) fn stricter(held: Ruling, next: Ruling) -> Ruling {
    if severity(next) >= severity(held) { next } else { held }
}

/// How much a ruling takes away: a deny more than an ask, an ask more than an allow.
fn severity(ruling: Ruling) -> u8 {
    match ruling.decision() {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    }
}

/// An item's refusal where nothing was judged: nothing approximate is known to be allowed.
fn shape(catalog: Option<&Catalog>, id: &str) -> Refusal {
    let known = catalog.and_then(|catalog| Some(&catalog.data[catalog.data.find(id)?]));
    match known.map(|item| item.shape) {
        Some(Shape::ZeroUuid) => Refusal::ZeroUuid,
        Some(Shape::Empty) => Refusal::Empty,
        Some(Shape::None | Shape::Approximate) | None => Refusal::None,
    }
}

/// The allowances for one time that an answer rests on: of toggles that cover an allowed pair.
fn used_once(
    state: &State,
    policy: &Policy,
    asker: Asker<'_>,
    request: &Request<'_>,
    rulings: &[Ruling],
    now: Moment,
) -> Vec<Key> {
    let Some(app) = asker.declared(policy) else {
        return Vec::new();
    };
    let view = state.view();
    let held = state.settings.allowances_of(asker.user, policy.app_key(app));
    held.filter(|(_, allowance)| allowance.lifetime == Lifetime::Once)
        .map(|(key, _)| *key)
        .filter(|key| {
            view.stored(*key, now).is_some_and(|stored| stored.entry.state == ToggleState::On)
        })
        .filter(|key| is_rested_on(key.toggle, policy, request, rulings))
        .collect()
}

/// Whether a toggle covers a pair that was allowed.
pub(super) fn is_rested_on(
    toggle: ToggleKey,
    policy: &Policy,
    request: &Request<'_>,
    rulings: &[Ruling],
) -> bool {
    let question = request.question();
    let catalog = &policy.catalog;
    question.data.iter().zip(rulings).any(|(data, ruling)| {
        let pair = catalog.purposes.find(question.purpose).zip(catalog.data.find(data));
        ruling.decision() == Decision::Allow
            && pair.is_some_and(|(purpose, data)| {
                let covering = catalog.covering(purpose, data);
                covering.iter().any(|known| policy.toggle_key(*known) == toggle)
            })
    })
}
