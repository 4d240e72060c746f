//! A record of each consent of a user's after ISO/IEC TS 27560, in the Data Privacy Vocabulary 2.3, as
//! JSON-LD. Every term is the vocabulary's or Dublin Core's.

use serde_json::{Map, Value, json};

use super::consent::{Consent, NOT_STATED, Part, method, moment};
use super::each_once;
use crate::apps::{Apps, Country, Recipient};
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
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ];
    let naming = [
        "dct:conformsTo",
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
        "dct:conformsTo": SCHEMA,
        "dpv:hasDataSubject": {
            "@id": subject,
            "@type": "dpv:DataSubject",
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
        record["dpv:hasAuthority"] =
            json!({ "@type": "dpv:DataProtectionAuthority", "dpv:hasName": authority });
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
        "dct:identifier": consent.controller,
        "dpv:hasName": consent.controller,
        "dpv:hasAddress": home.map_or(NOT_STATED, |home| &*home.address),
        "dpv:hasContact": contacts,
    })
}

/// A place of the vocabulary. The region of all others is none: it is said to be unknown.
fn jurisdiction(region: Option<&Region>) -> String {
    match region {
        Some(region) => match &*region.countries {
            [] => "dpv:NotAvailable".to_owned(),
            [country] => place(country),
            [_, ..] => place(&region.id),
        },
        None => "dpv:NotAvailable".to_owned(),
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
    let data: Vec<Value> =
        part.data.iter().map(|item| personal_data(catalog, part, *item)).collect();
    json!({
        "@type": "dpv:Process",
        "dct:identifier": purpose.id,
        "dct:title": purpose.name,
        "dpv:hasPurpose": purpose.terms.dpv,
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Use"],
        "dpv:hasPersonalData": data,
        "dpv:hasStorageCondition": storage(catalog, consent, part),
        "dpv:hasRecipient": recipients(catalog, part, controller),
    })
}

fn personal_data(catalog: &Catalog, part: &Part<'_>, item: DataIx) -> Value {
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

/// Where it is kept, and how long. What is declared to go nowhere stays on the device.
fn storage(catalog: &Catalog, consent: &Consent, part: &Part<'_>) -> Value {
    let region = catalog.regions.find(&consent.region);
    let destinations = part.declared.iter().flat_map(|declared| &declared.destinations);
    let served = destinations.filter(|there| {
        there.regions.is_empty() || region.is_some_and(|region| there.regions.contains(&region))
    });
    let countries: Vec<Country> = served.map(|there| there.country).collect();
    let codes = each_once(countries.iter().map(Country::code));
    let places: Vec<String> = if codes.is_empty() {
        vec!["dpv:WithinDevice".to_owned()]
    } else {
        codes.into_iter().map(place).collect()
    };
    json!([
        { "@type": "dpv:StorageLocation", "dpv:hasLocation": places },
        {
            "@type": "dpv:StorageDuration",
            "dpv:hasDuration": {
                "@type": "dpv:UntilEventDuration",
                "dct:description": part.retention(),
            },
        },
    ])
}

/// Whoever receives it: at least the controller.
fn recipients(catalog: &Catalog, part: &Part<'_>, controller: &str) -> Vec<Value> {
    let mut known: Vec<&Recipient> = Vec::new();
    for recipient in part.declared.iter().flat_map(|declared| &declared.recipients) {
        if !known.contains(&recipient) {
            known.push(recipient);
        }
    }
    if known.is_empty() {
        return vec![json!({ "@id": controller })];
    }
    let said = |recipient: &&Recipient| match recipient {
        Recipient::Known(ix) => {
            let recipient = &catalog.recipients[*ix];
            let mut terms = vec!["dpv:Recipient"];
            terms.extend(recipient.terms.dpv.iter().map(|term| &**term));
            json!({
                "@type": each_once(terms),
                "dct:identifier": recipient.id,
                "dpv:hasName": recipient.name,
            })
        }
        Recipient::Sdk { id, name, policy } => json!({
            "@type": ["dpv:Recipient", "dpv:ThirdParty"],
            "dct:identifier": id,
            "dpv:hasName": name,
            "dpv:hasContact": policy,
        }),
    };
    known.iter().map(said).collect()
}

/// That it was given, and that it ended, if it did: when, for how long, by whom, of which type and state.
fn events(consent: &Consent, subject: &str) -> Vec<Value> {
    let valid = match consent.until {
        Some(until) => moment(until),
        None => "until it is withdrawn".into(),
    };
    let given = entity(&consent.by, subject);
    let mut events = vec![event(consent.at, "dpv:ConsentGiven", given, method(&consent.by), valid)];
    if let Some(ended) = consent.ended {
        let state = state(consent.how_ended.as_deref());
        let (by, how) = match &consent.ended_by {
            Some(by) => (entity(by, subject), method(by)),
            None => (json!({ "@type": "dpv:Entity" }), "by itself, or in a way that was not kept"),
        };
        events.push(event(ended, state, by, how, "from then on".into()));
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

fn event(at: i64, state: &str, by: Value, how: &str, valid: Value) -> Value {
    json!({
        "@type": [state, "dpv:ExplicitlyExpressedConsent"],
        "dct:date": moment(at),
        "dpv:isIndicatedAtTime": moment(at),
        "dct:valid": valid,
        "dpv:isIndicatedBy": by,
        "dpv:hasIndicationMethod": how,
    })
}

/// What a consent is that ended.
fn state(how: Option<&str>) -> &'static str {
    match how {
        Some("withdrawn") => "dpv:ConsentWithdrawn",
        Some("expired") => "dpv:ConsentExpired",
        // A newer one took its place.
        Some("superseded") => "dpv:RenewedConsentGiven",
        Some("unconfirmed") => "dpv:ConsentUnknown",
        Some(_) | None => "dpv:ConsentStatusInvalidForProcessing",
    }
}
