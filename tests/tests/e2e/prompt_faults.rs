//! Agents that lie, hang and leave, callers that flood and go, a daemon that ends: none of it allows
//! anything.

use std::collections::HashMap;

use anyhow::{Result, bail};
use consentd_dbus::{Error, Options};
use consentd_tests::person::{Person, text};
use consentd_tests::words::{Order, Reply, allow, deny};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::{GAME, WEATHER};
use crate::prompts::{APPROXIMATE, BOTH, PRECISE, after, answered, position, records, requests};
use crate::scenario::on_both_buses;

on_both_buses![
    without_an_agent_nothing_is_allowed,
    an_agent_that_lies_allows_nothing,
    an_answer_that_comes_late_changes_nothing,
    an_agent_that_leaves_is_none,
    the_last_registered_agent_is_asked,
    a_caller_that_leaves_takes_its_question_along,
    equal_requests_share_a_prompt,
    two_apps_take_turns,
    eight_of_an_app_may_wait,
    sixty_four_of_a_user_may_wait,
    a_killed_daemon_allows_nothing,
    a_daemon_that_stops_answers_first,
];

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
