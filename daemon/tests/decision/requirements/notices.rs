//! R39: a pair needs a consent that was given under a notice that names it.

use consentd::catalog::State::{Off, On};
use consentd::engine::settings::By;

use crate::fixture::collects;
use crate::phone::{ALL, APP, NOON, Phone};

const OLD: &str = "2019-12-09";
const NEW: &str = "2025-10-10";
const PURPOSE: &str = "experience.analytics";

fn analytics(notice: &str) -> String {
    collects(PURPOSE, &["device.model"], "consent", &format!("notice = \"{notice}\""))
}

fn reason(phone: &Phone) -> &'static str {
    phone.reason(PURPOSE, "device.model")
}

#[test]
fn r39_a_consent_covers_what_its_notice_or_an_older_one_brought() {
    for (pair, consent, expected) in [
        (OLD, OLD, "consented"),
        (OLD, NEW, "consented"),
        (NEW, NEW, "consented"),
        (NEW, OLD, "notice-changed"),
    ] {
        let mut phone = Phone::with(&analytics(pair));
        phone.set_as(ALL, "user-experience", On, consent, By::Settings);
        assert_eq!(reason(&phone), expected, "pair of {pair}, consent under {consent}");
    }
}

/// R39: the later of the notice it declares and the one in force when it was first loaded.
#[test]
fn r39_a_pair_exists_since_it_was_first_loaded() {
    const A_DAY: i64 = 86_400;
    const OCTOBER_10: i64 = 1_760_054_400;
    for (loaded, expected) in [
        (OCTOBER_10 - A_DAY, "consented"),
        (OCTOBER_10 - 1, "consented"),
        (OCTOBER_10, "notice-changed"),
        (NOON.wall, "notice-changed"),
    ] {
        let mut phone = Phone::loaded_at(&analytics(OLD), loaded);
        phone.set_as(ALL, "user-experience", On, OLD, By::Settings);
        assert_eq!(reason(&phone), expected, "{loaded}");
        phone.set_as(ALL, "user-experience", On, NEW, By::Settings);
        assert_eq!(reason(&phone), "consented", "{loaded}, asked again");
    }
}

#[test]
fn r39_what_is_new_asks_and_what_was_consented_to_stays() {
    let more = |notice: &str| format!("notice = \"{notice}\"");
    let mut phone = Phone::with(
        &(collects(PURPOSE, &["device.model"], "consent", &more(OLD))
            + &collects(PURPOSE, &["logs.crash"], "consent", &more(NEW))),
    );
    phone.set_as(ALL, "user-experience", On, OLD, By::Settings);
    let rulings = phone.check(PURPOSE, &["device.model", "logs.crash"]);
    let reasons: Vec<&str> = rulings.iter().map(|ruling| ruling.reason.word()).collect();
    assert_eq!(reasons, ["consented", "notice-changed"]);
}

/// R39: `on` again is a fresh consent; of the app's and the all-apps one the newest counts.
#[test]
fn r39_the_newest_consent_counts() {
    for (first, second, expected) in [
        ((ALL, OLD), (APP, NEW), "consented"),
        ((APP, OLD), (ALL, NEW), "consented"),
        ((ALL, NEW), (APP, OLD), "notice-changed"),
        ((APP, NEW), (ALL, OLD), "notice-changed"),
    ] {
        let mut phone = Phone::with(&analytics(NEW));
        // So that the all-apps state lets the app's own count; older than both.
        phone.set_as(ALL, "user-experience", On, OLD, By::Settings);
        for (app, notice) in [first, second] {
            phone.set_as(app, "user-experience", On, notice, By::Settings);
        }
        assert_eq!(reason(&phone), expected, "{first:?} then {second:?}");
    }
}

#[test]
fn r39_a_consent_that_was_withdrawn_does_not_come_back_by_itself() {
    let mut phone = Phone::with(&analytics(OLD));
    phone.set(ALL, "user-experience", On).set(ALL, "user-experience", Off);
    assert_eq!(reason(&phone), "toggle-off");
    phone.unset(ALL, "user-experience");
    assert_eq!(reason(&phone), "toggle-off");
}

/// A pair that needs no consent is not touched by a new notice.
#[test]
fn r39_what_is_under_no_consent_toggle_is_not_asked_again() {
    let declared = collects("support", &["device.model"], "contract", "notice = \"2025-10-10\"");
    let phone = Phone::loaded_at(&declared, NOON.wall);
    assert_eq!(phone.reason("support", "device.model"), "contract");
}
