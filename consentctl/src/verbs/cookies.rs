//! `cookies`: as a browser would ask about names of a site, or about a whole jar.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use consentd_dbus::CookieResult;
use consentd_dbus::names::{MAX_COOKIES, exit};
use serde_json::{Value, json};

use crate::answers::CookieDetails;
use crate::args::{CookiesVerb, SiteCookies};
use crate::failure::Failure;
use crate::jar::{self, Jar, JarError, Kept, Lifetime};
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, dim, facts, plain};
use crate::time;
use crate::values::decode_all;
use crate::words;

/// Bytes of names and hosts in one call; a system bus takes messages of 32 MiB.
const MAX_CALL: usize = 4 << 20;
/// A lifetime is stored and set by different clocks: so many seconds are no difference.
const CLOCKS: u64 = 60;

pub async fn cookies(session: &Session, verb: CookiesVerb) -> Result<u8, Failure> {
    match verb {
        CookiesVerb::Check(asked) => check(session, asked).await,
        CookiesVerb::Explain(asked) => {
            let site = asked.site.clone();
            let cookies = asked_about(session, asked).await?;
            let kind = cookies.kind;
            let judged = explain(session, &cookies.kept, Some(&site), kind).await?;
            show(session, None, &judged)
        }
        CookiesVerb::Audit { file, site } => {
            let jar = read(session, &file).await?;
            let judged = explain(session, &jar.cookies, site.as_deref(), "cookie").await?;
            show(session, Some((&file, &jar)), &judged)
        }
    }
}

/// What is asked about: named by hand, or all of a jar.
struct Asked {
    kept: Vec<Kept>,
    kind: &'static str,
}

async fn asked_about(session: &Session, asked: SiteCookies) -> Result<Asked, Failure> {
    if let Some(file) = &asked.jar {
        return Ok(Asked { kept: read(session, file).await?.cookies, kind: "cookie" });
    }
    let now = session.now.timestamp().as_second();
    let seconds = match asked.span {
        Some(span) => {
            let end = span.from(&session.now).map_err(Failure::Usage)?;
            u64::try_from(end.saturating_sub(now)).unwrap_or(0)
        }
        None => u64::MAX,
    };
    let domain = asked.domain.unwrap_or(asked.site);
    let kept = asked.names.into_iter().map(|name| Kept {
        site: None,
        name,
        domain: domain.clone(),
        lifetime: Lifetime::Exactly(seconds),
    });
    Ok(Asked { kept: kept.collect(), kind: asked.kind.word() })
}

/// A file may be on a disk that sleeps.
async fn read(session: &Session, file: &Path) -> Result<Jar, Failure> {
    let (file, now) = (PathBuf::from(file), session.now.timestamp().as_second());
    let read = tokio::task::spawn_blocking(move || jar::read(&file, now));
    Ok(read.await.unwrap_or_else(|error| {
        Err(JarError::Unreadable { path: PathBuf::new(), source: io::Error::other(error) })
    })?)
}

/// As many cookies as go in one call.
fn calls(kept: &[Kept]) -> Vec<&[Kept]> {
    let mut calls = Vec::new();
    let mut rest = kept;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = |cookie: &&Kept| {
            bytes += cookie.name.len() + cookie.domain.len();
            bytes <= MAX_CALL
        };
        let count = rest.iter().take(MAX_COOKIES).take_while(fits).count().max(1);
        let (call, after) = rest.split_at(count);
        calls.push(call);
        rest = after;
    }
    calls
}

async fn check(session: &Session, asked: SiteCookies) -> Result<u8, Failure> {
    let site = asked.site.clone();
    let Asked { kept, kind } = asked_about(session, asked).await?;
    let cookies = session.cookies().await?;
    let mut results = Vec::with_capacity(kept.len());
    for call in calls(&kept) {
        let jar: Vec<_> = call
            .iter()
            .map(|kept| (kept.name.as_str(), kept.domain.as_str(), kind, kept.lifetime.seconds()))
            .collect();
        results.extend(cookies.check(&site, &jar, session.options()).await?);
    }
    if session.screen.json {
        let results: Vec<Value> = results.iter().map(result_json).collect();
        session.screen.json(&json!({ "results": results }))?;
    } else {
        session.screen.text(&render_results(&results, &session.screen))?;
        if results.iter().any(|result| result.2 == "unidentified") {
            let hint = "`consentctl whoami` says why; `consentctl cookies explain` shows what a \
                        browser would be answered";
            writeln!(io::stderr(), "  → {hint}")?;
        }
    }
    Ok(exit_code(results.iter().all(|result| result.1 == "allow")))
}

fn exit_code(is_fine: bool) -> u8 {
    if is_fine { exit::OK } else { exit::DENIED }
}

/// One cookie and what the daemon says of it.
struct Judged<'a> {
    kept: &'a Kept,
    result: CookieResult,
    details: CookieDetails,
}

impl Judged<'_> {
    fn is_allowed(&self) -> bool {
        self.result.1 == "allow"
    }

    fn is_listed(&self) -> bool {
        self.details.category.is_some()
    }

    /// Whether it is kept for longer than declared (R34), by more than clocks differ.
    fn is_kept_too_long(&self) -> bool {
        let declared = self.details.declared;
        let lifetime = self.kept.lifetime;
        declared.is_some_and(|declared| match lifetime {
            Lifetime::Session => false,
            Lifetime::Exactly(u64::MAX) => false,
            Lifetime::Exactly(seconds) | Lifetime::AtLeast(seconds) => {
                seconds > declared.saturating_add(CLOCKS)
            }
        })
    }

    fn site(&self) -> &str {
        self.details.site.as_deref().unwrap_or_default()
    }
}

async fn explain<'a>(
    session: &Session,
    kept: &'a [Kept],
    site: Option<&str>,
    kind: &str,
) -> Result<Vec<Judged<'a>>, Failure> {
    let cookies = session.cookies().await?;
    let mut judged = Vec::with_capacity(kept.len());
    for call in calls(kept) {
        let jar: Vec<_> = call
            .iter()
            .map(|kept| {
                let site = site.or(kept.site.as_deref()).unwrap_or_default();
                (site, kept.name.as_str(), kept.domain.as_str(), kind, kept.lifetime.seconds())
            })
            .collect();
        let (results, details) = cookies.explain(&jar, session.options()).await?;
        let details: Vec<CookieDetails> = decode_all(&details)?;
        let both = results.into_iter().zip(details);
        let both = call.iter().zip(both);
        judged.extend(both.map(|(kept, (result, details))| Judged { kept, result, details }));
    }
    Ok(judged)
}

fn show(
    session: &Session,
    jar: Option<(&Path, &Jar)>,
    judged: &[Judged<'_>],
) -> Result<u8, Failure> {
    let screen = &session.screen;
    if screen.json {
        screen.json(&all_json(jar, judged))?;
    } else {
        let mut text =
            jar.map_or_else(String::new, |(file, jar)| summary(file, jar, judged, screen));
        if !judged.is_empty() {
            let shown = if jar.is_some() { Shown::Kept } else { Shown::AtMost };
            text.push_str(&render(judged, shown, screen));
        }
        screen.text(&text)?;
        for hint in hints(judged, session.user) {
            writeln!(io::stderr(), "  → {}", printable(&hint))?;
        }
    }
    // What is asked about is capped; what lies in a jar is not.
    let is_kept_right = |judged: &Judged<'_>| jar.is_none() || !judged.is_kept_too_long();
    let is_fine = judged.iter().all(|judged| judged.is_allowed() && is_kept_right(judged));
    Ok(exit_code(is_fine))
}

/// Which lifetime is shown: that in the jar, or the one that a browser would be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Kept,
    AtMost,
}

/// What is in a jar, in a few lines.
fn summary(file: &Path, jar: &Jar, judged: &[Judged<'_>], screen: &Screen) -> String {
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
fn render(judged: &[Judged<'_>], shown: Shown, screen: &Screen) -> String {
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
fn hints(judged: &[Judged<'_>], user: Option<u32>) -> Vec<String> {
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

fn result_json((name, decision, reason, max_age): &CookieResult) -> Value {
    json!({ "name": name, "decision": decision, "reason": reason, "max_age": max_age })
}

fn all_json(jar: Option<(&Path, &Jar)>, judged: &[Judged<'_>]) -> Value {
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
fn render_results(results: &[CookieResult], screen: &Screen) -> String {
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
