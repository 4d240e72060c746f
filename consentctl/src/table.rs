//! Tables without lines: columns aligned, wrapped at words where the terminal is narrow.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Row, presets};

use crate::screen::{Screen, Tone};

/// A table that is being filled.
pub struct Table {
    inner: comfy_table::Table,
}

/// One field: its text and how it is meant.
pub type Field = (Tone, String);

/// A field as it is.
pub fn plain(text: impl Into<String>) -> Field {
    (Tone::Plain, text.into())
}

/// A secondary field.
pub fn dim(text: impl Into<String>) -> Field {
    (Tone::Dim, text.into())
}

impl Table {
    /// An empty table; no headings, no head.
    pub fn new(screen: &Screen, headings: &[&str]) -> Self {
        let mut inner = comfy_table::Table::new();
        inner.load_style(presets::NOTHING);
        match screen.width {
            Some(width) => {
                inner.set_content_arrangement(ContentArrangement::Dynamic).set_width(width)
            }
            None => inner.set_content_arrangement(ContentArrangement::Disabled),
        };
        if screen.colour {
            inner.enforce_styling();
        } else {
            inner.force_no_tty();
        }
        if !headings.is_empty() {
            inner.set_header(headings.iter().map(|text| cell(&(Tone::Strong, (*text).to_owned()))));
        }
        Self { inner }
    }

    /// One more row.
    pub fn row(&mut self, fields: impl IntoIterator<Item = Field>) {
        self.inner.add_row(Row::from(fields.into_iter().map(|field| cell(&field))));
    }

    /// The table as text; every line ends in a line end.
    pub fn render(mut self) -> String {
        for column in self.inner.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = self.inner.trim_fmt();
        text.push('\n');
        text
    }
}

/// Labels and what stands beside them, without those that are empty.
pub fn facts(screen: &Screen, pairs: impl IntoIterator<Item = (&'static str, Field)>) -> String {
    let mut table = Table::new(screen, &[]);
    for (label, field) in pairs {
        if !field.1.is_empty() {
            table.row([dim(format!("  {label}")), field]);
        }
    }
    table.render()
}

fn cell((tone, text): &Field) -> Cell {
    let cell = Cell::new(text);
    match tone {
        Tone::Plain => cell,
        Tone::Strong => cell.add_attribute(Attribute::Bold),
        Tone::Dim => cell.add_attribute(Attribute::Dim),
        Tone::Good => cell.fg(Color::DarkGreen),
        Tone::Open => cell.fg(Color::DarkYellow),
        Tone::Bad => cell.fg(Color::DarkRed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(width: Option<u16>) -> Screen {
        Screen { json: false, colour: false, width }
    }

    #[test]
    fn columns_are_aligned_and_lines_end_bare() {
        let mut table = Table::new(&screen(None), &["Name", "ID"]);
        table.row([plain("天气"), dim("org.example.weather")]);
        table.row([plain("Find device"), dim("org.example.find")]);
        assert_eq!(
            table.render(),
            "Name         ID\n天气         org.example.weather\nFind device  org.example.find\n"
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_at_words_and_keeps_ids_whole() {
        let mut table = Table::new(&screen(Some(44)), &["Why", "ID"]);
        table.row([plain("the user has not decided yet"), dim("org.example.weather")]);
        let text = table.render();
        assert!(text.contains("org.example.weather"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 44), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn colour_is_there_only_if_the_screen_has_it() {
        for colour in [false, true] {
            let mut table = Table::new(&Screen { json: false, colour, width: None }, &[]);
            table.row([(Tone::Bad, "deny".to_owned())]);
            assert_eq!(table.render().contains('\x1b'), colour);
        }
    }

    #[test]
    fn empty_facts_are_left_out() {
        let text = facts(&screen(None), [("State", plain("on")), ("Until", plain(""))]);
        assert_eq!(text, "  State  on\n");
    }
}
