//! What a single value of a catalogue or a declaration must look like. Each function answers with
//! the value, or with what is wrong and what would be right.

/// The longest id, in bytes (contract: Limits).
pub(crate) const ID_BYTES: usize = 128;

/// An id of the catalogue: `location.precise`.
pub(super) fn id(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > ID_BYTES {
        return Err(format!("the id has {} bytes; use 1 to {ID_BYTES}", id.len()));
    }
    let fits = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    match id.bytes().all(fits) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no id; use lower-case letters, digits, `.`, `-` and `_`",
            id.escape_debug()
        )),
    }
}

/// The id of a region: `EEA`.
pub(super) fn region_id(id: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_uppercase() || byte == b'-';
    match !id.is_empty() && id.len() <= ID_BYTES && id.bytes().all(fits) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no region; use capital letters and `-`, such as `EEA`",
            id.escape_debug()
        )),
    }
}

/// An ISO 3166 alpha-2 code.
pub(crate) fn country(code: &str) -> Result<(), String> {
    match code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no country code; use two capital letters of ISO 3166, such as `NL`",
            code.escape_debug()
        )),
    }
}

/// Words a person reads: not empty, on one line.
pub(crate) fn words(text: &str) -> Result<(), String> {
    match !text.trim().is_empty() && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err("is empty or has control characters; write words on one line".to_owned()),
    }
}

/// The requirement an entry comes from: `R26`, or several: `R10, R11`.
pub(super) fn requirement(text: &str) -> Result<(), String> {
    let is_one = |word: &str| {
        let number = word.strip_prefix('R').and_then(|number| number.parse::<u8>().ok());
        number.is_some_and(|number| (1..=60).contains(&number))
    };
    match text.split(", ").all(is_one) {
        true => Ok(()),
        false => Err(format!(
            "`{}` names no requirement; write `R1` to `R60`, several with `, ` between",
            text.escape_debug()
        )),
    }
}

/// Whether the requirements an entry comes from hold a certain one.
pub(super) fn is_of(requirement: &str, number: &str) -> bool {
    requirement.split(", ").any(|one| one == number)
}

/// A cookie's lifetime in seconds: `session` (0), `15 min`, `24 h`, `365 d`, `2 y`.
pub(super) fn age(text: &str) -> Result<u64, String> {
    if text == "session" {
        return Ok(0);
    }
    let seconds = text.split_once(' ').and_then(|(count, unit)| {
        let unit = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "y" => 365 * 86_400,
            _ => return None,
        };
        count.parse::<u64>().ok().filter(|count| *count > 0)?.checked_mul(unit)
    });
    seconds.ok_or_else(|| {
        format!(
            "`{}` is no lifetime; write `session`, or a number and `s`, `min`, `h`, `d` or `y`, such as `24 h`",
            text.escape_debug()
        )
    })
}

/// How long somebody may take, in seconds: `72 h`.
pub(super) fn span(text: &str) -> Result<u64, String> {
    age(text).ok().filter(|seconds| *seconds > 0).ok_or_else(|| {
        let text = text.escape_debug();
        format!("`{text}` is no span; write a number and `min`, `h` or `d`, such as `72 h`")
    })
}

/// A lifetime as [`age`] reads it, in the largest unit that fits it evenly.
pub(super) fn written_age(seconds: u64) -> String {
    let units = [("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("min", 60)];
    match units.iter().find(|(_, unit)| seconds.is_multiple_of(*unit)) {
        _ if seconds == 0 => "session".to_owned(),
        Some((name, unit)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

/// A lifetime that another policy states, with that policy: `2 y (S0)`.
pub(super) fn other_age(text: &str) -> Result<(u64, &str), String> {
    let parts = text.strip_suffix(')').and_then(|text| text.split_once(" ("));
    let (lifetime, policy) = parts.filter(|(_, policy)| !policy.is_empty()).ok_or_else(|| {
        format!(
            "`{}` is no conflict; write the other lifetime and its policy, such as `2 y (S0)`",
            text.escape_debug()
        )
    })?;
    Ok((age(lifetime)?, policy))
}

/// Midnight UTC of a date, in Unix seconds.
pub(super) fn date(text: &str) -> Result<i64, String> {
    let midnight = text
        .parse::<jiff::civil::Date>()
        .ok()
        .filter(|_| text.len() == "2025-10-10".len())
        .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok());
    midnight.map(|midnight| midnight.timestamp().as_second()).ok_or_else(|| {
        format!("`{}` is no date; write year, month and day as `2025-10-10`", text.escape_debug())
    })
}

/// A SHA-256 in hex.
pub(super) fn sha256(text: &str) -> Result<(), String> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    match text.len() == 64 && text.bytes().all(is_hex) {
        true => Ok(()),
        false => Err("is no SHA-256; write its 64 digits in lower-case hex".to_owned()),
    }
}

/// A BCP 47 tag, by its form: `en`, `zh-Hans-CN`.
pub(super) fn language(text: &str) -> Result<(), String> {
    let is_subtag = |tag: &str| {
        (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let first = text.split('-').next().unwrap_or_default();
    match first.len() >= 2
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && text.split('-').all(is_subtag)
    {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no language; write a BCP 47 tag such as `en` or `zh-CN`",
            text.escape_debug()
        )),
    }
}

/// A host that cookies are listed for: `mi.com`.
pub(super) fn domain(text: &str) -> Result<(), String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    match text.contains('.') && text.len() <= 253 && text.split('.').all(is_label) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no domain; write it in lower case without a leading dot, such as `mi.com`",
            text.escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_in_seconds() {
        let cases = [
            ("session", Some(0)),
            ("15 min", Some(900)),
            ("7 h", Some(25_200)),
            ("720 d", Some(62_208_000)),
            ("71 y", Some(2_239_056_000)),
            ("0 d", None),
            ("-1 d", None),
            ("7h", None),
            ("7 weeks", None),
            ("", None),
            ("18446744073709551615 y", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(age(text).ok(), seconds, "{text}");
        }
    }

    #[test]
    fn a_lifetime_is_written_as_it_is_read() {
        for text in ["session", "15 min", "7 h", "1 d", "720 d", "71 y", "7 s"] {
            assert_eq!(age(text).map(written_age).as_deref(), Ok(text));
        }
        assert_eq!(written_age(86_400 * 365), "1 y");
    }

    #[test]
    fn dates_are_midnight_utc() {
        assert_eq!(date("2025-10-10"), Ok(1_760_054_400));
        assert_eq!(date("2019-12-09"), Ok(1_575_849_600));
        for wrong in ["2025-13-10", "2025-02-30", "10 Oct 2025", "20251010", "", "2025-10-10T00:00"]
        {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_are_lower_case_and_short() {
        for right in ["a", "location.precise", "_ga", "2025-10-10", &"x".repeat(128)] {
            assert_eq!(id(right), Ok(()), "{right}");
        }
        for wrong in ["", "A", "a b", "a:b", "a/b", "é", "*", "a\n", &"x".repeat(129)] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn forms_are_told_apart() {
        assert!(country("NL").is_ok() && country("nl").is_err() && country("NLD").is_err());
        assert!(region_id("EEA").is_ok() && region_id("eea").is_err() && region_id("").is_err());
        assert!(domain("mi.com").is_ok() && domain(".mi.com").is_err() && domain("com").is_err());
        assert!(language("zh-Hans-CN").is_ok() && language("English").is_err());
        assert!(language("e").is_err() && language("en_GB").is_err());
        assert!(requirement("R1").is_ok() && requirement("R1, R60").is_ok());
        assert!(requirement("R61").is_err() && requirement("").is_err());
        assert!(is_of("R5, R9", "R9") && !is_of("R59", "R9"));
        assert_eq!(other_age("2 y (S0)"), Ok((63_072_000, "S0")));
        assert!(other_age("2 y").is_err() && other_age("2 y ()").is_err());
        assert!(sha256(&"a".repeat(64)).is_ok() && sha256(&"A".repeat(64)).is_err());
        assert!(words("x").is_ok() && words(" ").is_err() && words("a\nb").is_err());
    }
}
