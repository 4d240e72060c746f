//! What one app's flood costs another: the same question, with nobody else there and with a flood.

use anyhow::{Context, Result};
use consentd_tests::bus::BusKind;
use consentd_tests::world::World;

use crate::calls::{Call, Caller, start_as};
use crate::table::{Spread, Table, Verdict};

/// The app that floods.
const FLOODER: &str = "notes";
const BLOCK: u32 = 200;

/// Measures and prints.
pub async fn measure(table: &mut Table, rounds: u32) -> Result<()> {
    let world = World::start(BusKind::DbusDaemon).await?;
    let mut caller = Caller::start(&world)?;
    caller.block(Call::Check, BLOCK).await?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds.div_ceil(3) {
        alone.extend(caller.block(Call::Check, BLOCK).await?);
        let (flood, _orders, mut lines) = start_as(&world, FLOODER, "flood")?;
        lines.next_line().await?.context("the flood has ended")?;
        // It has to be under way.
        caller.block(Call::Check, BLOCK / 4).await?;
        beside.extend(caller.block(Call::Check, BLOCK).await?);
        drop(flood);
        caller.block(Call::Check, BLOCK / 4).await?;
    }
    let (alone, beside) = (Spread::of(alone), Spread::of(beside));
    table.heading("An app's Check, while another has 100 open all the time")?;
    table.times("with nobody else there", alone, "", "", Verdict::None)?;
    let ratio = beside.to(alone);
    let words = format!("{ratio:.2} × alone");
    table.times("beside the flood", beside, &words, "2 × alone", (ratio <= 2.0).into())
}
