//! The documents of an export, against what their publishers ask for.

use std::collections::BTreeSet;

use consentd::exports::Document;
use serde_json::{Value, json};

use crate::device::{Device, GAME, USER, WEATHER};

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
    assert!(document["domains"].as_array().unwrap().iter().any(|it| it["domain"] == "*.mi.com"));
}
