//! `breach`: what got out, who has to be told, by when, and who was.

use consentd_dbus::{Details, Options};
use jiff::Zoned;
use serde::Deserialize;

use crate::args::{AddBreach, BreachVerb};
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, facts, plain};
use crate::time;
use crate::user;
use crate::values::{decode, decode_all};

/// An entry of `Admin1.ListBreaches`.
#[derive(Debug, Deserialize)]
struct Breach {
    id: String,
    state: String,
    what: String,
    happened: Option<i64>,
    found: i64,
    risk: String,
    people: Option<u64>,
    users: Vec<String>,
    regions: Vec<String>,
    data: Vec<String>,
    apps: Vec<String>,
    measures: Vec<String>,
    tell: Vec<Tell>,
}

/// Somebody to tell.
#[derive(Debug, Deserialize)]
struct Tell {
    who: String,
    name: String,
    by: i64,
    law: String,
    told: Option<i64>,
    state: String,
}

pub async fn breach(session: &Session, verb: Option<BreachVerb>) -> Result<(), Failure> {
    match verb {
        None | Some(BreachVerb::List) => list(session).await,
        Some(BreachVerb::Show { id }) => show(session, &id).await,
        Some(BreachVerb::Add(add)) => enter(session, *add).await,
        Some(BreachVerb::Told { id, who, at }) => {
            let mut note = Options::from([("told", who.into())]);
            note.extend(at.map(|at| ("at", at.0.into())));
            noted(session, &id, note).await
        }
        Some(BreachVerb::Measure { id, text }) => {
            noted(session, &id, Options::from([("measures", text.into())])).await
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let rows = session.admin().await?.list_breaches(Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&rows));
    }
    session.screen.text(&render_list(&decode_all(&rows)?, &session.screen, &session.now))
}

async fn show(session: &Session, id: &str) -> Result<(), Failure> {
    let rows = session.admin().await?.list_breaches(Options::new()).await?;
    let Some(row) = rows.iter().find(|row| is(row, id)) else {
        return Err(Failure::NoBreach(id.to_owned()));
    };
    if session.screen.json {
        return session.screen.json(&json::object(row));
    }
    session.screen.text(&render(&decode(row)?, &session.screen, &session.now))
}

fn is(row: &Details, id: &str) -> bool {
    row.get("id").and_then(|found| found.downcast_ref::<&str>().ok()) == Some(id)
}

async fn enter(session: &Session, add: AddBreach) -> Result<(), Failure> {
    let mut breach = Options::from([("what", add.what.into()), ("risk", add.risk.word().into())]);
    breach.extend(add.found.map(|at| ("found", at.0.into())));
    breach.extend(add.happened.map(|at| ("happened", at.0.into())));
    breach.extend(add.people.map(|people| ("people", people.into())));
    breach.extend(add.measures.map(|measures| ("measures", measures.into())));
    if !add.users.is_empty() {
        breach.insert("users", add.users.into());
    }
    let apps = match &*add.apps {
        [] => Vec::new(),
        apps => session.apps().await?.resolve_all(apps)?,
    };
    for (key, names) in [("regions", add.regions), ("data", add.data), ("apps", apps)] {
        if !names.is_empty() {
            breach.insert(key, names.into());
        }
    }
    let id = session.admin().await?.add_breach(breach, Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("id", id));
    }
    show(session, &id).await
}

async fn noted(session: &Session, id: &str, note: Options<'_>) -> Result<(), Failure> {
    session.admin().await?.note_breach(id, note, Options::new()).await?;
    show(session, id).await
}

fn render_list(breaches: &[Breach], screen: &Screen, now: &Zoned) -> String {
    if breaches.is_empty() {
        return "No breach was entered.\n".to_owned();
    }
    let headings = ["ID", "Found", "What happened", "To be told next", "By", "State"];
    let mut table = Table::new(screen, &headings).unbroken(1);
    for breach in breaches {
        let next = breach.tell.iter().find(|tell| tell.told.is_none());
        table.row([
            plain(&breach.id),
            plain(time::ago(breach.found, now)),
            plain(&breach.what),
            plain(next.map(|tell| &*tell.who).unwrap_or_default()),
            plain(next.map(|tell| time::until(tell.by, now)).unwrap_or_default()),
            state(&breach.state),
        ]);
    }
    table.render()
}

fn render(breach: &Breach, screen: &Screen, now: &Zoned) -> String {
    let names = |names: &[String], none: &str| {
        plain(if names.is_empty() { none.to_owned() } else { names.join(", ") })
    };
    let uid = |text: &String| text.parse().map_or_else(|_| text.clone(), user::name);
    let users: Vec<String> = breach.users.iter().map(uid).collect();
    let mut text = format!("Breach {}: {}\n", breach.id, printable(&breach.what));
    text += &facts(
        screen,
        [
            ("Found", plain(time::ago(breach.found, now))),
            (
                "Happened",
                plain(
                    breach.happened.map_or_else(|| "not known".to_owned(), |at| time::ago(at, now)),
                ),
            ),
            ("Risk", plain(&breach.risk)),
            (
                "People",
                plain(breach.people.map_or_else(|| "not known".to_owned(), |n| n.to_string())),
            ),
            ("Users", names(&users, "everybody's on this device")),
            ("Regions", names(&breach.regions, "")),
            ("Data", names(&breach.data, "not known")),
            ("Apps", names(&breach.apps, "not known")),
            ("Measures", names(&breach.measures, "none yet")),
        ],
    );
    if breach.tell.is_empty() {
        text += "\nNobody has to be told: at this risk the laws of these regions ask for nobody.\n";
        return text;
    }
    text += "\nTo be told\n";
    let headings = ["Who", "By", "State", "Law", "That is"];
    let mut table = Table::new(screen, &headings).indented().unbroken(1);
    for tell in &breach.tell {
        table.row([
            plain(&tell.who),
            plain(time::until(tell.by, now)),
            told(tell, now),
            dim(&tell.law),
            dim(&tell.name),
        ]);
    }
    text + &table.render()
}

fn state(word: &str) -> Field {
    match word {
        "late" => (Tone::Bad, "late".to_owned()),
        "open" => (Tone::Open, "open".to_owned()),
        "told" => (Tone::Good, "told".to_owned()),
        "nobody-to-tell" => dim("nobody to tell"),
        other => plain(other),
    }
}

fn told(tell: &Tell, now: &Zoned) -> Field {
    let ago = tell.told.map(|at| time::ago(at, now)).unwrap_or_default();
    match tell.state.as_str() {
        "told" => (Tone::Good, format!("told {ago}")),
        "told-late" => (Tone::Open, format!("told {ago}, too late")),
        other => state(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn breach() -> Breach {
        serde_json::from_value(json!({
            "id": "1", "state": "late", "what": "A laptop was stolen.", "found": 1_789_740_000,
            "entered": 1_789_740_100, "risk": "high", "users": [], "regions": ["EEA"],
            "data": ["device.imei"], "apps": [], "measures": [],
            "tell": [
                {"who": "authority:EEA", "name": "Yours", "region": "EEA", "by": 1_789_999_200,
                 "law": "GDPR Art. 33(1)", "told": 1_789_999_880, "state": "told-late"},
                {"who": "users:EEA", "name": "the people concerned", "region": "EEA",
                 "by": 1_789_999_200, "law": "GDPR Art. 34(1)", "state": "late"},
            ],
        }))
        .unwrap()
    }

    fn now() -> Zoned {
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        now.to_zoned(jiff::tz::TimeZone::UTC)
    }

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    #[test]
    fn the_list_says_who_is_next() {
        assert_eq!(
            render_list(&[breach()], &SCREEN, &now()),
            "\
ID  Found       What happened         To be told next  By     State
1   3 days ago  A laptop was stolen.  users:EEA        14:00  late
"
        );
    }

    #[test]
    fn one_says_everybody_and_what_is_not_known() {
        assert_eq!(
            render(&breach(), &SCREEN, &now()),
            "\
Breach 1: A laptop was stolen.
  Found     3 days ago
  Happened  not known
  Risk      high
  People    not known
  Users     everybody's on this device
  Regions   EEA
  Data      device.imei
  Apps      not known
  Measures  none yet

To be told
  Who            By     State                         Law              That is
  authority:EEA  14:00  told 2 minutes ago, too late  GDPR Art. 33(1)  Yours
  users:EEA      14:00  late                          GDPR Art. 34(1)  the people concerned
"
        );
    }
}
