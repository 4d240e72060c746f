//! How long a declaration says that it keeps something: words for people, and a period where they name one.

/// The period that words name, in seconds: `30 days`, `until found, 24 hours at most`. None where what
/// ends it is no time that goes by: `while the account exists`.
#[must_use]
pub fn period(words: &str) -> Option<i64> {
    const DAY: i64 = 86_400;
    let words: Vec<&str> = words.split([' ', ',', ';', '(', ')']).collect();
    words.windows(2).find_map(|pair| {
        let [number, unit] = pair else { return None };
        let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
        let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => DAY,
            "week" => 7 * DAY,
            "month" => 31 * DAY,
            "year" => 365 * DAY,
            _ => return None,
        };
        number.checked_mul(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r42_a_period_is_read_where_words_name_one() {
        for (words, expected) in [
            ("30 days", Some(2_592_000)),
            ("1 year", Some(31_536_000)),
            ("2 weeks", Some(1_209_600)),
            ("until the device is found, 24 hours at most", Some(86_400)),
            ("6 months (then erased)", Some(16_070_400)),
            ("0 days", Some(0)),
            ("-1 days", None),
            ("99999999999999 years", None),
            ("while the account exists", None),
            ("as long as the law requires", None),
            ("days", None),
        ] {
            assert_eq!(period(words), expected, "{words}");
        }
    }
}
