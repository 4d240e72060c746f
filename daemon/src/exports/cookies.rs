//! The listed cookies, as device-storage disclosures of IAB Europe's framework.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::each_once;
use crate::catalog::{Catalog, Cookie, PurposeIx};

/// The framework's purpose 1: storage that needs consent. Storage that is exempt does not name it.
const STORAGE: u8 = 1;
/// What the framework's purposes of a category's cookies are. The policies name categories alone; the
/// purposes are those of the same thing done with other data: P22 and P21.
const OF_CATEGORY: [(&str, &str); 2] =
    [("cookies.analytics", "analytics.internal"), ("cookies.advertising", "ads.personalised")];

/// Every listed cookie, and the domains they are on.
#[must_use]
pub fn disclosures(catalog: &Catalog) -> Value {
    let disclosures: Vec<Value> =
        catalog.cookies.iter().map(|cookie| disclosure(catalog, cookie)).collect();
    let mut used: BTreeMap<&str, Vec<&Cookie>> = BTreeMap::new();
    for cookie in &catalog.cookies {
        for domain in &cookie.domains {
            used.entry(domain).or_default().push(cookie);
        }
    }
    let domains: Vec<Value> = used
        .into_iter()
        .flat_map(|(domain, cookies)| {
            let owners = each_once(cookies.iter().map(|cookie| &*cookie.by)).join(", ");
            let purposes: BTreeSet<u8> =
                cookies.iter().flat_map(|cookie| purposes(catalog, cookie)).collect();
            spread(domain).map(|domain| {
                let words = format!("Cookies of {owners}");
                json!({ "domain": domain, "use": words, "purposes": purposes })
            })
        })
        .collect();
    json!({ "disclosures": disclosures, "domains": domains })
}

fn disclosure(catalog: &Catalog, cookie: &Cookie) -> Value {
    let domains: Vec<String> = cookie.domains.iter().flat_map(|domain| spread(domain)).collect();
    json!({
        "identifier": cookie.name,
        "type": "cookie",
        // 0 is a session, in the framework's words as in the catalogue's.
        "maxAgeSeconds": cookie.max_age,
        // No policy says that a lifetime begins anew when a page is seen again.
        "cookieRefresh": false,
        "domains": domains,
        "purposes": purposes(catalog, cookie),
    })
}

/// A domain as it is listed, and all below it: a listing counts for its subdomains (R33).
fn spread(domain: &str) -> [String; 2] {
    [domain.to_owned(), format!("*.{domain}")]
}

fn purposes(catalog: &Catalog, cookie: &Cookie) -> Vec<u8> {
    let category = &catalog.toggles[cookie.category];
    let same = same_purpose(catalog, &category.id);
    let named = same.into_iter().flat_map(|ix| &catalog.purposes[ix].terms.tcf);
    let mut purposes: Vec<u8> = category.consent.then_some(STORAGE).into_iter().collect();
    // `SP1` and the like are special purposes, which have a field of their own: no listed cookie has one.
    purposes.extend(named.filter_map(|term| term.parse::<u8>().ok()));
    purposes
}

/// The purpose of other data that a category of cookies has too.
pub(super) fn same_purpose(catalog: &Catalog, category: &str) -> Option<PurposeIx> {
    let (_, purpose) = OF_CATEGORY.iter().find(|(of, _)| *of == category)?;
    catalog.purposes.find(purpose)
}
