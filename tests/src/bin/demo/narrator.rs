//! Tells a story on the terminal: paragraphs, questions, answers, commands. Colour only on a terminal.
//! Each part but an answer begins with an empty line.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use consentd_tests::words::Answer;

const WIDTH: usize = 88;

/// What a story is told with.
pub struct Narrator {
    colours: bool,
}

#[derive(Clone, Copy)]
enum Shade {
    Bold,
    Dim,
    Green,
    Red,
    Yellow,
    Cyan,
}

impl Narrator {
    /// To standard output.
    pub fn new() -> Narrator {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Narrator { colours }
    }

    /// A new chapter.
    pub fn chapter(&self, title: &str) -> Result<()> {
        self.print(&format!("\n{}\n", self.shade(Shade::Bold, title)))
    }

    /// A paragraph.
    pub fn tell(&self, text: &str) -> Result<()> {
        let mut out = "\n".to_owned();
        for line in wrap(text, WIDTH - 2) {
            out.push_str(&format!("  {line}\n"));
        }
        self.print(&out)
    }

    /// What an app says.
    pub fn quote(&self, who: &str, text: &str) -> Result<()> {
        let mut lines = wrap(text, WIDTH - 4 - who.len());
        let mut out = String::new();
        let first = if lines.is_empty() { String::new() } else { lines.remove(0) };
        out.push_str(&format!("\n  {}: “{first}", self.shade(Shade::Cyan, who)));
        for line in lines {
            out.push_str(&format!("\n  {}{line}", " ".repeat(who.len() + 3)));
        }
        out.push_str("”\n");
        self.print(&out)
    }

    /// What consentd answers, item by item, each with what it means.
    pub fn answer(&self, answers: &[Answer]) -> Result<()> {
        let mut out = String::new();
        for Answer { data, decision, reason, refusal } in answers {
            let shade = match decision.as_str() {
                "allow" => Shade::Green,
                "ask" => Shade::Yellow,
                _ => Shade::Red,
            };
            let decision = self.shade(shade, &format!("{decision:<5}"));
            let meaning = [meaning_of(reason), instead_of(refusal)].concat();
            out.push_str(&format!(
                "      {decision}  {data:<22} {}\n",
                self.shade(Shade::Dim, &format!("{reason}: {meaning}")),
            ));
        }
        self.print(&out)
    }

    /// A command that the person gives; what it prints comes next.
    pub fn command(&self, line: &str) -> Result<()> {
        self.print(&format!(
            "\n  {} {}\n",
            self.shade(Shade::Dim, "$"),
            self.shade(Shade::Bold, line)
        ))
    }

    /// That the story went otherwise than it is told.
    pub fn astray(&self, what: &str) -> Result<()> {
        self.print(&format!(
            "  {} {what}\n",
            self.shade(Shade::Red, "This is not how it should go:")
        ))
    }

    fn shade(&self, shade: Shade, text: &str) -> String {
        let code = match shade {
            Shade::Bold => "1",
            Shade::Dim => "2",
            Shade::Green => "32",
            Shade::Red => "31",
            Shade::Yellow => "33",
            Shade::Cyan => "36",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn print(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

fn meaning_of(reason: &str) -> &'static str {
    match reason {
        "not-set" => "nobody has decided yet",
        "toggle-off" => "a switch is off",
        "consented" => "you agreed",
        "contract" => "the service needs it, and you did not object",
        "legitimate-interest" => "for security, with no switch but the app's own",
        "undeclared" => "the app never said that it would",
        _ => "",
    }
}

fn instead_of(refusal: &str) -> &'static str {
    match refusal {
        "zero-uuid" => "; use the all-zero id",
        "approximate" => "; use the approximate place",
        "empty" => "; use an empty list",
        _ => "",
    }
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
