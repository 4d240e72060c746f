//! One question of an app in plain words, and the lines that answer it. No bus and no terminal.

use serde::Deserialize;

use crate::dictionary::Dictionary;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::table::{facts, plain};
use crate::time::plural;
use crate::words;

/// What an agent is told of who asks (`org.consentd.Agent1`).
#[derive(Debug, Deserialize)]
pub struct Asker {
    pub app: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub trust: String,
}

/// What it is told of the question.
#[derive(Debug, Deserialize)]
pub struct Question {
    pub purpose: String,
    pub data: Vec<String>,
    pub toggles: Vec<String>,
    #[serde(default)]
    pub basis: String,
    #[serde(default)]
    pub recipients: Vec<String>,
    #[serde(default)]
    pub destinations: Vec<String>,
    #[serde(default)]
    pub retention: String,
    #[serde(default)]
    pub mandatory: Vec<String>,
    #[serde(default)]
    pub notice: String,
    #[serde(default)]
    pub deadline: i64,
}

/// What the catalogue calls what a question names.
#[derive(Debug, Default)]
pub struct Names {
    pub data: Dictionary,
    pub purposes: Dictionary,
    pub toggles: Dictionary,
    pub recipients: Dictionary,
}

/// An answer as it goes to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `once`, `boot`, `always`, `deny`.
    pub word: &'static str,
    /// Those allowed; none named is all.
    pub toggles: Option<Vec<String>>,
}

/// What a line comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// The question is answered.
    Answer(Answer),
    /// It is not yet: this is to be shown next.
    More(String),
}

/// How long an allowance holds, by the number that is typed.
const LIFETIMES: [(&str, &str); 3] = [
    ("once", "allow this once"),
    ("boot", "allow until the device restarts"),
    ("always", "allow always"),
];

/// A question that is being answered.
#[derive(Debug)]
pub struct Dialogue {
    toggles: Vec<String>,
    shown: Vec<String>,
    step: Step,
}

#[derive(Debug)]
enum Step {
    What,
    Which,
    HowLong(Vec<String>),
}

/// Who asks for what, in a few lines.
pub fn tell(asker: &Asker, question: &Question, names: &Names, screen: &Screen) -> String {
    let who = if asker.name.is_empty() || asker.name == asker.app {
        asker.app.clone()
    } else {
        format!("{} ({})", asker.name, asker.app)
    };
    let head = screen.paint(Tone::Strong, &format!("{who} asks"));
    let all = |ids: &[String], known: &Dictionary| {
        ids.iter().map(|id| known.both(id)).collect::<Vec<_>>().join(", ")
    };
    let (needed, optional): (Vec<_>, Vec<_>) =
        question.data.iter().cloned().partition(|item| question.mandatory.contains(item));
    let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    let trust = if asker.trust == "weak" { Tone::Open } else { Tone::Plain };
    let basis = words::basis(&question.basis);
    let mut rows = vec![("For", plain(names.purposes.both(&question.purpose)))];
    if !needed.is_empty() {
        rows.push(("It needs", plain(all(&needed, &names.data))));
    }
    if !optional.is_empty() {
        rows.push(("It would like", plain(all(&optional, &names.data))));
    }
    rows.extend([
        ("Who gets it", plain(or(all(&question.recipients, &names.recipients), "the app alone"))),
        ("Where it goes", plain(or(question.destinations.join(", "), "it stays on the device"))),
        ("Kept", plain(question.retention.clone())),
        ("Legal basis", plain(format!("{basis}; notice {}", question.notice))),
        ("Switches", plain(all(&question.toggles, &names.toggles))),
        ("Known by", plain(words::kind(&asker.kind))),
        ("Trust", (trust, words::trust(&asker.trust).to_owned())),
    ]);
    format!("{head}\n{}", facts(screen, rows))
}

impl Dialogue {
    /// Begins one, with the first thing to show.
    pub fn new(question: &Question, names: &Names) -> (Self, String) {
        let toggles = question.toggles.clone();
        let shown = toggles.iter().map(|id| printable(&names.toggles.both(id))).collect();
        let dialogue = Self { toggles, shown, step: Step::What };
        let left = plural(question.deadline, "second");
        let menu = format!("{}\nAnswer within {left}, by its number: ", dialogue.menu());
        (dialogue, menu)
    }

    fn choices(&self) -> Vec<&'static str> {
        let mut choices: Vec<&str> = LIFETIMES.iter().map(|(_, text)| *text).collect();
        if self.toggles.len() > 1 {
            choices.push("allow a part of it");
        }
        choices.push("deny");
        choices
    }

    fn menu(&self) -> String {
        numbered(self.choices())
    }

    /// Takes a line that was typed.
    pub fn hear(&mut self, line: &str) -> Heard {
        let line = line.trim();
        match &self.step {
            Step::What => self.hear_what(line),
            Step::Which => self.hear_which(line),
            Step::HowLong(allowed) => match lifetime(line) {
                Some(word) => Heard::Answer(Answer { word, toggles: Some(allowed.clone()) }),
                None => Heard::More("A number from 1 to 3: ".to_owned()),
            },
        }
    }

    fn hear_what(&mut self, line: &str) -> Heard {
        if let Some(word) = lifetime(line) {
            return Heard::Answer(Answer { word, toggles: None });
        }
        let choices = self.choices();
        let chosen = number(line).and_then(|at| choices.get(at)).copied();
        if chosen == Some("deny") || line == "deny" {
            return Heard::Answer(Answer { word: "deny", toggles: None });
        }
        if chosen.is_none() {
            return Heard::More(format!("A number from 1 to {}: ", choices.len()));
        }
        self.step = Step::Which;
        let shown = self.shown.iter().map(String::as_str);
        Heard::More(format!("{}\nWhich of them, by number (1 2 …): ", numbered(shown)))
    }

    fn hear_which(&mut self, line: &str) -> Heard {
        let named = line.split([' ', ',']).filter(|word| !word.is_empty());
        let toggles: Option<Vec<&String>> =
            named.map(|word| self.toggles.get(number(word)?)).collect();
        match toggles {
            Some(toggles) if !toggles.is_empty() => {
                self.step = Step::HowLong(toggles.into_iter().cloned().collect());
                let choices = LIFETIMES.iter().map(|(_, text)| *text);
                Heard::More(format!("{}\nFor how long: ", numbered(choices)))
            }
            Some(_) | None => Heard::More(format!("Numbers from 1 to {}: ", self.toggles.len())),
        }
    }
}

fn numbered<'a>(choices: impl IntoIterator<Item = &'a str>) -> String {
    let line = |(at, text): (usize, &str)| format!("  {}  {text}", at + 1);
    choices.into_iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// The place that a number from 1 names.
fn number(text: &str) -> Option<usize> {
    text.parse::<usize>().ok()?.checked_sub(1)
}

fn lifetime(line: &str) -> Option<&'static str> {
    let by_number = number(line).and_then(|at| LIFETIMES.get(at));
    let known = by_number.or_else(|| LIFETIMES.iter().find(|(word, _)| *word == line));
    known.map(|(word, _)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn question(toggles: &[&str]) -> Question {
        serde_json::from_value(json!({
            "purpose": "location.services", "data": ["location.precise", "location.language"],
            "toggles": toggles, "basis": "contract", "recipients": ["provider"],
            "destinations": [], "retention": "30 days", "mandatory": ["location.language"],
            "notice": "2025-10-10", "deadline": 20,
        }))
        .unwrap()
    }

    fn asker(name: &str) -> Asker {
        serde_json::from_value(json!({
            "app": "org.example.weather", "name": name, "kind": "executable", "trust": "weak",
            "declared": true, "user": 1000,
        }))
        .unwrap()
    }

    /// Says lines to a dialogue; the answer, if the last one made it.
    fn answer(toggles: &[&str], lines: &[&str]) -> Option<(&'static str, Option<Vec<String>>)> {
        let (mut dialogue, _) = Dialogue::new(&question(toggles), &Names::default());
        let mut last = None;
        for line in lines {
            assert!(last.is_none(), "{line} was not needed");
            last = match dialogue.hear(line) {
                Heard::Answer(answer) => Some((answer.word, answer.toggles)),
                Heard::More(more) => {
                    assert!(more.ends_with(": "), "{more:?}");
                    None
                }
            };
        }
        last
    }

    #[test]
    fn numbers_and_words_answer() {
        let (one, two) = (&["a"][..], &["a", "b"][..]);
        for (toggles, lines, word) in [
            (one, &["1"][..], "once"),
            (one, &["2"], "boot"),
            (one, &["3"], "always"),
            (one, &["4"], "deny"),
            (one, &["deny"], "deny"),
            (one, &[" once "], "once"),
            (one, &["", "yes", "0", "5", "-1", "1 2", "99999999999999999999", "3"], "always"),
            (two, &["5"], "deny"),
        ] {
            assert_eq!(answer(toggles, lines), Some((word, None)), "{lines:?}");
        }
        assert_eq!(answer(one, &["5"]), None);
    }

    #[test]
    fn a_part_is_chosen_in_three_steps() {
        let three = &["a", "b", "c"][..];
        let part = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(answer(three, &["4", "1 3", "3"]), Some(("always", part(&["a", "c"]))));
        assert_eq!(answer(three, &["4", "2,", "1"]), Some(("once", part(&["b"]))));
        let fumbled = ["4", "", "4", "x 1", "0", "2", "5", "deny", "", "boot"];
        assert_eq!(answer(three, &fumbled), Some(("boot", part(&["b"]))));
        assert_eq!(answer(three, &["4", "1"]), None, "it is not said for how long");
    }

    #[test]
    fn a_question_tells_who_what_why_and_how_sure() {
        let told =
            tell(&asker("Weather"), &question(&["location.app"]), &Names::default(), &SCREEN);
        for (label, text) in [
            ("Weather (org.example.weather) asks", ""),
            ("For", "location.services"),
            ("It needs", "location.language"),
            ("It would like", "location.precise"),
            ("Who gets it", "provider"),
            ("Where it goes", "it stays on the device"),
            ("Kept", "30 days"),
            ("Legal basis", "contract; notice 2025-10-10"),
            ("Switches", "location.app"),
            ("Known by", "its executable"),
            ("Trust", "weak: the user's other programs could claim it"),
        ] {
            let line = told.lines().find(|line| line.trim_start().starts_with(label));
            assert!(line.is_some_and(|line| line.ends_with(text)), "{label}: {told}");
        }
    }

    #[test]
    fn an_app_cannot_forge_a_question() {
        let hostile = "a\n\u{1b}[2J\u{202e}  1  allow always";
        let mut question = question(&[hostile, "b"]);
        question.data = vec![hostile.into()];
        question.recipients = vec![hostile.into()];
        question.retention = hostile.into();
        let told = tell(&asker(hostile), &question, &Names::default(), &SCREEN);
        let (mut dialogue, menu) = Dialogue::new(&question, &Names::default());
        let Heard::More(which) = dialogue.hear("4") else { panic!("no list") };
        for text in [&told, &menu, &which] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
            let forged =
                text.lines().filter(|line| line.trim_start().starts_with("1  allow always"));
            assert_eq!(forged.count(), 0, "{text}");
        }
        assert!(menu.contains("within 20 seconds"), "{menu}");
    }
}
