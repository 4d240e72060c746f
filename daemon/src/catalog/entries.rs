//! Makes the catalogue's entries of what its files say, one kind after the other. What is wrong
//! with one entry by itself is noted here; what only shows across entries, in `validate`.

use super::document::Problem;
use super::schema::{self, Required, TransferRule, Words};
use super::select::{self, GROUPS};
use super::sheet::{Known, Placed, Spot};
use super::table::{Index as _, Table};
use super::{
    Answer, AppDefault, Basis, BasisTerm, Cookie, Cover, DataItem, DataIx, Duty, Kind, Narrowing,
    Never, Notice, Purpose, PurposeIx, Recipient, Region, RegionIx, Requires, Scope, Sensitivity,
    Shape, Source, State, Terms, Toggle, ToggleIx, Told, Transfer, Trust, values,
};

/// The purposes that may rest on a legitimate interest (R27).
const OF_LEGITIMATE_INTEREST: [&str; 4] = ["P16", "P22", "P23", "P25"];

/// Personalised ads, which never may (R27).
pub(crate) const PERSONALISED_ADS: &str = "P21";

pub(super) type DataKnown<'a, 't> = Known<'a, 't, DataItem, DataIx>;
pub(super) type PurposesKnown<'a, 't> = Known<'a, 't, Purpose, PurposeIx>;

fn source(spot: &mut Spot<'_, '_>, requirement: Box<str>, section: Box<str>) -> Source {
    spot.take("requirement", values::requirement(&requirement));
    spot.take("section", values::words(&section));
    Source { requirement, section }
}

fn id_and_name(spot: &mut Spot<'_, '_>, id: &str, name: &str) {
    spot.take("id", values::id(id));
    spot.take("name", values::words(name));
}

/// All but `approximate`, which may name an item further down.
pub(super) fn data_item(spot: &mut Spot<'_, '_>, raw: schema::Data) -> DataItem {
    id_and_name(spot, &raw.id, &raw.name);
    if raw.sensitivity.is_none() {
        let right = "say `public`, `internal`, `confidential` or `restricted` (R55)";
        spot.wrong("sensitivity", format!("is missing; {right}"));
    }
    for (position, group) in raw.groups.iter().enumerate() {
        if !GROUPS.contains(&&**group) {
            let right = GROUPS.join("`, `");
            let text = format!("no group `{group}`; groups are `{right}`");
            spot.wrong(&format!("groups.{position}"), text);
        }
    }
    let is_in = |group: &str| raw.groups.iter().any(|own| **own == *group);
    if is_in("precise") && !is_in("position") {
        spot.wrong("groups", "`precise` without `position`; add `position` (R5)");
    }
    if raw.refusal == Shape::Approximate && raw.approximate.is_none() {
        spot.wrong("refusal", "`approximate` without a counterpart; add `approximate`");
    }
    match &raw.origin {
        Some(origin) => {
            spot.take("origin", values::words(origin));
        }
        None if values::is_of(&raw.requirement, "R9") => {
            spot.wrong("origin", "is missing; say which third party gives the item (R9)");
        }
        None => {}
    }
    DataItem {
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
        name: raw.name,
        personal: raw.personal,
        sensitivity: raw.sensitivity.unwrap_or(Sensitivity::Restricted),
        identifier: raw.identifier,
        derived: raw.derived,
        groups: raw.groups,
        shape: raw.refusal,
        approximate: None,
        origin: raw.origin,
        min_trust: raw.min_trust.unwrap_or(Trust::Weak),
        terms: Terms { dpv: raw.dpv, fides: raw.fides, android: raw.android, tcf: Vec::new() },
    }
}

/// Joins each item to its approximate counterpart, once all items are there.
pub(super) fn approximate(
    items: &mut Table<DataItem, DataIx>,
    placed: &Placed<'_, '_>,
    counterparts: &[(Box<str>, Box<str>)],
    problems: &mut Vec<Problem>,
) {
    for (id, other) in counterparts {
        let Some(item) = items.find(id) else { continue };
        let mut spot = placed.spot(item.position(), problems);
        let known = Known { what: "data item", table: items, placed };
        let Some(counterpart) = known.refer(&mut spot, "approximate", other) else { continue };
        let groups = &items[counterpart].groups;
        let is_in = |group: &str| groups.iter().any(|own| **own == *group);
        if !is_in("position") || is_in("precise") {
            let text = format!(
                "`{other}` is no approximate position; name an item in `position` that is not `precise` (R5)"
            );
            spot.wrong("approximate", text);
        }
        items.row_mut(item).approximate = Some(counterpart);
    }
}

pub(super) fn purpose(spot: &mut Spot<'_, '_>, raw: schema::Purpose) -> Purpose {
    id_and_name(spot, &raw.id, &raw.name);
    let is_number = |text: &str| {
        let number = text.strip_prefix('P').and_then(|number| number.parse::<u8>().ok());
        number.is_some_and(|number| (1..=25).contains(&number))
    };
    if !raw.number.is_empty() && !is_number(&raw.number) {
        spot.wrong("number", format!("`{}` is no purpose of R13; write `P1` to `P25`", raw.number));
    }
    if raw.bases.contains(&Basis::LegitimateInterest)
        && !OF_LEGITIMATE_INTEREST.contains(&&*raw.number)
    {
        let right = OF_LEGITIMATE_INTEREST.join(", ");
        let text = format!("legitimate interest is for {right} alone (R27); leave it out");
        spot.wrong("bases", text);
    }
    Purpose {
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
        number: raw.number,
        name: raw.name,
        bases: raw.bases.into_iter().collect(),
        requires: requires(&raw.requires),
        minors: raw.minors,
        objectionable: raw.objectionable,
        legal: raw.legal,
        terms: Terms { dpv: raw.dpv, fides: raw.fides, android: Vec::new(), tcf: raw.tcf },
    }
}

fn requires(words: &[Required]) -> Requires {
    Requires {
        necessary: words.contains(&Required::Necessary),
        deidentified: words.contains(&Required::Deidentified),
        aggregate: words.contains(&Required::Aggregate),
        on_device: words.contains(&Required::OnDevice),
    }
}

pub(super) fn basis_term(spot: &mut Spot<'_, '_>, raw: schema::BasisTerm) -> BasisTerm {
    spot.take("name", values::words(&raw.name));
    spot.take("gdpr", values::words(&raw.gdpr));
    BasisTerm {
        source: source(spot, raw.requirement, raw.section),
        basis: raw.id,
        name: raw.name,
        gdpr: raw.gdpr,
    }
}

pub(super) fn narrowing(
    spot: &mut Spot<'_, '_>,
    raw: schema::Narrowing,
    purposes: &PurposesKnown<'_, '_>,
    data: &DataKnown<'_, '_>,
    regions: &Known<'_, '_, Region, RegionIx>,
) -> Narrowing {
    spot.take("id", values::id(&raw.id));
    let named = select::Purposes::Of(&raw.purposes);
    let written = select::written(&named, &raw.data);
    Narrowing {
        purposes: select::purposes(spot, "", &named, purposes),
        data: select::data(spot, "", &raw.data, data),
        regions: select::regions(spot, &raw.regions, regions),
        bases: raw.bases.into_iter().collect(),
        written,
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
    }
}

pub(super) fn never(
    spot: &mut Spot<'_, '_>,
    raw: schema::Never,
    purposes: &PurposesKnown<'_, '_>,
    data: &DataKnown<'_, '_>,
) -> Never {
    spot.take("id", values::id(&raw.id));
    spot.take("why", values::words(&raw.why));
    let named = select::named(spot, "", raw.purposes.as_ref(), raw.except_purposes.as_ref());
    Never {
        purposes: named
            .as_ref()
            .map(|named| select::purposes(spot, "", named, purposes))
            .unwrap_or_default(),
        data: select::data(spot, "", &raw.data, data),
        why: raw.why,
        written: named.map(|named| select::written(&named, &raw.data)).unwrap_or_default(),
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
    }
}

pub(super) fn toggle(
    spot: &mut Spot<'_, '_>,
    raw: schema::Toggle,
    purposes: &PurposesKnown<'_, '_>,
    data: &DataKnown<'_, '_>,
) -> Toggle {
    id_and_name(spot, &raw.id, &raw.name);
    for (position, path) in raw.paths.iter().enumerate() {
        spot.take(&format!("paths.{position}"), values::words(path));
    }
    for (position, id) in raw.succeeds.iter().enumerate() {
        spot.take(&format!("succeeds.{position}"), values::id(id));
    }
    let kind = raw.kind.unwrap_or(Kind::Switch);
    states(spot, &raw, kind);
    let covers = raw.covers.iter().enumerate();
    let covers = covers
        .map(|(position, raw)| {
            let path = format!("covers.{position}");
            let named =
                select::named(spot, &path, raw.purposes.as_ref(), raw.except_purposes.as_ref());
            let found = select::data(spot, &path, &raw.data, data);
            let named = named.as_ref();
            Cover {
                purposes: named
                    .map(|named| select::purposes(spot, &path, named, purposes))
                    .unwrap_or_default(),
                data: with_all_identifiers(found, data),
                written: named.map(|named| select::written(named, &raw.data)).unwrap_or_default(),
            }
        })
        .collect();
    Toggle {
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
        name: raw.name,
        kind,
        paths: raw.paths,
        consent: raw.consent,
        scope: raw.scope,
        all_default: raw.all_default,
        app_default: raw.app_default,
        minors: raw.minors,
        succeeds: raw.succeeds,
        covers,
    }
}

/// What a toggle may say of its states.
fn states(spot: &mut Spot<'_, '_>, raw: &schema::Toggle, kind: Kind) {
    if raw.all_default == State::Ask {
        spot.wrong("all_default", "`ask` is for apps; say `on` or `off`");
    }
    let follows = raw.scope == Scope::All || raw.app_default == AppDefault::Follow;
    if raw.consent && raw.all_default == State::On && follows {
        let right = "say `all_default = \"off\"`, or `app_default = \"ask\"` or `\"off\"`";
        let text = format!("no default makes a consent toggle on for an app; {right}");
        spot.wrong("all_default", text);
    }
    if !raw.minors && raw.scope != Scope::Site {
        let text = "only a category of cookies is closed to minors here; else the purpose is (R38)";
        spot.wrong("minors", text);
    }
    match kind {
        Kind::Switch => {}
        Kind::Fixed | Kind::Action => {
            let what = if kind == Kind::Fixed { "fixed" } else { "action" };
            if raw.consent {
                spot.wrong("consent", format!("nobody switches what is `{what}`; say `false`"));
            }
            if !raw.covers.is_empty() {
                let text = format!("a toggle that is `{what}` covers nothing; leave it out");
                spot.wrong("covers", text);
            }
        }
    }
    if kind == Kind::Fixed && raw.all_default != State::On {
        spot.wrong("all_default", "a fixed toggle is always on; say `on` (R26)");
    }
    if kind == Kind::Fixed && raw.app_default != AppDefault::Follow {
        spot.wrong("app_default", "a fixed toggle is always on; say `follow` (R26)");
    }
}

/// One identifier refused and another given would be none refused.
fn with_all_identifiers(mut found: Vec<DataIx>, data: &DataKnown<'_, '_>) -> Vec<DataIx> {
    if found.iter().any(|item| data.table[*item].identifier) {
        let identifiers = data.table.iter().filter(|(_, item)| item.identifier);
        found.extend(identifiers.map(|(index, _)| index));
        found.sort_unstable();
        found.dedup();
    }
    found
}

pub(super) fn recipient(spot: &mut Spot<'_, '_>, raw: schema::Recipient) -> Recipient {
    id_and_name(spot, &raw.id, &raw.name);
    Recipient {
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
        name: raw.name,
        requires: requires(&raw.requires),
        terms: Terms { dpv: raw.dpv, ..Terms::default() },
    }
}

pub(super) fn cookie(
    spot: &mut Spot<'_, '_>,
    raw: schema::Cookie,
    toggles: &Known<'_, '_, Toggle, ToggleIx>,
) -> Cookie {
    spot.take("name", values::words(&raw.name));
    spot.take("by", values::words(&raw.by));
    if raw.domains.is_empty() {
        spot.wrong("domains", "names none; name the domains that the cookie is listed for (R33)");
    }
    for (position, domain) in raw.domains.iter().enumerate() {
        spot.take(&format!("domains.{position}"), values::domain(domain));
    }
    let category = toggles.refer(spot, "category", &raw.category);
    if let Some(toggle) = category.map(|category| &toggles.table[category]) {
        if toggle.scope != Scope::Site {
            let text =
                format!("`{}` is no category of cookies: its scope is not `site`", toggle.id);
            spot.wrong("category", text);
        } else if toggle.kind != Kind::Fixed && !toggle.consent {
            let text = format!(
                "`{}` is neither fixed nor a consent; what is not essential needs consent first (R33)",
                toggle.id
            );
            spot.wrong("category", text);
        }
    }
    let max_age = spot.take("max_age", values::age(&raw.max_age));
    for (position, conflict) in raw.conflicts.iter().enumerate() {
        let key = format!("conflicts.{position}");
        let other = spot.take(&key, values::other_age(conflict));
        if let (Some(own), Some((other, policy))) = (max_age, other)
            && other <= own
        {
            let text = format!(
                "{policy}'s lifetime is not longer than `max_age`; the shorter rules (R35)"
            );
            spot.wrong(&key, text);
        }
    }
    Cookie {
        source: source(spot, raw.requirement, raw.section),
        name: raw.name,
        category: category.unwrap_or(ToggleIx(0)),
        max_age: max_age.unwrap_or_default(),
        domains: raw.domains,
        by: raw.by,
        conflicts: raw.conflicts,
    }
}

pub(super) fn region(spot: &mut Spot<'_, '_>, raw: schema::Region) -> Region {
    spot.take("id", values::region_id(&raw.id));
    spot.take("name", values::words(&raw.name));
    spot.take("controller", values::words(&raw.controller));
    spot.take("address", values::words(&raw.address));
    countries(spot, "countries", &raw.countries);
    countries(spot, "data_centres", &raw.data_centres);
    Region {
        answer: answer(spot, raw.answer),
        breach: duties(spot, raw.breach, raw.authority.is_some()),
        transfer: transfer(spot, raw.transfer),
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
        name: raw.name,
        countries: raw.countries,
        controller: raw.controller,
        address: raw.address,
        contact: raw.contact,
        email: raw.email,
        phone: raw.phone,
        officer: raw.officer,
        data_centres: raw.data_centres,
        authority: raw.authority,
    }
}

/// Within how long a case is to be answered (R52). A region that says nothing has the shortest time that
/// those of the policies have: a ruling.
fn answer(spot: &mut Spot<'_, '_>, raw: Option<schema::Answer>) -> Answer {
    let Some(raw) = raw else {
        return Answer { within: 30 * 86_400, law: "ruling".into() };
    };
    spot.take("answer.law", values::words(&raw.law));
    let within = spot.take("answer.within", values::span(&raw.within)).unwrap_or_default();
    Answer { within, law: raw.law }
}

/// Whom to tell of a breach (R56).
fn duties(spot: &mut Spot<'_, '_>, raw: Vec<schema::Duty>, has_authority: bool) -> Vec<Duty> {
    let mut duties: Vec<Duty> = Vec::with_capacity(raw.len());
    for (position, duty) in raw.into_iter().enumerate() {
        let at = |key: &str| format!("breach.{position}.{key}");
        spot.take(&at("law"), values::words(&duty.law));
        spot.take(&at("tell"), values::words(&duty.tell));
        let within = spot.take(&at("within"), values::span(&duty.within)).unwrap_or_default();
        let tell = match &*duty.tell {
            "authority" if !has_authority => {
                let text = "this region names no `authority`; name it, or the body to tell here";
                spot.wrong(&at("tell"), text);
                Told::Authority
            }
            "authority" => Told::Authority,
            "users" => Told::Users,
            _ => Told::Body(duty.tell.clone()),
        };
        if duties.iter().any(|known| known.tell == tell) {
            let text = format!("`{}` stands in the list already; keep one of the two", tell.word());
            spot.wrong(&at("tell"), text);
        }
        duties.push(Duty { tell, risk: duty.risk, within, law: duty.law });
    }
    duties
}

fn countries(spot: &mut Spot<'_, '_>, key: &str, codes: &Words) {
    for (position, code) in codes.iter().enumerate() {
        let key = format!("{key}.{position}");
        spot.take(&key, values::country(code));
        if codes[..position].contains(code) {
            spot.wrong(&key, format!("`{code}` stands in the list already; leave it out"));
        }
    }
}

fn transfer(spot: &mut Spot<'_, '_>, raw: schema::Transfer) -> Transfer {
    countries(spot, "transfer.countries", &raw.countries);
    let declared = raw.rule == TransferRule::Declared;
    match (declared, raw.countries.is_empty()) {
        (true, false) => {
            let text = "`declared` is about no country; leave the countries out";
            spot.wrong("transfer.countries", text);
        }
        (false, true) => {
            spot.wrong("transfer.countries", "names none; name the countries the rule is about");
        }
        (true, true) | (false, false) => {}
    }
    let countries = raw.countries;
    match raw.rule {
        TransferRule::Home => Transfer::Home { countries },
        TransferRule::HomeUnlessPermitted => Transfer::HomeUnlessPermitted { countries },
        TransferRule::Protective => Transfer::Protective { countries },
        TransferRule::Declared => Transfer::Declared,
    }
}

pub(super) fn notice(spot: &mut Spot<'_, '_>, raw: schema::Notice) -> Notice {
    id_and_name(spot, &raw.id, &raw.name);
    spot.take("language", values::language(&raw.language));
    spot.take("sha256", values::sha256(&raw.sha256));
    Notice {
        effective: spot.take("effective", values::date(&raw.effective)).unwrap_or_default(),
        source: source(spot, raw.requirement, raw.section),
        id: raw.id,
        name: raw.name,
        language: raw.language,
        sha256: raw.sha256,
        kind: raw.kind,
    }
}
