//! The words that `catalog/*.toml` may use: one struct per kind of entry, no key besides these.
//!
//! What the values must be beyond their type is checked where the entries are made.

use serde::Deserialize;

use super::{AppDefault, Basis, Kind, NoticeKind, Risk, Scope, Sensitivity, Shape, State, Trust};

/// Ids or words, as written.
pub(super) type Words = Vec<Box<str>>;

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    pub id: Box<str>,
    pub name: Box<str>,
    #[serde(default = "yes")]
    pub personal: bool,
    pub sensitivity: Option<Sensitivity>,
    #[serde(default)]
    pub identifier: bool,
    #[serde(default)]
    pub derived: bool,
    #[serde(default)]
    pub groups: Words,
    pub refusal: Shape,
    pub approximate: Option<Box<str>>,
    pub origin: Option<Box<str>>,
    pub min_trust: Option<Trust>,
    #[serde(default)]
    pub dpv: Words,
    #[serde(default)]
    pub fides: Words,
    #[serde(default)]
    pub android: Words,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

/// What a purpose or a recipient asks of a declared pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Required {
    Necessary,
    Deidentified,
    Aggregate,
    OnDevice,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purpose {
    pub id: Box<str>,
    pub number: Box<str>,
    pub name: Box<str>,
    pub bases: Vec<Basis>,
    #[serde(default)]
    pub requires: Vec<Required>,
    #[serde(default = "yes")]
    pub minors: bool,
    #[serde(default)]
    pub objectionable: bool,
    #[serde(default)]
    pub legal: bool,
    #[serde(default)]
    pub dpv: Words,
    #[serde(default)]
    pub fides: Words,
    #[serde(default)]
    pub tcf: Words,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BasisTerm {
    pub id: Basis,
    pub name: Box<str>,
    pub gdpr: Box<str>,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Narrowing {
    pub id: Box<str>,
    pub purposes: Words,
    pub data: Words,
    pub regions: Words,
    pub bases: Vec<Basis>,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Never {
    pub id: Box<str>,
    pub purposes: Option<Words>,
    pub except_purposes: Option<Words>,
    pub data: Words,
    pub why: Box<str>,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cover {
    pub purposes: Option<Words>,
    pub except_purposes: Option<Words>,
    pub data: Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Toggle {
    pub id: Box<str>,
    pub name: Box<str>,
    pub kind: Option<Kind>,
    #[serde(default)]
    pub paths: Words,
    pub consent: bool,
    pub scope: Scope,
    pub all_default: State,
    pub app_default: AppDefault,
    #[serde(default = "yes")]
    pub minors: bool,
    #[serde(default)]
    pub succeeds: Words,
    #[serde(default)]
    pub covers: Vec<Cover>,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipient {
    pub id: Box<str>,
    pub name: Box<str>,
    #[serde(default)]
    pub requires: Vec<Required>,
    #[serde(default)]
    pub dpv: Words,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cookie {
    pub name: Box<str>,
    pub category: Box<str>,
    pub max_age: Box<str>,
    pub domains: Words,
    pub by: Box<str>,
    #[serde(default)]
    pub conflicts: Words,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TransferRule {
    Home,
    HomeUnlessPermitted,
    Protective,
    Declared,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    pub rule: TransferRule,
    #[serde(default)]
    pub countries: Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Duty {
    pub tell: Box<str>,
    pub risk: Risk,
    pub within: Box<str>,
    pub law: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub within: Box<str>,
    pub law: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Region {
    pub id: Box<str>,
    pub name: Box<str>,
    pub countries: Words,
    pub controller: Box<str>,
    pub address: Box<str>,
    pub contact: Option<Box<str>>,
    pub email: Option<Box<str>>,
    pub phone: Option<Box<str>>,
    pub officer: Option<Box<str>>,
    pub authority: Option<Box<str>>,
    #[serde(default)]
    pub data_centres: Words,
    pub transfer: Transfer,
    pub answer: Option<Answer>,
    #[serde(default)]
    pub breach: Vec<Duty>,
    pub requirement: Box<str>,
    pub section: Box<str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Notice {
    pub id: Box<str>,
    pub name: Box<str>,
    #[serde(default)]
    pub kind: NoticeKind,
    pub effective: Box<str>,
    pub language: Box<str>,
    pub sha256: Box<str>,
    pub requirement: Box<str>,
    pub section: Box<str>,
}
