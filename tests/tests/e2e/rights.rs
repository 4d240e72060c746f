//! Rights over the bus: cases opened, looked at, withdrawn; what an objection does to checks, and who may
//! (R44–R52, R57).

use anyhow::{Context, Result, bail, ensure};
use consentd_dbus::{Details, Error, Options, Rights1Proxy};
use consentd_tests::person::text;
use consentd_tests::words::{Order, Reply};
use consentd_tests::world::World;
use zbus::Variant;

use crate::ids::GAME;
use crate::scenario::on_both_buses;

on_both_buses![
    r47_an_objection_stops_the_next_check_and_a_withdrawal_ends_it,
    r48_a_restriction_outlives_the_daemon,
    r44_a_case_is_shown_with_everybody_who_holds_the_data,
    apps_exercise_nobodys_rights,
    what_makes_no_case_is_refused,
    the_shell_opens_shows_and_withdraws,
];

const ADS: &str = "ads.personalised";
const OAID: &str = "device.oaid";

async fn rights(world: &World) -> Result<Rights1Proxy<'static>> {
    Ok(Rights1Proxy::new(&world.connect().await?).await?)
}

async fn holders(case: &Details) -> Result<Vec<String>> {
    let rows: Vec<Details> = case.get("holders").context("no holders")?.try_clone()?.try_into()?;
    rows.iter().map(|row| text(row, "app")).collect()
}

async fn r47_an_objection_stops_the_next_check_and_a_withdrawal_ends_it(
    world: &mut World,
) -> Result<()> {
    let (person, rights) = (world.person().await?, rights(world).await?);
    let mut game = world.app("game").await?;
    person.set("ad-services", "", "on").await?;
    let reason = async |game: &mut consentd_tests::app::App| -> Result<String> {
        Ok(game.check(ADS, &[OAID]).await?.remove(0).reason)
    };
    assert_eq!(reason(&mut game).await?, "consented");
    let case = rights.open("objection", GAME, Options::new()).await?;
    assert_eq!(reason(&mut game).await?, "objected");
    rights.withdraw(&case, Options::new()).await?;
    assert_eq!(reason(&mut game).await?, "consented");
    assert_eq!(text(&rights.get(&case, Options::new()).await?, "state")?, "withdrawn");
    Ok(())
}

async fn r48_a_restriction_outlives_the_daemon(world: &mut World) -> Result<()> {
    let rights_before = rights(world).await?;
    let mut game = world.app("game").await?;
    world.person().await?.set("ad-services", "", "on").await?;
    let about = Options::from([("data", Variant::from(OAID))]);
    let case = rights_before.open("restriction", "", about).await?;
    world.crash_and_restart()?;
    let [answer] = game.check(ADS, &[OAID]).await?.try_into().ok().context("one answer")?;
    assert_eq!((&*answer.decision, &*answer.reason), ("deny", "restricted"));
    let shown = rights(world).await?.get(&case, Options::new()).await?;
    let said = [text(&shown, "right")?, text(&shown, "data")?, text(&shown, "state")?];
    assert_eq!(said, ["restriction", OAID, "open"]);
    Ok(())
}

async fn r44_a_case_is_shown_with_everybody_who_holds_the_data(world: &mut World) -> Result<()> {
    let rights = rights(world).await?;
    let all = rights.open("access", "", Options::new()).await?;
    let one = rights.open("access", GAME, Options::new()).await?;
    let cases = rights.list(Options::new()).await?;
    let numbers: Vec<String> =
        cases.iter().map(|case| text(case, "case")).collect::<Result<_>>()?;
    assert_eq!(numbers, [one.clone(), all.clone()], "newest first");
    assert_eq!(holders(&rights.get(&one, Options::new()).await?).await?, [GAME]);
    let everybody = holders(&rights.get(&all, Options::new()).await?).await?;
    let apps = world.person().await?.settings.list_apps(Options::new()).await?;
    let declared: Vec<String> = apps.iter().map(|app| text(app, "app")).collect::<Result<_>>()?;
    ensure!(everybody.len() > 1, "{everybody:?}");
    ensure!(everybody.iter().all(|app| declared.contains(app)), "{everybody:?} {declared:?}");
    Ok(())
}

async fn apps_exercise_nobodys_rights(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    for member in ["List"] {
        let (interface, member) = ("org.consentd.Rights1".to_owned(), member.to_owned());
        let reply = game.tell(Order::Call { interface, member }).await?;
        let refused = matches!(&reply, Reply::Refused { error, .. }
            if error.ends_with("NotAuthorized"));
        ensure!(refused, "{reply:?}");
    }
    Ok(())
}

async fn what_makes_no_case_is_refused(world: &mut World) -> Result<()> {
    let rights = rights(world).await?;
    let with = |key: &'static str, value: &'static str| Options::from([(key, value.into())]);
    for (right, app, details) in [
        ("forgiveness", "", Options::new()),
        ("", "", Options::new()),
        ("rectification", "", Options::new()),
        ("access", "", with("purpose", "nothing")),
        ("access", "", with("data", "nothing")),
        ("access", "", with("colour", "red")),
    ] {
        match rights.open(right, app, details).await {
            Err(Error::InvalidArgument(text)) => ensure!(text.len() < 200, "{text}"),
            other => bail!("{right} {app}: {other:?}"),
        }
    }
    let wrong = rights.open("access", "org.nobody", Options::new()).await;
    ensure!(matches!(&wrong, Err(Error::UnknownApp(_))), "{wrong:?}");
    for case in ["1", "-1", "", "one"] {
        let wrong = rights.get(case, Options::new()).await;
        ensure!(matches!(&wrong, Err(Error::UnknownCase(_))), "{wrong:?}");
        let wrong = rights.withdraw(case, Options::new()).await;
        ensure!(matches!(&wrong, Err(Error::UnknownCase(_))), "{wrong:?}");
    }
    assert_eq!(rights.list(Options::new()).await?.len(), 0);
    Ok(())
}

async fn the_shell_opens_shows_and_withdraws(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let none = ctl.done(&["rights"]).await?;
    ensure!(none.contains("No case"), "{none}");
    let opened = ctl.done(&["rights", "open", "objection", "--app", "Marble game"]).await?;
    for word in ["Case 1: objection", "Answer due", "Complain to", "waiting", "withdraw 1"] {
        ensure!(opened.contains(word), "no {word}: {opened}");
    }
    let listed = ctl.done(&["rights", "list"]).await?;
    ensure!(listed.contains("Marble game") && listed.contains("open"), "{listed}");
    let withdrawn = ctl.done(&["rights", "withdraw", "1"]).await?;
    ensure!(withdrawn.contains("withdrawn"), "{withdrawn}");
    let history = ctl.done(&["history"]).await?;
    ensure!(history.contains("case 1"), "{history}");
    Ok(())
}
