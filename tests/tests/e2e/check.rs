//! What an app is answered: the decision, its reason, the shape of a refusal, and the record of it.

use anyhow::Result;
use consentd_tests::words::{Order, Question, Reply, allow, ask, deny};
use consentd_tests::world::World;

use crate::scenario::on_both_buses;

on_both_buses![an_app_is_asked_for_until_the_user_decides,];

async fn an_app_is_asked_for_until_the_user_decides(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    eprintln!("{:?}", weather.who_am_i().await?);
    let answers = weather.check("location.services", &["location.precise"]).await?;
    assert_eq!(answers, [ask("location.precise", "not-set", "none")]);
    Ok(())
}
