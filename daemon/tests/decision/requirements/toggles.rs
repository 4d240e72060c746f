//! R10, R18, R22–R25: what each switch covers, and what holds before anybody touched it.

use consentd::catalog::State::{Ask, Off, On};

use super::{every_purpose, item_of};
use crate::fixture::{SHIPPED, collects};
use crate::phone::{ALL, APP, OTHERS, Phone};

/// The reasons after each of a row of choices, the first before any.
fn after(
    mut phone: Phone,
    purpose: &str,
    data: &str,
    choices: &[(&str, &str, consentd::catalog::State)],
) -> Vec<&'static str> {
    let mut reasons = vec![phone.reason(purpose, data)];
    for (app, toggle, state) in choices {
        phone.set(app, toggle, *state);
        reasons.push(phone.reason(purpose, data));
    }
    reasons
}

fn consent(purpose: &str, data: &str) -> Phone {
    Phone::with(&collects(purpose, &[data], "consent", "deidentified = true"))
}

#[test]
fn r18_profiling_waits_for_ad_services_and_ends_with_it() {
    let reasons = after(
        consent("ads.personalised", "device.oaid"),
        "ads.personalised",
        "device.oaid",
        &[
            (ALL, "ad-services", On),
            (APP, "ad-services", Off),
            (APP, "ad-services", On),
            (ALL, "ad-services", Off),
            (APP, "ad-services", On),
            (ALL, "ad-services", On),
            (APP, "ad-services", Ask),
        ],
    );
    let expected = [
        "toggle-off",
        "consented",
        "toggle-off",
        "consented",
        "toggle-off",
        "toggle-off",
        "consented",
        "not-set",
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn r18_ad_services_and_personalised_content_are_two_switches() {
    let mut phone = Phone::with(
        &(collects("ads.personalised", &["device.oaid"], "consent", "")
            + &collects("content.personalised", &["device.oaid"], "consent", "")),
    );
    let both = |phone: &Phone| {
        ["ads.personalised", "content.personalised"].map(|p| phone.reason(p, "device.oaid"))
    };
    assert_eq!(both(&phone), ["toggle-off", "toggle-off"]);
    phone.set(ALL, "personalised-content", On);
    assert_eq!(both(&phone), ["toggle-off", "consented"]);
    phone.set(ALL, "ad-services", On).set(ALL, "personalised-content", Off);
    assert_eq!(both(&phone), ["consented", "toggle-off"]);
}

/// R18: one value that is found in two places.
#[test]
fn r18_ad_services_is_one_switch_with_two_paths() {
    let toggle = &SHIPPED.toggles[SHIPPED.toggles.find("ad-services").unwrap()];
    assert_eq!(toggle.paths.len(), 2);
}

#[test]
fn r22_the_experience_program_is_opted_into() {
    for (purpose, data) in [
        ("experience.analytics", "device.model"),
        ("experience.analytics", "logs.crash"),
        ("analytics.internal", "logs.crash"),
        ("device.optimisation", "device.battery"),
        ("device.optimisation", "stats.crash_events"),
    ] {
        let choices = [
            (OTHERS, "user-experience", Ask),
            (ALL, "user-experience", On),
            (APP, "user-experience", On),
            (ALL, "user-experience", Off),
        ];
        let reasons = after(consent(purpose, data), purpose, data, &choices);
        let expected = ["toggle-off", "toggle-off", "not-set", "consented", "toggle-off"];
        assert_eq!(reasons, expected, "{purpose} {data}");
    }
}

#[test]
fn r22_what_is_not_crash_or_performance_data_is_not_under_the_experience_program() {
    for purpose in ["analytics.internal", "device.optimisation"] {
        let more = "deidentified = true";
        let phone = Phone::with(&collects(purpose, &["device.model"], "legitimate-interest", more));
        assert_eq!(phone.reason(purpose, "device.model"), "legitimate-interest");
    }
}

#[test]
fn r23_a_message_needs_marketing_and_its_own_type() {
    let types = ["marketing.in-service", "marketing.email", "marketing.other"];
    for purpose in types {
        for other in types.iter().filter(|other| **other != purpose) {
            let choices = [
                (ALL, "marketing", On),
                (ALL, other, On),
                (ALL, purpose, On),
                (APP, other, Off),
                (APP, "marketing", Off),
                (APP, "marketing", On),
                (ALL, purpose, Off),
            ];
            let reasons = after(consent(purpose, "given.email"), purpose, "given.email", &choices);
            let (off, on) = ("toggle-off", "consented");
            assert_eq!(reasons, [off, off, off, on, on, off, on, off], "{purpose} {other}");
        }
    }
    let promotions = after(
        consent("promotions", "given.email"),
        "promotions",
        "given.email",
        &[(ALL, "marketing", On), (ALL, "marketing", Off)],
    );
    assert_eq!(promotions, ["toggle-off", "consented", "toggle-off"]);
}

#[test]
fn r23_important_notices_and_the_law_go_on_with_everything_off() {
    let mut phone = Phone::with(&every_purpose());
    for toggle in SHIPPED.toggles.ids() {
        phone.set(ALL, toggle, Off).set(APP, toggle, Off).set(OTHERS, toggle, Off);
    }
    for (_, purpose) in SHIPPED.purposes.iter() {
        let expected = match &*purpose.id {
            "sale" | "partners.marketing" => "forbidden",
            "notices.important" => "contract",
            "legal.obligations" => "legal-obligation",
            _ => "toggle-off",
        };
        assert_eq!(phone.reason(&purpose.id, item_of(&purpose.id)), expected, "{}", purpose.id);
    }
}

#[test]
fn r24_app_access_off_denies_all_but_important_notices_and_the_law() {
    let mut phone = Phone::with(&every_purpose());
    let before: Vec<&str> = SHIPPED
        .purposes
        .iter()
        .map(|(_, purpose)| phone.reason(&purpose.id, item_of(&purpose.id)))
        .collect();
    phone.set(APP, "app-access", Off);
    for ((_, purpose), before) in SHIPPED.purposes.iter().zip(before) {
        let expected = match &*purpose.id {
            "sale" | "partners.marketing" | "notices.important" | "legal.obligations" => before,
            _ => "toggle-off",
        };
        assert_eq!(phone.reason(&purpose.id, item_of(&purpose.id)), expected, "{}", purpose.id);
    }
}

/// R24: on by default, and no consent; it is about one app alone.
#[test]
fn r24_app_access_is_on_until_the_user_takes_it_from_one_app() {
    let choices = [
        ("org.example.other", "app-access", Off),
        (APP, "app-access", Off),
        (APP, "app-access", On),
        (OTHERS, "app-access", Off),
    ];
    let phone = Phone::with(&collects("support", &["device.model"], "contract", ""));
    let reasons = after(phone, "support", "device.model", &choices);
    assert_eq!(reasons, ["contract", "contract", "toggle-off", "contract", "contract"]);
}

/// Out of the box: consent is off, or asks; what a service needs is on.
#[test]
fn out_of_the_box_only_what_needs_no_consent_is_allowed() {
    let phone = Phone::with(&every_purpose());
    for (_, purpose) in SHIPPED.purposes.iter() {
        let expected = match &*purpose.id {
            "sale" | "partners.marketing" => "forbidden",
            "find-device"
            | "experience.analytics"
            | "marketing.in-service"
            | "marketing.email"
            | "marketing.other"
            | "promotions"
            | "content.personalised"
            | "ads.personalised" => "toggle-off",
            "photos.location" => "not-set",
            "fraud.prevention"
            | "analytics.internal"
            | "device.optimisation"
            | "security.systems" => "legitimate-interest",
            "legal.obligations" => "legal-obligation",
            _ => "contract",
        };
        assert_eq!(phone.reason(&purpose.id, item_of(&purpose.id)), expected, "{}", purpose.id);
    }
}

#[test]
fn r25_the_account_button_and_the_cookie_categories_cover_no_pair() {
    let none = ["account", "cookies.essential", "cookies.analytics", "cookies.advertising"];
    for (purpose, _) in SHIPPED.purposes.iter() {
        for (data, _) in SHIPPED.data.iter() {
            for toggle in SHIPPED.covering(purpose, data) {
                assert!(!none.contains(&&*SHIPPED.toggles[*toggle].id));
            }
        }
    }
}

/// R26: essential always on; the others until a site's banner switched them on, and nowhere once they
/// are off for all sites.
#[test]
fn r26_cookie_categories_wait_for_the_site_s_banner() {
    let site = "site:shop.example";
    for category in ["cookies.essential", "cookies.analytics", "cookies.advertising"] {
        let mut phone = Phone::with(&collects("support", &["device.model"], "contract", ""));
        let mut after = |choices: &[(&str, consentd::catalog::State)]| {
            for (app, state) in choices {
                phone.set(app, category, *state);
            }
            let key = phone.key(site, category);
            let toggle = &SHIPPED.toggles[SHIPPED.toggles.find(category).unwrap()];
            phone.view().resolve(toggle, key.toggle, key.user, key.app, phone.now).state
        };
        let states = [
            after(&[]),
            after(&[("site:other.example", On)]),
            after(&[(site, On)]),
            after(&[(ALL, Off)]),
            after(&[(ALL, On)]),
            after(&[(site, Off)]),
        ];
        let expected = match category {
            "cookies.essential" => [On; 6],
            _ => [Off, Off, On, Off, On, Off],
        };
        assert_eq!(states, expected, "{category}");
    }
}

#[test]
fn r10_the_space_id_is_there_only_while_second_space_is_on() {
    let data = ["device.space_id", "device.gaid"];
    let mut phone = Phone::with(&collects("push.service", &data, "contract", ""));
    let both = |phone: &Phone| data.map(|data| phone.reason("push.service", data));
    assert_eq!(both(&phone), ["toggle-off", "contract"]);
    phone.set(ALL, "second-space", On);
    assert_eq!(both(&phone), ["contract", "contract"]);
    phone.set(ALL, "second-space", Off);
    assert_eq!(both(&phone), ["toggle-off", "contract"]);
    assert_eq!(phone.refusal("push.service", "device.space_id"), "zero-uuid");
}
