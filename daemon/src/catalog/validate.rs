//! What a catalogue must hold beyond its single entries to be taken.

use std::collections::{HashMap, HashSet};

use super::document::Problem;
use super::sheet::Placed;
use super::table::{Index as _, Table};
use super::{Basis, Catalog, Kind, Notice, NoticeIx, ToggleIx};

/// Where the entries of each list stand.
pub(super) struct Places<'a, 't> {
    pub data: &'a Placed<'a, 't>,
    pub purposes: &'a Placed<'a, 't>,
    pub regions: &'a Placed<'a, 't>,
    pub toggles: &'a Placed<'a, 't>,
    pub terms: &'a Placed<'a, 't>,
    pub narrowings: &'a Placed<'a, 't>,
    pub nevers: &'a Placed<'a, 't>,
    pub cookies: &'a Placed<'a, 't>,
}

/// Notes whatever is wrong across entries.
pub(super) fn check(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    all_bases(catalog, places, problems);
    doubled(catalog, places, problems);
    countries(catalog, places, problems);
    toggles(catalog, places, problems);
    let on = [places.data, places.purposes, places.regions, places.narrowings, places.nevers];
    if on.iter().all(|placed| placed.is_clean(problems)) {
        purposes(catalog, places, problems);
        narrowings(catalog, places, problems);
    }
    let on = [places.data, places.purposes, places.toggles];
    if on.iter().all(|placed| placed.is_clean(problems)) {
        derived(catalog, places, problems);
    }
}

/// R27: each of the four once.
fn all_bases(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for (position, term) in catalog.bases.iter().enumerate() {
        if !seen.insert(term.basis) {
            let text =
                format!("`{}` stands in this table already; leave one out", term.basis.word());
            places.terms.spot(position, problems).wrong("id", text);
        }
    }
    if !places.terms.is_clean(problems) {
        return;
    }
    for basis in Basis::ALL.into_iter().filter(|basis| !seen.contains(basis)) {
        let text = format!("no entry for `{}`; add one `[[basis]]` for it (R27)", basis.word());
        places.terms.whole_file(problems).wrong("basis", text);
    }
}

/// Ids of entries that are kept in lists; a cookie's is its name on a domain.
fn doubled(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    let mut lists: [(Vec<&str>, &Placed<'_, '_>); 2] = [
        (catalog.narrowings.iter().map(|rule| &*rule.id).collect(), places.narrowings),
        (catalog.nevers.iter().map(|rule| &*rule.id).collect(), places.nevers),
    ];
    for (ids, placed) in &mut lists {
        let mut seen = HashSet::new();
        for (position, id) in ids.iter().enumerate() {
            if !seen.insert(*id) {
                let text = format!(
                    "`{id}` stands in this table already; give each entry an id of its own"
                );
                placed.spot(position, problems).wrong("id", text);
            }
        }
    }
    let mut seen = HashSet::new();
    for (position, cookie) in catalog.cookies.iter().enumerate() {
        for domain in &cookie.domains {
            if !seen.insert((&cookie.name, domain)) {
                let name = &cookie.name;
                let text = format!("`{name}` is listed for {domain} already; keep one entry");
                places.cookies.spot(position, problems).wrong("name", text);
                break;
            }
        }
    }
}

/// Each country lies in one region, and at most one region is that of all others.
fn countries(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    let mut region_of: HashMap<&str, &str> = HashMap::new();
    let mut others: Option<&str> = None;
    for (index, region) in catalog.regions.iter() {
        let mut spot = places.regions.spot(index.position(), problems);
        for (position, country) in region.countries.iter().enumerate() {
            let earlier = *region_of.entry(country).or_insert(&region.id);
            if *earlier != *region.id {
                let text =
                    format!("`{country}` lies in `{earlier}` already; keep it in one region");
                spot.wrong(&format!("countries.{position}"), text);
            }
        }
        if region.countries.is_empty()
            && let Some(earlier) = others.replace(&region.id)
        {
            let text =
                format!("`{earlier}` is the region of all other countries already; name countries");
            spot.wrong("countries", text);
        }
    }
}

/// Toggles that do nothing, or that claim to succeed one that is still there.
fn toggles(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    let is_listed = places.cookies.is_clean(problems);
    for (index, toggle) in catalog.toggles.iter() {
        let mut spot = places.toggles.spot(index.position(), problems);
        for (position, id) in toggle.succeeds.iter().enumerate() {
            if catalog.toggles.find(id).is_some() {
                let text = format!("`{id}` is still a toggle; name one of an earlier catalogue");
                spot.wrong(&format!("succeeds.{position}"), text);
            }
        }
        let is_category = catalog.cookies.iter().any(|cookie| cookie.category == index);
        let is_idle = toggle.covers.is_empty() && !is_category;
        if toggle.kind == Kind::Switch && is_idle && is_listed {
            spot.wrong("covers", "the toggle switches nothing; say what it covers");
        }
    }
}

/// What apps derive has a control (R60).
fn derived(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    let is_consent = |toggle: &ToggleIx| catalog.toggles[*toggle].consent;
    for (data, _) in catalog.data.iter().filter(|(_, item)| item.derived) {
        let mut purposes = catalog.purposes.iter();
        if !purposes.any(|(purpose, _)| catalog.covering(purpose, data).iter().any(is_consent)) {
            let text = "no toggle that is a consent covers it; let one, or leave this out (R60)";
            places.data.spot(data.position(), problems).wrong("derived", text);
        }
    }
}

/// Every purpose can be had on some basis, unless it is always refused.
fn purposes(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    for (purpose, _) in catalog.purposes.iter() {
        let is_usable = catalog
            .data
            .iter()
            .any(|(data, _)| !catalog.permitted_somewhere(purpose, data).is_empty());
        let is_refused =
            catalog.data.iter().all(|(data, _)| catalog.never_index(purpose, data).is_some());
        if !is_usable && !is_refused {
            let text = "no basis is permitted in any region; permit one (R27), or refuse the purpose in never.toml";
            places.purposes.spot(purpose.position(), problems).wrong("bases", text);
        }
    }
}

/// A rule that leaves a pair with no basis at all would deny it without saying so.
fn narrowings(catalog: &Catalog, places: &Places<'_, '_>, problems: &mut Vec<Problem>) {
    for (position, rule) in catalog.narrowings.iter().enumerate() {
        let stranded = rule.purposes.iter().find_map(|purpose| {
            let before = catalog.purposes[*purpose].bases;
            let stranded = rule.data.iter().find(|data| {
                catalog.permitted_somewhere(*purpose, **data).is_empty() && !before.is_empty()
            });
            stranded.map(|data| (&catalog.purposes[*purpose].id, &catalog.data[*data].id))
        });
        if let Some((purpose, data)) = stranded
            && !rule.bases.is_empty()
        {
            let text = format!(
                "leaves `{data}` for `{purpose}` no basis; give the purpose one of these in purposes.toml"
            );
            places.narrowings.spot(position, problems).wrong("bases", text);
        }
    }
}

/// Brings the notices into the order in which they took effect (R39).
pub(super) fn in_order(
    mut notices: Vec<Notice>,
    placed: &Placed<'_, '_>,
    table: &mut Table<Notice, NoticeIx>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: HashMap<i64, &str> = HashMap::new();
    let mut ids: HashSet<&str> = HashSet::new();
    for (position, notice) in notices.iter().enumerate() {
        let mut spot = placed.spot(position, problems);
        if !ids.insert(&notice.id) {
            let text = format!(
                "`{}` stands in this table already; give each entry an id of its own",
                notice.id
            );
            spot.wrong("id", text);
        } else if let Some(earlier) = seen.insert(notice.effective, &notice.id) {
            let text = format!(
                "`{earlier}` takes effect the same day; give each notice a day of its own, so that they have an order (R39)"
            );
            spot.wrong("effective", text);
        }
    }
    notices.sort_by_key(|notice| notice.effective);
    for notice in notices {
        // A doubled id was noted above.
        let _ = table.push(notice);
    }
}
