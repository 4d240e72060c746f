//! `catalog` and `reload`: the policy that is in force, and the one on the disk.

use consentd_dbus::{Details, Options};
use jiff::Zoned;
use serde_json::{Value, json};

use crate::args::{CatalogVerb, Kind};
use crate::failure::Failure;
use crate::json;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::time::{self, plural};

pub async fn catalog(session: &Session, verb: CatalogVerb) -> Result<(), Failure> {
    match verb {
        CatalogVerb::List { kind: None } => kinds(session).await,
        CatalogVerb::List { kind: Some(kind) } => list(session, kind).await,
        CatalogVerb::Show { id } => show(session, &id).await,
        CatalogVerb::Check => load(session, true).await,
    }
}

pub async fn reload(session: &Session) -> Result<(), Failure> {
    load(session, false).await
}

async fn kinds(session: &Session) -> Result<(), Failure> {
    let mut table = Table::new(&session.screen, &["Kind", "Entries"]);
    let mut kinds = Vec::new();
    for kind in Kind::ALL {
        let entries = session.catalog(kind).await?.len();
        table.row([plain(kind.word()), plain(entries.to_string())]);
        kinds.push(json!({"kind": kind.word(), "entries": entries}));
    }
    if session.screen.json {
        return session.screen.json(&Value::Array(kinds));
    }
    session.screen.text(&table.render())
}

async fn list(session: &Session, kind: Kind) -> Result<(), Failure> {
    let rows = session.catalog(kind).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&rows));
    }
    session.screen.text(&render_list(&rows, kind, &session.screen, &session.now))
}

async fn show(session: &Session, wanted: &str) -> Result<(), Failure> {
    let mut found = Vec::new();
    for kind in Kind::ALL {
        for row in session.catalog(kind).await? {
            let row = json::object(&row);
            if is(&row, wanted) {
                found.push((kind, row));
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::NoEntry(wanted.to_owned()));
    }
    if session.screen.json {
        let entry = |(kind, row): (Kind, Value)| json!({"kind": kind.word(), "entry": row});
        return session.screen.json(&Value::Array(found.into_iter().map(entry).collect()));
    }
    let entries: Vec<_> =
        found.iter().map(|(kind, row)| render_entry(*kind, row, &session.screen)).collect();
    session.screen.text(&entries.join("\n"))
}

async fn load(session: &Session, check: bool) -> Result<(), Failure> {
    let options = Options::from([("check", check.into())]);
    let warnings = session.admin().await?.reload(options).await?;
    if session.screen.json {
        return session.screen.json(&json::single("warnings", warnings));
    }
    let done = if check { "The catalogue on the disk can be loaded" } else { "Loaded" };
    let mut text = match i64::try_from(warnings.len()).unwrap_or(i64::MAX) {
        0 => format!("{done}, without a warning.\n"),
        count => format!("{done}, with {}:\n", plural(count, "warning")),
    };
    for warning in warnings {
        text.push_str(&format!("  {}\n", session.screen.paint(Tone::Open, &warning)));
    }
    session.screen.text(&text)
}

/// Whether an entry is meant by an id, a cookie's name, a purpose's number, or its name.
fn is(row: &Value, wanted: &str) -> bool {
    let same = |key: &str| row[key].as_str().is_some_and(|text| text.eq_ignore_ascii_case(wanted));
    match row["id"].as_str() {
        Some(id) => id == wanted || same("number") || same("name"),
        None => row["name"] == wanted,
    }
}

fn render_list(rows: &[Details], kind: Kind, screen: &Screen, now: &Zoned) -> String {
    let columns = columns(kind);
    let headings: Vec<_> = columns.iter().map(|(heading, _)| *heading).chain(["Source"]).collect();
    let mut table = Table::new(screen, &headings);
    for row in rows {
        let row = json::object(row);
        let field = |(_, key): &(&str, &str)| match *key {
            "id" => dim(text(&row[key])),
            "effective" => {
                plain(row[key].as_i64().map(|at| time::day(at, now)).unwrap_or_default())
            }
            key => plain(text(&row[key])),
        };
        table.row(columns.iter().map(field).chain([dim(source(&row))]));
    }
    table.render()
}

/// What a list shows of each kind: headings and keys.
fn columns(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Data => &[("Name", "name"), ("Sensitivity", "sensitivity"), ("ID", "id")],
        Kind::Purposes => {
            &[("Name", "name"), ("No.", "number"), ("Legal bases", "bases"), ("ID", "id")]
        }
        Kind::Toggles => &[("Name", "name"), ("Found in", "paths"), ("ID", "id")],
        Kind::Bases => &[
            ("Name", "name"),
            ("GDPR", "gdpr"),
            ("Narrows", "pairs"),
            ("To", "bases"),
            ("ID", "id"),
        ],
        Kind::Never => &[("Never", "pairs"), ("Why", "why"), ("ID", "id")],
        Kind::Recipients => &[("Name", "name"), ("Requires", "requires"), ("ID", "id")],
        Kind::Cookies => {
            &[("Name", "name"), ("Category", "category"), ("Lifetime", "lifetime"), ("By", "by")]
        }
        Kind::Regions => &[
            ("Name", "name"),
            ("Controller", "controller"),
            ("Data centres", "data_centres"),
            ("ID", "id"),
        ],
        Kind::Notices => &[("Name", "name"), ("Effective", "effective"), ("ID", "id")],
    }
}

/// Everything an entry says: its name first, where it comes from last.
fn render_entry(kind: Kind, row: &Value, screen: &Screen) -> String {
    let id = row["id"].as_str().or(row["name"].as_str()).unwrap_or_default();
    let head = screen.paint(Tone::Strong, id);
    let place = |key: &str| match key {
        "name" => 0,
        "requirement" | "section" => 2,
        _ => 1,
    };
    let mut fields: Vec<_> = row.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(key, _)| place(key));
    let mut table = Table::new(screen, &[]).indented();
    for (key, value) in fields {
        let text = text(value);
        if key != "id" && !text.is_empty() {
            table.row([dim(key.replace('_', " ")), plain(text)]);
        }
    }
    format!("{head}, in the catalogue's {}\n{}", kind.word(), table.render())
}

fn source(row: &Value) -> String {
    let (requirement, section) = (text(&row["requirement"]), text(&row["section"]));
    match (requirement.is_empty(), section.is_empty()) {
        (false, false) => format!("{requirement}, {section}"),
        (_, true) => requirement,
        (true, false) => section,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key} {}", text(value));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_id_number_and_name() {
        let purpose =
            json!({"id": "ads.personalised", "number": "P21", "name": "Personalised ads"});
        for wanted in ["ads.personalised", "p21", "personalised ads"] {
            assert!(is(&purpose, wanted), "{wanted}");
        }
        assert!(!is(&purpose, "ads"));
        assert!(is(&json!({"name": "_ga"}), "_ga"));
        assert!(!is(&json!({"name": "_ga"}), "_GA"), "cookies' names have a case");
    }

    #[test]
    fn an_entry_shows_all_that_is_said_about_it() {
        let item = json!({
            "dpv": ["pd:UID"], "groups": [], "id": "device.oaid",
            "min_trust": "weak", "name": "OAID", "personal": true, "requirement": "R1", "section": "S3 3.1.2",
        });
        let screen = Screen { json: false, colour: false, width: None };
        assert_eq!(
            render_entry(Kind::Data, &item, &screen),
            "\
device.oaid, in the catalogue's data
  name         OAID
  dpv          pd:UID
  min trust    weak
  personal     yes
  requirement  R1
  section      S3 3.1.2
"
        );
    }
}
