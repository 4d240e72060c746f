//! The lines of an export: text that steers no terminal, and the last line, which seals those before it.
//!
//! Daemon and reader share this, so that the bytes which are sealed are the bytes that are written. The seal
//! shows accident and careless tampering. It has no key: who rewrites the lines can compute another.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// Controls (C0, DEL, C1), the separators of lines and paragraphs, and what turns the direction: what an app
/// could move the cursor with, forge a line with, or turn the order of reading with.
#[must_use]
pub fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON that means the same, with what steers a terminal escaped. serde_json escapes C0 alone, which
/// outside of strings is white space and stays. What was escaped once stays as it is.
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let escaped = |character: char| steers(character) && !character.is_ascii_whitespace();
    if !json.contains(escaped) {
        return json.into();
    }
    let mut shown = String::with_capacity(json.len() + json.len() / 8);
    for character in json.chars() {
        if escaped(character) {
            // All of them are in the first plane, so one escape is enough.
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown.into()
}

/// The sum over the lines so far.
#[derive(Debug, Clone, Default)]
pub struct Seal {
    sum: Sha256,
    lines: u64,
}

impl Seal {
    /// Takes one more line in, given without its end.
    pub fn add(&mut self, line: &[u8]) {
        self.sum.update(line);
        self.sum.update(b"\n");
        self.lines += 1;
    }

    /// How many lines it is over.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// SHA-256 of all their bytes, line ends included, in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        self.sum.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The line that comes after them all, without its end.
    #[must_use]
    pub fn end(&self) -> String {
        format!(r#"{{"kind":"end","lines":{},"sha256":"{}"}}"#, self.lines, self.sha256())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_in_escapes_and_once() {
        for (text, shown) in [
            (r#"{"n": [1]}"#, r#"{"n": [1]}"#),
            ("{\n  \"n\": 1\t}", "{\n  \"n\": 1\t}"),
            ("\"a\u{2028}b\u{2029}\"", r#""a\u2028b\u2029""#),
            ("\"\u{202e}moc\u{2066}\u{200e}\u{61c}\"", r#""\u202emoc\u2066\u200e\u061c""#),
            ("\"\u{9b}31m\u{85}\u{7f}\"", r#""\u009b31m\u0085\u007f""#),
            ("\"中文 – é 💥\"", "\"中文 – é 💥\""),
        ] {
            assert_eq!(printable_json(text), shown, "{text:?}");
            assert_eq!(printable_json(shown), shown, "{text:?}");
        }
    }

    /// Known sums, so that what others compute with `sha256sum` is the same.
    #[test]
    fn a_seal_counts_and_sums_every_byte() {
        let mut seal = Seal::default();
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(seal.sha256(), nothing);
        seal.add(b"{}");
        let one = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356";
        assert_eq!(seal.end(), format!(r#"{{"kind":"end","lines":1,"sha256":"{one}"}}"#));
        let mut split = Seal::default();
        split.add(b"{");
        split.add(b"}");
        assert_ne!(split.sha256(), seal.sha256());
    }
}
