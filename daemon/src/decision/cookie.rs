//! The rule for a jar: may this site keep these cookies, beacons and stored entries, and how long?
//!
//! Beside the rule for data, and as pure. The policy itself lists the cookies, so nobody declares them:
//! of the thirteen arms those on the caller, on minors and on toggles are left. What is kept under a
//! name is no matter here, and neither is whether a cookie, a beacon or local storage keeps it (R33).

use std::collections::HashMap;

use super::situation::{Standing, Toggles};
use super::words::{Decision, Reason};
use crate::catalog::{Catalog, Cookie as Listing, Kind as ToggleKind, State, ToggleIx, Trust};

/// What keeps something under a name. All three are judged alike (R33).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A cookie.
    Cookie,
    /// An entry of local storage.
    LocalStorage,
    /// A beacon: an image or a script that tells of a visit.
    Beacon,
}

impl Kind {
    /// The kind that a word on the wire names.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "cookie" => Some(Kind::Cookie),
            "local-storage" => Some(Kind::LocalStorage),
            "beacon" => Some(Kind::Beacon),
            _ => None,
        }
    }
}

/// One thing in a jar. Its value is nobody's business here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// As the site names it; names differ by case.
    pub name: &'a str,
    /// The host it is kept for, with or without a dot before it.
    pub domain: &'a str,
    /// How long it is to be kept, in seconds; 0 is until the browser ends.
    pub max_age: u64,
}

/// Everything that was settled before the rule runs.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// The policy.
    pub catalog: &'a Catalog,
    /// The browser's trust; none if it was not identified.
    pub caller: Option<Trust>,
    /// Whether the user is known to be a minor (R38).
    pub minor: bool,
    /// The categories, resolved for this site.
    pub toggles: &'a dyn Toggles,
}

/// The answer about one cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Ruling {
    /// Why; the decision follows from it.
    pub reason: Reason,
    /// How long it may be kept, in seconds; 0 is until the browser ends, or not at all if it is denied.
    pub max_age: u64,
    /// The category it is listed in, by whomever it was asked.
    pub category: Option<ToggleIx>,
}

impl Ruling {
    /// A denial of something that nobody looked up.
    pub fn denied(reason: Reason) -> Self {
        Self { reason, max_age: 0, category: None }
    }

    /// What the browser hears.
    #[must_use]
    pub fn decision(self) -> Decision {
        self.reason.decision()
    }

    /// Of two rulings on one cookie the one that takes more away.
    pub fn stricter(self, other: Self) -> Self {
        let severity = |ruling: Ruling| match ruling.decision() {
            Decision::Allow => 0,
            Decision::Ask => 1,
            Decision::Deny => 2,
        };
        let max_age = self.max_age.min(other.max_age);
        if severity(other) >= severity(self) {
            Self { max_age, ..other }
        } else {
            Self { max_age, ..self }
        }
    }
}

/// The catalogue's cookies by name, for a jar that may be long.
pub struct Listings<'a>(HashMap<&'a str, Vec<&'a Listing>>);

impl<'a> Listings<'a> {
    /// Of a catalogue.
    #[must_use]
    pub fn of(catalog: &'a Catalog) -> Self {
        let mut named: HashMap<&str, Vec<&Listing>> = HashMap::new();
        for listing in &catalog.cookies {
            named.entry(&listing.name).or_default().push(listing);
        }
        Self(named)
    }

    /// The listing of a cookie, with the listed domain that its own lies in: the nearest, of several.
    #[must_use]
    pub fn find(&self, cookie: Cookie<'_>) -> Option<(&'a Listing, &'a str)> {
        let on = |listing: &&'a Listing| {
            let listing = *listing;
            let domains = listing.domains.iter().map(|domain| &**domain);
            domains.map(move |domain| (listing, domain)).collect::<Vec<_>>()
        };
        let named = self.named(cookie.name).iter().flat_map(on);
        named
            .filter(|(_, domain)| lies_in(cookie.domain, domain))
            .max_by_key(|(_, domain)| domain.len())
    }

    /// All listings of a name, on whichever domains.
    #[must_use]
    pub fn named(&self, name: &str) -> &[&'a Listing] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

/// One answer per cookie, in the order asked.
#[must_use]
pub fn judge(jar: &[Cookie<'_>], visit: &Visit<'_>) -> Vec<Ruling> {
    let listings = Listings::of(visit.catalog);
    jar.iter().map(|cookie| rule_on(*cookie, &listings, visit)).collect()
}

/// The answer about one cookie.
pub fn rule_on(cookie: Cookie<'_>, listings: &Listings<'_>, visit: &Visit<'_>) -> Ruling {
    let listing = listings.find(cookie).map(|(listing, _)| listing);
    let reason = arms(listing, visit);
    let may = reason.decision() == Decision::Allow;
    let max_age = listing.filter(|_| may).map_or(0, |listing| capped(cookie, listing));
    Ruling { reason, max_age, category: listing.map(|listing| listing.category) }
}

/// The arms that are left, in the order of the rule for data.
fn arms(listing: Option<&Listing>, visit: &Visit<'_>) -> Reason {
    if visit.caller.is_none() {
        return Reason::Unidentified;
    }
    let Some(listing) = listing else {
        return Reason::Unlisted;
    };
    let category = &visit.catalog.toggles[listing.category];
    if category.kind == ToggleKind::Fixed {
        return Reason::Essential;
    }
    if visit.minor && !category.minors {
        return Reason::Minor;
    }
    let standing = visit.toggles.standing(listing.category);
    if standing.locked {
        return Reason::Locked;
    }
    match standing.state {
        State::Off => Reason::CategoryOff,
        State::Ask => Reason::NotSet,
        State::On if is_consented(standing, visit.minor) => Reason::Consented,
        State::On => Reason::NotSet,
    }
}

/// Whether a consent is in force; a known minor's only from root or the guardian (R38).
fn is_consented(standing: Standing, minor: bool) -> bool {
    standing.consent.is_some_and(|consent| consent.by_guardian || !minor)
}

/// The lifetime asked for, at most the declared one (R34); until the browser ends is the shortest.
fn capped(cookie: Cookie<'_>, listing: &Listing) -> u64 {
    cookie.max_age.min(listing.max_age)
}

/// Whether a cookie's host is a listed domain or below it.
fn lies_in(host: &str, domain: &str) -> bool {
    let host = host.strip_prefix('.').unwrap_or(host).as_bytes();
    let Some(start) = host.len().checked_sub(domain.len()) else {
        return false;
    };
    let (below, tail) = host.split_at(start);
    tail.eq_ignore_ascii_case(domain.as_bytes())
        && (below.is_empty() || below.strip_suffix(b".").is_some_and(is_labels))
}

/// Whether these are labels of a host: what is none lies in no domain.
fn is_labels(text: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.split(|byte| *byte == b'.').all(|label| !label.is_empty() && label.iter().all(fits))
}
