//! What an app is given as OAID, VAID or AAID, judged and recorded as any check; and their resets (R59).
//!
//! Values and secrets are never logged, and are in no record.

use super::change::{event, known_app};
use super::check::as_declared;
use super::check::{Answer, Asker, Checked};
use super::error::{EngineError, Invalid};
use super::publish::Draft;
use super::request::check_id;
use super::settings::By;
use super::{Engine, Policy, Request, State};
use crate::clock::Moment;
use crate::decision::{Context, Decision, Reason, Refusal, Ruling};
use crate::ledger::{Event, What};
use crate::pseudonym::{self, Kind, Renewed, Reset, Secret, last_reset, scope_of};
use crate::row::Row;

/// What a check for an identifier comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Identifier {
    /// A UUID; the all-zero one if it is refused.
    pub value: String,
    /// What was ruled. Anything but an allow is a refusal.
    pub ruling: Ruling,
    /// As in [`Answer`].
    pub generation: u64,
}

impl Identifier {
    /// Whether it is the all-zero UUID, which identifies nobody.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.value == pseudonym::ZERO
    }
}

/// Whether an identifier was given at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Given {
    /// It was, or was refused; and that is recorded.
    Now(Identifier),
    /// Something has to be on the disk first. Call [`Engine::identifier_durably`].
    WaitsForDisk,
}

impl Engine {
    /// Gives an app an identifier for a purpose, if the rule allows it. Recorded as any check; never
    /// waits for the disk to sync.
    ///
    /// # Errors
    /// The purpose or the tag is too long.
    pub fn identifier(
        &self,
        asker: Asker<'_>,
        kind: Kind,
        about: &About<'_>,
    ) -> Result<Given, EngineError> {
        let data = [kind.data()];
        let request = about.request(&data)?;
        if self.wants_secret(asker, &request) {
            return Ok(Given::WaitsForDisk);
        }
        Ok(match self.check(asker, &request) {
            Checked::Answered(answer) => Given::Now(self.give(asker, kind, &answer)),
            Checked::UsesOnce => Given::WaitsForDisk,
        })
    }

    /// The same where something has to be on the disk first: a user's secret, or that an allowance for
    /// one time is used up. What the disk does not take is refused.
    ///
    /// # Errors
    /// The purpose or the tag is too long.
    pub fn identifier_durably(
        &self,
        asker: Asker<'_>,
        kind: Kind,
        about: &About<'_>,
    ) -> Result<Identifier, EngineError> {
        let data = [kind.data()];
        let request = about.request(&data)?;
        let drawn =
            if self.wants_secret(asker, &request) { self.draw_secret(asker.user) } else { Ok(()) };
        let answer = match drawn {
            Ok(()) => self.check_once(asker, &request),
            Err(error) => {
                tracing::error!(%error, "no secret for identifiers: refused");
                let rulings = self.refuse(&request, Reason::StoreUnavailable);
                let answer = Answer { rulings, ..self.preview(asker, &request) };
                self.record(asker, &request, answer, self.clock.now())
            }
        };
        Ok(self.give(asker, kind, &answer))
    }

    /// Resets a user's identifiers of a kind: all of them, or the one that an app has, which for a VAID
    /// is its vendor's. From now on they are others. Returns the generation.
    ///
    /// # Errors
    /// No such app, an app for an OAID, or the disk does not take it: then nothing changed.
    pub fn reset_identifier(
        &self,
        user: u32,
        kind: Kind,
        app: Option<&str>,
        by: By,
    ) -> Result<u64, EngineError> {
        if let Some(app) = app {
            check_id(app)?;
            if kind == Kind::Oaid {
                return Err(Invalid::OneForAllApps.into());
            }
        }
        self.change(|state, draft, now| {
            let scope = match app {
                None => pseudonym::ALL.to_owned(),
                Some(app) => {
                    known_app(state, app)?;
                    let policy = state.policy.as_ref().ok();
                    let declared = policy.and_then(|policy| policy.app(app));
                    declared.map_or_else(|| scope_of(app), |(_, app)| kind.scope(app))
                }
            };
            let reset = Reset { user, kind, scope };
            renew(draft, reset, app, by, now);
            Ok(())
        })
    }

    /// A user's identifiers by kind, with their last reset.
    #[must_use]
    pub fn list_identifiers(&self, user: u32) -> Vec<Row> {
        let state = self.read_state();
        let of_kind = |kind: Kind| {
            let renewals = state.settings.renewals.iter();
            let all = Reset { user, kind, scope: pseudonym::ALL.into() };
            let of_all = last_reset(&state.settings.renewals, &all);
            let since = of_all.map_or(0, |renewed| renewed.generation);
            let alone = renewals
                .filter(|(reset, _)| reset.user == user && reset.kind == kind)
                .filter(|(_, renewed)| renewed.generation > since)
                .map(|(reset, renewed)| {
                    Row::new()
                        .with("scope", &*reset.scope)
                        .with("reset", renewed.at)
                        .with("by", renewed.by.word())
                });
            described(kind, of_all).with("alone", alone.collect::<Vec<_>>())
        };
        Kind::ALL.into_iter().map(of_kind).collect()
    }

    /// What an app would be given now, for every pair of an identifier that it declares. Not recorded.
    ///
    /// # Errors
    /// No such app, or no catalogue in force.
    pub fn identifiers_of(&self, user: u32, app: &str) -> Result<Vec<Row>, EngineError> {
        check_id(app)?;
        let policy = self.policy()?;
        let caller = as_declared(&policy, user, app)?;
        let asker = Asker { user, caller: Some(&caller) };
        let pairs = policy.app(app).map(|(_, app)| app.pairs.as_slice()).unwrap_or_default();
        let context = Context::default();
        let mut rows = Vec::new();
        for kind in Kind::ALL {
            let item = policy.catalog.data.find(kind.data());
            for pair in pairs.iter().filter(|pair| Some(pair.data) == item) {
                let purpose = &policy.catalog.purposes[pair.purpose].id;
                let data = [kind.data()];
                let request = Request::new(purpose, &data, &context, "")?;
                let given = self.give(asker, kind, &self.preview(asker, &request));
                let limited = !allows(&given.ruling);
                // Allowed, and still zeros: there is no secret yet to make one from.
                let value = Some(&*given.value).filter(|_| limited == given.is_limited());
                let state = self.read_state();
                let reset = self.reset_of(&state, asker, kind);
                let last = reset.and_then(|reset| last_reset(&state.settings.renewals, &reset));
                rows.push(
                    described(kind, last)
                        .with("purpose", purpose)
                        .with("decision", given.ruling.decision().word())
                        .with("reason", given.ruling.reason.word())
                        .with("limited", limited)
                        .maybe("value", value),
                );
            }
        }
        Ok(rows)
    }

    /// Whether an allow would have nothing to make a value from.
    fn wants_secret(&self, asker: Asker<'_>, request: &Request<'_>) -> bool {
        let state = self.read_state();
        !state.settings.secrets.contains_key(&asker.user)
            && self
                .judge(&state, asker, request, self.clock.now())
                .answer
                .rulings
                .iter()
                .any(allows)
    }

    pub(super) fn draw_secret(&self, user: u32) -> Result<(), EngineError> {
        let drawn = Secret::draw().map_err(|error| EngineError::NoRandomness(error.into()))?;
        self.change(|state, draft, _| {
            // Two of its apps may ask at once: the first secret is the user's.
            if !state.settings.secrets.contains_key(&user) {
                draft.overlay.secrets.insert(user, drawn);
            }
            Ok(())
        })
        .map(drop)
    }

    /// The value that goes with an answer.
    fn give(&self, asker: Asker<'_>, kind: Kind, answer: &Answer) -> Identifier {
        let refused = Ruling { reason: Reason::StoreUnavailable, refusal: Refusal::ZeroUuid };
        let ruling = answer.rulings.first().copied().unwrap_or(refused);
        let value = allows(&ruling).then(|| self.value(asker, kind)).flatten();
        let value = value.unwrap_or_else(|| pseudonym::ZERO.to_owned());
        Identifier { value, ruling, generation: answer.generation }
    }

    fn value(&self, asker: Asker<'_>, kind: Kind) -> Option<String> {
        let state = self.read_state();
        let secret = state.settings.secrets.get(&asker.user)?;
        let reset = self.reset_of(&state, asker, kind)?;
        let since = last_reset(&state.settings.renewals, &reset);
        Some(secret.value(&reset, since.map_or(0, |renewed| renewed.generation)))
    }

    /// Which identifier of a kind an app has.
    fn reset_of(&self, state: &State, asker: Asker<'_>, kind: Kind) -> Option<Reset> {
        let policy = state.policy.as_ref().ok()?;
        let app = policy.apps.get(asker.declared(policy)?);
        Some(Reset { user: asker.user, kind, scope: kind.scope(app) })
    }
}

/// For what an identifier is asked, and in which circumstances.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The purpose.
    pub purpose: &'a str,
    /// As in any check.
    pub context: &'a Context,
    /// The caller's own word about it.
    pub tag: &'a str,
}

impl<'a> About<'a> {
    fn request(&self, data: &'a [&'a str]) -> Result<Request<'a>, EngineError> {
        Request::new(self.purpose, data, self.context, self.tag)
    }
}

impl State {
    /// An app is gone: so is its AAID, and its VAID if no other app of its vendor is there.
    pub(super) fn forget_identifiers(
        &self,
        draft: &mut Draft,
        user: u32,
        app: &str,
        by: By,
        now: Moment,
    ) {
        if !self.settings.secrets.contains_key(&user) {
            return;
        }
        let aaid = Reset { user, kind: Kind::Aaid, scope: scope_of(app) };
        renew(draft, aaid, Some(app), by, now);
        let policy = self.policy.as_ref().ok();
        let declared = policy.and_then(|policy| Some((policy, policy.app(app)?.1)));
        let scope = match declared {
            None => scope_of(app),
            Some((policy, gone)) if is_vendors_last(policy, app, gone.vendor.as_deref()) => {
                Kind::Vaid.scope(gone)
            }
            Some(_) => return,
        };
        renew(draft, Reset { user, kind: Kind::Vaid, scope }, Some(app), by, now);
    }
}

fn is_vendors_last(policy: &Policy, app: &str, vendor: Option<&str>) -> bool {
    let others = policy.apps.iter().filter(|(_, other)| *other.id != *app);
    vendor
        .is_none_or(|vendor| !others.into_iter().any(|(_, o)| o.vendor.as_deref() == Some(vendor)))
}

fn renew(draft: &mut Draft, reset: Reset, app: Option<&str>, by: By, now: Moment) {
    draft.event(Event {
        app: Some(app.unwrap_or_default().into()),
        state: Some(reset.kind.word().into()),
        ..event(What::IdentifierReset, Some(reset.user), Some(by), now)
    });
    let renewed = Renewed { generation: draft.generation, at: now.wall, by };
    draft.overlay.renewals.insert(reset, renewed);
}

fn allows(ruling: &Ruling) -> bool {
    ruling.decision() == Decision::Allow
}

fn described(kind: Kind, last: Option<Renewed>) -> Row {
    Row::new()
        .with("kind", kind.word())
        .with("data", kind.data())
        .with("reach", kind.reach())
        .maybe("reset", last.map(|renewed| renewed.at))
        .maybe("by", last.map(|renewed| renewed.by.word()))
}
