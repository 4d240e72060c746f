//! The switches a user sees, and what each covers (R18–R26). What a user chose is not here.

use serde::Deserialize;

use super::{DataIx, PurposeIx, Source};

/// Of whom a toggle keeps a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All apps together, and each app besides.
    Both,
    /// All apps together only.
    All,
    /// Each app only.
    App,
    /// All sites together, and each site besides (`site:HOST`).
    Site,
}

/// A toggle's state for an app, as the rule sees it: the more restrictive is the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Denied.
    Off,
    /// Not decided.
    Ask,
    /// Not in the way.
    On,
}

impl State {
    /// The word on the wire and in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            State::Off => "off",
            State::Ask => "ask",
            State::On => "on",
        }
    }
}

/// What an app without a state of its own gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppDefault {
    /// The all-apps state.
    Follow,
    /// Ask.
    Ask,
    /// Off.
    Off,
}

/// What kind of thing the user sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A switch.
    Switch,
    /// Shown, and always on: essential cookies (R26).
    Fixed,
    /// A button: account deletion (R25). It covers nothing.
    Action,
}

/// A switch the user sees (R18–R26).
#[derive(Debug, Clone)]
pub struct Toggle {
    /// `ad-services`
    pub id: Box<str>,
    /// `Ad services`
    pub name: Box<str>,
    /// Switch, fixed, action.
    pub kind: Kind,
    /// Where the user finds it.
    pub paths: Vec<Box<str>>,
    /// Whether `on` is a consent.
    pub consent: bool,
    /// Of whom it keeps a state.
    pub scope: Scope,
    /// The all-apps state nobody set: `On` or `Off`.
    pub all_default: State,
    /// The state of an app nobody set.
    pub app_default: AppDefault,
    /// Whether its cookies are open to minors (R38). Only a category of cookies says no: of a pair the
    /// purpose says it.
    pub minors: bool,
    /// Toggles of an earlier catalogue whose stored off it inherits.
    pub succeeds: Vec<Box<str>>,
    /// What it covers, for display: each a (purposes, data) rectangle.
    pub covers: Vec<Cover>,
    /// Where the policy names it.
    pub source: Source,
}

/// One rectangle of a toggle's coverage.
#[derive(Debug, Clone)]
pub struct Cover {
    /// The purposes, `*` spread out.
    pub purposes: Vec<PurposeIx>,
    /// The items, `*` and groups spread out, identifiers completed to their group.
    pub data: Vec<DataIx>,
    /// The rectangle as the file names it, for display.
    pub written: Box<str>,
}
