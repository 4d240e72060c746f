//! `identifiers`: what apps know the person by, where they may.

use clap::{Subcommand, ValueEnum};

/// `identifiers`.
#[derive(Debug, Subcommand)]
pub enum IdentifiersVerb {
    /// Make it another from now on, for all apps or for one.
    #[command(after_help = EXAMPLES)]
    Reset {
        /// Which.
        kind: IdentifierKind,
        /// The one that this app has; a VAID is its vendor's.
        #[arg(long, short, value_name = "APP")]
        app: Option<String>,
    },
}

const EXAMPLES: &str = "\
Examples:
  consentctl identifiers reset oaid
  consentctl identifiers reset aaid --app org.example.game";

/// A kind of identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdentifierKind {
    /// The device's: the same for all apps.
    Oaid,
    /// The vendor's: the same for all of its apps.
    Vaid,
    /// The app's own.
    Aaid,
}

impl IdentifierKind {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            IdentifierKind::Oaid => "oaid",
            IdentifierKind::Vaid => "vaid",
            IdentifierKind::Aaid => "aaid",
        }
    }
}
