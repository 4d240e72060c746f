//! How long a declared pair is kept, by its own words and by those of a law (R42). It holds no state.

use super::{Fate, PairKey};
use crate::apps::{App, period};
use crate::catalog::Basis;
use crate::engine::names::AppKey;
use crate::engine::policy::Policy;

/// The ledger is read at least so often after something was collected: well before it forgets.
const LONGEST_UNREAD: i64 = 14 * 86_400;

/// How long a pair is kept.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Terms {
    /// Seconds; none where no time ends it.
    own: Option<i64>,
    /// The law that keeps the item longer: its purpose's number, and its seconds.
    law: Option<(u32, Option<i64>)>,
}

impl Terms {
    /// Those of a pair whose period is over at once; a law keeps it as it did.
    pub fn ended(terms: Option<Self>) -> Self {
        Self { own: Some(0), law: terms.and_then(|terms| terms.law) }
    }

    /// Whether its own period is over so many seconds after it was last allowed.
    pub fn is_over(self, elapsed: i64) -> bool {
        self.own.is_some_and(|own| elapsed >= own)
    }

    /// What becomes of a pair so many seconds after it was last allowed.
    pub fn fate(self, now: Fate, elapsed: i64) -> Fate {
        let over = |period: Option<i64>| period.is_some_and(|period| elapsed >= period);
        let after = match self.law {
            Some((law, period)) if !over(period) => Fate::Isolated(Some(law)),
            Some(_) | None => Fate::Due,
        };
        match now {
            Fate::Active if over(self.own) => after,
            Fate::Isolated(Some(_)) => after,
            Fate::Active | Fate::Due | Fate::Isolated(None) | Fate::Erased | Fate::Anonymised => {
                now
            }
        }
    }

    /// The period that runs, if one does.
    pub fn running(self, now: Fate) -> Option<i64> {
        match now {
            Fate::Active => self.own,
            Fate::Isolated(Some(_)) => self.law.and_then(|(_, period)| period),
            Fate::Due | Fate::Isolated(None) | Fate::Erased | Fate::Anonymised => None,
        }
    }
}

/// The shortest period that anything is kept for, at most [`LONGEST_UNREAD`].
pub(in crate::engine) fn shortest_period(policy: &Policy) -> i64 {
    let collections = policy.apps.iter().flat_map(|(_, app)| &app.collections);
    let periods = collections.filter_map(|collection| period(&collection.retention));
    periods.chain([LONGEST_UNREAD]).min().unwrap_or(LONGEST_UNREAD)
}

/// Terms of pairs that come app by app.
pub(in crate::engine) struct TermsOf<'a> {
    policy: &'a Policy,
    last: Option<(AppKey, Option<&'a App>)>,
}

impl<'a> TermsOf<'a> {
    pub fn new(policy: &'a Policy) -> Self {
        Self { policy, last: None }
    }

    fn app(&mut self, key: AppKey) -> Option<&'a App> {
        match self.last {
            Some((known, app)) if known == key => app,
            Some(_) | None => {
                let app = self.policy.app_of(key);
                self.last = Some((key, app));
                app
            }
        }
    }

    /// None if it is declared no longer: then nothing says how long it may be kept, and it stays as it is.
    pub fn of(&mut self, key: PairKey) -> Option<Terms> {
        let app = self.app(key.app)?;
        let (purpose, data) = self.policy.pair_of(key.purpose, key.item)?;
        let own = app.collection(app.pair(purpose, data)?);
        let catalog = &self.policy.catalog;
        let laws = app.pairs.iter().filter(|pair| {
            pair.data == data
                && pair.purpose != purpose
                && catalog.purposes[pair.purpose].legal
                && app.collection(pair).basis == Basis::LegalObligation
        });
        let laws = laws.map(|pair| {
            let (number, _) = self.policy.pair_numbers(pair.purpose, pair.data);
            (number, period(&app.collection(pair).retention))
        });
        // The longest, and longer than any a law that names no time.
        let law = laws.max_by_key(|(_, period)| period.unwrap_or(i64::MAX));
        Some(Terms { own: period(&own.retention), law })
    }

    pub fn words(&mut self, key: PairKey) -> Option<&'a str> {
        let app = self.app(key.app)?;
        let (purpose, data) = self.policy.pair_of(key.purpose, key.item)?;
        Some(&app.collection(app.pair(purpose, data)?).retention)
    }
}
