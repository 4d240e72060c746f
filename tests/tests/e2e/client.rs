//! Checks in process, through the client library, against a real daemon: the page answers as the bus does,
//! a change is seen at once, and whoever ends or restarts, no allowance is given that nobody gave and no
//! count is lost.

use anyhow::{Context, Result, ensure};
use consentd_dbus::Options;
use consentd_tests::client::{Client, Compared, Order, Run, Tallied, Tally, executable};
use consentd_tests::person::{Person, count};
use consentd_tests::world::World;
use rustix::process::Signal;
use zbus::Variant;

use crate::ids::{GAME, SECURITY};
use crate::scenario::on_both_buses;

on_both_buses![
    a_page_answers_as_the_bus_does,
    no_check_after_an_off_is_allowed_by_one_client,
    no_check_after_an_off_is_allowed_by_ten_clients,
    no_check_after_an_off_is_allowed_by_a_hundred_clients,
    no_check_of_several_says_what_never_held_together,
    a_dead_daemon_denies_and_the_next_one_answers,
    every_count_is_recorded_once_though_the_daemon_is_killed,
    every_count_is_recorded_once_though_the_daemon_stops,
    a_killed_client_loses_no_count,
    a_stopped_daemon_denies_nothing_that_stands,
    a_child_opens_a_gate_of_its_own,
    more_gates_than_there_may_be_answer_over_the_bus,
    a_reload_gives_another_page,
    a_client_hears_of_changes_and_knows_itself,
    a_context_goes_over_the_bus,
    a_request_without_an_agent_is_refused,
];

const ADS: &str = "ads.personalised";
const OAID: &str = "device.oaid";
/// Allowed by nobody's switch.
pub(crate) const SYSTEMS: (&str, &str) = ("security.systems", "logs.crash");

async fn a_page_answers_as_the_bus_does(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let (mut alike, mut called) = (0, 0);
    for app in ["game", "security", "weather", "camera", "experience", "maps"] {
        let mut client = Client::start(world, app).await?;
        let id = format!("org.example.{app}");
        for round in 0..6 {
            let own = [&*id, "", "*"][round % 3];
            for (at, toggle) in ["ad-services", "location.precise", "user-experience", "location"]
                .iter()
                .enumerate()
            {
                let state = ["on", "off", "ask", "unset"][(round * 3 + at) % 4];
                // Not every toggle takes every state of every app; whatever is stored is compared.
                let _refused = person.set(toggle, own, state).await;
            }
            for (purpose, data) in declared(&person, &id).await? {
                let mut lists: Vec<Vec<String>> =
                    data.iter().map(|item| vec![item.clone()]).collect();
                lists.push(data);
                let compared: Vec<Compared> =
                    client.tell(Order::Compare(purpose.clone(), lists)).await?;
                for (page, bus) in compared {
                    let Some(page) = page else {
                        called += 1;
                        continue;
                    };
                    assert_eq!(page, bus, "{id}, {purpose}, round {round}");
                    alike += 1;
                }
            }
        }
    }
    ensure!(alike > 300 && called < alike / 10, "{alike} from pages, {called} called");
    Ok(())
}

/// The purposes of an app and the data items of each.
async fn declared(person: &Person, app: &str) -> Result<Vec<(String, Vec<String>)>> {
    let row = person.settings.get_app(app, Options::new()).await?;
    let collects: Vec<consentd_dbus::Details> =
        Vec::try_from(row.get("collects").context("collects nothing")?.try_clone()?)?;
    let mut purposes: Vec<(String, Vec<String>)> = Vec::new();
    for pair in &collects {
        let text = |key| consentd_tests::person::text(pair, key);
        let (purpose, data) = (text("purpose")?, text("data")?);
        match purposes.iter_mut().find(|(known, _)| *known == purpose) {
            Some((_, items)) => items.push(data),
            None => purposes.push((purpose, vec![data])),
        }
    }
    Ok(purposes)
}

async fn no_check_after_an_off_is_allowed_by_one_client(world: &mut World) -> Result<()> {
    revoked(world, 1, 500).await
}

async fn no_check_after_an_off_is_allowed_by_ten_clients(world: &mut World) -> Result<()> {
    revoked(world, 10, 100).await
}

async fn no_check_after_an_off_is_allowed_by_a_hundred_clients(world: &mut World) -> Result<()> {
    revoked(world, 100, 20).await
}

/// So many clients check at full speed while a switch goes on and off so many times.
async fn revoked(world: &mut World, clients: usize, times: usize) -> Result<()> {
    flipped(world, clients, times, "check", &[OAID]).await
}

/// `check_all` of items under one switch, which allows all of them or none at every moment.
async fn no_check_of_several_says_what_never_held_together(world: &mut World) -> Result<()> {
    let items = [OAID, "device.gaid", "ads.assigned_id", "ads.segments"];
    flipped(world, 2, 200, "all", &items).await
}

async fn flipped(
    world: &mut World,
    clients: usize,
    times: usize,
    how: &str,
    data: &[&str],
) -> Result<()> {
    let person = world.person().await?;
    let path = world.stage.root().join("tally");
    let tally = Tally::open(&path)?;
    let mut running = Vec::new();
    for client in 0..clients {
        // An app has 16 gates at most; the others ask over the bus, which would be another test.
        let app = format!("app-{}", client / 16);
        if client % 16 == 0 {
            world.stage.declare(&format!("{app}.toml"), &an_ad_app(&app))?;
            world.ctl()?.done(&["reload"]).await?;
        }
        let run = Run { tally: &path, client, threads: 1, how, purpose: ADS, data };
        running.push(Client::run(world, &app, &run).await?);
    }
    tally.begin();
    for _ in 0..times * more("CONSENTD_GATE_FLIPS", 1) {
        person.set("ad-services", "", "on").await?;
        person.set("ad-services", "", "off").await?;
        tally.period().fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        tokio::task::yield_now().await;
        tally.period().fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
    for client in 0..clients {
        tally.until(client, Tallied::Refused, 1).await?;
    }
    person.set("ad-services", "", "on").await?;
    for client in 0..clients {
        tally.until(client, Tallied::Allowed, 1).await?;
    }
    drop(running);
    assert_eq!(tally.sum(Tallied::Wrong), 0);
    assert_eq!(tally.sum(Tallied::Unavailable), 0);
    Ok(())
}

/// The game's declaration under another name.
pub(crate) fn an_ad_app(name: &str) -> String {
    format!(
        r#"[app]
id = "org.example.{name}"
name = "{name}"

[identity]
executable = "/usr/lib/consentd/samples/{name}"

[[collects]]
purpose = "ads.personalised"
data = ["device.oaid", "device.gaid", "ads.assigned_id", "ads.segments"]
basis = "consent"
destinations = [{{ country = "NL", tls = true }}]
retention = "90 days"
notice = "2025-10-10"
"#
    )
}

async fn a_dead_daemon_denies_and_the_next_one_answers(world: &mut World) -> Result<()> {
    let mut client = Client::start(world, "security").await?;
    for _ in 0..3 {
        assert_eq!(client.check(SYSTEMS.0, SYSTEMS.1).await?, "allow because legitimate-interest");
        world.daemon.kill()?;
        for _ in 0..3 {
            assert_eq!(
                client.check(SYSTEMS.0, SYSTEMS.1).await?,
                "deny because daemon-unavailable"
            );
        }
        world.start_again()?;
        // A change, as far as an app can tell: it hears of it once it is answered again.
        let _generation: u64 = client.tell(Order::Changed).await?;
    }
    assert_eq!(client.check(SYSTEMS.0, SYSTEMS.1).await?, "allow because legitimate-interest");
    Ok(())
}

async fn every_count_is_recorded_once_though_the_daemon_is_killed(world: &mut World) -> Result<()> {
    interrupted(world, |world| world.daemon.kill()).await
}

async fn every_count_is_recorded_once_though_the_daemon_stops(world: &mut World) -> Result<()> {
    interrupted(world, World::stop).await
}

/// How often in `make test`; `make torture` says more.
fn more(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|times| times.parse().ok()).unwrap_or(usual)
}

async fn interrupted(world: &mut World, end: impl Fn(&mut World) -> Result<()>) -> Result<()> {
    let path = world.stage.root().join("tally");
    let tally = Tally::open(&path)?;
    let (purpose, data) = (SYSTEMS.0, &[SYSTEMS.1][..]);
    let run = Run { tally: &path, client: 0, threads: 3, how: "try", purpose, data };
    let mut client = Client::run(world, "security", &run).await?;
    tally.begin();
    for _ in 0..more("CONSENTD_GATE_KILLS", 10) {
        tally.until(0, Tallied::Allowed, 5000).await?;
        end(world)?;
        tally.until(0, Tallied::Unavailable, 1).await?;
        world.start_again()?;
    }
    tally.until(0, Tallied::Allowed, 5000).await?;
    tally.rest();
    tally.rested(0, 3).await?;
    let recorded = recorded(world, SECURITY).await?;
    assert_eq!(recorded, tally.sum(Tallied::Allowed));
    client.process.kill()
}

pub(crate) async fn recorded(world: &World, app: &str) -> Result<u64> {
    let person = world.person().await?;
    let filter = Options::from([("app", Variant::from(app)), ("decision", Variant::from("allow"))]);
    let rows = person.settings.counts(filter, &["app"], Options::new()).await?;
    rows.iter().map(|row| count(row, "count")).sum()
}

async fn a_killed_client_loses_no_count(world: &mut World) -> Result<()> {
    let path = world.stage.root().join("tally");
    let tally = Tally::open(&path)?;
    let (purpose, data, threads) = (SYSTEMS.0, &[SYSTEMS.1][..], 2);
    let kills = more("CONSENTD_GATE_KILLS", 10);
    tally.begin();
    for _ in 0..kills {
        let run = Run { tally: &path, client: 0, threads, how: "try", purpose, data };
        let mut client = Client::run(world, "security", &run).await?;
        tally.until(0, Tallied::Allowed, 3000).await?;
        client.process.kill()?;
    }
    let tallied = tally.sum(Tallied::Allowed);
    let recorded = recorded(world, SECURITY).await?;
    // Each thread had counted one check at most that it had not yet tallied.
    let most = tallied + u64::try_from(kills * threads)?;
    ensure!((tallied..=most).contains(&recorded), "{tallied} checks, {recorded} recorded");
    Ok(())
}

async fn a_stopped_daemon_denies_nothing_that_stands(world: &mut World) -> Result<()> {
    let mut client = Client::start(world, "security").await?;
    world.daemon.signal(Signal::STOP)?;
    for _ in 0..100 {
        assert_eq!(client.check(SYSTEMS.0, SYSTEMS.1).await?, "allow because legitimate-interest");
    }
    world.daemon.signal(Signal::CONT)
}

async fn a_child_opens_a_gate_of_its_own(world: &mut World) -> Result<()> {
    let mut client = Client::start(world, "security").await?;
    for _ in 0..3 {
        let order = Order::Fork(SYSTEMS.0.to_owned(), SYSTEMS.1.to_owned());
        let said: std::collections::BTreeMap<String, u16> = client.tell(order).await?;
        // legitimate-interest.
        assert_eq!((said["parent"], said["child"]), (4, 4));
    }
    Ok(())
}

async fn more_gates_than_there_may_be_answer_over_the_bus(world: &mut World) -> Result<()> {
    let mut client = Client::start(world, "security").await?;
    let order = Order::OpenMore(40, SYSTEMS.0.to_owned(), SYSTEMS.1.to_owned());
    assert_eq!(client.tell::<usize>(order).await?, 40);
    assert_eq!(client.check(SYSTEMS.0, SYSTEMS.1).await?, "allow because legitimate-interest");
    Ok(())
}

async fn a_reload_gives_another_page(world: &mut World) -> Result<()> {
    const MORE: &str = "logs.system";
    let mut client = Client::start(world, "security").await?;
    assert_eq!(client.check(SYSTEMS.0, MORE).await?, "deny because undeclared, use empty instead");
    let path = world.stage.dirs().apps_dir.join("security.toml");
    let text = std::fs::read_to_string(path)?;
    let more = text.replace("\"logs.crash\", ", "\"logs.crash\", \"logs.system\", ");
    world.stage.declare("security.toml", &more)?;
    executable(world, "security")?;
    world.ctl()?.done(&["reload"]).await?;
    assert_eq!(client.check(SYSTEMS.0, MORE).await?, "allow because legitimate-interest");
    // The library opens the next gate by itself; until then checks go over the bus.
    for _ in 0..1000 {
        let order = Order::Compare(SYSTEMS.0.to_owned(), vec![vec![MORE.to_owned()]]);
        let compared: Vec<Compared> = client.tell(order).await?;
        if let (Some(page), bus) = &compared[0] {
            assert_eq!(page, bus);
            return Ok(());
        }
    }
    anyhow::bail!("no page answers for what was declared")
}

async fn a_client_hears_of_changes_and_knows_itself(world: &mut World) -> Result<()> {
    let mut client = Client::start(world, "game").await?;
    let known: std::collections::BTreeMap<String, String> = client.tell(Order::WhoAmI).await?;
    assert_eq!(known["app"], GAME);
    let person = world.person().await?;
    let generation = person.set("ad-services", "", "on").await?;
    assert_eq!(client.tell::<u64>(Order::Changed).await?, generation);
    assert_eq!(client.check(ADS, OAID).await?, "allow because consented");
    let _closed: String = client.tell(Order::Close).await?;
    assert_eq!(client.check(ADS, OAID).await?, "deny because daemon-unavailable");
    Ok(())
}

async fn a_context_goes_over_the_bus(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    let mut client = Client::start(world, "game").await?;
    let with = |recipient: &str, data: &[&str]| {
        let data = data.iter().map(|&id| id.to_owned()).collect();
        Order::CheckWith(ADS.to_owned(), data, recipient.to_owned())
    };
    let said: Vec<String> = client.tell(with("sdk:adnet", &[OAID])).await?;
    assert_eq!(said, ["allow because consented"]);
    let said: Vec<String> = client.tell(with("sdk:other", &[OAID])).await?;
    assert_eq!(said, ["deny because recipient-not-declared, use zero-uuid instead"]);
    let said: Vec<String> = client.tell(with("sdk:adnet", &[OAID, OAID])).await?;
    ensure!(said.len() == 1 && !said[0].starts_with("deny"), "an error says what to do: {said:?}");
    Ok(())
}

async fn a_request_without_an_agent_is_refused(world: &mut World) -> Result<()> {
    let mut client = Client::start(world, "weather").await?;
    let data = vec!["location.precise".to_owned()];
    let said: Vec<String> =
        client.tell(Order::Request("location.services".to_owned(), data)).await?;
    ensure!(said.len() == 1 && said[0].starts_with("deny because no-agent"), "{said:?}");
    Ok(())
}
