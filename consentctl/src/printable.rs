//! Text of others, made fit for a terminal: an app chooses the ids and tags that it asks with, so they
//! could move the cursor, forge a line, or turn the order of reading. What would do that is shown
//! instead of obeyed; nothing is left out.

use consentd_dbus::lines::steers;

/// One line of text: a line end becomes `␤`, and all else that steers an escape like `\u{1b}`.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push('␤'),
            character if steers(character) => shown.extend(character.escape_unicode()),
            character => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use consentd_dbus::lines::printable_json;

    /// What an app may send, and how it is shown as text and in JSON.
    const HOSTILE: [(&str, &str, &str); 10] = [
        ("\u{1b}[31mred", r"\u{1b}[31mred", r"\u001b[31mred"),
        ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}", r"\u001b]0;title\u0007"),
        ("a\nb", "a␤b", r"a\nb"),
        ("a\r\tb\u{8}", r"a\u{d}\u{9}b\u{8}", r"a\r\tb\b"),
        ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}", r"a\u2028b\u2029"),
        ("\u{202e}moc", r"\u{202e}moc", r"\u202emoc"),
        ("\u{2066}a\u{2069}", r"\u{2066}a\u{2069}", r"\u2066a\u2069"),
        ("\u{200e}\u{200f}\u{61c}", r"\u{200e}\u{200f}\u{61c}", r"\u200e\u200f\u061c"),
        ("\u{9b}31m\u{85}\u{7f}", r"\u{9b}31m\u{85}\u{7f}", r"\u009b31m\u0085\u007f"),
        ("中文 – é 💥", "中文 – é 💥", "中文 – é 💥"),
    ];

    #[test]
    fn what_steers_a_terminal_is_shown_instead() {
        for (text, shown, _) in HOSTILE {
            assert_eq!(printable(text), shown, "{text:?}");
        }
    }

    #[test]
    fn json_says_the_same_in_escapes() {
        for (text, _, escaped) in HOSTILE {
            let json = serde_json::json!({ "data": text, "n": [1] });
            let shown = printable_json(&json.to_string()).into_owned();
            assert_eq!(shown, format!(r#"{{"data":"{escaped}","n":[1]}}"#), "{text:?}");
            for shown in [shown, printable_json(&format!("{json:#}")).into_owned()] {
                let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
                assert_eq!(read, json);
            }
        }
    }
}
