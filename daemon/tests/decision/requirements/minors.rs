//! R38: what is closed to minors, and whose consent counts for them.

use consentd::catalog::State::On;
use consentd::engine::settings::By;

use super::{every_purpose, item_of};
use crate::fixture::{SHIPPED, Scene, collects};
use crate::phone::{ALL, APP, Phone};

const CLOSED: [&str; 6] = [
    "marketing.in-service",
    "marketing.email",
    "marketing.other",
    "promotions",
    "content.personalised",
    "ads.personalised",
];

/// R38: whoever consented.
#[test]
fn r38_marketing_and_personalisation_are_closed_to_minors_whoever_consented() {
    let mut scene = Scene::new(&SHIPPED, &every_purpose()).minor();
    for by_guardian in [false, true] {
        if let Some(consent) = &mut scene.toggles.others.consent {
            consent.by_guardian = by_guardian;
        }
        for (_, purpose) in SHIPPED.purposes.iter() {
            let reason = scene.reason(&purpose.id, item_of(&purpose.id));
            if !["sale", "partners.marketing"].contains(&&*purpose.id) {
                let closed = CLOSED.contains(&&*purpose.id);
                assert_eq!(reason == "minor", closed, "{}: {reason}", purpose.id);
            }
        }
    }
}

#[test]
fn r38_a_minor_s_consent_counts_only_from_the_guardian_or_root() {
    let ways = [
        (By::Settings, "not-set"),
        (By::Shell, "not-set"),
        (By::Prompt, "not-set"),
        (By::Guardian, "consented"),
        (By::Administrator, "consented"),
    ];
    assert_eq!(ways.map(|(by, _)| by), By::ALL);
    for (by, minors) in ways {
        for app in [ALL, APP] {
            let declared = collects("experience.analytics", &["device.model"], "consent", "");
            let mut phone = Phone::with(&declared);
            // The program is off for all apps until it is switched on there.
            phone.set_as(ALL, "user-experience", On, "2025-10-10", by);
            phone.set_as(app, "user-experience", On, "2025-10-10", by);
            let reason = |phone: &Phone| phone.reason("experience.analytics", "device.model");
            assert_eq!(reason(&phone), "consented", "adult, {by:?}");
            phone.minor = true;
            assert_eq!(reason(&phone), minors, "minor, {by:?}");
        }
    }
}

/// A switch that is no consent is the minor's own.
#[test]
fn r38_a_minor_switches_what_is_not_consent() {
    let mut phone = Phone::with(&collects("find-device", &["device.imei"], "contract", ""));
    phone.minor = true;
    phone.set(ALL, "find-device", On);
    assert_eq!(phone.reason("find-device", "device.imei"), "contract");
}

/// A minor's own consent lifts no restriction either.
#[test]
fn r38_a_minor_s_own_consent_lifts_nothing() {
    use consentd::decision::situation::{Held, Reach, Right};
    let mut phone =
        Phone::with(&collects("experience.analytics", &["device.model"], "consent", ""));
    phone.held = vec![Held { right: Right::Restriction, reach: Reach::default(), generation: 0 }];
    phone.set(ALL, "user-experience", On);
    let reason = |phone: &Phone| phone.reason("experience.analytics", "device.model");
    assert_eq!(reason(&phone), "consented");
    phone.minor = true;
    assert_eq!(reason(&phone), "restricted");
    phone.set_as(ALL, "user-experience", On, "2025-10-10", By::Guardian);
    assert_eq!(reason(&phone), "consented");
}
