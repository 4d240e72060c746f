//! With polkit on the bus: it is asked before anything is loosened, and never when something is
//! switched off.

use anyhow::Result;
use consentd_tests::bus::BusKind;
use consentd_tests::polkit::Polkit;
use consentd_tests::prerequisite;
use consentd_tests::world::World;

use crate::scenario::run;

/// Runs consentctl as an ordinary user; how it ended, and what it said.
async fn as_user(world: &World, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = tokio::process::Command::new("setpriv");
    command.args(["--reuid", "games", "--regid", "games", "--clear-groups", "--"]);
    command.arg(world.ctl()?.program()).args(arguments);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address());
    let output = command.kill_on_drop(true).output().await?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).into_owned()))
}

const LOOSENING: [&[&str]; 4] = [
    &["set", "ad-services", "on"],
    &["set", "ad-services", "unset"],
    &["profile", "set", "--region", "IN"],
    &["reset", "org.example.game"],
];
/// The person themselves, each time (R57).
const EXERCISING: [&[&str]; 2] = [&["rights", "open", "access"], &["rights", "withdraw", "1"]];
const ADMINISTERING: [&[&str]; 3] =
    [&["--user", "0", "set", "ad-services", "on"], &["reload"], &["lock", "ad-services"]];
/// Needs no authentication, ever.
const FREE: [&[&str]; 4] = [
    &["set", "ad-services", "off"],
    &["set", "location.app", "off", "--app", "org.example.weather"],
    &["toggles"],
    &["log"],
];

/// How each kind of command ends.
struct Ends {
    loosening: i32,
    exercising: i32,
    administering: i32,
}

/// What polkit says no to.
const REFUSED: i32 = 3;
const NOTHING: Ends = Ends { loosening: REFUSED, exercising: REFUSED, administering: REFUSED };

/// A scenario in which polkit has these rules, on both buses.
fn with_rules(rules: &str, expected: Ends) -> Result<()> {
    if prerequisite::skip(Polkit::missing()) {
        return Ok(());
    }
    for kind in [BusKind::DbusDaemon, BusKind::DbusBroker] {
        if prerequisite::skip(kind.missing()) {
            continue;
        }
        run(kind, async |world: &mut World| {
            let _polkit = Polkit::start(&world.bus, world.stage.root(), rules).await?;
            for (group, expected) in [
                (&FREE[..], Some(0)),
                (&LOOSENING[..], Some(expected.loosening)),
                (&FREE[..], Some(0)),
                (&EXERCISING[..], Some(expected.exercising)),
                (&ADMINISTERING[..], Some(expected.administering)),
            ] {
                for arguments in group {
                    let (code, said) = as_user(world, arguments).await?;
                    assert_eq!(code, expected, "{arguments:?} on {kind:?}: {said}");
                }
            }
            // Root is the administrator, and nobody is asked.
            world.ctl()?.done(&["lock", "ad-services"]).await?;
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn what_polkit_allows_may_be_loosened() -> Result<()> {
    let rules = "polkit.addRule(function(action, subject) {
        if (action.id == 'org.consentd.loosen' && subject.user == 'games')
            return polkit.Result.YES;
    });";
    with_rules(rules, Ends { loosening: 0, ..NOTHING })
}

#[test]
fn r57_a_right_is_exercised_by_whom_polkit_authenticated() -> Result<()> {
    let rules = "polkit.addRule(function(action, subject) {
        if (action.id == 'org.consentd.rights' && subject.user == 'games')
            return polkit.Result.YES;
    });";
    with_rules(rules, Ends { exercising: 0, ..NOTHING })
}

#[test]
fn what_polkit_refuses_is_not_loosened_and_off_is_not_asked() -> Result<()> {
    let rules = "polkit.addRule(function(action, subject) {
        if (action.id.indexOf('org.consentd.') == 0)
            return polkit.Result.NO;
    });";
    with_rules(rules, NOTHING)
}

/// Outside an active session `loosen` wants the user's password, and nobody is there to type it.
#[test]
fn without_a_session_or_an_agent_the_defaults_refuse() -> Result<()> {
    with_rules("", NOTHING)
}

#[test]
fn an_administrator_by_polkit_may_do_what_root_may() -> Result<()> {
    let rules = "polkit.addRule(function(action, subject) {
        if (action.id == 'org.consentd.administer' && subject.user == 'games')
            return polkit.Result.YES;
    });";
    with_rules(rules, Ends { administering: 0, ..NOTHING })
}

/// Invariant 1: no answer of polkit is a no.
#[test]
fn a_polkit_that_answers_with_errors_allows_nothing() -> Result<()> {
    if prerequisite::skip(Polkit::missing()) {
        return Ok(());
    }
    run(BusKind::DbusDaemon, async |world: &mut World| {
        // Somebody owns the name and knows no such question.
        let impostor = world.connect().await?;
        let _answers_with_errors = impostor.object_server();
        impostor.request_name(consentd_tests::polkit::NAME).await?;
        for arguments in LOOSENING.iter().chain(&EXERCISING) {
            let (code, said) = as_user(world, arguments).await?;
            assert_eq!(code, Some(3), "{arguments:?}: {said}");
        }
        let (code, said) = as_user(world, &["set", "ad-services", "off"]).await?;
        assert_eq!(code, Some(0), "{said}");
        Ok(())
    })
}
