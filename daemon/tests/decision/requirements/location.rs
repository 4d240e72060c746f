//! R5, R19, R20, R21: where the person is.

use consentd::catalog::State::{Ask, Off, On};

use crate::fixture::{SHIPPED, collects};
use crate::phone::{ALL, APP, OTHERS, Phone};

const PRECISE: [&str; 2] = ["location.precise", "location.wifi_fix"];
const APPROXIMATE: [&str; 5] = [
    "location.approximate",
    "location.cell_fix",
    "location.cell_id",
    "location.area_code",
    "location.city_code",
];
const OPEN: [&str; 6] = [
    "location.region",
    "location.country",
    "location.mcc",
    "location.mnc",
    "location.time_zone",
    "location.language",
];

const PURPOSE: &str = "location.services";

fn maps() -> Phone {
    let all = [&PRECISE[..], &APPROXIMATE, &OPEN].concat();
    Phone::with(&collects(PURPOSE, &all, "contract", ""))
}

/// What the precise, the approximate and the other items of a phone are answered.
fn three(phone: &Phone) -> [&'static str; 3] {
    [&PRECISE[..], &APPROXIMATE, &OPEN].map(|items| {
        let first = phone.reason(PURPOSE, items[0]);
        for item in items {
            assert_eq!(phone.reason(PURPOSE, item), first, "{item}");
        }
        first
    })
}

#[test]
fn r5_every_location_item_is_precise_or_approximate_or_not_a_position() {
    for (_, item) in SHIPPED.data.iter() {
        let is = |group: &str| item.groups.iter().any(|own| **own == *group);
        assert_eq!(is("precise"), PRECISE.contains(&&*item.id), "{}", item.id);
        let position = PRECISE.contains(&&*item.id) || APPROXIMATE.contains(&&*item.id);
        assert_eq!(is("position"), position, "{}", item.id);
    }
}

/// R19: out of the box, and after each choice that the user can make.
#[test]
fn r19_an_app_has_its_place_as_far_as_its_user_said() {
    let ask = ["not-set", "not-set", "contract"];
    let denied = ["toggle-off", "toggle-off", "contract"];
    let cases = [
        (vec![], ask),
        (vec![(APP, "location.app", On)], ["not-set", "contract", "contract"]),
        (vec![(APP, "location.precise", On)], ask),
        (
            vec![(APP, "location.app", On), (APP, "location.precise", On)],
            ["contract", "contract", "contract"],
        ),
        (
            vec![(APP, "location.app", On), (APP, "location.precise", Off)],
            ["toggle-off", "contract", "contract"],
        ),
        (vec![(APP, "location.app", Off), (APP, "location.precise", On)], denied),
        (vec![(APP, "location.app", Ask), (APP, "location.precise", On)], ask),
        (
            vec![(APP, "location.app", On), (APP, "location.precise", On), (ALL, "location", Off)],
            denied,
        ),
        (vec![(OTHERS, "location.app", Off)], denied),
        (
            vec![(OTHERS, "location.app", Off), (APP, "location.app", On)],
            ["not-set", "contract", "contract"],
        ),
        (vec![(ALL, "location", On)], ask),
    ];
    for (choices, expected) in cases {
        let mut phone = maps();
        for (app, toggle, state) in &choices {
            phone.set(app, toggle, *state);
        }
        assert_eq!(three(&phone), expected, "{choices:?}");
    }
}

#[test]
fn r5_an_approximate_grant_gives_the_approximate_in_place_of_the_precise() {
    let mut phone = maps();
    assert_eq!(phone.refusal(PURPOSE, "location.precise"), "none");
    phone.set(APP, "location.app", On);
    for item in PRECISE {
        assert_eq!(phone.reason(PURPOSE, item), "not-set");
        assert_eq!(phone.refusal(PURPOSE, item), "approximate");
    }
    phone.set(ALL, "location", Off);
    for item in PRECISE {
        assert_eq!(phone.refusal(PURPOSE, item), "none");
    }
}

/// R5: a Wi-Fi fix's counterpart is the cell-tower fix, not just any approximate item.
#[test]
fn r5_each_precise_item_has_a_counterpart_of_its_own() {
    let counterparts =
        [("location.precise", "location.approximate"), ("location.wifi_fix", "location.cell_fix")];
    for (precise, counterpart) in counterparts {
        for declared in APPROXIMATE {
            let mut phone = Phone::with(&collects(PURPOSE, &[precise, declared], "contract", ""));
            phone.set(APP, "location.app", On);
            let expected = if declared == counterpart { "approximate" } else { "none" };
            assert_eq!(phone.refusal(PURPOSE, precise), expected, "{precise} beside {declared}");
        }
    }
}

/// R19: activation, its diagnosis and the law go on with Location off.
#[test]
fn r19_three_purposes_are_not_under_location() {
    let cases = [
        ("services.activation", "contract"),
        ("activation.diagnosis", "contract"),
        ("legal.obligations", "legal-obligation"),
    ];
    for (purpose, basis) in cases {
        let mut phone = Phone::with(&collects(purpose, &PRECISE, basis, ""));
        phone.set(ALL, "location", Off).set(APP, "location.app", Off);
        assert_eq!(phone.reason(purpose, "location.precise"), basis);
    }
}

/// R19–R21: which of the location toggles cover a position, for every purpose.
#[test]
fn r19_to_r21_each_purpose_is_under_its_location_toggles() {
    let location =
        ["location", "location.app", "location.precise", "find-device", "photos.location"];
    for (purpose, entry) in SHIPPED.purposes.iter() {
        let (precise, approximate): (&[&str], &[&str]) = match &*entry.id {
            "services.activation" | "activation.diagnosis" | "legal.obligations" => (&[], &[]),
            "find-device" => (&["location", "find-device"], &["location", "find-device"]),
            "photos.location" => {
                (&["location", "photos.location"], &["location", "photos.location"])
            }
            _ => (&["location", "location.app", "location.precise"], &["location", "location.app"]),
        };
        for (data, item) in SHIPPED.data.iter() {
            let covering = SHIPPED.covering(purpose, data).iter();
            let covering: Vec<&str> = covering
                .map(|toggle| &*SHIPPED.toggles[*toggle].id)
                .filter(|id| location.contains(id))
                .collect();
            let expected: &[&str] = match (&*item.id, &*entry.id) {
                (id, _) if PRECISE.contains(&id) => precise,
                (id, _) if APPROXIMATE.contains(&id) => approximate,
                // Find device covers whatever it takes.
                (_, "find-device") => &["find-device"],
                _ => &[],
            };
            assert_eq!(covering, expected, "{} {}", entry.id, item.id);
        }
    }
}

#[test]
fn r20_find_device_needs_its_own_switch_and_the_global_one_not_the_app_s() {
    let mut phone =
        Phone::with(&collects("find-device", &["location.precise", "device.imei"], "contract", ""));
    let both = |phone: &Phone| {
        ["location.precise", "device.imei"].map(|data| phone.reason("find-device", data))
    };
    assert_eq!(both(&phone), ["toggle-off", "toggle-off"], "out of the box");
    phone.set(ALL, "find-device", On);
    assert_eq!(both(&phone), ["contract", "contract"], "switched on");
    phone.set(APP, "location.app", Off).set(APP, "location.precise", Off);
    assert_eq!(both(&phone), ["contract", "contract"], "the app's own off");
    phone.set(ALL, "location", Off);
    assert_eq!(both(&phone), ["toggle-off", "contract"], "Location off");
    phone.set(ALL, "location", On).set(ALL, "find-device", Off);
    assert_eq!(both(&phone), ["toggle-off", "toggle-off"], "switched off");
}

#[test]
fn r21_a_photo_has_its_place_after_consent_and_with_the_global_switch_on() {
    let mut phone = Phone::with(&collects("photos.location", &["location.precise"], "consent", ""));
    let reason = |phone: &Phone| phone.reason("photos.location", "location.precise");
    assert_eq!(reason(&phone), "not-set");
    phone.set(APP, "location.app", On).set(APP, "location.precise", On);
    assert_eq!(reason(&phone), "not-set", "the app's own is another consent");
    phone.set(APP, "photos.location", On);
    assert_eq!(reason(&phone), "consented");
    phone.set(APP, "location.app", Off).set(APP, "location.precise", Off);
    assert_eq!(reason(&phone), "consented");
    phone.set(ALL, "location", Off);
    assert_eq!(reason(&phone), "toggle-off");
    phone.set(ALL, "location", On).set(APP, "photos.location", Off);
    assert_eq!(reason(&phone), "toggle-off");
}
