//! How cookies are shown: a jar summed up, a line a cookie, and the same as JSON. Pure functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use consentd_dbus::CookieResult;
use serde_json::{Value, json};

use super::Judged;
use crate::answers::CookieDetails;
use crate::jar::{Jar, Lifetime};
use crate::screen::{Screen, Tone};
use crate::table::{Field, Table, dim, facts, plain};
use crate::time;
use crate::words;

/// Which lifetime is shown: that in the jar, or the one that a browser would be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Kept,
    AtMost,
}

/// What is in a jar, in a few lines.
pub fn summary(file: &Path, jar: &Jar, judged: &[Judged<'_>], screen: &Screen) -> String {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let count = |is: &dyn Fn(&Judged<'_>) -> bool| number(judged.iter().filter(|j| is(j)).count());
    let sites: BTreeSet<&str> = judged.iter().map(Judged::site).collect();
    let cookies = time::plural(number(judged.len()), "cookie");
    let sites = time::plural(number(sites.len()), "site");
    let browser = jar.browser.name();
    let name = screen.paint(Tone::Strong, &file.display().to_string());
    let head = format!("{name}, {browser}: {cookies} of {sites}\n");
    let allowed = count(&|j| j.is_allowed());
    let refused = count(&|j| j.is_listed() && !j.is_allowed());
    let unlisted = count(&|j| !j.is_listed());
    let too_long = count(&|j| j.is_kept_too_long());
    let tone = |count: i64| if count == 0 { Tone::Plain } else { Tone::Bad };
    let skipped = match i64::try_from(jar.skipped).unwrap_or(i64::MAX) {
        0 => String::new(),
        lines => time::plural(lines, "line") + " without a cookie",
    };
    let refused = match refused {
        0 => plain("0"),
        refused => (Tone::Bad, format!("{refused} ({})", by_category(judged))),
    };
    let facts = facts(
        screen,
        [
            ("Allowed", plain(allowed.to_string())),
            ("Not allowed", refused),
            ("Not listed", (tone(unlisted), unlisted.to_string())),
            ("Kept too long", (tone(too_long), too_long.to_string())),
            ("Skipped", plain(skipped)),
        ],
    );
    if judged.is_empty() { head + &facts } else { head + &facts + "\n" }
}

/// `3 analytics cookies, 1 advertising cookie`, as the categories are called.
fn by_category(judged: &[Judged<'_>]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for judged in judged.iter().filter(|judged| judged.is_listed() && !judged.is_allowed()) {
        *counts.entry(judged.details.category_name.as_deref().unwrap_or_default()).or_default() +=
            1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(category, count)| format!("{category}: {count}")).collect();
    counts.join(", ")
}

/// A line a cookie: what the policy knows first, site by site.
pub fn render(judged: &[Judged<'_>], shown: Shown, screen: &Screen) -> String {
    let mut sorted: Vec<&Judged<'_>> = judged.iter().collect();
    sorted.sort_by_key(|judged| (!judged.is_listed(), judged.site(), &judged.kept.name));
    let headings =
        ["Site", "Cookie", "Domain", "Answer", "Why", "Kept for", "Declared", "Category"];
    let mut table = Table::new(screen, &headings);
    for judged in sorted {
        let (name, decision, reason, most) = &judged.result;
        let lifetime = match shown {
            Shown::Kept => kept_for(judged),
            Shown::AtMost if judged.is_allowed() => plain(time::age(*most)),
            Shown::AtMost => plain(""),
        };
        table.row([
            plain(judged.site()),
            plain(name),
            dim(domain(judged)),
            (Tone::of(decision), decision.clone()),
            plain(why(reason, &judged.details)),
            lifetime,
            plain(judged.details.declared.map(time::age).unwrap_or_default()),
            dim(judged.details.category_name.as_deref().unwrap_or_default()),
        ]);
    }
    table.render()
}

/// The domain, where the site does not say it already.
fn domain<'a>(judged: &'a Judged<'_>) -> &'a str {
    let domain = judged.kept.domain.as_str();
    if domain.trim_start_matches('.') == judged.site() { "" } else { domain }
}

fn why(reason: &str, details: &CookieDetails) -> String {
    let elsewhere = &details.elsewhere;
    match reason {
        "unlisted" if !elsewhere.is_empty() => {
            format!("listed for {} alone (unlisted)", elsewhere.join(" and "))
        }
        reason => format!("{} ({reason})", words::reason(reason)),
    }
}

fn kept_for(judged: &Judged<'_>) -> Field {
    let tone = if judged.is_kept_too_long() { Tone::Bad } else { Tone::Plain };
    (
        tone,
        match judged.kept.lifetime {
            Lifetime::Session => time::age(0),
            Lifetime::Exactly(u64::MAX) => String::new(),
            Lifetime::Exactly(seconds) => time::age(seconds),
            Lifetime::AtLeast(seconds) => format!("at least {}", time::age(seconds.max(1))),
        },
    )
}

/// How to switch a category on where it is off for a site alone.
pub fn hints(judged: &[Judged<'_>], user: Option<u32>) -> Vec<String> {
    let off = judged.iter().filter(|judged| judged.result.2 == "category-off");
    let pairs: BTreeSet<(&str, &str)> = off
        .filter_map(|judged| Some((judged.details.category.as_deref()?, judged.site())))
        .filter(|(_, site)| !site.is_empty())
        .collect();
    let user = user.map(|user| format!(" --user {user}")).unwrap_or_default();
    let hint = |(category, site): &(&str, &str)| {
        format!("for this site: consentctl set {category} on --site {site}{user}")
    };
    // More than a few are a jar's, where the table says enough.
    if pairs.len() > 3 { Vec::new() } else { pairs.iter().map(hint).collect() }
}

pub fn result_json((name, decision, reason, max_age): &CookieResult) -> Value {
    json!({ "name": name, "decision": decision, "reason": reason, "max_age": max_age })
}

pub fn all_json(jar: Option<(&Path, &Jar)>, judged: &[Judged<'_>]) -> Value {
    let results: Vec<Value> = judged.iter().map(judged_json).collect();
    let count = |is: &dyn Fn(&Judged<'_>) -> bool| judged.iter().filter(|j| is(j)).count();
    let Some((file, jar)) = jar else {
        return json!({ "results": results });
    };
    json!({
        "file": file.display().to_string(),
        "browser": jar.browser.word(),
        "cookies": judged.len(),
        "skipped": jar.skipped,
        "allowed": count(&|j| j.is_allowed()),
        "not_allowed": count(&|j| j.is_listed() && !j.is_allowed()),
        "unlisted": count(&|j| !j.is_listed()),
        "too_long": count(&|j| j.is_kept_too_long()),
        "results": results,
    })
}

fn judged_json(judged: &Judged<'_>) -> Value {
    let mut value = result_json(&judged.result);
    let details = &judged.details;
    value["site"] = details.site.clone().into();
    value["domain"] = judged.kept.domain.clone().into();
    let (lifetime, is_exact) = match judged.kept.lifetime {
        Lifetime::Session => (Some(0), true),
        Lifetime::Exactly(u64::MAX) => (None, true),
        Lifetime::Exactly(seconds) => (Some(seconds), true),
        Lifetime::AtLeast(seconds) => (Some(seconds), false),
    };
    value["lifetime"] = lifetime.into();
    value["lifetime_exact"] = is_exact.into();
    value["category"] = details.category.clone().into();
    value["declared"] = details.declared.into();
    value["too_long"] = judged.is_kept_too_long().into();
    if !details.elsewhere.is_empty() {
        value["elsewhere"] = details.elsewhere.clone().into();
    }
    value
}

/// One line a cookie that was asked about.
pub fn render_results(results: &[CookieResult], screen: &Screen) -> String {
    let mut table = Table::new(screen, &["Cookie", "Answer", "Why", "For at most"]);
    for (name, decision, reason, max_age) in results {
        let most = if decision == "allow" { time::age(*max_age) } else { String::new() };
        table.row([
            plain(name),
            (Tone::of(decision), decision.clone()),
            plain(format!("{} ({reason})", words::reason(reason))),
            plain(most),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jar::{Browser, Kept};

    const DAY: u64 = 86_400;

    fn kept(name: &str, domain: &str, lifetime: Lifetime) -> Kept {
        Kept { site: None, name: name.into(), domain: domain.into(), lifetime }
    }

    fn judged<'a>(kept: &'a Kept, decision: &str, reason: &str, details: Value) -> Judged<'a> {
        let result = (kept.name.clone(), decision.to_owned(), reason.to_owned(), 7);
        Judged { kept, result, details: serde_json::from_value(details).unwrap() }
    }

    fn listed(category: &str, name: &str, declared: u64) -> Value {
        json!({ "site": "mi.com", "category": category, "category_name": name, "declared": declared,
                "by": "Xiaomi", "domains": ["mi.com"] })
    }

    #[test]
    fn a_jar_is_summed_up_and_then_shown_cookie_by_cookie() {
        let jar = Jar {
            browser: Browser::Firefox,
            cookies: vec![
                kept("x\u{1b}[2J", "evil.example", Lifetime::Session),
                kept("_gid", ".mi.com", Lifetime::AtLeast(3 * DAY)),
                kept("userId", "www.mi.com", Lifetime::Session),
                kept("_ga", ".mi.com", Lifetime::Exactly(730 * DAY + 30)),
            ],
            skipped: 0,
        };
        let (id, name) = ("cookies.analytics", "Analytics cookies");
        let judged = [
            judged(&jar.cookies[0], "deny", "unlisted", json!({ "site": "evil.example" })),
            judged(&jar.cookies[1], "allow", "consented", listed(id, name, 7 * 3_600)),
            judged(
                &jar.cookies[2],
                "allow",
                "essential",
                listed("cookies.essential", "Essential", 0),
            ),
            judged(&jar.cookies[3], "deny", "category-off", listed(id, name, 730 * DAY)),
        ];
        let screen = Screen { json: false, colour: false, width: None };
        let file = Path::new("cookies.sqlite");
        assert_eq!(
            summary(file, &jar, &judged, &screen),
            "\
cookies.sqlite, Firefox's jar: 4 cookies of 2 sites
  Allowed        2
  Not allowed    1 (Analytics cookies: 1)
  Not listed     1
  Kept too long  1

"
        );
        let table = render(&judged, Shown::Kept, &screen);
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|f| !f.is_empty()).collect())
            .collect();
        let off = "its category is not switched on for this site (category-off)";
        assert_eq!(rows[1], ["mi.com", "_ga", "deny", off, "2 y", "2 y", name]);
        let yes = "the user consented (consented)";
        assert_eq!(rows[2], ["mi.com", "_gid", "allow", yes, "at least 3 d", "7 h", name]);
        assert_eq!(rows[3][..4], ["mi.com", "userId", "www.mi.com", "allow"]);
        assert_eq!(rows[4][..2], ["evil.example", "x\\u{1b}[2J"]);
        let hints = hints(&judged, Some(1000));
        assert_eq!(
            hints,
            ["for this site: consentctl set cookies.analytics on --site mi.com --user 1000"]
        );
        let json = all_json(Some((file, &jar)), &judged);
        assert_eq!((&json["too_long"], &json["browser"]), (&json!(1), &json!("firefox")));
        assert_eq!(json["results"][3]["too_long"], json!(false), "half a minute is the clocks'");
    }
}
