//! Spreads toggles, never rules and narrowings over the (purpose, item) pairs, so that a check
//! looks up one cell.

use std::collections::HashMap;

use super::table::Index as _;
use super::{Bases, Catalog, DataIx, PurposeIx, ToggleIx};

/// Fills the matrices of a catalogue whose tables are complete.
pub(super) fn spread(catalog: &mut Catalog) {
    let cells = catalog.purposes.len() * catalog.data.len();
    let mut coverage: Vec<Vec<ToggleIx>> = vec![Vec::new(); cells];
    for (toggle, entry) in catalog.toggles.iter() {
        for cover in &entry.covers {
            for cell in rectangle(catalog, &cover.purposes, &cover.data) {
                if coverage[cell].last() != Some(&toggle) {
                    coverage[cell].push(toggle);
                }
            }
        }
    }
    let mut forbidden = vec![None; cells];
    for (position, rule) in catalog.nevers.iter().enumerate() {
        for cell in rectangle(catalog, &rule.purposes, &rule.data) {
            forbidden[cell] = forbidden[cell].or(u16::try_from(position).ok());
        }
    }
    let mut somewhere = Vec::with_capacity(cells);
    for (purpose, _) in catalog.purposes.iter() {
        for (data, _) in catalog.data.iter() {
            let each =
                catalog.regions.iter().map(|(region, _)| catalog.permitted(purpose, data, region));
            somewhere.push(each.fold(Bases::default(), Bases::or));
        }
    }
    (catalog.coverage, catalog.covering) = share(&coverage);
    catalog.forbidden = forbidden;
    catalog.somewhere = somewhere;
}

/// Lists as positions in a table of them: thousands of pairs lie under a few dozen lists.
fn share(lists: &[Vec<ToggleIx>]) -> (Vec<u32>, Vec<Box<[ToggleIx]>>) {
    let mut places: HashMap<&[ToggleIx], u32> = HashMap::new();
    let mut shared: Vec<Box<[ToggleIx]>> = Vec::new();
    let mut place = |list| {
        *places.entry(list).or_insert_with(|| {
            shared.push(list.into());
            // There are at most as many as pairs, and of those 65,535 times 65,535.
            u32::try_from(shared.len() - 1).unwrap_or(u32::MAX)
        })
    };
    let positions = lists.iter().map(|list| place(list)).collect();
    (positions, shared)
}

/// The cells of all pairs of some purposes and some items.
fn rectangle(
    catalog: &Catalog,
    purposes: &[PurposeIx],
    data: &[DataIx],
) -> impl Iterator<Item = usize> {
    let width = catalog.data.len();
    purposes.iter().flat_map(move |purpose| {
        data.iter().map(move |item| purpose.position() * width + item.position())
    })
}
