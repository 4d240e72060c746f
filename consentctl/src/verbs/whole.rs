//! `export --verify FILE`: whether an export is whole, read from the file alone. No daemon is asked.
//!
//! It shows what was cut off, mixed up or is no export. A line that somebody took out or rewrote with care
//! it cannot show: an export has no seal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use consentd_dbus::names::exit;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::printable::printable;
use crate::screen::{Screen, Tone};

/// The kinds of lines, in the order in which they come; history is `record` and `setting`, mixed.
const KINDS: [(&str, u8); 7] = [
    ("export", 0),
    ("profile", 1),
    ("choice", 2),
    ("consent", 3),
    ("record", 4),
    ("setting", 4),
    ("end", 5),
];

/// What was found in a file.
#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    /// Lines of each kind.
    kinds: BTreeMap<&'static str, u64>,
    /// What is wrong, and in which line.
    wrong: Option<(usize, String)>,
}

pub fn verify(path: &Path, screen: &Screen) -> Result<u8, Failure> {
    let unread = |error: io::Error| {
        Failure::Usage(format!("cannot read {}: {error}; name an export", path.display()))
    };
    let verdict = look(BufReader::new(File::open(path).map_err(unread)?)).map_err(unread)?;
    if screen.json {
        let wrong = verdict.wrong.as_ref().map(|(line, why)| json!({ "line": line, "why": why }));
        let whole = wrong.is_none();
        screen.json(&json!({ "whole": whole, "kinds": verdict.kinds, "wrong": wrong }))?;
    } else {
        screen.text(&render(&verdict, screen))?;
    }
    Ok(if verdict.wrong.is_none() { exit::OK } else { exit::DAMAGED })
}

fn render(verdict: &Verdict, screen: &Screen) -> String {
    match &verdict.wrong {
        Some((line, why)) => {
            format!("{}: line {line}: {}", screen.paint(Tone::Bad, "Not whole"), printable(why))
        }
        None => {
            let count = |kind| verdict.kinds.get(kind).copied().unwrap_or_default();
            format!(
                "{}: choices {}, consents {}, answers {}, changes {}.",
                screen.paint(Tone::Good, "Whole"),
                count("choice"),
                count("consent"),
                count("record"),
                count("setting"),
            )
        }
    }
}

fn look(lines: impl BufRead) -> io::Result<Verdict> {
    let mut verdict = Verdict { kinds: BTreeMap::new(), wrong: None };
    let (mut last, mut number) = (None, 0);
    for line in lines.split(b'\n') {
        let line = line?;
        number += 1;
        match place(&line, last) {
            Ok((kind, order)) => {
                *verdict.kinds.entry(kind).or_default() += 1;
                last = Some(order);
            }
            Err(why) => {
                verdict.wrong = Some((number, why));
                return Ok(verdict);
            }
        }
    }
    if verdict.kinds.get("end") != Some(&1) {
        verdict.wrong = Some((number + 1, "the end is missing: it was cut off".to_owned()));
    }
    Ok(verdict)
}

/// The kind of a line and where it belongs, after a line of the order `last`.
fn place(line: &[u8], last: Option<u8>) -> Result<(&'static str, u8), String> {
    let entry: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| format!("it is no JSON object: {error}"))?;
    let kind = entry.get("kind").and_then(Value::as_str).unwrap_or_default();
    let known = KINDS.into_iter().find(|(known, _)| *known == kind);
    let (kind, order) = known.ok_or_else(|| format!("no line of an export is a `{kind}`"))?;
    let fits = match last {
        // The first two and the last are there once.
        Some(last) if last < 2 || order > 4 => order > last && (last > 0 || order == 1),
        Some(last) => (2..5).contains(&order) && order >= last,
        None => order == 0,
    };
    if fits { Ok((kind, order)) } else { Err(format!("a `{kind}` has no place here")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(kinds: &[&str]) -> Option<(usize, String)> {
        let text: String = kinds.iter().map(|kind| format!("{{\"kind\":\"{kind}\"}}\n")).collect();
        look(text.as_bytes()).unwrap().wrong
    }

    #[test]
    fn an_export_is_whole_from_its_head_to_its_end() {
        let whole =
            ["export", "profile", "choice", "choice", "consent", "setting", "record", "end"];
        assert_eq!(looked(&whole), None);
        assert_eq!(looked(&["export", "profile", "record", "setting", "record", "end"]), None);
        assert_eq!(looked(&["export", "profile", "end"]), None);
    }

    #[test]
    fn what_is_cut_off_or_mixed_up_is_found_with_its_line() {
        let table: [(&[&str], usize); 9] = [
            (&[], 1),
            (&["profile"], 1),
            (&["export", "choice", "end"], 2),
            (&["export", "profile", "choice"], 4),
            (&["export", "profile", "record", "choice", "end"], 4),
            (&["export", "profile", "profile", "end"], 3),
            (&["export", "profile", "end", "end"], 4),
            (&["export", "profile", "end", "record"], 4),
            (&["export", "profile", "song", "end"], 3),
        ];
        for (kinds, line) in table {
            assert_eq!(looked(kinds).map(|(at, _)| at), Some(line), "{kinds:?}");
        }
        let cut = b"{\"kind\":\"export\"}\n{\"kind\":\"profi";
        assert_eq!(look(&cut[..]).unwrap().wrong.map(|(at, _)| at), Some(2));
    }
}
