//! A browser's jar: judged whole, recorded in few lines, answered (R33, R34).
//!
//! Recorded is how many cookies of which category a site was answered what, never a name or a value.

use std::collections::BTreeMap;

use super::check::{Asker, unavailable};
use super::error::{EngineError, TooLarge};
use super::inspect::Look;
use super::names::AppKey;
use super::policy::Policy;
use super::request::MAX_TAG;
use super::settings::{Key, Lifetime, View};
use super::site::Site;
use super::standing::{Once, Resolver};
use super::{Engine, State};
use crate::catalog::{Scope, State as ToggleState, ToggleIx, Trust};
use crate::clock::Moment;
use crate::decision::cookie::{self, Cookie, Listings, Ruling, Visit};
use crate::decision::{Decision, Reason};
use crate::ledger::Record;
use crate::row::Row;

/// Cookies in one jar.
pub const MAX_COOKIES: usize = 10_000;

/// What stands in the ledger for the category of cookies that are in none.
const UNLISTED: &str = "cookies.unlisted";

/// What a site keeps or wants to keep, once its shape is known to be right.
#[derive(Debug, Clone)]
pub struct Jar<'a> {
    site: Site,
    cookies: &'a [Cookie<'a>],
    tag: &'a str,
}

impl<'a> Jar<'a> {
    /// Takes a jar if its shape is right. It may be empty, and hold a name twice, as paths differ.
    ///
    /// # Errors
    /// The site is no host, or there is too much of something.
    pub fn new(site: &str, cookies: &'a [Cookie<'a>], tag: &'a str) -> Result<Self, EngineError> {
        fits(cookies.len())?;
        if tag.len() > MAX_TAG {
            return Err(TooLarge::Tag(tag.len()).into());
        }
        Ok(Self { site: Site::of(site)?, cookies, tag })
    }
}

/// Whether so many cookies go in a jar.
///
/// # Errors
/// There are too many.
pub fn fits(cookies: usize) -> Result<(), TooLarge> {
    if cookies > MAX_COOKIES { Err(TooLarge::Cookies(cookies)) } else { Ok(()) }
}

/// Whether a jar was judged at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum JarChecked {
    /// It was, and it is recorded: one ruling per cookie, in the order asked.
    Answered(Vec<Ruling>),
    /// It uses up an allowance for one time: call [`Engine::check_cookies_once`], which waits for the
    /// disk.
    UsesOnce,
}

/// What would be answered about one cookie, and by what.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The answer.
    pub ruling: Ruling,
    /// What led to it: `site`, and of a listed cookie `category`, `category_name`, `declared`, `by`,
    /// `domains`; of one that is listed elsewhere alone `elsewhere`.
    pub row: Row,
}

impl Engine {
    /// Judges a jar, recorded. Never waits for the disk to sync.
    pub fn check_cookies(&self, asker: Asker<'_>, jar: &Jar<'_>) -> JarChecked {
        let now = self.clock.now();
        let judged = judge(self, &self.read_state(), asker, jar, now);
        if judged.once.is_empty() {
            JarChecked::Answered(self.record_cookies(asker, jar, judged, now))
        } else {
            JarChecked::UsesOnce
        }
    }

    /// Judges a jar that may use up an allowance for one time, which is durable before this returns.
    pub fn check_cookies_once(&self, asker: Asker<'_>, jar: &Jar<'_>) -> Vec<Ruling> {
        let now = self.clock.now();
        let mut writer = self.lock_writer();
        // Judged again, now that no other check can use the same allowance up.
        let mut judged = judge(self, &self.read_state(), asker, jar, now);
        if !judged.once.is_empty()
            && let Err(error) = self.use_up(&mut writer, asker.user, &judged.once, now)
        {
            tracing::error!(%error, "an allowance for one time could not be used up");
            judged.rulings = all_denied(jar, Reason::StoreUnavailable);
        }
        drop(writer);
        self.record_cookies(asker, jar, judged, now)
    }

    /// What an identified browser would be answered, each cookie on a site of its own. Where a site is
    /// empty it is the listed domain that the cookie lies in, else the cookie's own. Neither recorded
    /// nor using anything up.
    ///
    /// # Errors
    /// Too many cookies, or store or catalogue cannot be used.
    pub fn explain_cookies(
        &self,
        user: u32,
        jar: &[(&str, Cookie<'_>)],
    ) -> Result<Vec<Explained>, EngineError> {
        fits(jar.len())?;
        let now = self.clock.now();
        let state = self.read_state();
        let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
        state.store.clone().map_err(EngineError::StoreUnavailable)?;
        let listings = Listings::of(&policy.catalog);
        let view = state.coming().unwrap_or(state.view());
        let explained = jar.iter().map(|(site, cookie)| {
            let found = listings.find(*cookie);
            let site = match (*site, found) {
                ("", Some((_, domain))) => domain,
                ("", None) => cookie.domain.strip_prefix('.').unwrap_or(cookie.domain),
                (site, _) => site,
            };
            let site = Site::of(site).ok();
            let key = site.as_ref().map_or(NO_SITE, |site| key_of(&state, site));
            let ruling =
                self.visit(&policy, view, (user, key), Some(Trust::System), now, |visit| {
                    cookie::rule_on(*cookie, &listings, visit)
                });
            let row = Row::new().maybe("site", site.as_ref().map(Site::host));
            let row = match found {
                Some((listing, _)) => {
                    let category = &policy.catalog.toggles[listing.category];
                    row.with("category", &category.id)
                        .with("category_name", &category.name)
                        .with("declared", listing.max_age)
                        .with("by", &listing.by)
                        .with("domains", words(&listing.domains))
                }
                None => {
                    let named = listings.named(cookie.name).iter();
                    let elsewhere: Vec<String> =
                        named.flat_map(|listing| words(&listing.domains)).collect();
                    row.maybe("elsewhere", (!elsewhere.is_empty()).then_some(elsewhere))
                }
            };
            Explained { ruling, row }
        });
        Ok(explained.collect())
    }

    /// Runs `judge` as a user's visit to a site.
    fn visit<T>(
        &self,
        policy: &Policy,
        view: View<'_>,
        (user, site): (u32, AppKey),
        caller: Option<Trust>,
        now: Moment,
        judge: impl FnOnce(&Visit<'_>) -> T,
    ) -> T {
        let (_, minor) = self.config.profile(&policy.catalog, view, user);
        let toggles = Once::of(Resolver { policy, view, user, app: site, now });
        judge(&Visit { catalog: &policy.catalog, caller, minor, toggles: &toggles })
    }

    /// Writes a jar's answers down, summed. Those that cannot be written down do not leave: all deny.
    fn record_cookies(
        &self,
        asker: Asker<'_>,
        jar: &Jar<'_>,
        judged: Judged,
        now: Moment,
    ) -> Vec<Ruling> {
        let records: Vec<Record<'_>> = judged
            .sums()
            .into_iter()
            .map(|((category, reason), times)| Record {
                at: now.wall,
                user: asker.user,
                app: asker.caller.map_or("", |caller| &caller.app),
                trust: asker.caller.map_or("", |caller| caller.trust.word()),
                purpose: jar.site.id(),
                data: category,
                reason,
                tag: jar.tag,
                times,
                usage: None,
            })
            .collect();
        let written = match self.lock_ledger().as_mut() {
            Ok(ledger) => ledger.record(&records).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        match written {
            Ok(()) => self.show_followers(&records),
            Err(error) => {
                tracing::error!(error, "answers about a jar could not be recorded: denied");
                return all_denied(jar, Reason::StoreUnavailable);
            }
        }
        judged.rulings
    }
}

impl Look<'_> {
    /// A site, with the categories of cookies as they are there.
    pub(super) fn site(&self, user: u32, site: &Site) -> Row {
        let found = self.state.numbers.apps.find(site.id());
        let key = found.map_or(AppKey(u32::MAX), AppKey);
        let settings = &self.state.settings;
        let own =
            settings.entries.of_app(user, key).count() + settings.allowances_of(user, key).count();
        let toggles = self.policy.catalog.toggles.iter();
        let categories = toggles.filter(|(_, toggle)| toggle.scope == Scope::Site);
        let categories =
            categories.map(|(ix, toggle)| self.setting(user, ix, toggle, key, site.id()));
        Row::new()
            .with("app", site.id())
            .with("name", site.host())
            .with("valid", true)
            .with("own", u32::try_from(own).unwrap_or(u32::MAX))
            .with("toggles", categories.collect::<Vec<_>>())
    }
}

/// A judged jar that has not left yet.
struct Judged {
    rulings: Vec<Ruling>,
    /// The allowances for one time that it rests on.
    once: Vec<Key>,
    /// The categories' names are this policy's.
    policy: Option<std::sync::Arc<Policy>>,
}

impl Judged {
    /// How many were answered what, by category.
    fn sums(&self) -> BTreeMap<(&str, Reason), u64> {
        let name = |category: Option<ToggleIx>| match (&self.policy, category) {
            (Some(policy), Some(category)) => &*policy.catalog.toggles[category].id,
            (_, None) | (None, Some(_)) => UNLISTED,
        };
        let mut sums = BTreeMap::new();
        for ruling in &self.rulings {
            *sums.entry((name(ruling.category), ruling.reason)).or_insert(0) += 1;
        }
        sums
    }
}

/// A site that nobody has settings for.
const NO_SITE: AppKey = AppKey(u32::MAX);

fn key_of(state: &State, site: &Site) -> AppKey {
    state.numbers.apps.find(site.id()).map_or(NO_SITE, AppKey)
}

fn judge(engine: &Engine, state: &State, asker: Asker<'_>, jar: &Jar<'_>, now: Moment) -> Judged {
    let policy = match (unavailable(state), &state.policy) {
        (None, Ok(policy)) => policy,
        (reason, _) => {
            let rulings = all_denied(jar, reason.unwrap_or(Reason::CatalogUnavailable));
            return Judged { rulings, once: Vec::new(), policy: None };
        }
    };
    let site = key_of(state, &jar.site);
    let trust = asker.caller.map(|caller| caller.trust);
    let under = |view| {
        engine.visit(policy, view, (asker.user, site), trust, now, |visit| {
            cookie::judge(jar.cookies, visit)
        })
    };
    let mut rulings = under(state.view());
    // A change is on its way to the disk: what it denies holds already, what it allows not yet.
    if let Some(coming) = state.coming() {
        for (ruling, next) in rulings.iter_mut().zip(under(coming)) {
            *ruling = ruling.stricter(next);
        }
    }
    let once = used_once(state, policy, asker.user, site, &rulings, now);
    Judged { rulings, once, policy: Some(std::sync::Arc::clone(policy)) }
}

fn all_denied(jar: &Jar<'_>, reason: Reason) -> Vec<Ruling> {
    vec![Ruling::denied(reason); jar.cookies.len()]
}

/// The allowances for one time that a jar's answers rest on: of categories with an allowed cookie.
fn used_once(
    state: &State,
    policy: &Policy,
    user: u32,
    site: AppKey,
    rulings: &[Ruling],
    now: Moment,
) -> Vec<Key> {
    let is_rested_on = |key: &Key| {
        rulings.iter().any(|ruling| {
            let category = ruling.category.map(|category| policy.toggle_key(category));
            ruling.decision() == Decision::Allow && category == Some(key.toggle)
        })
    };
    let is_on = |key: &Key| {
        let stored = state.view().stored(*key, now);
        stored.is_some_and(|stored| stored.entry.state == ToggleState::On)
    };
    let held = state.settings.allowances_of(user, site);
    held.filter(|(_, allowance)| allowance.lifetime == Lifetime::Once)
        .map(|(key, _)| *key)
        .filter(|key| is_on(key) && is_rested_on(key))
        .collect()
}

fn words(list: &[Box<str>]) -> Vec<String> {
    list.iter().map(|word| word.to_string()).collect()
}
