//! Each arm, each reason of it: one case that gives it, and the nearest that does not.

use consentd::catalog::{State, Trust};
use consentd::decision::situation::Right;

use crate::fixture::{CONSENTED, SMALL, Scene, collects};

const SAFE: &str = "destinations = [{ country = \"NL\", tls = true }]";

fn service(more: &str) -> Scene {
    Scene::of("service", "note", "contract", more)
}

#[test]
fn a_caller_that_is_not_identified_is_denied() {
    assert_eq!(service("").unidentified().reason("service", "note"), "unidentified");
    assert_eq!(service("").trusted(Trust::Weak).reason("service", "note"), "contract");
}

#[test]
fn a_caller_trusted_less_than_the_item_asks_is_denied() {
    let cases = [
        ("note", Trust::Weak, "contract"),
        ("vault.password", Trust::Weak, "insufficient-trust"),
        ("vault.password", Trust::Confined, "contract"),
        ("vault.password", Trust::System, "contract"),
        ("vault.key", Trust::Weak, "insufficient-trust"),
        ("vault.key", Trust::Confined, "insufficient-trust"),
        ("vault.key", Trust::System, "contract"),
    ];
    for (data, trust, expected) in cases {
        let scene = Scene::of("service", data, "contract", "").trusted(trust);
        assert_eq!(scene.reason("service", data), expected, "{data} {trust:?}");
    }
}

/// R1–R13: what the catalogue does not have is denied, the purpose named first.
#[test]
fn what_the_catalogue_does_not_have_is_denied() {
    let cases = [
        ("service", "note", "contract"),
        ("servicing", "note", "unknown-purpose"),
        ("service", "notes", "unknown-data"),
        ("servicing", "notes", "unknown-purpose"),
        ("", "note", "unknown-purpose"),
        ("service", "", "unknown-data"),
        ("Service", "note", "unknown-purpose"),
        ("service", "note ", "unknown-data"),
        ("*", "note", "unknown-purpose"),
        ("service", "*", "unknown-data"),
        ("service", "@position", "unknown-data"),
    ];
    for (purpose, data, expected) in cases {
        assert_eq!(service("").reason(purpose, data), expected, "{purpose:?} {data:?}");
    }
}

/// R31, R59.
#[test]
fn what_a_never_rule_excludes_is_denied_though_declared_and_consented_to() {
    let scene = Scene::of("sale", "note", "consent", "");
    assert_eq!(scene.reason("sale", "note"), "forbidden");
    let of = |data| Scene::of("profiling", data, "consent", "").reason("profiling", data);
    assert_eq!(of("apps.list"), "forbidden");
    assert_eq!(of("note"), "consented");
    let service = Scene::of("service", "apps.list", "contract", "");
    assert_eq!(service.reason("service", "apps.list"), "contract");
}

/// R17.
#[test]
fn a_pair_that_is_not_declared_is_denied() {
    let scene = Scene::new(
        &SMALL,
        &(collects("service", &["note"], "contract", "")
            + &collects("law", &["count"], "legal-obligation", "")),
    );
    assert_eq!(scene.reason("service", "note"), "contract");
    assert_eq!(scene.reason("service", "count"), "undeclared");
    assert_eq!(scene.reason("law", "note"), "undeclared");
    assert_eq!(scene.reason("law", "count"), "legal-obligation");
    assert_eq!(scene.undeclared().reason("service", "note"), "undeclared");
}

/// R14, R15, R16, R32: what the purpose requires, declared or not.
#[test]
fn what_the_purpose_requires_has_to_be_declared() {
    let cases = [
        ("fraud", "legitimate-interest", "necessary = true"),
        ("model", "legitimate-interest", "deidentified = true"),
        ("local", "contract", "on_device = true"),
        ("statistics", "contract", "aggregate = true"),
    ];
    for (purpose, basis, mark) in cases {
        let with = |more| Scene::of(purpose, "note", basis, more).reason(purpose, "note");
        assert_eq!(with(mark), basis, "{purpose}");
        assert_eq!(with(""), "requirement-not-met", "{purpose}");
        for (_, _, other) in cases.iter().filter(|(other, ..)| *other != purpose) {
            assert_eq!(with(other), "requirement-not-met", "{purpose} with {other}");
        }
    }
}

/// R15: the context cannot make it de-identified, only say that it is not.
#[test]
fn a_context_that_contradicts_a_requirement_is_denied() {
    let model = Scene::of("model", "note", "legitimate-interest", "deidentified = true");
    assert_eq!(model.clone().deidentified(false).reason("model", "note"), "requirement-not-met");
    assert_eq!(model.deidentified(true).reason("model", "note"), "legitimate-interest");
    let bare = Scene::of("model", "note", "legitimate-interest", "");
    assert_eq!(bare.deidentified(true).reason("model", "note"), "requirement-not-met");
    assert_eq!(service("").deidentified(false).reason("service", "note"), "contract");
}

/// R16: what stays on the device goes nowhere, whoever asked for that mark.
#[test]
fn a_destination_for_what_stays_on_the_device_is_denied() {
    let local = Scene::of("local", "note", "contract", "on_device = true");
    assert_eq!(local.clone().destination("NL").reason("local", "note"), "requirement-not-met");
    assert_eq!(local.reason("local", "note"), "contract");
    let own = service("on_device = true");
    assert_eq!(own.destination("NL").reason("service", "note"), "requirement-not-met");
    let unmarked = service("").destination("NL");
    assert_eq!(unmarked.reason("service", "note"), "transfer-not-permitted");
}

/// R30, R32: what the recipients require, of all or of the one that is named.
#[test]
fn what_a_recipient_requires_has_to_be_declared() {
    let both = "recipients = [\"provider\", \"court\"]";
    assert_eq!(service(both).reason("service", "note"), "requirement-not-met");
    assert_eq!(service(both).recipient("court").reason("service", "note"), "requirement-not-met");
    assert_eq!(service(both).recipient("provider").reason("service", "note"), "contract");
    let necessary = format!("{both}\nnecessary = true");
    assert_eq!(service(&necessary).reason("service", "note"), "contract");
    let statistician = "recipients = [\"statistician\"]";
    assert_eq!(service(statistician).reason("service", "note"), "requirement-not-met");
    let aggregate = format!("{statistician}\naggregate = true");
    assert_eq!(service(&aggregate).reason("service", "note"), "contract");
}

/// R38.
#[test]
fn a_purpose_closed_to_minors_denies_minors_alone() {
    let youth = Scene::of("youth", "note", "contract", "");
    assert_eq!(youth.clone().minor().reason("youth", "note"), "minor");
    assert_eq!(youth.reason("youth", "note"), "contract");
    assert_eq!(service("").minor().reason("service", "note"), "contract");
}

/// R47.
#[test]
fn an_objection_denies_what_it_reaches() {
    let security = Scene::of("security", "note", "legitimate-interest", "");
    let objected = |purpose, data| security.clone().holds(Right::Objection, purpose, data, 200);
    assert_eq!(objected("security", "note").reason("security", "note"), "objected");
    assert_eq!(objected("*", "*").reason("security", "note"), "objected");
    assert_eq!(objected("fraud", "*").reason("security", "note"), "legitimate-interest");
    assert_eq!(objected("*", "count").reason("security", "note"), "legitimate-interest");
    let contract = service("").holds(Right::Objection, "*", "*", 200);
    assert_eq!(contract.reason("service", "note"), "contract");
}

/// R48.
#[test]
fn a_restriction_denies_all_but_the_law_and_later_consent() {
    let restricted = |scene: Scene| scene.holds(Right::Restriction, "*", "*", CONSENTED + 1);
    assert_eq!(restricted(service("")).reason("service", "note"), "restricted");
    let law = Scene::of("law", "note", "legal-obligation", "");
    assert_eq!(restricted(law).reason("law", "note"), "legal-obligation");
    let improvement = Scene::of("improvement", "note", "consent", "");
    assert_eq!(restricted(improvement.clone()).reason("improvement", "note"), "restricted");
    let later = restricted(improvement).consent("agree", Some((CONSENTED + 2, "2025-10-10")));
    assert_eq!(later.reason("improvement", "note"), "consented");
}

/// R42.
#[test]
fn an_isolation_denies_all_but_its_law_and_what_was_switched_on_later() {
    let isolated = |scene: Scene, generation| {
        let law = scene.isolation("law");
        scene.holds(law, "*", "*", generation)
    };
    assert_eq!(isolated(service(""), CONSENTED).reason("service", "note"), "isolated");
    assert_eq!(isolated(service(""), CONSENTED - 1).reason("service", "note"), "contract");
    let law = |id| Scene::of(id, "note", "legal-obligation", "");
    assert_eq!(isolated(law("law"), 900).reason("law", "note"), "legal-obligation");
    assert_eq!(isolated(law("other-law"), 900).reason("other-law", "note"), "isolated");
}

/// R28.
#[test]
fn a_basis_that_the_region_does_not_permit_is_denied() {
    let cases = [
        ("EEA", "legitimate-interest", "legitimate-interest"),
        ("EEA", "consent", "consented"),
        ("IN", "legitimate-interest", "basis-not-permitted"),
        ("IN", "consent", "consented"),
    ];
    for (region, basis, expected) in cases {
        let scene = Scene::of("tuning", "note", basis, "").region(region);
        assert_eq!(scene.reason("tuning", "note"), expected, "{region} {basis}");
    }
}

/// R30.
#[test]
fn a_recipient_that_is_not_declared_is_denied() {
    let scene = service("recipients = [\"provider\"]");
    assert_eq!(scene.reason("service", "note"), "contract");
    assert_eq!(scene.clone().recipient("provider").reason("service", "note"), "contract");
    for other in ["court", "nobody", "", "sdk:adnet"] {
        let named = scene.clone().recipient(other).reason("service", "note");
        assert_eq!(named, "recipient-not-declared", "{other:?}");
    }
    assert_eq!(
        service("").recipient("provider").reason("service", "note"),
        "recipient-not-declared"
    );
}

/// R37.
#[test]
fn a_country_that_the_region_does_not_permit_is_denied() {
    let to =
        |country| service(&format!("destinations = [{{ country = \"{country}\", tls = true }}]"));
    assert_eq!(to("CH").reason("service", "note"), "contract");
    assert_eq!(to("US").reason("service", "note"), "transfer-not-permitted");
    assert_eq!(to("US").region("OTHER").reason("service", "note"), "contract");
}

/// R54.
#[test]
fn a_destination_without_tls_is_denied() {
    let plain = "destinations = [{ country = \"NL\" }]";
    assert_eq!(service(plain).reason("service", "note"), "insecure-destination");
    assert_eq!(service(SAFE).reason("service", "note"), "contract");
    // A context can only tighten.
    assert_eq!(service(plain).secure(true).reason("service", "note"), "insecure-destination");
    assert_eq!(service(SAFE).secure(false).reason("service", "note"), "insecure-destination");
    assert_eq!(service(SAFE).secure(true).reason("service", "note"), "contract");
}

#[test]
fn a_lock_on_a_covering_toggle_denies() {
    assert_eq!(service("").locked("everything").reason("service", "note"), "locked");
    assert_eq!(service("").locked("agree").reason("service", "note"), "contract");
    let second = Scene::of("profiling", "note", "consent", "").locked("agree.more");
    assert_eq!(second.reason("profiling", "note"), "locked");
}

/// R18–R24.
#[test]
fn a_covering_toggle_that_is_off_denies_and_one_that_asks_asks() {
    let cases = [
        (State::On, State::On, "consented"),
        (State::On, State::Ask, "not-set"),
        (State::Ask, State::On, "not-set"),
        (State::On, State::Off, "toggle-off"),
        (State::Off, State::On, "toggle-off"),
        (State::Ask, State::Off, "toggle-off"),
        (State::Off, State::Ask, "toggle-off"),
    ];
    for (first, second, expected) in cases {
        let scene = Scene::of("profiling", "note", "consent", "")
            .state("agree", first)
            .state("agree.more", second);
        assert_eq!(scene.reason("profiling", "note"), expected, "{first:?} {second:?}");
    }
    let other = service("").state("agree", State::Off);
    assert_eq!(other.reason("service", "note"), "contract");
}

/// R39.
#[test]
fn a_consent_has_to_be_given_under_a_notice_that_names_the_pair() {
    let since = |notice: &str| {
        let more = format!("notice = \"{notice}\"");
        Scene::of("improvement", "note", "consent", &more)
    };
    let cases = [
        ("2022-06-01", None, "not-set"),
        ("2022-06-01", Some("2019-12-09"), "notice-changed"),
        ("2022-06-01", Some("2022-06-01"), "consented"),
        ("2022-06-01", Some("2025-10-10"), "consented"),
        ("2019-12-09", Some("2019-12-09"), "consented"),
    ];
    for (pair, consent, expected) in cases {
        let scene = since(pair).consent("agree", consent.map(|notice| (CONSENTED, notice)));
        assert_eq!(scene.reason("improvement", "note"), expected, "{pair} {consent:?}");
    }
}

/// R39: declining refuses what the declined notice brought, and no more.
#[test]
fn what_a_declined_notice_brought_is_denied() {
    let scene = |since: &str, declined| {
        Scene::of("improvement", "note", "consent", &format!("notice = \"{since}\""))
            .consent("agree", Some((CONSENTED, "2019-12-09")))
            .declined("agree", declined)
            .reason("improvement", "note")
    };
    assert_eq!(scene("2019-12-09", "2025-10-10"), "consented");
    assert_eq!(scene("2022-06-01", "2022-06-01"), "notice-declined");
    assert_eq!(scene("2022-06-01", "2025-10-10"), "notice-declined");
    assert_eq!(scene("2025-10-10", "2022-06-01"), "notice-changed");
}

#[test]
fn what_nothing_speaks_against_is_allowed_by_its_basis() {
    let cases =
        [("service", "contract"), ("law", "legal-obligation"), ("security", "legitimate-interest")];
    for (purpose, basis) in cases {
        assert_eq!(Scene::of(purpose, "note", basis, "").reason(purpose, "note"), basis);
    }
    let consent = Scene::of("improvement", "note", "consent", "");
    assert_eq!(consent.reason("improvement", "note"), "consented");
}

/// Any pair under a consent toggle needs its consent, whatever the pair rests on.
#[test]
fn a_contract_under_a_consent_toggle_needs_the_consent_too() {
    let place = Scene::of("service", "place.rough", "contract", "");
    assert_eq!(place.reason("service", "place.rough"), "contract");
    assert_eq!(place.consent("place", None).reason("service", "place.rough"), "not-set");
}
