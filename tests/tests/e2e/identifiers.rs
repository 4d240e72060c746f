//! OAID, VAID, AAID over the bus: given, refused, reset; whoever asks, and whatever (R58, R59).

use anyhow::{Result, bail, ensure};
use consentd_dbus::{Error, Identifiers1Proxy, Options};
use consentd_tests::app::App;
use consentd_tests::person::text;
use consentd_tests::words::{Order, Question, Reply};
use consentd_tests::world::World;
use serde_json::Value;

use crate::ids::GAME;
use crate::scenario::on_both_buses;

on_both_buses![
    r59_an_app_gets_one_while_it_may_and_zeros_else,
    r59_a_reset_reaches_the_next_call_and_a_restart_changes_nothing,
    r58_it_is_recorded_as_a_check_is_without_its_value,
    what_makes_no_sense_is_refused,
    only_the_person_resets_and_looks,
    the_shell_shows_and_resets_them,
];

const ZERO: &str = "00000000-0000-0000-0000-000000000000";
const ADS: &str = "ads.personalised";

/// The game declares all three, and a vendor.
async fn declare(world: &World) -> Result<()> {
    let path = world.stage.dirs().apps_dir.join("game.toml");
    let declared = std::fs::read_to_string(&path)?;
    let declared = declared
        .replacen("[\"device.oaid\",", "[\"device.oaid\", \"app.vaid\", \"app.aaid\",", 1)
        .replacen("[identity]", "vendor = \"example.org\"\n\n[identity]", 1);
    std::fs::write(&path, declared)?;
    world.person().await?.admin.reload(Options::new()).await?;
    Ok(())
}

async fn get(app: &mut App, kind: &str) -> Result<(String, bool, String)> {
    match app.tell(Order::Identifier(Question::new(ADS, &[kind]))).await? {
        Reply::Given { value, limited, reason, .. } => Ok((value, limited, reason)),
        other => bail!("{kind}: {other:?}"),
    }
}

fn refused(reason: &str) -> (String, bool, String) {
    (ZERO.to_owned(), true, reason.to_owned())
}

async fn r59_an_app_gets_one_while_it_may_and_zeros_else(world: &mut World) -> Result<()> {
    declare(world).await?;
    let person = world.person().await?;
    let mut game = world.app("game").await?;
    for kind in ["oaid", "vaid", "aaid"] {
        assert_eq!(get(&mut game, kind).await?, refused("toggle-off"), "{kind}");
    }
    person.set("ad-services", "", "on").await?;
    let mut seen = Vec::new();
    for kind in ["oaid", "vaid", "aaid"] {
        let (value, limited, reason) = get(&mut game, kind).await?;
        assert_eq!((limited, reason.as_str()), (false, "consented"), "{kind}");
        ensure!(value.len() == 36 && value != ZERO && !seen.contains(&value), "{kind}: {value}");
        seen.push(value);
    }
    person.set("ad-services", GAME, "off").await?;
    assert_eq!(get(&mut game, "aaid").await?, refused("toggle-off"));
    let mut weather = world.app("weather").await?;
    assert_eq!(get(&mut weather, "aaid").await?, refused("undeclared"));
    // This process is no app.
    let stranger = Identifiers1Proxy::new(&world.connect().await?).await?;
    let (value, limited, info) = stranger.get("oaid", ADS, Options::new()).await?;
    assert_eq!((value.as_str(), limited), (ZERO, true));
    assert_eq!(text(&info, "reason")?, "unidentified");
    Ok(())
}

async fn r59_a_reset_reaches_the_next_call_and_a_restart_changes_nothing(
    world: &mut World,
) -> Result<()> {
    declare(world).await?;
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    let mut game = world.app("game").await?;
    let first = get(&mut game, "aaid").await?;
    world.crash_and_restart()?;
    assert_eq!(get(&mut game, "aaid").await?, first, "given before kill -9");
    let identifiers = Identifiers1Proxy::new(&world.connect().await?).await?;
    identifiers.reset("aaid", Options::from([("app", GAME.into())])).await?;
    let second = get(&mut game, "aaid").await?;
    assert_ne!(second.0, first.0);
    world.crash_and_restart()?;
    assert_eq!(get(&mut game, "aaid").await?, second, "reset before kill -9");
    let person = world.person().await?;
    person.settings.forget(GAME, Options::new()).await?;
    let third = get(&mut game, "aaid").await?;
    ensure!(!third.1 && third != first && third != second, "{third:?}");
    Ok(())
}

async fn r58_it_is_recorded_as_a_check_is_without_its_value(world: &mut World) -> Result<()> {
    declare(world).await?;
    let person = world.person().await?;
    let mut game = world.app("game").await?;
    get(&mut game, "oaid").await?;
    person.set("ad-services", "", "on").await?;
    let question = Question::new(ADS, &["oaid"]).with("tag", "banner");
    let Reply::Given { value, .. } = game.tell(Order::Identifier(question)).await? else {
        bail!("no identifier")
    };
    let records = person.history("record", GAME).await?;
    let said: Vec<_> = records
        .iter()
        .map(|row| Ok([text(row, "data")?, text(row, "purpose")?, text(row, "reason")?]))
        .collect::<Result<_>>()?;
    let [consented, off] = ["consented", "toggle-off"];
    assert_eq!(
        said,
        [["device.oaid", ADS, consented], ["device.oaid", ADS, off]]
            .map(|row| row.map(str::to_owned))
    );
    assert_eq!(text(&records[0], "tag")?, "banner");
    ensure!(!format!("{records:?}").contains(&value), "a value in the record: {records:?}");
    ensure!(!world.daemon.log().contains(&value), "a value in the log");
    Ok(())
}

async fn what_makes_no_sense_is_refused(world: &mut World) -> Result<()> {
    declare(world).await?;
    let mut game = world.app("game").await?;
    let long = "a".repeat(129);
    for (kind, purpose, key, error) in [
        ("imei", ADS, None, "InvalidArgument"),
        ("", ADS, None, "InvalidArgument"),
        ("OAID", ADS, None, "InvalidArgument"),
        (&*long, ADS, None, "InvalidArgument"),
        ("oaid", &*long, None, "TooLarge"),
        ("oaid", ADS, Some(("colour", "red")), "InvalidArgument"),
        ("oaid", ADS, Some(("secure", "yes")), "InvalidArgument"),
        ("oaid", ADS, Some(("destination", "Mars")), "InvalidArgument"),
        ("oaid", ADS, Some(("tag", &*long)), "TooLarge"),
    ] {
        let question = Question::new(purpose, &[kind]);
        let question = key.into_iter().fold(question, |q, (key, value)| q.with(key, value));
        let reply = game.tell(Order::Identifier(question)).await?;
        let Reply::Refused { error: found, text } = &reply else {
            bail!("{kind} {key:?} {reply:?}")
        };
        assert_eq!(found, &format!("org.consentd.Error.{error}"), "{kind} {key:?} {text}");
        ensure!(text.len() < 200, "{text}");
    }
    // Another user is a system service's alone to ask for.
    let question = Question::new(ADS, &["oaid"]).with("user", 4242);
    let reply = game.tell(Order::Identifier(question)).await?;
    ensure!(
        matches!(&reply, Reply::Refused { error, .. } if error.ends_with("NotAuthorized")),
        "{reply:?}"
    );
    // A purpose that is none is denied, not an error.
    let question = Question::new("no.such.purpose", &["oaid"]);
    let reply = game.tell(Order::Identifier(question)).await?;
    ensure!(
        matches!(&reply, Reply::Given { limited: true, reason, .. } if reason == "unknown-purpose"),
        "{reply:?}"
    );

    let identifiers = Identifiers1Proxy::new(&world.connect().await?).await?;
    let app = |app: &'static str| Options::from([("app", app.into())]);
    let wrong = identifiers.reset("imei", Options::new()).await;
    ensure!(matches!(&wrong, Err(Error::InvalidArgument(_))), "{wrong:?}");
    let wrong = identifiers.reset("oaid", app(GAME)).await;
    ensure!(matches!(&wrong, Err(Error::InvalidArgument(_))), "{wrong:?}");
    let wrong = identifiers.reset("aaid", app("org.example.nobody")).await;
    ensure!(matches!(&wrong, Err(Error::UnknownApp(_))), "{wrong:?}");
    let wrong = identifiers.list(app("org.example.nobody")).await;
    ensure!(matches!(&wrong, Err(Error::UnknownApp(_))), "{wrong:?}");
    Ok(())
}

async fn only_the_person_resets_and_looks(world: &mut World) -> Result<()> {
    let mut game = world.app("game").await?;
    let list = Order::Call {
        interface: "org.consentd.Identifiers1".to_owned(),
        member: "List".to_owned(),
    };
    for order in [list, Order::ResetIdentifier] {
        let reply = game.tell(order).await?;
        ensure!(
            matches!(&reply, Reply::Refused { error, .. } if error.ends_with("NotAuthorized")),
            "{reply:?}"
        );
    }
    Ok(())
}

async fn the_shell_shows_and_resets_them(world: &mut World) -> Result<()> {
    declare(world).await?;
    let ctl = world.ctl()?;
    let text = ctl.done(&["identifiers"]).await?;
    ensure!(text.contains("never"), "{text}");
    ctl.done(&["set", "ad-services", "on"]).await?;
    let mut game = world.app("game").await?;
    let (before, ..) = get(&mut game, "aaid").await?;
    let text = ctl.done(&["identifiers", "--app", "Marble game"]).await?;
    ensure!(text.contains(&before), "{text}");
    let said = ctl.done(&["identifiers", "reset", "aaid", "--app", GAME]).await?;
    ensure!(said.contains("gets another AAID"), "{said}");
    let rows = ctl.json(&["identifiers", "--app", GAME]).await?;
    let (after, ..) = get(&mut game, "aaid").await?;
    let aaid = rows.as_array().into_iter().flatten().find(|row| row["kind"] == "aaid");
    assert_eq!(aaid.map(|row| &row["value"]), Some(&Value::from(after.clone())));
    assert_ne!(before, after);
    let text = ctl.done(&["identifiers"]).await?;
    ensure!(text.contains(GAME), "{text}");
    let history = ctl.done(&["history"]).await?;
    ensure!(history.contains("AAID reset for Marble game"), "{history}");
    for (arguments, code) in [
        (&["identifiers", "reset", "imei"][..], 2),
        (&["identifiers", "reset", "oaid", "--app", GAME], 5),
        (&["identifiers", "reset", "aaid", "--app", "org.example.gam"], 5),
        (&["identifiers", "--app", "org.example.gam"], 5),
    ] {
        let printed = ctl.run(arguments).await?;
        assert_eq!(printed.code, Some(code), "{arguments:?} {printed:?}");
    }
    Ok(())
}
