//! What an app is answered: the decision, its reason, the shape of a refusal, and the record of it.

use anyhow::Result;
use consentd_tests::person::{count, text};
use consentd_tests::words::{Order, Question, Reply, allow, ask, deny};
use consentd_tests::world::World;

use crate::ids::{GAME, SECURITY, WEATHER};
use crate::scenario::on_both_buses;

on_both_buses![
    an_app_is_told_to_ask_until_the_user_decides,
    answers_come_in_the_order_asked,
    an_answer_is_recorded_with_how_often_it_was_given,
    a_preview_says_the_same_and_leaves_no_record,
    an_undeclared_pair_is_refused_and_recorded,
    a_crash_report_is_for_security_and_not_for_the_program,
    a_recipient_or_destination_that_was_not_declared_is_refused,
    a_change_is_told_to_the_app_concerned_alone,
];

async fn an_app_is_told_to_ask_until_the_user_decides(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let answers = weather.check("location.services", &["location.precise"]).await?;
    assert_eq!(answers, [ask("location.precise", "not-set", "none")]);
    world.person().await?.set("location.app", WEATHER, "on").await?;
    world.person().await?.set("location.precise", WEATHER, "on").await?;
    let answers = weather.check("location.services", &["location.precise"]).await?;
    assert_eq!(answers, [allow("location.precise", "contract")]);
    Ok(())
}

async fn answers_come_in_the_order_asked(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let items = [
        "location.language",
        "location.precise",
        "no.such.item",
        "location.country",
        "device.imei",
        "location.approximate",
    ];
    let answers = weather.check("location.services", &items).await?;
    let asked: Vec<&str> = answers.iter().map(|answer| answer.data.as_str()).collect();
    assert_eq!(asked, items);
    let reasons: Vec<&str> = answers.iter().map(|answer| answer.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["contract", "not-set", "unknown-data", "contract", "undeclared", "not-set"]
    );
    Ok(())
}

async fn an_answer_is_recorded_with_how_often_it_was_given(world: &mut World) -> Result<()> {
    let mut security = world.app("security").await?;
    let question = Question::new("security.systems", &["logs.crash"]);
    security.ask(Order::Repeat { times: 7, question }).await?;
    let records = world.person().await?.history("record", SECURITY).await?;
    // A minute may have turned in between.
    let counts: Result<Vec<u64>> = records.iter().map(|record| count(record, "count")).collect();
    assert_eq!(counts?.iter().sum::<u64>(), 7);
    let record = &records[0];
    assert_eq!(text(record, "purpose")?, "security.systems");
    assert_eq!(text(record, "data")?, "logs.crash");
    assert_eq!(text(record, "decision")?, "allow");
    assert_eq!(text(record, "reason")?, "legitimate-interest");
    assert_eq!(text(record, "trust")?, "weak");
    Ok(())
}

async fn a_preview_says_the_same_and_leaves_no_record(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let previewed = game.preview("ads.personalised", &["device.oaid", "device.gaid"]).await?;
    let person = world.person().await?;
    assert_eq!(person.history("record", GAME).await?.len(), 0);
    let checked = game.check("ads.personalised", &["device.oaid", "device.gaid"]).await?;
    assert_eq!(previewed, checked);
    assert_eq!(person.history("record", GAME).await?.len(), 2);
    Ok(())
}

/// R17.
async fn an_undeclared_pair_is_refused_and_recorded(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    let answers = weather.check("ads.personalised", &["device.oaid"]).await?;
    assert_eq!(answers, [deny("device.oaid", "undeclared", "zero-uuid")]);
    let records = person.history("record", WEATHER).await?;
    assert_eq!(text(&records[0], "reason")?, "undeclared");
    Ok(())
}

/// R22, R29.
async fn a_crash_report_is_for_security_and_not_for_the_program(world: &mut World) -> Result<()> {
    let mut experience = world.app("experience").await?;
    let mut security = world.app("security").await?;
    let person = world.person().await?;
    let denied = [deny("logs.crash", "toggle-off", "none")];
    let allowed = [allow("logs.crash", "legitimate-interest")];
    for state in ["off", "on", "off"] {
        person.set("user-experience", "", state).await?;
        assert_eq!(security.check("security.systems", &["logs.crash"]).await?, allowed);
        let answers = experience.check("experience.analytics", &["logs.crash"]).await?;
        match state {
            "on" => assert_eq!(answers, [allow("logs.crash", "consented")]),
            _ => assert_eq!(answers, denied),
        }
    }
    Ok(())
}

/// R30, R37, R54.
async fn a_recipient_or_destination_that_was_not_declared_is_refused(
    world: &mut World,
) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let language = || Question::new("location.services", &["location.language"]);
    for (question, answer) in [
        (language(), allow("location.language", "contract")),
        (language().with("recipient", "provider"), allow("location.language", "contract")),
        (language().with("destination", "NL"), allow("location.language", "contract")),
        (
            language().with("recipient", "carrier"),
            deny("location.language", "recipient-not-declared", "none"),
        ),
        (
            language().with("destination", "US"),
            deny("location.language", "transfer-not-permitted", "none"),
        ),
        (
            language().with("secure", false),
            deny("location.language", "insecure-destination", "none"),
        ),
    ] {
        let label = format!("{question:?}");
        assert_eq!(weather.ask(Order::Check(question)).await?, [answer], "{label}");
    }
    Ok(())
}

/// Invariant 5: one app learns nothing of another.
async fn a_change_is_told_to_the_app_concerned_alone(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let mut game = world.app("game").await?;
    // Both have spoken: the daemon knows that they are there.
    weather.preview("location.services", &["location.precise"]).await?;
    game.preview("ads.personalised", &["device.oaid"]).await?;
    let person = world.person().await?;
    let first = person.set("location.app", WEATHER, "on").await?;
    let second = person.set("app-access", GAME, "off").await?;
    assert_eq!(weather.tell(Order::AwaitChanged).await?, Reply::Changed(first));
    // The first that the game hears is its own.
    assert_eq!(game.tell(Order::AwaitChanged).await?, Reply::Changed(second));
    Ok(())
}
