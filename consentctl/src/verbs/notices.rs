//! `notices` and `consents`.

use jiff::Zoned;

use crate::answers::{Consent, Notice};
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::time;
use crate::values::decode_all;
use crate::verbs::toggles::whom;
use crate::words;

pub async fn notices(session: &Session) -> Result<(), Failure> {
    let notices = session.settings().await?.list_notices(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&notices));
    }
    session.screen.text(&render_notices(&decode_all(&notices)?, &session.screen, &session.now))
}

pub async fn consents(session: &Session) -> Result<(), Failure> {
    let consents = session.settings().await?.list_consents(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&consents));
    }
    let (toggles, apps) = (session.toggles().await?, session.apps().await?);
    let consents = decode_all(&consents)?;
    session.screen.text(&render_consents(&consents, &toggles, &apps, &session.screen, &session.now))
}

fn render_notices(notices: &[Notice], screen: &Screen, now: &Zoned) -> String {
    let mut table = Table::new(screen, &["Notice", "Effective", "Language", "In force", "ID"]);
    for notice in notices {
        let force = if notice.in_force { (Tone::Good, "yes".to_owned()) } else { dim("no") };
        table.row([
            plain(&notice.name),
            plain(time::day(notice.effective, now)),
            plain(&notice.language),
            force,
            dim(&notice.id),
        ]);
    }
    table.render()
}

fn render_consents(
    consents: &[Consent],
    toggles: &Dictionary,
    apps: &Dictionary,
    screen: &Screen,
    now: &Zoned,
) -> String {
    if consents.is_empty() {
        return "No consent was given.".to_owned();
    }
    let mut table =
        Table::new(screen, &["Given", "Toggle", "For", "By", "Notice", "In force"]).unbroken(0);
    for consent in consents {
        let force = match (consent.in_force, consent.ended) {
            (true, _) => (Tone::Good, "yes".to_owned()),
            (false, Some(ended)) => dim(format!("ended {}", time::ago(ended, now))),
            (false, None) => dim("no"),
        };
        table.row([
            plain(time::ago(consent.at, now)),
            plain(toggles.name(&consent.toggle)),
            plain(whom(&consent.app, apps)),
            plain(consent.by.as_deref().map(words::by).unwrap_or_default()),
            plain(consent.notice.clone().unwrap_or_default()),
            force,
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_consent_that_ended_says_when() {
        let consents: Vec<Consent> = serde_json::from_value(json!([
            {"toggle": "ad-services", "app": "", "at": 1_789_990_000, "notice": "2025-10-10",
             "by": "shell", "in_force": false, "ended": 1_789_999_880},
        ]))
        .unwrap();
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let none = Dictionary::default();
        let screen = Screen { json: false, colour: false, width: None };
        assert_eq!(
            render_consents(
                &consents,
                &none,
                &none,
                &screen,
                &now.to_zoned(jiff::tz::TimeZone::UTC)
            ),
            "\
Given        Toggle       For       By         Notice      In force
2 hours ago  ad-services  all apps  the shell  2025-10-10  ended 2 minutes ago
"
        );
    }
}
