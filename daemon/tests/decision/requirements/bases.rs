//! R27, R28, R29: which legal basis holds for what, where.

use consentd::catalog::{Basis, State};
use consentd::decision::situation::Right;

use crate::fixture::{self, CONSENTED, SHIPPED, Scene, collects};
use crate::phone::{ALL, Phone};

/// R29: the items whose improvement needs consent.
const CRASH: [&str; 8] = [
    "logs.crash",
    "stats.crash_events",
    "device.cpu",
    "device.storage",
    "device.battery",
    "device.temperature",
    "device.wake_count",
    "device.unlock_count",
];

const REGIONS: [&str; 6] = ["EEA", "UK", "CH", "IN", "RU", "OTHER"];

/// The reason for a pair on a basis that no declaration could name.
fn on(purpose: &str, data: &str, basis: Basis, region: &str) -> &'static str {
    let declarable = match purpose {
        "legal.obligations" => "legal-obligation",
        "fraud.prevention" | "analytics.internal" | "device.optimisation" | "security.systems"
            if !CRASH.contains(&data) || purpose == "security.systems" =>
        {
            "legitimate-interest"
        }
        "analytics.internal"
        | "device.optimisation"
        | "experience.analytics"
        | "ads.personalised"
        | "content.personalised"
        | "promotions"
        | "photos.location"
        | "marketing.in-service"
        | "marketing.email"
        | "marketing.other" => "consent",
        _ => "contract",
    };
    let marks = "necessary = true\ndeidentified = true";
    let mut scene = Scene::new(&SHIPPED, &collects(purpose, &[data], declarable, marks));
    if let Some(app) = &mut scene.app {
        app.collections[0].basis = basis;
    }
    scene.region(region).reason(purpose, data)
}

#[test]
fn r27_each_purpose_has_the_bases_of_the_policy_and_no_other() {
    let cases: [(&[&str], &[Basis]); 5] = [
        (
            &[
                "activation.registration",
                "account",
                "orders",
                "community",
                "services.activation",
                "activation.diagnosis",
                "services.operation",
                "find-device",
                "messaging",
                "location.services",
                "security.app",
                "push.service",
                "support",
            ],
            &[Basis::Contract],
        ),
        (
            &[
                "experience.analytics",
                "marketing.in-service",
                "marketing.email",
                "marketing.other",
                "promotions",
                "content.personalised",
                "ads.personalised",
            ],
            &[Basis::Consent],
        ),
        (&["notices.important"], &[Basis::Contract, Basis::LegalObligation]),
        (&["fraud.prevention", "security.systems"], &[Basis::LegitimateInterest]),
        (&["legal.obligations"], &[Basis::LegalObligation]),
    ];
    for (purposes, permitted) in cases {
        for purpose in purposes {
            for basis in Basis::ALL {
                let denied = on(purpose, "device.model", basis, "EEA") == "basis-not-permitted";
                assert_eq!(denied, !permitted.contains(&basis), "{purpose} {basis:?}");
            }
        }
    }
}

#[test]
fn r27_legitimate_interest_is_for_four_purposes_alone() {
    let mut with: Vec<&str> = Vec::new();
    for (purpose, entry) in SHIPPED.purposes.iter() {
        let holds = SHIPPED.data.iter().any(|(data, _)| {
            SHIPPED.permitted_somewhere(purpose, data).contains(Basis::LegitimateInterest)
        });
        with.extend(holds.then_some(&*entry.number));
    }
    assert_eq!(with, ["P16", "P22", "P23", "P25"]);
}

#[test]
fn r27_personalised_ads_on_legitimate_interest_are_rejected_when_loaded() {
    let wrong = collects("ads.personalised", &["device.oaid"], "legitimate-interest", "");
    assert!(fixture::rejected(&SHIPPED, &wrong).contains("R27"));
}

#[test]
fn r28_improvement_on_legitimate_interest_holds_everywhere_but_in_india() {
    for purpose in ["analytics.internal", "device.optimisation"] {
        for region in REGIONS {
            let india = region == "IN";
            let expected = if india { "basis-not-permitted" } else { "legitimate-interest" };
            let reason = on(purpose, "device.model", Basis::LegitimateInterest, region);
            assert_eq!(reason, expected, "{purpose} {region}");
        }
    }
    for purpose in ["fraud.prevention", "security.systems"] {
        let reason = on(purpose, "device.model", Basis::LegitimateInterest, "IN");
        assert_eq!(reason, "legitimate-interest", "{purpose}");
    }
}

/// R28: mandatory and optional never enter the rule.
#[test]
fn r28_refusing_an_optional_item_leaves_the_rest_and_mandatory_excuses_nothing() {
    let mut phone = Phone::with(
        &(collects("location.services", &["location.approximate"], "contract", "mandatory = true")
            + &collects("location.services", &["location.language"], "contract", "")),
    );
    phone.set(ALL, "location", State::Off);
    let rulings = phone.check("location.services", &["location.approximate", "location.language"]);
    let reasons: Vec<&str> = rulings.iter().map(|ruling| ruling.reason.word()).collect();
    assert_eq!(reasons, ["toggle-off", "contract"]);
}

#[test]
fn r29_crash_data_serves_security_on_legitimate_interest_alone() {
    for data in CRASH {
        for region in REGIONS {
            for basis in Basis::ALL {
                let reason = on("security.systems", data, basis, region);
                let holds = basis == Basis::LegitimateInterest;
                let expected = if holds { "legitimate-interest" } else { "basis-not-permitted" };
                assert_eq!(reason, expected, "{data} {region} {basis:?}");
            }
        }
    }
}

#[test]
fn r29_crash_data_serves_improvement_on_consent_alone() {
    for purpose in ["experience.analytics", "analytics.internal", "device.optimisation"] {
        for data in CRASH {
            for basis in Basis::ALL {
                let reason = on(purpose, data, basis, "EEA");
                let consent = basis == Basis::Consent;
                let expected = if consent { "consented" } else { "basis-not-permitted" };
                assert_eq!(reason, expected, "{purpose} {data} {basis:?}");
            }
        }
    }
}

#[test]
fn r29_any_other_basis_for_crash_data_is_rejected_when_loaded() {
    let cases = [
        ("security.systems", "consent"),
        ("security.systems", "contract"),
        ("experience.analytics", "legitimate-interest"),
        ("analytics.internal", "legitimate-interest"),
        ("device.optimisation", "legitimate-interest"),
    ];
    for (purpose, basis) in cases {
        for data in CRASH {
            let wrong = collects(purpose, &[data], basis, "deidentified = true");
            let text = fixture::rejected(&SHIPPED, &wrong);
            assert!(text.contains("R29"), "{purpose} {data} {basis}: {text}");
        }
    }
}

/// R29: open to objection, under no toggle but the app's own.
#[test]
fn r29_crash_data_for_security_can_be_objected_to_and_is_under_app_access_alone() {
    for data in CRASH {
        let declared = collects("security.systems", &[data, "logs.ip"], "legitimate-interest", "");
        let scene = Scene::new(&SHIPPED, &declared);
        let all_off = SHIPPED.toggles.ids().filter(|id| *id != "app-access");
        let scene = all_off.fold(scene, |scene, id| scene.state(id, State::Off));
        assert_eq!(scene.reason("security.systems", data), "legitimate-interest", "{data}");
        let off = scene.clone().state("app-access", State::Off);
        assert_eq!(off.reason("security.systems", data), "toggle-off", "{data}");
        let objected = scene.holds(Right::Objection, "security.systems", "*", CONSENTED + 1);
        let reasons = objected.reasons("security.systems", &["logs.ip", data]);
        assert_eq!(reasons, ["objected", "objected"], "{data}");
    }
}

#[test]
fn a_consent_that_no_toggle_could_take_is_rejected_when_loaded() {
    let wrong = collects("device.optimisation", &["device.model"], "consent", "");
    assert!(fixture::rejected(&SHIPPED, &wrong).contains("no consent toggle covers"));
}
