//! A new notice: what it brought asks, is declined, and is told once (R39).

use anyhow::{Result, ensure};
use consentd_dbus::Options;
use consentd_tests::words::{allow, ask, deny};
use consentd_tests::world::World;
use futures_util::StreamExt as _;

use crate::scenario::on_both_buses;

on_both_buses![what_a_notice_brought_asks_and_can_be_declined];

const NEWCOMER: &str = r#"
[app]
id = "org.example.newcomer"
name = "Newcomer"

[identity]
executable = "/usr/lib/consentd/samples/newcomer"

[[collects]]
purpose = "ads.personalised"
data = ["device.oaid"]
basis = "consent"
retention = "1 day"
notice = "2025-11-11"
"#;

const NOTICE: &str = r#"
[[notice]]
id = "2025-11-11"
name = "General Privacy Policy"
effective = "2025-11-11"
language = "en"
sha256 = "82d55c11275ced7b33b0a40f51605ab8c382d1daa889318067eaadb101971916"
requirement = "R39"
section = "S3 14"
"#;

async fn what_a_notice_brought_asks_and_can_be_declined(world: &mut World) -> Result<()> {
    let person = world.person().await?;
    let ctl = world.ctl()?;
    let mut game = world.app("game").await?;
    let mut newcomer = world.app("newcomer").await?;
    let asked = ("ads.personalised", ["device.oaid"]);
    person.set("ad-services", "", "on").await?;
    person.settings.watch(Options::new()).await?;
    let mut pending = person.settings.receive_notice_pending().await?;
    ensure!(ctl.done(&["notices", "--pending"]).await?.contains("No notice waits"));

    let notices = world.stage.dirs().catalog_dir.join("notices.toml");
    let before = std::fs::read_to_string(&notices)?;
    std::fs::write(&notices, before.clone() + NOTICE)?;
    world.stage.declare("newcomer.toml", NEWCOMER)?;
    person.admin.reload(Options::new()).await?;
    let told = pending.next().await.map(|signal| signal.args().map(|args| args.notice.to_owned()));
    ensure!(matches!(&told, Some(Ok(notice)) if notice == "2025-11-11"), "{told:?}");
    assert_eq!(game.check(asked.0, &asked.1).await?, [allow("device.oaid", "consented")]);
    let changed = ask("device.oaid", "notice-changed", "zero-uuid");
    assert_eq!(newcomer.check(asked.0, &asked.1).await?, [changed]);
    let list = ctl.done(&["notices", "--pending"]).await?;
    ensure!(list.contains("agree or decline") && list.contains("Ad services"), "{list}");

    let declined = ctl.done(&["notices", "decline", "ad-services"]).await?;
    ensure!(declined.contains("2025-11-11") && declined.contains("Ad services"), "{declined}");
    let refused = deny("device.oaid", "notice-declined", "zero-uuid");
    assert_eq!(newcomer.check(asked.0, &asked.1).await?, [refused]);
    assert_eq!(game.check(asked.0, &asked.1).await?, [allow("device.oaid", "consented")]);
    ensure!(ctl.done(&["notices", "--pending"]).await?.contains("No notice waits"));
    ensure!(ctl.done(&["history"]).await?.contains("declined"));
    let switch = ctl.run(&["notices", "decline", "location"]).await?;
    ensure!(switch.code == Some(5) && switch.err.contains("no consent"), "{switch:?}");
    ctl.done(&["notices", "seen"]).await?;

    // Notices that go back in time are refused, and lose nothing.
    std::fs::write(&notices, before)?;
    world.stage.declare("newcomer.toml", &NEWCOMER.replace("2025-11-11", "2025-10-10"))?;
    let older = ctl.run(&["reload"]).await?;
    ensure!(older.code == Some(5) && older.err.contains("2025-11-11"), "{older:?}");
    assert_eq!(game.check(asked.0, &asked.1).await?, [allow("device.oaid", "consented")]);
    Ok(())
}
