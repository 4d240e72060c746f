//! Callers that are wrong, greedy, or gone: each gets its named error or denial, and nobody else
//! notices.

use anyhow::{Result, bail};
use consentd_dbus::{Error, Options};
use consentd_tests::app::App;
use consentd_tests::words::{Answer, Order, Question, Reply, allow, deny};
use consentd_tests::world::World;
use zbus::message::{Flags, Message};
use zbus::wire::DynamicType;
use zbus::{Connection, Variant};

use crate::ids::WEATHER;
use crate::scenario::on_both_buses;

on_both_buses![
    unknown_ids_are_denied_by_name,
    ids_of_ten_megabytes_are_too_large,
    a_hundred_thousand_items_or_changes_are_too_many,
    empty_and_doubled_lists_are_refused,
    a_context_is_taken_whole_or_refused,
    wrong_signatures_and_members_are_refused,
    callers_that_vanish_in_mid_call_leave_no_trace,
    a_caller_without_an_identity_is_denied_and_sees_nothing,
    a_flood_of_checks_is_answered_and_others_are_not_starved,
    a_flood_that_waits_for_no_answer_does_not_hold_an_off_up,
    many_connections_come_and_go,
    ids_that_would_break_a_log_line_break_nothing,
];

const TEN_MEGABYTES: usize = 10 << 20;

/// The name of the error that an order is refused with.
async fn refusal(app: &mut App, order: Order) -> Result<String> {
    match app.tell(order).await? {
        Reply::Refused { error, text } => {
            assert!(text.len() < 1000, "a short text, not {} bytes", text.len());
            Ok(error.trim_start_matches("org.consentd.Error.").to_owned())
        }
        other => {
            bail!("not refused: {}", format!("{other:?}").chars().take(300).collect::<String>())
        }
    }
}

/// The daemon answers somebody else as ever.
async fn others_are_answered(world: &World) -> Result<()> {
    let mut security = world.app("security").await?;
    let answers = security.check("security.systems", &["logs.crash"]).await?;
    assert_eq!(answers, [allow("logs.crash", "legitimate-interest")]);
    Ok(())
}

async fn unknown_ids_are_denied_by_name(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    for (purpose, data, reason) in [
        ("location.services", "no.such.item", "unknown-data"),
        ("no.such.purpose", "location.precise", "unknown-purpose"),
        ("no.such.purpose", "no.such.item", "unknown-purpose"),
        ("", "location.precise", "unknown-purpose"),
        ("location.services", "", "unknown-data"),
        ("LOCATION.SERVICES", "location.precise", "unknown-purpose"),
        ("location.services", "location.precise ", "unknown-data"),
        ("sale", "location.precise", "forbidden"),
    ] {
        let answers = weather.check(purpose, &[data]).await?;
        let Answer { decision, reason: said, .. } = &answers[0];
        assert_eq!((&**decision, &**said), ("deny", reason), "{purpose:?} {data:?}");
    }
    let person = world.person().await?;
    let unknown = person.set("no.such.toggle", "", "off").await;
    assert!(matches!(unknown, Err(Error::UnknownToggle(_))), "{unknown:?}");
    let unknown = person.set("location.app", "org.example.nobody", "off").await;
    assert!(matches!(unknown, Err(Error::UnknownApp(_))), "{unknown:?}");
    let unknown = person.settings.get_app("org.example.nobody", Options::new()).await;
    assert!(matches!(unknown, Err(Error::UnknownApp(_))), "{unknown:?}");
    let unknown = person.admin.list_catalog("poems", Options::new()).await;
    assert!(matches!(unknown, Err(Error::InvalidArgument(_))), "{unknown:?}");
    Ok(())
}

async fn ids_of_ten_megabytes_are_too_large(world: &mut World) -> Result<()> {
    let huge = "x".repeat(TEN_MEGABYTES);
    let mut weather = world.app("weather").await?;
    let language = Question::new("location.services", &["location.language"]);
    for question in [
        Question::new(&huge, &["location.language"]),
        Question::new("location.services", &[&huge]),
        language.clone().with("tag", huge.as_str()),
        language.clone().with("tag", "x".repeat(65)),
        Question::new(&"x".repeat(129), &["location.language"]),
    ] {
        assert_eq!(refusal(&mut weather, Order::Check(question)).await?, "TooLarge");
    }
    for key in ["recipient", "destination"] {
        let question = language.clone().with(key, huge.as_str());
        let error = refusal(&mut weather, Order::Check(question)).await?;
        assert!(["TooLarge", "InvalidArgument"].contains(&&*error), "{key}: {error}");
    }
    let person = world.person().await?;
    for (toggle, app) in [(&*huge, ""), ("location.app", &*huge), ("cookies.analytics", &*huge)] {
        let refused = person.set(toggle, app, "off").await;
        assert!(matches!(refused, Err(Error::TooLarge(_))), "{}", error_name(&refused));
    }
    let refused = person.set("location.app", WEATHER, &huge).await;
    assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{}", error_name(&refused));
    let refused = person.settings.reset(&huge, Options::new()).await;
    assert!(matches!(refused, Err(Error::TooLarge(_))), "{}", error_name(&refused));
    others_are_answered(world).await
}

fn error_name<T>(outcome: &consentd_dbus::Result<T>) -> String {
    match outcome {
        Ok(_) => "it went through".to_owned(),
        Err(error) => error.short_name(),
    }
}

async fn a_hundred_thousand_items_or_changes_are_too_many(world: &mut World) -> Result<()> {
    let ids: Vec<String> = (0..100_000).map(|number| format!("item.{number}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut weather = world.app("weather").await?;
    for many in [100_000, 257] {
        let order = Order::Check(Question::new("location.services", &ids[..many]));
        assert_eq!(refusal(&mut weather, order).await?, "TooLarge");
    }
    let most = weather.check("location.services", &ids[..256]).await?;
    assert_eq!(most.len(), 256);
    let person = world.person().await?;
    let apps: Vec<String> = (0..100_000).map(|number| format!("site:{number}.example")).collect();
    let changes: Vec<_> = apps.iter().map(|app| ("cookies.analytics", &**app, "off")).collect();
    for many in [100_000, 1025] {
        let refused = person.set_all(&changes[..many]).await;
        assert!(matches!(refused, Err(Error::TooLarge(_))), "{}", error_name(&refused));
    }
    person.set_all(&changes[..1024]).await?;
    others_are_answered(world).await
}

async fn empty_and_doubled_lists_are_refused(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    for data in [&[][..], &["location.language", "location.country", "location.language"]] {
        let order = Order::Check(Question::new("location.services", data));
        assert_eq!(refusal(&mut weather, order).await?, "InvalidArgument");
    }
    let person = world.person().await?;
    let refused = person.set_all(&[]).await;
    assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    let twice = [("location.app", WEATHER, "on"), ("location.app", WEATHER, "off")];
    let refused = person.set_all(&twice).await;
    assert!(matches!(refused, Err(Error::InvalidArgument(_))), "{refused:?}");
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    // All or nothing.
    let half = [("location.app", WEATHER, "on"), ("no.such.toggle", "", "off")];
    let refused = person.set_all(&half).await;
    assert!(matches!(refused, Err(Error::UnknownToggle(_))), "{refused:?}");
    assert_eq!(person.stored("location.app", WEATHER).await?, "unset");
    Ok(())
}

async fn a_context_is_taken_whole_or_refused(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let language = || Question::new("location.services", &["location.language"]);
    for question in [
        language().with("recipients", "provider"),
        language().with("", "provider"),
        language().with("recipient", 5),
        language().with("recipient", true),
        language().with("secure", "yes"),
        language().with("deadline", "soon"),
        language().with("destination", "Netherlands"),
        language().with("destination", "nl"),
    ] {
        let label = format!("{question:?}");
        let error = refusal(&mut weather, Order::Check(question)).await?;
        assert_eq!(error, "InvalidArgument", "{label}");
    }
    // Only an app with a system user of its own speaks for others.
    let for_another = language().with("user", 4242);
    assert_eq!(refusal(&mut weather, Order::Check(for_another)).await?, "NotAuthorized");
    Ok(())
}

/// Sends whatever it is given; the name of the error, or nothing.
async fn send<B>(bus: &Connection, interface: &str, member: &str, body: &B) -> Result<String>
where
    B: serde::Serialize + DynamicType,
{
    let call =
        bus.call_method(Some("org.consentd"), "/org/consentd", Some(interface), member, body);
    match call.await {
        Ok(_) => Ok(String::new()),
        Err(zbus::Error::MethodError(name, _, _)) => Ok(name.to_string()),
        Err(zbus::Error::FDO(error)) => Ok(zbus::DBusError::name(&*error).to_string()),
        Err(other) => bail!("the bus itself failed: {other}"),
    }
}

async fn wrong_signatures_and_members_are_refused(world: &mut World) -> Result<()> {
    let bus = world.connect().await?;
    let gate = "org.consentd.Gate1";
    let none = Options::new();
    let answered = [
        send(&bus, gate, "Check", &()).await?,
        send(&bus, gate, "Check", &("location.services",)).await?,
        send(&bus, gate, "Check", &(1_u32, vec!["location.language"], &none)).await?,
        send(&bus, gate, "Check", &("location.services", "location.language", &none)).await?,
        send(&bus, gate, "Check", &("location.services", vec![1_u64], &none)).await?,
        send(&bus, gate, "Check", &("location.services", vec!["x"], vec!["secure"])).await?,
        send(&bus, gate, "WhoAmI", &("me",)).await?,
        send(&bus, "org.consentd.Settings1", "Set", &(vec![("a", "b")], &none)).await?,
        send(&bus, "org.consentd.Settings1", "Set", &("ad-services", &none)).await?,
        send(&bus, "org.consentd.Admin1", "Reload", &(true,)).await?,
    ];
    for error in &answered {
        assert_eq!(error, "org.freedesktop.DBus.Error.InvalidArgs", "{answered:?}");
    }
    for (interface, member) in [
        (gate, "Cheque"),
        ("org.consentd.Settings1", "Check"),
        ("org.consentd.Gate2", "Check"),
        ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects"),
    ] {
        let error = send(&bus, interface, member, &(&none,)).await?;
        assert!(error.starts_with("org.freedesktop.DBus.Error.Unknown"), "{member}: {error:?}");
    }
    // A variant in a variant in a variant …, as deep as the wire can have it.
    let mut nested = Variant::from("deep");
    for _ in 0..30 {
        nested = Variant::Variant(Box::new(nested));
    }
    let options = Options::from([("tag", nested)]);
    let error = send(&bus, gate, "WhoAmI", &(options,)).await?;
    assert_eq!(error, "org.consentd.Error.InvalidArgument");
    others_are_answered(world).await
}

async fn callers_that_vanish_in_mid_call_leave_no_trace(world: &mut World) -> Result<()> {
    for _ in 0..20 {
        let mut weather = world.app("weather").await?;
        let question = Question::new("location.services", &["location.language"]);
        weather.send(Order::Vanish(question)).await?;
        weather.wait()?;
    }
    let mut halfway = world.app("weather").await?;
    let question = Question::new("location.services", &["location.language"]);
    halfway.send(Order::Burst { times: 200, question }).await?;
    halfway.kill()?;
    others_are_answered(world).await?;
    let status = world.person().await?.admin.status(Options::new()).await?;
    assert_eq!(status["watchers"], Variant::from(0_u32).try_into_owned()?);
    Ok(())
}

async fn a_caller_without_an_identity_is_denied_and_sees_nothing(world: &mut World) -> Result<()> {
    world.person().await?.set("ad-services", "", "on").await?;
    let mut nobody = world.app("undeclared-program").await?;
    let answers = nobody.check("ads.personalised", &["device.oaid", "no.such.item"]).await?;
    assert_eq!(
        answers,
        [
            deny("device.oaid", "unidentified", "zero-uuid"),
            deny("no.such.item", "unidentified", "none")
        ]
    );
    let caller = nobody.who_am_i().await?;
    assert_eq!(caller["identified"], "false");
    assert!(!caller["why"].is_empty());
    Ok(())
}

async fn a_flood_of_checks_is_answered_and_others_are_not_starved(world: &mut World) -> Result<()> {
    let mut greedy = world.app("weather").await?;
    // dbus-daemon lets one connection wait for 128 replies, as the system bus does.
    let question = Question::new("location.services", &["location.language"]);
    for _ in 0..20 {
        greedy.send(Order::Burst { times: 100, question: question.clone() }).await?;
    }
    others_are_answered(world).await?;
    for _ in 0..20 {
        let reply = greedy.reply().await?;
        assert_eq!(reply, Reply::Answered(vec![allow("location.language", "contract")]));
    }
    let records = world.person().await?.history("record", WEATHER).await?;
    let counts: Result<Vec<u64>> =
        records.iter().map(|record| consentd_tests::person::count(record, "count")).collect();
    assert_eq!(counts?.iter().sum::<u64>(), 2000);
    Ok(())
}

async fn a_flood_that_waits_for_no_answer_does_not_hold_an_off_up(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    person.set("ad-services", "", "on").await?;
    // The bus lets a caller have any number of calls under way that want no reply.
    let flood = world.connect().await?;
    let items: Vec<String> = (0..256).map(|number| format!("invented.{number:0100}")).collect();
    for _ in 0..1_000 {
        let call = Message::method_call("/org/consentd", "Check")
            .destination("org.consentd")
            .interface("org.consentd.Gate1")
            .with_flags(Flags::NO_REPLY_EXPECTED)
            .build(&("ads.personalised", &items, Options::new()))?;
        flood.send(&call).await?;
    }
    person.set("ad-services", "", "off").await?;
    let mut game = world.app("game").await?;
    let answers = game.check("ads.personalised", &["device.oaid"]).await?;
    assert_eq!(answers, [deny("device.oaid", "toggle-off", "zero-uuid")]);
    // None of it was judged, so none of it was recorded.
    assert!(person.history("record", "").await?.is_empty());
    Ok(())
}

async fn many_connections_come_and_go(world: &mut World) -> Result<()> {
    let before = open_files(world)?;
    for _ in 0..100 {
        let bus = world.connect().await?;
        let nobody = consentd_dbus::Gate1Proxy::new(&bus).await?;
        let (answers, _) =
            nobody.check("ads.personalised", &["device.oaid"], Options::new()).await?;
        assert_eq!(answers[0].2, "unidentified");
        bus.close().await?;
    }
    others_are_answered(world).await?;
    let after = open_files(world)?;
    assert!(after < before + 20, "{before} descriptors before, {after} after 100 callers");
    Ok(())
}

pub(crate) fn open_files(world: &World) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{}/fd", world.daemon.pid()))?.count())
}

async fn ids_that_would_break_a_log_line_break_nothing(world: &mut World) -> Result<()> {
    let mut weather = world.app("weather").await?;
    let nasty = ["a\nb", "\u{1b}[31m", "'; DROP TABLE record; --", "%s%n", "\u{202e}", "💥"];
    let answers = weather.check("location.services", &nasty).await?;
    let asked: Vec<&str> = answers.iter().map(|answer| answer.data.as_str()).collect();
    assert_eq!(asked, nasty);
    assert!(answers.iter().all(|answer| answer.reason == "unknown-data"), "{answers:?}");
    let printed = world.ctl()?.done(&["log"]).await?;
    assert!(!printed.contains('\u{1b}'), "escape sequences of an app reach the terminal");
    let log = world.daemon.log();
    assert!(!log.contains('\u{1b}'), "escape sequences of an app reach the log");
    others_are_answered(world).await
}
