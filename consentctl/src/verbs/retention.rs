//! `retention`.

use jiff::Zoned;

use crate::answers::Kept;
use crate::args::Kind;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, plain};
use crate::time;
use crate::values::decode_all;

pub async fn retention(session: &Session, app: Option<&str>) -> Result<(), Failure> {
    let names = Names {
        apps: session.apps().await?,
        data: session.words(Kind::Data).await?,
        purposes: session.words(Kind::Purposes).await?,
    };
    let settings = session.settings().await?;
    let mut rows = settings.list_retention(session.options()).await?;
    if let Some(app) = app {
        let id = names.apps.resolve(app)?;
        rows.retain(|row| json::object(row)["app"].as_str() == Some(&*id));
        // An app may be gone and what it collected not; one with neither is a slip of the pen.
        if rows.is_empty() {
            let known = settings.get_app(&id, session.options()).await;
            known.map_err(|error| names.apps.suggest(app, error))?;
        }
    }
    if session.screen.json {
        return session.screen.json(&json::array(&rows));
    }
    session.screen.text(&render(&decode_all(&rows)?, &names, &session.screen, &session.now))
}

#[derive(Default)]
struct Names {
    apps: Dictionary,
    data: Dictionary,
    purposes: Dictionary,
}

fn render(rows: &[Kept], names: &Names, screen: &Screen, now: &Zoned) -> String {
    if rows.is_empty() {
        return "Nothing was collected that consentd knows of.".to_owned();
    }
    let headings = ["App", "Data", "For", "Last", "Kept", "State"];
    let mut table = Table::new(screen, &headings);
    for row in rows {
        table.row([
            plain(names.apps.name(&row.app)),
            plain(names.data.name(&row.data)),
            plain(names.purposes.name(&row.purpose)),
            plain(time::ago(row.last, now)),
            plain(row.retention.clone().unwrap_or_default()),
            state(row, names, now),
        ]);
    }
    table.render()
}

fn state(row: &Kept, names: &Names, now: &Zoned) -> Field {
    let until = row.until.map(|until| format!(" until {}", time::day(until, now)));
    let until = until.unwrap_or_default();
    match (row.state.as_str(), row.law.as_deref()) {
        ("active", _) if row.overdue => (Tone::Open, format!("{}; not erased yet", ended(row))),
        ("active", _) => plain(format!("kept{until}")),
        ("isolated", Some(law)) => {
            (Tone::Open, format!("for {} alone{until}", names.purposes.name(law)))
        }
        ("isolated", None) => (Tone::Open, "out of use; being erased".to_owned()),
        (state, _) => dim(format!("{state} {}", time::ago(row.since, now))),
    }
}

/// What makes it due.
fn ended(row: &Kept) -> &'static str {
    if row.why.as_deref() == Some("switched-off") { "switched off" } else { "over" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_became_of_it_is_said() {
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        for (more, told) in [
            (json!({"until": 1_790_086_400}), "kept until 22 Sep 2026"),
            (json!({}), "kept"),
            (json!({"overdue": true, "why": "retention"}), "over; not erased yet"),
            (json!({"overdue": true, "why": "switched-off"}), "switched off; not erased yet"),
            (
                json!({"state": "isolated", "law": "legal.obligations"}),
                "for legal.obligations alone",
            ),
            (json!({"state": "isolated"}), "out of use; being erased"),
            (json!({"state": "erased"}), "erased 2 minutes ago"),
        ] {
            let mut row = json!({"app": "a", "purpose": "p", "data": "d", "state": "active",
                "overdue": false, "last": 0, "since": 1_789_999_880});
            row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let row: Kept = serde_json::from_value(row).unwrap();
            assert_eq!(state(&row, &Names::default(), &now).1, told);
        }
    }
}
