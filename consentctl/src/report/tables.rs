//! Tables and lists of facts, as a screen reader can read them: with captions, and headings that say what
//! they head.

use super::markup::Markup;

/// What stands in a place of a table.
pub struct Cell {
    class: &'static str,
    /// One or more lines.
    lines: Vec<String>,
    /// Beneath it, in small letters.
    small: Vec<String>,
}

impl Cell {
    /// A text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { class: "", lines: vec![text.into()], small: Vec::new() }
    }

    /// A number, set to the right.
    pub fn number(text: String) -> Self {
        Self { class: "number", ..Self::plain(text) }
    }

    /// A moment, which stays on one line.
    pub fn when(text: String) -> Self {
        Self { class: "when", ..Self::plain(text) }
    }

    /// An answer or a state, by its word on the wire.
    pub fn state(word: &str, text: impl Into<String>) -> Self {
        let class = match word {
            "allow" | "on" | "done" | "yes" => "good",
            "deny" | "off" | "refused" | "failed" | "late" => "bad",
            "ask" | "waiting" | "open" => "open",
            _ => "",
        };
        Self { class, ..Self::plain(text) }
    }

    /// The same with more beneath it.
    pub fn over(self, small: impl IntoIterator<Item = String>) -> Self {
        let small = small.into_iter().filter(|line| !line.is_empty()).collect();
        Self { small, ..self }
    }

    fn markup(&self, cell: &mut Markup) {
        let text = |cell: &mut Markup| self.lines.iter().for_each(|line| cell.text(line));
        match self.class {
            "" | "number" | "when" => text(cell),
            class => cell.element("span", &[("class", class)], text),
        }
        for line in &self.small {
            cell.leaf("div", &[("class", "small")], line);
        }
    }
}

/// A table. The first cell of a row is its heading.
pub fn table(
    page: &mut Markup,
    caption: &str,
    headings: &[&str],
    rows: impl IntoIterator<Item = Vec<Cell>>,
) {
    let region =
        [("class", "wide"), ("tabindex", "0"), ("role", "region"), ("aria-label", caption)];
    page.element("div", &region, |wide| {
        wide.element("table", &[], |table| {
            table.leaf("caption", &[], caption);
            table.element("thead", &[], |head| {
                head.element("tr", &[], |row| {
                    for heading in headings {
                        let is_number = matches!(
                            *heading,
                            "Times" | "Allowed" | "Refused" | "Undecided" | "Changes"
                        );
                        let class = if is_number { "number" } else { "text" };
                        row.leaf("th", &[("scope", "col"), ("class", class)], heading);
                    }
                });
            });
            table.element("tbody", &[], |body| {
                for cells in rows {
                    body.element("tr", &[], |row| cells_of(row, &cells));
                }
            });
        });
    });
}

fn cells_of(row: &mut Markup, cells: &[Cell]) {
    for (place, cell) in cells.iter().enumerate() {
        let class = if matches!(cell.class, "number" | "when") { cell.class } else { "text" };
        if place == 0 {
            row.element("th", &[("scope", "row"), ("class", class)], |head| cell.markup(head));
        } else {
            row.element("td", &[("class", class)], |data| cell.markup(data));
        }
    }
}

/// Facts, each with its name. What is empty is left out.
pub fn facts<'a>(page: &mut Markup, facts: impl IntoIterator<Item = (&'a str, String)>) {
    page.element("dl", &[("class", "facts")], |list| {
        for (name, value) in facts {
            if !value.is_empty() {
                list.leaf("dt", &[], name);
                list.leaf("dd", &[], &value);
            }
        }
    });
}

/// What a table leaves out, if it does.
pub fn left_out(page: &mut Markup, more: u64, what: &str) {
    if more > 0 {
        let text = format!("Not shown here: {} more. The JSON has each.", counted(more, what));
        page.leaf("p", &[("class", "note")], &text);
    }
}

/// A number and what is counted: `1 answer`, `2,000 answers`.
pub fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", thousands(number))
}

/// A number that can be read: `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_can_be_read() {
        for (number, told) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (u64::MAX, "18,446,744,073,709,551,615")]
        {
            assert_eq!(thousands(number), told);
        }
    }
}
