//! What the apps declare, as a manifest that fideslang 3.1 reads: each app a system, each of its
//! purposes a privacy declaration.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{each_once, recipient_name};
use crate::apps::{App, Apps, Collection, Destination};
use crate::catalog::{Basis, Catalog, DataIx, PurposeIx, RegionIx};

/// Whose data it is, in fideslang's words: somebody with a device of the controller's.
const SUBJECT: &str = "customer";
/// Of an item that has no term.
const ANY_DATA: &str = "user";

/// A manifest of all declared apps, in the order of their ids.
#[must_use]
pub fn manifest(catalog: &Catalog, apps: &Apps) -> Value {
    let mut apps: Vec<&App> = apps.iter().map(|(_, app)| app).collect();
    apps.sort_by(|one, other| one.id.cmp(&other.id));
    let systems: Vec<Value> = apps.into_iter().map(|app| system(catalog, app)).collect();
    json!({ "system": systems })
}

fn system(catalog: &Catalog, app: &App) -> Value {
    let destinations = || app.collections.iter().flat_map(|part| &part.destinations);
    let safeguards = destinations().filter_map(|there| Some(there.safeguard?.word()));
    json!({
        "fides_key": app.id,
        "name": app.name,
        "system_type": "Application",
        "privacy_declarations": declarations(catalog, app),
        "does_international_transfers": destinations().any(|there| leaves_home(catalog, there)),
        "legal_basis_for_transfers": each_once(safeguards),
        "uses_profiling": app.collections.iter().any(|part| part.automated),
    })
}

/// One for each purpose, part of the declaration and use. A use is a single term in fideslang: a purpose
/// with several has as many.
fn declarations(catalog: &Catalog, app: &App) -> Vec<Value> {
    let mut parts: BTreeMap<(PurposeIx, u16), Vec<DataIx>> = BTreeMap::new();
    for pair in &app.pairs {
        parts.entry((pair.purpose, pair.collection)).or_default().push(pair.data);
    }
    // The name and the use together tell declarations apart.
    let mut named: BTreeMap<PurposeIx, u32> = BTreeMap::new();
    let mut declarations = Vec::new();
    for ((ix, part), data) in parts {
        let purpose = &catalog.purposes[ix];
        let count = named.entry(ix).or_default();
        *count += 1;
        let name = match *count {
            1 => purpose.name.to_string(),
            count => format!("{} ({count})", purpose.name),
        };
        let part = &app.collections[usize::from(part)];
        for data_use in &purpose.terms.fides {
            declarations.push(declaration(catalog, part, &name, data_use, &data));
        }
    }
    declarations
}

fn declaration(
    catalog: &Catalog,
    part: &Collection,
    name: &str,
    data_use: &str,
    data: &[DataIx],
) -> Value {
    let categories = each_once(data.iter().flat_map(|item| categories(catalog, *item)));
    let recipients: Vec<&str> =
        part.recipients.iter().map(|recipient| recipient_name(catalog, recipient)).collect();
    let is_shared = !recipients.is_empty();
    let mut declaration = json!({
        "name": name,
        "data_categories": categories,
        "data_use": data_use,
        "data_subjects": [SUBJECT],
        // Nobody may put another basis in its place (R28).
        "flexible_legal_basis_for_processing": false,
        "legal_basis_for_processing": legal_basis(part.basis),
        "retention_period": &*part.retention,
        "data_shared_with_third_parties": is_shared,
    });
    if is_shared {
        declaration["third_parties"] = recipients.join(", ").into();
        declaration["shared_categories"] = categories.into();
    }
    declaration
}

fn categories(catalog: &Catalog, item: DataIx) -> Vec<&str> {
    let terms = &catalog.data[item].terms.fides;
    if terms.is_empty() { vec![ANY_DATA] } else { terms.iter().map(|term| &**term).collect() }
}

/// fideslang's words for the bases of GDPR 6.
fn legal_basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Consent => "Consent",
        Basis::Contract => "Contract",
        Basis::LegalObligation => "Legal obligations",
        Basis::LegitimateInterest => "Legitimate interests",
    }
}

/// Whether a country lies outside of a region that it serves. The region of all others is no country's
/// home: it spans many.
fn leaves_home(catalog: &Catalog, there: &Destination) -> bool {
    let is_abroad = |region: &RegionIx| {
        let countries = &catalog.regions[*region].countries;
        !countries.iter().any(|country| **country == *there.country.code())
    };
    if there.regions.is_empty() {
        catalog.regions.iter().any(|(region, _)| is_abroad(&region))
    } else {
        there.regions.iter().any(is_abroad)
    }
}
