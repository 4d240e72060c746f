//! Markup that stays whole whatever is put in it: text is escaped as it goes in, and elements end themselves.
//! It is HTML that an XML parser reads too.
//!
//! Tags and names of attributes are the program's own (`&'static str`); everything else may be an app's.

use std::fmt::Write;

use consentd_dbus::lines::steers;

/// A piece of a page.
#[derive(Debug, Default)]
pub struct Markup(String);

/// Names and values, escaped as they are written.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Markup {
    /// An element and what is in it.
    pub fn element(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Markup),
    ) {
        self.open(tag, attributes);
        self.0.push('>');
        inside(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// An element with a text.
    pub fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |inside| inside.text(text));
    }

    /// An element that HTML knows to be empty, or one of SVG's.
    pub fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.open(tag, attributes);
        self.0.push_str("/>");
    }

    /// One line of text.
    pub fn text(&mut self, text: &str) {
        text.chars().for_each(|character| match character {
            '\n' => self.0.push('␤'),
            character => self.character(character),
        });
    }

    /// Text of many lines, as it stands; for a `pre`.
    pub fn verbatim(&mut self, text: &str) {
        let mut characters = text.chars().peekable();
        // The parser takes a first line end away.
        self.0.push('\n');
        while let Some(character) = characters.next() {
            match character {
                '\n' | '\t' => self.0.push(character),
                '\r' if characters.peek() == Some(&'\n') => {}
                character => self.character(character),
            }
        }
    }

    /// The program's own, as it stands.
    pub fn own(&mut self, text: &'static str) {
        self.0.push_str(text);
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
    }

    fn character(&mut self, character: char) {
        match character {
            '&' => self.0.push_str("&amp;"),
            '<' => self.0.push_str("&lt;"),
            '>' => self.0.push_str("&gt;"),
            '"' => self.0.push_str("&quot;"),
            '\'' => self.0.push_str("&#39;"),
            // What steers is shown, not obeyed; the last two no XML may have.
            character if steers(character) || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                // Writing to a string does not fail.
                let _done = write!(self.0, "{}", character.escape_unicode());
            }
            character => self.0.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(markup: &Markup) -> roxmltree::Document<'_> {
        roxmltree::Document::parse(markup.as_str()).unwrap()
    }

    #[test]
    fn what_is_put_in_is_text() {
        let mut page = Markup::default();
        page.element("p", &[("title", "\"><script>")], |inside| {
            inside.text("<b>&amp;\u{202e}\n\u{1b}");
            inside.empty("br", &[]);
            inside.element("pre", &[], |pre| pre.verbatim("a\r\n\tb\r<\u{9b}"));
        });
        assert_eq!(
            page.as_str(),
            "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;b&gt;&amp;amp;\\u{202e}␤\\u{1b}<br/>\
             <pre>\na\n\tb\\u{d}&lt;\\u{9b}</pre></p>"
        );
    }

    proptest! {
        /// Whatever an app sends, the page has the elements that the program gave it, and shows the text.
        #[test]
        fn nothing_breaks_out(value in any::<String>(), text in any::<String>()) {
            let mut page = Markup::default();
            page.element("p", &[("title", &value)], |inside| {
                inside.leaf("b", &[], &text);
                inside.element("pre", &[], |pre| pre.verbatim(&text));
            });
            let read = read(&page);
            let tags: Vec<_> =
                read.descendants().filter(|node| node.is_element()).map(|node| node.tag_name().name()).collect();
            prop_assert_eq!(tags, ["p", "b", "pre"]);
            prop_assert_eq!(read.root_element().attributes().len(), 1);
            let steering = |shown: &str| shown.chars().any(|c| steers(c) && !matches!(c, '\n' | '\t'));
            prop_assert!(!steering(page.as_str()));
            if !text.contains(|c| steers(c) || c > '\u{fffd}') {
                let shown = read.descendants().find(|node| node.has_tag_name("b"));
                prop_assert_eq!(shown.and_then(|node| node.text()).unwrap_or_default(), text);
            }
        }
    }
}
