//! A consent as receipts and records tell it: what was written down of it, and what the policy in force
//! says of what it covers.

use serde_json::Value;

use super::{cookies, each_once, recipient_name};
use crate::apps::{App, Apps, Collection};
use crate::catalog::{Catalog, DataIx, PurposeIx, Region, Scope, Toggle};
use crate::row::{Cell, Row};

/// What is said where the policies say nothing.
pub(super) const NOT_STATED: &str = "not stated by the policy";

/// One consent of a user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// A UUID, the same in every export.
    pub id: String,
    /// The toggle it is of.
    pub toggle: String,
    /// The app it is for; `""` is all, `site:HOST` a site.
    pub app: String,
    /// When it was given, Unix seconds.
    pub at: i64,
    /// Under which notice.
    pub notice: String,
    /// How it was given: `settings`, `prompt`, …
    pub by: String,
    /// The user's language then; may be empty.
    pub language: String,
    /// The region then.
    pub region: String,
    /// The controller then (R36).
    pub controller: String,
    /// Until when it was to hold, Unix seconds.
    pub until: Option<i64>,
    /// When it ended, Unix seconds.
    pub ended: Option<i64>,
    /// How it ended, where that is known: `withdrawn`, `superseded`, `expired`, …
    pub how_ended: Option<String>,
    /// By what it was ended, where that is known.
    pub ended_by: Option<String>,
    /// What it covers: each purpose with its items, by id.
    pub covers: Vec<(String, Vec<String>)>,
}

/// What the policy in force says of one purpose of a consent.
pub(super) struct Part<'a> {
    pub purpose: PurposeIx,
    pub data: Vec<DataIx>,
    /// What is declared for it, app by app.
    pub declared: Vec<&'a Collection>,
}

impl Consent {
    /// A consent of a row of `ListConsents`. Where the row does not say what was covered, it is what the
    /// policy in force lets it cover.
    #[must_use]
    pub fn read(row: &Row, id: String, catalog: &Catalog, apps: &Apps) -> Self {
        let mut consent = Consent {
            id,
            toggle: text(row, "toggle").unwrap_or_default(),
            app: text(row, "app").unwrap_or_default(),
            at: number(row, "at").unwrap_or_default(),
            notice: text(row, "notice").unwrap_or_default(),
            by: text(row, "by").unwrap_or_default(),
            language: text(row, "language").unwrap_or_default(),
            region: text(row, "region").unwrap_or_default(),
            controller: text(row, "controller").unwrap_or_default(),
            until: number(row, "until"),
            ended: number(row, "ended"),
            how_ended: text(row, "how_ended"),
            ended_by: text(row, "ended_by"),
            covers: covers(row),
        };
        if consent.covers.is_empty() {
            consent.covers = consent.covered_now(catalog, apps);
        }
        consent
    }

    /// The toggle, if it is still offered.
    pub(super) fn toggle<'a>(&self, catalog: &'a Catalog) -> Option<&'a Toggle> {
        catalog.toggles.find(&self.toggle).map(|ix| &catalog.toggles[ix])
    }

    /// The region it was given in, if the catalogue still has it.
    pub(super) fn region<'a>(&self, catalog: &'a Catalog) -> Option<&'a Region> {
        catalog.regions.find(&self.region).map(|ix| &catalog.regions[ix])
    }

    /// The same, if its controller is still the one of then: its address is nobody else's.
    pub(super) fn home<'a>(&self, catalog: &'a Catalog) -> Option<&'a Region> {
        self.region(catalog).filter(|region| *region.controller == *self.controller)
    }

    /// Where the user finds the switch.
    pub(super) fn place(&self, catalog: &Catalog) -> String {
        let path = self.toggle(catalog).and_then(|toggle| toggle.paths.first());
        path.map_or_else(
            || format!("consentctl set {} off", self.toggle),
            |path| (**path).to_owned(),
        )
    }

    /// The language of the text that the user read, or of the user where that is not known.
    pub(super) fn language<'a>(&'a self, catalog: &'a Catalog) -> &'a str {
        let notice = catalog.notices.find(&self.notice).map(|ix| &*catalog.notices[ix].language);
        notice.unwrap_or(&self.language)
    }

    /// The text of the notice, named by what it says (RFC 6920): the policies state no
    /// address that stays theirs.
    pub(super) fn notice_name(&self, catalog: &Catalog) -> String {
        let hash = catalog.notices.find(&self.notice).map(|ix| &*catalog.notices[ix].sha256);
        match hash {
            Some(hash) => format!("nih:sha-256;{hash}"),
            None => format!("urn:consentd:notice:{}", self.notice),
        }
    }

    /// Its purposes that the catalogue still has.
    pub(super) fn parts<'a>(&self, catalog: &Catalog, apps: &'a Apps) -> Vec<Part<'a>> {
        let parts = self.covers.iter().filter_map(|(purpose, data)| {
            let purpose = catalog.purposes.find(purpose)?;
            let data: Vec<DataIx> = data.iter().filter_map(|id| catalog.data.find(id)).collect();
            let mut declared = Vec::new();
            for app in self.apps(apps) {
                let mut of_app: Vec<u16> = app
                    .pairs
                    .iter()
                    .filter(|pair| pair.purpose == purpose && data.contains(&pair.data))
                    .map(|pair| pair.collection)
                    .collect();
                of_app.sort_unstable();
                of_app.dedup();
                declared.extend(of_app.iter().map(|part| &app.collections[usize::from(*part)]));
            }
            Some(Part { purpose, data, declared })
        });
        parts.collect()
    }

    fn apps<'a>(&self, apps: &'a Apps) -> impl Iterator<Item = &'a App> {
        let all = self.app.is_empty();
        apps.iter().map(|(_, app)| app).filter(move |app| all || *app.id == *self.app)
    }

    fn covered_now(&self, catalog: &Catalog, apps: &Apps) -> Vec<(String, Vec<String>)> {
        let Some(ix) = catalog.toggles.find(&self.toggle) else { return Vec::new() };
        let toggle = &catalog.toggles[ix];
        let mut pairs: Vec<(PurposeIx, DataIx)> = if toggle.scope == Scope::Site {
            let stored = catalog
                .data
                .iter()
                .filter(|(_, item)| item.terms.dpv.iter().any(|term| **term == *"tech:Cookie"));
            let purpose = cookies::same_purpose(catalog, &self.toggle);
            stored.filter_map(|(data, _)| Some((purpose?, data))).collect()
        } else if self.app.is_empty() {
            let covers = toggle.covers.iter();
            let spread = covers.flat_map(|cover| {
                cover.purposes.iter().flat_map(|it| cover.data.iter().map(|data| (*it, *data)))
            });
            spread.collect()
        } else {
            let pairs = self.apps(apps).flat_map(|app| &app.pairs);
            let covered = pairs.map(|pair| (pair.purpose, pair.data));
            covered.filter(|(it, data)| catalog.covering(*it, *data).contains(&ix)).collect()
        };
        pairs.sort_unstable();
        pairs.dedup();
        let of = |chunk: &[(PurposeIx, DataIx)]| {
            let data = chunk.iter().map(|(_, data)| (*catalog.data[*data].id).to_owned());
            ((*catalog.purposes[chunk[0].0].id).to_owned(), data.collect())
        };
        pairs.chunk_by(|one, other| one.0 == other.0).map(of).collect()
    }
}

impl Part<'_> {
    /// Whoever gets it, by name.
    pub(super) fn recipients<'a>(&'a self, catalog: &'a Catalog) -> Vec<&'a str> {
        let recipients = self.declared.iter().flat_map(|part| &part.recipients);
        each_once(recipients.map(|recipient| recipient_name(catalog, recipient)))
    }

    /// How long it is kept, in words.
    pub(super) fn retention(&self) -> String {
        let said = each_once(self.declared.iter().map(|part| &*part.retention));
        if said.is_empty() { NOT_STATED.to_owned() } else { said.join("; ") }
    }
}

/// How a choice was made, in words.
pub(super) fn method(by: &str) -> &str {
    match by {
        "settings" => "a switch in Settings",
        "shell" => "the command line, or another program of the user",
        "prompt" => "a prompt that the user answered",
        "guardian" => "by the user's guardian",
        "administrator" => "by the administrator, for the user",
        other => other,
    }
}

/// A moment as ISO 8601, UTC.
pub(super) fn moment(at: i64) -> Value {
    jiff::Timestamp::from_second(at).map_or(Value::Null, |at| at.to_string().into())
}

fn covers(row: &Row) -> Vec<(String, Vec<String>)> {
    let Some(Cell::Rows(rows)) = row.get("covers") else { return Vec::new() };
    let cover = |row: &Row| {
        let Some(Cell::List(data)) = row.get("data") else { return None };
        Some((text(row, "purpose")?, data.clone()))
    };
    rows.iter().filter_map(cover).collect()
}

fn text(row: &Row, name: &str) -> Option<String> {
    match row.get(name)? {
        Cell::Text(text) => Some(text.clone()),
        Cell::List(_)
        | Cell::Flag(_)
        | Cell::Number(_)
        | Cell::Small(_)
        | Cell::Count(_)
        | Cell::Rows(_) => None,
    }
}

fn number(row: &Row, name: &str) -> Option<i64> {
    match row.get(name)? {
        Cell::Number(number) => Some(*number),
        Cell::Text(_)
        | Cell::List(_)
        | Cell::Flag(_)
        | Cell::Small(_)
        | Cell::Count(_)
        | Cell::Rows(_) => None,
    }
}
