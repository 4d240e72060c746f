//! What holders are to erase: told, done, told again until it is done (R42, R43, R60); and what they erased
//! because a person asked for it (R46).
//!
//! Whoever reaches holders says what was told and what is done. What was told and is not done stays on the
//! list: the daemon or the holder may have ended in between.

use std::collections::BTreeMap;

use super::terms::TermsOf;
use super::{Fate, Keeping, PairKey, announce, names};
use crate::clock::Moment;
use crate::engine::cases::Case;
use crate::engine::error::EngineError;
use crate::engine::held::{Claim, Lasting};
use crate::engine::policy::Policy;
use crate::engine::publish::Draft;
use crate::engine::{Engine, State};

/// Why something is to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// What it was kept for is over (R42).
    Retention,
    /// It was derived under a consent that is off (R60).
    SwitchedOff,
}

impl Why {
    /// The word on the wire.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Why::Retention => "retention",
            Why::SwitchedOff => "switched-off",
        }
    }
}

/// Something that its holder is to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureDue {
    /// Whose.
    pub user: u32,
    /// Of which app.
    pub app: String,
    /// What it was collected for.
    pub purpose: String,
    /// The items.
    pub data: Vec<String>,
    /// Why.
    pub why: Why,
}

/// How a holder cleared something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleared {
    /// It is gone.
    Erased,
    /// It is no longer anybody's. No holder says so over the bus: there, one or the other is erased.
    Anonymised,
}

impl Engine {
    /// What holders are to erase, told of it or not, in the order of users and apps.
    #[must_use]
    pub fn erasures_due(&self) -> Vec<ErasureDue> {
        let now = self.clock.now();
        let state = self.read_state();
        let Ok(policy) = state.policy.clone() else { return Vec::new() };
        let mut due: BTreeMap<(PairKey, Why), Vec<String>> = BTreeMap::new();
        for key in state.settings.retention.pairs.keys() {
            if let Some(why) = state.why(&policy, *key, now) {
                let [_, _, item] = names(&state, *key);
                due.entry((PairKey { item: 0, ..*key }, why)).or_default().push(item.to_owned());
            }
        }
        let named = due.into_iter().map(|((key, why), data)| {
            let [app, purpose, _] = names(&state, key).map(str::to_owned);
            ErasureDue { user: key.user, app, purpose, data, why }
        });
        named.collect()
    }

    /// A holder is told to erase something: until it has, that is isolated (R43).
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn erasure_told(&self, told: &ErasureDue) -> Result<u64, EngineError> {
        self.become_of(told, Fate::Isolated(None))
    }

    /// A holder has cleared what it was told to erase. What was collected anew meanwhile stays.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn erasure_done(&self, done: &ErasureDue, how: Cleared) -> Result<u64, EngineError> {
        let fate = match how {
            Cleared::Erased => Fate::Erased,
            Cleared::Anonymised => Fate::Anonymised,
        };
        self.become_of(done, fate)
    }

    fn become_of(&self, erasure: &ErasureDue, fate: Fate) -> Result<u64, EngineError> {
        self.change(|state, draft, now| {
            let mut pairs = BTreeMap::new();
            for (key, kept) in &state.settings.retention.pairs {
                let [app, purpose, item] = names(state, *key);
                let is_meant = key.user == erasure.user
                    && app == erasure.app
                    && purpose == erasure.purpose
                    && erasure.data.iter().any(|data| data == item);
                if is_meant && kept.fate.awaits_holder() && kept.fate != fate {
                    let (since, generation) = (now.wall, draft.generation);
                    pairs.insert(*key, Keeping { fate, since, generation, ..*kept });
                }
            }
            announce(state, draft, &pairs);
            draft.overlay.retention.pairs = pairs;
            Ok(())
        })
    }
}

impl State {
    /// Notes that an app erased what a case asked for: of what it was allowed to collect, that which it had
    /// when the case was opened. What a law keeps stays, and what was collected since.
    pub(in crate::engine) fn erased_for(
        &self,
        draft: &mut Draft,
        case: &Case,
        app: &str,
        now: Moment,
    ) {
        let Ok(policy) = &self.policy else { return };
        let Case { purpose, data, .. } = case;
        let claim = Claim { right: Lasting::Objection, app, purpose, data };
        // What the policy does not have any more ends as its period does.
        let Ok(reach) = claim.reach(policy) else { return };
        let mut pairs = BTreeMap::new();
        for (key, kept) in &self.settings.retention.pairs {
            let is_held = kept.fate == Fate::Active || kept.fate.awaits_holder();
            let pair = policy.pair_of(key.purpose, key.item);
            let is_meant = key.user == case.user
                && names(self, *key)[0] == app
                && pair.is_some_and(|(purpose, data)| reach.covers(&policy.catalog, purpose, data));
            if is_held && is_meant && kept.last <= case.opened {
                let (fate, since, generation) = (Fate::Erased, now.wall, draft.generation);
                pairs.insert(*key, Keeping { fate, since, generation, ..*kept });
            }
        }
        announce(self, draft, &pairs);
        draft.overlay.retention.pairs = pairs;
    }

    /// Why a pair is to be erased, if it is. Before the end of its own period, nothing but a consent that
    /// was off makes it due.
    pub(in crate::engine) fn why(&self, policy: &Policy, key: PairKey, now: Moment) -> Option<Why> {
        let retention = &self.settings.retention;
        let kept = retention.pairs.get(&key).filter(|kept| kept.fate.awaits_holder())?;
        let lived = retention.lived.as_ref().map_or(0, |lived| lived.at(now).seconds());
        let terms = TermsOf::new(policy).of(key);
        let is_over = terms.is_some_and(|terms| terms.is_over(lived - kept.lived));
        Some(if policy.derived.has(key.item) && !is_over {
            Why::SwitchedOff
        } else {
            Why::Retention
        })
    }
}
