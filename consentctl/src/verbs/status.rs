//! `status`.

use consentd_dbus::Options;
use jiff::Zoned;

use crate::answers::Status;
use crate::failure::Failure;
use crate::json;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, facts, plain};
use crate::time::{self, plural};
use crate::values::decode;

pub async fn status(session: &Session) -> Result<(), Failure> {
    let status = session.admin().await?.status(Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::object(&status));
    }
    session.screen.text(&render(&decode(&status)?, &session.screen, &session.now))
}

fn render(status: &Status, screen: &Screen, now: &Zoned) -> String {
    let running = time::lasted(status.started, now);
    let head = screen.paint(Tone::Strong, &format!("consentd {}", status.version));
    let unsaved = match status.unsaved {
        0 => plain(""),
        count => (Tone::Bad, format!("{} in memory wait for the disk", plural(count, "denial"))),
    };
    let facts = facts(
        screen,
        [
            ("Store", part(&status.store, status.store_error.as_deref(), &status.store_path)),
            ("Restored", restored(status, now)),
            ("Unsaved", unsaved),
            ("Ledger", {
                let records = plural(status.records, "record");
                part(&status.ledger, status.ledger_error.as_deref(), &records)
            }),
            ("Catalogue", catalogue(status)),
            ("Apps", apps(status)),
            ("Bus", bus(status)),
            ("polkit", polkit(status)),
            ("Watched by", plain(watched(status))),
            ("Generation", plain(status.generation.to_string())),
        ],
    );
    format!("{head}, running for {running}\n{facts}")
}

fn part(state: &str, error: Option<&str>, detail: &str) -> Field {
    match error {
        None if state == "ok" => plain(format!("ok, {detail}")),
        None => (Tone::Bad, state.to_owned()),
        Some(error) => (Tone::Bad, format!("{state}: {}", error.replace('\n', "; "))),
    }
}

fn restored(status: &Status, now: &Zoned) -> Field {
    match status.restored.map(|at| time::ago(at, now)) {
        None => plain(""),
        Some(ago) if status.unconfirmed == 0 => plain(ago),
        Some(ago) => {
            let waits = super::store::waits(status.unconfirmed);
            (Tone::Open, format!("{ago}: {waits} to be confirmed, and ask until then"))
        }
    }
}

fn catalogue(status: &Status) -> Field {
    let mut holds = format!(
        "{}: {}, {}, {}",
        status.catalog_path,
        plural(status.data, "data item"),
        plural(status.purposes, "purpose"),
        plural(status.toggles, "toggle")
    );
    if status.warnings > 0 {
        let warnings = plural(status.warnings, "warning");
        holds.push_str(&format!("; {warnings}, see `consentctl catalog check`"));
    }
    part(&status.catalog, status.catalog_error.as_deref(), &holds)
}

fn apps(status: &Status) -> Field {
    match status.apps_rejected {
        0 => plain(format!("{} declared", status.apps)),
        rejected => {
            let text = format!(
                "{} declared, {rejected} rejected and denied: see `consentctl apps`",
                status.apps
            );
            (Tone::Open, text)
        }
    }
}

fn bus(status: &Status) -> Field {
    let known = if status.process_fd {
        "it hands out process descriptors"
    } else {
        "no process descriptors, so executables, units and scopes are known weakly"
    };
    plain(match &status.bus {
        Some(bus) => format!("{bus}; {known}"),
        None => known.to_owned(),
    })
}

fn polkit(status: &Status) -> Field {
    plain(if status.polkit {
        "asked before anything is loosened"
    } else {
        "not there: the owner and root decide"
    })
}

fn watched(status: &Status) -> String {
    match (status.watchers, status.followers) {
        (0, 0) => String::new(),
        (watchers, followers) => {
            let (watchers, followers) =
                (plural(watchers, "settings app"), plural(followers, "log reader"));
            format!("{watchers}, {followers}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(more: &serde_json::Value) -> String {
        let mut status = json!({
            "version": "0.1.0", "generation": 4_294_967_297_u64, "started": 1_790_000_000,
            "bus": "unix:path=/run/bus", "store": "ok", "store_path": "/var/lib/consentd/settings.db",
            "ledger": "ok", "records": 12, "catalog": "ok", "catalog_path": "/usr/share/consentd/catalog",
            "data": 130, "purposes": 29, "toggles": 18, "apps": 13, "polkit": true,
        });
        for (key, value) in more.as_object().unwrap() {
            status[key] = value.clone();
        }
        let now = jiff::Timestamp::from_second(1_790_000_000 + 7_200).unwrap();
        let screen = Screen { json: false, colour: false, width: None };
        render(
            &serde_json::from_value(status).unwrap(),
            &screen,
            &now.to_zoned(jiff::tz::TimeZone::UTC),
        )
    }

    #[test]
    fn a_sound_daemon_is_short() {
        assert_eq!(
            status(&json!({"process_fd": true})),
            "\
consentd 0.1.0, running for 2 hours
  Store       ok, /var/lib/consentd/settings.db
  Ledger      ok, 12 records
  Catalogue   ok, /usr/share/consentd/catalog: 130 data items, 29 purposes, 18 toggles
  Apps        13 declared
  Bus         unix:path=/run/bus; it hands out process descriptors
  polkit      asked before anything is loosened
  Generation  4294967297
"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_cause() {
        let text = status(&json!({
            "store": "unavailable", "store_error": "the disk is full", "unsaved": 1,
            "apps_rejected": 2, "warnings": 3, "watchers": 1,
        }));
        for line in [
            "Store       unavailable: the disk is full",
            "Unsaved     1 denial in memory wait",
            "2 rejected and denied: see `consentctl apps`",
            "3 warnings, see `consentctl catalog check`",
            "known weakly",
            "1 settings app, 0 log readers",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
