//! A case as parts of the page: what was asked, and how far each app is with it.

use consentd_dbus::names::ALL_APPS;

use super::markup::Markup;
use super::tables::{Cell, counted, facts, table};
use super::words::{self, Words};
use crate::answers::{Case, Holder, Profile};

/// What was asked.
pub fn asked(part: &mut Markup, case: &Case, now: Option<&Profile>, words: &Words) {
    let about = [
        (&case.purpose, words.purpose(&case.purpose)),
        (&case.data, words.data(&case.data).to_owned()),
    ];
    let about: Vec<String> =
        about.into_iter().filter(|(id, _)| !id.is_empty()).map(|(_, name)| name).collect();
    facts(
        part,
        [
            ("Right", words::right(&case.right).to_owned()),
            ("Towards", whom(case, words)),
            ("About", about.join(", ")),
            ("You said", case.statement.clone()),
            ("State", words::case_state(&case.state).to_owned()),
            ("Opened", words.at(case.opened)),
            ("Answer due", words.at(case.due)),
            ("Ended", case.ended.map(|ended| words.at(ended)).unwrap_or_default()),
            ("Region then", words.region(then(&case.region, region(now)))),
            ("Controller then", then(&case.controller, controller(now)).to_owned()),
        ],
    );
}

/// Those that answered, and folded those that did not.
pub fn holders(part: &mut Markup, case: &Case, words: &Words) {
    let (waiting, answered): (Vec<&Holder>, Vec<&Holder>) =
        case.holders.iter().partition(|holder| holder.state == "waiting");
    if case.holders.is_empty() {
        part.leaf("p", &[], "There is no app to ask.");
    }
    if !answered.is_empty() {
        asked_of(part, &answered, words);
    }
    if waiting.is_empty() {
        return;
    }
    let have = if waiting.len() == 1 { "has" } else { "have" };
    let yet = if case.ended.is_none() { " yet" } else { "" };
    let told = format!("{} {have} not answered{yet}", counted(waiting.len() as u64, "app"));
    part.element("details", &[("class", "list")], |folded| {
        folded.leaf("summary", &[], &told);
        folded.element("ul", &[], |list| {
            for holder in waiting {
                list.element("li", &[], |item| {
                    item.text(&words.whom(&holder.app));
                    if !holder.note.is_empty() {
                        item.leaf("div", &[("class", "small")], &holder.note);
                    }
                });
            }
        });
    });
}

fn asked_of(part: &mut Markup, holders: &[&Holder], words: &Words) {
    let rows = holders.iter().map(|holder| {
        vec![
            Cell::plain(words.whom(&holder.app)),
            Cell::state(&holder.state, words::holder_state(&holder.state)),
            Cell::when(words.at(holder.at)),
            Cell::plain(&*holder.note),
        ]
    });
    table(part, "Apps that were asked", &["App", "State", "Since", "It said"], rows);
}

/// Towards whom.
pub fn whom(case: &Case, words: &Words) -> String {
    match case.app.as_str() {
        ALL_APPS => "every app that keeps something".to_owned(),
        app => words.whom(app),
    }
}

/// What was so then, if it is not so now. What is so now stands above, once.
pub fn then<'a>(then: &'a str, now: Option<&str>) -> &'a str {
    if now == Some(then) { "" } else { then }
}

/// The region now.
pub fn region(profile: Option<&Profile>) -> Option<&str> {
    profile.map(|profile| &*profile.region)
}

/// The controller now.
pub fn controller(profile: Option<&Profile>) -> Option<&str> {
    profile.and_then(|profile| profile.controller.as_deref())
}
