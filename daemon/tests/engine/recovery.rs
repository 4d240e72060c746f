//! A store that is damaged, and has a backup: what was off is off, what was not asks until somebody
//! chooses again, and nothing of the damage is lost (invariant 4).

use std::fs;
use std::path::{Path, PathBuf};

use consentd::decision::Reason;
use consentd::engine::Engine;
use consentd::engine::change::Hold;
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{By, LockedFor};
use consentd::row::Row;

use crate::device::{
    ADS, APPROXIMATE, App, Device, GAME, OAID, OTHER_USER, PLACE, PRECISE, USER, WEATHER,
    allow_for, copy, events, set, stored, text,
};

pub fn row(engine: &Engine, toggle: &str, app: &str) -> [String; 3] {
    let row = engine.get(USER, toggle, app).unwrap();
    ["stored", "state", "unconfirmed"].map(|name| text(&row, name))
}

pub fn status(engine: &Engine, name: &str) -> String {
    text(&engine.health().row, name)
}

pub fn damage(device: &Device) {
    fs::write(device.settings_path(), "torn to pieces").unwrap();
}

pub fn set_aside(device: &Device) -> Vec<PathBuf> {
    let aside = device.state_dir().join("set-aside");
    let Ok(entries) = fs::read_dir(aside) else { return Vec::new() };
    let mut dirs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    dirs.sort();
    dirs
}

pub fn backups(device: &Device) -> Vec<String> {
    let Ok(entries) = fs::read_dir(device.state_dir().join("backups")) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// A device whose store is damaged after its ledger was lost, too: only the backup knows anything.
fn with_a_backup_alone(choose: impl FnOnce(&Engine)) -> Device {
    let device = Device::new();
    let engine = device.start();
    choose(&engine);
    engine.close();
    drop(engine);
    lose_ledger(&device);
    damage(&device);
    device
}

pub fn lose_ledger(device: &Device) {
    for entry in fs::read_dir(device.state_dir()).unwrap().map(Result::unwrap) {
        if entry.file_name().to_str().unwrap().starts_with("ledger") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[test]
fn what_was_off_is_off_and_everything_else_asks_until_it_is_chosen_again() {
    let device = with_a_backup_alone(|engine| {
        set(engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
        set(engine, &[("location.app", WEATHER, "on"), ("marketing", "", "off")]).unwrap();
        engine.lock(LockedFor::Everybody, &["find-device"], Hold::Off).unwrap();
    });
    let engine = device.start();
    assert_eq!(status(&engine, "store"), "ok");
    assert_eq!(row(&engine, "ad-services", ""), ["on", "ask", "true"]);
    assert_eq!(row(&engine, "ad-services", GAME), ["off", "off", ""]);
    assert_eq!(row(&engine, "marketing", ""), ["off", "off", ""]);
    assert_eq!(row(&engine, "location", ""), ["unset", "ask", "true"], "on by default, unknown");
    assert_eq!(text(&engine.get(USER, "find-device", "").unwrap(), "locked"), "true");
    let consents = engine.list_consents(USER).unwrap();
    assert!(consents.iter().all(|row| text(row, "in_force") == "false"), "{consents:?}");
    let in_doubt = |row: &Row| text(row, "how_ended") == "unconfirmed";
    assert!(!consents.is_empty() && consents.iter().all(in_doubt), "{consents:?}");
    let (game, weather) = (App::declared(&engine, GAME), App::declared(&engine, WEATHER));
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);

    // One toggle after the other; the other user's own are as unknown.
    set(&engine, &[("location", "", "on")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    set(&engine, &[("location.app", WEATHER, "on")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::NotSet);
    set(&engine, &[("app-access", WEATHER, "on")]).unwrap();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract);
    let others = engine.get(OTHER_USER, "location", "").unwrap();
    assert_eq!(text(&others, "state"), "ask");
    drop(engine);
    let engine = device.start();
    assert_eq!(weather.check_one(&engine, PLACE, APPROXIMATE), Reason::Contract, "confirmed");
    assert_eq!(row(&engine, "ad-services", ""), ["on", "ask", "true"], "still not");
    assert_eq!(set_aside(&device).len(), 1, "restored once");
}

#[test]
fn an_app_that_was_there_asks_though_the_switch_for_all_was_confirmed_and_a_new_one_does_not() {
    let collects = "[[collects]]\npurpose = \"ads.personalised\"\ndata = [\"device.oaid\"]\n\
                    basis = \"consent\"\nretention = \"30 days\"\nnotice = \"2025-10-10\"\n";
    let device = with_a_backup_alone(|engine| {
        set(engine, &[("ad-services", "", "on"), ("ad-services", GAME, "on")]).unwrap();
    });
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    let game = App::declared(&engine, GAME);
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::NotSet, "its own off may be lost");
    // To make it as if it were new does not make it follow.
    engine.reset(USER, GAME, By::Shell).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::NotSet);
    set(&engine, &[("ad-services", GAME, "unset")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::NotSet);
    set(&engine, &[("ad-services", GAME, "on"), ("app-access", GAME, "on")]).unwrap();
    assert_eq!(game.check_one(&engine, ADS, OAID), Reason::Consented);
    device.declare("org.example.new", collects);
    engine.reload().unwrap();
    let new = App::declared(&engine, "org.example.new");
    // What held for apps without a state of their own may be lost as well, but nothing of its own.
    assert_eq!(new.check_one(&engine, ADS, OAID), Reason::NotSet);
    set(&engine, &[("app-access", "*", "on")]).unwrap();
    assert_eq!(new.check_one(&engine, ADS, OAID), Reason::Consented);
    drop(engine);
    assert_eq!(new.check_one(&device.start(), ADS, OAID), Reason::Consented);
}

#[test]
fn allowances_that_end_have_ended() {
    for lifetime in ["boot", "once"] {
        let device = with_a_backup_alone(|engine| {
            set(engine, &[("location.app", WEATHER, "off")]).unwrap();
            allow_for(engine, "location.app", WEATHER, lifetime, None).unwrap();
        });
        let engine = device.start();
        assert_eq!(row(&engine, "location.app", WEATHER), ["off", "off", ""], "{lifetime}");
    }
}

#[test]
fn a_minor_stays_one_and_the_guardian_too() {
    let minor =
        ProfileChange { age_band: Some("minor"), guardian: Some(500), ..Default::default() };
    let device = with_a_backup_alone(|engine| {
        engine.set_profile(USER, &minor, By::Administrator).unwrap();
    });
    let profile = device.start().get_profile(USER).unwrap();
    assert_eq!(["age_band", "guardian"].map(|name| text(&profile, name)), ["minor", "500"]);

    // And so does one that became one after the backup.
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("marketing", "", "off")]).unwrap();
    engine.close();
    engine.set_profile(USER, &minor, By::Administrator).unwrap();
    drop(engine);
    damage(&device);
    let profile = device.start().get_profile(USER).unwrap();
    assert_eq!(["age_band", "guardian"].map(|name| text(&profile, name)), ["minor", "500"]);
}

#[test]
fn what_was_switched_off_since_the_backup_is_replayed_and_what_was_switched_on_is_not() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on"), ("marketing", "", "off")]).unwrap();
    engine.close();
    let last_backup = backups(&device);
    set(&engine, &[("ad-services", GAME, "off"), ("app-access", GAME, "off")]).unwrap();
    set(&engine, &[("location.app", WEATHER, "on"), ("marketing", "", "on")]).unwrap();
    engine.lock(LockedFor::User(USER), &["location"], Hold::Off).unwrap();
    let known = events(&engine);
    let last = engine.generation();
    drop(engine);
    assert_eq!(backups(&device), last_backup);
    damage(&device);
    let engine = device.start();
    assert!(engine.generation() > last, "no generation is used twice");
    assert_eq!(stored(&engine, "ad-services", GAME), "off");
    assert_eq!(stored(&engine, "app-access", GAME), "off");
    assert_eq!(stored(&engine, "marketing", ""), "off");
    assert_eq!(stored(&engine, "location.app", WEATHER), "unset");
    assert_eq!(text(&engine.get(USER, "location", "").unwrap(), "locked"), "true");
    assert_eq!(events(&engine), known, "history is as it was");
    // Once is enough: what is chosen now is not overruled by what the ledger still knows.
    set(&engine, &[("app-access", GAME, "on")]).unwrap();
    drop(engine);
    let engine = device.start();
    assert_eq!(row(&engine, "app-access", GAME)[0], "on");
    assert_eq!(stored(&engine, "ad-services", GAME), "off");
}

#[test]
fn an_older_copy_put_in_place_is_taken_for_one() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    engine.close();
    drop(engine);
    let older = device.path().join("older.db");
    fs::copy(device.settings_path(), &older).unwrap();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off"), ("location.app", WEATHER, "on")]).unwrap();
    let last = engine.generation();
    engine.close();
    drop(engine);
    fs::copy(&older, device.settings_path()).unwrap();
    let engine = device.start();
    assert!(engine.generation() >> 32 > last >> 32, "no generation is used twice");
    assert_eq!(stored(&engine, "ad-services", ""), "off");
    assert_eq!(row(&engine, "location", ""), ["unset", "ask", "true"]);
    assert!(set_aside(&device).is_empty(), "it is not damaged");
    drop(engine);
    let engine = device.start();
    assert_eq!(stored(&engine, "ad-services", ""), "off");
}

#[test]
fn an_older_store_without_a_ledger_asks_too() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    engine.close();
    drop(engine);
    let older = device.path().join("older.db");
    fs::copy(device.settings_path(), &older).unwrap();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.close();
    drop(engine);
    fs::copy(&older, device.settings_path()).unwrap();
    lose_ledger(&device);
    assert_eq!(row(&device.start(), "ad-services", ""), ["on", "ask", "true"]);
    assert_eq!(row(&device.start(), "ad-services", ""), ["on", "ask", "true"]);
}

#[test]
fn a_log_that_lost_its_last_changes_is_taken_for_an_older_store() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    engine.close();
    set(&engine, &[("ad-services", GAME, "off")]).unwrap();
    // What a kill leaves, with the end of the log gone.
    let killed = Device::new();
    copy(&device.state_dir(), &killed.state_dir());
    copy(&device.state_dir().join("backups"), &killed.state_dir().join("backups"));
    fs::write(killed.settings_path().with_extension("db-wal"), "").unwrap();
    let engine = killed.start();
    assert_eq!(row(&engine, "ad-services", GAME), ["off", "off", ""]);
    assert_eq!(row(&engine, "ad-services", ""), ["on", "ask", "true"]);
}

#[test]
fn a_kill_at_any_moment_makes_no_store_an_older_one() {
    let device = Device::new();
    let engine = device.start();
    for step in 0..20 {
        let state = if step % 2 == 0 { "on" } else { "off" };
        set(&engine, &[("ad-services", "", state)]).unwrap();
        if step % 5 == 0 {
            engine.close();
        }
        let killed = Device::new();
        copy(&device.state_dir(), &killed.state_dir());
        for _ in 0..2 {
            assert_eq!(row(&killed.start(), "ad-services", ""), [state, state, ""], "{step}");
        }
        lose_ledger(&killed);
        assert_eq!(row(&killed.start(), "ad-services", ""), [state, state, ""], "no ledger {step}");
    }
}

#[test]
fn another_devices_store_is_none_and_is_set_aside_whole() {
    let other = Device::new();
    let engine = other.start();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "on")]).unwrap();
    engine.close();
    drop(engine);
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    engine.close();
    drop(engine);
    let theirs = fs::read(other.settings_path()).unwrap();
    fs::write(device.settings_path(), &theirs).unwrap();
    let engine = device.start();
    assert_eq!(stored(&engine, "ad-services", ""), "off");
    assert_eq!(stored(&engine, "ad-services", GAME), "unset");
    let [aside] = &set_aside(&device)[..] else { panic!("one folder") };
    assert_eq!(fs::read(aside.join("settings.db")).unwrap(), theirs);
    let why = fs::read_to_string(aside.join("why.txt")).unwrap();
    assert!(why.contains("not the store that was begun here"), "{why}");
}

#[test]
fn another_devices_store_beneath_this_ones_log_is_none() {
    let other = Device::new();
    let engine = other.start();
    set(&engine, &[("marketing", "", "on")]).unwrap();
    engine.close();
    drop(engine);
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "on")]).unwrap();
    engine.close();
    set(&engine, &[("ad-services", "", "off")]).unwrap();
    let killed = Device::new();
    copy(&device.state_dir(), &killed.state_dir());
    copy(&device.state_dir().join("backups"), &killed.state_dir().join("backups"));
    assert!(fs::metadata(killed.settings_path().with_extension("db-wal")).unwrap().len() > 0);
    fs::copy(other.settings_path(), killed.settings_path()).unwrap();
    let engine = killed.start();
    assert_eq!(set_aside(&killed).len(), 1);
    assert_eq!(stored(&engine, "ad-services", ""), "off", "the ledger knows it");
}

#[test]
fn a_marker_that_names_another_store_is_set_aside_if_a_backup_says_so() {
    for content in ["", "nonsense", "00000000000000000000000000000001\n"] {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", "", "on")]).unwrap();
        engine.close();
        drop(engine);
        let marker = device.state_dir().join("first-start");
        let named = fs::read_to_string(&marker).unwrap();
        fs::write(&marker, content).unwrap();
        assert_eq!(row(&device.start(), "ad-services", ""), ["on", "on", ""], "{content:?}");
        assert_eq!(fs::read_to_string(&marker).unwrap(), named);
        assert_eq!(set_aside(&device).len(), usize::from(!content.is_empty()));
    }
}

#[test]
fn a_value_that_changed_by_itself_is_damage() {
    // One bit in a name: the app's off would be nobody's. One in a state.
    for (around, at) in [(&b"org.example.game"[..], 12), (b"off", 2)] {
        let device = Device::new();
        let engine = device.start();
        set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
        engine.close();
        drop(engine);
        let mut bytes = fs::read(device.settings_path()).unwrap();
        flip(&mut bytes, around, at);
        fs::write(device.settings_path(), bytes).unwrap();
        let engine = device.start();
        assert_eq!(set_aside(&device).len(), 1);
        let game = App::declared(&engine, GAME);
        assert_eq!(game.check_one(&engine, ADS, OAID), Reason::ToggleOff);
    }
}

pub fn flip(bytes: &mut [u8], around: &[u8], at: usize) {
    let places: Vec<usize> =
        (0..bytes.len() - around.len()).filter(|at| bytes[*at..].starts_with(around)).collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place + at] ^= 1;
    }
}

#[test]
fn a_kill_at_any_step_of_restoring_ends_in_the_same_or_denies() {
    let device = Device::new();
    let engine = device.start();
    set(&engine, &[("ad-services", "", "off"), ("location.app", WEATHER, "on")]).unwrap();
    engine.close();
    set(&engine, &[("app-access", GAME, "off")]).unwrap();
    drop(engine);
    // Each step's trace on the disk, as `store::recover` leaves it.
    let traces: [&dyn Fn(&Path); 5] = [
        &|state| fs::write(state.join("settings.db.coming"), "half a file").unwrap(),
        &|state| fs::write(state.join("settings.db.coming-journal"), "half a journal").unwrap(),
        &|state| {
            let aside = state.join("set-aside/x-settings.db.unfinished");
            fs::create_dir_all(&aside).unwrap();
            fs::rename(state.join("settings.db"), aside.join("settings.db")).unwrap();
            fs::write(state.join("settings.db-wal"), "the rest").unwrap();
        },
        &|state| fs::remove_file(state.join("settings.db")).unwrap(),
        &|_| {},
    ];
    for (step, trace) in traces.into_iter().enumerate() {
        let killed = Device::new();
        copy(&device.state_dir(), &killed.state_dir());
        copy(&device.state_dir().join("backups"), &killed.state_dir().join("backups"));
        damage(&killed);
        trace(&killed.state_dir());
        for start in 0..2 {
            let engine = killed.start();
            assert_eq!(row(&engine, "ad-services", ""), ["off", "off", ""], "{step} {start}");
            assert_eq!(row(&engine, "app-access", GAME), ["off", "off", ""], "{step} {start}");
            let weather = App::declared(&engine, WEATHER);
            assert_eq!(weather.preview_one(&engine, PLACE, PRECISE), Reason::NotSet);
        }
        assert!(!killed.state_dir().join("settings.db.coming").exists());
    }
}

#[test]
fn a_first_start_that_was_cut_off_is_made_again() {
    for cut_off in ["", "settings.db", "settings.db.coming"] {
        let device = Device::new();
        fs::create_dir_all(device.state_dir()).unwrap();
        if !cut_off.is_empty() {
            fs::write(device.state_dir().join(cut_off), "").unwrap();
        }
        let engine = device.start();
        assert_eq!(row(&engine, "location", ""), ["unset", "on", ""], "{cut_off}");
        set(&engine, &[("location", "", "off")]).unwrap();
        drop(engine);
        assert_eq!(row(&device.start(), "location", ""), ["off", "off", ""], "{cut_off}");
    }
}

#[test]
fn it_says_in_words_that_the_store_was_restored() {
    use consentd::decision::Context;
    use consentd::engine::Request;
    let device = with_a_backup_alone(|engine| {
        set(engine, &[("ad-services", "", "on"), ("ad-services", GAME, "on")]).unwrap();
    });
    let engine = device.start();
    let context = Context::default();
    let request = Request::new(ADS, &[OAID], &context, "").unwrap();
    let explained = engine.explain_app(USER, GAME, &request).unwrap();
    let (_, steps) = &explained[0];
    let finding = steps.last().unwrap().finding.unwrap();
    let said = finding.text(&engine.policy().unwrap().catalog);
    assert!(said.contains("restored") && said.contains("choose again"), "{said}");
    assert_eq!(status(&engine, "restored"), crate::device::BEGIN.to_string());
    let before: u32 = status(&engine, "unconfirmed").parse().unwrap();
    set(&engine, &[("ad-services", "", "on"), ("ad-services", GAME, "off")]).unwrap();
    assert_eq!(status(&engine, "unconfirmed"), (before - 2).to_string());
}
