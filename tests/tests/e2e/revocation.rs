//! Once `off` has returned nothing is allowed any more, whoever asks, however often (invariant 3).

use anyhow::Result;
use consentd_dbus::Options;
use consentd_tests::words::{Order, Question};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::GAME;
use crate::scenario::on_both_buses;

on_both_buses![
    no_check_after_an_off_is_allowed_while_apps_ask_all_the_time,
    a_withdrawn_consent_ends_and_what_was_recorded_stands,
    a_consent_is_an_event_that_the_next_one_does_not_rewrite,
];

async fn no_check_after_an_off_is_allowed_while_apps_ask_all_the_time(
    world: &mut World,
) -> Result<()> {
    let question = Question::new("ads.personalised", &["device.oaid"]);
    let person = world.person().await?;
    let mut game = world.app("game").await?;
    let mut noise = world.app("game").await?;
    for round in 0..30 {
        person.set("ad-services", "", "on").await?;
        let burst = Order::Burst { times: 50, question: question.clone() };
        noise.send(burst).await?;
        person.set("ad-services", "", "off").await?;
        let answers = game.check("ads.personalised", &["device.oaid"]).await?;
        assert_eq!(answers[0].decision, "deny", "round {round}");
        noise.reply().await?;
    }
    Ok(())
}

/// R50.
async fn a_withdrawn_consent_ends_and_what_was_recorded_stands(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut game = world.app("game").await?;
    person.set("ad-services", "", "on").await?;
    game.check("ads.personalised", &["device.oaid"]).await?;
    let before = person.history("record", GAME).await?;
    person.set("ad-services", "", "off").await?;
    assert_eq!(person.history("record", GAME).await?, before);
    let consents = person.settings.list_consents(Options::new()).await?;
    assert_eq!(consents.len(), 1);
    assert_eq!(consents[0]["in_force"], Variant::from(false).try_into_owned()?);
    assert!(consents[0].contains_key("ended"), "{consents:?}");
    assert_eq!(consents[0]["how_ended"], Variant::from("withdrawn").try_into_owned()?);
    let receipt = world.ctl()?.done(&["consents", GAME]).await?;
    for told in ["withdrawn", "2025-10-10", "Xiaomi Technology Netherlands", "Personalised ads"] {
        anyhow::ensure!(receipt.contains(told), "{told}: {receipt}");
    }
    let rows = world.ctl()?.json(&["consents", GAME]).await?;
    anyhow::ensure!(rows[0]["covers"][0]["purpose"] == "ads.personalised", "{rows}");
    let unknown = world.ctl()?.run(&["consents", "org.example.gam"]).await?;
    anyhow::ensure!(unknown.code == Some(5) && unknown.err.contains(GAME), "{unknown:?}");
    Ok(())
}

async fn a_consent_is_an_event_that_the_next_one_does_not_rewrite(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    for state in ["on", "off", "on", "on"] {
        person.set("ad-services", "", state).await?;
    }
    let consents = person.settings.list_consents(Options::new()).await?;
    // On again is a fresh consent, even where it was on.
    assert_eq!(consents.len(), 3, "{consents:?}");
    let yes = Variant::from(true).try_into_owned()?;
    assert_eq!(consents.iter().filter(|consent| consent["in_force"] == yes).count(), 1);
    Ok(())
}
