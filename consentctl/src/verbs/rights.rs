//! `rights`: cases opened, looked at, taken back.

use jiff::Zoned;

use super::export;
use crate::answers::{Case, Holder};
use crate::args::{OpenCase, RightsVerb};
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, facts, plain};
use crate::time;
use crate::values::{decode, decode_all};

pub async fn rights(session: &Session, verb: Option<RightsVerb>) -> Result<(), Failure> {
    match verb {
        None | Some(RightsVerb::List) => list(session).await,
        Some(RightsVerb::Open(open_case)) => open(session, open_case).await,
        Some(RightsVerb::Show { case }) => show(session, &case).await,
        Some(RightsVerb::Report { case, format, output }) => {
            export::report(session, &case, format, output.as_deref()).await
        }
        Some(RightsVerb::Withdraw { case }) => {
            session.rights().await?.withdraw(&case, session.options()).await?;
            show(session, &case).await
        }
    }
}

async fn open(session: &Session, open: OpenCase) -> Result<(), Failure> {
    let apps = session.apps().await?;
    let app = open.app.as_deref().map(|app| apps.resolve(app)).transpose()?.unwrap_or_default();
    let mut details = session.options();
    let said = [("purpose", open.purpose), ("data", open.data), ("statement", open.text)];
    details.extend(said.into_iter().filter_map(|(key, text)| Some((key, text?.into()))));
    let case = session.rights().await?.open(open.right.word(), &app, details).await;
    let case = case.map_err(|error| match &open.app {
        Some(app) => apps.suggest(app, error),
        None => error.into(),
    })?;
    if session.screen.json {
        return session.screen.json(&json::single("case", case));
    }
    show(session, &case).await
}

async fn list(session: &Session) -> Result<(), Failure> {
    let rows = session.rights().await?.list(session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&rows));
    }
    let apps = session.apps().await?;
    session.screen.text(&render_list(&decode_all(&rows)?, &apps, &session.screen, &session.now))
}

async fn show(session: &Session, case: &str) -> Result<(), Failure> {
    let row = session.rights().await?.get(case, session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::object(&row));
    }
    let apps = session.apps().await?;
    session.screen.text(&render(&decode(&row)?, &apps, &session.screen, &session.now))
}

fn render_list(cases: &[Case], apps: &Dictionary, screen: &Screen, now: &Zoned) -> String {
    if cases.is_empty() {
        return "No case was opened. `consentctl rights open access` asks for a copy of everything.\n"
            .to_owned();
    }
    let mut table =
        Table::new(screen, &["Case", "Right", "About", "Opened", "Answer due", "State"]);
    for case in cases {
        table.row([
            plain(&case.case),
            plain(&case.right),
            plain(about(case, apps)),
            plain(time::ago(case.opened, now)),
            plain(if case.ended.is_none() { time::until(case.due, now) } else { String::new() }),
            state(&case.state),
        ]);
    }
    table.render()
}

fn about(case: &Case, apps: &Dictionary) -> String {
    let app = if case.app.is_empty() { "all apps".to_owned() } else { apps.both(&case.app) };
    let words = [&*app, &case.purpose, &case.data];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

fn render(case: &Case, apps: &Dictionary, screen: &Screen, now: &Zoned) -> String {
    let mut lines = vec![
        ("State", state(&case.state)),
        ("About", plain(about(case, apps))),
        ("Opened", plain(time::ago(case.opened, now))),
    ];
    match case.ended {
        Some(ended) => lines.push(("Ended", plain(time::ago(ended, now)))),
        None => lines.push(("Answer due", plain(time::until(case.due, now)))),
    }
    if !case.statement.is_empty() {
        lines.push(("You said", plain(&case.statement)));
    }
    lines.push(("Controller", plain(&case.controller)));
    if !case.authority.is_empty() {
        lines.push(("Complain to", plain(&case.authority)));
    }
    let mut text = format!("Case {}: {}\n", case.case, printable(&case.right));
    text += &facts(screen, lines);
    if holds(&case.right) && case.state != "withdrawn" {
        let end = format!("`consentctl rights withdraw {}` ends it", case.case);
        text += &format!("\nEvery check knows of it from now on; {end}.\n");
    }
    if matches!(&*case.right, "access" | "portability") && case.state != "withdrawn" {
        let then = "once an app is done: what it returned, and all that the device keeps itself";
        text += &format!("\n`consentctl rights report {}` reads it, {then}.\n", case.case);
    }
    text += "\nWho holds the data\n";
    let mut table = Table::new(screen, &["App", "State", "Since", "Note"]).indented().unbroken(0);
    for holder in &case.holders {
        table.row([
            plain(apps.both(&holder.app)),
            holder_state(holder),
            plain(time::ago(holder.at, now)),
            dim(&holder.note),
        ]);
    }
    text += &table.render();
    let waits = |holder: &Holder| holder.state == "waiting" && holder.note.is_empty();
    if case.ended.is_none() && case.holders.iter().any(waits) {
        text += "Nobody answers yet for those that wait; each is asked as soon as it runs.\n";
    }
    text
}

/// Whether checks know of it.
fn holds(right: &str) -> bool {
    matches!(right, "objection" | "restriction" | "automated-decisions")
}

/// How far it is. One that failed is asked again, after pauses that grow.
fn holder_state(holder: &Holder) -> Field {
    match (holder.state.as_str(), holder.tries) {
        ("failed", 0 | 1) => (Tone::Bad, "failed; is asked again".to_owned()),
        ("failed", tries) => (Tone::Bad, format!("failed {tries} times; is asked again")),
        (word, _) => state(word),
    }
}

fn state(word: &str) -> Field {
    let tone = match word {
        "late" | "failed" => Tone::Bad,
        "open" | "waiting" => Tone::Open,
        "done" => Tone::Good,
        _ => return plain(word),
    };
    (tone, word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;
    use serde_json::json;

    const SCREEN: Screen = Screen { json: false, colour: false, width: None };

    fn case(right: &str, state: &str, holder: &serde_json::Value) -> Case {
        serde_json::from_value(json!({
            "case": "7", "right": right, "app": "", "purpose": "", "data": "", "statement": "Kim, not Tim.",
            "opened": 1_000, "due": 90_000, "region": "EEA", "controller": "C", "authority": "A",
            "state": state, "holders": [holder],
        }))
        .unwrap()
    }

    #[test]
    fn a_case_says_how_far_each_app_is_and_what_can_be_done() {
        let now = Timestamp::from_second(2_000).unwrap().to_zoned(TimeZone::UTC);
        let holder = |state: &str, tries: u32, note: &str| json!({"app": "a", "state": state, "at": 1_500, "tries": tries, "note": note});
        for (right, state, holder, told) in [
            ("access", "open", holder("waiting", 0, ""), &["rights report 7", "waiting"][..]),
            (
                "erasure",
                "late",
                holder("failed", 1, "it hung"),
                &["late", "failed; is asked", "it hung"],
            ),
            ("erasure", "open", holder("failed", 4, ""), &["failed 4 times; is asked again"]),
            ("erasure", "refused", holder("refused", 1, "already-public"), &["already-public"]),
            ("objection", "done", holder("done", 1, ""), &["withdraw 7", "Kim, not Tim."]),
        ] {
            let text = render(&case(right, state, &holder), &Dictionary::default(), &SCREEN, &now);
            for word in told {
                assert!(text.contains(word), "{right} {state}: no {word} in {text}");
            }
            assert_eq!(text.contains("as soon as it runs"), told.contains(&"waiting"), "{text}");
        }
        let taken_back = case("access", "withdrawn", &holder("waiting", 0, ""));
        let text = render(&taken_back, &Dictionary::default(), &SCREEN, &now);
        assert!(!text.contains("rights report"), "{text}");
    }
}
