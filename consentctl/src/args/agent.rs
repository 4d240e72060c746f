//! `agent`: who answers the prompts.

use clap::{Args, ValueEnum};

/// `agent`.
#[derive(Debug, Args)]
pub struct Agent {
    /// Answer every question so, and ask nobody: for scripts and trials.
    #[arg(long, value_name = "ANSWER")]
    pub answer: Option<Answer>,
}

/// An answer to every question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Answer {
    /// Allow that request alone.
    Once,
    /// Allow until the device restarts.
    Boot,
    /// Allow until it is changed.
    Always,
    /// Refuse.
    Deny,
}

impl Answer {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Answer::Once => "once",
            Answer::Boot => "boot",
            Answer::Always => "always",
            Answer::Deny => "deny",
        }
    }
}
