//! Times as people write and read them. On the wire they are Unix seconds.
//!
//! Everything takes the present moment as a parameter, but `FromStr`, where the clock is read.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::{RoundMode, Span, SpanRound, Timestamp, ToSpan, Unit, Zoned};

/// How long something lasts: `90m`, `2h`, `7d`.
#[derive(Debug, Clone, Copy)]
pub struct Duration(Span);

impl Duration {
    /// The moment that lies so far ahead, in Unix seconds.
    pub fn from(&self, now: &Zoned) -> Result<i64, String> {
        let end = now.checked_add(self.0).map_err(|error| error.to_string())?;
        Ok(end.timestamp().as_second())
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let span: Span = text.parse().map_err(|_| no_duration(text))?;
        if span.is_positive() { Ok(Self(span)) } else { Err(no_duration(text)) }
    }
}

/// How long something is kept, in the largest unit that tells it: `2 y`, `87 d`, `7 h`; 0 is until the
/// browser ends.
pub fn age(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(365 * 86_400, "y"), (86_400, "d"), (3_600, "h"), (60, "min")];
    if seconds == 0 {
        return "session".to_owned();
    }
    let whole = UNITS.iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    // What is no whole number of any is rounded, in a unit that there are a few of.
    let rounded = UNITS.iter().find(|(unit, _)| seconds >= 2 * unit);
    match whole.or(rounded) {
        Some((unit, word)) => format!("{} {word}", seconds.saturating_add(unit / 2) / unit),
        None => format!("{seconds} s"),
    }
}

/// A moment to come, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub i64);

impl Deadline {
    fn parse(text: &str, now: &Zoned) -> Result<Self, String> {
        let mut moment = match text.trim() {
            "tomorrow" => now.tomorrow().and_then(|day| day.start_of_day()).ok(),
            text => point(text, now),
        };
        // A time of day that has passed is tomorrow's.
        if let (Some(at), Some(_)) = (&moment, time_of_day(text.trim()))
            && at <= now
        {
            moment = at.checked_add(1.day()).ok();
        }
        match moment {
            Some(at) if at > *now => Ok(Self(at.timestamp().as_second())),
            Some(_) => Err(format!("{text} has passed")),
            None => Err(format!("no time like 18:00, 2026-12-24 or '2026-12-24 18:00': {text}")),
        }
    }
}

impl FromStr for Deadline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, &Zoned::now())
    }
}

/// A moment of the past, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Moment {
    fn parse(text: &str, now: &Zoned) -> Result<Self, String> {
        let moment = match text.trim() {
            "now" => Some(now.clone()),
            "today" => now.start_of_day().ok(),
            "yesterday" => now.yesterday().and_then(|day| day.start_of_day()).ok(),
            text => {
                point(text, now).or_else(|| now.checked_sub(text.parse::<Span>().ok()?.abs()).ok())
            }
        };
        let moment = moment.ok_or_else(|| {
            format!("no time like 2h, 7d, yesterday, 14:30 or 2026-11-20: {text}")
        })?;
        Ok(Self(moment.timestamp().as_second()))
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, &Zoned::now())
    }
}

/// A date, a time of today, both, or both with an offset.
fn point(text: &str, now: &Zoned) -> Option<Zoned> {
    let zone = now.time_zone();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.to_zoned(zone.clone()));
    }
    if let Some(time) = time_of_day(text) {
        return now.date().to_datetime(time).to_zoned(zone.clone()).ok();
    }
    text.parse::<DateTime>().ok()?.to_zoned(zone.clone()).ok()
}

/// A time alone; jiff would take it out of a date and time as well.
fn time_of_day(text: &str) -> Option<Time> {
    if text.contains('-') { None } else { text.parse().ok() }
}

fn no_duration(text: &str) -> String {
    format!("no duration like 90m, 2h or 7d: {text}")
}

/// When something was, in words: `2 minutes ago`, `yesterday at 14:03`, `12 Oct 2025`.
pub fn ago(at: i64, now: &Zoned) -> String {
    let Some(then) = zoned(at, now) else { return beyond(at) };
    let seconds = now.timestamp().as_second().saturating_sub(at);
    match seconds {
        ..0 => until(at, now),
        0..5 => "just now".to_owned(),
        5..60 => plural(seconds, "second") + " ago",
        60..3600 => plural(seconds / 60, "minute") + " ago",
        _ if then.date() == now.date() => plural(seconds / 3600, "hour") + " ago",
        _ if now.yesterday().is_ok_and(|day| day.date() == then.date()) => {
            then.strftime("yesterday at %H:%M").to_string()
        }
        3600..604_800 => plural((seconds + 43_200) / 86_400, "day") + " ago",
        _ => then.strftime("%-d %b %Y").to_string(),
    }
}

/// When something will be, in words: `18:00`, `tomorrow at 18:00`, `24 Dec 2026, 18:00`.
pub fn until(at: i64, now: &Zoned) -> String {
    let Some(then) = zoned(at, now) else { return beyond(at) };
    let format = if then.date() == now.date() {
        "%H:%M"
    } else if now.tomorrow().is_ok_and(|day| day.date() == then.date()) {
        "tomorrow at %H:%M"
    } else {
        "%-d %b %Y, %H:%M"
    };
    then.strftime(format).to_string()
}

/// A day: `12 Oct 2025`.
pub fn day(at: i64, now: &Zoned) -> String {
    zoned(at, now).map_or_else(|| beyond(at), |then| then.strftime("%-d %b %Y").to_string())
}

/// An hour: `12 Oct 2025, 14:00`.
pub fn hour(at: i64, now: &Zoned) -> String {
    let then = zoned(at, now);
    then.map_or_else(|| beyond(at), |then| then.strftime("%-d %b %Y, %H:%M").to_string())
}

/// A time of day, to the second: `14:03:07`.
pub fn clock(at: i64, now: &Zoned) -> String {
    zoned(at, now).map_or_else(|| beyond(at), |then| then.strftime("%H:%M:%S").to_string())
}

/// How long something has lasted, in its two greatest units: `3 days 4 hours`.
pub fn lasted(since: i64, now: &Zoned) -> String {
    let seconds = now.timestamp().as_second().saturating_sub(since).max(0);
    let round = SpanRound::new().largest(Unit::Day).smallest(Unit::Second).mode(RoundMode::Trunc);
    let Ok(span) = seconds.seconds().round(round.days_are_24_hours()) else {
        return plural(seconds, "second");
    };
    let parts = [
        (i64::from(span.get_days()), "day"),
        (i64::from(span.get_hours()), "hour"),
        (span.get_minutes(), "minute"),
        (span.get_seconds(), "second"),
    ];
    let told: Vec<_> = parts.into_iter().skip_while(|(count, _)| *count == 0).take(2).collect();
    let told = told.into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> = told.map(|(count, unit)| plural(count, unit)).collect();
    if words.is_empty() { plural(0, "second") } else { words.join(" ") }
}

/// A count and its unit: `1 day`, `2 days`.
pub fn plural(count: i64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// A moment that no calendar reaches.
fn beyond(at: i64) -> String {
    if at > 0 { "the far future" } else { "the distant past" }.to_owned()
}

fn zoned(at: i64, now: &Zoned) -> Option<Zoned> {
    Some(Timestamp::from_second(at).ok()?.to_zoned(now.time_zone().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 20 November 2026, 15:00 in Amsterdam.
    fn now() -> Zoned {
        "2026-11-20T15:00:00+01:00[Europe/Amsterdam]".parse().unwrap()
    }

    fn at(text: &str) -> i64 {
        let local: DateTime = text.parse().unwrap();
        local.to_zoned(now().time_zone().clone()).unwrap().timestamp().as_second()
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        for (seconds, told) in [
            (0, "session"),
            (1, "1 s"),
            (90, "90 s"),
            (900, "15 min"),
            (7 * 3_600, "7 h"),
            (86_400, "1 d"),
            (400 * 86_400, "400 d"),
            (2 * 365 * 86_400, "2 y"),
            (2 * 365 * 86_400 + 30, "2 y"),
            (3 * 86_400 - 10, "3 d"),
            (u64::MAX, "584942417355 y"),
        ] {
            assert_eq!(age(seconds), told, "{seconds}");
        }
    }

    #[test]
    fn past_times_are_told_in_words() {
        for (then, words) in [
            ("2026-11-20 14:59:58", "just now"),
            ("2026-11-20 14:59:20", "40 seconds ago"),
            ("2026-11-20 14:58", "2 minutes ago"),
            ("2026-11-20 13:59", "1 hour ago"),
            ("2026-11-20 03:00", "12 hours ago"),
            ("2026-11-19 23:30", "yesterday at 23:30"),
            ("2026-11-18 09:00", "2 days ago"),
            ("2026-11-14 09:00", "6 days ago"),
            ("2026-11-01 09:00", "1 Nov 2026"),
            ("2026-11-20 18:00", "18:00"),
        ] {
            assert_eq!(ago(at(then), &now()), words, "{then}");
        }
        assert_eq!(
            ago(
                at("2026-11-20 23:30"),
                &"2026-11-21T00:10+01:00[Europe/Amsterdam]".parse().unwrap()
            ),
            "40 minutes ago"
        );
    }

    #[test]
    fn coming_times_are_told_in_words() {
        for (then, words) in [
            ("2026-11-20 18:00", "18:00"),
            ("2026-11-21 18:00", "tomorrow at 18:00"),
            ("2026-12-24 18:00", "24 Dec 2026, 18:00"),
        ] {
            assert_eq!(until(at(then), &now()), words);
        }
    }

    #[test]
    fn what_no_calendar_reaches_is_no_number() {
        for (at, words) in [(i64::MAX, "the far future"), (i64::MIN, "the distant past")] {
            for told in [ago, until, day, hour, clock] {
                assert_eq!(told(at, &now()), words);
            }
        }
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        for (text, then) in [
            ("2h", "2026-11-20 13:00"),
            ("1h 30m", "2026-11-20 13:30"),
            ("7d", "2026-11-13 15:00"),
            ("2 days ago", "2026-11-18 15:00"),
            ("today", "2026-11-20 00:00"),
            ("yesterday", "2026-11-19 00:00"),
            ("2026-10-01", "2026-10-01 00:00"),
            ("2026-10-01 14:30", "2026-10-01 14:30"),
            ("2026-10-01T14:30", "2026-10-01 14:30"),
            ("2026-10-01T12:30:00Z", "2026-10-01 14:30"),
            ("14:30", "2026-11-20 14:30"),
        ] {
            assert_eq!(Moment::parse(text, &now()), Ok(Moment(at(then))), "{text}");
        }
        for text in ["", "soon", "2", "25:00", "2026-13-01"] {
            assert!(Moment::parse(text, &now()).is_err(), "{text}");
        }
    }

    #[test]
    fn deadlines_lie_ahead() {
        for (text, then) in [
            ("18:00", "2026-11-20 18:00"),
            ("08:00", "2026-11-21 08:00"),
            ("tomorrow", "2026-11-21 00:00"),
            ("2026-12-24", "2026-12-24 00:00"),
            ("2026-12-24 18:00", "2026-12-24 18:00"),
        ] {
            assert_eq!(Deadline::parse(text, &now()), Ok(Deadline(at(then))), "{text}");
        }
        for text in ["2026-11-19", "2026-11-20 15:00", "2h", "never"] {
            assert!(Deadline::parse(text, &now()).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_positive_and_count_calendar_days() {
        let span: Duration = "2h".parse().unwrap();
        assert_eq!(span.from(&now()), Ok(at("2026-11-20 17:00")));
        assert!("-2h".parse::<Duration>().is_err());
        assert!("0s".parse::<Duration>().is_err());
        assert!("long".parse::<Duration>().is_err());
        let before_winter: Zoned = "2026-10-24T12:00+02:00[Europe/Amsterdam]".parse().unwrap();
        let day: Duration = "1d".parse().unwrap();
        assert_eq!(day.from(&before_winter), Ok(at("2026-10-25 12:00")));
    }

    #[test]
    fn what_lasted_is_told_in_two_units() {
        let now = now();
        let present = now.timestamp().as_second();
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (3_600, "1 hour"),
            (3_660, "1 hour 1 minute"),
            (90_061, "1 day 1 hour"),
            (172_861, "2 days"),
        ] {
            assert_eq!(lasted(present - seconds, &now), words);
        }
    }
}
