//! `history`: what was changed, when, and by what.

use jiff::Zoned;

use crate::answers::Event;
use crate::args::History;
use crate::failure::Failure;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::time;
use crate::values::{decode_all, decode_json};
use crate::verbs::stream::{Names, entries, follow, more, page_json, period};
use crate::verbs::toggles::whom;
use crate::words;

pub async fn history(session: &Session, history: &History) -> Result<(), Failure> {
    let names = Names::of(session).await?;
    let mut filter = period(&history.period);
    filter.insert("kind", "setting".into());
    let app = history.app.as_deref().map(|app| names.apps.resolve(app)).transpose()?;
    let toggle =
        history.toggle.as_deref().map(|toggle| names.toggles.resolve(toggle)).transpose()?;
    filter.extend(app.map(|app| ("app", app.into())));
    filter.extend(toggle.map(|toggle| ("toggle", toggle.into())));
    if history.paging.follow {
        let screen = session.screen;
        return follow(session, filter, move |line| {
            let event: Event = decode_json(line)?;
            let by = by(&event).map(|by| format!(", by {by}")).unwrap_or_default();
            let now = Zoned::now();
            let at = screen.paint(Tone::Dim, &time::clock(event.at, &now));
            let what = sentence(&event, &names, &now) + &by;
            Ok(format!("{at} {}", printable(&what)))
        })
        .await;
    }
    let (events, next) = entries(session, &filter, &history.paging).await?;
    if session.screen.json {
        return session.screen.json(&page_json(&events, &next));
    }
    let text = render(&decode_all(&events)?, &names, &session.screen, &session.now);
    session.screen.text(&(text + &more(&next)))
}

fn render(events: &[Event], names: &Names, screen: &Screen, now: &Zoned) -> String {
    if events.is_empty() {
        return "Nothing was changed.".to_owned();
    }
    let mut table = Table::new(screen, &["When", "What", "By", "Notice"]).unbroken(0);
    for event in events {
        table.row([
            plain(time::ago(event.at, now)),
            plain(sentence(event, names, now)),
            plain(by(event).unwrap_or_default()),
            dim(event.notice.as_deref().unwrap_or_default()),
        ]);
    }
    table.render()
}

/// By what it was changed.
pub fn by(event: &Event) -> Option<&str> {
    event.by.as_deref().map(words::by)
}

/// What happened: `Ad services on for all apps`.
pub fn sentence(event: &Event, names: &Names, now: &Zoned) -> String {
    let toggle = names.toggles.name(event.toggle.as_deref().unwrap_or("everything"));
    let whom = whom(&event.app, &names.apps);
    let state = event.state.as_deref().unwrap_or_default();
    match event.what.as_str() {
        "set" => {
            let lifetime = words::lifetime(event.lifetime.as_deref(), event.until, now);
            let state = if state == "unset" { "back to the default" } else { state };
            words::state(&format!("{toggle} {state} for {whom}"), &lifetime)
        }
        "reset" => format!("Everything chosen for {whom} dropped"),
        "forget" => format!("{whom} forgotten"),
        "expired" => format!("{toggle} for {whom}: the time of its `on` ran out"),
        "consumed" => format!("{toggle} for {whom}: its one check was used"),
        "lock" => format!("{toggle} locked off"),
        "unlock" => format!("{toggle} unlocked"),
        "profile" => format!("Profile: {state}"),
        "catalog" => "Catalogue loaded".to_owned(),
        "identifier-reset" => format!("{} reset for {whom}", state.to_uppercase()),
        "right" => format!("Right towards {whom} holds: {state}"),
        "right-lifted" => format!("Right towards {whom} lifted: {state}"),
        "case-opened" => format!("Opened towards {whom}: {state}"),
        "case-ended" => format!("Ended: {state}"),
        "decline" => {
            let notice = event.notice.as_deref().unwrap_or_default();
            format!("{toggle}: what notice {notice} brought was declined")
        }
        other => format!("{other} {toggle} {state}").trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::Dictionary;
    use serde_json::json;

    #[test]
    fn events_are_sentences() {
        let none = Dictionary::default;
        let names = Names { apps: none(), toggles: none(), data: none(), purposes: none() };
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        for (event, told) in [
            (json!({"what": "set", "toggle": "ads", "state": "on"}), "ads on for all apps"),
            (
                json!({"what": "set", "toggle": "ads", "state": "on", "app": "a", "lifetime": "once"}),
                "ads on for a, for one check",
            ),
            (
                json!({"what": "set", "toggle": "ads", "state": "unset", "app": "*"}),
                "ads back to the default for apps without a choice of their own",
            ),
            (json!({"what": "reset", "app": "a"}), "Everything chosen for a dropped"),
            (json!({"what": "lock", "toggle": "ads"}), "ads locked off"),
            (json!({"what": "profile", "state": "region IN"}), "Profile: region IN"),
            (
                json!({"what": "identifier-reset", "state": "oaid", "app": ""}),
                "OAID reset for all apps",
            ),
            (
                json!({"what": "right", "state": "objection, purpose p", "app": "a"}),
                "Right towards a holds: objection, purpose p",
            ),
            (
                json!({"what": "case-opened", "state": "case 2, access", "app": ""}),
                "Opened towards all apps: case 2, access",
            ),
            (
                json!({"what": "case-ended", "state": "case 2, access, done"}),
                "Ended: case 2, access, done",
            ),
            (json!({"what": "later", "toggle": "ads"}), "later ads"),
        ] {
            let mut event = event;
            event["at"] = 1_789_999_880.into();
            let event: Event = decode_json(event).unwrap();
            assert_eq!(sentence(&event, &names, &now), told);
        }
    }
}
