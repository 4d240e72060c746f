//! `export --verify FILE`: whether an export or a report is whole, read from the file alone. No daemon is
//! asked.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use consentd_dbus::names::exit;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::lines::{Kind, Lines, Unfit, split};
use crate::printable::printable;
use crate::screen::{Screen, Tone};

/// What was found in a file.
#[derive(Debug)]
struct Verdict {
    lines: Lines,
    /// What is wrong, and in which line.
    wrong: Option<(usize, Unfit)>,
}

pub fn verify(path: &Path, screen: &Screen) -> Result<u8, Failure> {
    let unread = |error: io::Error| {
        let (path, next) = (path.to_owned(), "name an export");
        Failure::File { doing: "read", path, error, next }
    };
    let verdict = look(BufReader::new(File::open(path).map_err(unread)?)).map_err(unread)?;
    if screen.json {
        screen.json(&told(&verdict))?;
    } else {
        screen.text(&render(&verdict, screen))?;
    }
    Ok(if verdict.wrong.is_none() { exit::OK } else { exit::DAMAGED })
}

fn told(verdict: &Verdict) -> Value {
    let wrong = verdict.wrong.as_ref();
    let kinds: Map<String, Value> =
        verdict.lines.counts().map(|(kind, count)| (kind.to_owned(), count.into())).collect();
    json!({
        "whole": wrong.is_none(),
        "kinds": kinds,
        "sha256": wrong.is_none().then(|| verdict.lines.seal().sha256()),
        "wrong": wrong.map(|(line, why)| json!({ "line": line, "why": why.to_string() })),
    })
}

fn render(verdict: &Verdict, screen: &Screen) -> String {
    if let Some((line, why)) = &verdict.wrong {
        let place = match why {
            Unfit::Empty | Unfit::Page => String::new(),
            Unfit::CutOff
            | Unfit::TooLong
            | Unfit::NoEntry(_)
            | Unfit::UnknownKind(_)
            | Unfit::OutOfPlace(_)
            | Unfit::Count { .. }
            | Unfit::Changed
            | Unfit::NoSeal => format!("line {line}: "),
        };
        let why = printable(&why.to_string());
        return format!("{}: {place}{why}.", screen.paint(Tone::Bad, "Not whole"));
    }
    let count = |kind| verdict.lines.count(kind);
    let report = match count(Kind::Case) {
        0 => String::new(),
        _ => format!("a case, returned {}, ", count(Kind::Returned)),
    };
    format!(
        "{}: {report}choices {}, consents {}, cases {}, answers {}, changes {}.\n\
         Every byte is as the last line seals it. That shows accident and careless tampering; whoever \
         rewrote\nthe file with care could have sealed it anew.",
        screen.paint(Tone::Good, "Whole"),
        count(Kind::Choice),
        count(Kind::Consent),
        count(Kind::Request),
        count(Kind::Record),
        count(Kind::Setting),
    )
}

fn look(lines: impl BufRead) -> io::Result<Verdict> {
    let mut verdict = Verdict { lines: Lines::default(), wrong: None };
    let mut number = 0;
    for line in split(lines) {
        number += 1;
        if let Err(why) = verdict.lines.take(&line?) {
            verdict.wrong = Some((number, why));
            return Ok(verdict);
        }
    }
    verdict.wrong = verdict.lines.finish().err().map(|why| (number + 1, why));
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::sealed;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn report() -> String {
        sealed(&[
            json!({"kind": "case", "case": "1"}),
            json!({"kind": "returned", "app": "a", "data": "Kim"}),
            json!({"kind": "export"}),
            json!({"kind": "profile"}),
            json!({"kind": "setting"}),
        ])
    }

    #[test]
    fn a_report_is_told_by_what_is_in_it() {
        let verdict = look(report().as_bytes()).unwrap();
        let said = render(&verdict, &SCREEN);
        let counts =
            "Whole: a case, returned 1, choices 0, consents 0, cases 0, answers 0, changes 1.\n";
        assert!(said.starts_with(counts) && said.contains("careless"), "{said}");
        let told = told(&verdict);
        assert!(told["whole"] == true && told["kinds"]["returned"] == 1, "{told}");
        assert_eq!(told["sha256"].as_str().map(str::len), Some(64), "{told}");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, said) in [
            (String::new(), "Not whole: the file is empty."),
            (
                "<!DOCTYPE html>\n<html>".to_owned(),
                "Not whole: it is a page, and pages are not sealed; the JSON is what can be verified.",
            ),
            (
                report().split_once('\n').unwrap().0.to_owned(),
                "Not whole: line 2: the end is missing: it was cut off.",
            ),
            (
                report().replace("Kim", "Tim"),
                "Not whole: line 6: the content is not as it was written: the lines before this one have \
                 another sum.",
            ),
            (
                report().replace("{\"kind\":\"setting\"}\n", ""),
                "Not whole: line 5: 5 lines were written before this one, and 4 are there.",
            ),
            (
                report().replace("profile", "\\u001b[2J"),
                "Not whole: line 4: no line of an export is a `\\u{1b}[2J`.",
            ),
        ] {
            let verdict = look(text.as_bytes()).unwrap();
            assert_eq!(render(&verdict, &SCREEN), said);
            assert!(told(&verdict)["sha256"].is_null());
        }
    }
}
