//! Whatever a user did, in whatever order, and whenever a gate was opened: its page says what a check would
//! (invariants 3 and 4).

use consentd::decision::{Context, Ruling};
use consentd::engine::change::Hold;
use consentd::engine::held::{Claim, Lasting};
use consentd::engine::profile::ProfileChange;
use consentd::engine::settings::{By, LockedFor};
use consentd::engine::{Asker, Engine, Request};
use consentd_gate::page::State;
use proptest::prelude::*;
use proptest::sample::select;

use crate::client::{Client, ruled, told};
use crate::device::{ADS, App, Device, GAME, OAID, PLACE, PRECISE, USER, WEATHER, set};

const APPS: [&str; 5] =
    [GAME, WEATHER, "org.example.maps", "org.example.browser", "org.example.security"];
const TOGGLES: [&str; 6] =
    ["ad-services", "location", "location.app", "location.precise", "user-experience", "marketing"];
const NOTICES: [&str; 2] = ["2019-12-09", "2025-10-10"];

/// What can change an answer.
#[derive(Debug, Clone)]
enum Step {
    Choose { toggle: &'static str, app: &'static str, state: &'static str },
    Lock(&'static str, Hold),
    Exercise(Claim<'static>),
    Lift(Claim<'static>),
    Decline(&'static str, &'static str),
    Age(&'static str),
    Reset(&'static str),
}

fn steps() -> impl Strategy<Value = Step> {
    let states = select(vec!["on", "off", "ask", "unset"]);
    let chosen_for = select([&APPS[..], &["", "*"]].concat());
    let choose = (select(&TOGGLES[..]), chosen_for, states)
        .prop_map(|(toggle, app, state)| Step::Choose { toggle, app, state });
    let holds = select(vec![Hold::Off, Hold::Released]);
    let lock = (select(&TOGGLES[..]), holds).prop_map(|(toggle, hold)| Step::Lock(toggle, hold));
    let decline = (select(&TOGGLES[..]), select(&NOTICES[..]));
    prop_oneof![
        6 => choose,
        1 => lock,
        2 => claims().prop_map(Step::Exercise),
        1 => claims().prop_map(Step::Lift),
        1 => decline.prop_map(|(toggle, notice)| Step::Decline(toggle, notice)),
        1 => select(vec!["minor", "adult"]).prop_map(Step::Age),
        1 => select(&APPS[..]).prop_map(Step::Reset),
    ]
}

fn claims() -> impl Strategy<Value = Claim<'static>> {
    let rights = [Lasting::Objection, Lasting::Restriction, Lasting::AutomatedDecisions];
    let purposes = vec!["", ADS, PLACE, "security.systems"];
    (
        select(rights.to_vec()),
        select([&APPS[..], &[""]].concat()),
        select(purposes),
        select(vec!["", OAID, PRECISE, "logs.crash"]),
    )
        .prop_map(|(right, app, purpose, data)| Claim { right, app, purpose, data })
}

/// Some make no sense where they come, and are refused: that changes nothing.
fn take(engine: &Engine, step: &Step) {
    let by = By::Shell;
    let _refused = match step {
        Step::Choose { toggle, app, state } => set(engine, &[(toggle, app, state)]).is_err(),
        Step::Lock(toggle, hold) => engine.lock(LockedFor::User(USER), &[toggle], *hold).is_err(),
        Step::Exercise(claim) => engine.exercise(USER, claim, by).is_err(),
        Step::Lift(claim) => engine.lift(USER, claim, by).is_err(),
        Step::Decline(toggle, notice) => engine.decline(USER, &[toggle], notice, by).is_err(),
        Step::Age(band) => {
            let age = ProfileChange { age_band: Some(band), ..ProfileChange::default() };
            engine.set_profile(USER, &age, By::Administrator).is_err()
        }
        Step::Reset(app) => engine.reset(USER, app, by).is_err(),
    };
}

fn preview(engine: &Engine, app: &App, purpose: &str, data: &[&str]) -> Vec<Ruling> {
    let context = Context::default();
    let request = Request::new(purpose, data, &context, "").unwrap();
    engine.preview(Asker { user: USER, caller: Some(&app.0) }, &request).rulings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_page_says_what_a_check_would(
        steps in prop::collection::vec(steps(), 0..32),
        opened_after in 0_usize..32,
    ) {
        let device = Device::new();
        let engine = device.start();
        let apps = APPS.map(|id| App::declared(&engine, id));
        let mut clients = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            if number >= opened_after && clients.is_empty() {
                clients = apps.iter().map(|app| Client::open(&engine, app)).collect();
            }
            take(&engine, step);
        }
        if clients.is_empty() {
            clients = apps.iter().map(|app| Client::open(&engine, app)).collect();
        }
        for (app, client) in apps.iter().zip(&mut clients) {
            // One with no room for an answer gives way, and the app opens another.
            if client.page.state() == State::Superseded {
                *client = Client::open(&engine, app);
            }
            for (purpose, data) in client.page.directory().pairs() {
                let word = client.page.word(client.pair(purpose, data));
                let alone = preview(&engine, app, purpose, &[data])[0];
                prop_assert_eq!(told(word.alone()), ruled(alone), "{} {}", purpose, data);
                // An item that nobody knows counts as personal (R58).
                let beside = preview(&engine, app, purpose, &[data, "no.such.item"])[0];
                prop_assert_eq!(told(word.combined()), ruled(beside), "{} {}", purpose, data);
            }
        }
    }
}
