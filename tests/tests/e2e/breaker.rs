//! An app that takes its gate by itself and breaks it: usage full of noise and lies, a line that floods,
//! gates by the thousand. The daemon lives, others notice nothing, and nothing is an allowance that the
//! settings did not give.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use consentd_dbus::Options;
use consentd_tests::breaker::{Deed, Opened};
use consentd_tests::client::Client;
use consentd_tests::person::{Person, count, text};
use consentd_tests::prerequisite::{self, Missing};
use consentd_tests::process::PATIENCE;
use consentd_tests::world::World;
use rustix::process::{Resource, getrlimit};

use crate::client::{SYSTEMS, an_ad_app, recorded};
use crate::hostile::open_files;
use crate::ids::{GAME, SECURITY};
use crate::scenario::on_both_buses;

on_both_buses![
    noise_in_the_usage_is_believed_by_nobody,
    what_is_told_is_marked_and_is_what_the_settings_say,
    what_was_given_keeps_its_shape,
    a_flooded_line_is_hung_up,
    an_app_has_sixteen_gates_and_is_told_so,
    a_thousand_gates_one_after_the_other_leave_nothing,
    a_users_apps_have_a_thousand_gates_and_others_are_served,
];

/// What others have, before and after: an app that counted so often and goes on as ever.
async fn counted(security: &mut Client, times: u64) -> Result<()> {
    for _ in 0..times {
        assert_eq!(
            security.check(SYSTEMS.0, SYSTEMS.1).await?,
            "allow because legitimate-interest"
        );
    }
    Ok(())
}

/// (purpose, data, reason, source) of an app's records, and how often.
async fn told(person: &Person, app: &str) -> Result<BTreeMap<[String; 4], u64>> {
    let mut told = BTreeMap::new();
    for row in person.history("record", app).await? {
        let words = ["purpose", "data", "reason", "source"].map(|key| text(&row, key));
        let [purpose, data, reason, source] = words;
        *told.entry([purpose?, data?, reason?, source?]).or_default() += count(&row, "count")?;
    }
    Ok(told)
}

pub(crate) async fn one_gate(breaker: &mut Client) -> Result<()> {
    let opened: Opened = breaker.tell(Deed::Open(1)).await?;
    ensure!(opened.error.is_none(), "{opened:?}");
    Ok(())
}

pub(crate) async fn done(breaker: &mut Client, deed: Deed) -> Result<()> {
    let _done: String = breaker.tell(deed).await?;
    Ok(())
}

async fn noise_in_the_usage_is_believed_by_nobody(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut security = Client::start(world, "security").await?;
    counted(&mut security, 10).await?;
    let mut breaker = Client::breaker(world, "game").await?;
    for seed in 1..=8 {
        one_gate(&mut breaker).await?;
        done(&mut breaker, Deed::Noise(seed)).await?;
        assert_eq!(told(&person, GAME).await?, BTreeMap::new(), "seed {seed}");
        // Closed for good, noise or not.
        done(&mut breaker, Deed::Noise(seed + 100)).await?;
        assert_eq!(told(&person, GAME).await?, BTreeMap::new(), "seed {seed}");
    }
    counted(&mut security, 10).await?;
    assert_eq!(recorded(world, SECURITY).await?, 20);
    // The app is not shut out: what it does right with another gate is right.
    breaker.process.kill()?;
    let mut game = Client::start(world, "game").await?;
    let said = game.check("ads.personalised", "device.oaid").await?;
    assert_eq!(said, "deny because toggle-off, use zero-uuid instead");
    let line = ["ads.personalised", "device.oaid", "toggle-off", "client"].map(str::to_owned);
    assert_eq!(told(&person, GAME).await?, BTreeMap::from([(line, 1)]));
    Ok(())
}

async fn what_is_told_is_marked_and_is_what_the_settings_say(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let mut breaker = Client::breaker(world, "game").await?;
    one_gate(&mut breaker).await?;
    done(&mut breaker, Deed::Lie(7)).await?;
    let before = told(&person, GAME).await?;
    ensure!(before.len() > 5, "{before:?}");
    for ([purpose, data, reason, source], times) in &before {
        assert_eq!((source.as_str(), *times), ("client", 7), "{purpose} {data}");
        let (said, _) = person.settings.explain(GAME, purpose, &[data], Options::new()).await?;
        assert_eq!(&said[0].2, reason, "{purpose} {data}");
    }
    // Taking it back is no counting, and neither is what comes after.
    done(&mut breaker, Deed::Hole).await?;
    assert_eq!(told(&person, GAME).await?, before);
    done(&mut breaker, Deed::Lie(3)).await?;
    assert_eq!(told(&person, GAME).await?, before);
    Ok(())
}

async fn what_was_given_keeps_its_shape(world: &mut World) -> Result<()> {
    let mut breaker = Client::breaker(world, "game").await?;
    one_gate(&mut breaker).await?;
    assert_eq!(breaker.tell::<Vec<String>>(Deed::Reshape).await?, [""; 0]);
    done(&mut breaker, Deed::Lie(1)).await?;
    ensure!(!told(&world.person().await?, GAME).await?.is_empty(), "the gate is as good as ever");
    Ok(())
}

async fn a_flooded_line_is_hung_up(world: &mut World) -> Result<()> {
    let mut security = Client::start(world, "security").await?;
    let mut breaker = Client::breaker(world, "game").await?;
    let before = open_files(world)?;
    for _ in 0..20 {
        one_gate(&mut breaker).await?;
        done(&mut breaker, Deed::Flood).await?;
        counted(&mut security, 1).await?;
    }
    // They are closed, though the app still holds its ends.
    let opened: Opened = breaker.tell(Deed::Open(16)).await?;
    assert_eq!((opened.held, opened.refused), (36, 0), "{opened:?}");
    done(&mut breaker, Deed::LetGo).await?;
    has_files(world, before).await?;
    assert_eq!(recorded(world, SECURITY).await?, 20);
    Ok(())
}

/// Waits until the daemon has as many descriptors open as before, but for what its databases take as they
/// are used.
pub(crate) async fn has_files(world: &World, before: usize) -> Result<()> {
    let person = world.person().await?;
    let most = before + 8;
    let waits = async {
        while open_files(world)? > most {
            person.admin.status(Options::new()).await?;
        }
        anyhow::Ok(())
    };
    let waited = tokio::time::timeout(PATIENCE, waits).await;
    waited.with_context(|| format!("{:?} files are open, {most} were", open_files(world)))?
}

async fn an_app_has_sixteen_gates_and_is_told_so(world: &mut World) -> Result<()> {
    let mut security = Client::start(world, "security").await?;
    let mut breaker = Client::breaker(world, "game").await?;
    let before = open_files(world)?;
    let opened: Opened = breaker.tell(Deed::Open(1000)).await?;
    assert_eq!((opened.held, opened.refused), (16, 984));
    let (name, said) = opened.error.context("no error")?;
    assert_eq!(name, "org.consentd.Error.TooManyRequests");
    ensure!(said.contains("16 open gates") && said.contains("close one"), "{said}");
    ensure!(open_files(world)? <= before + 3 * 16 + 8, "what is refused takes no descriptor");
    counted(&mut security, 1).await?;
    let mut weather = Client::start(world, "weather").await?;
    let said = weather.check("location.services", "location.language").await?;
    assert_eq!(said, "allow because contract");
    // One goes, one may come.
    done(&mut breaker, Deed::LetGo).await?;
    weather.process.kill()?;
    has_files(world, before).await?;
    let opened: Opened = breaker.tell(Deed::Open(17)).await?;
    assert_eq!((opened.held, opened.refused), (16, 1));
    breaker.process.kill()?;
    has_files(world, before).await
}

async fn a_thousand_gates_one_after_the_other_leave_nothing(world: &mut World) -> Result<()> {
    let mut security = Client::start(world, "security").await?;
    let mut breaker = Client::breaker(world, "game").await?;
    let before = open_files(world)?;
    let refused: usize = breaker.tell(Deed::Come(1000)).await?;
    ensure!(refused < 1000, "none of a thousand was opened");
    counted(&mut security, 1).await?;
    has_files(world, before).await
}

async fn a_users_apps_have_a_thousand_gates_and_others_are_served(world: &mut World) -> Result<()> {
    const APPS: usize = 1024 / 16;
    let limit = getrlimit(Resource::Nofile).maximum;
    let missing = limit
        .is_some_and(|limit| limit < 4096)
        .then(|| Missing::Power(format!("a thousand gates need 4096 open files, not {limit:?}")));
    if prerequisite::skip(missing) {
        return Ok(());
    }
    for number in 0..APPS {
        let name = format!("app-{number}");
        world.stage.declare(&format!("{name}.toml"), &an_ad_app(&name))?;
    }
    world.ctl()?.done(&["reload"]).await?;
    let person = world.person().await?;
    let mut security = Client::start(world, "security").await?;
    counted(&mut security, 1).await?;
    let before = open_files(world)?;
    let mut breakers = Vec::new();
    let mut held = 0;
    for number in 0..APPS {
        let mut breaker = Client::breaker(world, &format!("app-{number}")).await?;
        let opened: Opened = breaker.tell(Deed::Open(16)).await?;
        held += opened.held;
        breakers.push((breaker, opened));
    }
    // One of the thousand and twenty-four is the security app's.
    assert_eq!(held, 1023);
    let (name, said) =
        breakers.last().and_then(|(_, opened)| opened.error.clone()).context("none")?;
    assert_eq!(name, "org.consentd.Error.TooManyRequests");
    ensure!(said.contains("1024 open gates") && said.contains("close some"), "{said}");
    // Who has a gate keeps it, and who gets none is answered over the bus.
    counted(&mut security, 1).await?;
    let mut game = Client::start(world, "game").await?;
    for (state, said) in [("on", "allow because consented"), ("off", "deny because toggle-off")] {
        person.set("ad-services", "", state).await?;
        let answer = game.check("ads.personalised", "device.oaid").await?;
        ensure!(answer.starts_with(said), "{state}: {answer}");
    }
    game.process.kill()?;
    drop(breakers);
    has_files(world, before).await?;
    counted(&mut security, 1).await?;
    assert_eq!(recorded(world, SECURITY).await?, 3);
    Ok(())
}
