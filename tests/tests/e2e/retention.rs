//! Retention over the bus: what was collected, and how long it is kept (R42).

use anyhow::{Result, ensure};
use consentd_tests::words::allow;
use consentd_tests::world::World;

use crate::scenario::on_both_buses;

on_both_buses![what_was_collected_is_listed_with_how_long_it_is_kept];

async fn what_was_collected_is_listed_with_how_long_it_is_kept(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    ensure!(ctl.done(&["retention"]).await?.contains("Nothing was collected"));
    let mut security = world.app("security").await?;
    let asked = ("security.systems", ["logs.crash"]);
    let allowed = [allow("logs.crash", "legitimate-interest")];
    assert_eq!(security.check(asked.0, &asked.1).await?, allowed);
    let rows = ctl.json(&["retention"]).await?;
    ensure!(rows.as_array().is_some_and(|rows| rows.len() == 1), "{rows}");
    ensure!(rows[0]["data"] == "logs.crash" && rows[0]["state"] == "active", "{rows}");
    let (last, until) = (rows[0]["last"].as_i64(), rows[0]["until"].as_i64());
    ensure!(last < until, "{rows}");
    ensure!(ctl.done(&["retention", "Security"]).await?.contains("kept until"));
    // The ledger has it after a kill, and the daemon what it knew.
    world.crash_and_restart()?;
    let again = world.ctl()?.json(&["retention"]).await?;
    ensure!(again[0]["last"].as_i64() == last && again[0]["state"] == "active", "{again}");
    Ok(())
}
