//! Retention: how long each declared pair is kept after an app was last allowed to collect it, and what
//! becomes of it then (R42, R43).
//!
//! The ledger says what was collected; the declaration how long it is kept. When the period ends, or the
//! consent that something was derived under is off (R60), and the app keeps the item for a law, what it has
//! is isolated for that law; else its holder is to erase it ([`self::erasures`]), and it is isolated from the
//! moment the holder was told until the holder says that it is done. Time is counted by [`self::lived`],
//! not by the wall clock.

pub(in crate::engine) mod derived;
pub mod erasures;
pub mod lived;
mod terms;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use self::derived::is_switched_off;
use self::erasures::Why;
use self::lived::Lived;
use self::terms::{Terms, TermsOf, shortest_period};
use crate::clock::Moment;
use crate::decision::situation::{Held, Reach, Right};
use crate::engine::error::EngineError;
use crate::engine::names::AppKey;
use crate::engine::policy::Policy;
use crate::engine::publish::Draft;
use crate::engine::settings::View;
use crate::engine::{ChangedSetting, Engine, State};
use crate::ledger::Collected;
use crate::row::Row;

/// A pair of a user's app, by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairKey {
    /// Uid.
    pub user: u32,
    /// The app.
    pub app: AppKey,
    /// The purpose's number.
    pub purpose: u32,
    /// The item's number.
    pub item: u32,
}

/// What became of what was collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its period runs.
    Active,
    /// Its period is over, and its holder is to be told.
    Due,
    /// Kept for a law alone, by its purpose's number; or, with none, until its holder has cleared it.
    Isolated(Option<u32>),
    /// Erased.
    Erased,
    /// No longer anybody's.
    Anonymised,
}

impl Fate {
    /// The word in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Fate::Active => "active",
            Fate::Due => "due",
            Fate::Isolated(_) => "isolated",
            Fate::Erased => "erased",
            Fate::Anonymised => "anonymised",
        }
    }

    /// Whether its holder is to clear it.
    pub(in crate::engine) fn awaits_holder(self) -> bool {
        match self {
            Fate::Due | Fate::Isolated(None) => true,
            Fate::Active | Fate::Isolated(Some(_)) | Fate::Erased | Fate::Anonymised => false,
        }
    }

    fn is_cleared(self) -> bool {
        match self {
            Fate::Erased | Fate::Anonymised => true,
            Fate::Active | Fate::Due | Fate::Isolated(_) => false,
        }
    }

    /// The law that it is isolated for.
    #[must_use]
    pub fn law(self) -> Option<u32> {
        match self {
            Fate::Isolated(law) => law,
            Fate::Active | Fate::Due | Fate::Erased | Fate::Anonymised => None,
        }
    }
}

/// What is known of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// What became of it.
    pub fate: Fate,
    /// When it was last allowed, Unix seconds: for people.
    pub last: i64,
    /// The same on the daemon's own count of seconds: what its period runs from.
    pub lived: i64,
    /// The place of that in the ledger.
    pub seq: i64,
    /// When its fate became so, Unix seconds.
    pub since: i64,
    /// The same in the order of events.
    pub generation: u64,
}

/// What is known of everything collected.
#[derive(Debug, Default)]
pub struct Retention {
    /// Pair by pair.
    pub pairs: BTreeMap<PairKey, Keeping>,
    /// The count of time, once it began.
    pub lived: Option<Lived>,
    /// Up to where the ledger was read: how often it was begun anew, and a place in it.
    pub read: Option<(u32, i64)>,
    /// How often any pair changed since the start.
    pub changes: u64,
}

/// Changes of it on their way to the disk.
#[derive(Debug, Clone, Default)]
pub struct RetentionChanges {
    /// Pair by pair.
    pub pairs: BTreeMap<PairKey, Keeping>,
    /// The count of time.
    pub lived: Option<Lived>,
    /// Up to where the ledger was read.
    pub read: Option<(u32, i64)>,
}

impl RetentionChanges {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.lived.is_none() && self.read.is_none()
    }

    /// Whose answers it can change.
    pub fn apps(&self) -> impl Iterator<Item = (u32, AppKey)> {
        self.pairs.keys().map(|key| (key.user, key.app))
    }
}

impl Retention {
    /// Makes changes its own.
    pub fn take(&mut self, changes: RetentionChanges) {
        self.changes += u64::from(!changes.pairs.is_empty());
        self.pairs.extend(changes.pairs);
        self.lived = changes.lived.or(self.lived.take());
        self.read = changes.read.or(self.read);
    }
}

impl Engine {
    /// Notes that something was allowed: the ledger is to be read before its period can be over.
    pub(in crate::engine) fn note_collected(&self) {
        if self.unread.load(Relaxed) == 0 {
            let now = self.clock.now().since_boot.max(1);
            self.unread.store(now, Relaxed);
            if let Some(listener) = self.listener.get() {
                listener.due_changed();
            }
        }
    }

    /// Brings what is kept up to date: reads what was collected from the ledger, and ends the periods that
    /// are over. The listener hears whether holders are to erase anything.
    ///
    /// # Errors
    /// The ledger cannot be read, or the disk does not take it: then everything is as it was.
    pub fn keep_retention(&self) -> Result<u64, EngineError> {
        self.drain_gates();
        let unread = self.unread.swap(0, Relaxed);
        let switched_off = self.switched_off.swap(false, Relaxed);
        let kept = self.try_keep_retention();
        if kept.is_err() {
            self.switched_off.fetch_or(switched_off, Relaxed);
            if unread != 0 {
                self.unread.store(unread, Relaxed);
            }
        }
        kept
    }

    fn try_keep_retention(&self) -> Result<u64, EngineError> {
        let known = self.read_state().settings.retention.read;
        let anew = self.lock_ledger().as_ref().map_or(0, |ledger| ledger.times_anew());
        let from = known.filter(|(of, _)| *of == anew).map_or(0, |(_, seq)| seq);
        let (collected, closed) = self.read_ledger(|open, reader| reader.collected(&open, from))?;
        self.change(|state, draft, now| {
            let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
            let counted = state.settings.retention.lived.as_ref();
            let lived = counted.map_or_else(|| Lived::begin(now), |counted| counted.at(now));
            let since_read = counted.map_or(0, |counted| lived.seconds() - counted.seconds());
            let step =
                Step { lived: lived.seconds(), since_read, now, generation: draft.generation };
            let mut pairs = BTreeMap::new();
            let begun_anew = known.is_some_and(|(of, _)| of != anew);
            for one in &collected {
                step.collect(state, &mut pairs, one, begun_anew);
            }
            step.age(state, &policy, &mut pairs);
            announce(state, draft, &pairs);
            let is_read = known == Some((anew, closed)) || (known.is_none() && closed == 0);
            if pairs.is_empty() && is_read {
                // What the clock said is remembered; the disk hears of it with the next change.
                state.settings.retention.lived = Some(lived);
                return Ok(());
            }
            draft.overlay.retention =
                RetentionChanges { pairs, lived: Some(lived), read: Some((anew, closed)) };
            Ok(())
        })
    }

    /// In how many milliseconds [`Engine::keep_retention`] has something to do. None if nothing was
    /// collected that a time ends.
    #[must_use]
    pub fn next_retention(&self) -> Option<i64> {
        let now = self.clock.now();
        let state = self.read_state();
        let policy = state.policy.as_ref().ok()?;
        if self.switched_off.load(Relaxed) {
            return Some(0);
        }
        let retention = &state.settings.retention;
        let lived = retention.lived.as_ref().map(|lived| lived.at(now));
        let first = self.first_end(policy, retention);
        let due = lived.as_ref().zip(first).map(|(lived, first)| {
            let by_count = first.saturating_sub(lived.seconds()).max(0);
            lived.leaps_in().map_or(by_count, |leap| leap.min(by_count))
        });
        let unread = match self.unread.load(Relaxed) {
            0 => None,
            since => {
                let waited = now.since_boot.saturating_sub(since).max(0) / 1_000;
                Some(shortest_period(policy).saturating_sub(waited).max(0))
            }
        };
        due.into_iter().chain(unread).min().map(|seconds| seconds.saturating_mul(1_000))
    }

    /// When the first period that runs is over, on the daemon's own count. Every change asks: it is
    /// looked for once for each policy and each change of what is kept.
    fn first_end(&self, policy: &Policy, retention: &Retention) -> Option<i64> {
        let of = (policy.serial, retention.changes);
        let mut known = self.first_end.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known_of, first)) = *known
            && known_of == of
        {
            return first;
        }
        let mut terms = TermsOf::new(policy);
        let running = retention.pairs.iter().filter_map(|(key, kept)| {
            let period = terms.of(*key)?.running(kept.fate)?;
            Some(kept.lived.saturating_add(period))
        });
        let first = running.min();
        *known = Some((of, first));
        first
    }

    /// Notes how much time has passed, before the daemon ends: what runs on until the next start is a time
    /// off.
    pub(in crate::engine) fn save_lived(&self) {
        let saved = self.change(|state, draft, now| {
            let retention = &state.settings.retention;
            if !retention.pairs.is_empty() {
                draft.overlay.retention.lived = retention.lived.as_ref().map(|lived| lived.at(now));
            }
            Ok(())
        });
        if let Err(error) = saved {
            tracing::warn!(%error, "how long the device ran is not noted: periods end later");
        }
    }

    /// What apps were allowed to collect of a user, and what became of it.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn list_retention(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        if let Err(error) = self.keep_retention() {
            tracing::warn!(%error, "retention is shown as it was");
        }
        self.look(|look| {
            let retention = &look.state.settings.retention;
            let lived = retention.lived.as_ref().map_or(0, |lived| lived.at(look.now).seconds());
            let mut terms = TermsOf::new(look.policy);
            let pairs = retention.pairs.iter().filter(|(key, _)| key.user == user);
            Ok(pairs
                .map(|(key, kept)| {
                    let [app, purpose, item] = names(look.state, *key);
                    let running = terms.of(*key).and_then(|terms| terms.running(kept.fate));
                    let until = running.map(|period| {
                        look.now.wall.saturating_add((kept.lived + period - lived).max(0))
                    });
                    let purposes = &look.state.numbers.purposes;
                    // On the wire a period that is over is still active until somebody acts on it.
                    let state = if kept.fate == Fate::Due { Fate::Active } else { kept.fate };
                    Row::new()
                        .with("app", app)
                        .with("purpose", purpose)
                        .with("data", item)
                        .with("state", state.word())
                        .with("overdue", kept.fate == Fate::Due)
                        .maybe("why", look.state.why(look.policy, *key, look.now).map(Why::word))
                        .maybe("law", kept.fate.law().and_then(|law| purposes.name(law)))
                        .maybe("retention", terms.words(*key))
                        .with("last", kept.last)
                        .with("since", kept.since)
                        .maybe("until", until)
                })
                .collect())
        })
    }
}

impl View<'_> {
    /// What of a user's app is isolated, as the rule asks for it.
    pub(in crate::engine) fn isolated(&self, policy: &Policy, user: u32, app: AppKey) -> Vec<Held> {
        let changed = self.overlay.map(|overlay| &overlay.retention.pairs);
        let least = PairKey { user, app, purpose: 0, item: 0 };
        let most = PairKey { purpose: u32::MAX, item: u32::MAX, ..least };
        let held = self.settings.retention.pairs.range(least..=most);
        let held = held.filter(|(key, _)| changed.is_none_or(|changed| !changed.contains_key(key)));
        let coming = changed.into_iter().flat_map(|changed| changed.range(least..=most));
        held.chain(coming)
            .filter_map(|(key, kept)| match kept.fate {
                Fate::Isolated(law) => Some((key, law, kept.generation)),
                Fate::Active | Fate::Due | Fate::Erased | Fate::Anonymised => None,
            })
            .filter_map(|(key, law, generation)| {
                let (purpose, data) = policy.pair_of(key.purpose, key.item)?;
                let law = law.and_then(|law| Some(policy.pair_of(law, key.item)?.0));
                let reach = Reach { purpose: Some(purpose), data: Some(data) };
                Some(Held { right: Right::Isolation { law }, reach, generation })
            })
            .collect()
    }
}

/// One reading of the ledger and ageing of what is known.
struct Step {
    /// Now, on the daemon's own count.
    lived: i64,
    /// Seconds on it since the ledger was read last: nothing that is read now is older.
    since_read: i64,
    now: Moment,
    generation: u64,
}

impl Step {
    fn collect(
        &self,
        state: &State,
        pairs: &mut BTreeMap<PairKey, Keeping>,
        one: &Collected,
        begun_anew: bool,
    ) {
        let numbers = &state.numbers;
        let (Some(app), Some(purpose), Some(item)) = (
            numbers.apps.find(&one.app),
            numbers.purposes.find(&one.purpose),
            numbers.items.find(&one.data),
        ) else {
            return;
        };
        let key = PairKey { user: one.user, app: AppKey(app), purpose, item };
        let known = state.settings.retention.pairs.get(&key);
        let is_known = |known: &Keeping| match (one.seq, one.last).cmp(&(known.seq, known.last)) {
            Ordering::Less => true,
            // In the second in which the rest was erased, something may have come after.
            Ordering::Equal => !known.fate.is_cleared() || known.since != known.last,
            Ordering::Greater => false,
        };
        if !begun_anew && known.is_some_and(is_known) {
            return;
        }
        // The wall clock may have been set between: it is not older than the last reading.
        let age = self.now.wall.saturating_sub(one.last).clamp(0, self.since_read.max(0));
        let was_active = known.filter(|known| known.fate == Fate::Active);
        let kept = Keeping {
            fate: Fate::Active,
            last: one.last,
            lived: self.lived - age,
            seq: one.seq,
            since: was_active.map_or(one.last, |known| known.since),
            generation: was_active.map_or(self.generation, |known| known.generation),
        };
        pairs.insert(key, kept);
    }

    fn age(&self, state: &State, policy: &Policy, pairs: &mut BTreeMap<PairKey, Keeping>) {
        let mut terms = TermsOf::new(policy);
        let known = &state.settings.retention.pairs;
        let keys: BTreeSet<PairKey> = known.keys().chain(pairs.keys()).copied().collect();
        for key in keys {
            let Some(kept) = pairs.get(&key).or_else(|| known.get(&key)).copied() else { continue };
            let terms = terms.of(key);
            let is_off =
                kept.fate == Fate::Active && is_switched_off(policy, state.view(), key, self.now);
            let Some(terms) = (if is_off { Some(Terms::ended(terms)) } else { terms }) else {
                continue;
            };
            let fate = terms.fate(kept.fate, self.lived - kept.lived);
            if fate != kept.fate {
                let (since, generation) = (self.now.wall, self.generation);
                pairs.insert(key, Keeping { fate, since, generation, ..kept });
            }
        }
    }
}

/// Has apps told whose isolation begins or ends.
pub(in crate::engine) fn announce(
    state: &State,
    draft: &mut Draft,
    pairs: &BTreeMap<PairKey, Keeping>,
) {
    let is_isolated = |kept: &Keeping| matches!(kept.fate, Fate::Isolated(_));
    let turned = pairs.iter().filter(|(key, kept)| {
        let before = state.settings.retention.pairs.get(key).is_some_and(is_isolated);
        before != is_isolated(kept)
    });
    let apps: BTreeSet<(u32, AppKey)> = turned.map(|(key, _)| (key.user, key.app)).collect();
    draft.changed.extend(apps.into_iter().map(|(user, app)| ChangedSetting {
        user: Some(user),
        toggle: None,
        app: state.numbers.apps.name(app.0).unwrap_or_default().to_owned(),
    }));
}

pub(in crate::engine) fn names(state: &State, key: PairKey) -> [&str; 3] {
    let numbers = &state.numbers;
    [numbers.apps.name(key.app.0), numbers.purposes.name(key.purpose), numbers.items.name(key.item)]
        .map(Option::unwrap_or_default)
}
