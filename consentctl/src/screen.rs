//! Standard output: JSON or text, colour and width where it is a terminal.

use std::env;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use consentd_dbus::lines::printable_json;
use serde_json::Value;

use crate::failure::Failure;
use crate::printable::printable;

/// How a piece of text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// A heading, a name.
    Strong,
    /// Secondary: ids, defaults.
    Dim,
    /// Allowed, in order.
    Good,
    /// Open: `ask`, a warning.
    Open,
    /// Denied, broken.
    Bad,
}

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    /// JSON alone.
    pub json: bool,
    /// Escape sequences are understood and wanted.
    pub colour: bool,
    /// Columns of the terminal; `None` where lines may be as long as they like.
    pub width: Option<u16>,
}

impl Screen {
    /// Standard output as it is.
    pub fn stdout(json: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let wanted = |name: &str| env::var_os(name).is_none_or(|value| value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            colour: terminal && wanted("NO_COLOR") && !dumb,
            width: terminal.then(columns).flatten(),
        }
    }

    /// Whether there is room for what is merely nice to know.
    pub fn is_roomy(&self) -> bool {
        self.width.is_none_or(|width| width >= 100)
    }

    /// `text` in a tone.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = tone.style();
        let text = printable(text);
        if !self.colour || tone == Tone::Plain || text.is_empty() {
            return text;
        }
        format!("{style}{text}{style:#}")
    }

    /// Prints text, with one line end after it. What is not our own has gone through `paint`, a table
    /// or `printable` before.
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.trim_end_matches('\n').as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Prints JSON, indented.
    pub fn json(&self, value: &Value) -> Result<(), Failure> {
        self.json_text(&format!("{value:#}"))
    }

    /// Prints JSON as it is written already.
    pub fn json_text(&self, json: &str) -> Result<(), Failure> {
        self.text(&printable_json(json))
    }
}

impl Tone {
    /// The tone of a decision or a state.
    pub fn of(word: &str) -> Self {
        match word {
            "allow" | "on" | "ok" => Tone::Good,
            "deny" | "off" | "unavailable" => Tone::Bad,
            "ask" => Tone::Open,
            _ => Tone::Plain,
        }
    }

    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Open => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
        }
    }
}

fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col >= 20).then_some(size.ws_col)
}
