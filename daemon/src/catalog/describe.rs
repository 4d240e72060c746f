//! The catalogue as rows of plain values, for `catalog show` and the bus. It decides nothing.

use crate::row::Row;

use super::{
    Answer, BasisTerm, Catalog, Cookie, Cover, DataItem, Duty, Narrowing, Never, Notice, Purpose,
    Recipient, Region, Requires, Source, Toggle, Transfer, values,
};

/// All entries of a kind: `data`, `purposes`, `toggles`, `bases`, `recipients`, `cookies`,
/// `regions`, `notices`, `never`. `None` if there is no such kind.
///
/// Each row has `id` (a cookie: `name`), and `requirement` and `section` at its end. Flags and lists
/// are always there; a text without a value is absent.
#[must_use]
pub fn describe(catalog: &Catalog, kind: &str) -> Option<Vec<Row>> {
    let rows = match kind {
        "data" => catalog.data.iter().map(|(_, item)| data_item(catalog, item)).collect(),
        "purposes" => catalog.purposes.iter().map(|(_, entry)| purpose(entry)).collect(),
        "toggles" => catalog.toggles.iter().map(|(_, entry)| toggle(entry)).collect(),
        "bases" => {
            let narrowings = catalog.narrowings.iter().map(|rule| narrowing(catalog, rule));
            catalog.bases.iter().map(basis).chain(narrowings).collect()
        }
        "recipients" => catalog.recipients.iter().map(|(_, entry)| recipient(entry)).collect(),
        "cookies" => catalog.cookies.iter().map(|entry| cookie(catalog, entry)).collect(),
        "regions" => {
            let default = &catalog.regions[catalog.default_region].id;
            catalog.regions.iter().map(|(_, entry)| region(entry, default)).collect()
        }
        "notices" => catalog.notices.iter().map(|(_, entry)| notice(entry)).collect(),
        "never" => catalog.nevers.iter().map(never).collect(),
        _ => return None,
    };
    Some(rows)
}

fn named(id: &str, name: &str) -> Row {
    Row::new().with("id", id).with("name", name)
}

fn sourced(row: Row, source: &Source) -> Row {
    row.with("requirement", &source.requirement).with("section", &source.section)
}

fn list(words: &[Box<str>]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

fn bases(bases: super::Bases) -> Vec<String> {
    bases.iter().map(|basis| basis.word().to_owned()).collect()
}

fn requires(requires: Requires) -> Vec<String> {
    let words = [
        (requires.necessary, "necessary"),
        (requires.deidentified, "deidentified"),
        (requires.aggregate, "aggregate"),
        (requires.on_device, "on-device"),
    ];
    words.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()).collect()
}

fn data_item(catalog: &Catalog, item: &DataItem) -> Row {
    let row = named(&item.id, &item.name)
        .with("personal", item.personal)
        .with("sensitivity", item.sensitivity.word())
        .with("identifier", item.identifier)
        .with("derived", item.derived)
        .with("groups", list(&item.groups))
        .with("refusal", item.shape.word())
        .maybe("approximate", item.approximate.map(|other| &catalog.data[other].id))
        .maybe("origin", item.origin.as_ref())
        .with("min_trust", item.min_trust.word())
        .with("dpv", list(&item.terms.dpv))
        .with("fides", list(&item.terms.fides))
        .with("android", list(&item.terms.android));
    sourced(row, &item.source)
}

fn purpose(purpose: &Purpose) -> Row {
    let number = Some(&purpose.number).filter(|number| !number.is_empty());
    let row = named(&purpose.id, &purpose.name)
        .maybe("number", number)
        .with("bases", bases(purpose.bases))
        .with("requires", requires(purpose.requires))
        .with("minors", purpose.minors)
        .with("objectionable", purpose.objectionable)
        .with("legal", purpose.legal)
        .with("dpv", list(&purpose.terms.dpv))
        .with("fides", list(&purpose.terms.fides))
        .with("tcf", list(&purpose.terms.tcf));
    sourced(row, &purpose.source)
}

fn toggle(toggle: &Toggle) -> Row {
    let written = |cover: &Cover| cover.written.to_string();
    let row = named(&toggle.id, &toggle.name)
        .with("kind", toggle.kind.word())
        .with("paths", list(&toggle.paths))
        .with("consent", toggle.consent)
        .with("scope", toggle.scope.word())
        .with("all_default", toggle.all_default.word())
        .with("app_default", toggle.app_default.word())
        .with("minors", toggle.minors)
        .with("succeeds", list(&toggle.succeeds))
        .with("covers", toggle.covers.iter().map(written).collect::<Vec<_>>());
    sourced(row, &toggle.source)
}

fn basis(term: &BasisTerm) -> Row {
    let row = named(term.basis.word(), &term.name).with("kind", "basis").with("gdpr", &term.gdpr);
    sourced(row, &term.source)
}

fn narrowing(catalog: &Catalog, rule: &Narrowing) -> Row {
    let regions = rule.regions.iter().map(|region| catalog.regions[*region].id.to_string());
    let row = Row::new()
        .with("id", &rule.id)
        .with("kind", "narrow")
        .with("pairs", &rule.written)
        .with("regions", regions.collect::<Vec<_>>())
        .with("bases", bases(rule.bases));
    sourced(row, &rule.source)
}

fn recipient(recipient: &Recipient) -> Row {
    let row = named(&recipient.id, &recipient.name)
        .with("requires", requires(recipient.requires))
        .with("dpv", list(&recipient.terms.dpv));
    sourced(row, &recipient.source)
}

fn cookie(catalog: &Catalog, cookie: &Cookie) -> Row {
    let row = Row::new()
        .with("name", &cookie.name)
        .with("category", &catalog.toggles[cookie.category].id)
        .with("lifetime", values::written_age(cookie.max_age))
        .with("max_age", i64::try_from(cookie.max_age).unwrap_or(i64::MAX))
        .with("domains", list(&cookie.domains))
        .with("by", &cookie.by)
        .with("conflicts", list(&cookie.conflicts));
    sourced(row, &cookie.source)
}

fn region(region: &Region, default: &str) -> Row {
    let (rule, countries): (&str, &[Box<str>]) = match &region.transfer {
        Transfer::Home { countries } => ("home", countries),
        Transfer::HomeUnlessPermitted { countries } => ("home-unless-permitted", countries),
        Transfer::Protective { countries } => ("protective", countries),
        Transfer::Declared => ("declared", &[]),
    };
    let row = named(&region.id, &region.name)
        .with("default", *region.id == *default)
        .with("countries", list(&region.countries))
        .with("controller", &region.controller)
        .with("address", &region.address)
        .maybe("contact", region.contact.as_ref())
        .maybe("email", region.email.as_ref())
        .maybe("phone", region.phone.as_ref())
        .maybe("officer", region.officer.as_ref())
        .maybe("authority", region.authority.as_ref())
        .with("data_centres", list(&region.data_centres))
        .with("transfer", rule)
        .with("transfer_countries", list(countries))
        .with("answer", answer(&region.answer))
        .with("breach", region.breach.iter().map(duty).collect::<Vec<_>>());
    sourced(row, &region.source)
}

fn answer(answer: &Answer) -> String {
    format!("within {} ({})", values::written_age(answer.within), answer.law)
}

fn duty(duty: &Duty) -> String {
    // Laws count hours.
    let within = match duty.within {
        seconds if seconds.is_multiple_of(3_600) => format!("{} h", seconds / 3_600),
        seconds => values::written_age(seconds),
    };
    let (who, risk) = (duty.tell.word(), duty.risk.word());
    format!("{who} within {within} if the risk is {risk} or more ({})", duty.law)
}

fn notice(notice: &Notice) -> Row {
    let row = named(&notice.id, &notice.name)
        .with("kind", notice.kind.word())
        .with("effective", notice.effective)
        .with("language", &notice.language)
        .with("sha256", &notice.sha256);
    sourced(row, &notice.source)
}

fn never(rule: &Never) -> Row {
    let row = Row::new().with("id", &rule.id).with("pairs", &rule.written).with("why", &rule.why);
    sourced(row, &rule.source)
}
