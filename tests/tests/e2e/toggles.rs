//! What each switch does to the apps that it covers, and what it leaves alone.

use anyhow::Result;
use consentd_dbus::{Error, Options};
use consentd_tests::app::App;
use consentd_tests::person::text;
use consentd_tests::words::{Answer, allow, ask, deny};
use consentd_tests::world::World;
use futures_util::StreamExt;
use zbus::Variant;

use crate::ids::{CAMERA, GAME, WEATHER};
use crate::scenario::on_both_buses;

on_both_buses![
    ad_services_is_off_until_switched_on_and_off_at_once,
    approximate_without_precise_is_a_choice,
    one_switch_stops_location_for_every_app_and_gives_back_what_was_chosen,
    find_device_and_photos_need_the_global_switch_and_their_own,
    turning_off_an_app_s_access_leaves_important_notices,
    each_type_of_marketing_has_a_switch_under_the_common_one,
    a_minor_gets_no_personalised_ads_whatever_is_on,
    a_lock_holds_off_until_the_administrator_lets_go,
    what_is_always_on_or_an_action_cannot_be_set,
    reset_makes_an_app_as_if_it_were_new,
    watchers_hear_of_changes_and_others_do_not,
    consentctl_sets_what_apps_are_answered,
];

/// The one answer to a check of one item.
async fn one(app: &mut App, purpose: &str, data: &str) -> Result<Answer> {
    let mut answers = app.check(purpose, &[data]).await?;
    anyhow::ensure!(answers.len() == 1, "one item, {} answers", answers.len());
    Ok(answers.remove(0))
}

/// R18.
async fn ad_services_is_off_until_switched_on_and_off_at_once(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let person = world.person().await?;
    let refused = deny("device.oaid", "toggle-off", "zero-uuid");
    let allowed = allow("device.oaid", "consented");
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, refused);
    person.set("ad-services", "", "on").await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, allowed);
    person.set("ad-services", GAME, "off").await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, refused);
    person.set("ad-services", GAME, "on").await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, allowed);
    // Off for all apps is off, whatever an app's own state.
    person.set("ad-services", "", "off").await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, refused);
    Ok(())
}

/// R5, R19.
async fn approximate_without_precise_is_a_choice(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person
        .set_all(&[("location.app", WEATHER, "on"), ("location.precise", WEATHER, "off")])
        .await?;
    let answers =
        weather.check("location.services", &["location.precise", "location.approximate"]).await?;
    assert_eq!(
        answers,
        [
            deny("location.precise", "toggle-off", "approximate"),
            allow("location.approximate", "contract")
        ]
    );
    Ok(())
}

/// R19.
async fn one_switch_stops_location_for_every_app_and_gives_back_what_was_chosen(
    world: &mut World,
) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let mut maps = world.app("maps").await?;
    let person = world.person().await?;
    person.set("location.app", WEATHER, "on").await?;
    person.set("location", "", "off").await?;
    for app in [&mut weather, &mut maps] {
        assert_eq!(
            one(app, "location.services", "location.approximate").await?,
            deny("location.approximate", "toggle-off", "none")
        );
        // A phone must know its language.
        assert_eq!(
            one(app, "location.services", "location.language").await?,
            allow("location.language", "contract")
        );
    }
    person.set("location", "", "on").await?;
    assert_eq!(
        one(&mut weather, "location.services", "location.approximate").await?,
        allow("location.approximate", "contract")
    );
    assert_eq!(
        one(&mut maps, "location.services", "location.approximate").await?,
        ask("location.approximate", "not-set", "none")
    );
    Ok(())
}

/// R20, R21.
async fn find_device_and_photos_need_the_global_switch_and_their_own(
    world: &mut World,
) -> Result<()> {
    let mut find_device = world.app("find-device").await?;
    let mut camera = world.app("camera").await?;
    let person = world.person().await?;
    let place = "location.precise";
    assert_eq!(
        one(&mut find_device, "find-device", place).await?,
        deny(place, "toggle-off", "none")
    );
    assert_eq!(one(&mut camera, "photos.location", place).await?, ask(place, "not-set", "none"));
    person.set("find-device", "", "on").await?;
    person.set("photos.location", CAMERA, "on").await?;
    assert_eq!(one(&mut find_device, "find-device", place).await?, allow(place, "contract"));
    assert_eq!(one(&mut camera, "photos.location", place).await?, allow(place, "consented"));
    person.set("location", "", "off").await?;
    for (app, purpose) in [(&mut find_device, "find-device"), (&mut camera, "photos.location")] {
        assert_eq!(one(app, purpose, place).await?, deny(place, "toggle-off", "none"));
    }
    Ok(())
}

/// R24.
async fn turning_off_an_app_s_access_leaves_important_notices(world: &mut World) -> Result<()> {
    let mut push = world.app("push").await?;
    let person = world.person().await?;
    let token = "push.fcm_token";
    assert_eq!(one(&mut push, "push.service", token).await?, allow(token, "contract"));
    person.set("app-access", "org.example.push", "off").await?;
    assert_eq!(one(&mut push, "push.service", token).await?.reason, "toggle-off");
    assert_eq!(one(&mut push, "notices.important", token).await?, allow(token, "contract"));
    Ok(())
}

/// R23, R53.
async fn each_type_of_marketing_has_a_switch_under_the_common_one(world: &mut World) -> Result<()> {
    let mut store = world.app("store").await?;
    let person = world.person().await?;
    let states = [("marketing", "", "on"), ("marketing.email", "", "on")];
    person.set_all(&states).await?;
    let (email, phone) = ("given.email", "given.phone");
    assert_eq!(one(&mut store, "marketing.email", email).await?, allow(email, "consented"));
    assert_eq!(one(&mut store, "marketing.other", phone).await?.reason, "toggle-off");
    person.set("marketing", "", "off").await?;
    assert_eq!(one(&mut store, "marketing.email", email).await?.reason, "toggle-off");
    assert_eq!(one(&mut store, "orders", email).await?, allow(email, "contract"));
    Ok(())
}

/// R38.
async fn a_minor_gets_no_personalised_ads_whatever_is_on(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    let minor = Options::from([("age_band", Variant::from("minor"))]);
    person.settings.set_profile(minor, Options::new()).await?;
    assert_eq!(
        one(&mut game, "ads.personalised", "device.oaid").await?,
        deny("device.oaid", "minor", "zero-uuid")
    );
    Ok(())
}

async fn a_lock_holds_off_until_the_administrator_lets_go(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    person.settings.lock(&["ad-services"], Options::new()).await?;
    let locked = deny("device.oaid", "locked", "zero-uuid");
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, locked);
    let refused = person.set("ad-services", "", "on").await;
    assert!(matches!(refused, Err(Error::NotAuthorized(_))), "{refused:?}");
    person.settings.unlock(&["ad-services"], Options::new()).await?;
    let allowed = allow("device.oaid", "consented");
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?, allowed);
    Ok(())
}

/// R25, R26.
async fn what_is_always_on_or_an_action_cannot_be_set(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    for (toggle, app, state) in [
        ("cookies.essential", "", "off"),
        ("account", "", "on"),
        ("location", WEATHER, "off"),
        ("location.app", "", "off"),
        ("ad-services", "*", "on"),
        ("ad-services", "", "perhaps"),
    ] {
        let refused = person.set(toggle, app, state).await;
        assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{toggle}: {refused:?}");
    }
    Ok(())
}

async fn reset_makes_an_app_as_if_it_were_new(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let person = world.person().await?;
    person.set_all(&[("location.app", WEATHER, "on"), ("app-access", WEATHER, "off")]).await?;
    assert_eq!(person.settings.reset(WEATHER, Options::new()).await?, 2);
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    assert_eq!(
        one(&mut weather, "location.services", "location.approximate").await?,
        ask("location.approximate", "not-set", "none")
    );
    Ok(())
}

async fn watchers_hear_of_changes_and_others_do_not(world: &mut World) -> Result<()> {
    let watcher = world.person().await?;
    let bystander = world.person().await?;
    let mut heard = watcher.settings.receive_setting_changed().await?;
    let mut overheard = bystander.settings.receive_setting_changed().await?;
    watcher.settings.watch(Options::new()).await?;
    bystander.set("location.app", WEATHER, "on").await?;
    let signal = heard.next().await.map(|signal| signal.args().map(|args| format!("{args:?}")));
    let told = signal.transpose()?.unwrap_or_default();
    assert!(told.contains("location.app") && told.contains(WEATHER), "{told}");
    // Whatever was sent to the bystander has come before its next answer.
    bystander.settings.watch(Options::new()).await?;
    bystander.set("location.app", WEATHER, "off").await?;
    let first = overheard.next().await.map(|signal| signal.args().map(|args| args.state.clone()));
    let state = first.transpose()?.unwrap_or_default();
    assert_eq!(text(&state, "stored")?, "off", "the bystander heard of the first change");
    Ok(())
}

async fn consentctl_sets_what_apps_are_answered(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let ctl = world.ctl()?;
    ctl.done(&["set", "ad-services", "on"]).await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?.decision, "allow");
    ctl.done(&["set", "ad-services", "off", "--app", "Marble game"]).await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?.decision, "deny");
    ctl.done(&["reset", GAME]).await?;
    assert_eq!(one(&mut game, "ads.personalised", "device.oaid").await?.decision, "allow");
    let explained = ctl.run(&["explain", GAME, "ads.personalised", "device.oaid"]).await?;
    assert_eq!(explained.code, Some(0), "{explained:?}");
    let unknown = ctl.run(&["set", "ad-servces", "off"]).await?;
    assert_eq!(unknown.code, Some(5), "{unknown:?}");
    assert!(unknown.err.contains("ad-services"), "no hint: {}", unknown.err);
    Ok(())
}
