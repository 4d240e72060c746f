//! What an app returned, as a part of the page. It is text, whatever it says: nothing of it is obeyed.

use serde::Deserialize;

use super::markup::Markup;
use super::words::Words;

/// Longer text than this is shown as it came.
const INDENTED: usize = 256 * 1024;
/// Deeper than this nothing is set in any farther.
const DEEPEST: usize = 16;

/// What came of an app: its data, or why there is none.
#[derive(Debug, Deserialize)]
pub struct Returned {
    pub app: String,
    data: Option<String>,
    missing: Option<String>,
}

impl Returned {
    /// Whether it returned anything.
    pub fn is_there(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.trim().is_empty())
    }

    /// Its part of the page.
    pub fn markup(&self, words: &Words) -> Markup {
        let mut part = Markup::default();
        let name = words.whom(&self.app);
        part.element("article", &[], |part| {
            part.leaf("h3", &[], &name);
            match &self.data {
                None => {
                    let why = self.missing.as_deref().unwrap_or("it said nothing");
                    part.leaf("p", &[("class", "missing")], &format!("Nothing came: {why}."));
                }
                Some(data) if data.trim().is_empty() => {
                    part.leaf("p", &[], "It answered, and keeps nothing.");
                }
                Some(data) => {
                    let label = format!("What {name} returned");
                    let region = [("tabindex", "0"), ("role", "region"), ("aria-label", &*label)];
                    part.element("pre", &region, |pre| match indented(data) {
                        Some(indented) => pre.verbatim(&indented),
                        None => pre.verbatim(data),
                    });
                    part.leaf("p", &[("class", "note")], &extent(data));
                }
            }
        });
        part
    }
}

fn extent(data: &str) -> String {
    let bytes = data.len();
    let shown = if indented(data).is_some() { "; shown indented" } else { "" };
    format!("{bytes} bytes, as the app returned them{shown}.")
}

/// JSON with line ends and white space between its parts; each part stays as it was written.
fn indented(text: &str) -> Option<String> {
    let text = text.trim();
    let is_json = text.len() <= INDENTED
        && text.starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    if !is_json {
        return None;
    }
    let mut shown = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            shown.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '"' => {
                in_string = true;
                shown.push('"');
            }
            '{' | '[' => {
                shown.push(character);
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(end);
                } else {
                    depth += 1;
                    line_end(&mut shown, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line_end(&mut shown, depth);
                shown.push(character);
            }
            ',' => {
                shown.push(',');
                line_end(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            character if character.is_ascii_whitespace() => {}
            character => shown.push(character),
        }
    }
    Some(shown)
}

fn line_end(shown: &mut String, depth: usize) {
    shown.push('\n');
    shown.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn markup(line: serde_json::Value) -> String {
        let returned: Returned = serde_json::from_value(line).unwrap();
        returned.markup(&Words::none()).as_str().to_owned()
    }

    #[test]
    fn data_is_shown_and_what_is_missing_is_said() {
        let shown = markup(json!({"app": "a", "data": r#"{"nickname":"Kim","tags":[],"n":1.50}"#}));
        let set_in = "{\n  &quot;nickname&quot;: &quot;Kim&quot;,\n  &quot;tags&quot;: [],\n  &quot;n&quot;: 1.50\n}";
        assert!(shown.contains(set_in), "{shown}");
        assert!(shown.contains("37 bytes"), "{shown}");
        let shown = markup(json!({"app": "a", "data": "one <b>\r\ntwo"}));
        assert!(shown.contains("\none &lt;b&gt;\ntwo</pre>"), "{shown}");
        let shown = markup(json!({"app": "a", "missing": "nobody answers"}));
        assert!(shown.contains("Nothing came: nobody answers."), "{shown}");
        assert!(markup(json!({"app": "a", "data": ""})).contains("keeps nothing"));
        for (data, is_there) in [("", false), (" \n", false), ("Kim", true)] {
            let returned = json!({"app": "a", "data": data});
            let returned: Returned = serde_json::from_value(returned).unwrap();
            assert_eq!(returned.is_there(), is_there, "{data:?}");
        }
    }

    #[test]
    fn nothing_deep_or_long_is_blown_up() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let grown = indented(&deep).unwrap_or(deep.clone());
        assert!(grown.len() < deep.len() * 2 * (DEEPEST + 1), "{}", grown.len());
        assert_eq!(indented(&format!("[{}1]", "1,".repeat(INDENTED))), None);
        assert_eq!(indented("no JSON"), None);
    }

    proptest! {
        /// Setting in adds white space between the parts, and changes nothing else.
        #[test]
        fn what_is_set_in_says_the_same(keys in prop::collection::vec(any::<String>(), 0..5), n in any::<i64>()) {
            let value = json!({"keys": keys, "of": {"n": n, "none": {}, "\"": [[], [null]]}});
            for text in [value.to_string(), format!("{value:#}")] {
                let shown = indented(&text).unwrap();
                let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
                prop_assert_eq!(&read, &value);
                prop_assert_eq!(shown, format!("{value:#}"));
            }
        }
    }
}
