//! R14–R17, R30, R32: what a declaration has to say.

use crate::fixture::{SHIPPED, Scene, collects};

fn reason(purpose: &str, data: &str, basis: &str, more: &str) -> &'static str {
    Scene::new(&SHIPPED, &collects(purpose, &[data], basis, more)).reason(purpose, data)
}

#[test]
fn r14_anti_fraud_has_to_be_necessary_and_a_legitimate_interest() {
    let fraud = |more| reason("fraud.prevention", "device.imei", "legitimate-interest", more);
    assert_eq!(fraud("necessary = true"), "legitimate-interest");
    assert_eq!(fraud(""), "requirement-not-met");
    let bases = SHIPPED.purposes[SHIPPED.purposes.find("fraud.prevention").unwrap()].bases;
    assert_eq!(bases.iter().map(|basis| basis.word()).collect::<Vec<_>>(), ["legitimate-interest"]);
}

#[test]
fn r15_model_training_takes_personal_items_de_identified_alone() {
    let training = |data, more| reason("analytics.internal", data, "legitimate-interest", more);
    assert_eq!(training("device.model", ""), "requirement-not-met");
    assert_eq!(training("device.model", "deidentified = true"), "legitimate-interest");
    assert_eq!(training("stats.device", ""), "legitimate-interest");
    let crash = |more| reason("analytics.internal", "logs.crash", "consent", more);
    assert_eq!(crash(""), "requirement-not-met");
    assert_eq!(crash("deidentified = true"), "consented");
}

#[test]
fn r15_an_app_that_says_it_did_not_de_identify_is_denied() {
    let declared = collects(
        "analytics.internal",
        &["device.model", "stats.device"],
        "legitimate-interest",
        "deidentified = true",
    );
    let scene = Scene::new(&SHIPPED, &declared).deidentified(false);
    assert_eq!(scene.reason("analytics.internal", "device.model"), "requirement-not-met");
    assert_eq!(scene.reason("analytics.internal", "stats.device"), "legitimate-interest");
}

/// R16: services of this kind are marked in their declarations.
#[test]
fn r16_what_runs_on_the_device_alone_has_no_destination() {
    let declared = collects("security.app", &["apps.installed"], "contract", "on_device = true");
    let scene = Scene::new(&SHIPPED, &declared);
    assert_eq!(scene.reason("security.app", "apps.installed"), "contract");
    for country in ["NL", "IN", "US", ""] {
        let named = scene.clone().destination(country);
        assert_eq!(named.reason("security.app", "apps.installed"), "requirement-not-met");
    }
}

#[test]
fn r17_data_declared_for_one_purpose_is_not_reused_for_another() {
    let scene = Scene::new(&SHIPPED, &collects("support", &["logs.system"], "contract", ""));
    for (_, purpose) in SHIPPED.purposes.iter() {
        let expected = match &*purpose.id {
            "support" => "contract",
            "sale" | "partners.marketing" => "forbidden",
            _ => "undeclared",
        };
        assert_eq!(scene.reason(&purpose.id, "logs.system"), expected, "{}", purpose.id);
    }
}

#[test]
fn r17_only_the_declared_items_of_a_purpose_are_given() {
    let scene = Scene::new(&SHIPPED, &collects("support", &["logs.system"], "contract", ""));
    for (_, item) in SHIPPED.data.iter() {
        let expected = match &*item.id {
            "logs.system" => "contract",
            "device.ecv" | "unlock.computer_serial" | "unlock.computer_ip" => "forbidden",
            _ => "undeclared",
        };
        assert_eq!(scene.reason("support", &item.id), expected, "{}", item.id);
    }
}

#[test]
fn r30_each_recipient_is_given_only_what_was_declared_for_it() {
    let ids: Vec<&str> = SHIPPED.recipients.ids().collect();
    for declared in &ids {
        let more = format!("necessary = true\naggregate = true\nrecipients = [\"{declared}\"]");
        let scene = Scene::new(&SHIPPED, &collects("orders", &["given.order"], "contract", &more));
        assert_eq!(scene.reason("orders", "given.order"), "contract", "{declared}");
        for named in &ids {
            let expected = if named == declared { "contract" } else { "recipient-not-declared" };
            let reason = scene.clone().recipient(named).reason("orders", "given.order");
            assert_eq!(reason, expected, "{declared} declared, {named} named");
        }
    }
}

#[test]
fn r30_authorities_get_only_what_is_declared_necessary() {
    for (_, recipient) in SHIPPED.recipients.iter() {
        let authority = ["regulator", "court", "law-enforcement"].contains(&&*recipient.id);
        let more = format!("aggregate = true\nrecipients = [\"{}\"]", recipient.id);
        let expected = if authority { "requirement-not-met" } else { "contract" };
        let reason = reason("orders", "given.order", "contract", &more);
        assert_eq!(reason, expected, "{}", recipient.id);
    }
}

#[test]
fn r32_statistics_reach_partners_as_aggregates_alone() {
    let partner = "recipients = [\"partner.statistics\"]";
    assert_eq!(reason("orders", "given.order", "contract", partner), "requirement-not-met");
    let aggregate = format!("{partner}\naggregate = true");
    assert_eq!(reason("orders", "given.order", "contract", &aggregate), "contract");
}

#[test]
fn r32_an_sdk_is_a_recipient_of_its_own() {
    let sdk = |id: &str| {
        format!("[[sdk]]\nid = \"{id}\"\nname = \"SDK\"\npolicy = \"https://sdk.example/\"\n")
    };
    let collects = collects(
        "ads.personalised",
        &["device.oaid"],
        "consent",
        "recipients = [\"partner\", \"sdk:adnet\"]",
    );
    let scene = Scene::new(&SHIPPED, &(sdk("sdk:adnet") + &sdk("sdk:other") + &collects));
    let named = |id| scene.clone().recipient(id).reason("ads.personalised", "device.oaid");
    assert_eq!(scene.reason("ads.personalised", "device.oaid"), "consented");
    assert_eq!(named("sdk:adnet"), "consented");
    assert_eq!(named("partner"), "consented");
    assert_eq!(named("sdk:other"), "recipient-not-declared");
    assert_eq!(named("adnet"), "recipient-not-declared");
    assert_eq!(named("AdNet"), "recipient-not-declared");
}
