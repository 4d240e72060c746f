//! What a report keeps of the lines while they pass: few of each kind in full, answers as sums, so that a
//! history of a million lines needs no more memory than one of a thousand.

use std::collections::BTreeMap;

use consentd_dbus::names::SITE_PREFIX;
use serde::Deserialize;

use super::timeline::Histogram;
use crate::answers::{self, Case, Choice, Consent, Event, Profile, Record};

/// Rows that are kept in full, of each kind.
const ROWS: usize = 1_000;
/// Sums of answers that differ in app, purpose, data, answer or reason.
const SUMS: usize = 2_000;

/// The line that begins what the daemon keeps itself.
#[derive(Debug, Default, Deserialize)]
pub struct Head {
    pub version: String,
    pub user: u32,
    pub at: i64,
}

/// Rows up to a limit, and how many there are beyond it.
#[derive(Debug)]
pub struct Kept<T> {
    pub rows: Vec<T>,
    pub more: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), more: 0 }
    }
}

impl<T> Kept<T> {
    /// One more.
    pub fn push(&mut self, row: T) {
        if self.rows.len() < ROWS {
            self.rows.push(row);
        } else {
            self.more += 1;
        }
    }

    /// All of them, those that were not kept too.
    pub fn count(&self) -> u64 {
        self.more + self.rows.len() as u64
    }
}

/// What answers are summed by, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alike {
    pub app: String,
    pub purpose: String,
    pub data: String,
    pub decision: String,
    pub reason: String,
}

impl Alike {
    /// The site whose cookies were asked for.
    pub fn site(&self) -> Option<&str> {
        self.purpose.strip_prefix(SITE_PREFIX)
    }
}

/// Answers that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    pub count: u64,
    /// Of these those that the app's own library counted.
    pub own: u64,
    pub first: i64,
    pub last: i64,
}

/// How many answers said what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    pub allowed: u64,
    pub denied: u64,
    pub asked: u64,
}

impl Answers {
    /// Counts answers of one kind.
    pub fn add(&mut self, decision: &str, count: u64) {
        let sum = match decision {
            "allow" => &mut self.allowed,
            "ask" => &mut self.asked,
            _ => &mut self.denied,
        };
        *sum = sum.saturating_add(count);
    }

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.allowed.saturating_add(self.denied).saturating_add(self.asked)
    }
}

/// All that a page is made from but what apps returned.
#[derive(Debug, Default)]
pub struct Tally {
    pub case: Option<Case>,
    pub head: Head,
    pub profile: Option<Profile>,
    pub choices: Kept<Choice>,
    pub consents: Kept<Consent>,
    pub in_force: u64,
    pub requests: Kept<Case>,
    pub retention: Kept<answers::Kept>,
    /// Apps that returned something, an empty text being nothing.
    pub returned: u64,
    pub changes: Kept<Event>,
    pub sums: BTreeMap<Alike, Sum>,
    /// Answers of kinds for which there was no room.
    pub unsummed: u64,
    pub answers: Answers,
    pub histogram: Histogram,
}

impl Tally {
    /// Whether any site's cookies were asked for.
    pub fn has_cookies(&self) -> bool {
        self.sums.keys().any(|alike| alike.site().is_some())
    }

    /// A consent.
    pub fn consent(&mut self, consent: Consent) {
        self.in_force += u64::from(consent.in_force);
        self.consents.push(consent);
    }

    /// A stored choice.
    pub fn choice(&mut self, choice: Choice) {
        self.choices.push(choice);
    }

    /// A change of a setting.
    pub fn change(&mut self, event: Event) {
        self.histogram.change(event.at);
        self.changes.push(event);
    }

    /// One or more answers.
    pub fn record(&mut self, record: Record) {
        let count = u64::try_from(record.count).unwrap_or_default();
        let own = if record.is_apps_own() { count } else { 0 };
        let (first, last) = (record.at, record.last.unwrap_or(record.at));
        self.answers.add(&record.decision, count);
        self.histogram.answers(first, &record.decision, count);
        let Record { app, purpose, data, decision, reason, .. } = record;
        let alike = Alike { app, purpose, data, decision, reason };
        if let Some(sum) = self.sums.get_mut(&alike) {
            sum.count = sum.count.saturating_add(count);
            sum.own = sum.own.saturating_add(own);
            sum.first = sum.first.min(first);
            sum.last = sum.last.max(last);
        } else if self.sums.len() < SUMS {
            self.sums.insert(alike, Sum { count, own, first, last });
        } else {
            self.unsummed = self.unsummed.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(at: i64, app: &str, decision: &str, count: i64, source: &str) -> Record {
        let record = json!({
            "at": at, "last": at + 5, "app": app, "purpose": "p", "data": "d", "decision": decision,
            "reason": "r", "count": count, "source": source,
        });
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn answers_that_are_alike_are_one_sum() {
        let mut tally = Tally::default();
        tally.record(record(100, "a", "allow", 2, "daemon"));
        tally.record(record(40, "a", "allow", 3, "client"));
        tally.record(record(70, "a", "deny", 1, "daemon"));
        let sums: Vec<_> = tally.sums.values().copied().collect();
        assert_eq!(
            sums,
            [
                Sum { count: 5, own: 3, first: 40, last: 105 },
                Sum { count: 1, own: 0, first: 70, last: 75 },
            ]
        );
        assert_eq!(tally.answers, Answers { allowed: 5, denied: 1, asked: 0 });
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let mut tally = Tally::default();
        for app in 0..SUMS + 7 {
            tally.record(record(0, &app.to_string(), "ask", 2, "daemon"));
        }
        assert_eq!((tally.sums.len(), tally.unsummed), (SUMS, 14));
        assert_eq!(tally.answers.sum(), 2 * (SUMS as u64 + 7));
        for at in 0..1_003 {
            let event = json!({"at": at, "what": "set"});
            tally.change(serde_json::from_value(event).unwrap());
        }
        assert_eq!((tally.changes.rows.len(), tally.changes.more), (ROWS, 3));
        assert_eq!(tally.changes.count(), 1_003);
    }
}
