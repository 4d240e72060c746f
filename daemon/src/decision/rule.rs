//! The rule: thirteen arms, the first that matches decides.
//!
//! Each arm is a function that either lets a pair pass or finds against it, and names its requirement.
//! Order and meaning are the contract with the user; `consentctl explain` walks the same arms.

use super::situation::{Consent, Context, Held, Question, Right, Situation, Standing};
use super::trace::{Cause, Finding, NoTrace, Rule, Step, Steps, Trace};
use super::words::{Decision, Reason, Refusal};
use crate::apps::{App, Collection, Destination, Pair, Recipient};
use crate::catalog::{
    Basis, DataIx, Purpose, PurposeIx, Requires, Shape, State, ToggleIx, Transfer,
};

/// The answer about one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Ruling {
    /// Why; the decision follows from it.
    pub reason: Reason,
    /// What the collector uses instead.
    pub refusal: Refusal,
}

impl Ruling {
    /// What the app hears.
    #[must_use]
    pub fn decision(self) -> Decision {
        self.reason.decision()
    }
}

/// One answer per item, in the order asked.
pub fn decide(question: &Question<'_>, situation: &Situation<'_>) -> Vec<Ruling> {
    let personal = personal_together(question, situation);
    question
        .data
        .iter()
        .map(|data| rule_on(question, situation, data, personal, &mut NoTrace))
        .collect()
}

/// The same answers as beside a personal item (R58), whatever is asked.
pub fn decide_combined(question: &Question<'_>, situation: &Situation<'_>) -> Vec<Ruling> {
    let data = question.data.iter();
    data.map(|data| rule_on(question, situation, data, true, &mut NoTrace)).collect()
}

/// The same answers, each with the arms that led to it.
#[must_use]
pub fn explain(question: &Question<'_>, situation: &Situation<'_>) -> Vec<(Ruling, Vec<Step>)> {
    let personal = personal_together(question, situation);
    let explained = question.data.iter().map(|data| {
        let mut steps = Steps::default();
        let ruling = rule_on(question, situation, data, personal, &mut steps);
        (ruling, steps.0)
    });
    explained.collect()
}

/// The toggles that stand between an item that asks and its allowance: each asks, or lacks a consent
/// for this pair. One prompt answers for all of them. None for an item that the user was never asked
/// about.
#[must_use]
pub fn asking(question: &Question<'_>, situation: &Situation<'_>, data: &str) -> Vec<ToggleIx> {
    let known = situation.catalog.data.find(data);
    let pair = listed(situation, question.purpose, known)
        .and_then(|(purpose, data)| declared(situation, purpose, data));
    let Ok((app, pair)) = pair else {
        return Vec::new();
    };
    let case = Case::new(situation, question.context, app, pair, true);
    let asks = |(toggle, standing): &(ToggleIx, Standing)| case.asks(*toggle, *standing);
    case.covering().filter(asks).map(|(toggle, _)| toggle).collect()
}

/// Items asked together are combined: one personal item makes all personal (R58). An unknown item
/// counts as personal.
fn personal_together(question: &Question<'_>, situation: &Situation<'_>) -> bool {
    let items = &situation.catalog.data;
    question.data.iter().any(|id| items.find(id).is_none_or(|data| items[data].personal))
}

fn rule_on(
    question: &Question<'_>,
    situation: &Situation<'_>,
    data: &str,
    personal: bool,
    trace: &mut impl Trace,
) -> Ruling {
    let found = arms(question, situation, data, personal, trace);
    let reason = match found {
        Ok(basis) => Reason::from(basis),
        Err(finding) => finding.reason,
    };
    Ruling { reason, refusal: refusal(question, situation, data, personal, reason) }
}

/// The thirteen arms, in order.
fn arms(
    question: &Question<'_>,
    situation: &Situation<'_>,
    data: &str,
    personal: bool,
    trace: &mut impl Trace,
) -> Result<Basis, Finding> {
    let known = situation.catalog.data.find(data);
    trace.arm(Rule::Identity, identified(situation, known))?;
    let (purpose, data) = trace.arm(Rule::Catalog, listed(situation, question.purpose, known))?;
    trace.arm(Rule::Never, ruled_out(situation, purpose, data))?;
    let (app, pair) = trace.arm(Rule::Declaration, declared(situation, purpose, data))?;
    let case = Case::new(situation, question.context, app, pair, personal);
    trace.arm(Rule::Requirement, case.requirements())?;
    trace.arm(Rule::Minor, case.age())?;
    trace.arm(Rule::Rights, case.rights())?;
    trace.arm(Rule::Basis, case.basis_permitted())?;
    trace.arm(Rule::Sending, case.sending())?;
    trace.arm(Rule::Lock, case.locks())?;
    trace.arm(Rule::Toggles, case.toggles())?;
    trace.arm(Rule::Consent, case.consents())?;
    trace.arm(Rule::Allowed, Ok(case.collection.basis))
}

/// 1. Not identified; or trusted less than the item asks.
fn identified(situation: &Situation<'_>, data: Option<DataIx>) -> Result<(), Finding> {
    let Some(trust) = situation.caller else {
        return Err(Finding::bare(Reason::Unidentified));
    };
    match data.map(|data| situation.catalog.data[data].min_trust) {
        Some(needed) if trust < needed => {
            Err(Finding::new(Reason::InsufficientTrust, Cause::Trust { has: trust, needed }))
        }
        Some(_) | None => Ok(()),
    }
}

/// 2. Not in the catalogue: the purpose is named before the item.
fn listed(
    situation: &Situation<'_>,
    purpose: &str,
    data: Option<DataIx>,
) -> Result<(PurposeIx, DataIx), Finding> {
    let purpose =
        situation.catalog.purposes.find(purpose).ok_or(Finding::bare(Reason::UnknownPurpose))?;
    let data = data.ok_or(Finding::bare(Reason::UnknownData))?;
    Ok((purpose, data))
}

/// 3. A `never` rule of the catalogue (R7, R11, R31, R59).
fn ruled_out(situation: &Situation<'_>, purpose: PurposeIx, data: DataIx) -> Result<(), Finding> {
    match situation.catalog.never_index(purpose, data) {
        Some(rule) => Err(Finding::new(Reason::Forbidden, Cause::Never(rule))),
        None => Ok(()),
    }
}

/// 4. The pair is not declared (R17).
fn declared<'a>(
    situation: &Situation<'a>,
    purpose: PurposeIx,
    data: DataIx,
) -> Result<(&'a App, &'a Pair), Finding> {
    let app = situation.app.ok_or(Finding::new(Reason::Undeclared, Cause::NoDeclaration))?;
    let pair = app.pair(purpose, data).ok_or(Finding::bare(Reason::Undeclared))?;
    Ok((app, pair))
}

/// One declared pair under judgement.
struct Case<'a> {
    situation: &'a Situation<'a>,
    context: &'a Context,
    pair: &'a Pair,
    collection: &'a Collection,
    purpose: &'a Purpose,
    /// By itself, or combined with what was asked beside it (R58).
    personal: bool,
}

impl<'a> Case<'a> {
    fn new(
        situation: &'a Situation<'a>,
        context: &'a Context,
        app: &'a App,
        pair: &'a Pair,
        personal: bool,
    ) -> Self {
        Self {
            situation,
            context,
            pair,
            collection: app.collection(pair),
            purpose: &situation.catalog.purposes[pair.purpose],
            personal,
        }
    }

    /// 5. What the purpose or a recipient requires is not declared, or the context contradicts it
    ///    (R14, R15, R16, R30, R32).
    fn requirements(&self) -> Result<(), Finding> {
        let missing = |cause| Err(Finding::new(Reason::RequirementNotMet, cause));
        self.meets(self.purpose.requires)?;
        if self.collection.on_device && self.context.destination.is_some() {
            return missing(Cause::Requires("on-device"));
        }
        for recipient in self.recipients() {
            match recipient {
                Recipient::Known(known) => {
                    self.meets(self.situation.catalog.recipients[*known].requires)?;
                }
                Recipient::Sdk { .. } => {}
            }
        }
        Ok(())
    }

    fn meets(&self, requires: Requires) -> Result<(), Finding> {
        let declared = self.collection;
        let contradicted = self.context.deidentified == Some(false);
        let missing = if requires.necessary && !declared.necessary {
            Some("necessary")
        } else if requires.deidentified && self.personal && (!declared.deidentified || contradicted)
        {
            Some("de-identified")
        } else if requires.aggregate && !declared.aggregate {
            Some("aggregate")
        } else if requires.on_device && !declared.on_device {
            Some("on-device")
        } else {
            None
        };
        match missing {
            Some(what) => Err(Finding::new(Reason::RequirementNotMet, Cause::Requires(what))),
            None => Ok(()),
        }
    }

    /// 6. Closed to minors (R38).
    fn age(&self) -> Result<(), Finding> {
        if self.situation.minor && !self.purpose.minors {
            return Err(Finding::bare(Reason::Minor));
        }
        Ok(())
    }

    /// 7. An objection (R47, R51), a restriction (R48), an isolation (R42): personal data alone.
    fn rights(&self) -> Result<(), Finding> {
        if !self.personal {
            return Ok(());
        }
        let catalog = self.situation.catalog;
        let reaching = |held: &&Held| held.reach.covers(catalog, self.pair.purpose, self.pair.data);
        let held = || self.situation.held.iter().filter(reaching);
        if held().any(|held| self.objects(held)) {
            return Err(Finding::bare(Reason::Objected));
        }
        if held().any(|held| self.restricts(held)) {
            return Err(Finding::bare(Reason::Restricted));
        }
        if held().any(|held| self.isolates(held)) {
            return Err(Finding::bare(Reason::Isolated));
        }
        Ok(())
    }

    fn objects(&self, held: &Held) -> bool {
        let basis = self.collection.basis;
        let touched = match held.right {
            Right::Objection => basis == Basis::LegitimateInterest || self.purpose.objectionable,
            Right::AutomatedDecisions => self.collection.automated,
            Right::Restriction | Right::Isolation { .. } => return false,
        };
        let consented_later = basis == Basis::Consent && self.consented_after(held.generation);
        touched && !consented_later
    }

    fn restricts(&self, held: &Held) -> bool {
        held.right == Right::Restriction
            && !self.purpose.legal
            && !self.consented_after(held.generation)
    }

    fn isolates(&self, held: &Held) -> bool {
        let Right::Isolation { law } = held.right else {
            return false;
        };
        let restarted = self
            .covering()
            .filter_map(|(_, standing)| standing.switched_on)
            .any(|generation| generation > held.generation);
        let is_meant = held.reach.data.is_none_or(|named| named == self.pair.data);
        is_meant && law != Some(self.pair.purpose) && !restarted
    }

    /// Whether every consent that this pair needs was given after `generation`, and it needs one.
    fn consented_after(&self, generation: u64) -> bool {
        let mut consents = self.consent_toggles().map(|standing| self.counted(standing)).peekable();
        consents.peek().is_some()
            && consents.all(|consent| consent.is_some_and(|given| given.generation > generation))
    }

    /// 8. The legal basis does not hold for this purpose in this region (R27, R28).
    fn basis_permitted(&self) -> Result<(), Finding> {
        let basis = self.collection.basis;
        let region = self.situation.region;
        let permitted = self.situation.catalog.permitted(self.pair.purpose, self.pair.data, region);
        if permitted.contains(basis) {
            Ok(())
        } else {
            Err(Finding::new(Reason::BasisNotPermitted, Cause::Basis { basis, region }))
        }
    }

    /// 9. To whom (R30), where to (R37), how (R54).
    fn sending(&self) -> Result<(), Finding> {
        if self.context.recipient.is_some() && self.recipients().next().is_none() {
            return Err(Finding::bare(Reason::RecipientNotDeclared));
        }
        if self.personal {
            self.transfer()?;
        }
        self.transport()
    }

    /// The declared recipients that this check is about: the one the context names, else all.
    fn recipients(&self) -> impl Iterator<Item = &'a Recipient> {
        let catalog = self.situation.catalog;
        let named = self.context.recipient.as_deref();
        self.collection.recipients.iter().filter(move |recipient| {
            let id = match recipient {
                Recipient::Known(known) => &catalog.recipients[*known].id,
                Recipient::Sdk { id, .. } => id,
            };
            named.is_none_or(|named| *named == **id)
        })
    }

    /// The declared destinations that this check is about: they serve the user's region, and are the
    /// one the context names, if it names one.
    fn destinations(&self) -> impl Iterator<Item = &'a Destination> {
        let region = self.situation.region;
        let named = self.context.destination.as_deref();
        self.collection.destinations.iter().filter(move |destination| {
            let serves = destination.regions.is_empty() || destination.regions.contains(&region);
            serves && named.is_none_or(|named| *named == *destination.country.code())
        })
    }

    fn transfer(&self) -> Result<(), Finding> {
        let sent = self.context.destination.is_some() || !self.collection.destinations.is_empty();
        if sent && self.destinations().next().is_none() {
            return Err(Finding::new(Reason::TransferNotPermitted, Cause::NoDestination));
        }
        let rule = &self.situation.catalog.regions[self.situation.region].transfer;
        match self.destinations().find(|destination| !may_go(rule, destination)) {
            Some(refused) => {
                Err(Finding::new(Reason::TransferNotPermitted, Cause::Country(refused.country.0)))
            }
            None => Ok(()),
        }
    }

    /// What is not declared as TLS, is not; and a context that says so is believed.
    fn transport(&self) -> Result<(), Finding> {
        let undeclared = self.context.destination.is_some() && self.destinations().next().is_none();
        let insecure = self.destinations().any(|destination| !destination.tls);
        if undeclared || insecure || self.context.secure == Some(false) {
            return Err(Finding::bare(Reason::InsecureDestination));
        }
        Ok(())
    }

    fn covering(&self) -> impl Iterator<Item = (ToggleIx, Standing)> {
        let situation = self.situation;
        situation
            .catalog
            .covering(self.pair.purpose, self.pair.data)
            .iter()
            .map(move |toggle| (*toggle, situation.toggles.standing(*toggle)))
    }

    /// 10. Held off by the administrator.
    fn locks(&self) -> Result<(), Finding> {
        match self.covering().find(|(_, standing)| standing.locked) {
            Some((toggle, _)) => Err(Finding::new(Reason::Locked, Cause::Toggle(toggle))),
            None => Ok(()),
        }
    }

    /// 11. Off; else not decided (R18–R24).
    fn toggles(&self) -> Result<(), Finding> {
        let in_state = |state| self.covering().find(|(_, standing)| standing.state == state);
        if let Some((toggle, _)) = in_state(State::Off) {
            return Err(Finding::new(Reason::ToggleOff, Cause::Toggle(toggle)));
        }
        match in_state(State::Ask) {
            Some((toggle, standing)) if standing.unconfirmed => {
                Err(Finding::new(Reason::NotSet, Cause::Unconfirmed(toggle)))
            }
            Some((toggle, _)) => Err(Finding::new(Reason::NotSet, Cause::Toggle(toggle))),
            None => Ok(()),
        }
    }

    /// 12. A covering consent toggle without a consent for this pair, whatever the pair's basis (R39).
    fn consents(&self) -> Result<(), Finding> {
        let mut asks = None;
        for (toggle, standing) in self.covering() {
            if !self.situation.catalog.toggles[toggle].consent {
                continue;
            }
            let reason = match self.counted(standing) {
                None => Reason::NotSet,
                Some(consent) if self.pair.since <= consent.notice => continue,
                Some(_) if standing.declined.is_some_and(|notice| notice >= self.pair.since) => {
                    return Err(Finding::new(Reason::NoticeDeclined, Cause::Toggle(toggle)));
                }
                Some(_) => Reason::NoticeChanged,
            };
            asks.get_or_insert(Finding::new(reason, Cause::Toggle(toggle)));
        }
        asks.map_or(Ok(()), Err)
    }

    /// Whether a toggle has to be answered before 11 and 12 let this pair pass.
    fn asks(&self, toggle: ToggleIx, standing: Standing) -> bool {
        let covered =
            self.counted(standing).is_some_and(|consent| self.pair.since <= consent.notice);
        let consents = self.situation.catalog.toggles[toggle].consent;
        standing.state == State::Ask || (consents && !covered)
    }

    fn consent_toggles(&self) -> impl Iterator<Item = Standing> {
        let catalog = self.situation.catalog;
        self.covering()
            .filter(|(toggle, _)| catalog.toggles[*toggle].consent)
            .map(|(_, standing)| standing)
    }

    /// A consent as it counts for this user: a known minor's only from root or the guardian (R38).
    fn counted(&self, standing: Standing) -> Option<Consent> {
        standing.consent.filter(|consent| consent.by_guardian || !self.situation.minor)
    }
}

/// Whether a region lets its data go to a declared destination (R37).
fn may_go(rule: &Transfer, destination: &Destination) -> bool {
    let code = destination.country.code();
    let among = |countries: &[Box<str>]| countries.iter().any(|country| **country == *code);
    match rule {
        Transfer::Home { countries } => among(countries),
        Transfer::HomeUnlessPermitted { countries } => among(countries) || destination.permitted,
        Transfer::Protective { countries } => among(countries) || destination.safeguard.is_some(),
        Transfer::Declared => true,
    }
}

/// What a refused collector uses instead: the item's shape; the approximate counterpart only where
/// that pair is allowed itself (R5).
fn refusal(
    question: &Question<'_>,
    situation: &Situation<'_>,
    data: &str,
    personal: bool,
    reason: Reason,
) -> Refusal {
    if reason.decision() == Decision::Allow {
        return Refusal::NotRefused;
    }
    let items = &situation.catalog.data;
    let Some(item) = items.find(data).map(|known| &items[known]) else {
        return Refusal::None;
    };
    match item.shape {
        Shape::ZeroUuid => Refusal::ZeroUuid,
        Shape::Empty => Refusal::Empty,
        Shape::None => Refusal::None,
        Shape::Approximate => {
            let allowed = item.approximate.is_some_and(|counterpart| {
                let id = &items[counterpart].id;
                let personal = personal || items[counterpart].personal;
                arms(question, situation, id, personal, &mut NoTrace).is_ok()
            });
            if allowed { Refusal::Approximate } else { Refusal::None }
        }
    }
}
