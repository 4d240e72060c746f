//! `catalog`: what of the policy is to be shown.

use clap::{Subcommand, ValueEnum};

/// `catalog`.
#[derive(Debug, Subcommand)]
pub enum CatalogVerb {
    /// The entries of one kind; the kinds, if none is given.
    List {
        /// Which.
        kind: Option<Kind>,
    },
    /// Everything that the catalogue says about an id.
    Show {
        /// A data item, a purpose, a toggle, a cookie …
        id: String,
    },
    /// Check the files on the disk and change nothing.
    Check,
}

/// The tables of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Data items.
    Data,
    /// Purposes.
    Purposes,
    /// Toggles.
    Toggles,
    /// Legal bases, and where fewer of them are permitted.
    Bases,
    /// What is never allowed.
    Never,
    /// Recipients.
    Recipients,
    /// Cookies.
    Cookies,
    /// Regions.
    Regions,
    /// Privacy notices.
    Notices,
}

impl Kind {
    /// All of them, as they are listed.
    pub const ALL: [Kind; 9] = [
        Kind::Data,
        Kind::Purposes,
        Kind::Toggles,
        Kind::Bases,
        Kind::Never,
        Kind::Recipients,
        Kind::Cookies,
        Kind::Regions,
        Kind::Notices,
    ];

    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Data => "data",
            Kind::Purposes => "purposes",
            Kind::Toggles => "toggles",
            Kind::Bases => "bases",
            Kind::Never => "never",
            Kind::Recipients => "recipients",
            Kind::Cookies => "cookies",
            Kind::Regions => "regions",
            Kind::Notices => "notices",
        }
    }
}
