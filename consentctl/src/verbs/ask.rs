//! What the shell asks about itself: `check`, `preview`, `whoami`.

use std::io::{self, Write};

use consentd_dbus::names::exit;
use consentd_dbus::{Details, ItemResult, Options};

use crate::answers::Caller;
use crate::args::{Kind, Question};
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, facts, plain};
use crate::user;
use crate::values::decode;
use crate::words;

pub async fn check(session: &Session, question: &Question) -> Result<u8, Failure> {
    let asked = Asked::new(session, question).await?;
    let context = context(session, question);
    let answer = session.gate().await?.check(&asked.purpose, &asked.data(), context).await?;
    show(session, &asked, &answer)
}

pub async fn preview(session: &Session, question: &Question) -> Result<u8, Failure> {
    let asked = Asked::new(session, question).await?;
    let context = context(session, question);
    let answer = session.gate().await?.preview(&asked.purpose, &asked.data(), context).await?;
    show(session, &asked, &answer)
}

pub async fn who_am_i(session: &Session) -> Result<(), Failure> {
    let caller = session.gate().await?.who_am_i(Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::object(&caller));
    }
    session.screen.text(&render_caller(&decode(&caller)?, &session.screen))
}

/// A question in ids, and the names of what it is about.
pub struct Asked {
    pub purpose: String,
    data: Vec<String>,
    pub data_names: Dictionary,
    pub purpose_names: Dictionary,
}

impl Asked {
    pub async fn new(session: &Session, question: &Question) -> Result<Self, Failure> {
        let data_names = session.words_if_allowed(Kind::Data).await;
        let purpose_names = session.words_if_allowed(Kind::Purposes).await;
        Ok(Self {
            purpose: purpose_names.resolve(&question.purpose)?,
            data: data_names.resolve_all(&question.data)?,
            data_names,
            purpose_names,
        })
    }

    /// On standard error: where to look for a purpose or an item that the catalogue has not. With
    /// `--json` the reason in the answer says it.
    pub fn hint(&self, results: &[ItemResult], screen: &Screen) -> Result<(), Failure> {
        if screen.json {
            return Ok(());
        }
        for line in self.hints(results) {
            writeln!(io::stderr(), "  → {}", printable(&line))?;
        }
        Ok(())
    }

    fn hints(&self, results: &[ItemResult]) -> Vec<String> {
        let purpose = results.iter().find(|result| result.2 == "unknown-purpose").map(|_| {
            let near = self.purpose_names.nearest(&self.purpose);
            (self.purpose.as_str(), near, Kind::Purposes)
        });
        let data = results.iter().filter(|result| result.2 == "unknown-data");
        let data =
            data.map(|(item, ..)| (item.as_str(), self.data_names.nearest(item), Kind::Data));
        let mut hints = Vec::new();
        let mut kinds = Vec::new();
        for (text, near, kind) in purpose.into_iter().chain(data) {
            hints.extend(near.map(|near| format!("{text}: did you mean {near}?")));
            kinds.push(kind.word());
        }
        kinds.dedup();
        let list = |kind| format!("`consentctl catalog list {kind}` shows all {kind}");
        hints.extend(kinds.into_iter().map(list));
        hints
    }

    pub fn data(&self) -> Vec<&str> {
        self.data.iter().map(String::as_str).collect()
    }
}

/// The context of a check.
pub fn context(session: &Session, question: &Question) -> Options<'static> {
    let mut context = session.options();
    let texts = [
        ("recipient", &question.recipient),
        ("destination", &question.destination),
        ("tag", &question.tag),
    ];
    for (key, text) in texts {
        context.extend(text.clone().map(|text| (key, text.into())));
    }
    if question.insecure {
        context.insert("secure", false.into());
    }
    context.extend(question.deidentified.map(|flag| ("deidentified", flag.into())));
    context
}

/// 0 if every item is allowed, else 1.
pub fn exit_code(results: &[ItemResult]) -> u8 {
    let allowed = results.iter().all(|(_, decision, _, _)| decision == "allow");
    if allowed { exit::OK } else { exit::DENIED }
}

fn show(
    session: &Session,
    asked: &Asked,
    (results, info): &(Vec<ItemResult>, Details),
) -> Result<u8, Failure> {
    if session.screen.json {
        let mut answer = json::object(info);
        answer["results"] = json::results(results);
        session.screen.json(&answer)?;
    } else {
        session.screen.text(&render_results(results, &asked.data_names, &session.screen))?;
    }
    asked.hint(results, &session.screen)?;
    Ok(exit_code(results))
}

/// One line an item.
pub fn render_results(results: &[ItemResult], data: &Dictionary, screen: &Screen) -> String {
    let mut table = Table::new(screen, &["Data", "Answer", "Why", "Instead", "ID"]);
    for (item, decision, reason, refusal) in results {
        table.row([
            plain(data.name(item)),
            (Tone::of(decision), decision.clone()),
            plain(format!("{} ({reason})", words::reason(reason))),
            plain(words::refusal(refusal)),
            dim(item),
        ]);
    }
    table.render()
}

fn render_caller(caller: &Caller, screen: &Screen) -> String {
    let user = caller.user.map(user::name);
    if !caller.identified {
        let why = printable(caller.why.as_deref().unwrap_or("nothing identifies it"));
        let user = user.map(|user| format!(", run by {user},")).unwrap_or_default();
        return format!(
            "This shell{user} is no app that consentd knows, so whatever it asks is denied.\n{why}"
        );
    }
    let app = caller.app.clone().unwrap_or_default();
    let kind = caller.kind.as_deref().unwrap_or_default();
    let declared = if caller.declared { "yes" } else { "no: every check is denied" };
    facts(
        screen,
        [
            ("App", plain(app)),
            ("User", plain(user.unwrap_or_default())),
            ("Known by", plain(words::kind(kind))),
            ("Instance", plain(caller.instance.clone().unwrap_or_default())),
            ("Trust", plain(words::trust(caller.trust.as_deref().unwrap_or_default()))),
            ("Declared", plain(declared)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn result(data: &str, decision: &str, reason: &str, refusal: &str) -> ItemResult {
        (data.to_owned(), decision.to_owned(), reason.to_owned(), refusal.to_owned())
    }

    #[test]
    fn one_item_that_is_not_allowed_makes_exit_code_1() {
        let allowed = result("a", "allow", "contract", "");
        assert_eq!(exit_code(std::slice::from_ref(&allowed)), 0);
        for decision in ["deny", "ask"] {
            assert_eq!(exit_code(&[allowed.clone(), result("b", decision, "not-set", "none")]), 1);
        }
    }

    #[test]
    fn words_that_the_catalogue_has_not_are_hinted_at() {
        let row = |id: &str| -> Details {
            [("id".to_owned(), zbus::Variant::from(id).try_to_owned().unwrap())].into()
        };
        let asked = |purpose: &str| Asked {
            purpose: purpose.to_owned(),
            data: Vec::new(),
            data_names: Dictionary::new("data", &[row("device.oaid")]).unwrap(),
            purpose_names: Dictionary::new("purposes", &[row("location.services")]).unwrap(),
        };
        let unknown = |data: &str| result(data, "deny", "unknown-data", "none");
        assert_eq!(
            asked("location.services").hints(&[unknown("device.oadi"), unknown("x")]),
            [
                "device.oadi: did you mean device.oaid?",
                "`consentctl catalog list data` shows all data"
            ]
        );
        assert_eq!(
            asked("location.servces").hints(&[result("x", "deny", "unknown-purpose", "none")]),
            [
                "location.servces: did you mean location.services?",
                "`consentctl catalog list purposes` shows all purposes"
            ]
        );
        assert!(asked("x").hints(&[result("x", "deny", "toggle-off", "none")]).is_empty());
    }

    #[test]
    fn whom_the_daemon_does_not_know_it_says_why() {
        let screen = Screen { json: false, colour: false, width: None };
        for (caller, told) in [
            (
                json!({"identified": false, "user": 0, "why": "no sandbox, no scope"}),
                "This shell, run by root, is no app that consentd knows, so whatever it asks is \
                 denied.\nno sandbox, no scope",
            ),
            (
                json!({"identified": false, "why": "gone"}),
                "This shell is no app that consentd knows, so whatever it asks is denied.\ngone",
            ),
            (
                json!({"app": "org.example.weather", "kind": "executable", "trust": "weak", "user": 0,
                       "instance": "", "declared": true}),
                "  App       org.example.weather
  User      root
  Known by  its executable
  Trust     weak: the user's other programs could claim it
  Declared  yes
",
            ),
        ] {
            assert_eq!(render_caller(&serde_json::from_value(caller).unwrap(), &screen), told);
        }
    }

    #[test]
    fn answers_say_why_and_what_is_used_instead() {
        let screen = Screen { json: false, colour: false, width: None };
        let results = [
            result("device.oaid", "deny", "toggle-off", "zero-uuid"),
            result("device.model", "allow", "consented", ""),
        ];
        assert_eq!(
            render_results(&results, &Dictionary::default(), &screen),
            "\
Data          Answer  Why                                          Instead            ID
device.oaid   deny    a toggle that covers it is off (toggle-off)  the all-zero UUID  device.oaid
device.model  allow   the user consented (consented)                                  device.model
"
        );
    }
}
