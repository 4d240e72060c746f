//! `make bench`: what consentd costs, each figure beside its peer in the same run, and the budgets.
//!
//! Blocks of calls are interleaved, so that whatever else the machine does meets all of them alike.
//! Only the ratios travel from one machine to another.

mod calls;
mod empty;
mod flips;
mod history;
mod holder;
mod in_process;
mod isolation;
mod load;
mod pages;
mod peers;
mod proc;
mod start;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};

use crate::table::Table;

/// Measures consentd beside its peers.
#[derive(Parser)]
struct Options {
    /// A tenth of the rounds: for a look, not for figures.
    #[arg(long)]
    quick: bool,
    /// One part of the table alone.
    #[arg(long)]
    only: Option<Section>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// A part of the table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// One call over the bus, beside its peers.
    Calls,
    /// One check in process.
    InProcess,
    /// One app's flood beside another's calls.
    Isolation,
    /// One toggle flipped.
    Flips,
    /// One toggle flipped while pages are open.
    Pages,
    /// Looking through a ledger of a million rows.
    History,
    /// Start, memory and wake-ups of a daemon with much to keep.
    Daemon,
}

#[derive(Subcommand)]
enum Part {
    /// Makes calls in blocks and says how long each took.
    #[command(hide = true)]
    Caller,
    /// Checks in process, in blocks.
    #[command(hide = true)]
    Checker,
    /// Holds gates.
    #[command(hide = true)]
    Holder,
    /// Asks without end.
    #[command(hide = true)]
    Flood,
    /// Serves a method that does nothing.
    #[command(hide = true)]
    Empty,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    match options.part {
        Some(Part::Caller) => return calls::serve_blocks().await,
        Some(Part::Checker) => return in_process::serve().await,
        Some(Part::Holder) => return holder::serve().await,
        Some(Part::Flood) => return calls::flood().await,
        Some(Part::Empty) => return empty::serve().await,
        None => {}
    }
    let rounds = if options.quick { 3 } else { 30 };
    let wanted = |section| options.only.is_none_or(|only| only == section);
    let mut table = Table::begin()?;
    if wanted(Section::Calls) {
        peers::measure(&mut table, rounds).await?;
    }
    if wanted(Section::InProcess) {
        in_process::measure(&mut table, rounds).await?;
    }
    if wanted(Section::Isolation) {
        isolation::measure(&mut table, rounds).await?;
    }
    if wanted(Section::Flips) {
        flips::measure(&mut table, rounds)?;
    }
    if wanted(Section::Pages) {
        pages::measure(&mut table, rounds)?;
    }
    if wanted(Section::History) {
        history::measure(&mut table, rounds)?;
    }
    if wanted(Section::Daemon) {
        start::measure(&mut table, if options.quick { 3 } else { 11 }).await?;
    }
    table.end()
}
