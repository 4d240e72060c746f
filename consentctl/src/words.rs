//! The wire's words as a person says them.

use jiff::Zoned;

use crate::time;

/// Why a decision is what it is.
pub fn reason(word: &str) -> &str {
    match word {
        "consented" => "the user consented",
        "contract" => "needed for a service the user asked for",
        "legal-obligation" => "a law requires it",
        "legitimate-interest" => "a legitimate interest that the policy lists",
        "not-set" => "the user has not decided yet",
        "notice-changed" => "newer than the notice the user agreed to",
        "unidentified" => "the caller is not known as an app",
        "insufficient-trust" => "the caller's identity is not proven well enough",
        "unknown-purpose" => "no such purpose in the catalogue",
        "unknown-data" => "no such data item in the catalogue",
        "forbidden" => "the policy rules it out, whatever the user chose",
        "undeclared" => "the app did not declare it for this purpose",
        "requirement-not-met" => "the purpose or the recipient asks for more than was declared",
        "minor" => "closed to minors",
        "objected" => "the user objected",
        "restricted" => "the user had it restricted",
        "isolated" => "kept for a law alone",
        "basis-not-permitted" => "its legal basis does not hold in this region",
        "recipient-not-declared" => "the app did not declare this recipient",
        "transfer-not-permitted" => "it may not go to that country",
        "insecure-destination" => "the destination is not declared to use TLS",
        "locked" => "held off by the administrator",
        "toggle-off" => "a toggle that covers it is off",
        "notice-declined" => "the user declined the notice that brought it",
        "refused" => "the user refused just then",
        "timed-out" => "nobody answered the prompt",
        "no-agent" => "nothing could show a prompt",
        "too-many-refusals" => "refused twice; only Settings can change it now",
        "store-unavailable" => "the daemon's store cannot be used",
        "catalog-unavailable" => "the daemon has no valid catalogue",
        "daemon-unavailable" => "the daemon could not be reached",
        "essential" => "the site does not work without it",
        "unlisted" => "not in the policy",
        "category-off" => "its category is not switched on for this site",
        other => other,
    }
}

/// What a refused collector uses instead; nothing if it was allowed.
pub fn refusal(word: &str) -> &str {
    match word {
        "zero-uuid" => "the all-zero UUID",
        "empty" => "an empty list",
        "none" => "nothing",
        "approximate" => "the approximate item",
        other => other,
    }
}

/// A legal basis.
pub fn basis(word: &str) -> &str {
    match word {
        "legal-obligation" => "legal obligation",
        "legitimate-interest" => "legitimate interest",
        other => other,
    }
}

/// Whose setting is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// An app's, or that of many.
    App,
    /// A site's.
    Site,
}

/// What decided on a state.
pub fn decided_by(word: &str, whose: Whose) -> &str {
    match (word, whose) {
        ("all-apps", Whose::Site) => "the choice for all sites",
        ("app", Whose::Site) => "the choice for this site",
        ("others", Whose::Site) => "the choice for other sites",
        (word, Whose::Site | Whose::App) => decided_by_app(word),
    }
}

fn decided_by_app(word: &str) -> &str {
    match word {
        "all-apps" => "the choice for all apps",
        "app" => "the choice for this app",
        "others" => "the choice for other apps",
        "default" => "the default",
        "lock" => "the administrator's lock",
        other => other,
    }
}

/// By what a choice was made.
pub fn by(word: &str) -> &str {
    match word {
        "settings" => "Settings",
        "shell" => "the command line",
        "prompt" => "a prompt",
        "guardian" => "the guardian",
        "administrator" => "the administrator",
        other => other,
    }
}

/// How a consent ended.
pub fn how_ended(word: &str) -> &str {
    match word {
        "superseded" => "replaced by a newer one",
        "unconfirmed" => "in doubt since the store was restored",
        other => other,
    }
}

/// How an app was recognised.
pub fn kind(word: &str) -> &str {
    match word {
        "flatpak" => "its Flatpak sandbox",
        "snap" => "its snap",
        "user" => "its own system user",
        "unit" => "its system unit",
        "executable" => "its executable",
        "scope" => "its scope or user unit",
        other => other,
    }
}

/// How far an identity can be believed.
pub fn trust(word: &str) -> &str {
    match word {
        "weak" => "weak: the user's other programs could claim it",
        "confined" => "confined: a sandbox, which cannot claim another identity",
        "system" => "system: a user of its own, which the bus proves",
        other => other,
    }
}

/// How long an `on` holds; nothing if for ever.
pub fn lifetime(word: Option<&str>, until: Option<i64>, now: &Zoned) -> String {
    match (word, until) {
        (Some("until"), Some(until)) => format!("until {}", time::until(until, now)),
        (Some("boot"), _) => "until the device restarts".to_owned(),
        (Some("once"), _) => "for one check".to_owned(),
        (Some("forever") | None, _) => String::new(),
        (Some(other), _) => other.to_owned(),
    }
}

/// A stored or effective state with its lifetime: `on, until 18:00`.
pub fn state(state: &str, lifetime: &str) -> String {
    if lifetime.is_empty() { state.to_owned() } else { format!("{state}, {lifetime}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_told_only_where_they_end() {
        let now: Zoned = "2026-11-20T15:00+01:00[Europe/Amsterdam]".parse().unwrap();
        let six = now.timestamp().as_second() + 3 * 3600;
        for (word, until, told) in [
            (None, None, "on"),
            (Some("forever"), None, "on"),
            (Some("until"), Some(six), "on, until 18:00"),
            (Some("boot"), None, "on, until the device restarts"),
            (Some("once"), None, "on, for one check"),
        ] {
            assert_eq!(state("on", &lifetime(word, until, &now)), told);
        }
    }
}
