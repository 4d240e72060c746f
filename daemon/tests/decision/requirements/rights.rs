//! R42, R47, R48, R51: what a right that was exercised stops, and what starts again.

use consentd::catalog::State;
use consentd::decision::situation::Right;

use super::{every_purpose, item_of};
use crate::fixture::{CONSENTED, SHIPPED, Scene, collects};

const BEFORE: u64 = CONSENTED - 1;
const AFTER: u64 = CONSENTED + 1;

/// What a right over everything makes of each purpose.
fn of_each_purpose(right: Right, generation: u64) -> Vec<(&'static str, &'static str)> {
    let scene = Scene::new(&SHIPPED, &every_purpose()).holds(right, "*", "*", generation);
    let purposes = SHIPPED.purposes.ids().filter(|id| !["sale", "partners.marketing"].contains(id));
    purposes.map(|id| (id, scene.reason(id, item_of(id)))).collect()
}

/// R47: legitimate interest, profiling, and direct marketing (a ruling).
#[test]
fn r47_an_objection_stops_legitimate_interest_profiling_and_marketing_alone() {
    let reached = [
        "fraud.prevention",
        "analytics.internal",
        "device.optimisation",
        "security.systems",
        "content.personalised",
        "ads.personalised",
        "marketing.in-service",
        "marketing.email",
        "marketing.other",
        "promotions",
    ];
    for (purpose, reason) in of_each_purpose(Right::Objection, AFTER) {
        assert_eq!(reason == "objected", reached.contains(&purpose), "{purpose}: {reason}");
    }
}

/// R47: a later consent lifts it where the pair rests on consent, and nowhere else.
#[test]
fn r47_a_later_consent_lifts_an_objection_to_what_rests_on_consent() {
    for (purpose, reason) in of_each_purpose(Right::Objection, BEFORE) {
        let interest =
            ["fraud.prevention", "analytics.internal", "device.optimisation", "security.systems"];
        assert_eq!(reason == "objected", interest.contains(&purpose), "{purpose}: {reason}");
    }
}

/// R47: a position can be under a consent toggle, though it is used on another basis.
#[test]
fn r47_a_later_consent_lifts_no_objection_to_what_rests_on_another_basis() {
    let data = "location.approximate";
    let cases = [
        ("fraud.prevention", "legitimate-interest", "necessary = true", Right::Objection),
        ("support", "contract", "automated = true", Right::AutomatedDecisions),
    ];
    for (purpose, basis, more, right) in cases {
        let scene = Scene::new(&SHIPPED, &collects(purpose, &[data], basis, more));
        assert_eq!(scene.reason(purpose, data), basis);
        for generation in [BEFORE, AFTER] {
            let objected = scene.clone().holds(right, purpose, "*", generation);
            assert_eq!(objected.reason(purpose, data), "objected", "{purpose} {generation}");
        }
    }
}

/// A message of one type has two consents, and an objection asks for both again.
#[test]
fn r47_every_consent_of_a_pair_has_to_be_later_than_the_objection() {
    let declared = collects("marketing.email", &["given.email"], "consent", "");
    let objected =
        Scene::new(&SHIPPED, &declared).holds(Right::Objection, "marketing.email", "*", AFTER);
    let notice = "2025-10-10";
    let reason = |first, second| {
        let scene = objected.clone().consent("marketing", first).consent("marketing.email", second);
        scene.reason("marketing.email", "given.email")
    };
    let (old, new) = (Some((CONSENTED, notice)), Some((AFTER + 1, notice)));
    assert_eq!(reason(new, new), "consented");
    for (first, second) in [(old, old), (old, new), (new, old), (new, None), (None, new)] {
        assert_eq!(reason(first, second), "objected");
    }
    let at_once = Some((AFTER, notice));
    assert_eq!(reason(at_once, at_once), "objected", "not later");
}

#[test]
fn r47_an_objection_to_one_identifier_reaches_all_of_them() {
    let data = ["device.oaid", "device.gaid", "app.vaid", "device.model"];
    let scene = Scene::new(&SHIPPED, &collects("ads.personalised", &data, "consent", "")).holds(
        Right::Objection,
        "ads.personalised",
        "device.oaid",
        AFTER,
    );
    let reasons = data.map(|data| scene.reason("ads.personalised", data));
    assert_eq!(reasons, ["objected", "objected", "objected", "consented"]);
    let other = Scene::new(&SHIPPED, &collects("ads.personalised", &data, "consent", "")).holds(
        Right::Objection,
        "ads.personalised",
        "device.model",
        AFTER,
    );
    let reasons = data.map(|data| other.reason("ads.personalised", data));
    assert_eq!(reasons, ["consented", "consented", "consented", "objected"]);
}

#[test]
fn r51_opting_out_of_automated_decisions_touches_pairs_declared_automated() {
    let declared = |basis: &str, purpose: &str, more: &str| {
        Scene::new(&SHIPPED, &collects(purpose, &["device.model"], basis, more))
            .holds(Right::AutomatedDecisions, "*", "*", AFTER)
            .reason(purpose, "device.model")
    };
    let automated = "automated = true\nnecessary = true";
    let manual = "necessary = true";
    for (basis, purpose, allowed) in [
        ("legitimate-interest", "fraud.prevention", "legitimate-interest"),
        ("contract", "support", "contract"),
        ("consent", "ads.personalised", "consented"),
    ] {
        assert_eq!(declared(basis, purpose, automated), "objected", "{purpose}");
        assert_eq!(declared(basis, purpose, manual), allowed, "{purpose}");
    }
}

#[test]
fn r51_a_later_consent_lets_machines_decide_again() {
    let scene = |generation| {
        let more = "automated = true";
        Scene::new(&SHIPPED, &collects("ads.personalised", &["device.model"], "consent", more))
            .holds(Right::AutomatedDecisions, "*", "*", generation)
            .reason("ads.personalised", "device.model")
    };
    assert_eq!(scene(BEFORE), "consented");
    assert_eq!(scene(AFTER), "objected");
}

#[test]
fn r48_a_restriction_stops_everything_but_the_law() {
    for (purpose, reason) in of_each_purpose(Right::Restriction, AFTER) {
        let expected =
            if purpose == "legal.obligations" { "legal-obligation" } else { "restricted" };
        assert_eq!(reason, expected, "{purpose}");
    }
}

/// R48: what has no consent toggle has no consent that could come later.
#[test]
fn r48_a_later_consent_lets_restricted_data_be_used_for_what_was_consented_to() {
    for (purpose, reason) in of_each_purpose(Right::Restriction, BEFORE) {
        let expected = match purpose {
            "legal.obligations" => "legal-obligation",
            "photos.location"
            | "experience.analytics"
            | "marketing.in-service"
            | "marketing.email"
            | "marketing.other"
            | "promotions"
            | "content.personalised"
            | "ads.personalised" => "consented",
            _ => "restricted",
        };
        assert_eq!(reason, expected, "{purpose}");
    }
}

#[test]
fn r42_isolated_data_is_used_for_its_law_alone() {
    let law = Scene::bare(&SHIPPED).isolation("legal.obligations");
    for (purpose, reason) in of_each_purpose(law, AFTER) {
        let expected = if purpose == "legal.obligations" { "legal-obligation" } else { "isolated" };
        assert_eq!(reason, expected, "{purpose}");
    }
}

/// R42: an `on` of any covering toggle starts new data; what is under no toggle never starts again.
#[test]
fn r42_what_is_switched_on_later_starts_anew() {
    let declared = collects("ads.personalised", &["device.oaid"], "consent", "");
    let scene = Scene::new(&SHIPPED, &declared);
    let law = scene.isolation("legal.obligations");
    let scene = scene.holds(law, "*", "*", AFTER);
    let reason = |scene: &Scene| scene.reason("ads.personalised", "device.oaid");
    assert_eq!(reason(&scene), "isolated");
    for toggle in ["ad-services", "app-access"] {
        let on = |generation| scene.clone().toggle(toggle, |s| s.switched_on = Some(generation));
        assert_eq!(reason(&on(AFTER + 1)), "consented", "{toggle}");
        assert_eq!(reason(&on(AFTER)), "isolated", "{toggle}, not later");
    }
    let other = scene.toggle("location", |standing| standing.switched_on = Some(AFTER + 1));
    assert_eq!(reason(&other), "isolated", "a toggle that does not cover it");
    let notices = Scene::new(&SHIPPED, &every_purpose()).holds(law, "*", "*", AFTER);
    let notices = SHIPPED.toggles.ids().fold(notices, |scene, toggle| {
        scene.toggle(toggle, |standing| standing.switched_on = Some(AFTER + 1))
    });
    assert_eq!(notices.reason("notices.important", "device.model"), "isolated");
}

/// A right never lifts what a toggle denies.
#[test]
fn a_right_that_is_lifted_leaves_the_toggles() {
    let declared = collects("ads.personalised", &["device.oaid"], "consent", "");
    let off = Scene::new(&SHIPPED, &declared).state("ad-services", State::Off);
    let lifted = off.holds(Right::Restriction, "*", "*", BEFORE);
    assert_eq!(lifted.reason("ads.personalised", "device.oaid"), "toggle-off");
}
