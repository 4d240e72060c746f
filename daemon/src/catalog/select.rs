//! Spreads what a file selects, `*`, ids, `@group` and `@a+b`, out into indexes.

use std::collections::BTreeSet;

use super::schema::Words;
use super::sheet::{Known, Spot};
use super::{DataItem, DataIx, Purpose, PurposeIx, Region, RegionIx};

/// The groups an item may name; `identifier` is told by the item's own key.
pub(super) const GROUPS: [&str; 5] = ["position", "precise", "crash", "hardware", "direct"];

/// Which purposes are meant.
pub(super) enum Purposes<'a> {
    /// These, or `*`.
    Of(&'a Words),
    /// All but these.
    Except(&'a Words),
}

/// Tells the two ways of naming purposes apart.
pub(super) fn named<'a>(
    spot: &mut Spot<'_, '_>,
    path: &str,
    purposes: Option<&'a Words>,
    except: Option<&'a Words>,
) -> Option<Purposes<'a>> {
    match (purposes, except) {
        (Some(purposes), None) => Some(Purposes::Of(purposes)),
        (None, Some(except)) => Some(Purposes::Except(except)),
        (Some(_), Some(_)) => {
            let key = join(path, "except_purposes");
            spot.wrong(&key, "stands beside `purposes`; keep one of the two");
            None
        }
        (None, None) => {
            let key = join(path, "purposes");
            spot.wrong(&key, "is missing; add `purposes` or `except_purposes`");
            None
        }
    }
}

/// The purposes a file names, in the catalogue's order.
pub(super) fn purposes(
    spot: &mut Spot<'_, '_>,
    path: &str,
    named: &Purposes<'_>,
    known: &Known<'_, '_, Purpose, PurposeIx>,
) -> Vec<PurposeIx> {
    let (key, words) = match named {
        Purposes::Of(words) => (join(path, "purposes"), words),
        Purposes::Except(words) => (join(path, "except_purposes"), words),
    };
    if is_all(spot, &key, words) {
        if let Purposes::Except(_) = named {
            spot.wrong(&key, "`*` leaves no purpose; name those that are excepted");
        }
        return known.table.iter().map(|(index, _)| index).collect();
    }
    let found: BTreeSet<PurposeIx> = refer(spot, &key, words, known);
    match named {
        Purposes::Of(_) => found.into_iter().collect(),
        Purposes::Except(_) => known
            .table
            .iter()
            .map(|(index, _)| index)
            .filter(|index| !found.contains(index))
            .collect(),
    }
}

/// The regions a file names, in the catalogue's order.
pub(super) fn regions(
    spot: &mut Spot<'_, '_>,
    words: &Words,
    known: &Known<'_, '_, Region, RegionIx>,
) -> Vec<RegionIx> {
    if is_all(spot, "regions", words) {
        return known.table.iter().map(|(index, _)| index).collect();
    }
    refer(spot, "regions", words, known).into_iter().collect()
}

/// The items a file names, in the catalogue's order.
pub(super) fn data(
    spot: &mut Spot<'_, '_>,
    path: &str,
    words: &Words,
    known: &Known<'_, '_, DataItem, DataIx>,
) -> Vec<DataIx> {
    let key = join(path, "data");
    if is_all(spot, &key, words) {
        return known.table.iter().map(|(index, _)| index).collect();
    }
    let mut found = BTreeSet::new();
    for (position, word) in words.iter().enumerate() {
        let key = join(&key, &position.to_string());
        match word.strip_prefix('@') {
            Some(groups) => found.extend(in_groups(spot, &key, groups, known)),
            None => found.extend(known.refer(spot, &key, word)),
        }
    }
    found.into_iter().collect()
}

/// The items that are in every one of `a+b`.
fn in_groups(
    spot: &mut Spot<'_, '_>,
    key: &str,
    groups: &str,
    known: &Known<'_, '_, DataItem, DataIx>,
) -> Vec<DataIx> {
    for group in groups.split('+') {
        if group != "identifier" && !GROUPS.contains(&group) {
            let right = GROUPS.join("`, `");
            spot.wrong(key, format!("no group `{group}`; groups are `identifier`, `{right}`"));
            return Vec::new();
        }
    }
    let found: Vec<DataIx> = known
        .table
        .iter()
        .filter(|(_, item)| groups.split('+').all(|group| is_in(item, group)))
        .map(|(index, _)| index)
        .collect();
    if found.is_empty() && known.is_clean(spot) {
        spot.wrong(key, format!("no data item is in `@{groups}`; name a group that has items"));
    }
    found
}

fn is_in(item: &DataItem, group: &str) -> bool {
    (group == "identifier" && item.identifier) || item.groups.iter().any(|own| **own == *group)
}

/// Whether a list is `*`; notes that it is empty, or that `*` has company.
fn is_all(spot: &mut Spot<'_, '_>, key: &str, words: &Words) -> bool {
    if words.is_empty() {
        spot.wrong(key, "names nothing; write ids, or `*` for all");
    }
    let all = words.iter().any(|word| **word == *"*");
    if all && words.len() > 1 {
        spot.wrong(key, "`*` is all of them; leave the others out");
    }
    all
}

fn refer<T: super::Entry, I: super::table::Index + Ord>(
    spot: &mut Spot<'_, '_>,
    key: &str,
    words: &Words,
    known: &Known<'_, '_, T, I>,
) -> BTreeSet<I> {
    let mut found = BTreeSet::new();
    for (position, word) in words.iter().enumerate() {
        found.extend(known.refer(spot, &join(key, &position.to_string()), word));
    }
    found
}

/// A rectangle of pairs as its file names it.
pub(super) fn written(named: &Purposes<'_>, data: &Words) -> Box<str> {
    let data = data.join(", ");
    match named {
        Purposes::Of(purposes) => format!("{} × {data}", purposes.join(", ")),
        Purposes::Except(except) => format!("all but {} × {data}", except.join(", ")),
    }
    .into()
}

fn join(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}
