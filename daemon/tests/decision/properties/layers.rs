//! Layers, in the daemon's own resolution: all apps off always wins, and so does a lock.

use std::sync::LazyLock;

use consentd::catalog::{Scope, State, ToggleIx, Trust};
use consentd::clock::Moment;
use consentd::decision::{Context, Decision, Question, Ruling, Situation, decide};
use consentd::engine::names::{ALL_APPS, AppKey, OTHER_APPS};
use consentd::engine::settings::{Allowance, By, Entry, Key, Lifetime, LockedFor, Settings, View};
use consentd::engine::standing::Resolver;
use proptest::prelude::*;

use super::config;
use super::draft::state;
use crate::fixture::collects;
use crate::phone::{APP, NOON, Phone, USER};

/// Pairs under one, two and three toggles, of each scope.
const PAIRS: [(&str, &str, &str); 8] = [
    ("location.services", "location.precise", "contract"),
    ("location.services", "location.approximate", "contract"),
    ("find-device", "location.precise", "contract"),
    ("photos.location", "location.precise", "consent"),
    ("marketing.email", "given.email", "consent"),
    ("ads.personalised", "device.oaid", "consent"),
    ("support", "device.space_id", "contract"),
    ("notices.important", "device.model", "contract"),
];

static PHONE: LazyLock<Phone> = LazyLock::new(|| {
    let all = PAIRS.map(|(purpose, data, basis)| collects(purpose, &[data], basis, ""));
    Phone::with(&all.concat())
});

/// One row: whose, which toggle, what; lasting or for an hour, and whether a guardian chose it.
type Row = (usize, usize, State, bool, bool);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let mostly_on = prop_oneof![3 => Just(State::On), 1 => state()];
    let row = (0..3usize, any::<usize>(), mostly_on, any::<bool>(), any::<bool>());
    proptest::collection::vec(row, 0..80)
}

fn toggle(number: usize) -> ToggleIx {
    ToggleIx(u16::try_from(number % PHONE.policy.catalog.toggles.len()).unwrap())
}

fn key(app: AppKey, toggle: ToggleIx) -> Key {
    Key { user: USER, app, toggle: PHONE.policy.toggle_key(toggle) }
}

fn entry(toggle: ToggleIx, state: State, generation: u64, by: By) -> Entry {
    let catalog = &PHONE.policy.catalog;
    let newest = catalog.notices.iter().next_back().unwrap().0;
    let consent = catalog.toggles[toggle].consent && state == State::On;
    let notice = consent.then(|| PHONE.policy.notice_key(newest));
    Entry { generation, at: 0, notice, state, by }
}

fn settings(rows: &[Row]) -> Settings {
    let mut settings = Settings::default();
    for (generation, (whose, number, state, lasting, guardian)) in (1..).zip(rows) {
        let toggle = toggle(*number);
        let key = key([ALL_APPS, OTHER_APPS, PHONE.app][*whose], toggle);
        let by = if *guardian { By::Guardian } else { By::Settings };
        let entry = entry(toggle, *state, generation, by);
        if *lasting || *state != State::On {
            settings.entries.insert(key, entry);
            settings.allowances.remove(&key);
        } else {
            let lifetime = Lifetime::Until(NOON.wall + 3600);
            settings.allowances.insert(key, Allowance { entry, lifetime, given: NOON });
        }
    }
    settings
}

fn check(settings: &Settings, minor: bool, now: Moment) -> Vec<Ruling> {
    let policy = &PHONE.policy;
    let view = View { settings, overlay: None };
    let toggles = Resolver { policy, view, user: USER, app: PHONE.app, now };
    let context = Context::default();
    let situation = Situation {
        catalog: &policy.catalog,
        caller: Some(Trust::Weak),
        app: Some(policy.app(APP).unwrap().1),
        region: policy.catalog.default_region,
        minor,
        toggles: &toggles,
        held: &[],
    };
    let one = |(purpose, data, _): &(&str, &str, &str)| {
        decide(&Question { purpose, data: &[data], context: &context }, &situation).remove(0)
    };
    PAIRS.iter().map(one).collect()
}

/// Which pairs a toggle covers.
fn covered(toggle: ToggleIx) -> impl Iterator<Item = usize> {
    let catalog = &PHONE.policy.catalog;
    PAIRS.iter().enumerate().filter_map(move |(position, (purpose, data, _))| {
        let purpose = catalog.purposes.find(purpose).unwrap();
        let data = catalog.data.find(data).unwrap();
        catalog.covering(purpose, data).contains(&toggle).then_some(position)
    })
}

fn severity(ruling: Ruling) -> u8 {
    match ruling.decision() {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_lock_wins_over_whatever_is_stored(rows in rows(), number in any::<usize>(), all in any::<bool>()) {
        let mut settings = settings(&rows);
        let before = check(&settings, false, NOON);
        let toggle = toggle(number);
        let whose = if all { LockedFor::Everybody } else { LockedFor::User(USER) };
        settings.locks.insert((whose, PHONE.policy.toggle_key(toggle)));
        let after = check(&settings, false, NOON);
        let under: Vec<usize> = covered(toggle).collect();
        for (position, (before, after)) in before.into_iter().zip(after).enumerate() {
            if under.contains(&position) {
                prop_assert_eq!(after.reason.word(), "locked", "{:?}", PAIRS[position]);
            } else {
                prop_assert_eq!(after, before, "{:?}", PAIRS[position]);
            }
        }
    }

    #[test]
    fn all_apps_off_wins_over_whatever_an_app_has(rows in rows(), number in any::<usize>()) {
        let mut settings = settings(&rows);
        let toggle = toggle(number);
        let scope = PHONE.policy.catalog.toggles[toggle].scope;
        prop_assume!(scope != Scope::App);
        let key = key(ALL_APPS, toggle);
        settings.allowances.remove(&key);
        settings.entries.insert(key, entry(toggle, State::Off, 1000, By::Settings));
        let after = check(&settings, false, NOON);
        for position in covered(toggle) {
            prop_assert_eq!(after[position].reason.word(), "toggle-off", "{:?}", PAIRS[position]);
        }
    }

    #[test]
    fn the_app_s_own_off_wins_over_what_all_and_others_have(rows in rows(), number in any::<usize>()) {
        let mut settings = settings(&rows);
        let toggle = toggle(number);
        prop_assume!(PHONE.policy.catalog.toggles[toggle].scope != Scope::All);
        let key = key(PHONE.app, toggle);
        settings.allowances.remove(&key);
        settings.entries.insert(key, entry(toggle, State::Off, 1000, By::Settings));
        let after = check(&settings, false, NOON);
        for position in covered(toggle) {
            prop_assert_eq!(after[position].reason.word(), "toggle-off", "{:?}", PAIRS[position]);
        }
    }

    /// Any stored state lowered, whoever's it is.
    #[test]
    fn a_stored_state_lowered_never_loosens(rows in rows(), at in any::<usize>(), off in any::<bool>()) {
        let settings_before = settings(&rows);
        let stored = settings_before.entries.iter().count();
        prop_assume!(stored > 0);
        let (key, had) = settings_before.entries.iter().nth(at % stored).unwrap();
        let lower = if off { State::Off } else { State::Ask };
        let mut lowered = settings(&rows);
        let entry = Entry { notice: None, generation: 1000, state: had.state.min(lower), ..had };
        lowered.entries.insert(key, entry);
        for now in [NOON, Moment { wall: NOON.wall + 7200, ..NOON }] {
            let before = check(&settings_before, false, now);
            for (position, after) in check(&lowered, false, now).into_iter().enumerate() {
                let was = before[position];
                prop_assert!(severity(after) >= severity(was), "{:?}: {was:?} {after:?}", PAIRS[position]);
            }
        }
    }

    /// R38: with the same settings a minor has no more than an adult.
    #[test]
    fn a_minor_has_no_more_than_an_adult_with_the_same_settings(rows in rows()) {
        let settings = settings(&rows);
        let adult = check(&settings, false, NOON);
        for (minor, adult) in check(&settings, true, NOON).into_iter().zip(adult) {
            prop_assert!(severity(minor) >= severity(adult));
        }
    }

    /// Rows of other apps and other users change nothing (invariant 5).
    #[test]
    fn what_others_chose_changes_nothing(rows in rows(), more in rows()) {
        let mut settings_with = settings(&rows);
        let before = check(&settings_with, false, NOON);
        for (mut key, entry) in settings(&more).entries.iter() {
            if key.app == PHONE.app {
                key.app = AppKey(u32::MAX - 1);
            } else {
                key.user = USER + 1;
            }
            settings_with.entries.insert(key, entry);
        }
        settings_with.locks.insert((LockedFor::User(USER + 1), PHONE.policy.toggle_key(toggle(2))));
        prop_assert_eq!(before, check(&settings_with, false, NOON));
    }
}
