//! A record of each consent of a user's after ISO/IEC TS 27560, in the Data Privacy Vocabulary 2.3, as
//! JSON-LD. Every term is the vocabulary's, Dublin Core's or RDF's own.

use serde_json::{Map, Value, json};

use super::consent::{Consent, NOT_STATED, Part, method, moment};
use super::each_once;
use crate::apps::{Apps, Country, Recipient, period};
use crate::catalog::{Basis, Catalog, DataIx, Region};

/// The schema version of a record, which has what the GDPR asks for besides.
const SCHEMA: &str = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr";
/// The rights of a person whose consent it is, by the articles of the GDPR.
const RIGHTS: [&str; 9] = [WITHDRAWAL, "A15", "A16", "A17", "A18", "A20", "A21", "A22", COMPLAINT];
const WITHDRAWAL: &str = "A7-3";
const COMPLAINT: &str = "A77";
/// What stands for the controller inside of a record.
const CONTROLLER: &str = "controller";

/// The records of one person, in the order of the consents. `principal` stands for the person.
#[must_use]
pub fn records(catalog: &Catalog, apps: &Apps, principal: &str, consents: &[Consent]) -> Value {
    let records: Vec<Value> =
        consents.iter().map(|consent| record(catalog, apps, principal, consent)).collect();
    json!({ "@context": context(), "@graph": records })
}

/// The prefixes, and which properties name things rather than say words.
fn context() -> Value {
    let prefixes = [
        ("dpv", "https://w3id.org/dpv#"),
        ("pd", "https://w3id.org/dpv/pd#"),
        ("tech", "https://w3id.org/dpv/tech#"),
        ("loc", "https://w3id.org/dpv/loc#"),
        ("eu-gdpr", "https://w3id.org/dpv/legal/eu/gdpr#"),
        ("dct", "http://purl.org/dc/terms/"),
        ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ];
    let naming = [
        "dct:conformsTo",
        "dpv:hasDataSource",
        "dpv:hasIdentifier",
        "dpv:hasJurisdiction",
        "dpv:hasLegalBasis",
        "dpv:hasLocation",
        "dpv:hasNecessity",
        "dpv:hasProcessing",
        "dpv:hasPurpose",
    ];
    let timed = ["dct:date", "dpv:isIndicatedAtTime"];
    let mut context: Map<String, Value> =
        prefixes.into_iter().map(|(prefix, iri)| (prefix.to_owned(), iri.into())).collect();
    context.extend(naming.map(|term| (term.to_owned(), json!({ "@type": "@id" }))));
    context.extend(timed.map(|term| (term.to_owned(), json!({ "@type": "xsd:dateTime" }))));
    context.into()
}

fn record(catalog: &Catalog, apps: &Apps, principal: &str, consent: &Consent) -> Value {
    let subject = format!("urn:uuid:{principal}");
    let controller = format!("urn:uuid:{}#{CONTROLLER}", consent.id);
    let processes: Vec<Value> = consent
        .parts(catalog, apps)
        .iter()
        .map(|part| process(catalog, consent, part, &controller))
        .collect();
    let authority = consent.region(catalog).and_then(|region| region.authority.as_deref());
    let rights = RIGHTS.map(|article| {
        let place = match article {
            WITHDRAWAL => consent.place(catalog),
            COMPLAINT => authority.unwrap_or(NOT_STATED).to_owned(),
            _ => "consentctl rights".to_owned(),
        };
        json!({
            "@type": ["dpv:DataSubjectRight", format!("eu-gdpr:{article}")],
            "dpv:isExercisedAt": place,
        })
    });
    let mut record = json!({
        "@id": format!("urn:uuid:{}", consent.id),
        "@type": "dpv:ConsentRecord",
        "dct:identifier": consent.id,
        "dpv:hasIdentifier": format!("urn:uuid:{}", consent.id),
        "dct:conformsTo": SCHEMA,
        "dpv:hasDataSubject": {
            "@id": subject,
            "@type": "dpv:DataSubject",
            "dpv:hasIdentifier": subject,
            "dct:identifier": principal,
        },
        "dpv:hasDataController": party(catalog, consent, &controller),
        "dpv:hasJurisdiction": jurisdiction(consent.region(catalog)),
        "dpv:hasLegalBasis": lawful(catalog),
        "dpv:hasNotice": notice(catalog, consent),
        "dct:language": consent.language(catalog),
        "dpv:hasProcess": processes,
        "dpv:hasConsentControl": {
            "@type": ["dpv:ProvideConsent", "dpv:WithdrawConsent"],
            "dpv:isExercisedAt": consent.place(catalog),
        },
        "dpv:hasRight": rights,
        "dpv:hasConsentStatus": events(consent, &subject),
    });
    if let Some(authority) = authority {
        let id = format!("urn:uuid:{}#authority", consent.id);
        record["dpv:hasAuthority"] = json!({
            "@id": id,
            "@type": "dpv:DataProtectionAuthority",
            "dpv:hasIdentifier": id,
            "dpv:hasName": authority,
            "dpv:hasAddress": NOT_STATED,
            "dpv:hasContact": authority,
        });
    }
    record
}

fn party(catalog: &Catalog, consent: &Consent, id: &str) -> Value {
    let home = consent.home(catalog);
    let contacts = home.into_iter().flat_map(|home| {
        [&home.officer, &home.contact, &home.email, &home.phone].into_iter().flatten()
    });
    let contacts: Vec<&str> = contacts.map(|said| &**said).collect();
    let contacts = if contacts.is_empty() { vec![NOT_STATED] } else { contacts };
    json!({
        "@id": id,
        "@type": ["dpv:LegalEntity", "dpv:DataController"],
        "dpv:hasIdentifier": id,
        "dct:identifier": consent.controller,
        "dpv:hasName": consent.controller,
        "dpv:hasAddress": home.map_or(NOT_STATED, |home| &*home.address),
        "dpv:hasContact": contacts,
    })
}

/// A place of the vocabulary. The region of all others is none of them: it is named.
fn jurisdiction(region: Option<&Region>) -> Value {
    let named = |name: &str| json!({ "@type": "dpv:Location", "dct:title": name });
    match region {
        Some(region) => match &*region.countries {
            [] => named(&region.name),
            [country] => place(country).into(),
            [_, ..] => place(&region.id).into(),
        },
        None => named(NOT_STATED),
    }
}

fn place(code: &str) -> String {
    format!("loc:{code}")
}

fn lawful(catalog: &Catalog) -> Vec<&str> {
    let term = catalog.bases.iter().find(|term| term.basis == Basis::Consent);
    term.into_iter().map(|term| &*term.gdpr).collect()
}

fn notice(catalog: &Catalog, consent: &Consent) -> Value {
    let known = catalog.notices.find(&consent.notice).map(|ix| &catalog.notices[ix]);
    let mut notice = json!({
        "@id": consent.notice_name(catalog),
        "@type": ["dpv:PrivacyNotice", "dpv:ConsentNotice"],
        "dct:identifier": consent.notice,
        "dct:language": consent.language(catalog),
    });
    if let Some(known) = known {
        notice["dct:title"] = known.name.to_string().into();
        notice["dct:date"] = moment(known.effective);
    }
    notice
}

fn process(catalog: &Catalog, consent: &Consent, part: &Part<'_>, controller: &str) -> Value {
    let purpose = &catalog.purposes[part.purpose];
    let (personal, other): (Vec<DataIx>, Vec<DataIx>) =
        part.data.iter().partition(|item| catalog.data[**item].personal);
    let described = |items: Vec<DataIx>| -> Vec<Value> {
        items.into_iter().map(|item| data(catalog, part, item)).collect()
    };
    let places = places(catalog, consent, part);
    let mut process = json!({
        "@type": "dpv:Process",
        "dct:identifier": purpose.id,
        "dct:title": purpose.name,
        "dpv:hasPurpose": purpose.terms.dpv,
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Use"],
        "dpv:hasPersonalData": described(personal),
        "dpv:hasDataSource": "dpv:DataSubjectDataSource",
        "dpv:hasLocation": places,
        "dpv:hasStorageCondition": [
            { "@type": "dpv:StorageLocation", "dpv:hasLocation": places },
            { "@type": "dpv:StorageDuration", "dpv:hasDuration": durations(part) },
        ],
        "dpv:hasRecipient": recipients(catalog, consent, part, controller),
    });
    if !other.is_empty() {
        process["dpv:hasData"] = described(other).into();
    }
    process
}

fn data(catalog: &Catalog, part: &Part<'_>, item: DataIx) -> Value {
    let is_mandatory = part.declared.iter().any(|declared| declared.mandatory);
    let item = &catalog.data[item];
    let mut terms = vec![if item.personal { "dpv:PersonalData" } else { "dpv:NonPersonalData" }];
    terms.extend(item.terms.dpv.iter().map(|term| &**term));
    json!({
        "@type": each_once(terms),
        "dct:identifier": item.id,
        "dct:title": item.name,
        "dpv:hasNecessity": if is_mandatory { "dpv:Required" } else { "dpv:Optional" },
    })
}

/// Where it is kept and used. What is declared to go nowhere stays on the device.
fn places(catalog: &Catalog, consent: &Consent, part: &Part<'_>) -> Vec<String> {
    let region = catalog.regions.find(&consent.region);
    let destinations = part.declared.iter().flat_map(|declared| &declared.destinations);
    let served = destinations.filter(|there| {
        there.regions.is_empty() || region.is_some_and(|region| there.regions.contains(&region))
    });
    let countries: Vec<Country> = served.map(|there| there.country).collect();
    let codes = each_once(countries.iter().map(Country::code));
    if codes.is_empty() {
        return vec!["tech:Device".to_owned()];
    }
    codes.into_iter().map(place).collect()
}

/// How long it is kept: each declared period in its words.
fn durations(part: &Part<'_>) -> Vec<Value> {
    let said = each_once(part.declared.iter().map(|declared| &*declared.retention));
    if said.is_empty() {
        return vec![duration("dpv:IndeterminateDuration", NOT_STATED)];
    }
    let class = |words: &str| match period(words) {
        Some(_) => "dpv:TemporalDuration",
        None => "dpv:UntilEventDuration",
    };
    said.into_iter().map(|words| duration(class(words), words)).collect()
}

fn duration(class: &str, words: &str) -> Value {
    json!({ "@type": class, "rdf:value": words })
}

/// Whoever receives it: at least the controller.
fn recipients(
    catalog: &Catalog,
    consent: &Consent,
    part: &Part<'_>,
    controller: &str,
) -> Vec<Value> {
    let mut known: Vec<&Recipient> = Vec::new();
    for recipient in part.declared.iter().flat_map(|declared| &declared.recipients) {
        if !known.contains(&recipient) {
            known.push(recipient);
        }
    }
    if known.is_empty() {
        return vec![json!({ "@id": controller })];
    }
    let said = |recipient: &&Recipient| {
        let (terms, id, name, contact): (Vec<&str>, &str, &str, &str) = match recipient {
            Recipient::Known(ix) => {
                let recipient = &catalog.recipients[*ix];
                let terms = recipient.terms.dpv.iter().map(|term| &**term);
                (terms.collect(), &recipient.id, &recipient.name, NOT_STATED)
            }
            Recipient::Sdk { id, name, policy } => (vec!["dpv:ThirdParty"], id, name, policy),
        };
        let iri = format!("urn:uuid:{}#{id}", consent.id);
        json!({
            "@id": iri,
            "@type": each_once(["dpv:Recipient"].into_iter().chain(terms)),
            "dpv:hasIdentifier": iri,
            "dct:identifier": id,
            "dpv:hasName": name,
            "dpv:hasAddress": NOT_STATED,
            "dpv:hasContact": contact,
        })
    };
    known.iter().map(said).collect()
}

/// That it was given, and that it ended, if it did: when, for how long, by whom, of which type and state.
fn events(consent: &Consent, subject: &str) -> Vec<Value> {
    const OPEN: &str = "until it is withdrawn";
    let (valid, lasts) = match consent.until.map(moment) {
        Some(until) => {
            (until.clone(), json!({ "@type": "dpv:UntilTimeDuration", "rdf:value": until }))
        }
        None => (OPEN.into(), duration("dpv:UntilEventDuration", OPEN)),
    };
    let given = entity(&consent.by, subject);
    let given = event(consent.at, "dpv:ConsentGiven", given, method(&consent.by), (valid, lasts));
    let mut events = vec![given];
    if let Some(ended) = consent.ended {
        let state = state(consent.how_ended.as_deref(), consent.ended_by.as_deref());
        let (by, how) = match &consent.ended_by {
            Some(by) => (entity(by, subject), method(by)),
            None => (json!({ "@type": "dpv:Entity" }), "by itself, or in a way that was not kept"),
        };
        let for_good = "from then on";
        let lasts = duration("dpv:EndlessDuration", for_good);
        events.push(event(ended, state, by, how, (for_good.into(), lasts)));
    }
    events
}

/// Whoever made a choice: the person, or somebody for the person.
fn entity(by: &str, subject: &str) -> Value {
    match by {
        "guardian" => json!({ "@type": "dpv:GuardianOfDataSubject" }),
        "administrator" => json!({ "@type": "dpv:Entity" }),
        _ => json!({ "@id": subject }),
    }
}

fn event(at: i64, state: &str, by: Value, how: &str, (valid, lasts): (Value, Value)) -> Value {
    json!({
        "@type": [state, "dpv:ExplicitlyExpressedConsent"],
        "dct:date": moment(at),
        "dpv:isIndicatedAtTime": moment(at),
        "dct:valid": valid,
        "dpv:hasDuration": lasts,
        "dpv:isIndicatedBy": by,
        "dpv:hasIndicationMethod": how,
    })
}

/// What a consent is that ended. Only the person withdraws; others revoke.
fn state(how: Option<&str>, by: Option<&str>) -> &'static str {
    match (how, by) {
        (Some("withdrawn"), Some("guardian" | "administrator")) => "dpv:ConsentRevoked",
        (Some("withdrawn"), _) => "dpv:ConsentWithdrawn",
        (Some("expired"), _) => "dpv:ConsentExpired",
        (Some("unconfirmed"), _) => "dpv:ConsentUnknown",
        // A newer one took its place, among others.
        (Some(_) | None, _) => "dpv:ConsentStatusInvalidForProcessing",
    }
}
