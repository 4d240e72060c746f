//! `breach`: the register of breaches, for the administrator.

use clap::{Args, Subcommand, ValueEnum};

use crate::time::Moment;

/// `breach`.
#[derive(Debug, Subcommand)]
pub enum BreachVerb {
    /// All of them, the newest first, with the next who has to be told.
    List,
    /// One, with everybody who has to be told, and by when.
    Show {
        /// Its number.
        id: String,
    },
    /// Enter one. Whom to tell follows from the regions of the people concerned.
    #[command(after_help = EXAMPLES)]
    Add(Box<AddBreach>),
    /// Note that somebody was told.
    Told {
        /// The breach's number.
        id: String,
        /// Who, as `breach show` names them: authority:EEA.
        who: String,
        /// When: 14:30, 2026-11-20, 2h ago. Now, if not given.
        #[arg(long, value_name = "TIME")]
        at: Option<Moment>,
    },
    /// Note what was done about one.
    Measure {
        /// The breach's number.
        id: String,
        /// What was done.
        text: String,
    },
}

const EXAMPLES: &str = "\
Examples:
  consentctl breach add 'A backup disk was stolen from the repair shop.' --found 2h
  consentctl breach add 'Crash logs were open to all' --risk likely --data logs.crash --region EEA
  consentctl breach told 1 authority:EEA --at yesterday";

/// `breach add`.
#[derive(Debug, Args)]
pub struct AddBreach {
    /// What happened, in a sentence or more.
    pub what: String,
    /// When it was found: 2h, yesterday, 2026-11-20. Deadlines run from there; now, if not given.
    #[arg(long, value_name = "TIME")]
    pub found: Option<Moment>,
    /// When it happened, if that is known.
    #[arg(long, value_name = "TIME")]
    pub happened: Option<Moment>,
    /// How likely it harms the people concerned.
    #[arg(long, default_value = "high")]
    pub risk: Risk,
    /// How many people are concerned.
    #[arg(long, value_name = "NUMBER")]
    pub people: Option<u64>,
    /// Whose data on this device, by uid or name; everybody's, if not given. Repeatable.
    #[arg(long = "of", value_name = "UID|NAME", value_parser = crate::user::parse)]
    pub users: Vec<u32>,
    /// Whose law holds; that of the users' regions, if not given. Repeatable.
    #[arg(long = "region", value_name = "ID")]
    pub regions: Vec<String>,
    /// A data item that got out. Repeatable.
    #[arg(long, value_name = "ID")]
    pub data: Vec<String>,
    /// An app that it went through, by id or name. Repeatable.
    #[arg(long = "app", short, value_name = "APP")]
    pub apps: Vec<String>,
    /// What was done about it.
    #[arg(long, value_name = "TEXT")]
    pub measures: Option<String>,
}

/// How likely a breach harms people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Risk {
    /// It hardly can.
    Unlikely,
    /// It may.
    Likely,
    /// It may badly.
    High,
}

impl Risk {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Risk::Unlikely => "unlikely",
            Risk::Likely => "likely",
            Risk::High => "high",
        }
    }
}
