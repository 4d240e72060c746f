//! The command line: verbs, options, and what they take. It decides nothing.

mod agent;
mod breach;
mod catalog;
mod cookies;
mod identifiers;
mod ledger;
mod rights;
mod store;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use agent::Agent;
pub use breach::{AddBreach, BreachVerb};
pub use catalog::{CatalogVerb, Kind};
pub use cookies::{CookiesVerb, SiteCookies};
pub use identifiers::{IdentifierKind, IdentifiersVerb};
pub use ledger::{
    Counts, Export, ExportFormat, Grouping, History, Log, LogVerb, Paging, Period, RecordFilter,
};
pub use rights::{OpenCase, ReportFormat, RightsVerb};
pub use store::{Certainty, StoreVerb};

use crate::time::{Deadline, Duration};

/// Over the options that every verb takes.
const EVERYWHERE: &str = "Everywhere";

/// Inspects and sets what apps may collect.
///
/// Exit codes: 0 done, or allowed; 1 denied, or `ask`; 2 wrong usage; 3 not authorised; 4 the daemon
/// cannot be reached; 5 refused as invalid; 6 something is damaged.
#[derive(Debug, Parser)]
#[command(name = "consentctl", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Arguments {
    /// Print JSON with the keys of the D-Bus interface; errors on stderr as {"error": …}.
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub json: bool,
    /// Another user's settings, by uid or name (needs authority).
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "UID|NAME", value_parser = crate::user::parse)]
    pub user: Option<u32>,
    /// The bus to use instead of the system bus, for instance unix:path=/run/demo/bus.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// How the daemon is.
    Status,
    /// The declared apps.
    Apps,
    /// One app: its toggles, what it declares, and what it would be answered now.
    App {
        /// The app's id or name.
        app: String,
    },
    /// The toggles, with their state for all apps.
    Toggles,
    /// One toggle, for all apps or for one.
    Get {
        /// The toggle's id or name.
        toggle: String,
        /// For whom.
        #[command(flatten)]
        target: Target,
    },
    /// Set one toggle, for all apps or for one.
    #[command(after_help = SET_EXAMPLES)]
    Set(Set),
    /// Drop what was chosen for an app, as if it were new.
    Reset {
        /// The app's id or name.
        app: String,
    },
    /// Drop what was chosen for an app that was removed from the device.
    Forget {
        /// The app's id or name.
        app: String,
    },
    /// Hold toggles off for everybody, or with --user for one.
    Lock {
        /// The toggles' ids or names.
        #[arg(required = true, value_name = "TOGGLE")]
        toggles: Vec<String>,
    },
    /// Let locked toggles go again.
    Unlock {
        /// The toggles' ids or names.
        #[arg(required = true, value_name = "TOGGLE")]
        toggles: Vec<String>,
    },
    /// Region, age band and language of a user.
    #[command(args_conflicts_with_subcommands = true)]
    Profile {
        /// `get` if not given.
        #[command(subcommand)]
        verb: Option<ProfileVerb>,
    },
    /// What apps know the person by: OAID, VAID, AAID, and when they were reset.
    #[command(args_conflicts_with_subcommands = true)]
    Identifiers {
        /// What this app would get now, for what it declares. Not recorded.
        #[arg(long, short, value_name = "APP")]
        app: Option<String>,
        /// What to do with them.
        #[command(subcommand)]
        verb: Option<IdentifiersVerb>,
    },
    /// Ask apps for your data, have it corrected or erased, object: cases, and how far they are.
    Rights {
        /// `list` if not given.
        #[command(subcommand)]
        verb: Option<RightsVerb>,
    },
    /// Who the daemon takes this shell for.
    Whoami,
    /// Ask as this shell: may I take these items for this purpose? Recorded.
    Check(Question),
    /// The same as check, but not recorded.
    Preview(Question),
    /// What an app would be answered, and why, rule by rule. Not recorded.
    Explain {
        /// The app's id or name.
        app: String,
        /// What it would ask.
        #[command(flatten)]
        question: Question,
    },
    /// What apps asked for, and what they were answered.
    Log(Log),
    /// What was changed, when, and by what.
    History(History),
    /// What apps asked for, summed.
    Counts(Counts),
    /// All that the device keeps of a user's choices and answers; or what others' tools read of it.
    Export(Export),
    /// The consents that were given, and how they ended; of one app with all that a receipt needs.
    Consents {
        /// The app's id or name.
        app: Option<String>,
    },
    /// What apps were allowed to collect: how long it is kept, and what became of it.
    Retention {
        /// The app's id or name.
        app: Option<String>,
    },
    /// The privacy notices: which is in force, and what is new to you.
    #[command(args_conflicts_with_subcommands = true)]
    Notices {
        /// Those alone that you have not answered or not been told of.
        #[arg(long)]
        pending: bool,
        /// The list if not given.
        #[command(subcommand)]
        verb: Option<NoticesVerb>,
    },
    /// The policy: data items, purposes, toggles and the rest.
    Catalog {
        /// What to do with it.
        #[command(subcommand)]
        verb: CatalogVerb,
    },
    /// What sites may keep with a browser: ask, look up, look a jar through.
    Cookies {
        /// What to do.
        #[command(subcommand)]
        verb: CookiesVerb,
    },
    /// Show what apps ask you, here, and answer it; until Ctrl-C.
    Agent(Agent),
    /// Load the catalogue and the declarations anew.
    Reload,
    /// What users chose, as a whole: check, back up, restore, begin anew.
    Store {
        /// What to do with it.
        #[command(subcommand)]
        verb: StoreVerb,
    },
    /// The administrator's register of breaches: who has to be told, by when, and who was.
    Breach {
        /// `list` if not given.
        #[command(subcommand)]
        verb: Option<BreachVerb>,
    },
    /// Find what is wrong with an installation, and say what to do.
    ///
    /// Looks at the files of this system and asks the daemon; as root more than as a user. With
    /// --address the daemon on that bus alone. Ends with 6 if anything is wrong, with 4 if the daemon
    /// cannot be reached.
    Doctor {
        /// Look at the files of the system below this folder, an image, and ask no daemon.
        #[arg(long, value_name = "DIR")]
        root: Option<PathBuf>,
    },
    /// Print what makes a shell complete consentctl's words.
    #[command(after_help = COMPLETIONS_EXAMPLE)]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

const COMPLETIONS_EXAMPLE: &str = "\
Where consentctl was installed the shells have them already. Else, for this bash alone:
  eval \"$(consentctl completions bash)\"";

/// A shell that completes words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// The GNU shell.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly one.
    Fish,
}

const SET_EXAMPLES: &str = "\
Examples:
  consentctl set ad-services on
  consentctl set location.app on --app org.example.weather --for 2h
  consentctl set location.precise off --app Weather
  consentctl set location.app off --others
  consentctl set cookies.analytics on --site example.org";

/// For whom a toggle is read or set; nothing means all apps.
#[derive(Debug, Args)]
pub struct Target {
    /// One app, by id or name.
    #[arg(long, short, value_name = "APP", group = "target")]
    pub app: Option<String>,
    /// All apps that have no state of their own.
    #[arg(long, group = "target")]
    pub others: bool,
    /// One site's cookies.
    #[arg(long, value_name = "HOST", group = "target")]
    pub site: Option<String>,
}

/// `set`.
#[derive(Debug, Args)]
pub struct Set {
    /// The toggle's id or name.
    pub toggle: String,
    /// The state to store; `unset` returns to the default.
    pub state: State,
    /// For whom.
    #[command(flatten)]
    pub target: Target,
    /// `on` for that long: 90m, 2h, 7d.
    #[arg(long = "for", value_name = "DURATION", group = "lifetime")]
    pub span: Option<Duration>,
    /// `on` until then: 18:00, 2026-12-24, '2026-12-24 18:00'.
    #[arg(long, value_name = "TIME", group = "lifetime")]
    pub until: Option<Deadline>,
    /// `on` until the device restarts.
    #[arg(long, group = "lifetime")]
    pub until_reboot: bool,
    /// `on` for the next check alone; for one app.
    #[arg(long, group = "lifetime")]
    pub once: bool,
    /// The notice that was shown, if it is not the one in force.
    #[arg(long, value_name = "ID")]
    pub notice: Option<String>,
}

/// A state to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// Let it pass.
    On,
    /// Deny it.
    Off,
    /// Ask the user.
    Ask,
    /// As if nobody had chosen.
    Unset,
}

impl State {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            State::On => "on",
            State::Off => "off",
            State::Ask => "ask",
            State::Unset => "unset",
        }
    }
}

/// A check, a preview or an explanation.
#[derive(Debug, Args)]
pub struct Question {
    /// The purpose's id: ads.personalised. Who may read the catalogue can give its number: P21.
    pub purpose: String,
    /// Data items' ids.
    #[arg(required = true)]
    pub data: Vec<String>,
    /// The only recipient that this is for.
    #[arg(long, value_name = "ID")]
    pub recipient: Option<String>,
    /// The only country that this goes to (ISO 3166-1: NL, SG).
    #[arg(long, value_name = "COUNTRY")]
    pub destination: Option<String>,
    /// The connection is not TLS.
    #[arg(long)]
    pub insecure: bool,
    /// The items are de-identified, or with =false they are not.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    pub deidentified: Option<bool>,
    /// A word for the record.
    #[arg(long)]
    pub tag: Option<String>,
}

/// `notices`.
#[derive(Debug, Subcommand)]
pub enum NoticesVerb {
    /// Refuse what a notice brought; the consent that was given before stays.
    Decline {
        /// The toggles' ids or names.
        #[arg(required = true, value_name = "TOGGLE")]
        toggles: Vec<String>,
        /// The notice; the one in force if not given.
        #[arg(long, value_name = "ID")]
        notice: Option<String>,
    },
    /// Note that you know of a notice and of those before it.
    Seen {
        /// The notice; the one in force if not given.
        notice: Option<String>,
    },
}

/// `profile`.
#[derive(Debug, Subcommand)]
pub enum ProfileVerb {
    /// Show it.
    Get,
    /// Change it; "" returns to the default.
    Set(ProfileChange),
    /// Report that the user is a minor whose data has to go: the guardian or root alone.
    ///
    /// The profile says minor, every consent is withdrawn, marketing and personalisation are switched off,
    /// and apps that may hold the user's data are to erase it. Earlier records stand.
    ReportMinor {
        /// Whether to ask first.
        #[command(flatten)]
        certainty: Certainty,
    },
}

/// `profile set`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ProfileChange {
    /// The region whose policy holds: EEA, UK, CH, IN, RU, OTHER.
    #[arg(long, value_name = "ID")]
    pub region: Option<String>,
    /// adult or minor.
    #[arg(long, value_name = "BAND")]
    pub age: Option<String>,
    /// The language of notices: en, nl, zh-CN.
    #[arg(long, value_name = "TAG")]
    pub language: Option<String>,
    /// Who consents for a minor, by uid or name (root alone may say so).
    #[arg(long, value_name = "UID|NAME", value_parser = crate::user::parse)]
    pub guardian: Option<u32>,
}
