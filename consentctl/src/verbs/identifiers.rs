//! `identifiers`: OAID, VAID, AAID, when they were reset, what an app would get; and their reset.

use consentd_dbus::Error;
use jiff::Zoned;
use serde::Deserialize;

use crate::args::{IdentifierKind, IdentifiersVerb};
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::time;
use crate::values::decode_all;
use crate::words;

/// An entry of `Identifiers1.List`.
#[derive(Debug, Deserialize)]
struct Identifier {
    kind: String,
    reach: String,
    reset: Option<i64>,
    by: Option<String>,
    #[serde(default)]
    alone: Vec<Alone>,
}

/// One that was reset by itself.
#[derive(Debug, Deserialize)]
struct Alone {
    scope: String,
    reset: i64,
    by: String,
}

/// The same of one app.
#[derive(Debug, Deserialize)]
struct Given {
    kind: String,
    purpose: String,
    reason: String,
    limited: bool,
    value: Option<String>,
    reset: Option<i64>,
}

pub async fn identifiers(
    session: &Session,
    app: Option<&str>,
    verb: Option<IdentifiersVerb>,
) -> Result<(), Failure> {
    match (verb, app) {
        (Some(IdentifiersVerb::Reset { kind, app }), _) => reset(session, kind, app).await,
        (None, Some(app)) => of_app(session, app).await,
        (None, None) => list(session).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let rows = session.identifiers().await?.list(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&rows));
    }
    let apps = session.apps().await?;
    session.screen.text(&render(&decode_all(&rows)?, &apps, &session.screen, &session.now))
}

async fn of_app(session: &Session, app: &str) -> Result<(), Failure> {
    let apps = session.apps().await?;
    let id = apps.resolve(app)?;
    let mut options = session.options();
    options.insert("app", id.as_str().into());
    let rows = session.identifiers().await?.list(options).await;
    let rows = rows.map_err(|error| apps.suggest(app, error))?;
    if session.screen.json {
        return session.screen.json(&json::array(&rows));
    }
    let given: Vec<Given> = decode_all(&rows)?;
    let text = if given.is_empty() {
        format!("{} declares no identifier.\n", apps.both(&id))
    } else {
        render_given(&given, &session.screen, &session.now)
    };
    session.screen.text(&text)
}

async fn reset(
    session: &Session,
    kind: IdentifierKind,
    app: Option<String>,
) -> Result<(), Failure> {
    let apps = session.apps().await?;
    let id = app.as_deref().map(|app| apps.resolve(app)).transpose()?;
    let mut options = session.options();
    options.extend(id.clone().map(|id| ("app", id.into())));
    let generation = session.identifiers().await?.reset(kind.word(), options).await;
    let generation = generation.map_err(|error| suggest(&apps, app.as_deref(), error))?;
    if session.screen.json {
        return session.screen.json(&json::single("generation", generation));
    }
    let app = id.map(|id| apps.both(&id));
    session.screen.text(&printable(&told(kind, app.as_deref())))
}

fn suggest(apps: &Dictionary, app: Option<&str>, error: Error) -> Failure {
    match app {
        Some(app) => apps.suggest(app, error),
        None => Failure::Call(error),
    }
}

/// What holds after a reset.
fn told(kind: IdentifierKind, app: Option<&str>) -> String {
    match (kind, app) {
        (IdentifierKind::Oaid, _) => "All apps get another OAID from now on.".to_owned(),
        (IdentifierKind::Vaid, None) => "Every vendor gets another VAID from now on.".to_owned(),
        (IdentifierKind::Vaid, Some(app)) => {
            format!("{app} and all apps of its vendor get another VAID from now on.")
        }
        (IdentifierKind::Aaid, None) => "Every app gets another AAID from now on.".to_owned(),
        (IdentifierKind::Aaid, Some(app)) => format!("{app} gets another AAID from now on."),
    }
}

fn render(rows: &[Identifier], apps: &Dictionary, screen: &Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["Identifier", "Shared by", "Reset", "By"]).unbroken(2);
    for row in rows {
        table.row([
            plain(row.kind.to_uppercase()),
            plain(shared_by(&row.reach)),
            row.reset.map_or_else(|| dim("never"), |at| plain(time::ago(at, now))),
            plain(row.by.as_deref().map(words::by).unwrap_or_default()),
        ]);
        for alone in &row.alone {
            let whose = match alone.scope.split_once(':') {
                Some(("app", app)) => apps.both(app),
                Some((_, vendor)) => format!("vendor {vendor}"),
                None => alone.scope.clone(),
            };
            let reset = plain(time::ago(alone.reset, now));
            table.row([plain(""), dim(whose), reset, plain(words::by(&alone.by))]);
        }
    }
    table.render()
}

fn shared_by(reach: &str) -> &str {
    match reach {
        "device" => "all apps",
        "vendor" => "all apps of one vendor",
        "app" => "nobody: each app has its own",
        other => other,
    }
}

fn render_given(rows: &[Given], screen: &Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["Identifier", "For", "It would get", "Why", "Reset"]);
    for row in rows {
        let value = match (row.limited, &row.value) {
            (true, _) => (Tone::Bad, "zeros".to_owned()),
            (false, Some(value)) => (Tone::Good, value.clone()),
            (false, None) => dim("one of its own, when it asks"),
        };
        table.row([
            plain(row.kind.to_uppercase()),
            plain(&row.purpose),
            value,
            plain(words::reason(&row.reason)),
            row.reset.map_or_else(|| dim("never"), |at| plain(time::ago(at, now))),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Zoned {
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        now.to_zoned(jiff::tz::TimeZone::UTC)
    }

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    #[test]
    fn resets_of_one_stand_below_those_of_all() {
        let rows: Vec<Identifier> = serde_json::from_value(json!([
            {"kind": "oaid", "data": "device.oaid", "reach": "device", "alone": []},
            {"kind": "vaid", "reach": "vendor", "reset": 1_789_999_880, "by": "shell", "alone": [
                {"scope": "vendor:acme.org", "reset": 1_789_999_940, "by": "settings"}]},
        ]))
        .unwrap();
        assert_eq!(
            render(&rows, &Dictionary::default(), &SCREEN, &now()),
            "\
Identifier  Shared by               Reset          By
OAID        all apps                never
VAID        all apps of one vendor  2 minutes ago  the command line
            vendor acme.org         1 minute ago   Settings
"
        );
    }

    #[test]
    fn what_is_refused_says_why_and_what_was_never_given_is_no_refusal() {
        let row = |reason: &str, limited: bool, value: &str| {
            json!({"kind": "aaid", "purpose": "ads.personalised", "reason": reason,
                   "limited": limited, "value": Some(value).filter(|value| !value.is_empty())})
        };
        let rows: Vec<Given> = serde_json::from_value(json!([
            row("toggle-off", true, "00000000-0000-0000-0000-000000000000"),
            row("consented", false, ""),
            row("consented", false, "6ba7b810-9dad-81d1-80b4-00c04fd430c8"),
        ]))
        .unwrap();
        assert_eq!(
            render_given(&rows, &SCREEN, &now()),
            "\
Identifier  For               It would get                          Why                             Reset
AAID        ads.personalised  zeros                                 a toggle that covers it is off  never
AAID        ads.personalised  one of its own, when it asks          the user consented              never
AAID        ads.personalised  6ba7b810-9dad-81d1-80b4-00c04fd430c8  the user consented              never
"
        );
    }
}
