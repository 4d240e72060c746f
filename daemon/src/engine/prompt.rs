//! A check that may be put to the user: what is to be asked, what an answer changes, and the check that
//! ends it.
//!
//! Everything is judged anew when the answer is there: an answer reaches the toggles that still ask, and
//! no others, so that what was switched off, locked or set meanwhile holds.

use std::collections::BTreeSet;

use super::change::{Checked, Choice, event};
use super::check::is_rested_on;
use super::consent::{ConsentEnd, HowEnded};
use super::names::{ALL_APPS, AppKey, NoticeKey};
use super::policy::Policy;
use super::settings::{Allowance, By, Entry, Key, Lifetime, Overlay, View};
use super::{Answer, Asker, Engine, EngineError, Request, State};
use crate::apps::{App, Recipient};
use crate::catalog::{Catalog, RegionIx, Scope, State as ToggleState, Toggle, ToggleIx};
use crate::clock::Moment;
use crate::decision::{self, Context, Decision, Reason, Ruling};
use crate::ledger::{Event, What};
use crate::prompts::{Answer as Reply, Ended, Outcome, Prompt, Question};

/// Refused so often, the daemon asks no more (contract, `Agent1`).
const MAX_REFUSALS: u32 = 2;

/// What a check needs of the user.
#[derive(Debug, Clone)]
pub enum Asks {
    /// Nothing: it is answered as any check.
    Nothing,
    /// An answer that must not be asked for. Call [`Engine::settle`] with nothing put.
    Barred,
    /// An answer. Call [`Engine::settle`] with what came of it.
    Put(Box<Prompt>),
}

/// An `on` for one check: it is in no store, so nothing of it can outlive that check.
struct Loan {
    toggle: ToggleIx,
    /// Where the check looks for it.
    row: Key,
    /// Whose consent it is.
    given: Key,
    entry: Entry,
}

/// One item that asks, with the toggles that stand in its way.
struct Open<'a> {
    data: &'a str,
    toggles: Vec<ToggleIx>,
}

impl Engine {
    /// What of a check has to be asked. Records nothing.
    #[must_use]
    pub fn ask(&self, asker: Asker<'_>, request: &Request<'_>) -> Asks {
        let now = self.clock.now();
        let state = self.read_state();
        let Ok(policy) = &state.policy else { return Asks::Nothing };
        let (Some(caller), Some(declared)) = (asker.caller, asker.declared(policy)) else {
            return Asks::Nothing;
        };
        let judged = self.judge(&state, asker, request, now);
        let open = self.items_that_ask(&state, policy, asker, request, &judged.answer.rulings, now);
        if open.is_empty() {
            return Asks::Nothing;
        }
        let bars = self.bars(&state, policy, asker);
        let put: Vec<Open<'_>> =
            open.into_iter().filter(|open| bars.of(&open.toggles).is_none()).collect();
        if put.is_empty() {
            return Asks::Barred;
        }
        let app = policy.apps.get(declared);
        let (region, _) = self.config.profile(&policy.catalog, state.view(), asker.user);
        let context = request.question().context;
        let notice = policy.catalog.notice_at(now.wall);
        let notice = notice.map(|notice| String::from(&*policy.catalog.notices[notice].id));
        let told = Told { catalog: &policy.catalog, app, region, context };
        let mut question = told.question(request.question().purpose, &put);
        question.notice = notice.unwrap_or_default();
        Asks::Put(Box::new(Prompt {
            user: asker.user,
            caller: caller.clone(),
            name: app.name.clone(),
            context: context.clone(),
            question,
        }))
    }

    /// What is to be asked of a prompt that has waited: settings may have changed.
    #[must_use]
    pub fn ask_again(&self, prompt: &Prompt) -> Asks {
        let data: Vec<&str> = prompt.question.data.iter().map(String::as_str).collect();
        match Request::new(&prompt.question.purpose, &data, &prompt.context, "") {
            Ok(request) => self.ask(asker(prompt), &request),
            Err(_) => Asks::Nothing,
        }
    }

    /// Stores what an answer changes for good: an `on` for `boot` or `always`, and one more refusal of
    /// each toggle that was not allowed. Blocks until the disk has it.
    ///
    /// # Errors
    /// The disk does not take it: then nothing is allowed by it.
    pub fn take_answer(&self, prompt: &Prompt, reply: &Reply) -> Result<u64, EngineError> {
        let question = &prompt.question;
        let data: Vec<&str> = question.data.iter().map(String::as_str).collect();
        let request = Request::new(&question.purpose, &data, &prompt.context, "")?;
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            let asker = asker(prompt);
            let Some(declared) = asker.declared(&policy) else { return Ok(()) };
            let app = policy.app_key(declared);
            let (_, minor) = self.config.profile(&policy.catalog, state.view(), asker.user);
            let choice = |lifetime| Choice {
                lifetime,
                notice: notice(&policy, question),
                by: By::Prompt,
                now,
            };
            let judged = self.judge(state, asker, &request, now);
            let open =
                self.items_that_ask(state, &policy, asker, &request, &judged.answer.rulings, now);
            let asking: BTreeSet<ToggleIx> =
                open.iter().flat_map(|open| open.toggles.iter().copied()).collect();
            for ix in asking {
                let toggle = &policy.catalog.toggles[ix];
                if !question.toggles.iter().any(|asked| **asked == *toggle.id) {
                    continue;
                }
                let key = Key { user: asker.user, app, toggle: policy.toggle_key(ix) };
                if !reply.allows(&toggle.id) {
                    let refused = state.settings.refusals.get(&key).copied().unwrap_or(0);
                    draft.overlay.refusals.insert(key, refused.saturating_add(1));
                } else if let Reply::Allow { lifetime, .. } = reply
                    && *lifetime != Lifetime::Once
                    && is_app_by_app(toggle)
                    && !(minor && toggle.consent)
                {
                    let on = Checked { toggle, key, state: Some(ToggleState::On) };
                    self.apply(state, draft, &policy, &on, &choice(*lifetime))?;
                }
            }
            Ok(())
        })
    }

    /// Judges a check anew after its prompt, records and answers it: once, whole. What the user allowed
    /// and is not stored is lent to this check alone, and its use is on the disk before this returns.
    pub fn settle(&self, asker: Asker<'_>, request: &Request<'_>, ended: Option<&Ended>) -> Answer {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        let state = self.read_state();
        let loans =
            ended.map_or_else(Vec::new, |ended| self.loans(&state, asker, request, ended, now));
        let lent = Overlay {
            allowances: loans.iter().map(|loan| (loan.row, Some(loan.allowance(now)))).collect(),
            ..Overlay::default()
        };
        let view = View { settings: &state.settings, overlay: Some(&lent) };
        let judged = self.judge_in(&state, view, asker, request, now);
        let mut answer = judged.answer;
        let mut used = Vec::new();
        if let Ok(policy) = &state.policy {
            let rests =
                |loan: &Loan| is_rested_on(loan.row.toggle, policy, request, &answer.rulings);
            used = loans.into_iter().filter(rests).collect();
            self.close_open(&state, policy, asker, request, &mut answer.rulings, ended, now);
        }
        drop(state);
        if !(used.is_empty() && judged.once.is_empty()) {
            let stored = self.commit(&mut writer, now, |state, draft, now| {
                for key in &judged.once {
                    state.end_allowance(draft, *key, What::Consumed, now);
                }
                let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
                for loan in &used {
                    self.receipt(state, draft, &policy, loan, now);
                }
                Ok(())
            });
            if let Err(error) = stored {
                tracing::error!(%error, "an answer for one time could not be used up");
                answer.rulings = self.refuse(request, Reason::StoreUnavailable);
            }
        }
        drop(writer);
        self.record(asker, request, answer, now)
    }

    /// The items that ask, each with the toggles in its way.
    fn items_that_ask<'a>(
        &self,
        state: &State,
        policy: &Policy,
        asker: Asker<'_>,
        request: &Request<'a>,
        rulings: &[Ruling],
        now: Moment,
    ) -> Vec<Open<'a>> {
        let question = request.question();
        let asking = |view, data| {
            self.situation(policy, view, asker, now, |situation| {
                decision::asking(question, situation, data)
            })
        };
        let asks = question.data.iter().zip(rulings);
        let asks = asks.filter(|(_, ruling)| ruling.decision() == Decision::Ask);
        asks.map(|(data, _)| {
            let mut toggles = asking(state.view(), data);
            // A change on its way to the disk asks already.
            toggles.extend(state.coming().into_iter().flat_map(|coming| asking(coming, data)));
            toggles.sort_unstable();
            toggles.dedup();
            Open { data, toggles }
        })
        .collect()
    }

    /// What stands against asking a user about an app's toggles.
    fn bars<'a>(&self, state: &'a State, policy: &'a Policy, asker: Asker<'_>) -> Bars<'a> {
        let (_, minor) = self.config.profile(&policy.catalog, state.view(), asker.user);
        let app = asker.declared(policy).map(|app| policy.app_key(app));
        Bars { state, policy, user: asker.user, app, minor }
    }

    /// What an answer lends to one check: the toggles that it allows and that still ask. A minor's own
    /// consent does not count there either (R38): the rule sees to that.
    fn loans(
        &self,
        state: &State,
        asker: Asker<'_>,
        request: &Request<'_>,
        ended: &Ended,
        now: Moment,
    ) -> Vec<Loan> {
        let (Ok(policy), Outcome::Answered(reply)) = (&state.policy, &ended.outcome) else {
            return Vec::new();
        };
        let Some(declared) = asker.declared(policy) else { return Vec::new() };
        let app = policy.app_key(declared);
        let notice = notice(policy, &ended.prompt.question);
        let judged = self.judge(state, asker, request, now);
        let open = self.items_that_ask(state, policy, asker, request, &judged.answer.rulings, now);
        let put = open.iter().filter(|open| ended.prompt.asked_about(open.data));
        let asking: BTreeSet<ToggleIx> =
            put.flat_map(|open| open.toggles.iter().copied()).collect();
        let lend = |ix: ToggleIx| {
            let toggle = &policy.catalog.toggles[ix];
            let notice = if toggle.consent { Some(notice?) } else { None };
            let given = Key { user: asker.user, app, toggle: policy.toggle_key(ix) };
            let row =
                if toggle.scope == Scope::All { Key { app: ALL_APPS, ..given } } else { given };
            let entry = Entry {
                generation: state.generation + 1,
                at: u32::try_from(now.wall).unwrap_or(0),
                notice,
                state: ToggleState::On,
                by: By::Prompt,
            };
            reply.allows(&toggle.id).then_some(Loan { toggle: ix, row, given, entry })
        };
        asking.into_iter().filter_map(lend).collect()
    }

    /// Gives every item that still asks the reason why it is refused.
    #[expect(clippy::too_many_arguments, reason = "the check whole, and how its prompt ended")]
    fn close_open(
        &self,
        state: &State,
        policy: &Policy,
        asker: Asker<'_>,
        request: &Request<'_>,
        rulings: &mut [Ruling],
        ended: Option<&Ended>,
        now: Moment,
    ) {
        let bars = self.bars(state, policy, asker);
        let open = self.items_that_ask(state, policy, asker, request, rulings, now);
        for (data, ruling) in request.question().data.iter().zip(rulings) {
            if ruling.decision() != Decision::Ask {
                continue;
            }
            let put = ended
                .filter(|ended| ended.outcome != Outcome::Moot && ended.prompt.asked_about(data));
            let barred = || {
                let open = open.iter().find(|open| open.data == *data)?;
                bars.of(&open.toggles)
            };
            ruling.reason = match put {
                Some(ended) => refusal(&ended.outcome),
                // What began to ask while another item was asked about was not asked in time.
                None => barred().unwrap_or(Reason::TimedOut),
            };
        }
    }

    /// Writes down that a loan was given and used up, with the consent that it was.
    fn receipt(
        &self,
        state: &State,
        draft: &mut super::publish::Draft,
        policy: &Policy,
        loan: &Loan,
        now: Moment,
    ) {
        let toggle = &policy.catalog.toggles[loan.toggle];
        let entry = Entry { generation: draft.generation, ..loan.entry };
        if let Some(notice) = entry.notice {
            let given = (loan.given, entry, Lifetime::Once);
            draft.consents.push(self.consent(state, policy, given, notice));
            let (key, generation, how) = (loan.given, entry.generation, HowEnded::Expired);
            draft.ended.push(ConsentEnd { key, generation, how, by: None });
        }
        let app = state.numbers.apps.name(loan.given.app.0).unwrap_or_default();
        let noted = |what, by| Event {
            toggle: Some((*toggle.id).into()),
            app: Some(app.to_owned()),
            lifetime: Some(Lifetime::Once.word().into()),
            ..event(what, Some(loan.given.user), by, now)
        };
        let notice = entry.notice.and_then(|key| policy.notice_of(key));
        let notice = notice.map(|notice| String::from(&*policy.catalog.notices[notice].id));
        let on = Some(ToggleState::On.word().into());
        draft.event(Event { state: on, notice, ..noted(What::Set, Some(By::Prompt)) });
        draft.event(noted(What::Consumed, None));
    }
}

impl Loan {
    fn allowance(&self, now: Moment) -> Allowance {
        Allowance { entry: self.entry, lifetime: Lifetime::Once, given: now }
    }
}

/// What stands against asking.
struct Bars<'a> {
    state: &'a State,
    policy: &'a Policy,
    user: u32,
    app: Option<AppKey>,
    minor: bool,
}

impl Bars<'_> {
    /// Why an item is not asked about, if it is not: one of its toggles was refused too often; or it
    /// takes a consent, and there is nobody to ask, since a minor's own does not count (R38).
    fn of(&self, toggles: &[ToggleIx]) -> Option<Reason> {
        let refused = |toggle: &ToggleIx| {
            let key = self.app.map(|app| Key {
                user: self.user,
                app,
                toggle: self.policy.toggle_key(*toggle),
            });
            let count = key.and_then(|key| self.state.settings.refusals.get(&key));
            count.is_some_and(|count| *count >= MAX_REFUSALS)
        };
        let consents = |toggle: &ToggleIx| self.policy.catalog.toggles[*toggle].consent;
        if toggles.iter().any(refused) {
            Some(Reason::TooManyRefusals)
        } else if self.minor && toggles.iter().any(consents) {
            Some(Reason::NoAgent)
        } else {
            None
        }
    }
}

/// What an app declared, as far as one check is about it.
struct Told<'a> {
    catalog: &'a Catalog,
    app: &'a App,
    region: RegionIx,
    context: &'a Context,
}

impl Told<'_> {
    fn question(&self, purpose: &str, open: &[Open<'_>]) -> Question {
        let mut question = Question {
            purpose: purpose.into(),
            data: open.iter().map(|open| open.data.into()).collect(),
            toggles: Vec::new(),
            basis: Vec::new(),
            recipients: Vec::new(),
            destinations: Vec::new(),
            retention: Vec::new(),
            mandatory: Vec::new(),
            notice: String::new(),
        };
        question.data.sort_unstable();
        let asking: BTreeSet<ToggleIx> =
            open.iter().flat_map(|open| open.toggles.iter().copied()).collect();
        let id = |toggle: ToggleIx| String::from(&*self.catalog.toggles[toggle].id);
        question.toggles = asking.into_iter().map(id).collect();
        for data in question.data.clone() {
            self.tell(&mut question, &data);
        }
        question
    }

    /// Adds what the declaration says of one item; what is said already is not said again.
    fn tell(&self, question: &mut Question, data: &str) {
        let pair = self.catalog.purposes.find(&question.purpose).zip(self.catalog.data.find(data));
        let Some(pair) = pair.and_then(|(purpose, data)| self.app.pair(purpose, data)) else {
            return;
        };
        let declared = self.app.collection(pair);
        add(&mut question.basis, declared.basis.word());
        add(&mut question.retention, &declared.retention);
        for recipient in &declared.recipients {
            let id = match recipient {
                Recipient::Known(known) => &self.catalog.recipients[*known].id,
                Recipient::Sdk { id, .. } => id,
            };
            if self.context.recipient.as_ref().is_none_or(|named| named == id) {
                add(&mut question.recipients, id);
            }
        }
        for destination in &declared.destinations {
            let serves =
                destination.regions.is_empty() || destination.regions.contains(&self.region);
            let country = destination.country.code();
            if serves && self.context.destination.as_deref().is_none_or(|named| named == country) {
                add(&mut question.destinations, country);
            }
        }
        if declared.mandatory {
            add(&mut question.mandatory, data);
        }
    }
}

fn add(words: &mut Vec<String>, word: &str) {
    if !words.iter().any(|known| known == word) {
        words.push(word.to_owned());
    }
}

fn asker(prompt: &Prompt) -> Asker<'_> {
    Asker { user: prompt.user, caller: Some(&prompt.caller) }
}

/// The notice that was shown, if the catalogue still has it.
fn notice(policy: &Policy, question: &Question) -> Option<NoticeKey> {
    let notice = policy.catalog.notices.find(&question.notice)?;
    Some(policy.notice_key(notice))
}

/// Whether an answer about one app can be stored. Where there is one switch for all apps it is lent to
/// the check: no prompt of one app sets anything for another.
fn is_app_by_app(toggle: &Toggle) -> bool {
    match toggle.scope {
        Scope::Both | Scope::App => true,
        Scope::All | Scope::Site => false,
    }
}

/// The reason for what was put to the user and still asks.
fn refusal(outcome: &Outcome) -> Reason {
    match outcome {
        Outcome::Answered(_) => Reason::Refused,
        Outcome::TimedOut | Outcome::Moot => Reason::TimedOut,
        Outcome::NoAgent => Reason::NoAgent,
        Outcome::Stopped => Reason::DaemonUnavailable,
        Outcome::NotStored => Reason::StoreUnavailable,
    }
}
