//! `rights`: cases towards whoever holds a person's data.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `rights`.
#[derive(Debug, Subcommand)]
pub enum RightsVerb {
    /// Exercise a right towards one app or all of them.
    #[command(after_help = EXAMPLES)]
    Open(OpenCase),
    /// Your cases, newest first.
    List,
    /// One case: what was asked, by when it has to be answered, how far each app is.
    Show {
        /// Its number.
        case: String,
    },
    /// What a case of access or portability brought: the case, what each app returned, and all that the
    /// device keeps itself.
    #[command(after_help = REPORT_EXAMPLES)]
    Report {
        /// Its number.
        case: String,
        /// What to write it as.
        #[arg(long, short, value_enum, default_value = "json-lines")]
        format: ReportFormat,
        /// Where to write; standard output if not given. A file that is there stays as it is.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Take a case back. An objection, a restriction or an opt-out ends with it.
    Withdraw {
        /// Its number.
        case: String,
    },
}

const EXAMPLES: &str = "\
Examples:
  consentctl rights open access
  consentctl rights open erasure --app org.example.weather
  consentctl rights open objection --purpose analytics.internal
  consentctl rights open rectification --app account --text 'My name is spelled with a K.'";

const REPORT_EXAMPLES: &str = "\
Examples:
  consentctl rights report 1 --format html --output report.html
  consentctl rights report 1 --output report.jsonl
  consentctl export --verify report.jsonl";

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Everything, one JSON object a line, for programs.
    JsonLines,
    /// One page to read and to print, that needs nothing but a browser.
    Html,
}

/// `rights open`.
#[derive(Debug, Args)]
pub struct OpenCase {
    /// Which right.
    pub right: RightWord,
    /// Towards this app alone.
    #[arg(long, short, value_name = "APP")]
    pub app: Option<String>,
    /// About this purpose alone.
    #[arg(long, short, value_name = "PURPOSE")]
    pub purpose: Option<String>,
    /// About this data item alone.
    #[arg(long, short, value_name = "ITEM")]
    pub data: Option<String>,
    /// What you say about it; for a rectification what is wrong, and how it should be.
    #[arg(long, short, value_name = "TEXT")]
    pub text: Option<String>,
}

/// A right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RightWord {
    /// A copy of everything that is kept of you.
    Access,
    /// A correction.
    Rectification,
    /// Deletion.
    Erasure,
    /// No use on legitimate interest, for profiling, for marketing.
    Objection,
    /// No use but with your consent, or for legal claims.
    Restriction,
    /// A copy that another service can read.
    Portability,
    /// No decisions by machines alone.
    AutomatedDecisions,
}

impl RightWord {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            RightWord::Access => "access",
            RightWord::Rectification => "rectification",
            RightWord::Erasure => "erasure",
            RightWord::Objection => "objection",
            RightWord::Restriction => "restriction",
            RightWord::Portability => "portability",
            RightWord::AutomatedDecisions => "automated-decisions",
        }
    }
}
