//! `apps` and `app`.

use consentd_dbus::names::SITE_PREFIX;
use jiff::Zoned;

use crate::answers::{App, AppDetails, AppToggle, Collected};
use crate::args::Kind;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, facts, plain};
use crate::time::plural;
use crate::values::{decode, decode_all};
use crate::words::{self, Whose};

pub async fn apps(session: &Session) -> Result<(), Failure> {
    let apps = session.settings().await?.list_apps(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&apps));
    }
    session.screen.text(&render_apps(&decode_all(&apps)?, &session.screen))
}

pub async fn app(session: &Session, app: &str) -> Result<(), Failure> {
    let apps = session.apps().await?;
    let details = session.settings().await?;
    let details = details.get_app(&apps.resolve(app)?, session.options()).await;
    let details = details.map_err(|error| apps.suggest(app, error))?;
    if session.screen.json {
        return session.screen.json(&json::object(&details));
    }
    let names = Names {
        data: session.words(Kind::Data).await?,
        purposes: session.words(Kind::Purposes).await?,
    };
    session.screen.text(&render_app(&decode(&details)?, &names, &session.screen, &session.now))
}

struct Names {
    data: Dictionary,
    purposes: Dictionary,
}

fn render_apps(apps: &[App], screen: &Screen) -> String {
    if apps.is_empty() {
        return "No app is declared: consentd's apps_dirs hold no declaration.".to_owned();
    }
    let mut table = Table::new(screen, &["App", "Declares", "Identity", "Own states", "ID"]);
    for app in apps {
        let declares = if app.valid {
            let purposes = i64::try_from(app.purposes.len()).unwrap_or(i64::MAX);
            plain(format!("{} for {}", plural(app.pairs, "item"), plural(purposes, "purpose")))
        } else {
            (Tone::Bad, "rejected".to_owned())
        };
        let own = if app.own == 0 { dim("none") } else { plain(app.own.to_string()) };
        let name = plain(&app.name);
        table.row([name, declares, trust(&app.trust), own, dim(&app.app)]);
    }
    let mut text = table.render();
    for app in apps.iter().filter(|app| !app.valid) {
        let why = app.error.as_deref().unwrap_or("its declaration does not load");
        let why = why.replace('\n', "; ");
        let name = if app.name.is_empty() { &app.app } else { &app.name };
        let told = printable(&format!("{name} is denied everything: {why}"));
        text.push_str(&format!("\n{told}\n"));
    }
    text
}

fn trust(word: &str) -> Field {
    match word {
        "weak" => (Tone::Open, word.to_owned()),
        word => plain(word),
    }
}

fn render_app(details: &AppDetails, names: &Names, screen: &Screen, now: &Zoned) -> String {
    let app = &details.app;
    let error = app.error.as_deref().unwrap_or_default().replace('\n', "; ");
    let name = screen.paint(Tone::Strong, &app.name);
    let mut text =
        if app.name == app.app { name } else { format!("{name} ({})", printable(&app.app)) };
    text.push('\n');
    let is_site = app.app.starts_with(SITE_PREFIX);
    if !is_site {
        text.push_str(&facts(
            screen,
            [
                ("Known by", plain(app.identities.join(", "))),
                ("Trust", plain(words::trust(&app.trust))),
                ("Rejected", (Tone::Bad, error)),
            ],
        ));
    }
    if !details.toggles.is_empty() {
        text.push('\n');
        text.push_str(&toggles(&details.toggles, is_site, screen, now));
    }
    let mut purpose = "";
    for block in details.collects.chunk_by(Collected::is_declared_like) {
        let Some(first) = block.first() else { continue };
        if first.purpose != purpose {
            purpose = &first.purpose;
            let heading = screen.paint(Tone::Strong, names.purposes.name(purpose));
            text.push_str(&format!("\nFor {heading} ({})\n", printable(purpose)));
        } else {
            text.push('\n');
        }
        text.push_str(&collects(block, first, &names.data, screen));
    }
    text
}

fn toggles(toggles: &[AppToggle], is_site: bool, screen: &Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["Toggle", "State", "By", "ID"]);
    let whose = if is_site { Whose::Site } else { Whose::App };
    for toggle in toggles {
        let lifetime = words::lifetime(toggle.lifetime.as_deref(), toggle.until, now);
        let state = words::state(&toggle.state, &lifetime);
        let decided = words::decided_by(&toggle.decided_by, whose);
        let tone = Tone::of(&toggle.state);
        table.row([plain(&toggle.name), (tone, state), plain(decided), dim(&toggle.toggle)]);
    }
    table.render()
}

/// Pairs that were declared alike: what holds for all of them, then one by one.
fn collects(block: &[Collected], first: &Collected, data: &Dictionary, screen: &Screen) -> String {
    let facts = facts(
        screen,
        [
            ("Basis", plain(basis(first))),
            ("Goes to", plain(goes_to(first))),
            ("Kept", plain(first.retention.clone().unwrap_or_default())),
        ],
    );
    let mut table = Table::new(screen, &["Data", "Now", "Why", "ID"]).indented();
    for pair in block {
        let decision = pair.decision.as_deref().unwrap_or_default();
        table.row([
            plain(data.name(&pair.data)),
            (Tone::of(decision), decision.to_owned()),
            plain(words::reason(pair.reason.as_deref().unwrap_or_default())),
            dim(&pair.data),
        ]);
    }
    facts + &table.render()
}

impl Collected {
    /// Whether two pairs differ in the data item alone.
    fn is_declared_like(&self, other: &Self) -> bool {
        let alike = |one: &Self| {
            let (basis, retention) = (one.basis.clone(), one.retention.clone());
            (one.purpose.clone(), basis, one.mandatory, retention)
        };
        alike(self) == alike(other)
            && (&self.recipients, &self.destinations) == (&other.recipients, &other.destinations)
    }
}

fn basis(pair: &Collected) -> String {
    let basis = words::basis(&pair.basis);
    if pair.mandatory { format!("{basis}, mandatory") } else { basis.to_owned() }
}

fn goes_to(pair: &Collected) -> String {
    match (pair.recipients.is_empty(), pair.destinations.is_empty()) {
        (true, true) => "stays on the device".to_owned(),
        (false, true) => pair.recipients.join(", "),
        (true, false) => pair.destinations.join(", "),
        (false, false) => {
            format!("{} in {}", pair.recipients.join(", "), pair.destinations.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    #[test]
    fn a_rejected_app_stands_in_the_list_with_its_error() {
        let apps: Vec<App> = serde_json::from_value(json!([
            {"app": "org.example.weather", "name": "Weather", "trust": "weak", "valid": true,
             "pairs": 4, "purposes": ["location.services"], "own": 1},
            {"app": "org.example.bad", "name": "Bad", "valid": false, "error": "bad.toml:3: no such purpose"},
        ]))
        .unwrap();
        assert_eq!(
            render_apps(&apps, &SCREEN),
            "\
App      Declares               Identity  Own states  ID
Weather  4 items for 1 purpose  weak      1           org.example.weather
Bad      rejected                         none        org.example.bad

Bad is denied everything: bad.toml:3: no such purpose
"
        );
    }

    #[test]
    fn an_app_shows_its_toggles_and_its_pairs_by_purpose() {
        let app: AppDetails = serde_json::from_value(json!({
            "app": "org.example.weather", "name": "Weather", "trust": "weak", "valid": true,
            "identities": ["executable /usr/bin/weather"], "pairs": 1, "purposes": ["location.services"],
            "toggles": [{"toggle": "location.app", "name": "Location", "stored": "unset", "state": "ask",
                         "decided_by": "default"}],
            "collects": [{"purpose": "location.services", "data": "location.precise", "basis": "contract",
                          "mandatory": true, "recipients": ["provider"], "destinations": ["NL"],
                          "retention": "30 days", "toggles": ["location.app"], "decision": "ask",
                          "reason": "not-set"}],
        }))
        .unwrap();
        let names = Names { data: Dictionary::default(), purposes: Dictionary::default() };
        let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
        assert_eq!(
            render_app(&app, &names, &SCREEN, &now),
            "\
Weather (org.example.weather)
  Known by  executable /usr/bin/weather
  Trust     weak: the user's other programs could claim it

Toggle    State  By           ID
Location  ask    the default  location.app

For location.services (location.services)
  Basis    contract, mandatory
  Goes to  provider in NL
  Kept     30 days
  Data              Now  Why                           ID
  location.precise  ask  the user has not decided yet  location.precise
"
        );
    }
}
