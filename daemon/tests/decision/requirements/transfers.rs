//! R37, R54: where data goes, and how.

use crate::fixture::{SHIPPED, Scene, collects};

const REGIONS: [&str; 6] = ["EEA", "UK", "CH", "IN", "RU", "OTHER"];
const COUNTRIES: [&str; 9] = ["NL", "DE", "IS", "GB", "CH", "IN", "RU", "SG", "US"];

fn orders(destinations: &str) -> Scene {
    let more = format!("destinations = [{destinations}]");
    Scene::new(&SHIPPED, &collects("orders", &["given.order", "stats.device"], "contract", &more))
}

fn reason(scene: &Scene) -> &'static str {
    scene.reason("orders", "given.order")
}

#[test]
fn r37_each_region_lets_its_data_go_where_its_law_does() {
    let marks = [
        ("", false, false),
        (", safeguard = \"standard-contractual-clauses\"", true, false),
        (", permitted = true", false, true),
        (", safeguard = \"binding-corporate-rules\", permitted = true", true, true),
    ];
    for country in COUNTRIES {
        for (mark, safeguard, permitted) in marks {
            let scene = orders(&format!("{{ country = \"{country}\", tls = true{mark} }}"));
            for region in REGIONS {
                let may = match region {
                    "EEA" | "UK" | "CH" => {
                        safeguard || ["NL", "DE", "IS", "GB", "CH"].contains(&country)
                    }
                    "IN" => country == "IN",
                    "RU" => permitted || country == "RU",
                    _ => true,
                };
                let expected = if may { "contract" } else { "transfer-not-permitted" };
                let scene = scene.clone().region(region);
                assert_eq!(reason(&scene), expected, "{region} to {country}{mark}");
                let named = scene.destination(country);
                assert_eq!(reason(&named), expected, "{region} to {country}{mark}, named");
            }
        }
    }
}

#[test]
fn r37_a_destination_that_serves_another_region_is_none_of_this_user_s() {
    let scene = orders(
        "{ country = \"NL\", tls = true, regions = [\"EEA\", \"UK\"] }, \
         { country = \"IN\", tls = true, regions = [\"IN\"] }",
    );
    for (region, country, expected) in [
        ("EEA", None, "contract"),
        ("UK", None, "contract"),
        ("IN", None, "contract"),
        ("CH", None, "transfer-not-permitted"),
        ("RU", None, "transfer-not-permitted"),
        ("OTHER", None, "transfer-not-permitted"),
        ("EEA", Some("NL"), "contract"),
        ("EEA", Some("IN"), "transfer-not-permitted"),
        ("IN", Some("IN"), "contract"),
        ("IN", Some("NL"), "transfer-not-permitted"),
        ("OTHER", Some("NL"), "transfer-not-permitted"),
    ] {
        let mut scene = scene.clone().region(region);
        scene.context.destination = country.map(Into::into);
        assert_eq!(reason(&scene), expected, "{region} {country:?}");
    }
}

#[test]
fn r37_a_context_that_names_none_means_every_declared_one() {
    let safe = "{ country = \"NL\", tls = true }";
    let cases = [
        ("{ country = \"US\", tls = true }", "transfer-not-permitted"),
        ("{ country = \"DE\" }", "insecure-destination"),
        ("{ country = \"US\" }", "transfer-not-permitted"),
        ("{ country = \"US\", regions = [\"OTHER\"] }", "contract"),
        ("{ country = \"DE\", tls = true }", "contract"),
    ];
    for (other, expected) in cases {
        for both in [format!("{safe}, {other}"), format!("{other}, {safe}")] {
            assert_eq!(reason(&orders(&both)), expected, "{both}");
            // The named one is judged by itself.
            assert_eq!(reason(&orders(&both).destination("NL")), "contract", "{both}");
        }
    }
}

#[test]
fn r37_one_country_declared_twice_has_to_pass_twice() {
    let twice = "{ country = \"US\", tls = true }, \
                 { country = \"US\", tls = true, safeguard = \"certification\" }";
    assert_eq!(reason(&orders(twice)), "transfer-not-permitted");
    assert_eq!(reason(&orders(twice).destination("US")), "transfer-not-permitted");
}

#[test]
fn r37_an_undeclared_destination_is_denied() {
    let declared = orders("{ country = \"NL\", tls = true }");
    for country in ["DE", "US", "nl", "", "NL "] {
        let named = declared.clone().destination(country);
        assert_eq!(reason(&named), "transfer-not-permitted", "{country:?}");
    }
    let stays = orders("");
    assert_eq!(reason(&stays), "contract");
    assert_eq!(reason(&stays.destination("NL")), "transfer-not-permitted");
}

#[test]
fn r54_what_is_not_declared_as_tls_is_denied_personal_or_not() {
    for (tls, expected) in [("", "insecure-destination"), (", tls = true", "contract")] {
        let scene = orders(&format!("{{ country = \"NL\"{tls} }}"));
        assert_eq!(reason(&scene), expected);
        assert_eq!(reason(&scene.clone().secure(true)), expected);
        assert_eq!(scene.reason("orders", "stats.device"), expected);
        assert_eq!(reason(&scene.clone().secure(false)), "insecure-destination");
        let other = scene.secure(false);
        assert_eq!(other.reason("orders", "stats.device"), "insecure-destination");
    }
}

#[test]
fn r54_an_undeclared_destination_is_not_declared_as_tls_either() {
    let scene = orders("{ country = \"NL\", tls = true }").destination("US");
    assert_eq!(scene.reason("orders", "stats.device"), "insecure-destination");
    let scene = scene.secure(true);
    assert_eq!(scene.reason("orders", "stats.device"), "insecure-destination");
}
