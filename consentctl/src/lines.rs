//! Whether the lines of an export or a report are whole: each of a kind that has its place there, and the
//! last one the seal of those before it. What the lines say is not looked at.
//!
//! It shows what was cut off, mixed up or changed. The seal has no key: who rewrites the lines can compute
//! another.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use consentd_dbus::lines::Seal;
use serde::Deserialize;

/// Bytes of a line. An app may return 16 MiB, and each byte of it can take six as an escape.
const LONGEST: usize = 128 * 1024 * 1024;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The case of a report.
    Case,
    /// What an app returned of it.
    Returned,
    /// What follows is what the daemon keeps itself.
    Export,
    /// Region, age, language.
    Profile,
    /// What is stored of a toggle.
    Choice,
    /// A consent.
    Consent,
    /// A case.
    Request,
    /// What an app keeps, and until when.
    Retention,
    /// An answer, or many alike.
    Record,
    /// A change of a setting.
    Setting,
    /// The last line.
    End,
}

/// Why lines are not whole.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// No line at all, or none after it that ends them.
    #[error("the end is missing: it was cut off")]
    CutOff,
    /// Nothing is there.
    #[error("the file is empty")]
    Empty,
    /// A page, or something like one.
    #[error("it is a page, and pages are not sealed; the JSON is what can be verified")]
    Page,
    /// More bytes without an end than any line has.
    #[error("the line is too long: no line of an export is longer than 128 MiB")]
    TooLong,
    /// Not JSON, or no object with a kind.
    #[error("it is no line of an export: {0}")]
    NoEntry(#[from] serde_json::Error),
    /// A kind that nobody knows.
    #[error("no line of an export is a `{0}`")]
    UnknownKind(String),
    /// A kind that cannot follow the one before it.
    #[error("a `{0}` has no place here: a line was moved, doubled, added or removed")]
    OutOfPlace(&'static str),
    /// More lines or fewer than were written.
    #[error("{written} lines were written before this one, and {found} are there")]
    Count { written: u64, found: u64 },
    /// As many lines, of other bytes.
    #[error("the content is not as it was written: the lines before this one have another sum")]
    Changed,
    /// An end without a sum, or with more than that.
    #[error(
        "the last line is not as it was written: it says `lines` and `sha256`, and nothing else"
    )]
    NoSeal,
}

/// What is needed of a line.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    lines: Option<serde_json::Value>,
}

impl Kind {
    const ALL: [Kind; 11] = [
        Kind::Case,
        Kind::Returned,
        Kind::Export,
        Kind::Profile,
        Kind::Choice,
        Kind::Consent,
        Kind::Request,
        Kind::Retention,
        Kind::Record,
        Kind::Setting,
        Kind::End,
    ];

    /// The word that a line has as its `kind`.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Case => "case",
            Kind::Returned => "returned",
            Kind::Export => "export",
            Kind::Profile => "profile",
            Kind::Choice => "choice",
            Kind::Consent => "consent",
            Kind::Request => "request",
            Kind::Retention => "retention",
            Kind::Record => "record",
            Kind::Setting => "setting",
            Kind::End => "end",
        }
    }

    /// Whether it can come after another, or first.
    fn follows(self, last: Option<Kind>) -> bool {
        match last {
            None => matches!(self, Kind::Case | Kind::Export),
            Some(Kind::Case | Kind::Returned) => matches!(self, Kind::Returned | Kind::Export),
            Some(Kind::Export) => self == Kind::Profile,
            Some(Kind::Profile | Kind::Choice) => self >= Kind::Choice,
            Some(last @ (Kind::Consent | Kind::Request | Kind::Retention)) => self >= last,
            // History is mixed, by its time.
            Some(Kind::Record | Kind::Setting) => self >= Kind::Record,
            Some(Kind::End) => false,
        }
    }
}

/// The lines so far.
#[derive(Debug, Default)]
pub struct Lines {
    seal: Seal,
    last: Option<Kind>,
    counts: BTreeMap<Kind, u64>,
}

impl Lines {
    /// Takes the next line, given without its end.
    pub fn take(&mut self, line: &[u8]) -> Result<Kind, Unfit> {
        if line.len() > LONGEST {
            return Err(Unfit::TooLong);
        }
        if self.last.is_none() && line.trim_ascii_start().starts_with(b"<") {
            return Err(Unfit::Page);
        }
        let head: Head<'_> = serde_json::from_slice(line)?;
        let known = Kind::ALL.into_iter().find(|kind| kind.word() == head.kind);
        let kind = known.ok_or_else(|| Unfit::UnknownKind(head.kind.clone().into_owned()))?;
        if !kind.follows(self.last) {
            return Err(Unfit::OutOfPlace(kind.word()));
        }
        if kind == Kind::End {
            self.check(line, &head)?;
        } else {
            self.seal.add(line);
        }
        *self.counts.entry(kind).or_default() += 1;
        self.last = Some(kind);
        Ok(kind)
    }

    fn check(&self, end: &[u8], head: &Head<'_>) -> Result<(), Unfit> {
        if end == self.seal.end().as_bytes() {
            return Ok(());
        }
        let written = head.lines.as_ref().and_then(serde_json::Value::as_u64);
        let found = self.seal.lines();
        match written {
            Some(written) if written != found => Err(Unfit::Count { written, found }),
            // The sum is all that can differ.
            Some(_) if end.len() == self.seal.end().len() => Err(Unfit::Changed),
            Some(_) | None => Err(Unfit::NoSeal),
        }
    }

    /// That they have come to their end.
    pub fn finish(&self) -> Result<(), Unfit> {
        match self.last {
            Some(Kind::End) => Ok(()),
            Some(_) => Err(Unfit::CutOff),
            None => Err(Unfit::Empty),
        }
    }

    /// How many there are of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// How many there are of each kind.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.counts.iter().map(|(kind, count)| (kind.word(), *count))
    }

    /// The sum over those before the end.
    pub fn seal(&self) -> &Seal {
        &self.seal
    }
}

/// The lines of a stream, each without its end. One that has none is cut as soon as it is too long to be
/// taken, so that it does not fill memory.
pub fn split(mut stream: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = stream.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut line);
        if line.ends_with(b"\n") {
            line.pop();
        }
        read.map(|bytes| (bytes > 0).then_some(line)).transpose()
    })
}

/// Lines of these kinds, with what seals them.
#[cfg(test)]
pub fn sealed(lines: &[serde_json::Value]) -> String {
    let mut seal = Seal::default();
    let mut text = String::new();
    for line in lines {
        let line = line.to_string();
        seal.add(line.as_bytes());
        text += &format!("{line}\n");
    }
    text + &seal.end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// In which line something is wrong, and what.
    fn look(text: &[u8]) -> Result<(), (usize, Unfit)> {
        let mut lines = Lines::default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let mut number = 0;
        for line in text.split(|byte| *byte == b'\n') {
            number += 1;
            lines.take(line).map_err(|unfit| (number, unfit))?;
        }
        lines.finish().map_err(|unfit| (number + 1, unfit))
    }

    fn of(kinds: &[&str]) -> String {
        let lines = kinds.iter().zip(0..).map(|(kind, n)| json!({"kind": kind, "n": n}));
        sealed(&lines.collect::<Vec<_>>())
    }

    const WHOLE: [&str; 11] = [
        "case",
        "returned",
        "returned",
        "export",
        "profile",
        "choice",
        "consent",
        "request",
        "retention",
        "setting",
        "record",
    ];

    #[test]
    fn exports_and_reports_are_whole_from_their_head_to_their_end() {
        for kinds in [
            &WHOLE[..],
            &["case", "export", "profile"],
            &["export", "profile", "record", "setting", "record"],
            &["export", "profile"],
        ] {
            assert!(look(of(kinds).as_bytes()).is_ok(), "{kinds:?}");
        }
    }

    #[test]
    fn what_is_mixed_up_is_found_with_its_line() {
        let table: [(&[&str], usize); 12] = [
            (&["profile"], 1),
            (&["returned", "export", "profile"], 1),
            (&["export", "choice"], 2),
            (&["case", "case", "export"], 2),
            (&["case", "returned", "profile"], 3),
            (&["export", "profile", "returned"], 3),
            (&["export", "profile", "record", "choice"], 4),
            (&["export", "profile", "profile"], 3),
            (&["export", "profile", "request", "consent"], 4),
            (&["export", "profile", "record", "retention"], 4),
            (&["export", "profile", "export"], 3),
            (&["export", "profile", "song"], 3),
        ];
        for (kinds, line) in table {
            let found = look(of(kinds).as_bytes()).unwrap_err();
            let is_order = matches!(found.1, Unfit::OutOfPlace(_) | Unfit::UnknownKind(_));
            assert!(found.0 == line && is_order, "{kinds:?}: {found:?}");
        }
        let doubled_end = of(&["export", "profile"]) + &of(&[]);
        assert!(matches!(look(doubled_end.as_bytes()), Err((4, Unfit::OutOfPlace("end")))));
    }

    #[test]
    fn what_was_cut_off_is_found() {
        assert!(matches!(look(b""), Err((1, Unfit::NoEntry(_)))));
        let whole = of(&WHOLE);
        for end in 1..whole.len() - 1 {
            assert!(look(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        let (lines, _) = whole.trim_end().rsplit_once('\n').unwrap();
        assert!(matches!(look(lines.as_bytes()), Err((12, Unfit::CutOff))));
    }

    #[test]
    fn lines_are_split_as_they_were_joined_and_none_is_endless() {
        for text in ["", "a", "a\n", "a\n\nb", "\n", "\n\n"] {
            let whole: Vec<_> = text.as_bytes().split(|byte| *byte == b'\n').collect();
            let whole = whole.strip_suffix(&[&b""[..]]).unwrap_or(&whole);
            let lines: Vec<_> = split(text.as_bytes()).map(Result::unwrap).collect();
            assert_eq!(lines, whole, "{text:?}");
        }
        let endless = io::BufReader::new(io::repeat(0));
        let line = split(endless).next().unwrap().unwrap();
        assert_eq!(line.len(), LONGEST + 1);
        assert!(matches!(Lines::default().take(&line), Err(Unfit::TooLong)));
        assert!(!matches!(Lines::default().take(&line[1..]), Err(Unfit::TooLong)));
    }

    #[test]
    fn an_end_without_a_seal_is_none() {
        let lines = "{\"kind\":\"export\"}\n{\"kind\":\"profile\"}\n";
        let end = sealed(&[]);
        for bare in [
            "{\"kind\":\"end\"}",
            "{\"kind\":\"end\",\"lines\":\"2\"}",
            "{\"kind\":\"end\",\"lines\":2}",
        ] {
            let found = look(format!("{lines}{bare}\n").as_bytes());
            assert!(matches!(found, Err((3, Unfit::NoSeal))), "{found:?}");
        }
        let found = look(format!("{lines}{end}").as_bytes());
        assert!(matches!(found, Err((3, Unfit::Count { written: 0, found: 2 }))), "{found:?}");
    }

    #[test]
    fn a_line_removed_doubled_moved_or_rewritten_is_found() {
        let whole = of(&["export", "profile", "choice", "choice", "record", "record"]);
        let lines: Vec<&str> = whole.lines().collect();
        let text = |lines: &[&str]| lines.join("\n") + "\n";
        assert!(look(text(&lines).as_bytes()).is_ok());
        let changes: [fn(&mut Vec<&str>); 4] = [
            |lines| {
                lines.remove(3);
            },
            |lines| lines.insert(3, lines[3]),
            |lines| lines.swap(2, 3),
            |lines| lines[3] = r#"{"kind":"choice","n":7}"#,
        ];
        for (change, counted) in changes.into_iter().zip([true, true, false, false]) {
            let mut changed = lines.clone();
            change(&mut changed);
            let (_, found) = look(text(&changed).as_bytes()).unwrap_err();
            let said =
                matches!((&found, counted), (Unfit::Count { .. }, true) | (Unfit::Changed, false));
            assert!(said, "{found:?}: {changed:?}");
        }
    }

    proptest! {
        /// Whatever byte is changed: nothing of it goes unseen.
        #[test]
        fn a_changed_byte_is_found(at in any::<prop::sample::Index>(), with in any::<u8>()) {
            let mut text = of(&WHOLE).into_bytes();
            // The last line end alone says nothing.
            let at = at.index(text.len() - 1);
            prop_assume!(text[at] != with);
            text[at] = with;
            prop_assert!(look(&text).is_err());
        }
    }
}
