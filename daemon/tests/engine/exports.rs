//! The documents of an export, against what their publishers ask for.

use std::collections::BTreeSet;

use consentd::engine::Engine;
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::By;
use consentd::exports::Document;
use serde_json::{Value, json};

use crate::device::{BEGIN, Device, GAME, OTHER_USER, USER, WEATHER, allow_for, set};

fn found<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    list.as_array().unwrap().iter().find(|entry| entry[key] == value).unwrap()
}

#[test]
fn every_app_is_a_system_and_every_pair_is_in_it() {
    let device = Device::new();
    let engine = device.start();
    let manifest = engine.document(USER, Document::Fides).unwrap();
    let systems = manifest["system"].as_array().unwrap();
    let policy = engine.policy().unwrap();
    assert_eq!(systems.len(), policy.apps.len());
    for (_, app) in policy.apps.iter() {
        let system = found(&manifest["system"], "fides_key", &app.id);
        for pair in &app.pairs {
            let (purpose, item) =
                (&policy.catalog.purposes[pair.purpose], &policy.catalog.data[pair.data]);
            let retention = &*app.collection(pair).retention;
            let declared =
                system["privacy_declarations"].as_array().unwrap().iter().any(|declared| {
                    purpose.terms.fides.iter().any(|term| declared["data_use"] == **term)
                        && declared["retention_period"] == *retention
                        && item.terms.fides.iter().all(|term| {
                            declared["data_categories"].as_array().unwrap().contains(&json!(term))
                        })
                });
            assert!(declared, "{}: {} for {}", app.id, item.id, purpose.id);
        }
    }
    let weather = found(&manifest["system"], "fides_key", WEATHER);
    assert_eq!(
        weather["privacy_declarations"][0],
        json!({
            "name": "Location-based services",
            "data_categories": ["user.location.imprecise", "user.location.precise"],
            "data_use": "essential.service.operations",
            "data_subjects": ["customer"],
            "flexible_legal_basis_for_processing": false,
            "legal_basis_for_processing": "Contract",
            "retention_period": "until the forecast is shown",
            "data_shared_with_third_parties": true,
            "third_parties": "Service provider",
            "shared_categories": ["user.location.imprecise", "user.location.precise"],
        })
    );
    let game = found(&manifest["system"], "fides_key", GAME);
    let uses = game["privacy_declarations"].as_array().unwrap().iter();
    let uses: BTreeSet<&str> =
        uses.map(|declared| declared["data_use"].as_str().unwrap()).collect();
    assert!(uses.contains("marketing.advertising.profiling"), "{uses:?}");
    assert!(uses.contains("marketing.advertising.first_party.targeted"), "{uses:?}");
}

#[test]
fn every_listed_cookie_is_disclosed_for_its_lifetime_and_domains() {
    let device = Device::new();
    let engine = device.start();
    let document = engine.document(USER, Document::Cookies).unwrap();
    let disclosures = &document["disclosures"];
    let cookies = &engine.policy().unwrap().catalog.cookies;
    assert_eq!(disclosures.as_array().unwrap().len(), cookies.len());
    for entry in disclosures.as_array().unwrap() {
        let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
        let asked = ["identifier", "type", "maxAgeSeconds", "cookieRefresh", "domains", "purposes"];
        assert_eq!(keys, asked, "{entry}");
        assert!(entry["maxAgeSeconds"].is_u64() && entry["cookieRefresh"] == false, "{entry}");
        assert!(!entry["domains"].as_array().unwrap().is_empty(), "{entry}");
    }
    let table = [
        ("cUserId", 0, json!([])),
        ("globalSite", 365 * 86_400, json!([])),
        ("_ga", 86_400 * 365 * 2, json!([1, 9, 10])),
        ("_gid", 7 * 3_600, json!([1, 9, 10])),
        ("fbp", 87 * 86_400, json!([1, 3, 4, 7])),
    ];
    for (name, age, purposes) in table {
        let cookie = found(disclosures, "identifier", name);
        assert_eq!(
            (&cookie["maxAgeSeconds"], &cookie["purposes"]),
            (&json!(age), &purposes),
            "{name}"
        );
    }
    assert_eq!(
        found(disclosures, "identifier", "cUserId")["domains"],
        json!(["mi.com", "*.mi.com", "xiaomi.com", "*.xiaomi.com"])
    );
    let domains = &document["domains"];
    for domain in domains.as_array().unwrap() {
        assert!(domain["use"].is_string() && domain["purposes"].is_array(), "{domain}");
    }
    assert_eq!(found(domains, "domain", "*.mi.com")["purposes"], json!([1, 9, 10]));
    assert_eq!(found(domains, "domain", "facebook.com")["purposes"], json!([1, 3, 4, 7]));
}

/// Consents for one app, for all apps, for a site's cookies, and one that ended.
fn consented() -> (Device, Engine) {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", GAME, "on")]).unwrap();
    device.pass(60);
    set(&engine, &[("personalised-content", "", "on")]).unwrap();
    set(&engine, &[("cookies.analytics", "site:mi.com", "on")]).unwrap();
    set(&engine, &[("ad-services", GAME, "off")]).unwrap();
    (device, engine)
}

fn is_uuid(value: &Value) -> bool {
    let groups: Vec<usize> = value.as_str().unwrap().split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12]
}

/// A field that has to be there, and whether a value is of its type.
type Field = (&'static str, fn(&Value) -> bool);

/// What Kantara's published schema requires, and of which type: of a receipt, a controller, a purpose.
const RECEIPT: [Field; 11] = [
    ("version", Value::is_string),
    ("jurisdiction", Value::is_string),
    ("consentTimestamp", Value::is_u64),
    ("collectionMethod", Value::is_string),
    ("consentReceiptID", Value::is_string),
    ("piiPrincipalId", Value::is_string),
    ("piiControllers", Value::is_array),
    ("services", Value::is_array),
    ("policyUrl", Value::is_string),
    ("sensitive", Value::is_boolean),
    ("spiCat", Value::is_array),
];
const CONTROLLER: [Field; 5] = [
    ("piiController", Value::is_string),
    ("contact", Value::is_string),
    ("address", Value::is_object),
    ("email", Value::is_string),
    ("phone", Value::is_string),
];
const PURPOSE: [Field; 7] = [
    ("purpose", Value::is_string),
    ("consentType", Value::is_string),
    ("purposeCategory", Value::is_array),
    ("piiCategory", Value::is_array),
    ("primaryPurpose", Value::is_boolean),
    ("termination", Value::is_string),
    ("thirdPartyDisclosure", Value::is_boolean),
];

fn has(entry: &Value, fields: &[Field]) {
    for (name, is_right) in fields {
        assert!(is_right(&entry[name]), "{name} in {entry:#}");
        assert_ne!(entry[name], "", "{name} in {entry:#}");
    }
}

#[test]
fn a_receipt_holds_to_the_published_schema_and_stays_the_same() {
    let (_device, engine) = consented();
    let document = engine.document(USER, Document::Kantara).unwrap();
    let receipts = document.as_array().unwrap();
    assert_eq!(receipts.len(), 3);
    let mut ids = BTreeSet::new();
    for receipt in receipts {
        has(receipt, &RECEIPT);
        assert_eq!(receipt["version"], "KI-CR-v1.1.0");
        assert!(is_uuid(&receipt["consentReceiptID"]) && is_uuid(&receipt["piiPrincipalId"]));
        ids.insert(receipt["consentReceiptID"].to_string());
        has(&receipt["piiControllers"][0], &CONTROLLER);
        let purposes = receipt["services"][0]["purposes"].as_array().unwrap();
        assert!(!purposes.is_empty(), "{receipt:#}");
        for purpose in purposes {
            has(purpose, &PURPOSE);
            assert!(!purpose["piiCategory"].as_array().unwrap().is_empty(), "{purpose:#}");
            let names_them = purpose["thirdPartyName"].is_string();
            assert_eq!(purpose["thirdPartyDisclosure"], names_them, "{purpose:#}");
        }
    }
    assert_eq!(ids.len(), 3);
    assert_eq!(engine.document(USER, Document::Kantara).unwrap(), document, "the same again");
    set(&engine, &[("marketing", "", "on")]).unwrap();
    let later = engine.document(USER, Document::Kantara).unwrap();
    assert_eq!(later.as_array().unwrap()[1..], *receipts, "earlier receipts stand (R50)");

    let game = &receipts[2];
    assert_eq!(game["services"][0]["service"], "Ad services: Marble game");
    assert_eq!(game["consentTimestamp"], BEGIN);
    assert_eq!(game["jurisdiction"], "European Economic Area");
    assert_eq!(game["piiControllers"][0]["piiController"], "Xiaomi Technology Netherlands B.V.");
    let names = &game["services"][0]["purposes"][0]["piiCategory"];
    assert!(names.as_array().unwrap().contains(&json!("OAID")), "{names}");
}

#[test]
fn a_receipt_names_nobody_and_anothers_is_not_in_it() {
    let (_device, engine) = consented();
    let mine = engine.document(USER, Document::Kantara).unwrap();
    let others = engine.document(OTHER_USER, Document::Kantara).unwrap();
    assert_eq!(others, json!([]));
    let change = Change { toggle: "marketing", app: "", state: "on" };
    engine.set(OTHER_USER, &[change], &SetOptions::default(), By::Shell).unwrap();
    let others = engine.document(OTHER_USER, Document::Kantara).unwrap();
    assert_ne!(others[0]["piiPrincipalId"], mine[0]["piiPrincipalId"]);
    assert!(!mine.to_string().contains(&format!("\"{USER}\"")));
}

#[test]
fn a_record_has_every_field_of_27560() {
    let (_device, engine) = consented();
    let document = engine.document(USER, Document::Dpv).unwrap();
    let records = document["@graph"].as_array().unwrap();
    let receipts = engine.document(USER, Document::Kantara).unwrap();
    assert_eq!(records.len(), 3);
    for (record, receipt) in records.iter().zip(receipts.as_array().unwrap()) {
        assert_eq!(record["@type"], "dpv:ConsentRecord");
        assert_eq!(
            record["dct:conformsTo"],
            "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
        );
        assert_eq!(record["dct:identifier"], receipt["consentReceiptID"]);
        assert_eq!(record["dpv:hasDataSubject"]["dct:identifier"], receipt["piiPrincipalId"]);
        assert_eq!(record["dpv:hasLegalBasis"], json!(["eu-gdpr:A6-1-a"]));
        assert_eq!(record["dpv:hasJurisdiction"], "loc:EEA");
        assert_eq!(record["dpv:hasNotice"]["dct:identifier"], "2025-10-10");
        assert_eq!(record["dpv:hasNotice"]["dct:language"], "en");
        assert!(record["dpv:hasConsentControl"]["dpv:isExercisedAt"].is_string());
        let contact = ["dpv:hasIdentifier", "dpv:hasName", "dpv:hasAddress", "dpv:hasContact"];
        for field in contact {
            for party in ["dpv:hasDataController", "dpv:hasAuthority"] {
                assert!(!record[party][field].is_null(), "{field} of {party}");
            }
        }
        let processes = record["dpv:hasProcess"].as_array().unwrap();
        assert!(!processes.is_empty(), "{record:#}");
        for process in processes {
            for field in [
                "dpv:hasPurpose",
                "dpv:hasPersonalData",
                "dpv:hasLocation",
                "dpv:hasStorageCondition",
                "dpv:hasRecipient",
            ] {
                assert!(!process[field].as_array().unwrap().is_empty(), "{field} in {process:#}");
            }
            for item in process["dpv:hasPersonalData"].as_array().unwrap() {
                let terms = item["@type"].as_array().unwrap();
                assert!(terms.contains(&json!("dpv:PersonalData")), "{item:#}");
            }
            for recipient in process["dpv:hasRecipient"].as_array().unwrap() {
                let is_said = recipient["dpv:hasIdentifier"].is_string();
                assert!(is_said || recipient["@id"] == record["dpv:hasDataController"]["@id"]);
            }
        }
        for event in record["dpv:hasConsentStatus"].as_array().unwrap() {
            assert!(event["dpv:isIndicatedBy"].is_object(), "{event:#}");
            for field in ["dct:date", "dct:valid", "dpv:hasIndicationMethod"] {
                assert!(event[field].is_string(), "{field} in {event:#}");
            }
            let lasts = &event["dpv:hasDuration"];
            assert!(lasts["@type"].is_string() && lasts["rdf:value"].is_string(), "{event:#}");
        }
    }
    let events = |record: &Value| record["dpv:hasConsentStatus"].as_array().unwrap().len();
    assert_eq!(records.iter().map(events).collect::<Vec<_>>(), [1, 1, 2]);
    let storage = &records[2]["dpv:hasProcess"][0]["dpv:hasStorageCondition"];
    assert_eq!(storage[0]["dpv:hasLocation"], json!(["loc:NL"]));
}

/// How a consent ended decides what it is: only the person withdraws.
#[test]
fn a_record_says_who_ended_a_consent() {
    type Ends = fn(&Device, &Engine);
    let ends: [(Ends, &str); 5] = [
        (|_, engine| end_by(engine, By::Shell), "dpv:ConsentWithdrawn"),
        (|_, engine| end_by(engine, By::Guardian), "dpv:ConsentRevoked"),
        (|_, engine| end_by(engine, By::Administrator), "dpv:ConsentRevoked"),
        (
            |_, engine| drop(set(engine, &[("ad-services", GAME, "on")])),
            "dpv:ConsentStatusInvalidForProcessing",
        ),
        (
            |device, engine| {
                allow_for(engine, "ad-services", GAME, "until", Some(BEGIN + 120)).unwrap();
                device.pass(180);
                engine.expire().unwrap();
            },
            "dpv:ConsentExpired",
        ),
    ];
    for (end, expected) in ends {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", GAME, "on")]).unwrap();
        device.pass(60);
        end(&device, &engine);
        let document = engine.document(USER, Document::Dpv).unwrap();
        let records = document["@graph"].as_array().unwrap().iter();
        let mut events =
            records.flat_map(|record| record["dpv:hasConsentStatus"].as_array().unwrap());
        assert!(events.any(|event| event["@type"][0] == expected), "{expected}: {document:#}");
    }
}

fn end_by(engine: &Engine, by: By) {
    let change = Change { toggle: "ad-services", app: GAME, state: "off" };
    engine.set(USER, &[change], &SetOptions::default(), by).unwrap();
}

/// Where the law is another's, a record names the region; and what no law is known of is said in words.
#[test]
fn a_record_names_the_place_whose_law_it_is() {
    let elsewhere = json!({
        "@type": "dpv:Location",
        "dct:title": "Other countries and territories",
    });
    for (region, expected) in
        [("EEA", json!("loc:EEA")), ("IN", json!("loc:IN")), ("OTHER", elsewhere)]
    {
        let device = Device::new();
        let engine = device.start();
        let moved = ProfileChange { region: Some(region), ..ProfileChange::default() };
        engine.set_profile(USER, &moved, By::Shell).unwrap();
        set(&engine, &[("ad-services", GAME, "on")]).unwrap();
        let document = engine.document(USER, Document::Dpv).unwrap();
        assert_eq!(document["@graph"][0]["dpv:hasJurisdiction"], expected, "{region}");
        let receipts = engine.document(USER, Document::Kantara).unwrap();
        assert_ne!(receipts[0]["jurisdiction"], "", "{region}");
    }
}

/// Each compact name of a document, keys and values.
fn terms(value: &Value, found: &mut BTreeSet<String>) {
    let prefixes = ["dpv:", "pd:", "tech:", "loc:", "eu-gdpr:", "dct:", "rdf:"];
    let mut note = |text: &str| {
        if prefixes.iter().any(|prefix| text.starts_with(prefix)) {
            found.insert(text.to_owned());
        }
    };
    match value {
        Value::String(text) => note(text),
        Value::Array(values) => values.iter().for_each(|value| terms(value, found)),
        Value::Object(entries) => {
            entries.keys().for_each(|key| note(key));
            entries.values().for_each(|value| terms(value, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_records_prefixes_are_all_declared() {
    let (_device, engine) = consented();
    let document = engine.document(USER, Document::Dpv).unwrap();
    let mut found = BTreeSet::new();
    terms(&document["@graph"], &mut found);
    assert!(found.len() > 40, "{found:?}");
    for term in &found {
        let prefix = term.split(':').next().unwrap();
        assert!(document["@context"][prefix].is_string(), "{term}");
    }
}
