//! `cookies`: as a browser would ask about names of a site, or about a whole jar.

mod shown;

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
use crate::session::Session;
use crate::values::decode_all;

use shown::{Shown, all_json, hints, render, render_results, result_json, summary};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_jar_goes_in_as_many_calls_as_it_takes() {
        let kept = |name: String| Kept {
            site: None,
            name,
            domain: "d".to_owned(),
            lifetime: Lifetime::Session,
        };
        let short = kept("n".to_owned());
        let many = vec![short; 2 * MAX_COOKIES + 1];
        let lengths: Vec<usize> = calls(&many).iter().map(|call| call.len()).collect();
        assert_eq!(lengths, [MAX_COOKIES, MAX_COOKIES, 1]);
        let long = vec![kept("n".repeat(MAX_CALL / 2)); 3];
        assert_eq!(calls(&long).len(), 3);
        assert!(calls(&[]).is_empty());
    }
}
