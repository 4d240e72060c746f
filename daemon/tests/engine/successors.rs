//! A new catalogue and what was switched off under the old one: it is rejected, or a successor
//! inherits the off.

use std::sync::atomic::{AtomicBool, Ordering};

use consentd::decision::{Decision, Reason};
use consentd::engine::change::Hold;
use consentd::engine::settings::LockedFor;
use consentd::engine::{Engine, PolicyError};
use consentd::ledger::What;

use crate::device::{ADS, App, Device, GAME, OAID, USER, allow_for, events, set, stored, text};

const TOGGLES: &str = "catalog/toggles.toml";

/// The next catalogue has `adverts` where this one has `ad-services`.
fn rename(device: &Device, succeeds: &str) {
    let new = format!("id = \"adverts\"\nsucceeds = [{succeeds}]\n");
    device.edit(TOGGLES, "id = \"ad-services\"\n", &new);
}

fn uncovers(reloaded: Result<Vec<String>, PolicyError>) {
    let Err(PolicyError::Uncovers { toggle, purpose, .. }) = &reloaded else {
        panic!("{reloaded:?}");
    };
    assert_eq!((toggle.as_str(), purpose.as_str()), ("ad-services", ADS));
}

fn asked(engine: &Engine) -> Reason {
    App::declared(engine, GAME).check_one(engine, ADS, OAID)
}

#[test]
fn what_somebody_switched_off_cannot_be_uncovered() {
    let offs: [fn(&Engine) -> u64; 4] = [
        |engine| set(engine, &[("ad-services", "", "off")]).unwrap(),
        |engine| set(engine, &[("ad-services", GAME, "off")]).unwrap(),
        |engine| set(engine, &[("ad-services", "*", "off")]).unwrap(),
        |engine| engine.lock(LockedFor::User(USER), &["ad-services"], Hold::Off).unwrap(),
    ];
    for off in offs {
        let device = Device::new();
        let engine = device.start();
        off(&engine);
        let before = (asked(&engine), engine.generation());
        rename(&device, "");
        uncovers(engine.check_policy());
        uncovers(engine.reload());
        assert_eq!((asked(&engine), engine.generation()), before, "the old one stays in force");
        drop(engine);
        let engine = device.start();
        let game = App::undeclared(GAME);
        assert_eq!(game.check_one(&engine, ADS, OAID), Reason::CatalogUnavailable);
        assert!(text(&engine.health().row, "catalog_error").contains("`ad-services`"));
    }
}

#[test]
fn what_nobody_switched_off_can_change() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "ask")]).unwrap();
    rename(&device, "");
    engine.reload().unwrap();
    assert_eq!(asked(&engine), Reason::ToggleOff, "the new one's default");
}

#[test]
fn a_successor_inherits_each_off() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    set(&engine, &[("ad-services", "*", "off")]).unwrap();
    rename(&device, "\"ad-services\"");
    engine.check_policy().unwrap();
    assert_eq!(stored(&engine, "ad-services", GAME), "off", "looking changes nothing");
    engine.reload().unwrap();
    inherited(&engine);
    drop(engine);
    inherited(&device.start());
}

fn inherited(engine: &Engine) {
    let states = ["", "*", GAME].map(|app| stored(engine, "adverts", app));
    assert_eq!(states, ["unset", "off", "off"]);
    assert_eq!(asked(engine), Reason::ToggleOff);
    let handed: Vec<_> = events(engine)
        .into_iter()
        .filter(|event| event.what == What::Catalog)
        .map(|event| [event.toggle, event.app, event.state, event.by].map(Option::unwrap))
        .collect();
    let off = |app: &str| ["adverts", app, "off", "shell"].map(str::to_owned);
    assert_eq!(handed, [off("*"), off(GAME)]);
}

#[test]
fn while_an_off_is_handed_on_no_check_is_allowed() {
    let device = Device::new();
    device.edit(TOGGLES, "id = \"ad-services\"\n", "id = \"adverts-0\"\nsucceeds = []\n");
    let engine = device.start();
    set(&engine, &[("adverts-0", "", "on"), ("adverts-0", GAME, "off")]).unwrap();
    let over = AtomicBool::new(false);
    let (asked_meanwhile, allowed) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let game = App::declared(&engine, GAME);
            let (mut asked_meanwhile, mut allowed) = (0, 0);
            while !over.load(Ordering::SeqCst) {
                asked_meanwhile += 1;
                let reason = game.preview_one(&engine, ADS, OAID);
                allowed += u32::from(reason.decision() == Decision::Allow);
            }
            (asked_meanwhile, allowed)
        });
        for load in 0..20 {
            let id = |load| format!("id = \"adverts-{load}\"\n");
            let path = device.path().join(TOGGLES);
            let toggles = std::fs::read_to_string(&path).unwrap();
            let (head, rest) = toggles.split_once(&id(load)).unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            let new = format!("{}succeeds = [\"adverts-{load}\"]\n", id(load + 1));
            std::fs::write(&path, format!("{head}{new}{rest}")).unwrap();
            engine.reload().unwrap();
            let heir = format!("adverts-{}", load + 1);
            assert_eq!(stored(&engine, &heir, GAME), "off");
            set(&engine, &[(&heir, "", "on")]).unwrap();
        }
        over.store(true, Ordering::SeqCst);
        asking.join().unwrap()
    });
    assert_eq!(allowed, 0, "of {asked_meanwhile}");
}

#[test]
fn an_inherited_off_that_was_changed_stays_changed() {
    for later in ["on", "ask", "unset"] {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", "", "off")]).unwrap();
        rename(&device, "\"ad-services\"");
        engine.reload().unwrap();
        set(&engine, &[("adverts", "", later)]).unwrap();
        engine.reload().unwrap();
        assert_eq!(stored(&engine, "adverts", ""), later);
        drop(engine);
        assert_eq!(stored(&device.start(), "adverts", ""), later);
    }
}

#[test]
fn a_successor_inherits_each_lock() {
    for whose in [LockedFor::Everybody, LockedFor::User(USER)] {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", "", "on")]).unwrap();
        engine.lock(whose, &["ad-services"], Hold::Off).unwrap();
        rename(&device, "\"ad-services\"");
        engine.reload().unwrap();
        assert_eq!(asked(&engine), Reason::Locked);
        assert_eq!(events(&engine).last().unwrap().what, What::Catalog);
        drop(engine);
        let engine = device.start();
        assert_eq!(asked(&engine), Reason::Locked);
        engine.lock(whose, &["adverts"], Hold::Released).unwrap();
        drop(engine);
        assert_eq!(asked(&device.start()), Reason::ToggleOff);
    }
}

#[test]
fn an_off_is_inherited_over_an_on_and_ends_its_consent() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off"), ("personalised-content", "", "on")]).unwrap();
    allow_for(&engine, "personalised-content", GAME, "boot", None).unwrap();
    set(&engine, &[("ad-services", GAME, "off")]).unwrap();
    // The one takes over what the other covered.
    let path = device.path().join(TOGGLES);
    let toggles = std::fs::read_to_string(&path).unwrap();
    let (mut parts, mut kept) = (toggles.split("[[toggle]]"), Vec::new());
    kept.push(parts.next().unwrap().to_owned());
    for part in parts.filter(|part| !part.contains("id = \"ad-services\"")) {
        let heir = "id = \"personalised-content\"\nsucceeds = [\"ad-services\"]";
        kept.push(part.replace("id = \"personalised-content\"", heir).replace(
            "purposes = [\"content.personalised\"]",
            "purposes = [\"content.personalised\", \"ads.personalised\"]",
        ));
    }
    std::fs::write(&path, kept.join("[[toggle]]")).unwrap();
    engine.reload().unwrap();
    let both = |engine: &Engine| ["", GAME].map(|app| stored(engine, "personalised-content", app));
    assert_eq!(
        (both(&engine), asked(&engine)),
        (["off", "off"].map(Into::into), Reason::ToggleOff)
    );
    let consents = engine.list_consents(USER).unwrap();
    assert_eq!(consents.iter().map(|row| text(row, "in_force")).collect::<Vec<_>>(), ["false"; 2]);
    drop(engine);
    assert_eq!(both(&device.start()), ["off", "off"]);
}

#[test]
fn a_successor_that_keeps_no_such_state_does_not_cover() {
    let both = "id = \"ad-services\"\nname = \"Ad services\"";
    for (app, scope, default) in [("", "app", "on"), (GAME, "all", "off"), ("*", "all", "off")] {
        for succeeds in [false, true] {
            let device = Device::new();
            let engine = device.start();
            set(&engine, &[("ad-services", app, "off")]).unwrap();
            let path = device.path().join(TOGGLES);
            let toggles = std::fs::read_to_string(&path).unwrap();
            let (head, rest) = toggles.split_once(both).unwrap();
            let rest = rest.replacen("scope = \"both\"", &format!("scope = \"{scope}\""), 1);
            let rest =
                rest.replacen("all_default = \"off\"", &format!("all_default = \"{default}\""), 1);
            let app_default = if scope == "app" { "ask" } else { "follow" };
            let rest = rest.replacen(
                "app_default = \"follow\"",
                &format!("app_default = \"{app_default}\""),
                1,
            );
            let id = if succeeds {
                both.replace("ad-services", "adverts") + "\nsucceeds = [\"ad-services\"]"
            } else {
                both.to_owned()
            };
            std::fs::write(&path, format!("{head}{id}{rest}")).unwrap();
            uncovers(engine.reload());
        }
    }
}

#[test]
fn a_toggle_that_covers_less_uncovers_and_one_that_covers_more_does_not() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("user-experience", "", "off")]).unwrap();
    let path = device.path().join(TOGGLES);
    let toggles = std::fs::read_to_string(&path).unwrap();
    let line = "    { purposes = [\"analytics.internal\", \"device.optimisation\"], data = [\"@crash\"] },\n";
    device.edit(TOGGLES, line, "");
    let error = engine.reload().unwrap_err();
    assert!(matches!(error, PolicyError::Uncovers { .. }), "{error}");
    std::fs::write(&path, &toggles).unwrap();
    device.edit(TOGGLES, line, &line.replace("\"@crash\"", "\"@crash\", \"device.model\""));
    engine.reload().unwrap();
}
