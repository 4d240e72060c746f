//! A toggle's state for an app, row by row of the design: all apps, the app, others, the default.

use consentd::catalog::State::{self, Ask, Off, On};
use consentd::catalog::{AppDefault, Kind, Scope, Source, Toggle};
use consentd::engine::entries::Entries;
use consentd::engine::names::{ALL_APPS, AppKey, NoticeKey, OTHER_APPS, ToggleKey};
use consentd::engine::settings::{
    By, DecidedBy, Entry, Key, LockedFor, Overlay, Resolved, Settings, View,
};

use crate::phone::{NOON, USER};

const TOGGLE: ToggleKey = ToggleKey(3);
const APP: AppKey = AppKey(7);

pub fn toggle(scope: Scope, all_default: State, app_default: AppDefault) -> Toggle {
    Toggle {
        id: "toggle".into(),
        name: "Toggle".into(),
        kind: Kind::Switch,
        paths: Vec::new(),
        consent: true,
        scope,
        all_default,
        app_default,
        minors: true,
        succeeds: Vec::new(),
        covers: Vec::new(),
        source: Source { requirement: "R18".into(), section: "S3 3.2".into() },
    }
}

fn key(app: AppKey) -> Key {
    Key { user: USER, app, toggle: TOGGLE }
}

fn entry(state: State, generation: u64) -> Entry {
    let notice = (state == On).then_some(NoticeKey(std::num::NonZeroU16::MIN));
    Entry { generation, at: 0, notice, state, by: By::Settings }
}

/// Stored states of all apps, the app, and others; their generations are 1, 2, 3.
fn stored(all: Option<State>, own: Option<State>, others: Option<State>) -> Settings {
    let mut settings = Settings::default();
    for (app, state, generation) in [(ALL_APPS, all, 1), (APP, own, 2), (OTHER_APPS, others, 3)] {
        settings.entries.extend(state.map(|state| (key(app), entry(state, generation))));
    }
    settings
}

fn resolve(settings: &Settings, toggle: &Toggle, app: AppKey) -> Resolved {
    View { settings, overlay: None }.resolve(toggle, TOGGLE, USER, app, NOON)
}

/// What a toggle comes to, after the design's sentence about it.
fn expected(
    all_default: State,
    app_default: AppDefault,
    all: Option<State>,
    own: Option<State>,
    others: Option<State>,
) -> (State, DecidedBy) {
    let all = all.map_or((all_default, DecidedBy::Default), |state| (state, DecidedBy::AllApps));
    if all.0 == Off {
        return all;
    }
    if let Some(own) = own {
        return (own, DecidedBy::App);
    }
    if let Some(others) = others {
        return (others, DecidedBy::Others);
    }
    match app_default {
        AppDefault::Follow => all,
        AppDefault::Ask => (Ask, DecidedBy::Default),
        AppDefault::Off => (Off, DecidedBy::Default),
    }
}

const STORED: [Option<State>; 4] = [None, Some(Off), Some(Ask), Some(On)];
const DEFAULTS: [AppDefault; 3] = [AppDefault::Follow, AppDefault::Ask, AppDefault::Off];

/// All 64 combinations of stored states, with each of the six defaults.
#[test]
fn every_combination_of_stored_states_comes_to_what_the_design_says() {
    for all_default in [On, Off] {
        for app_default in DEFAULTS {
            let toggle = toggle(Scope::Both, all_default, app_default);
            for all in STORED {
                for own in STORED {
                    for others in STORED {
                        let resolved = resolve(&stored(all, own, others), &toggle, APP);
                        let expected = expected(all_default, app_default, all, own, others);
                        assert_eq!(
                            (resolved.state, resolved.decided_by),
                            expected,
                            "{all_default:?} {app_default:?}: {all:?} {own:?} {others:?}"
                        );
                    }
                }
            }
        }
    }
}

/// The same by hand, in the order of the sentence.
#[test]
fn each_layer_decides_only_where_those_before_it_do_not() {
    use DecidedBy::{AllApps, App, Default, Others};
    let (follow, ask, off) = (AppDefault::Follow, AppDefault::Ask, AppDefault::Off);
    #[rustfmt::skip]
    let rows = [
        // all default, app default, all, own, others → state, decided by
        (On,  follow, None,      None,      None,      On,  Default),
        (Off, follow, None,      None,      None,      Off, Default),
        (On,  ask,    None,      None,      None,      Ask, Default),
        (On,  off,    None,      None,      None,      Off, Default),
        (Off, ask,    None,      None,      None,      Off, Default),
        // The all-apps state off is off, whatever else is stored.
        (On,  follow, Some(Off), Some(On),  Some(On),  Off, AllApps),
        (Off, follow, None,      Some(On),  Some(On),  Off, Default),
        (On,  ask,    Some(Off), Some(Ask), Some(On),  Off, AllApps),
        // Else the app's own.
        (On,  follow, Some(On),  Some(Off), Some(On),  Off, App),
        (On,  off,    None,      Some(On),  Some(Off), On,  App),
        (On,  ask,    None,      Some(Ask), Some(Off), Ask, App),
        (Off, follow, Some(On),  Some(Off), None,      Off, App),
        // Else what was set for apps without one.
        (On,  follow, None,      None,      Some(Off), Off, Others),
        (On,  follow, Some(On),  None,      Some(Ask), Ask, Others),
        (On,  off,    None,      None,      Some(On),  On,  Others),
        // Else the app default; to follow is to follow what is stored, too.
        (Off, follow, Some(On),  None,      None,      On,  AllApps),
        (On,  follow, Some(Ask), None,      None,      Ask, AllApps),
        (On,  ask,    Some(On),  None,      None,      Ask, Default),
        (On,  off,    Some(On),  None,      None,      Off, Default),
    ];
    for (all_default, app_default, all, own, others, state, decided_by) in rows {
        let toggle = toggle(Scope::Both, all_default, app_default);
        let resolved = resolve(&stored(all, own, others), &toggle, APP);
        let row = (all_default, app_default, all, own, others);
        assert_eq!((resolved.state, resolved.decided_by), (state, decided_by), "{row:?}");
    }
}

#[test]
fn unset_is_not_off() {
    let toggle = toggle(Scope::Both, On, AppDefault::Follow);
    assert_eq!(resolve(&stored(None, None, None), &toggle, APP).state, On);
    assert_eq!(resolve(&stored(None, Some(Off), None), &toggle, APP).state, Off);
    let settings = stored(None, Some(Off), None);
    let overlay = Overlay { entries: [(key(APP), None)].into(), ..Overlay::default() };
    let coming = View { settings: &settings, overlay: Some(&overlay) };
    assert_eq!(coming.resolve(&toggle, TOGGLE, USER, APP, NOON).state, On);
}

/// A toggle for all apps looks at no app's row, and one for each app at no row for all.
#[test]
fn a_scope_leaves_out_the_rows_it_does_not_have() {
    let all = toggle(Scope::All, On, AppDefault::Follow);
    for state in [Some(Off), Some(Ask), Some(On)] {
        assert_eq!(resolve(&stored(None, state, state), &all, APP).state, On, "{state:?}");
        assert_eq!(resolve(&stored(state, None, None), &all, APP).state, state.unwrap());
    }
    let app = toggle(Scope::App, On, AppDefault::Ask);
    assert_eq!(resolve(&stored(Some(Off), None, None), &app, APP).state, Ask);
    assert_eq!(resolve(&stored(Some(Off), Some(On), None), &app, APP).state, On);
    assert_eq!(resolve(&stored(Some(On), None, None), &app, APP).consent, None);
    assert_eq!(resolve(&stored(None, None, Some(Off)), &app, APP).state, Off);
}

/// R26: a site's own banner can switch a category on, and one switch stops it everywhere.
#[test]
fn r26_cookie_categories_are_off_until_a_site_switched_them_on() {
    let site = toggle(Scope::Site, On, AppDefault::Off);
    assert_eq!(resolve(&stored(None, None, None), &site, APP).state, Off);
    assert_eq!(resolve(&stored(None, Some(On), None), &site, APP).state, On);
    assert_eq!(resolve(&stored(Some(Off), Some(On), None), &site, APP).state, Off);
    let essential = Toggle { kind: Kind::Fixed, ..toggle(Scope::Site, On, AppDefault::Follow) };
    for state in STORED {
        assert_eq!(resolve(&stored(state, state, state), &essential, APP).state, On, "{state:?}");
    }
}

#[test]
fn the_all_apps_view_is_the_all_apps_state() {
    let toggle = toggle(Scope::Both, Off, AppDefault::Ask);
    let of = |all| resolve(&stored(all, Some(On), Some(On)), &toggle, ALL_APPS);
    assert_eq!((of(None).state, of(None).decided_by), (Off, DecidedBy::Default));
    assert_eq!((of(Some(On)).state, of(Some(On)).decided_by), (On, DecidedBy::AllApps));
}

#[test]
fn another_user_s_and_another_toggle_s_rows_count_for_nothing() {
    let toggle = toggle(Scope::Both, On, AppDefault::Follow);
    let mut settings = Settings::default();
    for app in [ALL_APPS, APP, OTHER_APPS] {
        settings.entries.insert(Key { user: USER + 1, ..key(app) }, entry(Off, 1));
        settings.entries.insert(Key { toggle: ToggleKey(4), ..key(app) }, entry(Off, 2));
    }
    settings.entries.insert(key(AppKey(8)), entry(Off, 3));
    assert_eq!(resolve(&settings, &toggle, APP).state, On);
}

/// R39: of the app's and the all-apps consents the newest; `*` holds none.
#[test]
fn the_newest_consent_of_the_app_and_all_apps_counts() {
    let toggle = toggle(Scope::Both, Off, AppDefault::Follow);
    let with = |all: Option<u64>, own: Option<u64>, others: Option<u64>| {
        let mut settings = Settings::default();
        for (app, generation) in [(ALL_APPS, all), (APP, own), (OTHER_APPS, others)] {
            settings.entries.extend(generation.map(|at| (key(app), entry(On, at))));
        }
        resolve(&settings, &toggle, APP).consent.map(|consent| consent.generation)
    };
    assert_eq!(with(Some(5), None, None), Some(5));
    assert_eq!(with(Some(5), Some(9), None), Some(9));
    assert_eq!(with(Some(9), Some(5), None), Some(9));
    assert_eq!(with(Some(5), None, Some(9)), Some(5));
    assert_eq!(with(None, None, Some(9)), None);
    assert_eq!(with(None, None, None), None);
}

fn with_notice(settings: &Settings, notice: Option<NoticeKey>) -> Entries {
    settings.entries.iter().map(|(key, entry)| (key, Entry { notice, ..entry })).collect()
}

#[test]
fn only_an_on_is_a_consent_and_only_an_on_starts_anew() {
    let toggle = toggle(Scope::Both, On, AppDefault::Ask);
    for state in [Off, Ask] {
        let mut settings = stored(Some(state), Some(state), None);
        let notice = Some(NoticeKey(std::num::NonZeroU16::MIN));
        settings.entries = with_notice(&settings, notice);
        let resolved = resolve(&settings, &toggle, APP);
        assert_eq!((resolved.consent, resolved.switched_on), (None, None), "{state:?}");
    }
    let resolved = resolve(&stored(Some(On), Some(On), None), &toggle, APP);
    assert_eq!(resolved.switched_on, Some(2));
    let mut bare = stored(Some(On), None, None);
    bare.entries = with_notice(&bare, None);
    let resolved = resolve(&bare, &toggle, APP);
    assert_eq!((resolved.consent, resolved.switched_on), (None, Some(1)), "under no notice");
}

#[test]
fn an_on_for_others_starts_nothing_anew_for_an_app_with_a_state_of_its_own() {
    let toggle = toggle(Scope::Both, On, AppDefault::Follow);
    assert_eq!(resolve(&stored(None, Some(On), Some(On)), &toggle, APP).switched_on, Some(2));
    assert_eq!(resolve(&stored(None, None, Some(On)), &toggle, APP).switched_on, Some(3));
}

#[test]
fn a_lock_is_for_everybody_or_for_one_user() {
    let mut settings = Settings::default();
    let locked = |settings: &Settings, overlay: Option<&Overlay>| {
        let view = View { settings, overlay };
        [USER, USER + 1].map(|user| view.is_locked(user, TOGGLE))
    };
    assert_eq!(locked(&settings, None), [false, false]);
    settings.locks.insert((LockedFor::User(USER), TOGGLE));
    assert_eq!(locked(&settings, None), [true, false]);
    settings.locks.insert((LockedFor::Everybody, ToggleKey(4)));
    assert_eq!(locked(&settings, None), [true, false]);
    settings.locks.insert((LockedFor::Everybody, TOGGLE));
    assert_eq!(locked(&settings, None), [true, true]);
    // Letting one go leaves the other.
    let everybody = (LockedFor::Everybody, TOGGLE);
    let overlay = Overlay { locks: [(everybody, false)].into(), ..Overlay::default() };
    assert_eq!(locked(&settings, Some(&overlay)), [true, false]);
    let one = Overlay { locks: [(everybody, true)].into(), ..Overlay::default() };
    assert_eq!(locked(&Settings::default(), Some(&one)), [true, true]);
}

#[test]
fn what_is_on_its_way_stands_over_what_is_in_force() {
    let toggle = toggle(Scope::Both, On, AppDefault::Follow);
    let settings = stored(Some(On), Some(On), None);
    for (app, state) in [(APP, Off), (APP, Ask), (ALL_APPS, Off)] {
        let coming = [(key(app), Some(entry(state, 9)))].into();
        let overlay = Overlay { entries: coming, ..Overlay::default() };
        let view = View { settings: &settings, overlay: Some(&overlay) };
        assert_eq!(view.resolve(&toggle, TOGGLE, USER, APP, NOON).state, state);
    }
    assert_eq!(resolve(&settings, &toggle, APP).state, On);
}
