//! Names and times as a page tells them. A page is read long after it was made, so no time is relative.

use jiff::{Timestamp, Zoned};

use crate::answers::{Choice, Consent, Event, Kept};
use crate::args::Kind;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::session::Session;
use crate::time;
use crate::verbs::{self, Names};
use crate::words;

/// What a page is told with.
pub struct Words {
    names: Names,
    regions: Dictionary,
    now: Zoned,
    /// So long ago that every time is told with its date.
    long_ago: Zoned,
}

impl Words {
    /// The names that the daemon has.
    pub async fn of(session: &Session) -> Result<Self, Failure> {
        let regions = session.words(Kind::Regions).await?;
        Ok(Self::new(Names::of(session).await?, regions, &session.now))
    }

    fn new(names: Names, regions: Dictionary, now: &Zoned) -> Self {
        let long_ago = Timestamp::MIN.to_zoned(now.time_zone().clone());
        Self { names, regions, now: now.clone(), long_ago }
    }

    /// No names but the ids, in UTC.
    #[cfg(test)]
    pub fn none() -> Self {
        let none = Dictionary::default;
        let names = Names { apps: none(), toggles: none(), data: none(), purposes: none() };
        let now = Timestamp::from_second(1_790_000_000).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        Self::new(names, none(), &now)
    }

    /// A moment: `22 Nov 2026, 18:04`.
    pub fn at(&self, at: i64) -> String {
        time::hour(at, &self.now)
    }

    /// A moment where spans are so many seconds wide, with its date.
    pub fn moment(&self, at: i64, width: i64) -> String {
        match width {
            ..60 => format!("{}, {}", time::day(at, &self.now), time::clock(at, &self.now)),
            _ => self.at(at),
        }
    }

    /// A moment of a picture whose spans are so many seconds wide.
    pub fn tick(&self, at: i64, width: i64) -> String {
        let (long, day) = (time::hour(at, &self.now), time::day(at, &self.now));
        match width {
            ..60 => time::clock(at, &self.now),
            60..21_600 => long.rsplit_once(", ").map_or(long.clone(), |(_, time)| time.to_owned()),
            21_600..2_419_200 => {
                day.rsplit_once(' ').map_or(day.clone(), |(day, _)| day.to_owned())
            }
            _ => day,
        }
    }

    /// Seconds of local time before UTC, now.
    pub fn offset(&self) -> i64 {
        self.now.offset().seconds().into()
    }

    /// The time zone: `+01:00`.
    pub fn zone(&self) -> String {
        self.now.strftime("UTC%:z").to_string()
    }

    /// What became of what an app was allowed to collect.
    pub fn kept(&self, kept: &Kept) -> String {
        let until = kept.until.map(|until| format!(" until {}", time::day(until, &self.now)));
        let until = until.unwrap_or_default();
        match (kept.state.as_str(), &kept.law) {
            ("active", _) if kept.overdue => "to be erased; not erased yet".to_owned(),
            ("active", _) => format!("kept{until}"),
            ("isolated", Some(law)) => format!("kept for {} alone{until}", self.purpose(law)),
            ("isolated", None) => "out of use; being erased".to_owned(),
            (state, _) => format!("{state} {}", self.at(kept.since)),
        }
    }

    /// Who asked.
    pub fn app(&self, id: &str) -> String {
        verbs::app(id, &self.names.apps)
    }

    /// Whom a setting is for.
    pub fn whom(&self, app: &str) -> String {
        verbs::whom(app, &self.names.apps)
    }

    /// A toggle.
    pub fn toggle<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.toggles.name(id)
    }

    /// What was asked for.
    pub fn data<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.what(id)
    }

    /// For what.
    pub fn purpose(&self, id: &str) -> String {
        self.names.for_what(id)
    }

    /// A region.
    pub fn region(&self, id: &str) -> String {
        self.regions.both(id)
    }

    /// A change.
    pub fn change(&self, event: &Event) -> String {
        verbs::sentence(event, &self.names, &self.long_ago)
    }

    /// A stored state: `on, until 24 Dec 2026, 18:00`.
    pub fn state(&self, choice: &Choice) -> String {
        let lifetime = words::lifetime(choice.lifetime.as_deref(), choice.until, &self.long_ago);
        words::state(&choice.state, &lifetime)
    }

    /// Whether a consent is in force, or how it ended.
    pub fn in_force(&self, consent: &Consent) -> String {
        verbs::in_force(consent, &self.long_ago).1
    }

    /// What a consent covers: each purpose with its data.
    pub fn covers<'a>(&'a self, consent: &'a Consent) -> Vec<(String, Vec<&'a str>)> {
        let covers = consent.covers.iter().flatten();
        let line = |covered: &'a crate::answers::Covered| {
            let data = covered.data.iter().map(|data| self.data(data)).collect();
            (self.purpose(&covered.purpose), data)
        };
        covers.map(line).collect()
    }
}

/// A right.
pub fn right(word: &str) -> &str {
    match word {
        "access" => "Access: a copy of everything that is kept of you",
        "portability" => "Portability: a copy that another service can read",
        other => other,
    }
}

/// How far a case is.
pub fn case_state(word: &str) -> &str {
    match word {
        "open" => "open: not every app has answered yet",
        "late" => "late: not every app has answered in time",
        "done" => "done: every app has answered",
        "refused" => "refused: every app has answered, and not all of them did it",
        other => other,
    }
}

/// How far an app is with it.
pub fn holder_state(word: &str) -> &str {
    match word {
        "waiting" => "no answer yet",
        "done" => "done",
        "refused" => "refused",
        "failed" => "failed; it is asked again",
        other => other,
    }
}

/// An answer.
pub fn decision(word: &str) -> &str {
    match word {
        "allow" => "allowed",
        "deny" => "refused",
        "ask" => "undecided",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_time_has_its_date() {
        let words = Words::none();
        let now = 1_790_000_000;
        assert_eq!(words.at(now), "21 Sep 2026, 14:13");
        let choice = json!({"toggle": "t", "state": "on", "since": 1, "by": "shell",
                            "lifetime": "until", "until": now + 60});
        let choice: Choice = serde_json::from_value(choice).unwrap();
        assert_eq!(words.state(&choice), "on, until 21 Sep 2026, 14:14");
        for (width, told) in
            [(1, "14:13:20"), (3_600, "14:13"), (86_400, "21 Sep"), (28 * 86_400, "21 Sep 2026")]
        {
            assert_eq!(words.tick(now, width), told);
        }
        assert_eq!((words.offset(), &*words.zone()), (0, "UTC+00:00"));
    }
}
