//! One finding, and all of them as text and as JSON. It looks at nothing.

use consentd_dbus::names::exit;
use serde_json::{Value, json};

use crate::screen::{Screen, Tone};

/// How what was looked at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it has to be.
    Good,
    /// Could not be looked at; the text says why.
    LeftOut,
    /// It works, and somebody should know.
    Warning,
    /// It does not work, or is not safe.
    Wrong,
    /// The daemon cannot be reached.
    Unreachable,
}

impl Health {
    /// The word in JSON and beside the sign.
    pub fn word(self) -> &'static str {
        match self {
            Health::Good => "ok",
            Health::LeftOut => "left out",
            Health::Warning => "warning",
            Health::Wrong => "wrong",
            Health::Unreachable => "unreachable",
        }
    }

    fn sign(self) -> (&'static str, Tone) {
        match self {
            Health::Good => ("✓", Tone::Good),
            Health::LeftOut => ("–", Tone::Dim),
            Health::Warning => ("!", Tone::Open),
            Health::Wrong | Health::Unreachable => ("✗", Tone::Bad),
        }
    }
}

/// What was looked at, how it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at; a word that stays: `bus-policy`.
    pub check: &'static str,
    /// How it is.
    pub health: Health,
    /// What was found.
    pub text: String,
    /// What to do; empty where nothing is to be done.
    pub advice: String,
}

impl Finding {
    pub fn good(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, health: Health::Good, text: text.into(), advice: String::new() }
    }

    pub fn left_out(check: &'static str, text: impl Into<String>) -> Self {
        Self { check, health: Health::LeftOut, text: text.into(), advice: String::new() }
    }

    pub fn warning(
        check: &'static str,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, health: Health::Warning, text: text.into(), advice: advice.into() }
    }

    pub fn wrong(check: &'static str, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, health: Health::Wrong, text: text.into(), advice: advice.into() }
    }

    pub fn unreachable(text: impl Into<String>, advice: impl Into<String>) -> Self {
        let (text, advice) = (text.into(), advice.into());
        Self { check: "daemon", health: Health::Unreachable, text, advice }
    }
}

/// The worst of them. What was left out is no verdict.
pub fn verdict(findings: &[Finding]) -> Health {
    let judged = findings.iter().map(|finding| finding.health);
    judged.filter(|health| *health != Health::LeftOut).max().unwrap_or(Health::Good)
}

/// The exit code of the contract. An unreachable daemon goes first: half of the questions were not put.
pub fn exit_code(findings: &[Finding]) -> u8 {
    match verdict(findings) {
        Health::Good | Health::LeftOut | Health::Warning => exit::OK,
        Health::Wrong => exit::DAMAGED,
        Health::Unreachable => exit::UNREACHABLE,
    }
}

/// `{"verdict": …, "findings": [{"check", "state", "text", "advice"}]}`.
pub fn to_json(findings: &[Finding]) -> Value {
    let each = |finding: &Finding| {
        json!({
            "check": finding.check,
            "state": finding.health.word(),
            "text": finding.text,
            "advice": finding.advice,
        })
    };
    let all: Vec<Value> = findings.iter().map(each).collect();
    json!({"verdict": verdict(findings).word(), "findings": all})
}

/// One line each, with what to do below, and a sum.
pub fn render(findings: &[Finding], screen: &Screen) -> String {
    let mut text = String::new();
    for finding in findings {
        let (sign, tone) = finding.health.sign();
        let word = screen.paint(tone, &format!("{sign} {:<11}", finding.health.word()));
        let told = screen.paint(Tone::Plain, &finding.text.replace('\n', "; "));
        let check = screen.paint(Tone::Strong, finding.check);
        text.push_str(&format!("{word} {check}: {told}\n"));
        if !finding.advice.is_empty() {
            let advice = screen.paint(Tone::Plain, &finding.advice);
            text.push_str(&format!("{:14}→ {advice}\n", ""));
        }
    }
    text.push_str(&format!("\n{}\n", sum(findings)));
    text
}

fn sum(findings: &[Finding]) -> String {
    let count = |healths: &[Health]| {
        findings.iter().filter(|finding| healths.contains(&finding.health)).count()
    };
    let wrong = count(&[Health::Wrong, Health::Unreachable]);
    let (warnings, left_out) = (count(&[Health::Warning]), count(&[Health::LeftOut]));
    let mut sum = match wrong {
        0 => "Nothing is wrong".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        count => format!("{count} things are wrong"),
    };
    match warnings {
        0 => {}
        1 => sum.push_str(", 1 warning"),
        count => sum.push_str(&format!(", {count} warnings")),
    }
    if left_out > 0 {
        sum.push_str(&format!(", {left_out} left out"));
    }
    sum + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn all() -> Vec<Finding> {
        vec![
            Finding::good("store", "ok"),
            Finding::left_out("log", "an administrator's question"),
            Finding::warning("apps", "none is declared", "declare one"),
            Finding::wrong("bus-policy", "missing\n\u{1b}[2J", "install it"),
        ]
    }

    #[test]
    fn the_worst_finding_decides_the_exit_code() {
        for (count, verdict_word, code) in
            [(0, "ok", 0), (2, "ok", 0), (3, "warning", 0), (4, "wrong", 6)]
        {
            let some = &all()[..count];
            assert_eq!((verdict(some).word(), exit_code(some)), (verdict_word, code));
        }
        let mut away = all();
        away.push(Finding::unreachable("no answer", "start it"));
        assert_eq!(exit_code(&away), 4, "though other things are wrong, too");
    }

    #[test]
    fn findings_are_told_in_words_and_steer_no_terminal() {
        assert_eq!(
            render(&all(), &SCREEN),
            "\
✓ ok          store: ok
– left out    log: an administrator's question
! warning     apps: none is declared
              → declare one
✗ wrong       bus-policy: missing; \\u{1b}[2J
              → install it

1 thing is wrong, 1 warning, 1 left out.
"
        );
        let coloured = render(&all(), &Screen { colour: true, ..SCREEN });
        assert!(coloured.contains("\u{1b}[31m✗"), "{coloured}");
    }

    #[test]
    fn json_has_a_verdict_and_every_finding() {
        let json = to_json(&all()[2..3]);
        let finding = r#"{"check":"apps","state":"warning","text":"none is declared","advice":"declare one"}"#;
        assert_eq!(json.to_string(), format!(r#"{{"verdict":"warning","findings":[{finding}]}}"#));
    }
}
