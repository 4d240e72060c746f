//! `toggles` and `get`.

use jiff::Zoned;

use crate::answers::{Setting, Toggle};
use crate::args::Target;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, facts, plain};
use crate::time;
use crate::values::{decode, decode_all};
use crate::words::{self, Whose};

pub async fn toggles(session: &Session) -> Result<(), Failure> {
    let toggles = session.settings().await?.list_toggles(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&toggles));
    }
    session.screen.text(&render_toggles(&decode_all(&toggles)?, &session.screen, &session.now))
}

pub async fn get(session: &Session, toggle: &str, target: &Target) -> Result<(), Failure> {
    let names = Names::of(session, target).await?;
    let settings = session.settings().await?;
    let (id, app) = (names.toggles.resolve(toggle)?, names.target(target)?);
    let setting = settings.get(&id, &app, session.options()).await;
    let setting = setting.map_err(|error| names.suggest(toggle, target, error))?;
    if session.screen.json {
        return session.screen.json(&json::object(&setting));
    }
    let text = render_setting(&decode(&setting)?, &names.apps, &session.screen, &session.now);
    session.screen.text(&text)
}

/// The names that a toggle and a target can be given by.
pub struct Names {
    pub toggles: Dictionary,
    /// Empty if no app was named.
    pub apps: Dictionary,
}

impl Names {
    pub async fn of(session: &Session, target: &Target) -> Result<Self, Failure> {
        let apps = match target.app {
            Some(_) => session.apps().await?,
            None => Dictionary::default(),
        };
        Ok(Self { toggles: session.toggles().await?, apps })
    }

    /// The `app` of a change or a question.
    pub fn target(&self, target: &Target) -> Result<String, Failure> {
        use consentd_dbus::names::{ALL_APPS, OTHER_APPS, SITE_PREFIX};
        Ok(match (&target.app, &target.site) {
            (Some(app), _) => self.apps.resolve(app)?,
            (None, Some(site)) => format!("{SITE_PREFIX}{site}"),
            (None, None) if target.others => OTHER_APPS.to_owned(),
            (None, None) => ALL_APPS.to_owned(),
        })
    }

    /// An error about the toggle or the app.
    pub fn suggest(&self, toggle: &str, target: &Target, error: consentd_dbus::Error) -> Failure {
        match (&error, &target.app) {
            (consentd_dbus::Error::UnknownApp(_), Some(app)) => self.apps.suggest(app, error),
            (_, _) => self.toggles.suggest(toggle, error),
        }
    }
}

/// Whom a setting is for, in words: of categories of cookies, sites.
fn whom_of(setting: &Setting, apps: &Dictionary) -> String {
    use consentd_dbus::names::{ALL_APPS, OTHER_APPS};
    match (setting.scope.as_str(), setting.app.as_str()) {
        ("site", ALL_APPS) => "all sites".to_owned(),
        ("site", OTHER_APPS) => "sites without a choice of their own".to_owned(),
        (_, app) => whom(app, apps),
    }
}

/// Whom a setting is for, in words.
pub fn whom(app: &str, apps: &Dictionary) -> String {
    use consentd_dbus::names::{ALL_APPS, OTHER_APPS, SITE_PREFIX};
    match app {
        ALL_APPS => "all apps".to_owned(),
        OTHER_APPS => "apps without a choice of their own".to_owned(),
        app => match app.strip_prefix(SITE_PREFIX) {
            Some(site) => format!("the site {site}"),
            None => apps.both(app),
        },
    }
}

fn render_toggles(toggles: &[Toggle], screen: &Screen, now: &Zoned) -> String {
    let mut table =
        Table::new(screen, &["Toggle", "For all apps", "For one app", "Since", "ID"]).unbroken(3);
    for toggle in toggles {
        let since = toggle
            .since
            .filter(|_| screen.is_roomy())
            .map(|since| time::ago(since, now))
            .unwrap_or_default();
        table.row([
            plain(&toggle.name),
            for_all(toggle, now),
            plain(for_one(toggle)),
            plain(since),
            dim(&toggle.id),
        ]);
    }
    table.render()
}

fn for_all(toggle: &Toggle, now: &Zoned) -> Field {
    match (toggle.kind.as_str(), toggle.scope.as_str()) {
        ("action", _) => dim("an action"),
        ("fixed", _) => plain("always on"),
        (_, "app") if !toggle.locked => dim("by app alone"),
        (_, _) if toggle.locked => (Tone::Bad, "off, locked".to_owned()),
        (_, _) => {
            let lifetime = words::lifetime(toggle.lifetime.as_deref(), toggle.until, now);
            let state = words::state(&toggle.state, &lifetime);
            let chosen = if toggle.layer == "default" { " (default)" } else { "" };
            (Tone::of(&toggle.state), state + chosen)
        }
    }
}

fn for_one(toggle: &Toggle) -> String {
    if toggle.kind != "switch" || toggle.scope == "all" {
        return String::new();
    }
    let default = match toggle.app_default.as_str() {
        "follow" if toggle.scope == "app" => "on",
        "follow" => "as for all",
        "ask" => "ask",
        other => other,
    };
    let (unit, default) = match toggle.scope.as_str() {
        "site" => ("site", format!("{default} (sites)")),
        _ => ("app", default.to_owned()),
    };
    match toggle.exceptions {
        0 => default,
        count => format!("{default}, but for {}", time::plural(count, unit)),
    }
}

/// One setting: what holds, and why.
fn render_setting(setting: &Setting, apps: &Dictionary, screen: &Screen, now: &Zoned) -> String {
    let name = screen.paint(Tone::Strong, &setting.name);
    let whose = printable(&format!("({}), for {}", setting.toggle, whom_of(setting, apps)));
    let head = format!("{name} {whose}\n");
    let by = setting.by.as_deref().map(|by| format!(" by {}", words::by(by)));
    let since = setting.since.map(|since| format!(" {}", time::ago(since, now)));
    let stored = match setting.stored.as_str() {
        "unset" => "nothing".to_owned(),
        stored => {
            let lifetime = words::lifetime(setting.lifetime.as_deref(), setting.until, now);
            let state = words::state(stored, &lifetime);
            let set = if since.is_some() || by.is_some() { ", set" } else { "" };
            format!("{state}{set}{}{}", since.unwrap_or_default(), by.unwrap_or_default())
        }
    };
    let consent = match (&setting.notice, setting.consent) {
        (Some(_), _) if setting.unconfirmed => {
            "given before the store was restored; no longer in force".to_owned()
        }
        (Some(notice), _) => format!("given under the notice {notice}"),
        (None, true) => "not given; switching it on is one".to_owned(),
        (None, false) => String::new(),
    };
    head + &facts(
        screen,
        [
            ("State", (Tone::of(&setting.state), setting.state.clone())),
            ("Decided by", plain(decided_by(setting))),
            ("Stored", plain(stored)),
            ("Consent", plain(consent)),
        ],
    )
}

/// One setting after it was set, in a sentence; what holds can be another thing than what was stored.
pub fn render_change(setting: &Setting, apps: &Dictionary, screen: &Screen, now: &Zoned) -> String {
    let paint = |state: &str| screen.paint(Tone::of(state), state);
    let (name, whom) = (printable(&setting.name), printable(&whom_of(setting, apps)));
    if setting.stored == "unset" {
        let (state, why) = (paint(&setting.state), printable(decided_by(setting)));
        return format!("{name}: nothing is stored for {whom}; {state} by {why}.");
    }
    let lifetime = words::lifetime(setting.lifetime.as_deref(), setting.until, now);
    let lifetime = if lifetime.is_empty() { lifetime } else { printable(&format!(", {lifetime}")) };
    let mut text = format!("{name}: {} for {whom}{lifetime}.", paint(&setting.stored));
    if let Some(notice) = &setting.notice {
        text.push_str(&format!(" That is a consent, under the notice {}.", printable(notice)));
    }
    if setting.state != setting.stored {
        let (state, why) = (paint(&setting.state), printable(decided_by(setting)));
        text.push_str(&format!("\nYet it is {state} now, by {why}."));
    }
    text
}

fn decided_by(setting: &Setting) -> &str {
    if setting.unconfirmed {
        return "the restore of the store: it asks until it is set again";
    }
    let whose = if setting.scope == "site" { Whose::Site } else { Whose::App };
    words::decided_by(&setting.decided_by, whose)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn now() -> Zoned {
        jiff::Timestamp::from_second(1_790_000_000).unwrap().to_zoned(jiff::tz::TimeZone::UTC)
    }

    fn toggle(id: &str, more: &serde_json::Value) -> Toggle {
        let mut toggle = json!({
            "id": id, "name": id, "kind": "switch", "scope": "both", "app_default": "follow",
            "stored": "unset", "state": "off", "layer": "default", "locked": false,
        });
        for (key, value) in more.as_object().unwrap() {
            toggle[key] = value.clone();
        }
        serde_json::from_value(toggle).unwrap()
    }

    #[test]
    fn toggles_show_what_holds_for_all_and_for_one() {
        let toggles = [
            toggle("ads", &json!({})),
            toggle(
                "location",
                &json!({"state": "on", "layer": "user", "since": 1_789_999_880, "scope": "all"}),
            ),
            toggle("location.app", &json!({"scope": "app", "app_default": "ask", "exceptions": 2})),
            toggle("app-access", &json!({"scope": "app"})),
            toggle("analytics", &json!({"scope": "site", "app_default": "off", "exceptions": 1})),
            toggle("essential", &json!({"kind": "fixed"})),
            toggle("account", &json!({"kind": "action"})),
            toggle("marketing", &json!({"locked": true, "layer": "administrator"})),
        ];
        let rendered = render_toggles(&toggles, &SCREEN, &now());
        let lines: Vec<_> = rendered
            .lines()
            .skip(1)
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|field| !field.is_empty())
                    .collect::<Vec<_>>()
                    .join("|")
            })
            .collect();
        assert_eq!(
            lines,
            [
                "ads|off (default)|as for all|ads",
                "location|on|2 minutes ago|location",
                "location.app|by app alone|ask, but for 2 apps|location.app",
                "app-access|by app alone|on|app-access",
                "analytics|off (default)|off (sites), but for 1 site|analytics",
                "essential|always on|essential",
                "account|an action|account",
                "marketing|off, locked|as for all|marketing",
            ]
        );
    }

    fn setting(more: &serde_json::Value) -> Setting {
        let mut setting = json!({
            "toggle": "ad-services", "name": "Ad services", "app": "", "stored": "off", "state": "off",
            "layer": "user", "decided_by": "all-apps", "lifetime": "forever", "consent": true,
        });
        for (key, value) in more.as_object().unwrap() {
            setting[key] = value.clone();
        }
        serde_json::from_value(setting).unwrap()
    }

    #[test]
    fn a_change_is_told_with_what_holds_then() {
        for (more, told) in [
            (json!({}), "Ad services: off for all apps."),
            (
                json!({"stored": "on", "state": "on", "lifetime": "boot", "notice": "2025-10-10"}),
                "Ad services: on for all apps, until the device restarts. That is a consent, under the \
                 notice 2025-10-10.",
            ),
            (
                json!({"stored": "on", "app": "org.example.game"}),
                "Ad services: on for org.example.game.\nYet it is off now, by the choice for all apps.",
            ),
            (
                json!({"stored": "unset", "decided_by": "default"}),
                "Ad services: nothing is stored for all apps; off by the default.",
            ),
        ] {
            let none = Dictionary::default();
            assert_eq!(render_change(&setting(&more), &none, &SCREEN, &now()), told);
        }
    }

    #[test]
    fn a_setting_tells_what_decided_and_what_is_stored() {
        let setting = setting(&json!({
            "app": "site:example.org", "scope": "site", "stored": "on", "lifetime": "boot", "since": 1_789_999_880,
            "by": "shell", "notice": "2025-10-10",
        }));
        assert_eq!(
            render_setting(&setting, &Dictionary::default(), &SCREEN, &now()),
            "\
Ad services (ad-services), for the site example.org
  State       off
  Decided by  the choice for all sites
  Stored      on, until the device restarts, set 2 minutes ago by the command line
  Consent     given under the notice 2025-10-10
"
        );
    }
}
