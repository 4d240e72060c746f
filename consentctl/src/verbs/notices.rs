//! `notices`.

use consentd_dbus::Details;
use jiff::Zoned;
use serde_json::Value;

use crate::answers::Notice;
use crate::args::NoticesVerb;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, plain};
use crate::time::{self, plural};
use crate::values::decode_all;

pub async fn notices(
    session: &Session,
    pending: bool,
    verb: Option<NoticesVerb>,
) -> Result<(), Failure> {
    match verb {
        None => list(session, pending).await,
        Some(NoticesVerb::Decline { toggles, notice }) => decline(session, &toggles, notice).await,
        Some(NoticesVerb::Seen { notice }) => seen(session, notice).await,
    }
}

async fn list(session: &Session, pending: bool) -> Result<(), Failure> {
    let mut notices = session.settings().await?.list_notices(session.options()).await?;
    if pending {
        notices.retain(|notice| json::object(notice)["pending"] == Value::Bool(true));
    }
    if session.screen.json {
        return session.screen.json(&json::array(&notices));
    }
    let toggles = session.toggles().await?;
    let notices: Vec<Notice> = decode_all(&notices)?;
    session.screen.text(&render_notices(&notices, &toggles, &session.screen, &session.now))
}

async fn decline(
    session: &Session,
    toggles: &[String],
    notice: Option<String>,
) -> Result<(), Failure> {
    let known = session.toggles().await?;
    let ids = known.resolve_all(toggles)?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let notice = named(session, notice).await?;
    let settings = session.settings().await?;
    let generation = settings.decline(&ids, &notice, session.options()).await;
    let generation = generation.map_err(|error| known.suggest(&toggles.join(" "), error))?;
    if session.screen.json {
        return session.screen.json(&json::single("generation", Value::from(generation)));
    }
    let names: Vec<&str> = ids.iter().map(|id| known.name(id)).collect();
    session.screen.text(&printable(&format!(
        "What notice {notice} brought is refused for {}; what was agreed to before stays.",
        names.join(", ")
    )))
}

async fn seen(session: &Session, notice: Option<String>) -> Result<(), Failure> {
    let notice = named(session, notice).await?;
    let settings = session.settings().await?;
    let generation = settings.acknowledge(&notice, session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("generation", Value::from(generation)));
    }
    session.screen.text(&printable(&format!("Noted that notice {notice} was seen.")))
}

/// The notice that was named, else the one in force.
async fn named(session: &Session, notice: Option<String>) -> Result<String, Failure> {
    if let Some(notice) = notice {
        return Ok(notice);
    }
    let notices: Vec<Details> = session.settings().await?.list_notices(session.options()).await?;
    let notices: Vec<Notice> = decode_all(&notices)?;
    let in_force = notices.into_iter().find(|notice| notice.in_force);
    in_force
        .map(|notice| notice.id)
        .ok_or_else(|| Failure::Usage("no notice is in force; name one".to_owned()))
}

fn render_notices(
    notices: &[Notice],
    toggles: &Dictionary,
    screen: &Screen,
    now: &Zoned,
) -> String {
    if notices.is_empty() {
        return "No notice waits for you.".to_owned();
    }
    let headings = ["Notice", "Effective", "Language", "In force", "For you", "ID"];
    let mut table = Table::new(screen, &headings);
    for notice in notices {
        let force = if notice.in_force { (Tone::Good, "yes".to_owned()) } else { dim("no") };
        table.row([
            plain(&notice.name),
            plain(time::day(notice.effective, now)),
            plain(&notice.language),
            force,
            for_you(notice, toggles),
            dim(&notice.id),
        ]);
    }
    let mut text = table.render();
    if notices.iter().any(|notice| !notice.asks.is_empty()) {
        text.push_str(
            "\n`consentctl set TOGGLE on` agrees to what is new; `consentctl notices decline TOGGLE` \
             refuses it and keeps what was.\n",
        );
    } else if notices.iter().any(|notice| notice.pending) {
        text.push_str("\n`consentctl notices seen` notes that you know.\n");
    }
    text
}

/// What a notice wants of the user.
fn for_you(notice: &Notice, toggles: &Dictionary) -> Field {
    let named = |ids: &[String]| {
        let names: Vec<&str> = ids.iter().map(|id| toggles.name(id)).collect();
        names.join(", ")
    };
    if !notice.asks.is_empty() {
        return (Tone::Open, format!("new under {}: agree or decline", named(&notice.asks)));
    }
    if notice.pending && notice.kind == "owner" {
        return (Tone::Open, "another owner: not seen yet".to_owned());
    }
    if notice.pending {
        let count = |items: &[String]| i64::try_from(items.len()).unwrap_or(i64::MAX);
        let items = plural(count(&notice.new_data), "item");
        let purposes = plural(count(&notice.new_purposes), "purpose");
        return (Tone::Open, format!("{items} for {purposes}: not seen yet"));
    }
    if !notice.declined.is_empty() {
        return plain(format!("declined for {}", named(&notice.declined)));
    }
    dim("nothing to do")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_notice_says_what_it_wants_of_the_user() {
        let notice = |id: &str, more: Value| {
            let mut notice = json!({"id": id, "name": id, "kind": "policy", "effective": 0,
                "language": "en", "in_force": false, "pending": true});
            notice.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<Notice>(notice).unwrap()
        };
        let none = Dictionary::default();
        for (more, told) in [
            (json!({"asks": ["ad-services"]}), "new under ad-services: agree or decline"),
            (json!({"kind": "owner"}), "another owner: not seen yet"),
            (
                json!({"new_data": ["a", "b"], "new_purposes": ["p"]}),
                "2 items for 1 purpose: not seen yet",
            ),
            (json!({"pending": false, "declined": ["ad-services"]}), "declined for ad-services"),
            (json!({"pending": false}), "nothing to do"),
        ] {
            assert_eq!(for_you(&notice("n", more), &none).1, told);
        }
    }
}
