//! R7, R11, R31, R59: what no setting and no consent lifts.

use std::sync::LazyLock;

use crate::fixture::{SHIPPED, Scene, collects};

/// An app that declares nothing: whatever is not forbidden is undeclared.
static DECLARES_NOTHING: LazyLock<Scene> = LazyLock::new(|| Scene::bare(&SHIPPED));

fn forbidden(purpose: &str, data: &str) -> bool {
    match DECLARES_NOTHING.reason(purpose, data) {
        "forbidden" => true,
        "undeclared" => false,
        other => panic!("{purpose} {data}: {other}"),
    }
}

fn always_refused(purpose: &str) -> bool {
    matches!(purpose, "sale" | "partners.marketing")
}

#[test]
fn r7_and_r11_items_of_verification_and_unlocking_serve_anti_fraud_alone() {
    for data in ["device.ecv", "unlock.computer_serial", "unlock.computer_ip"] {
        for (_, purpose) in SHIPPED.purposes.iter() {
            let expected = &*purpose.id != "fraud.prevention";
            assert_eq!(forbidden(&purpose.id, data), expected, "{} {data}", purpose.id);
        }
        let more = "necessary = true";
        let declared = collects("fraud.prevention", &[data], "legitimate-interest", more);
        let reason = Scene::new(&SHIPPED, &declared).reason("fraud.prevention", data);
        assert_eq!(reason, "legitimate-interest", "{data}");
    }
}

#[test]
fn r11_items_shared_with_unlocking_are_not_held_to_it() {
    for data in ["account.id", "device.serial", "device.info"] {
        for (_, purpose) in SHIPPED.purposes.iter() {
            let personal = ["content.personalised", "ads.personalised"].contains(&&*purpose.id);
            let expected = always_refused(&purpose.id) || (personal && data != "device.info");
            assert_eq!(forbidden(&purpose.id, data), expected, "{} {data}", purpose.id);
        }
    }
}

#[test]
fn r31_nothing_is_sold_nor_given_to_partners_for_their_marketing() {
    for (_, item) in SHIPPED.data.iter() {
        assert!(forbidden("sale", &item.id), "{}", item.id);
        assert!(forbidden("partners.marketing", &item.id), "{}", item.id);
    }
}

#[test]
fn r59_personalisation_takes_neither_who_one_is_nor_the_hardware() {
    let refused = [
        "given.name",
        "given.email",
        "given.phone",
        "given.delivery_address",
        "given.nickname",
        "given.contacts",
        "social.email",
        "social.photo",
        "account.id",
        "device.imei",
        "device.imsi",
        "device.mac",
        "device.serial",
        "device.android_id",
        "advertiser.imei",
    ];
    let open = [
        "ads.pseudonym",
        "ads.segments",
        "device.oaid",
        "device.gaid",
        "app.vaid",
        "app.aaid",
        "device.model",
        "apps.installed",
        "location.approximate",
        "stats.clicks",
    ];
    for purpose in ["content.personalised", "ads.personalised"] {
        for data in refused {
            assert!(forbidden(purpose, data), "{purpose} {data}");
        }
        for data in open {
            assert!(!forbidden(purpose, data), "{purpose} {data}");
        }
    }
}

#[test]
fn r59_what_names_or_reaches_the_person_serves_other_purposes() {
    for data in ["given.name", "given.email", "device.imei"] {
        for purpose in ["account", "support", "marketing.email", "activation.registration"] {
            assert!(!forbidden(purpose, data), "{purpose} {data}");
        }
    }
}

/// R59: every item of the two groups, and no rule besides the six takes an item from any purpose.
#[test]
fn nothing_else_is_forbidden() {
    for (_, purpose) in SHIPPED.purposes.iter() {
        let personalised = ["content.personalised", "ads.personalised"].contains(&&*purpose.id);
        for (_, item) in SHIPPED.data.iter() {
            let held = ["device.ecv", "unlock.computer_serial", "unlock.computer_ip"];
            let names = item.groups.iter().any(|group| ["direct", "hardware"].contains(&&**group));
            let expected = always_refused(&purpose.id)
                || (personalised && names)
                || (held.contains(&&*item.id) && &*purpose.id != "fraud.prevention");
            assert_eq!(forbidden(&purpose.id, &item.id), expected, "{} {}", purpose.id, item.id);
        }
    }
}
