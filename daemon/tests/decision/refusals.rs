//! What a refused collector uses instead: each shape, and the approximate only where it is allowed.

use consentd::catalog::State;
use consentd::decision::situation::Right;

use crate::fixture::{SHIPPED, SMALL, Scene, collects};

#[test]
fn each_item_is_refused_in_its_shape_and_allowed_in_none() {
    let cases = [
        ("id.serial", "zero-uuid"),
        ("apps.list", "empty"),
        ("note", "none"),
        ("vault.key", "zero-uuid"),
        ("place.rough", "none"),
        ("count", "none"),
    ];
    for (data, shape) in cases {
        let scene = Scene::of("service", data, "contract", "");
        assert_eq!(scene.refusal("service", data), "", "{data}");
        let asks = scene.clone().state("everything", State::Ask);
        assert_eq!(asks.refusal("service", data), shape, "{data}, asking");
        let off = scene.clone().state("everything", State::Off);
        assert_eq!(off.refusal("service", data), shape, "{data}, off");
        assert_eq!(scene.clone().unidentified().refusal("service", data), shape, "{data}, nobody");
        assert_eq!(scene.refusal("nothing", data), shape, "{data}, for nothing");
    }
    let scene = Scene::of("service", "note", "contract", "");
    assert_eq!(scene.refusal("service", "nothing"), "none");
}

fn places() -> Scene {
    Scene::new(&SMALL, &collects("service", &["place.exact", "place.rough"], "contract", ""))
}

/// R5.
#[test]
fn the_approximate_place_is_offered_where_it_is_allowed_itself() {
    let exact_off = places().state("place.exact", State::Off);
    assert_eq!(exact_off.reason("service", "place.exact"), "toggle-off");
    assert_eq!(exact_off.refusal("service", "place.exact"), "approximate");
    let exact_asks = places().state("place.exact", State::Ask);
    assert_eq!(exact_asks.refusal("service", "place.exact"), "approximate");
    assert_eq!(places().refusal("service", "place.exact"), "");
}

#[test]
fn the_approximate_place_is_not_offered_where_it_is_not_allowed_itself() {
    let exact_off = places().state("place.exact", State::Off);
    let cases = [
        ("it is off", exact_off.clone().state("place", State::Off)),
        ("it asks", exact_off.clone().state("place", State::Ask)),
        ("no consent", exact_off.clone().consent("place", None)),
        ("locked", exact_off.clone().locked("place")),
        ("nobody asks", exact_off.clone().unidentified()),
        ("the app declares nothing", exact_off.clone().undeclared()),
        ("restricted", exact_off.clone().holds(Right::Restriction, "*", "place.rough", 900)),
        ("sent nowhere", exact_off.clone().destination("US")),
    ];
    for (why, scene) in cases {
        assert_eq!(scene.refusal("service", "place.exact"), "none", "{why}");
    }
    let alone = Scene::of("service", "place.exact", "contract", "");
    let alone = alone.state("place.exact", State::Off);
    assert_eq!(alone.refusal("service", "place.exact"), "none", "not declared");
    assert_eq!(exact_off.refusal("nothing", "place.exact"), "none", "for nothing");
}

/// R58: the counterpart tells of a person, though the item asked for does not.
#[test]
fn a_personal_counterpart_is_judged_as_personal() {
    let declared = collects("service", &["place.station", "place.rough"], "contract", "");
    let scene = Scene::new(&SMALL, &declared).state("place.exact", State::Off);
    assert_eq!(scene.refusal("service", "place.station"), "approximate");
    let restricted = scene.holds(Right::Restriction, "*", "*", 900);
    assert_eq!(restricted.reason("service", "place.rough"), "restricted");
    assert_eq!(restricted.reason("service", "place.station"), "toggle-off");
    assert_eq!(restricted.refusal("service", "place.station"), "none");
}

/// R1–R12: identifiers are the all-zero UUID, whatever else an item is.
#[test]
fn every_shipped_identifier_is_refused_as_an_all_zero_uuid() {
    let scene = Scene::bare(&SHIPPED).unidentified();
    for (_, item) in SHIPPED.data.iter().filter(|(_, item)| item.identifier) {
        assert_eq!(scene.refusal("account", &item.id), "zero-uuid", "{}", item.id);
    }
}
