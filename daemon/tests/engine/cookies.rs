//! A browser's jar: judged whole, recorded in sums, under what the user chose for the site.

use consentd::decision::Reason;
use consentd::decision::cookie::{Cookie, Ruling};
use consentd::engine::change::Hold;
use consentd::engine::error::{Invalid, TooLarge};
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::{Asker, Engine, EngineError, Jar, JarChecked, MAX_COOKIES};
use consentd::ledger::What;

use crate::device::{
    App, DAY, Device, GAME, OTHER_USER, USER, allow_for, events, records, set, stored, text,
};

const BROWSER: &str = "executable:/usr/bin/browser";
const ANALYTICS: &str = "cookies.analytics";
const ADVERTISING: &str = "cookies.advertising";
const SITE: &str = "site:mi.com";

const WEEK: u64 = 7 * 86_400;

/// What an ordinary page of a shop keeps: one of each category, and one that nobody listed.
const PAGE: [(&str, &str); 4] = [
    ("userId", ".mi.com"),
    ("_ga", ".mi.com"),
    ("fbp", ".facebook.com"),
    ("tracker", "ads.example"),
];

fn browser() -> App {
    App::undeclared(BROWSER)
}

fn cookies<'a>(named: &[(&'a str, &'a str)]) -> Vec<Cookie<'a>> {
    named.iter().map(|(name, domain)| Cookie { name, domain, max_age: WEEK }).collect()
}

/// As a transport does it.
fn check(engine: &Engine, asker: Asker<'_>, site: &str, named: &[(&str, &str)]) -> Vec<Ruling> {
    let cookies = cookies(named);
    let jar = Jar::new(site, &cookies, "").unwrap();
    match engine.check_cookies(asker, &jar) {
        JarChecked::Answered(rulings) => rulings,
        JarChecked::UsesOnce => engine.check_cookies_once(asker, &jar),
    }
}

fn reasons_on(engine: &Engine, site: &str, named: &[(&str, &str)]) -> Vec<&'static str> {
    let browser = browser();
    let asker = Asker { user: USER, caller: Some(&browser.0) };
    check(engine, asker, site, named).iter().map(|ruling| ruling.reason.word()).collect()
}

fn page(engine: &Engine) -> Vec<&'static str> {
    reasons_on(engine, "mi.com", &PAGE)
}

#[test]
fn a_jar_is_judged_by_what_was_chosen_for_its_site() {
    let device = Device::new();
    let engine = device.start();
    let off = ["essential", "category-off", "category-off", "unlisted"];
    assert_eq!(page(&engine), off);
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    assert_eq!(page(&engine), ["essential", "consented", "category-off", "unlisted"]);
    assert_eq!(reasons_on(&engine, "www.mi.com", &PAGE), off, "another site has its own choice");
    assert_eq!(reasons_on(&engine, "MI.com", &PAGE)[1], "consented");
    set(&engine, &[(ADVERTISING, SITE, "on")]).unwrap();
    assert_eq!(page(&engine), ["essential", "consented", "consented", "unlisted"]);
    // One switch stops them everywhere, and gives back what was chosen.
    set(&engine, &[(ANALYTICS, "", "off"), (ADVERTISING, "", "off")]).unwrap();
    assert_eq!(page(&engine), off);
    set(&engine, &[(ANALYTICS, "", "unset")]).unwrap();
    assert_eq!(page(&engine)[1], "consented");
    drop(engine);
    let engine = device.start();
    assert_eq!(page(&engine)[1..3], ["consented", "category-off"], "after a restart too");
    engine.lock(LockedFor::Everybody, &[ANALYTICS], Hold::Off).unwrap();
    assert_eq!(page(&engine)[1], "locked");
    // Another person of the device chose nothing.
    let browser = browser();
    let others =
        check(&engine, Asker { user: OTHER_USER, caller: Some(&browser.0) }, "mi.com", &PAGE);
    assert_eq!(others[2].reason, Reason::CategoryOff);
}

#[test]
fn a_banner_s_consent_is_an_event_with_a_receipt() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, "site:Bücher.example", "on")]).unwrap();
    let site = "site:xn--bcher-kva.example";
    let consent = &engine.list_consents(USER).unwrap()[0];
    let said = ["toggle", "app", "notice", "by", "region", "controller", "in_force"];
    let said = said.map(|key| text(consent, key));
    let controller = "Xiaomi Technology Netherlands B.V.";
    assert_eq!(said, [ANALYTICS, site, "2025-10-10", "shell", "EEA", controller, "true"]);
    let event = &events(&engine)[0];
    assert_eq!((event.what, event.app.as_deref()), (What::Set, Some(site)));
    assert_eq!(stored(&engine, ANALYTICS, "site:BÜCHER.example"), "on");
    set(&engine, &[(ANALYTICS, "site:bücher.example", "off")]).unwrap();
    assert_eq!(text(&engine.list_consents(USER).unwrap()[0], "in_force"), "false");
    assert_eq!(stored(&engine, ANALYTICS, site), "off");
}

#[test]
fn a_site_shows_its_categories_and_is_reset_like_an_app() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    let site = engine.get_app(USER, "site:MI.com").unwrap();
    let said = ["app", "name", "own"].map(|key| text(&site, key));
    assert_eq!(said, [SITE, "mi.com", "1"]);
    let Some(consentd::row::Cell::Rows(toggles)) = site.get("toggles") else { panic!() };
    let states: Vec<String> = toggles
        .iter()
        .map(|row| format!("{} {}", text(row, "toggle"), text(row, "state")))
        .collect();
    assert_eq!(states, ["cookies.essential on", "cookies.analytics on", "cookies.advertising off"]);
    // A site that nobody ever chose anything for is shown as it would be judged.
    assert_eq!(text(&engine.get_app(USER, "site:po.co").unwrap(), "own"), "0");
    assert_eq!(engine.reset(USER, "site:Mi.com", By::Shell).unwrap(), 1);
    assert_eq!(page(&engine)[1], "category-off");
    let error = engine.reset(USER, "site:po.co", By::Shell).unwrap_err();
    assert!(matches!(error, EngineError::UnknownApp { .. }), "{error}");
    for (toggle, app) in [(ANALYTICS, "site:mi.com:80"), ("location.app", SITE)] {
        let error = engine.get(USER, toggle, app).unwrap_err();
        let refused =
            matches!(error, EngineError::Invalid(Invalid::Site { .. } | Invalid::NoSite { .. }));
        assert!(refused, "{error}");
    }
}

/// R38: no marketing to minors; what else they keep, the guardian consents to.
#[test]
fn r38_a_known_minor_has_no_advertising_cookies() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ADVERTISING, SITE, "on"), (ANALYTICS, SITE, "on")]).unwrap();
    let minor = ProfileChange { age_band: Some("minor"), ..ProfileChange::default() };
    engine.set_profile(USER, &minor, By::Shell).unwrap();
    assert_eq!(page(&engine), ["essential", "not-set", "minor", "unlisted"]);
    let error = set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap_err();
    assert!(matches!(error, EngineError::GuardianOnly(_)), "{error}");
    let on = consentd::engine::change::Change { toggle: ANALYTICS, app: SITE, state: "on" };
    engine.set(USER, &[on], &Default::default(), By::Guardian).unwrap();
    assert_eq!(page(&engine)[1..3], ["consented", "minor"]);
}

#[test]
fn a_jar_is_recorded_in_sums_and_without_names() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    let mut jar = vec![("_ga", "mi.com"), ("userId", "mi.com"), ("fbp", "facebook.com")];
    jar.resize(MAX_COOKIES, ("secret-name-of-a-tracker", "ads.example"));
    let answered = reasons_on(&engine, "mi.com", &jar);
    assert_eq!(answered.len(), MAX_COOKIES);
    let row = |data: &str, reason: &str, count| (SITE.into(), data.into(), reason.into(), count);
    assert_eq!(
        records(&engine),
        [
            row(ADVERTISING, "category-off", 1),
            row(ANALYTICS, "consented", 1),
            row("cookies.essential", "essential", 1),
            row("cookies.unlisted", "unlisted", 9_997),
        ]
    );
    engine.close();
    let kept = [device.ledger_path(), device.state_dir().join("ledger.journal")];
    for file in kept {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"secret-name"), "{}", file.display());
    }
}

#[test]
fn whoever_is_not_identified_is_denied_and_recorded() {
    let device = Device::new();
    let engine = device.start();
    let rulings = check(&engine, Asker { user: USER, caller: None }, "mi.com", &PAGE);
    assert!(rulings.iter().all(|ruling| ruling.reason == Reason::Unidentified));
    let total: u64 = records(&engine).iter().map(|(_, _, _, count)| count).sum();
    assert_eq!(total, 4);
}

#[test]
fn a_flood_of_invented_sites_is_counted_in_a_row_from_some_point_on() {
    let device = Device::new();
    let engine = device.start();
    for n in 0..1_100 {
        reasons_on(&engine, &format!("s{n}.example"), &PAGE[..1]);
    }
    let kept = records(&engine);
    assert_eq!(kept.len(), 1_025);
    let total: u64 = kept.iter().map(|(_, _, _, count)| count).sum();
    assert_eq!(total, 1_100, "each is counted");
    assert_eq!(kept.last().unwrap().0, "*");
}

#[test]
fn a_jar_of_no_shape_is_refused_and_an_empty_one_is_not() {
    let many = vec![cookies(&[("x", "mi.com")])[0]; MAX_COOKIES + 1];
    assert!(Jar::new("mi.com", &many[1..], "").is_ok());
    let error = Jar::new("mi.com", &many, "").unwrap_err();
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Cookies(10_001))), "{error}");
    let error = Jar::new("https://mi.com", &[], "").unwrap_err();
    assert!(matches!(error, EngineError::Invalid(Invalid::Site { .. })), "{error}");
    let error = Jar::new("mi.com", &[], &"t".repeat(65)).unwrap_err();
    assert!(matches!(error, EngineError::TooLarge(TooLarge::Tag(65))), "{error}");
    let device = Device::new();
    let engine = device.start();
    assert!(reasons_on(&engine, "mi.com", &[]).is_empty());
    assert!(records(&engine).is_empty());
    // The same name twice is two cookies: paths differ.
    assert_eq!(reasons_on(&engine, "mi.com", &[("userId", "mi.com"); 2]), ["essential"; 2]);
}

#[test]
fn once_for_a_site_is_for_one_jar_that_rests_on_it() {
    let device = Device::new();
    let engine = device.start();
    allow_for(&engine, ANALYTICS, SITE, "once", None).unwrap();
    assert_eq!(reasons_on(&engine, "mi.com", &[("userId", "mi.com")]), ["essential"]);
    assert_eq!(reasons_on(&engine, "po.co", &[("_ga", "mi.com")]), ["category-off"]);
    assert_eq!(page(&engine)[1], "consented");
    assert_eq!(page(&engine)[1], "category-off", "it was used up");
    let used = events(&engine).into_iter().filter(|event| event.what == What::Consumed).count();
    assert_eq!(used, 1);
    // And until a time.
    allow_for(&engine, ANALYTICS, SITE, "until", Some(device.clock_now() + DAY)).unwrap();
    assert_eq!(page(&engine)[1], "consented");
    device.pass(DAY);
    assert_eq!(page(&engine)[1], "category-off");
}

#[test]
fn without_a_store_a_ledger_or_a_catalogue_every_cookie_is_denied() {
    let device = Device::new();
    device.write("catalog/toggles.toml", "nonsense");
    assert_eq!(page(&device.start()), ["catalog-unavailable"; 4]);

    let device = Device::new();
    drop(device.start());
    device.settings_db().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(page(&device.start()), ["store-unavailable"; 4], "a later version's");

    let device = Device::new();
    let engine = device.start();
    device.refuse_in_ledger("records");
    device.pass(60);
    let browser = browser();
    let cannot = (0..100_000).find(|user| {
        let asker = Asker { user: *user, caller: Some(&browser.0) };
        check(&engine, asker, "mi.com", &PAGE)[0].reason == Reason::StoreUnavailable
    });
    assert!(cannot.is_some(), "a journal without end");
}

#[test]
fn once_that_cannot_be_used_up_allows_nothing() {
    let device = Device::new();
    let engine = device.start();
    allow_for(&engine, ANALYTICS, SITE, "once", None).unwrap();
    device.refuse_changes();
    assert_eq!(page(&engine), ["store-unavailable"; 4]);
    device.accept_changes();
    assert_eq!(page(&engine)[1], "consented");
}

/// Invariant 3: a denial that the disk does not take holds all the same.
#[test]
fn off_holds_in_memory_though_the_disk_does_not_take_it() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    device.refuse_changes();
    let error = set(&engine, &[(ANALYTICS, SITE, "off")]).unwrap_err();
    assert!(matches!(error, EngineError::NotStored(_)), "{error}");
    assert_eq!(page(&engine)[1], "category-off");
}

#[test]
fn an_explanation_says_what_decided_and_records_nothing() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    allow_for(&engine, ADVERTISING, "site:google.com", "once", None).unwrap();
    let before = (records(&engine).len(), events(&engine).len());
    let asked = |name, domain| Cookie { name, domain, max_age: u64::MAX };
    let jar = [
        ("", asked("_ga", ".www.mi.com")),
        ("po.co", asked("_ga", ".mi.com")),
        ("", asked("DSID", "google.com")),
        ("", asked("_ga", "ads.example")),
        ("", asked("x", "a b")),
    ];
    for _ in 0..2 {
        let explained = engine.explain_cookies(USER, &jar).unwrap();
        let said: Vec<_> = explained
            .iter()
            .map(|explained| {
                let keys = ["site", "category", "declared", "by", "elsewhere"];
                let row = keys.map(|key| text(&explained.row, key)).join("|");
                (explained.ruling.reason.word(), row)
            })
            .collect();
        let row = |reason, row: &str| (reason, row.to_owned());
        assert_eq!(
            said,
            [
                row("consented", "mi.com|cookies.analytics|63072000|Google Analytics|"),
                row("category-off", "po.co|cookies.analytics|63072000|Google Analytics|"),
                row("consented", "google.com|cookies.advertising|604800|Google|"),
                row("unlisted", "ads.example||||mi.com xiaomi.com"),
                row("unlisted", "||||"),
            ]
        );
    }
    assert_eq!((records(&engine).len(), events(&engine).len()), before);
    let many = vec![jar[0]; MAX_COOKIES + 1];
    assert!(matches!(engine.explain_cookies(USER, &many), Err(EngineError::TooLarge(_))));
}

#[test]
fn a_declared_app_that_asks_about_cookies_is_judged_as_any_browser() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    let game = App::declared(&engine, GAME);
    let asker = Asker { user: USER, caller: Some(&game.0) };
    assert_eq!(check(&engine, asker, "mi.com", &PAGE)[1].reason, Reason::Consented);
}

/// Invariant 3: of a change that is on its way to the disk, what it denies holds, what it allows not.
#[test]
fn while_the_disk_works_a_withdrawal_holds_and_a_consent_does_not() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[(ANALYTICS, SITE, "on")]).unwrap();
    let busy = device.settings_db();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let changes = [(ANALYTICS, SITE, "off"), (ADVERTISING, SITE, "on")];
    std::thread::scope(|scope| {
        let change = scope.spawn(|| set(&engine, &changes));
        // The change cannot end before the database is free, so these are answers meanwhile.
        while page(&engine)[1] != "category-off" {
            assert!(!change.is_finished());
            std::thread::yield_now();
        }
        assert_eq!(page(&engine)[2], "category-off");
        assert!(!change.is_finished());
        busy.execute_batch("ROLLBACK").unwrap();
        change.join().unwrap().unwrap();
    });
    assert_eq!(page(&engine)[1..3], ["category-off", "consented"]);
}
