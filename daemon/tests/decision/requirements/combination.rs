//! R58: what is asked together is judged together; no decision is copied.

use consentd::catalog::State;
use consentd::decision::situation::Right;

use crate::fixture::{CONSENTED, SHIPPED, Scene, collects};
use crate::phone::{ALL, APP, Phone};

const NOT_PERSONAL: &str = "stats.request_errors";
const PERSONAL: &str = "logs.ip";

fn security(more: &str) -> Scene {
    let data = [NOT_PERSONAL, "stats.request_counts", PERSONAL];
    Scene::new(&SHIPPED, &collects("security.systems", &data, "legitimate-interest", more))
}

fn alone_and_together(scene: &Scene) -> (&'static str, &'static str) {
    let alone = scene.reason("security.systems", NOT_PERSONAL);
    (alone, scene.reasons("security.systems", &[NOT_PERSONAL, PERSONAL])[0])
}

#[test]
fn r58_rights_reach_what_is_not_personal_only_beside_what_is() {
    let at = CONSENTED + 1;
    let objected = security("").holds(Right::Objection, "*", "*", at);
    assert_eq!(alone_and_together(&objected), ("legitimate-interest", "objected"));
    let restricted = security("").holds(Right::Restriction, "*", "*", at);
    assert_eq!(alone_and_together(&restricted), ("legitimate-interest", "restricted"));
    let law = security("").isolation("legal.obligations");
    let isolated = security("").holds(law, "*", "*", at);
    assert_eq!(alone_and_together(&isolated), ("legitimate-interest", "isolated"));
}

#[test]
fn r58_a_right_over_the_personal_item_does_not_reach_its_neighbour() {
    let objected = security("").holds(Right::Objection, "*", PERSONAL, CONSENTED + 1);
    let reasons = objected.reasons("security.systems", &[NOT_PERSONAL, PERSONAL]);
    assert_eq!(reasons, ["legitimate-interest", "objected"]);
}

#[test]
fn r58_a_transfer_is_open_to_what_is_not_personal_only_alone() {
    let abroad = security("destinations = [{ country = \"US\", tls = true }]");
    assert_eq!(alone_and_together(&abroad), ("legitimate-interest", "transfer-not-permitted"));
    let plain = security("destinations = [{ country = \"US\" }]");
    assert_eq!(alone_and_together(&plain), ("insecure-destination", "transfer-not-permitted"));
}

#[test]
fn r58_de_identification_is_asked_of_what_is_not_personal_only_beside_what_is() {
    let data = ["stats.device", "device.model"];
    let declared = collects("analytics.internal", &data, "legitimate-interest", "");
    let scene = Scene::new(&SHIPPED, &declared);
    assert_eq!(scene.reason("analytics.internal", "stats.device"), "legitimate-interest");
    let together = scene.reasons("analytics.internal", &data);
    assert_eq!(together, ["requirement-not-met", "requirement-not-met"]);
}

#[test]
fn r58_several_items_that_are_not_personal_stay_so_together() {
    let objected = security("").holds(Right::Objection, "*", "*", CONSENTED + 1);
    let reasons = objected.reasons("security.systems", &[NOT_PERSONAL, "stats.request_counts"]);
    assert_eq!(reasons, ["legitimate-interest", "legitimate-interest"]);
}

#[test]
fn r58_an_unknown_item_counts_as_personal_and_so_does_one_that_is_not_declared() {
    let objected = security("").holds(Right::Objection, "*", "*", CONSENTED + 1);
    let of = |data: [&str; 2]| objected.reasons("security.systems", &data);
    assert_eq!(of([NOT_PERSONAL, "nothing"]), ["objected", "unknown-data"]);
    assert_eq!(of([NOT_PERSONAL, "given.name"]), ["objected", "undeclared"]);
}

#[test]
fn r58_other_arms_make_no_difference_between_personal_and_not() {
    let off = security("").state("app-access", State::Off);
    assert_eq!(alone_and_together(&off), ("toggle-off", "toggle-off"));
    let recipient = security("").recipient("provider");
    assert_eq!(alone_and_together(&recipient).0, "recipient-not-declared");
}

#[test]
fn r58_no_decision_is_copied_from_one_item_to_another() {
    let data = ["location.precise", "location.approximate", "location.language"];
    let mut phone = Phone::with(&collects("location.services", &data, "contract", ""));
    phone.set(APP, "location.app", State::On);
    let reasons = |phone: &Phone| -> Vec<&str> {
        let asked = [data[0], data[1], data[2], "device.imei", "nothing"];
        let rulings = phone.check("location.services", &asked);
        rulings.iter().map(|ruling| ruling.reason.word()).collect()
    };
    let expected = ["not-set", "contract", "contract", "undeclared", "unknown-data"];
    assert_eq!(reasons(&phone), expected);
    phone.set(ALL, "location", State::Off);
    let expected = ["toggle-off", "toggle-off", "contract", "undeclared", "unknown-data"];
    assert_eq!(reasons(&phone), expected);
}
