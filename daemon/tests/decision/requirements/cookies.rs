//! R33–R35, R26 and R38 for what a browser keeps: every listed cookie, category by category.

use consentd::catalog::State::{self, Ask, Off, On};
use consentd::catalog::Trust;
use consentd::decision::Reason;
use consentd::decision::cookie::{Cookie, Kind, Ruling, Visit, judge};
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::standing::Resolver;

use crate::fixture::{SHIPPED, collects};
use crate::phone::{ALL, OTHERS, Phone, USER};

const SITE: &str = "site:mi.com";
const ANALYTICS: &str = "cookies.analytics";
const ADVERTISING: &str = "cookies.advertising";
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

fn phone() -> Phone {
    Phone::with(&collects("support", &["device.model"], "contract", ""))
}

fn cookie<'a>(name: &'a str, domain: &'a str) -> Cookie<'a> {
    Cookie { name, domain, max_age: HOUR }
}

fn jar(phone: &mut Phone, jar: &[Cookie<'_>]) -> Vec<Ruling> {
    let app = phone.key(SITE, ANALYTICS).app;
    let toggles =
        Resolver { policy: &phone.policy, view: phone.view(), user: USER, app, now: phone.now };
    let catalog = &phone.policy.catalog;
    let caller = Some(Trust::Weak);
    judge(jar, &Visit { catalog, caller, minor: phone.minor, toggles: &toggles })
}

fn reason(phone: &mut Phone, name: &str, domain: &str) -> &'static str {
    jar(phone, &[cookie(name, domain)])[0].reason.word()
}

/// Part F of the requirements, as the policies print it: category, lifetime, names, domain.
const LISTED: &[(&str, u64, &str, &str)] = &[
    (
        "cookies.essential",
        0,
        "cUserId ISIOS ISAPP serviceToken userId xm_order_btauth xm_user_uk_num \
         XM_F7_JcCJ6scA_S_a659QckZQpxok_UN",
        "mi.com",
    ),
    ("cookies.essential", 900, "msgNum", "mi.com"),
    ("cookies.essential", DAY, "STATSESSIONID STATTIMESTAMP", "mi.com"),
    ("cookies.essential", 3 * DAY, "index_popup", "mi.com"),
    ("cookies.essential", 7 * DAY, "hasReview", "mi.com"),
    ("cookies.essential", YEAR, "globalSite STATDOMAINID", "mi.com"),
    ("cookies.essential", 50 * YEAR, "xmuuid", "mi.com"),
    ("cookies.essential", 71 * YEAR, "XM_I18N_AB_TEST", "mi.com"),
    (
        ANALYTICS,
        0,
        "_ot_curr_uri_path _ot_last_time _ot_prev_uri_path _ot_referrer_path _ot_ref_b _ot_ref_tip \
         _ot_update_flag _ot_view_tip isFromPassport lastsource mstz pageid xm_vistor",
        "mi.com",
    ),
    (ANALYTICS, 1_800, "_ot_utm_type", "mi.com"),
    (
        ANALYTICS,
        DAY,
        "_ot_last_source _ot_session_id _ot_use_type _ot_utm_campaign _ot_utm_content \
         _ot_utm_channel _ot_utm_medium _ot_utm_source _ot_utm_term msttime _ga_JM1KDGSWLJ",
        "mi.com",
    ),
    (ANALYTICS, 720 * DAY, "mstuid", "mi.com"),
    (ANALYTICS, 10 * YEAR, "_ot_instance_id", "mi.com"),
    (ANALYTICS, 2 * YEAR, "_ga", "mi.com"),
    (ANALYTICS, 7 * HOUR, "_gid", "mi.com"),
    (ADVERTISING, 680 * DAY, "id", "google.com"),
    (ADVERTISING, 7 * DAY, "DSID", "google.com"),
    (ADVERTISING, 353 * DAY, "RUL", "google.com"),
    (ADVERTISING, 87 * DAY, "fbp", "facebook.com"),
];

fn listed() -> impl Iterator<Item = (&'static str, u64, &'static str, &'static str)> {
    LISTED.iter().flat_map(|(category, max_age, names, domain)| {
        names.split_whitespace().map(move |name| (*category, *max_age, name, *domain))
    })
}

/// R33: a category that is not essential needs consent first; essential ones never.
#[test]
fn r33_every_listed_cookie_waits_for_its_category_unless_it_is_essential() {
    assert_eq!(listed().count(), SHIPPED.cookies.len());
    let mut out_of_the_box = phone();
    let mut analytics = phone();
    analytics.set(SITE, ANALYTICS, On);
    let mut both = phone();
    both.set(SITE, ANALYTICS, On).set(SITE, ADVERTISING, On);
    for (category, _, name, domain) in listed() {
        let answers =
            [&mut out_of_the_box, &mut analytics, &mut both].map(|on| reason(on, name, domain));
        let expected = match category {
            "cookies.essential" => ["essential"; 3],
            ANALYTICS => ["category-off", "consented", "consented"],
            _ => ["category-off", "category-off", "consented"],
        };
        assert_eq!(answers, expected, "{name}");
    }
}

/// R33: what is not listed is denied, and so is a listed name on a domain that is not its own.
#[test]
fn r33_an_unlisted_cookie_is_denied_and_a_listed_name_elsewhere_too() {
    let mut on = phone();
    on.set(SITE, ANALYTICS, On).set(SITE, ADVERTISING, On);
    for (name, domain, expected) in [
        ("_ga", "mi.com", "consented"),
        ("_ga", ".mi.com", "consented"),
        ("_ga", "www.mi.com", "consented"),
        ("_ga", ".a.b.mi.com", "consented"),
        ("_ga", "Shop.MI.com", "consented"),
        ("_ga", "xiaomi.com", "consented"),
        ("_ga", "google.com", "unlisted"),
        ("_ga", "example.org", "unlisted"),
        ("_ga", "evilmi.com", "unlisted"),
        ("_ga", "mi.com.evil.example", "unlisted"),
        ("_ga", "com", "unlisted"),
        ("_ga", "", "unlisted"),
        ("_ga", ".", "unlisted"),
        ("_ga", "..mi.com", "unlisted"),
        ("_ga", "a..mi.com", "unlisted"),
        ("_ga", "evil.example/.mi.com", "unlisted"),
        ("_ga", "mi.com.", "unlisted"),
        ("_ga", "mi.com:443", "unlisted"),
        ("_ga", "mi\0.mi.com", "unlisted"),
        ("_GA", "mi.com", "unlisted"),
        ("_ga ", "mi.com", "unlisted"),
        ("", "mi.com", "unlisted"),
        ("id", "google.com", "consented"),
        ("id", "ads.google.com", "consented"),
        ("id", "mi.com", "unlisted"),
        ("fbp", "facebook.com", "consented"),
        ("fbp", "google.com", "unlisted"),
        ("serviceToken", "example.org", "unlisted"),
    ] {
        assert_eq!(reason(&mut on, name, domain), expected, "{name:?} on {domain:?}");
    }
}

/// R33: beacons and local storage are named on the wire beside cookies, and judged as these are.
#[test]
fn r33_beacons_and_local_storage_are_kinds_beside_cookies() {
    let words = ["cookie", "local-storage", "beacon", "Cookie", "", "pixel"];
    let kinds =
        [Some(Kind::Cookie), Some(Kind::LocalStorage), Some(Kind::Beacon), None, None, None];
    assert_eq!(words.map(Kind::of), kinds);
}

/// R34: at most the declared lifetime; until the browser ends is the shortest of all.
#[test]
fn r34_a_lifetime_is_capped_at_the_declared_one() {
    let mut on = phone();
    on.set(SITE, ANALYTICS, On).set(SITE, ADVERTISING, On);
    for (_, declared, name, domain) in listed() {
        let asked = [0, 1, declared.saturating_sub(1), declared, declared + 1, u64::MAX];
        let asked_for = asked.map(|max_age| Cookie { name, domain, max_age });
        let given: Vec<u64> =
            jar(&mut on, &asked_for).iter().map(|ruling| ruling.max_age).collect();
        assert_eq!(given, asked.map(|asked| asked.min(declared)), "{name}");
    }
}

#[test]
fn r34_what_is_denied_is_kept_for_no_time() {
    let mut off = phone();
    let asked = [("_ga", "mi.com"), ("fbp", "facebook.com"), ("nobody", "mi.com")];
    let rulings = jar(&mut off, &asked.map(|(name, domain)| cookie(name, domain)));
    assert!(rulings.iter().all(|ruling| ruling.max_age == 0), "{rulings:?}");
}

/// R35: where the policies disagree, the shorter lifetime rules.
#[test]
fn r35_of_two_declared_lifetimes_the_shorter_rules() {
    let mut on = phone();
    on.set(SITE, ANALYTICS, On);
    let gid = Cookie { name: "_gid", domain: "mi.com", max_age: 2 * YEAR };
    assert_eq!(jar(&mut on, &[gid])[0].max_age, 7 * HOUR);
}

/// R35: advertising cookies of the older policy are listed, and so have to wait for a consent.
#[test]
fn r35_what_the_catalogue_warns_of_is_not_changed_by_it() {
    let warned = |name: &str| SHIPPED.warnings.iter().any(|warning| warning.text.contains(name));
    let mut fresh = phone();
    for (name, domain, expected) in [
        ("STATSESSIONID", "mi.com", "essential"),
        ("XM_I18N_AB_TEST", "mi.com", "essential"),
        ("xmuuid", "mi.com", "essential"),
        ("_gid", "mi.com", "category-off"),
        ("fbp", "facebook.com", "category-off"),
    ] {
        assert!(warned(name), "{name}");
        assert_eq!(reason(&mut fresh, name, domain), expected, "{name}");
    }
}

/// R26: the site's own choice counts while all sites are on; one switch stops them everywhere.
#[test]
fn r26_a_site_s_own_choice_counts_while_all_sites_are_on() {
    let choices: [(&[(&str, State)], &str); 10] = [
        (&[], "category-off"),
        (&[(SITE, On)], "consented"),
        (&[(SITE, Off)], "category-off"),
        (&[(SITE, Ask)], "not-set"),
        (&[("site:xiaomi.com", On)], "category-off"),
        (&[(SITE, On), (ALL, Off)], "category-off"),
        (&[(SITE, On), (ALL, Off), (ALL, On)], "consented"),
        // On for all sites switches none of them on by itself.
        (&[(ALL, On)], "category-off"),
        (&[(OTHERS, Ask)], "not-set"),
        (&[(OTHERS, Ask), (SITE, On)], "consented"),
    ];
    for (choices, expected) in choices {
        let mut phone = phone();
        for (site, state) in choices {
            phone.set(site, ANALYTICS, *state);
        }
        assert_eq!(reason(&mut phone, "_ga", "mi.com"), expected, "{choices:?}");
        assert_eq!(reason(&mut phone, "userId", "mi.com"), "essential", "{choices:?}");
    }
}

#[test]
fn r26_a_lock_holds_a_category_off_on_every_site() {
    for whose in [LockedFor::Everybody, LockedFor::User(USER)] {
        let mut phone = phone();
        let toggle = phone.key(SITE, ANALYTICS).toggle;
        phone.set(SITE, ANALYTICS, On).settings.locks.insert((whose, toggle));
        assert_eq!(reason(&mut phone, "_ga", "mi.com"), "locked");
        assert_eq!(reason(&mut phone, "userId", "mi.com"), "essential");
    }
}

/// R38: no advertising cookies for a known minor, and whose consent counts for the others.
#[test]
fn r38_a_minor_has_no_advertising_cookies_and_others_by_the_guardian_alone() {
    for by in By::ALL {
        let mut phone = phone();
        let notice = "2025-10-10";
        phone.set_as(SITE, ANALYTICS, On, notice, by).set_as(SITE, ADVERTISING, On, notice, by);
        phone.minor = true;
        assert_eq!(reason(&mut phone, "fbp", "facebook.com"), "minor", "{by:?}");
        let analytics = if by.is_guardians() { "consented" } else { "not-set" };
        assert_eq!(reason(&mut phone, "_ga", "mi.com"), analytics, "{by:?}");
        assert_eq!(reason(&mut phone, "userId", "mi.com"), "essential", "{by:?}");
        phone.minor = false;
        assert_eq!(reason(&mut phone, "fbp", "facebook.com"), "consented", "{by:?}");
    }
}

#[test]
fn whoever_is_not_identified_is_denied_every_cookie() {
    let mut phone = phone();
    let key = phone.set(SITE, ANALYTICS, On).key(SITE, ANALYTICS);
    let toggles = Resolver {
        policy: &phone.policy,
        view: phone.view(),
        user: USER,
        app: key.app,
        now: phone.now,
    };
    let visit =
        Visit { catalog: &phone.policy.catalog, caller: None, minor: false, toggles: &toggles };
    let asked = [cookie("userId", "mi.com"), cookie("_ga", "mi.com"), cookie("x", "mi.com")];
    for ruling in judge(&asked, &visit) {
        assert_eq!((ruling.reason, ruling.max_age), (Reason::Unidentified, 0));
    }
}
