//! `consents`.

use consentd_dbus::Details;
use consentd_dbus::names::MAX_LIMIT;
use jiff::Zoned;

use crate::answers::{Consent, Covered};
use crate::args::Kind;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, facts, plain};
use crate::time;
use crate::values::decode_all;
use crate::verbs::toggles::whom;
use crate::words;

pub async fn consents(session: &Session, app: Option<&str>) -> Result<(), Failure> {
    let names = Names {
        toggles: session.toggles().await?,
        apps: session.apps().await?,
        data: session.words(Kind::Data).await?,
        purposes: session.words(Kind::Purposes).await?,
    };
    let id = app.map(|app| names.apps.resolve(app)).transpose()?;
    let consents = all(session, id.as_deref()).await.map_err(|failure| match (failure, app) {
        (Failure::Call(error), Some(app)) => names.apps.suggest(app, error),
        (failure, _) => failure,
    })?;
    if session.screen.json {
        return session.screen.json(&json::array(&consents));
    }
    let consents: Vec<Consent> = decode_all(&consents)?;
    let text = match id {
        Some(_) => render_receipts(&consents, &names, &session.screen, &session.now),
        None => render_consents(&consents, &names, &session.screen, &session.now),
    };
    session.screen.text(&text)
}

/// All consents, however many pages they take.
async fn all(session: &Session, app: Option<&str>) -> Result<Vec<Details>, Failure> {
    let settings = session.settings().await?;
    let mut consents: Vec<Details> = Vec::new();
    loop {
        let mut options = session.options();
        options.insert("limit", MAX_LIMIT.into());
        if let Some(app) = app {
            options.insert("app", app.into());
        }
        if let Some(last) = consents.last() {
            let id = last.get("id").and_then(|id| i64::try_from(id.clone()).ok());
            options.insert("cursor", id.unwrap_or_default().to_string().into());
        }
        let page = settings.list_consents(options).await?;
        let ended = page.len() < MAX_LIMIT as usize;
        consents.extend(page);
        if ended {
            return Ok(consents);
        }
    }
}

#[derive(Default)]
struct Names {
    toggles: Dictionary,
    apps: Dictionary,
    data: Dictionary,
    purposes: Dictionary,
}

const NONE: &str = "No consent was given.";

fn render_consents(consents: &[Consent], names: &Names, screen: &Screen, now: &Zoned) -> String {
    if consents.is_empty() {
        return NONE.to_owned();
    }
    let headings = ["Given", "Toggle", "For", "By", "Notice", "In force"];
    let mut table = Table::new(screen, &headings).unbroken(0);
    for consent in consents {
        table.row([
            plain(time::ago(consent.at, now)),
            plain(names.toggles.name(&consent.toggle)),
            plain(whom(&consent.app, &names.apps)),
            plain(consent.by.as_deref().map(words::by).unwrap_or_default()),
            plain(consent.notice.clone().unwrap_or_default()),
            in_force(consent, now),
        ]);
    }
    table.render()
}

/// Each consent with all that was kept of it.
fn render_receipts(consents: &[Consent], names: &Names, screen: &Screen, now: &Zoned) -> String {
    if consents.is_empty() {
        return NONE.to_owned();
    }
    let receipts = consents.iter().map(|consent| {
        let toggle = screen.paint(Tone::Strong, names.toggles.name(&consent.toggle));
        let head = format!("{toggle}, {}\n", printable(&whom(&consent.app, &names.apps)));
        head + &facts(screen, receipt(consent, names, now))
    });
    receipts.collect::<Vec<_>>().join("\n")
}

fn receipt(consent: &Consent, names: &Names, now: &Zoned) -> Vec<(&'static str, Field)> {
    let by = consent.by.as_deref().map(words::by).unwrap_or_default();
    let lifetime = words::lifetime(consent.lifetime.as_deref(), consent.until, now);
    let given = format!("{} by {by}", time::ago(consent.at, now));
    let notice = consent.notice.clone().unwrap_or_default();
    let notice = match consent.notice_language.as_deref() {
        Some(language) => format!("{notice}, in {language}"),
        None => notice,
    };
    let mut facts = vec![
        ("Given", plain(words::state(&given, &lifetime))),
        ("In force", in_force(consent, now)),
        ("Notice", plain(notice)),
        ("Language", plain(&consent.language)),
        ("Region", plain(consent.region.clone().unwrap_or_default())),
        ("Controller", plain(consent.controller.clone().unwrap_or_default())),
    ];
    match consent.covers.as_deref() {
        None => facts.push(("Covers", dim("not kept by the version that took it"))),
        Some(covers) => {
            facts.extend(covers.iter().map(|covered| ("Covers", plain(pairs(covered, names)))));
        }
    }
    facts
}

/// `Personalised ads: OAID, apps installed and 12 more`
fn pairs(covered: &Covered, names: &Names) -> String {
    const SHOWN: usize = 6;
    let data: Vec<&str> = covered.data.iter().map(|data| names.data.name(data)).collect();
    let shown = data.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let purpose = names.purposes.name(&covered.purpose);
    match data.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        Some(more) => format!("{purpose}: {shown} and {more} more"),
        None => format!("{purpose}: {shown}"),
    }
}

/// Whether it is in force; if not, since when, and why.
pub fn in_force(consent: &Consent, now: &Zoned) -> Field {
    let Some(ended) = consent.ended.filter(|_| !consent.in_force) else {
        return if consent.in_force { (Tone::Good, "yes".to_owned()) } else { dim("no") };
    };
    let how = consent.how_ended.as_deref().map_or("ended", words::how_ended);
    let by = match consent.ended_by.as_deref().filter(|_| how == "withdrawn") {
        Some(by) => format!(" by {}", words::by(by)),
        None => String::new(),
    };
    dim(format!("{how} {}{by}", time::ago(ended, now)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn now() -> Zoned {
        jiff::Timestamp::from_second(1_790_000_000).unwrap().to_zoned(jiff::tz::TimeZone::UTC)
    }

    fn consents() -> Vec<Consent> {
        serde_json::from_value(json!([
            {"toggle": "ad-services", "app": "", "at": 1_789_990_000, "notice": "2025-10-10",
             "notice_language": "en", "by": "shell", "language": "nl", "region": "EEA",
             "controller": "Controller B.V.", "lifetime": "forever", "in_force": false,
             "ended": 1_789_999_880, "how_ended": "withdrawn", "ended_by": "prompt",
             "covers": [{"purpose": "ads.personalised", "data": ["device.oaid", "device.imei"]}]},
        ]))
        .unwrap()
    }

    #[test]
    fn a_consent_that_ended_says_when_and_how() {
        assert_eq!(
            render_consents(&consents(), &Names::default(), &SCREEN, &now()),
            "\
Given        Toggle       For       By                Notice      In force
2 hours ago  ad-services  all apps  the command line  2025-10-10  withdrawn 2 minutes ago by a prompt
"
        );
    }

    #[test]
    fn a_receipt_has_all_that_was_kept() {
        assert_eq!(
            render_receipts(&consents(), &Names::default(), &SCREEN, &now()),
            "\
ad-services, all apps
  Given       2 hours ago by the command line
  In force    withdrawn 2 minutes ago by a prompt
  Notice      2025-10-10, in en
  Language    nl
  Region      EEA
  Controller  Controller B.V.
  Covers      ads.personalised: device.oaid, device.imei
"
        );
    }
}
