//! `request` of the client library: put to the user, answered, refused, taken back by whoever asked.

use anyhow::{Result, ensure};
use consentd_tests::client::{Client, Compared, Order};
use consentd_tests::person::text;
use consentd_tests::world::World;

use crate::ids::WEATHER;
use crate::prompts::{APPROXIMATE, BOTH, records};
use crate::scenario::on_both_buses;

on_both_buses![
    an_answer_reaches_who_asked_and_its_page,
    a_refusal_reaches_who_asked,
    a_future_that_is_dropped_takes_the_question_back,
    a_client_that_is_killed_takes_the_question_back,
];

const PLACE: &str = "location.services";
const ASKS: &str = "ask because not-set";
const ALLOWED: &str = "allow because contract";

fn request(data: &[&str]) -> Order {
    Order::Request(PLACE.to_owned(), data.iter().map(|&item| item.to_owned()).collect())
}

fn begin() -> Order {
    Order::Begin(PLACE.to_owned(), vec![APPROXIMATE.to_owned()])
}

async fn an_answer_reaches_who_asked_and_its_page(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = Client::start(world, "weather").await?;
    assert_eq!(weather.check(PLACE, APPROXIMATE).await?, ASKS);
    // For this once: it is the request's own.
    weather.send(request(&[APPROXIMATE])).await?;
    agent.asked().await?.answer("once").await?;
    assert_eq!(weather.reply::<Vec<String>>().await?, [ALLOWED]);
    assert_eq!(weather.check(PLACE, APPROXIMATE).await?, ASKS);
    // For good: a check in process is allowed as soon as the request is.
    weather.send(request(&BOTH)).await?;
    let asked = agent.asked().await?;
    assert_eq!(text(&asked.app, "app")?, WEATHER);
    asked.answer("always").await?;
    assert_eq!(weather.reply::<Vec<String>>().await?, [ALLOWED, ALLOWED]);
    let order = Order::Compare(PLACE.to_owned(), vec![vec![APPROXIMATE.to_owned()]]);
    let compared: Vec<Compared> = weather.tell(order).await?;
    assert_eq!(compared[0].0.as_deref(), Some(&[ALLOWED.to_owned()][..]));
    assert_eq!(person.stored("location.app", WEATHER).await?, "on");
    // Nobody is asked again.
    assert_eq!(weather.tell::<Vec<String>>(request(&BOTH)).await?, [ALLOWED, ALLOWED]);
    Ok(())
}

async fn a_refusal_reaches_who_asked(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = Client::start(world, "weather").await?;
    for _ in 0..2 {
        weather.send(request(&[APPROXIMATE])).await?;
        agent.asked().await?.answer("deny").await?;
        assert_eq!(weather.reply::<Vec<String>>().await?, ["deny because refused"]);
    }
    let enough = weather.tell::<Vec<String>>(request(&[APPROXIMATE])).await?;
    assert_eq!(enough, ["deny because too-many-refusals"]);
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    assert_eq!(weather.check(PLACE, APPROXIMATE).await?, ASKS);
    Ok(())
}

async fn a_future_that_is_dropped_takes_the_question_back(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    let mut weather = Client::start(world, "weather").await?;
    for _ in 0..3 {
        let _begun: String = weather.tell(begin()).await?;
        let asked = agent.asked().await?;
        let _dropped: String = weather.tell(Order::Forget).await?;
        assert_eq!(agent.cancelled().await?, asked.request);
        // What the agent says now is heard by nobody.
        asked.answer("always").await?;
        assert_eq!(weather.check(PLACE, APPROXIMATE).await?, ASKS);
    }
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    let said = records(&person, WEATHER).await?;
    ensure!(said.iter().all(|(_, reason, _)| reason == "not-set"), "{said:?}");
    // Nor does it count as a refusal: the next question is put.
    weather.send(request(&[APPROXIMATE])).await?;
    agent.asked().await?.answer("once").await?;
    assert_eq!(weather.reply::<Vec<String>>().await?, [ALLOWED]);
    Ok(())
}

async fn a_client_that_is_killed_takes_the_question_back(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut agent = world.agent().await?;
    for _ in 0..3 {
        let mut weather = Client::start(world, "weather").await?;
        let _begun: String = weather.tell(begin()).await?;
        let asked = agent.asked().await?;
        weather.process.kill()?;
        assert_eq!(agent.cancelled().await?, asked.request);
        asked.answer("always").await?;
    }
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    assert_eq!(records(&person, WEATHER).await?, []);
    Ok(())
}
