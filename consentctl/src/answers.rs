//! The answers that are shown to people, as the interface XML describes them.

use serde::Deserialize;

/// `Admin1.Status`.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub version: String,
    pub generation: u64,
    pub started: i64,
    pub bus: Option<String>,
    #[serde(default)]
    pub process_fd: bool,
    pub store: String,
    pub store_error: Option<String>,
    pub store_path: String,
    pub restored: Option<i64>,
    #[serde(default)]
    pub unconfirmed: i64,
    pub ledger: String,
    pub ledger_error: Option<String>,
    #[serde(default)]
    pub records: i64,
    pub catalog: String,
    pub catalog_error: Option<String>,
    pub catalog_path: String,
    #[serde(default)]
    pub data: i64,
    #[serde(default)]
    pub purposes: i64,
    #[serde(default)]
    pub toggles: i64,
    #[serde(default)]
    pub apps: i64,
    #[serde(default)]
    pub apps_rejected: i64,
    #[serde(default)]
    pub warnings: i64,
    #[serde(default)]
    pub polkit: bool,
    #[serde(default)]
    pub unsaved: i64,
    #[serde(default)]
    pub watchers: i64,
    #[serde(default)]
    pub followers: i64,
    pub agents: Option<i64>,
}

/// `Admin1.CheckStore`.
#[derive(Debug, Deserialize)]
pub struct StoreCheck {
    pub sound: bool,
    pub findings: Vec<String>,
    pub path: String,
    pub backups: Vec<Backup>,
    pub restored: Option<i64>,
    #[serde(default)]
    pub unconfirmed: i64,
}

/// An entry of its `backups`.
#[derive(Debug, Deserialize)]
pub struct Backup {
    pub file: String,
    pub at: i64,
    pub good: bool,
    pub error: Option<String>,
}

/// An entry of `Settings1.ListToggles`.
#[derive(Debug, Deserialize)]
pub struct Toggle {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub scope: String,
    pub app_default: String,
    pub state: String,
    pub layer: String,
    pub locked: bool,
    pub lifetime: Option<String>,
    pub until: Option<i64>,
    pub since: Option<i64>,
    #[serde(default)]
    pub exceptions: i64,
}

/// `Settings1.Get`, and an entry of an app's `toggles`.
#[derive(Debug, Deserialize)]
pub struct Setting {
    pub toggle: String,
    pub app: String,
    pub name: String,
    #[serde(default)]
    pub scope: String,
    pub stored: String,
    pub state: String,
    pub decided_by: String,
    pub lifetime: Option<String>,
    pub until: Option<i64>,
    pub since: Option<i64>,
    pub by: Option<String>,
    pub notice: Option<String>,
    pub consent: bool,
    /// It asks because the store was restored.
    #[serde(default)]
    pub unconfirmed: bool,
}

/// An entry of `Settings1.ListApps`.
#[derive(Debug, Deserialize)]
pub struct App {
    pub app: String,
    pub name: String,
    #[serde(default)]
    pub identities: Vec<String>,
    #[serde(default)]
    pub trust: String,
    pub valid: bool,
    pub error: Option<String>,
    #[serde(default)]
    pub pairs: i64,
    #[serde(default)]
    pub purposes: Vec<String>,
    #[serde(default)]
    pub own: i64,
}

/// `Settings1.GetApp`.
#[derive(Debug, Deserialize)]
pub struct AppDetails {
    #[serde(flatten)]
    pub app: App,
    #[serde(default)]
    pub toggles: Vec<AppToggle>,
    #[serde(default)]
    pub collects: Vec<Collected>,
}

/// One of an app's toggles.
#[derive(Debug, Deserialize)]
pub struct AppToggle {
    pub toggle: String,
    pub name: String,
    pub state: String,
    pub decided_by: String,
    pub lifetime: Option<String>,
    pub until: Option<i64>,
}

/// One of an app's pairs.
#[derive(Debug, Deserialize)]
pub struct Collected {
    pub purpose: String,
    pub data: String,
    pub basis: String,
    #[serde(default)]
    pub mandatory: bool,
    #[serde(default)]
    pub recipients: Vec<String>,
    #[serde(default)]
    pub destinations: Vec<String>,
    pub retention: Option<String>,
    pub decision: Option<String>,
    pub reason: Option<String>,
}

/// What `Cookies1.Explain` says of a cookie besides the answer.
#[derive(Debug, Default, Deserialize)]
pub struct CookieDetails {
    pub site: Option<String>,
    pub category: Option<String>,
    pub category_name: Option<String>,
    pub declared: Option<u64>,
    #[serde(default)]
    pub elsewhere: Vec<String>,
}

/// `Gate1.WhoAmI`.
#[derive(Debug, Deserialize)]
pub struct Caller {
    #[serde(default = "yes")]
    pub identified: bool,
    pub user: Option<u32>,
    pub why: Option<String>,
    pub app: Option<String>,
    pub kind: Option<String>,
    pub instance: Option<String>,
    pub trust: Option<String>,
    #[serde(default)]
    pub declared: bool,
}

/// One step of `Settings1.Explain`.
#[derive(Debug, Deserialize)]
pub struct Step {
    pub data: String,
    pub rule: u32,
    pub name: String,
    pub outcome: String,
    pub text: String,
    pub requirement: Option<String>,
}

/// An entry of `Settings1.History` of kind `record`.
#[derive(Debug, Deserialize)]
pub struct Record {
    pub at: i64,
    pub last: Option<i64>,
    pub app: String,
    pub purpose: String,
    pub data: String,
    pub decision: String,
    pub reason: String,
    pub count: i64,
    pub trust: Option<String>,
    pub tag: Option<String>,
    pub source: Option<String>,
}

impl Record {
    /// Whether the app's own library answered and counted.
    pub fn is_apps_own(&self) -> bool {
        self.source.as_deref() == Some("client")
    }
}

/// An entry of `Settings1.History` of kind `setting`.
#[derive(Debug, Deserialize)]
pub struct Event {
    pub at: i64,
    #[serde(default)]
    pub app: String,
    pub what: String,
    pub toggle: Option<String>,
    pub state: Option<String>,
    pub lifetime: Option<String>,
    pub until: Option<i64>,
    pub by: Option<String>,
    pub notice: Option<String>,
}

/// A group of `Settings1.Counts`.
#[derive(Debug, Deserialize)]
pub struct Count {
    pub app: Option<String>,
    pub data: Option<String>,
    pub purpose: Option<String>,
    pub decision: Option<String>,
    pub hour: Option<i64>,
    pub day: Option<i64>,
    pub count: i64,
}

/// `Settings1.GetProfile`.
#[derive(Debug, Deserialize)]
pub struct Profile {
    pub region: String,
    pub region_set: bool,
    pub age_band: String,
    pub age_set: bool,
    pub language: Option<String>,
    pub guardian: Option<u32>,
    pub controller: Option<String>,
}

/// An entry of `Settings1.ListNotices`.
#[derive(Debug, Deserialize)]
pub struct Notice {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub kind: String,
    pub effective: i64,
    pub language: String,
    pub in_force: bool,
    #[serde(default)]
    pub pending: bool,
    #[serde(default)]
    pub new_purposes: Vec<String>,
    #[serde(default)]
    pub new_data: Vec<String>,
    #[serde(default)]
    pub asks: Vec<String>,
    #[serde(default)]
    pub declined: Vec<String>,
}

/// An entry of `Settings1.ListRetention`.
#[derive(Debug, Deserialize)]
pub struct Kept {
    pub app: String,
    pub purpose: String,
    pub data: String,
    pub state: String,
    pub overdue: bool,
    pub why: Option<String>,
    pub law: Option<String>,
    pub retention: Option<String>,
    pub last: i64,
    pub since: i64,
    pub until: Option<i64>,
}

/// An entry of `Settings1.ListConsents`.
#[derive(Debug, Deserialize)]
pub struct Consent {
    pub toggle: String,
    #[serde(default)]
    pub app: String,
    pub at: i64,
    pub notice: Option<String>,
    pub notice_language: Option<String>,
    pub by: Option<String>,
    #[serde(default)]
    pub language: String,
    pub region: Option<String>,
    pub controller: Option<String>,
    pub lifetime: Option<String>,
    pub until: Option<i64>,
    pub covers: Option<Vec<Covered>>,
    pub in_force: bool,
    pub ended: Option<i64>,
    pub how_ended: Option<String>,
    pub ended_by: Option<String>,
}

/// A purpose and its items, of `Settings1.ListConsents`.
#[derive(Debug, Deserialize)]
pub struct Covered {
    pub purpose: String,
    pub data: Vec<String>,
}

/// A stored choice, of an export.
#[derive(Debug, Deserialize)]
pub struct Choice {
    pub toggle: String,
    #[serde(default)]
    pub app: String,
    pub state: String,
    pub since: i64,
    pub by: String,
    pub notice: Option<String>,
    pub lifetime: Option<String>,
    pub until: Option<i64>,
}

/// A case of `Rights1`.
#[derive(Debug, Deserialize)]
pub struct Case {
    pub case: String,
    pub right: String,
    pub app: String,
    pub purpose: String,
    pub data: String,
    pub statement: String,
    pub opened: i64,
    pub due: i64,
    pub region: String,
    pub controller: String,
    pub authority: String,
    pub state: String,
    pub ended: Option<i64>,
    pub holders: Vec<Holder>,
}

/// An app that holds the data.
#[derive(Debug, Deserialize)]
pub struct Holder {
    pub app: String,
    pub state: String,
    pub at: i64,
    #[serde(default)]
    pub tries: u32,
    pub note: String,
}

fn yes() -> bool {
    true
}

/// `Admin1.VerifyLog`.
#[derive(Debug, Deserialize)]
pub struct Proof {
    pub whole: bool,
    pub blocks: u64,
    pub rows: u64,
    #[serde(default)]
    pub findings: Vec<String>,
    #[serde(default)]
    pub begun: Option<String>,
}
