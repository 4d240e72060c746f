//! `Request`: what asks is put to the user, by an agent, and waits.

use std::collections::HashMap;

use anyhow::{Result, bail};
use consentd_dbus::{Error, Options};
use consentd_tests::agent::Agent;
use consentd_tests::app::App;
use consentd_tests::person::{Person, count, text};
use consentd_tests::words::{Answer, Order, Question, Reply, allow, ask, deny};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::{GAME, WEATHER};
use crate::scenario::on_both_buses;

on_both_buses![
    the_user_is_asked_and_the_answer_is_for_this_once,
    an_answer_for_good_is_stored_as_a_consent,
    until_the_restart_is_until_the_restart,
    approximate_without_precise,
    what_does_not_ask_is_a_check,
    a_switch_for_all_apps_is_not_set_by_one_prompt,
    two_refusals_are_enough_until_the_user_sets_it,
    a_minor_is_not_asked_for_consent,
    without_an_agent_nothing_is_allowed,
    an_agent_that_lies_allows_nothing,
    an_answer_that_comes_late_changes_nothing,
    an_agent_that_leaves_is_none,
    the_last_registered_agent_is_asked,
    a_caller_that_leaves_takes_its_question_along,
    what_is_set_meanwhile_holds,
    equal_requests_share_a_prompt,
    two_apps_take_turns,
    eight_of_an_app_may_wait,
    sixty_four_of_a_user_may_wait,
    a_killed_daemon_allows_nothing,
    a_daemon_that_stops_answers_first,
    a_deadline_is_within_bounds,
];

const PRECISE: &str = "location.precise";
const APPROXIMATE: &str = "location.approximate";
const BOTH: [&str; 2] = [PRECISE, APPROXIMATE];

fn position(data: &[&str]) -> Question {
    Question::new("location.services", data).with("deadline", 60)
}

async fn requests(app: &mut App, data: &[&str]) -> Result<()> {
    app.send(Order::Request(position(data))).await
}

async fn answered(app: &mut App) -> Result<Vec<Answer>> {
    match app.reply().await? {
        Reply::Answered(answers) => Ok(answers),
        other => bail!("not answered but {other:?}"),
    }
}

/// Requests, has the agent say something, and hears what comes of it.
async fn after(app: &mut App, agent: &mut Agent, data: &[&str], word: &str) -> Result<Vec<Answer>> {
    requests(app, data).await?;
    agent.asked().await?.answer(word).await?;
    answered(app).await
}

/// (data, reason, count) of the records of an app.
async fn records(person: &Person, app: &str) -> Result<Vec<(String, String, u64)>> {
    let rows = person.history("record", app).await?;
    let mut records = Vec::new();
    for row in &rows {
        records.push((text(row, "data")?, text(row, "reason")?, count(row, "count")?));
    }
    records.sort();
    Ok(records)
}

async fn the_user_is_asked_and_the_answer_is_for_this_once(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    requests(&mut weather, &BOTH).await?;
    let asked = agent.asked().await?;
    assert_eq!(text(&asked.app, "app")?, WEATHER);
    assert_eq!(text(&asked.app, "name")?, "Weather");
    assert_eq!((text(&asked.app, "kind")?, text(&asked.app, "trust")?), pair("executable", "weak"));
    assert_eq!(asked.text("purpose")?, "location.services");
    assert_eq!(asked.list("data")?, [APPROXIMATE, PRECISE]);
    assert_eq!(asked.list("toggles")?, ["location.app", "location.precise"]);
    assert_eq!((asked.text("basis")?, asked.text("notice")?), pair("contract", "2025-10-10"));
    assert_eq!(asked.list("recipients")?, ["provider"]);
    assert_eq!(asked.list("destinations")?, ["NL"], "what serves this user's region");
    assert_eq!(asked.text("retention")?, "until the forecast is shown");
    assert_eq!(asked.list("mandatory")?, [""; 0]);
    let deadline = asked.question["deadline"].downcast_ref::<u32>()?;
    assert!((1..=60).contains(&deadline), "{deadline}");
    asked.answer("once").await?;
    assert_eq!(
        answered(&mut weather).await?,
        [allow(PRECISE, "contract"), allow(APPROXIMATE, "contract")]
    );
    // One request, one set of records; and nothing is left for anybody.
    let once = |data: &str| (data.to_owned(), "contract".to_owned(), 1);
    assert_eq!(records(&person, WEATHER).await?, [once(APPROXIMATE), once(PRECISE)]);
    let answers = weather.check("location.services", &BOTH).await?;
    assert_eq!(answers, [ask(PRECISE, "not-set", "none"), ask(APPROXIMATE, "not-set", "none")]);
    for toggle in ["location.app", "location.precise"] {
        assert_eq!(person.stored(toggle, WEATHER).await?, "unset");
    }
    // It was a consent all the same, and is over.
    let consents = person.settings.list_consents(Options::new()).await?;
    let ours: Result<Vec<_>> = consents
        .iter()
        .map(|row| Ok((text(row, "app")?, text(row, "by")?, bool::try_from(&row["in_force"])?)))
        .collect();
    assert_eq!(ours?, vec![(WEATHER.to_owned(), "prompt".to_owned(), false); 2]);
    let events = person.history("setting", WEATHER).await?;
    let what: Result<Vec<_>> = events.iter().map(|event| text(event, "what")).collect();
    assert_eq!(what?, ["consumed", "set", "consumed", "set"]);
    world.crash_and_restart()?;
    let answers = weather.check("location.services", &[PRECISE]).await?;
    assert_eq!(answers, [ask(PRECISE, "not-set", "none")]);
    Ok(())
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

async fn an_answer_for_good_is_stored_as_a_consent(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let allowed = [allow(PRECISE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[PRECISE], "always").await?, allowed);
    world.crash_and_restart()?;
    let person_again = world.person().await?;
    assert_eq!(weather.check("location.services", &[PRECISE]).await?, allowed);
    for toggle in ["location.app", "location.precise"] {
        let setting = person_again.get(toggle, WEATHER).await?;
        assert_eq!((text(&setting, "stored")?, text(&setting, "by")?), pair("on", "prompt"));
        assert_eq!(
            (text(&setting, "lifetime")?, text(&setting, "notice")?),
            pair("forever", "2025-10-10")
        );
    }
    // No other app has any of it.
    let mut maps = world.app("maps").await?;
    let answers = maps.check("location.services", &[PRECISE]).await?;
    assert_eq!(answers, [ask(PRECISE, "not-set", "none")]);
    drop(person);
    Ok(())
}

async fn until_the_restart_is_until_the_restart(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "boot").await?, allowed);
    let setting = person.get("location.app", WEATHER).await?;
    assert_eq!((text(&setting, "stored")?, text(&setting, "lifetime")?), pair("on", "boot"));
    assert_eq!(weather.check("location.services", &[APPROXIMATE]).await?, allowed);
    Ok(())
}

async fn approximate_without_precise(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    for word in ["once", "always"] {
        requests(&mut weather, &BOTH).await?;
        agent.asked().await?.answer_for(word, &["location.app"]).await?;
        assert_eq!(
            answered(&mut weather).await?,
            [deny(PRECISE, "refused", "approximate"), allow(APPROXIMATE, "contract")]
        );
    }
    assert_eq!(person.stored("location.app", WEATHER).await?, "on");
    assert_eq!(person.stored("location.precise", WEATHER).await?, "unset");
    // Precise was refused twice by now; the rest goes on as it is.
    weather.send(Order::Request(position(&BOTH))).await?;
    assert_eq!(
        answered(&mut weather).await?,
        [deny(PRECISE, "too-many-refusals", "approximate"), allow(APPROXIMATE, "contract")]
    );
    Ok(())
}

async fn what_does_not_ask_is_a_check(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    for (question, expected) in [
        (position(&["location.language"]), allow("location.language", "contract")),
        (position(&["device.oaid"]), deny("device.oaid", "undeclared", "zero-uuid")),
        (position(&["no.such.item"]), deny("no.such.item", "unknown-data", "none")),
        (
            position(&[PRECISE]).with("destination", "SG"),
            deny(PRECISE, "transfer-not-permitted", "none"),
        ),
    ] {
        assert_eq!(weather.ask(Order::Request(question)).await?, [expected]);
    }
    let mut game = world.app("game").await?;
    let oaid = Question::new("ads.personalised", &["device.oaid"]);
    let off = [deny("device.oaid", "toggle-off", "zero-uuid")];
    assert_eq!(game.ask(Order::Request(oaid.clone())).await?, off);
    let mut nobody = world.app("undeclared-program").await?;
    let stranger = [deny("device.oaid", "unidentified", "zero-uuid")];
    assert_eq!(nobody.ask(Order::Request(oaid)).await?, stranger);
    // An allowance for one time is used up as by a check.
    person.set_for("location.app", WEATHER, "once", None).await?;
    let used = weather.ask(Order::Request(position(&[APPROXIMATE]))).await?;
    assert_eq!(used, [allow(APPROXIMATE, "contract")]);
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    // The agent heard of none of it: its first question is this one.
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    assert_eq!(asked.list("data")?, [APPROXIMATE]);
    asked.answer("deny").await?;
    assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "refused", "none")]);
    Ok(())
}

async fn a_switch_for_all_apps_is_not_set_by_one_prompt(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    person.set("location", "", "ask").await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "always").await?, allowed);
    assert_eq!(person.stored("location", "").await?, "ask");
    assert_eq!(person.stored("location.app", WEATHER).await?, "on");
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    assert_eq!(asked.list("toggles")?, ["location"]);
    asked.answer("deny").await?;
    assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "refused", "none")]);
    Ok(())
}

async fn two_refusals_are_enough_until_the_user_sets_it(world: &mut World) -> Result<()> {
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let refused = [deny(APPROXIMATE, "refused", "none")];
    let enough = [deny(APPROXIMATE, "too-many-refusals", "none")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "deny").await?, refused);
    // Counted over a restart.
    world.crash_and_restart()?;
    agent.register().await?;
    let person = world.person().await?;
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "deny").await?, refused);
    let request = || Order::Request(position(&[APPROXIMATE]));
    assert_eq!(weather.ask(request()).await?, enough);
    let setting = person.get("location.app", WEATHER).await?;
    assert_eq!(u32::try_from(&setting["refusals"])?, 2);
    // A check still says that there is something to ask.
    let answers = weather.check("location.services", &[APPROXIMATE]).await?;
    assert_eq!(answers, [ask(APPROXIMATE, "not-set", "none")]);
    // Another app's toggle is another matter.
    let mut maps = world.app("maps").await?;
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut maps, &mut agent, &[APPROXIMATE], "once").await?, allowed);
    // Setting it, even to what it is already, opens it again; so does a reset.
    person.set("location.app", WEATHER, "unset").await?;
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "deny").await?, refused);
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "deny").await?, refused);
    assert_eq!(weather.ask(request()).await?, enough);
    person.settings.reset(WEATHER, Options::new()).await?;
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "once").await?, allowed);
    Ok(())
}

async fn a_minor_is_not_asked_for_consent(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let _agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let minor = Options::from([("age_band", Variant::from("minor"))]);
    person.settings.set_profile(minor, Options::new()).await?;
    let answers = weather.ask(Order::Request(position(&[APPROXIMATE]))).await?;
    assert_eq!(answers, [deny(APPROXIMATE, "no-agent", "none")]);
    Ok(())
}

async fn without_an_agent_nothing_is_allowed(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let denied = [deny(APPROXIMATE, "no-agent", "none")];
    let request = || Order::Request(position(&[APPROXIMATE]));
    assert_eq!(weather.ask(request()).await?, denied);
    let mut agent = world.agent().await?;
    agent.unregister().await?;
    let again = agent.unregister().await;
    assert!(matches!(again, Err(Error::InvalidArgument(_))), "{again:?}");
    assert_eq!(weather.ask(request()).await?, denied);
    // And when it says that it shows nothing any more, in the middle of a question.
    agent.register().await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    agent.unregister().await?;
    assert_eq!(answered(&mut weather).await?, denied);
    assert_eq!(agent.cancelled().await?, asked.request);
    Ok(())
}

async fn an_agent_that_lies_allows_nothing(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let denied = [deny(APPROXIMATE, "no-agent", "none")];
    let always = || Variant::from("always");
    let others = Variant::from(vec!["location.app", "ad-services"]);
    let lies: [HashMap<&str, Variant<'_>>; 8] = [
        HashMap::new(),
        HashMap::from([("answer", Variant::from("yes"))]),
        HashMap::from([("answer", Variant::from(1_u32))]),
        HashMap::from([("toggles", Variant::from(vec!["location.app"]))]),
        HashMap::from([("answer", always()), ("toggles", others)]),
        HashMap::from([("answer", always()), ("toggles", Variant::from("location.app"))]),
        HashMap::from([("answer", always()), ("toggles", Variant::from(vec![1_u32]))]),
        HashMap::from([("answer", always()), ("until", Variant::from(5_u32))]),
    ];
    for lie in &lies {
        requests(&mut weather, &[APPROXIMATE]).await?;
        agent.asked().await?.reply(lie).await?;
        assert_eq!(answered(&mut weather).await?, denied, "{lie:?}");
    }
    requests(&mut weather, &[APPROXIMATE]).await?;
    agent.asked().await?.reply(&"always").await?;
    assert_eq!(answered(&mut weather).await?, denied);
    requests(&mut weather, &[APPROXIMATE]).await?;
    agent.asked().await?.fail().await?;
    assert_eq!(answered(&mut weather).await?, denied);
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    assert_eq!(person.state("ad-services", GAME).await?, "off");
    // It is asked again, and may mend its ways.
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "once").await?, allowed);
    Ok(())
}

async fn an_answer_that_comes_late_changes_nothing(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    let soon = position(&[APPROXIMATE]).with("deadline", 1);
    weather.send(Order::Request(soon)).await?;
    let late = agent.asked().await?;
    assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "timed-out", "none")]);
    assert_eq!(agent.cancelled().await?, late.request);
    let always = HashMap::from([("answer", Variant::from("always"))]);
    late.reply(&always).await?;
    // Twice, and in place of the answer to the next question.
    requests(&mut weather, &[PRECISE]).await?;
    let asked = agent.asked().await?;
    assert_ne!(asked.request, late.request);
    late.reply(&always).await?;
    asked.answer("deny").await?;
    assert_eq!(answered(&mut weather).await?, [deny(PRECISE, "refused", "none")]);
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    Ok(())
}

async fn an_agent_that_leaves_is_none(world: &mut World) -> Result<()> {
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    agent.asked().await?;
    agent.bus.close().await?;
    assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "no-agent", "none")]);
    // The next one is as good as ever.
    let mut agent = world.agent().await?;
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "once").await?, allowed);
    Ok(())
}

async fn the_last_registered_agent_is_asked(world: &mut World) -> Result<()> {
    let mut former = world.agent().await?;
    let mut weather = world.app("weather").await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = former.asked().await?;
    let mut agent = world.agent().await?;
    assert_eq!(former.cancelled().await?, asked.request);
    let again = agent.asked().await?;
    assert_ne!(again.request, asked.request);
    asked.answer("always").await?;
    again.answer("deny").await?;
    assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "refused", "none")]);
    // The former one's leaving takes nothing from the new one.
    former.bus.close().await?;
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "once").await?, allowed);
    Ok(())
}

async fn a_caller_that_leaves_takes_its_question_along(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    weather.kill()?;
    assert_eq!(agent.cancelled().await?, asked.request);
    asked.answer("always").await?;
    let mut weather = world.app("weather").await?;
    let refused = [deny(APPROXIMATE, "refused", "none")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "deny").await?, refused);
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    let told = (APPROXIMATE.to_owned(), "refused".to_owned(), 1);
    assert_eq!(records(&person, WEATHER).await?, [told], "what nobody heard is not recorded");
    Ok(())
}

async fn what_is_set_meanwhile_holds(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    for word in ["once", "boot", "always"] {
        requests(&mut weather, &[APPROXIMATE]).await?;
        let asked = agent.asked().await?;
        person.set("location.app", WEATHER, "off").await?;
        asked.answer(word).await?;
        let answers = answered(&mut weather).await?;
        assert_eq!(answers, [deny(APPROXIMATE, "toggle-off", "none")], "{word}");
        assert_eq!(person.stored("location.app", WEATHER).await?, "off", "{word}");

        person.set("location.app", WEATHER, "unset").await?;
        requests(&mut weather, &[APPROXIMATE]).await?;
        let asked = agent.asked().await?;
        person.settings.lock(&["location.app"], Options::new()).await?;
        asked.answer(word).await?;
        let answers = answered(&mut weather).await?;
        assert_eq!(answers, [deny(APPROXIMATE, "locked", "none")], "{word}");
        assert_eq!(person.stored("location.app", WEATHER).await?, "unset", "{word}");
        person.settings.unlock(&["location.app"], Options::new()).await?;
    }
    // Allowed meanwhile, a refusal takes nothing back.
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    person.set("location.app", WEATHER, "on").await?;
    asked.answer("deny").await?;
    assert_eq!(answered(&mut weather).await?, [allow(APPROXIMATE, "contract")]);
    let setting = person.get("location.app", WEATHER).await?;
    assert_eq!((text(&setting, "stored")?, text(&setting, "by")?), pair("on", "shell"));
    // As new meanwhile, it asks as before, and was answered.
    person.set("location.app", WEATHER, "ask").await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    person.settings.reset(WEATHER, Options::new()).await?;
    asked.answer("always").await?;
    assert_eq!(answered(&mut weather).await?, [allow(APPROXIMATE, "contract")]);
    Ok(())
}

async fn equal_requests_share_a_prompt(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let (mut one, mut other) = (world.app("weather").await?, world.app("weather").await?);
    requests(&mut one, &BOTH).await?;
    let asked = agent.asked().await?;
    other.send(Order::Requests { times: 7, question: position(&[APPROXIMATE, PRECISE]) }).await?;
    waiting(&person, 8).await?;
    asked.answer("once").await?;
    let allowed = [allow(PRECISE, "contract"), allow(APPROXIMATE, "contract")];
    assert_eq!(answered(&mut one).await?, allowed);
    for _ in 0..7 {
        let mut answers = answered(&mut other).await?;
        answers.reverse();
        assert_eq!(answers, allowed);
    }
    // No question is left.
    requests(&mut one, &[PRECISE]).await?;
    assert_eq!(agent.asked().await?.list("data")?, [PRECISE]);
    Ok(())
}

/// Waits until so many requests wait for the user.
async fn waiting(person: &Person, many: u32) -> Result<()> {
    for _ in 0..10_000 {
        let status = person.admin.status(Options::new()).await?;
        if u32::try_from(&status["prompts"])? == many {
            return Ok(());
        }
    }
    bail!("never {many} requests that wait")
}

async fn two_apps_take_turns(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut flood = Vec::new();
    for (number, data) in [&[PRECISE][..], &[APPROXIMATE], &BOTH].into_iter().enumerate() {
        let mut weather = world.app("weather").await?;
        requests(&mut weather, data).await?;
        waiting(&person, u32::try_from(number + 1)?).await?;
        flood.push(weather);
    }
    let first = agent.asked().await?;
    let mut maps = world.app("maps").await?;
    requests(&mut maps, &[APPROXIMATE]).await?;
    waiting(&person, 4).await?;
    first.answer("once").await?;
    let mut order = Vec::new();
    for _ in 0..3 {
        let asked = agent.asked().await?;
        order.push((text(&asked.app, "app")?, asked.list("data")?.len()));
        asked.answer("once").await?;
    }
    let turn = |app: &str, items| (app.to_owned(), items);
    assert_eq!(order, [turn(WEATHER, 1), turn("org.example.maps", 1), turn(WEATHER, 2)]);
    assert_eq!(answered(&mut maps).await?, [allow(APPROXIMATE, "contract")]);
    for weather in &mut flood {
        let answers = answered(weather).await?;
        assert!(answers.iter().all(|answer| answer.decision == "allow"), "{answers:?}");
    }
    waiting(&person, 0).await
}

async fn eight_of_an_app_may_wait(world: &mut World) -> Result<()> {
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    weather.send(Order::Requests { times: 9, question: position(&[PRECISE]) }).await?;
    let Reply::Refused { error, text } = weather.reply().await? else {
        bail!("the ninth was not refused")
    };
    assert_eq!(error, "org.consentd.Error.TooManyRequests", "{text}");
    agent.asked().await?.answer("once").await?;
    for _ in 0..8 {
        assert_eq!(answered(&mut weather).await?, [allow(PRECISE, "contract")]);
    }
    Ok(())
}

async fn sixty_four_of_a_user_may_wait(world: &mut World) -> Result<()> {
    let declared = std::fs::read_to_string(world.stage.dirs().apps_dir.join("weather.toml"))?;
    for number in 0..9 {
        let name = format!("copy{number}");
        let one = declared.replace("org.example.weather", &format!("org.example.{name}"));
        let path = world.stage.bin().executable(&name)?;
        let weather = world.stage.bin().executable("weather")?;
        let one = one.replace(&weather.display().to_string(), &path.display().to_string());
        world.stage.declare(&format!("{name}.toml"), &one)?;
    }
    let person = world.person().await?;
    person.admin.reload(Options::new()).await?;
    let mut agent = world.agent().await?;
    let mut apps = Vec::new();
    for number in 0..8 {
        let mut app = world.app(&format!("copy{number}")).await?;
        app.send(Order::Requests { times: 9, question: position(&[PRECISE]) }).await?;
        let ninth = app.reply().await?;
        assert!(matches!(ninth, Reply::Refused { .. }), "{ninth:?}");
        apps.push(app);
    }
    let mut ninth = world.app("copy8").await?;
    let Reply::Refused { error, .. } = ninth.tell(Order::Request(position(&[PRECISE]))).await?
    else {
        bail!("the sixty-fifth was not refused")
    };
    assert_eq!(error, "org.consentd.Error.TooManyRequests");
    // Another kind of question is answered as ever.
    let answers = ninth.check("location.services", &["location.language"]).await?;
    assert_eq!(answers, [allow("location.language", "contract")]);
    for _ in &apps {
        agent.asked().await?.answer("once").await?;
    }
    for app in &mut apps {
        for _ in 0..8 {
            assert_eq!(answered(app).await?, [allow(PRECISE, "contract")]);
        }
    }
    assert_eq!(
        after(&mut ninth, &mut agent, &[PRECISE], "once").await?,
        [allow(PRECISE, "contract")]
    );
    Ok(())
}

async fn a_killed_daemon_allows_nothing(world: &mut World) -> Result<()> {
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    world.crash_and_restart()?;
    let reply = weather.reply().await?;
    assert!(matches!(reply, Reply::Refused { .. }), "{reply:?}");
    asked.answer("always").await?;
    // Nobody is registered with the daemon that started since.
    let answers = weather.ask(Order::Request(position(&[APPROXIMATE]))).await?;
    assert_eq!(answers, [deny(APPROXIMATE, "no-agent", "none")]);
    agent.register().await?;
    let allowed = [allow(APPROXIMATE, "contract")];
    assert_eq!(after(&mut weather, &mut agent, &[APPROXIMATE], "once").await?, allowed);
    Ok(())
}

async fn a_daemon_that_stops_answers_first(world: &mut World) -> Result<()> {
    let mut agent = world.agent().await?;
    let mut weather = world.app("weather").await?;
    requests(&mut weather, &[APPROXIMATE]).await?;
    let asked = agent.asked().await?;
    world.stop()?;
    assert_eq!(answered(&mut weather).await?, [deny(APPROXIMATE, "daemon-unavailable", "none")]);
    assert_eq!(agent.cancelled().await?, asked.request);
    world.start_again()?;
    let told = (APPROXIMATE.to_owned(), "daemon-unavailable".to_owned(), 1);
    assert_eq!(records(&world.person().await?, WEATHER).await?, [told]);
    Ok(())
}

async fn a_deadline_is_within_bounds(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    for deadline in [0_u32, 121, u32::MAX] {
        let question = Question::new("location.services", &[APPROXIMATE]);
        let order = Order::Request(question.with("deadline", deadline));
        let reply = weather.tell(order).await?;
        let Reply::Refused { error, text } = reply else { bail!("{deadline}: {reply:?}") };
        assert_eq!(error, "org.consentd.Error.InvalidArgument");
        assert!(text.contains("120"), "{text}");
    }
    Ok(())
}
