//! The page, part by part. What stands in it comes from `tally`; how it looks is `style.css`.

use super::case::{self, controller, region, then, whom};
use super::markup::Markup;
use super::picture;
use super::tables::{Cell, facts, left_out, table, thousands};
use super::tally::{Alike, Answers, Sum, Tally};
use super::words::{self, Words};
use crate::answers::{self, Case, Choice, Consent, Profile};
use crate::lines::{Kind, Lines};
use crate::user;
use crate::words::reason;

/// Nothing is loaded, nothing runs, nothing is sent.
const HEAD: &str = r#"<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<meta name="referrer" content="no-referrer"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
"#;
const STYLE: &str = include_str!("style.css");

/// Data that a consent covers and that are shown at once; the rest is folded.
const COVERED: usize = 12;

/// All that stands before what apps returned, and its heading if there is a case.
pub fn before(tally: &Tally, lines: &Lines, words: &Words) -> String {
    let mut page = Markup::default();
    page.own("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n");
    page.own(HEAD);
    page.leaf("title", &[], title(tally));
    page.own("\n<style>\n");
    page.own(STYLE);
    page.own("</style>\n</head>\n<body>\n");
    page.element("header", &[], |header| heading(header, tally, words));
    page.own("\n<main>\n");
    section(&mut page, "glance", "At a glance", |part| glance(part, tally));
    section(&mut page, "person", "About you", |part| person(part, tally, words));
    if let Some(case) = &tally.case {
        section(&mut page, "case", "What was asked", |part| {
            case::asked(part, case, tally.profile.as_ref(), words);
        });
        page.own("<section id=\"returned\" aria-labelledby=\"returned-heading\">");
        page.leaf("h2", &[("id", "returned-heading")], "What the apps returned");
        if lines.count(Kind::Returned) == 0 {
            page.leaf("p", &[], "No app has returned anything yet.");
        }
    }
    page.as_str().to_owned()
}

/// All that stands after it.
pub fn after(tally: &Tally, lines: &Lines, words: &Words) -> String {
    let mut page = Markup::default();
    if let Some(case) = &tally.case {
        page.own("</section>\n");
        section(&mut page, "holders", "How far each app is", |part| {
            case::holders(part, case, words)
        });
    }
    section(&mut page, "timeline", "When apps asked, and when you changed something", |part| {
        picture::figure(part, &tally.histogram.until(tally.head.at), words);
    });
    section(&mut page, "choices", "What you have chosen", |part| choices(part, tally, words));
    section(&mut page, "consents", "What you have consented to", |part| {
        consents(part, tally, words);
    });
    section(&mut page, "requests", "What you have asked for", |part| requests(part, tally, words));
    section(&mut page, "kept", "What apps keep, and until when", |part| kept(part, tally, words));
    section(&mut page, "answers", "What apps asked for, and were answered", |part| {
        answers(part, tally, words);
    });
    if tally.has_cookies() {
        section(&mut page, "cookies", "Cookies", |part| cookies(part, tally, words));
    }
    section(&mut page, "changes", "What was changed", |part| changes(part, tally, words));
    page.own("</main>\n<footer>\n");
    made(&mut page, tally, lines, words);
    page.own("</footer>\n</body>\n</html>\n");
    page.as_str().to_owned()
}

fn section(
    page: &mut Markup,
    id: &'static str,
    heading: &'static str,
    inside: impl FnOnce(&mut Markup),
) {
    let label = format!("{id}-heading");
    page.element("section", &[("id", id), ("aria-labelledby", &label)], |section| {
        section.leaf("h2", &[("id", &label)], heading);
        inside(section);
    });
    page.own("\n");
}

fn title(tally: &Tally) -> &'static str {
    match &tally.case {
        Some(_) => "What is kept of you",
        None => "What this device keeps of you",
    }
}

fn heading(header: &mut Markup, tally: &Tally, words: &Words) {
    header.leaf("h1", &[], title(tally));
    let case = tally.case.as_ref().map(|case| format!("Case {}. ", case.case)).unwrap_or_default();
    let made = format!("{case}Made {} ({}).", words.at(tally.head.at), words.zone());
    header.leaf("p", &[("class", "lead")], &made);
    header.element("nav", &[("aria-label", "Contents")], |nav| {
        let mut links = vec![("#person", "You")];
        if tally.case.is_some() {
            links.extend([
                ("#case", "The case"),
                ("#returned", "What apps returned"),
                ("#holders", "How far each app is"),
            ]);
        }
        links.extend([
            ("#timeline", "Timeline"),
            ("#choices", "Choices"),
            ("#consents", "Consents"),
            ("#requests", "Requests"),
            ("#kept", "Kept"),
            ("#answers", "Answers"),
        ]);
        if tally.has_cookies() {
            links.push(("#cookies", "Cookies"));
        }
        links.extend([("#changes", "Changes"), ("#made", "How this was made")]);
        for (place, text) in links {
            nav.leaf("a", &[("href", place)], text);
        }
    });
}

fn glance(part: &mut Markup, tally: &Tally) {
    let not = tally.answers.denied.saturating_add(tally.answers.asked);
    let mut tiles = vec![
        (thousands(tally.answers.allowed), "answers allowed"),
        (thousands(not), "not allowed"),
        (thousands(tally.in_force), "consents in force"),
        (thousands(tally.changes.count()), "changes on record"),
    ];
    if let Some(case) = &tally.case {
        let told = format!("{} of {}", tally.returned, case.holders.len());
        tiles.insert(0, (told, "apps returned your data"));
    }
    part.element("dl", &[("class", "tiles")], |list| {
        for (number, what) in tiles {
            list.element("div", &[], |tile| {
                tile.leaf("dt", &[], what);
                tile.leaf("dd", &[], &number);
            });
        }
    });
}

fn person(part: &mut Markup, tally: &Tally, words: &Words) {
    let uid = tally.head.user;
    let name = user::name(uid);
    let mut told = vec![("User", format!("{name} (uid {uid})"))];
    if let Some(Profile { region, region_set, age_band, language, guardian, controller, .. }) =
        &tally.profile
    {
        let set = if *region_set { "" } else { ", by default" };
        told.push(("Region", words.region(region) + set));
        told.push(("Age", age_band.clone()));
        told.push(("Language", language.clone().unwrap_or_default()));
        told.push(("Guardian", guardian.map(user::name).unwrap_or_default()));
        told.push(("Controller", controller.clone().unwrap_or_default()));
    }
    told.push((
        "Complain to",
        tally.case.as_ref().map(|case| case.authority.clone()).unwrap_or_default(),
    ));
    facts(part, told);
}

fn choices(part: &mut Markup, tally: &Tally, words: &Words) {
    if tally.choices.rows.is_empty() {
        part.leaf("p", &[], "Nothing: every switch is as it was delivered.");
        return;
    }
    let row = |choice: &Choice| {
        vec![
            Cell::plain(words.toggle(&choice.toggle)),
            Cell::plain(words.whom(&choice.app)),
            Cell::state(&choice.state, words.state(choice)),
            Cell::when(words.at(choice.since)),
            Cell::plain(crate::words::by(&choice.by)),
            Cell::plain(choice.notice.clone().unwrap_or_default()),
        ]
    };
    let rows = tally.choices.rows.iter().map(row);
    let headings = ["Switch", "For", "State", "Since", "By", "Notice"];
    table(part, "What is stored of your choices", &headings, rows);
    left_out(part, tally.choices.more, "choice");
}

fn consents(part: &mut Markup, tally: &Tally, words: &Words) {
    if tally.consents.rows.is_empty() {
        part.leaf("p", &[], "No consent was given.");
        return;
    }
    let now = tally.profile.as_ref();
    for consent in &tally.consents.rows {
        part.element("article", &[], |part| self::consent(part, consent, now, words));
    }
    left_out(part, tally.consents.more, "consent");
}

/// One consent with all that was kept of it.
fn consent(part: &mut Markup, consent: &Consent, now: Option<&Profile>, words: &Words) {
    let given = format!("{}, {}", words.toggle(&consent.toggle), words.whom(&consent.app));
    part.leaf("h3", &[], &given);
    let state = words.in_force(consent);
    part.element("p", &[], |part| {
        let class = if consent.in_force { "good" } else { "over" };
        let state = if consent.in_force { "in force" } else { &*state };
        part.leaf("span", &[("class", class)], state);
    });
    let by = consent.by.as_deref().map(|by| format!(", by {}", crate::words::by(by)));
    let language = consent.notice_language.as_deref().map(|language| format!(", in {language}"));
    let region_then = consent.region.as_deref().unwrap_or_default();
    let controller_then = consent.controller.as_deref().unwrap_or_default();
    let told = [
        ("Given", words.at(consent.at) + &by.unwrap_or_default()),
        ("Notice", consent.notice.clone().unwrap_or_default() + &language.unwrap_or_default()),
        ("Region then", words.region(then(region_then, region(now)))),
        ("Controller then", then(controller_then, controller(now)).to_owned()),
    ];
    facts(part, told);
    for (purpose, data) in words.covers(consent) {
        part.element("div", &[("class", "covers")], |part| {
            let (shown, folded) = data.split_at(data.len().min(COVERED));
            part.leaf("b", &[], &format!("{purpose}: "));
            part.text(&shown.join(", "));
            if !folded.is_empty() {
                part.element("details", &[("class", "list")], |part| {
                    part.leaf("summary", &[], &format!("and {} more", folded.len()));
                    part.leaf("p", &[], &folded.join(", "));
                });
            }
        });
    }
}

fn requests(part: &mut Markup, tally: &Tally, words: &Words) {
    if tally.requests.rows.is_empty() {
        part.leaf("p", &[], "No case was opened.");
        return;
    }
    let row = |case: &Case| {
        let about = [words.purpose(&case.purpose), words.data(&case.data).to_owned()];
        let ended = case.ended.map(|ended| words.at(ended)).unwrap_or_default();
        vec![
            Cell::plain(format!("{}: {}", case.case, case.right)).over(about),
            Cell::plain(whom(case, words)),
            Cell::when(words.at(case.opened)),
            Cell::state(&case.state, words::case_state(&case.state)).over([ended]),
        ]
    };
    let rows = tally.requests.rows.iter().map(row);
    table(part, "Cases, newest first", &["Case", "Towards", "Opened", "State"], rows);
    left_out(part, tally.requests.more, "case");
}

fn kept(part: &mut Markup, tally: &Tally, words: &Words) {
    if tally.retention.rows.is_empty() {
        part.leaf("p", &[], "No app was allowed to collect anything that consentd knows of.");
        return;
    }
    let row = |kept: &answers::Kept| {
        vec![
            Cell::plain(words.data(&kept.data))
                .over([format!("for {}", words.purpose(&kept.purpose))]),
            Cell::plain(words.whom(&kept.app)),
            Cell::when(words.at(kept.last)),
            Cell::plain(words.kept(kept)).over(kept.retention.clone()),
        ]
    };
    let headings = ["What, and what for", "App", "Last allowed", "State"];
    let rows = tally.retention.rows.iter().map(row);
    table(part, "What apps were allowed to collect, and what became of it", &headings, rows);
    left_out(part, tally.retention.more, "row");
}

fn answers(part: &mut Markup, tally: &Tally, words: &Words) {
    if tally.answers.sum() == 0 {
        part.leaf("p", &[], "No app has asked for anything.");
        return;
    }
    let mut rest: Vec<(&Alike, &Sum)> =
        tally.sums.iter().filter(|(alike, _)| alike.site().is_none()).collect();
    while let Some((first, _)) = rest.first() {
        let app = first.app.clone();
        let end = rest.iter().position(|(alike, _)| alike.app != app).unwrap_or(rest.len());
        let of_app: Vec<_> = rest.drain(..end).collect();
        part.element("article", &[], |part| app_answers(part, &words.app(&app), &of_app, words));
    }
    left_out(part, tally.unsummed, "answer");
}

fn app_answers(part: &mut Markup, app: &str, sums: &[(&Alike, &Sum)], words: &Words) {
    let mut all = Answers::default();
    for (alike, sum) in sums {
        all.add(&alike.decision, sum.count);
    }
    part.leaf("h3", &[], app);
    let counts = format!(
        "{} allowed, {} refused, {} undecided.",
        thousands(all.allowed),
        thousands(all.denied),
        thousands(all.asked)
    );
    part.leaf("p", &[("class", "note")], &counts);
    let rows = sums.iter().map(|(alike, sum)| {
        let mut row = vec![
            Cell::plain(words.data(&alike.data))
                .over([format!("for {}", words.purpose(&alike.purpose))]),
        ];
        row.extend(answered(alike, sum, words));
        row
    });
    let headings = ["What, and what for", "Answer", "Times", "When"];
    table(part, &format!("What {app} asked for"), &headings, rows);
}

fn cookies(part: &mut Markup, tally: &Tally, words: &Words) {
    let of_sites = tally.sums.iter().filter_map(|(alike, sum)| Some((alike.site()?, alike, sum)));
    let rows = of_sites.map(|(site, alike, sum)| {
        let mut row = vec![
            Cell::plain(site).over([format!("asked by {}", words.app(&alike.app))]),
            Cell::plain(words.data(&alike.data)),
        ];
        row.extend(answered(alike, sum, words));
        row
    });
    part.leaf("p", &[], "Categories of cookies, by site. Their names and values are not kept.");
    let headings = ["Site", "Category", "Answer", "Times", "When"];
    table(part, "Which cookies were allowed", &headings, rows);
}

fn answered(alike: &Alike, sum: &Sum, words: &Words) -> [Cell; 3] {
    let own = match sum.own {
        0 => String::new(),
        own => format!("{} by its own count", thousands(own)),
    };
    let (first, last) = (words.at(sum.first), words.at(sum.last));
    let since = if first == last { String::new() } else { format!("first {first}") };
    [
        Cell::state(&alike.decision, words::decision(&alike.decision))
            .over([reason(&alike.reason).to_owned()]),
        Cell::number(thousands(sum.count)).over([own]),
        Cell::when(last).over([since]),
    ]
}

fn changes(part: &mut Markup, tally: &Tally, words: &Words) {
    if tally.changes.rows.is_empty() {
        part.leaf("p", &[], "Nothing was changed.");
        return;
    }
    let rows = tally.changes.rows.iter().map(|event| {
        vec![
            Cell::when(words.at(event.at)),
            Cell::plain(words.change(event)),
            Cell::plain(crate::verbs::by(event).unwrap_or_default()),
            Cell::plain(event.notice.clone().unwrap_or_default()),
        ]
    });
    let headings = ["When", "What", "By", "Notice"];
    table(part, "Changes of settings and cases, newest first", &headings, rows);
    left_out(part, tally.changes.more, "change");
}

fn made(footer: &mut Markup, tally: &Tally, lines: &Lines, words: &Words) {
    section(footer, "made", "How this was made", |part| {
        let version = &tally.head.version;
        let text = format!(
            "consentctl {} made this page on {} from {} lines that consentd {version} sent. \
             Answers that are alike are summed; the report as JSON has each line.",
            env!("CARGO_PKG_VERSION"),
            words.at(tally.head.at),
            thousands(lines.seal().lines()),
        );
        part.leaf("p", &[], &text);
        part.element("p", &[], |part| {
            part.text("SHA-256 of those lines: ");
            part.leaf("code", &[], &lines.seal().sha256());
        });
        part.leaf(
            "p",
            &[],
            "It shows that they came whole. The page itself is not sealed: to keep proof, keep the JSON, \
             which `consentctl export --verify` reads again. What would turn the order of reading or \
             steer a terminal in what apps sent is shown as an escape such as \\u{202e}. The page loads \
             nothing and runs nothing. It is about you: keep it where you keep such things.",
        );
    });
}
