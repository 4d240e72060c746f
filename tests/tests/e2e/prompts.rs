//! `Request`: what asks is put to the user, by an agent, and waits.

use anyhow::{Result, bail};
use consentd_dbus::Options;
use consentd_tests::agent::Agent;
use consentd_tests::app::App;
use consentd_tests::person::{Person, count, text};
use consentd_tests::words::{Answer, Order, Question, Reply, allow, ask, deny};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::WEATHER;
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
    what_is_set_meanwhile_holds,
    a_deadline_is_within_bounds,
];

pub(crate) const PRECISE: &str = "location.precise";
pub(crate) const APPROXIMATE: &str = "location.approximate";
pub(crate) const BOTH: [&str; 2] = [PRECISE, APPROXIMATE];

pub(crate) fn position(data: &[&str]) -> Question {
    Question::new("location.services", data).with("deadline", 60)
}

pub(crate) async fn requests(app: &mut App, data: &[&str]) -> Result<()> {
    app.send(Order::Request(position(data))).await
}

pub(crate) async fn answered(app: &mut App) -> Result<Vec<Answer>> {
    match app.reply().await? {
        Reply::Answered(answers) => Ok(answers),
        other => bail!("not answered but {other:?}"),
    }
}

/// Requests, has the agent say something, and hears what comes of it.
pub(crate) async fn after(
    app: &mut App,
    agent: &mut Agent,
    data: &[&str],
    word: &str,
) -> Result<Vec<Answer>> {
    requests(app, data).await?;
    agent.asked().await?.answer(word).await?;
    answered(app).await
}

/// (data, reason, count) of the records of an app.
pub(crate) async fn records(person: &Person, app: &str) -> Result<Vec<(String, String, u64)>> {
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
