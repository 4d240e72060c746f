//! A catalogue file as lists of entries, each with its place; an entry that cannot be read is
//! remembered, so that what refers to it is not reported a second time.

use std::collections::HashSet;

use serde::Deserialize;

use super::document::{Document, Problem, unknown};
use super::table::{Entry, Index, Rejected, Table};

/// One file: parsed, or missing.
pub(super) struct Sheet<'t> {
    document: Document<'t>,
    /// Whether there is a file and its syntax is right.
    whole: bool,
}

/// Where the entries of one list stand.
pub(super) struct Placed<'a, 't> {
    document: &'a Document<'t>,
    /// By position in the table that was filled.
    paths: Vec<String>,
    /// Ids that stand in the file and are not in the table.
    lost: HashSet<Box<str>>,
    whole: bool,
}

/// One entry being read: takes what is wrong with it.
pub(super) struct Spot<'a, 't> {
    document: &'a Document<'t>,
    path: &'a str,
    problems: &'a mut Vec<Problem>,
}

/// A table that entries of other files refer to.
pub(super) struct Known<'a, 't, T, I> {
    /// What to call an entry: `data item`.
    pub what: &'static str,
    pub table: &'a Table<T, I>,
    pub placed: &'a Placed<'a, 't>,
}

impl<'t> Sheet<'t> {
    /// Parses a file that may hold certain keys at its root.
    pub(super) fn open(
        file: &'t str,
        text: Option<&'t str>,
        keys: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let (document, wrong) = Document::parse(file, text.unwrap_or_default());
        let whole = text.is_some() && wrong.is_empty();
        problems.extend(wrong);
        for key in document.keys().filter(|key| !keys.contains(key)) {
            let right = keys.join("`, `");
            problems.push(document.problem(key, format!("no such key; write `{right}`")));
        }
        Self { document, whole }
    }

    /// The place of the file's root.
    pub(super) fn spot<'a>(&'a self, problems: &'a mut Vec<Problem>) -> Spot<'a, 't> {
        Spot { document: &self.document, path: "", problems }
    }

    /// Reads a key at the root.
    pub(super) fn key<T: Deserialize<'t>>(
        &self,
        key: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        if !self.document.keys().any(|known| known == key) {
            if self.whole {
                problems.push(self.document.problem(key, "is missing; add it at the top"));
            }
            return None;
        }
        self.document.read(key).map_err(|problem| problems.push(problem)).ok()
    }

    /// Reads every `[[array]]` of the file and makes an entry of each into a table.
    pub(super) fn fill<R: Deserialize<'t>, T: Entry, I: Index>(
        &self,
        array: &str,
        table: &mut Table<T, I>,
        problems: &mut Vec<Problem>,
        mut make: impl FnMut(&mut Spot<'_, 't>, R) -> T,
    ) -> Placed<'_, 't> {
        self.each(array, problems, |spot, raw| {
            let entry = make(spot, raw);
            match table.push(entry) {
                Ok(_) => true,
                Err(rejected @ (Rejected::Doubled(_) | Rejected::Full)) => {
                    spot.wrong("id", rejected.to_string());
                    false
                }
            }
        })
    }

    /// The same into a list, whose order is the file's.
    pub(super) fn list<R: Deserialize<'t>, T>(
        &self,
        array: &str,
        list: &mut Vec<T>,
        problems: &mut Vec<Problem>,
        mut make: impl FnMut(&mut Spot<'_, 't>, R) -> T,
    ) -> Placed<'_, 't> {
        self.each(array, problems, |spot, raw| {
            let entry = make(spot, raw);
            list.push(entry);
            true
        })
    }

    fn each<R: Deserialize<'t>>(
        &self,
        array: &str,
        problems: &mut Vec<Problem>,
        mut take: impl FnMut(&mut Spot<'_, 't>, R) -> bool,
    ) -> Placed<'_, 't> {
        let document = &self.document;
        let mut placed =
            Placed { document, paths: Vec::new(), lost: HashSet::new(), whole: self.whole };
        let count = document.count(array);
        if count.is_none() && document.keys().any(|key| key == array) {
            let text = format!("is one table; write `[[{array}]]` before each entry");
            problems.push(document.problem(array, text));
            placed.whole = false;
        }
        // What a parser makes of wrong syntax is not what was meant.
        let count = count.filter(|_| self.whole);
        for position in 0..count.unwrap_or_default() {
            let path = format!("{array}.{position}");
            let taken = match document.read(&path) {
                Ok(raw) => take(&mut Spot { document, path: &path, problems }, raw),
                Err(problem) => {
                    problems.push(problem);
                    false
                }
            };
            if taken {
                placed.paths.push(path);
            } else if let Some(id) = document.string(&format!("{path}.id")) {
                placed.lost.insert(id.into());
            } else {
                placed.whole = false;
            }
        }
        placed
    }
}

impl<'t> Placed<'_, 't> {
    /// The entry at a position of the table, to note problems of it.
    pub(super) fn spot<'b>(
        &'b self,
        position: usize,
        problems: &'b mut Vec<Problem>,
    ) -> Spot<'b, 't> {
        let path = self.paths.get(position).map(String::as_str).unwrap_or_default();
        Spot { document: self.document, path, problems }
    }

    /// The file as a whole, to note what is missing in it.
    pub(super) fn whole_file<'b>(&'b self, problems: &'b mut Vec<Problem>) -> Spot<'b, 't> {
        Spot { document: self.document, path: "", problems }
    }

    /// The line of the entry at a position of the table.
    pub(super) fn place(&self, position: usize) -> String {
        let path = self.paths.get(position).map(String::as_str).unwrap_or_default();
        self.document.place(path).to_string()
    }

    /// Whether nothing is wrong with the file so far. What is could make others look wrong.
    pub(super) fn is_clean(&self, problems: &[Problem]) -> bool {
        self.whole && problems.iter().all(|problem| *problem.place.file != *self.document.file())
    }
}

impl Spot<'_, '_> {
    /// Notes what is wrong with a key of this entry.
    pub(super) fn wrong(&mut self, key: &str, text: impl Into<String>) {
        let path = match self.path {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        self.problems.push(self.document.problem(&path, text));
    }

    /// Notes an error, if it is one.
    pub(super) fn take<T>(&mut self, key: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|text| self.wrong(key, text)).ok()
    }
}

impl<T: Entry, I: Index> Known<'_, '_, T, I> {
    /// The entry of an id; notes that there is none.
    pub(super) fn refer(&self, spot: &mut Spot<'_, '_>, key: &str, id: &str) -> Option<I> {
        let found = self.table.find(id);
        if found.is_none() && self.placed.whole && !self.placed.lost.contains(id) {
            spot.wrong(key, unknown(self.what, id, self.table.ids()));
        }
        found
    }

    /// Whether nothing is wrong with its file so far.
    pub(super) fn is_clean(&self, spot: &Spot<'_, '_>) -> bool {
        self.placed.is_clean(spot.problems)
    }
}
