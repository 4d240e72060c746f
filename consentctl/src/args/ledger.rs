//! `log`, `history`, `counts`: which entries of the ledger, and how many.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::time::Moment;

/// Which entries to show.
#[derive(Debug, Default, Args)]
pub struct Period {
    /// Not older than this: 2h, 7d, yesterday, 2026-11-20, '2026-11-20 14:30'.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Moment>,
    /// Not newer than this.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Moment>,
}

/// How many entries to show.
#[derive(Debug, Args)]
pub struct Paging {
    /// How many, newest first; 0 is all.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub limit: u64,
    /// Go on from the `next` of an earlier answer.
    #[arg(long)]
    pub cursor: Option<String>,
    /// Show new entries as they come, until interrupted.
    #[arg(long, short, conflicts_with_all = ["limit", "cursor", "since", "until"])]
    pub follow: bool,
}

/// What records to show.
#[derive(Debug, Args)]
pub struct RecordFilter {
    /// Of one app, by id or name.
    #[arg(long, short)]
    pub app: Option<String>,
    /// For one purpose, by id or number.
    #[arg(long, short)]
    pub purpose: Option<String>,
    /// Of one data item.
    #[arg(long, short)]
    pub data: Option<String>,
    /// With one answer.
    #[arg(long)]
    pub decision: Option<Decision>,
    /// From when to when.
    #[command(flatten)]
    pub period: Period,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Decision {
    /// It might collect.
    Allow,
    /// It might not.
    Deny,
    /// It might not then.
    Ask,
}

impl Decision {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
            Decision::Ask => "ask",
        }
    }
}

/// `log`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Log {
    /// To show records, if none is given.
    #[command(subcommand)]
    pub verb: Option<LogVerb>,
    /// Which records.
    #[command(flatten)]
    pub filter: RecordFilter,
    /// How many.
    #[command(flatten)]
    pub paging: Paging,
}

/// What else to do with the log.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum LogVerb {
    /// Look along the hash chain: is every entry as it was written? Exit code 6 if not.
    Verify,
}

/// `export`.
#[derive(Debug, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct Export {
    /// What to write it as.
    #[arg(long, short, value_enum, default_value = "json-lines")]
    pub format: ExportFormat,
    /// Where to write; standard output if not given. A file that is there stays as it is.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Read an export or a report of JSON lines again instead, and say whether it is whole and as it was
    /// written. Exit code 6 if not.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["format", "output"])]
    pub verify: Option<PathBuf>,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  consentctl export --output mine.jsonl
  consentctl export --verify mine.jsonl
  consentctl export --format html --output mine.html
  consentctl export --format fides --output declarations.json
  consentctl export --format kantara";

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Everything: profile, choices, consents, answers; one JSON object a line.
    JsonLines,
    /// The same as one page to read and to print, that needs nothing but a browser.
    Html,
    /// What the apps declare, as a manifest for fides (fideslang 3.1).
    Fides,
    /// The listed cookies, as device-storage disclosures of IAB Europe.
    Cookies,
    /// A receipt for each consent, as Kantara's Consent Receipt Specification 1.1 has it.
    Kantara,
    /// A record of each consent after ISO/IEC TS 27560, in the Data Privacy Vocabulary (JSON-LD).
    Dpv,
}

impl ExportFormat {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            // The page is made here, from the lines.
            ExportFormat::JsonLines | ExportFormat::Html => "json-lines",
            ExportFormat::Fides => "fides",
            ExportFormat::Cookies => "cookies",
            ExportFormat::Kantara => "kantara",
            ExportFormat::Dpv => "dpv",
        }
    }
}

/// `history`.
#[derive(Debug, Args)]
pub struct History {
    /// Of one app, by id or name.
    #[arg(long, short)]
    pub app: Option<String>,
    /// Of one toggle, by id or name.
    #[arg(long, short)]
    pub toggle: Option<String>,
    /// From when to when.
    #[command(flatten)]
    pub period: Period,
    /// How many.
    #[command(flatten)]
    pub paging: Paging,
}

/// `counts`.
#[derive(Debug, Args)]
pub struct Counts {
    /// What to sum by.
    #[arg(long, value_delimiter = ',', default_value = "app,decision")]
    pub by: Vec<Grouping>,
    /// Which records.
    #[command(flatten)]
    pub filter: RecordFilter,
}

/// What records are summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grouping {
    /// App.
    App,
    /// Data item.
    Data,
    /// Purpose.
    Purpose,
    /// Answer.
    Decision,
    /// Hour.
    Hour,
    /// Day.
    Day,
}

impl Grouping {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Grouping::App => "app",
            Grouping::Data => "data",
            Grouping::Purpose => "purpose",
            Grouping::Decision => "decision",
            Grouping::Hour => "hour",
            Grouping::Day => "day",
        }
    }
}
