//! One TOML file: what stands in it, and on which line.
//!
//! Owns the way from a path such as `toggle.3.covers.0.data.1` to `toggles.toml:41`. It knows
//! nothing of what the entries mean.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// `toggles.toml`
    pub file: Box<str>,
    /// Counted from 1; 0 is the file as a whole.
    pub line: usize,
}

impl Place {
    /// A file as a whole.
    #[must_use]
    pub fn whole(file: &str) -> Self {
        Self { file: file.into(), line: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// Something wrong in a file, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The key it stands under, inner ones after a dot: `covers.data`; empty for the file as a whole.
    pub key: String,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.text),
            key => write!(f, "{}: {key}: {}", self.place, self.text),
        }
    }
}

/// A parsed file that can still say where everything stood.
#[derive(Debug)]
pub(crate) struct Document<'t> {
    file: &'t str,
    text: &'t str,
    root: Spanned<DeValue<'t>>,
}

impl<'t> Document<'t> {
    /// Parses a file; with what is wrong in its syntax comes whatever could be read beside it.
    pub(crate) fn parse(file: &'t str, text: &'t str) -> (Self, Vec<Problem>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let span = root.span();
        let root = Spanned::new(span, DeValue::Table(root.into_inner()));
        let document = Self { file, text, root };
        let problems = errors.iter().map(|error| document.misfit(error)).collect();
        (document, problems)
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &str {
        self.file
    }

    /// The keys of the root table.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let root = self.root.get_ref().as_table();
        root.into_iter().flat_map(DeTable::keys).map(|key| key.get_ref().as_ref())
    }

    /// How many elements the array at a root key has, if it is one.
    pub(crate) fn count(&self, key: &str) -> Option<usize> {
        Some(self.root.get_ref().get(key)?.get_ref().as_array()?.len())
    }

    /// The string at a path.
    pub(crate) fn string(&self, path: &str) -> Option<&str> {
        let (value, _) = self.find(path);
        value.get_ref().as_str()
    }

    /// Reads what stands at a path.
    pub(crate) fn read<T: Deserialize<'t>>(&self, path: &str) -> Result<T, Problem> {
        let (value, _) = self.find(path);
        T::deserialize(ValueDeserializer::from(value.clone())).map_err(|error| self.misfit(&error))
    }

    /// Where a path leads, or as far as it leads.
    pub(crate) fn place(&self, path: &str) -> Place {
        Place { file: self.file.into(), line: self.line(self.find(path).1) }
    }

    /// A problem with what stands at a path.
    pub(crate) fn problem(&self, path: &str, text: impl Into<String>) -> Problem {
        Problem { place: self.place(path), key: key(path), text: text.into() }
    }

    /// The value at a path, and the offset of its key, or of itself in an array.
    fn find(&self, path: &str) -> (&Spanned<DeValue<'t>>, usize) {
        let mut found = (&self.root, self.root.span().start);
        for step in path.split('.') {
            let next = match found.0.get_ref() {
                DeValue::Table(table) => {
                    table.get_key_value(step).map(|(key, value)| (value, key.span().start))
                }
                DeValue::Array(array) => step
                    .parse::<usize>()
                    .ok()
                    .and_then(|position| array.get(position))
                    .map(|value| (value, value.span().start)),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => None,
            };
            match next {
                Some(next) => found = next,
                None => break,
            }
        }
        found
    }

    /// What the parser said, with the key it said it of.
    pub(crate) fn misfit(&self, error: &toml::de::Error) -> Problem {
        let offset = error.span().map_or(0, |span| span.start);
        let place = Place { file: self.file.into(), line: self.line(offset) };
        let mut path = String::new();
        descend(self.root.get_ref(), offset, &mut path);
        Problem { place, key: key(&path), text: error.message().trim_end().to_owned() }
    }

    fn line(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }
}

/// Finds the path of the innermost value, or of the key, that holds an offset.
fn descend(value: &DeValue<'_>, offset: usize, path: &mut String) {
    let inside = |inner: &Spanned<DeValue<'_>>| {
        inner.span().contains(&offset) || is_table_that_holds(inner.get_ref(), offset)
    };
    let step = match value {
        DeValue::Table(table) => table
            .iter()
            .find(|(key, inner)| key.span().contains(&offset) || inside(inner))
            .map(|(key, inner)| (key.get_ref().to_string(), inner)),
        DeValue::Array(array) => array
            .iter()
            .enumerate()
            .find(|(_, inner)| inside(inner))
            .map(|(position, inner)| (position.to_string(), inner)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    };
    if let Some((step, inner)) = step {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&step);
        descend(inner.get_ref(), offset, path);
    }
}

/// A table written under a header spans that header alone, not its keys.
fn is_table_that_holds(value: &DeValue<'_>, offset: usize) -> bool {
    match value {
        DeValue::Table(table) => table.iter().any(|(key, inner)| {
            key.span().contains(&offset)
                || inner.span().contains(&offset)
                || is_table_that_holds(inner.get_ref(), offset)
        }),
        DeValue::Array(array) => array.iter().any(|inner| {
            inner.span().contains(&offset) || is_table_that_holds(inner.get_ref(), offset)
        }),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => false,
    }
}

/// The keys of a path, without positions; the name of an array of tables goes with its position.
fn key(path: &str) -> String {
    let is_position = |step: &str| step.parse::<usize>().is_ok();
    let steps: Vec<&str> = path.split('.').collect();
    let steps = match steps.as_slice() {
        [_, position, inner @ ..] if is_position(position) && !inner.is_empty() => inner,
        all => all,
    };
    let keys: Vec<&str> = steps.iter().copied().filter(|step| !is_position(step)).collect();
    keys.join(".")
}

/// Says that an id is not there, and which one may have been meant.
pub(crate) fn unknown<'a>(what: &str, id: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let is_end_of = |known: &str| known.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
    let distance = |known: &str| match is_end_of(known) {
        true => 1,
        false => strsim::damerau_levenshtein(known, id),
    };
    let near = ids
        .map(|known| (distance(known), known))
        .filter(|(distance, known)| *distance == 1 || distance * 3 <= known.len())
        .min_by_key(|(distance, _)| *distance);
    let id = id.escape_debug();
    match near {
        Some((_, near)) => format!("no {what} `{id}`; did you mean `{near}`?"),
        None => format!("no {what} `{id}`; use one of the catalogue's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "default = \"a\"\n\n[[row]]\nid = \"x\"\nlist = [\n  \"one\",\n  \"two\",\n]\n\n[[row]]\nid = 3\ninner = { deep = \"1\", more = 2 }\n";

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read for its errors alone")]
    struct Row {
        id: String,
        #[serde(default)]
        list: Vec<String>,
    }

    #[test]
    fn a_path_leads_to_its_line() {
        let (document, problems) = Document::parse("f.toml", TEXT);
        assert_eq!(problems, []);
        let lines = [
            ("default", 1),
            ("row.0", 3),
            ("row.0.id", 4),
            ("row.0.list", 5),
            ("row.0.list.0", 6),
            ("row.0.list.1", 7),
            ("row.0.absent", 3),
            ("row.1", 10),
            ("row.1.id", 11),
            ("row.1.inner.more", 12),
        ];
        for (path, line) in lines {
            assert_eq!(document.place(path).line, line, "{path}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_line_and_key() {
        let cases = [
            ("[[row]]\nid = 3\n", 2, "id", "invalid type: integer `3`, expected a string"),
            ("\n[[row]]\nlist = []\n", 2, "row", "missing field `id`"),
            (
                "[[row]]\nid = \"a\"\nlost = []\n",
                3,
                "lost",
                "unknown field `lost`, expected `id` or `list`",
            ),
            (
                "[[row]]\nid = \"a\"\nlist = [\n1]\n",
                4,
                "list",
                "invalid type: integer `1`, expected a string",
            ),
        ];
        for (text, line, key, said) in cases {
            let (document, problems) = Document::parse("f.toml", text);
            assert_eq!(problems, []);
            let problem = document.read::<Row>("row.0").unwrap_err();
            assert_eq!(
                (problem.place.line, problem.key.as_str(), problem.text.as_str()),
                (line, key, said),
                "{text}"
            );
        }
    }

    #[test]
    fn every_error_of_syntax_is_named() {
        let (_, problems) = Document::parse("f.toml", "a = \nb = 1\nc = [\nd = 2\n");
        let lines: Vec<usize> = problems.iter().map(|problem| problem.place.line).collect();
        assert!(lines.contains(&1) && lines.len() > 1, "{problems:?}");
    }

    #[test]
    fn a_near_id_is_proposed_and_a_far_one_is_not() {
        let ids = ["location.precise", "device.imei", "EEA"];
        let near = [
            ("location.precice", "location.precise"),
            ("location.presice", "location.precise"),
            ("imei", "device.imei"),
            ("EAE", "EEA"),
        ];
        for (id, meant) in near {
            assert_eq!(
                unknown("data item", id, ids.into_iter()),
                format!("no data item `{id}`; did you mean `{meant}`?")
            );
        }
        assert_eq!(
            unknown("data item", "zzz", ids.into_iter()),
            "no data item `zzz`; use one of the catalogue's"
        );
    }
}
