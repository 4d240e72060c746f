//! Tables without lines: columns aligned, wrapped at words where the terminal is narrow.

use comfy_table::{
    Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Row, Width, presets,
};

use crate::printable::printable;
use crate::screen::{Screen, Tone};

/// A table that is being filled.
pub struct Table {
    inner: comfy_table::Table,
    columns: Vec<Extent>,
    unbroken: Option<usize>,
    indent: u16,
}

/// What a column holds.
#[derive(Clone, Copy, Default)]
struct Extent {
    /// Width of its longest word, which is not broken: an id has to stay whole.
    longest_word: u16,
    /// Width of its longest field.
    longest: u16,
    /// Any field below the heading.
    filled: bool,
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
        let mut table = Self { inner, columns: Vec::new(), unbroken: None, indent: 0 };
        if !headings.is_empty() {
            for (at, heading) in headings.iter().enumerate() {
                table.measure(at, heading);
            }
            let cells = headings.iter().map(|text| cell(&(Tone::Strong, (*text).to_owned())));
            table.inner.set_header(cells);
        }
        table
    }

    /// The same table, set in from the left.
    pub fn indented(mut self) -> Self {
        self.indent = 2;
        self
    }

    /// The same table, with one column that is never wrapped: `2 minutes ago` on three lines is no
    /// help.
    pub fn unbroken(mut self, column: usize) -> Self {
        self.unbroken = Some(column);
        self
    }

    /// One more row.
    pub fn row(&mut self, fields: impl IntoIterator<Item = Field>) {
        let fields: Vec<_> =
            fields.into_iter().map(|(tone, text)| (tone, printable(&text))).collect();
        for (at, (_, text)) in fields.iter().enumerate() {
            self.measure(at, text);
            self.columns[at].filled |= !text.is_empty();
        }
        self.inner.add_row(Row::from(fields.iter().map(cell)));
    }

    /// The table as text, without columns that nothing fills; every line ends in a line end.
    pub fn render(mut self) -> String {
        for (at, column) in self.inner.column_iter_mut().enumerate() {
            let extent = self.columns.get(at).copied().unwrap_or_default();
            let left = if at == 0 { self.indent } else { 0 };
            column.set_padding((left, GAP));
            column.set_constraint(if extent.filled {
                let whole = self.unbroken == Some(at);
                let least = if whole { extent.longest } else { extent.longest_word };
                ColumnConstraint::LowerBoundary(Width::Fixed(least + left + GAP))
            } else {
                ColumnConstraint::Hidden
            });
        }
        let mut text = self.inner.trim_fmt();
        text.push('\n');
        text
    }

    fn measure(&mut self, at: usize, text: &str) {
        if self.columns.len() <= at {
            self.columns.resize(at + 1, Extent::default());
        }
        let width = |text: &str| u16::try_from(text.chars().count()).unwrap_or(MAX_LEAST);
        let words = text.split_whitespace().map(width);
        let column = &mut self.columns[at];
        column.longest_word = words.fold(column.longest_word, u16::max).min(MAX_LEAST);
        column.longest = column.longest.max(width(text)).min(MAX_LEAST);
    }
}

/// Columns between two columns.
const GAP: u16 = 2;
/// What is longer is broken, whatever it is.
const MAX_LEAST: u16 = 48;

/// Labels and what stands beside them, without those that are empty.
pub fn facts(screen: &Screen, pairs: impl IntoIterator<Item = (&'static str, Field)>) -> String {
    let mut table = Table::new(screen, &[]).indented();
    for (label, field) in pairs {
        if !field.1.is_empty() {
            table.row([dim(label), field]);
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
        let mut table =
            Table::new(&screen(Some(50)), &["When", "Why", "Instead", "ID"]).unbroken(0);
        let why = plain("the user has not decided yet, nor anybody else");
        table.row([plain("2 days ago"), why, plain(""), dim("device.oaid_or_other")]);
        let text = table.render();
        assert!(text.contains("2 days ago") && text.contains("device.oaid_or_other"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 50), "{text}");
        assert!(text.lines().count() > 2, "{text}");
        assert!(!text.contains("Instead"), "an empty column is left out: {text}");
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
