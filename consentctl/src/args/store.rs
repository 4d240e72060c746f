//! `store`: what is to be done about what users chose, as a whole.

use clap::{Args, Subcommand};

/// `store`.
#[derive(Debug, Subcommand)]
pub enum StoreVerb {
    /// Look the store and its backups through.
    Check,
    /// Back the store up now.
    Backup,
    /// Put a backup in force: what was off stays off, everything else asks again.
    Restore {
        /// Its name, as `store check` lists it; the newest good one if none is given.
        file: Option<String>,
        /// Whether to ask first.
        #[command(flatten)]
        certainty: Certainty,
    },
    /// Set the store aside and begin anew: what the record has as off stays off, everything else asks.
    Reset {
        /// Whether to ask first.
        #[command(flatten)]
        certainty: Certainty,
    },
}

/// Whether somebody is asked first.
#[derive(Debug, Args)]
pub struct Certainty {
    /// Do not ask: for scripts.
    #[arg(long, short)]
    pub yes: bool,
}
