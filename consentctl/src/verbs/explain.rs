//! `explain`: why an app would be answered so, rule by rule.

use consentd_dbus::ItemResult;

use crate::answers::Step;
use crate::args::Question;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::values::decode_all;
use crate::verbs::ask::{Asked, context, exit_code};
use crate::words;

pub async fn explain(session: &Session, app: &str, question: &Question) -> Result<u8, Failure> {
    let apps = session.apps().await?;
    let asked = Asked::new(session, question).await?;
    let id = apps.resolve(app)?;
    let settings = session.settings().await?;
    let context = context(session, question);
    let answer = settings.explain(&id, &asked.purpose, &asked.data(), context).await;
    let (results, trace) = answer.map_err(|error| apps.suggest(app, error))?;
    if session.screen.json {
        let mut answer = json::single("results", json::results(&results));
        answer["trace"] = json::array(&trace);
        session.screen.json(&answer)?;
    } else {
        let head = format!(
            "If {} asked for {} now:",
            apps.both(&id),
            asked.purpose_names.both(&asked.purpose)
        );
        let steps = decode_all(&trace)?;
        let items = render(&results, &steps, &asked.data_names, &session.screen);
        session.screen.text(&format!("{}\n{items}", printable(&head)))?;
    }
    asked.hint(&results, &session.screen)?;
    Ok(exit_code(&results))
}

fn render(results: &[ItemResult], steps: &[Step], data: &Dictionary, screen: &Screen) -> String {
    let mut text = String::new();
    for (item, decision, reason, refusal) in results {
        let answer = screen.paint(Tone::of(decision), decision);
        let name = screen.paint(Tone::Strong, &data.both(item));
        let mut why = format!("{} ({reason})", words::reason(reason));
        if !matches!(refusal.as_str(), "" | "none") {
            why.push_str(&format!("; instead: {}", words::refusal(refusal)));
        }
        text.push_str(&format!("\n{name}: {answer}, {}\n", printable(&why)));
        text.push_str(&trace(steps.iter().filter(|step| step.data == *item), decision, screen));
    }
    text
}

fn trace<'s>(steps: impl Iterator<Item = &'s Step>, decision: &str, screen: &Screen) -> String {
    let mut table = Table::new(screen, &[]).indented();
    for step in steps {
        let source = step.requirement.as_deref().filter(|source| !source.is_empty());
        let source = source.map(|source| format!(" [{source}]")).unwrap_or_default();
        let because = format!("{}{source}", step.text);
        let number = dim(format!("{:>2}", step.rule));
        if step.outcome == "decides" {
            let tone = Tone::of(decision);
            table.row([number, plain(&step.name), (tone, "decides".to_owned()), plain(because)]);
        } else {
            table.row([number, dim(&step.name), dim(&step.outcome), dim(because)]);
        }
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_item_has_its_own_trace_up_to_the_rule_that_decided() {
        let results = [
            ("device.oaid", "deny", "toggle-off", "zero-uuid"),
            ("device.model", "allow", "contract", ""),
        ]
        .map(|(a, b, c, d)| (a.to_owned(), b.to_owned(), c.to_owned(), d.to_owned()));
        let steps: Vec<Step> = serde_json::from_value(json!([
            {"data": "device.oaid", "rule": 1, "name": "identity", "outcome": "passes", "text": "known"},
            {"data": "device.oaid", "rule": 11, "name": "toggles", "outcome": "decides",
             "text": "Ad services is off", "requirement": "R18"},
            {"data": "device.model", "rule": 13, "name": "basis", "outcome": "decides", "text": "a contract"},
        ]))
        .unwrap();
        let screen = Screen { json: false, colour: false, width: None };
        assert_eq!(
            render(&results, &steps, &Dictionary::default(), &screen),
            "
device.oaid: deny, a toggle that covers it is off (toggle-off); instead: the all-zero UUID
   1  identity  passes   known
  11  toggles   decides  Ad services is off [R18]

device.model: allow, needed for a service the user asked for (contract)
  13  basis  decides  a contract
"
        );
    }
}
