//! An app that asks before it collects.
//!
//! What it is called and what it may ask is not in here: a copy of this program under another path
//! is another app, because consentd recognises it by its executable. With `orders` it reads JSON
//! lines and answers in JSON lines, for scenarios; else it asks once and prints the answer.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use consentd_tests::gate::Gate;
use consentd_tests::holder::{Holder, Manner};
use consentd_tests::words::{Answer, Order, Question, Reply};

/// A sample app: asks consentd before it collects.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Asks, and the question is recorded.
    Check(Asked),
    /// Asks without a record.
    Preview(Asked),
    /// Asks, and has the user asked where nobody has decided yet.
    Request(Asked),
    /// Asks for an identifier of its own: oaid, vaid or aaid.
    Identifier {
        /// Which: aaid
        kind: String,
        /// For what: ads.personalised
        purpose: String,
    },
    /// Says how consentd recognises this app.
    Whoami,
    /// Keeps data about a person in a file, and answers cases about it.
    #[command(hide = true)]
    Hold {
        /// The file.
        store: PathBuf,
        /// Whether as it should.
        #[arg(long, value_enum, default_value = "good")]
        manner: Manner,
        /// At this name; else it registers.
        #[arg(long)]
        name: Option<String>,
    },
    /// Reads JSON lines from stdin until it ends.
    #[command(hide = true)]
    Orders,
}

#[derive(Args)]
struct Asked {
    /// For what: ads.personalised
    purpose: String,
    /// What: device.oaid
    #[arg(required = true)]
    data: Vec<String>,
    /// Who would receive it: sdk:adnet
    #[arg(long)]
    recipient: Option<String>,
    /// Where it would go: NL
    #[arg(long)]
    destination: Option<String>,
}

impl From<Asked> for Question {
    fn from(asked: Asked) -> Question {
        let question = Question { purpose: asked.purpose, data: asked.data, ..Question::default() };
        let context = [("recipient", asked.recipient), ("destination", asked.destination)];
        context.into_iter().fold(question, |question, (key, value)| match value {
            Some(value) => question.with(key, value),
            None => question,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    if let Command::Hold { store, manner, name } = options.command {
        Holder { store_path: store, manner }.serve(name.as_deref()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let gate = Gate::open().await?;
    let order = match options.command {
        Command::Check(asked) => Order::Check(asked.into()),
        Command::Preview(asked) => Order::Preview(asked.into()),
        Command::Request(asked) => Order::Request(asked.into()),
        Command::Identifier { kind, purpose } => {
            Order::Identifier(Question::new(&purpose, &[&kind]))
        }
        Command::Whoami => Order::WhoAmI,
        Command::Hold { .. } => return Ok(ExitCode::SUCCESS),
        Command::Orders => return follow_orders(&gate).await,
    };
    Ok(tell(gate.carry_out(order).await?))
}

async fn follow_orders(gate: &Gate) -> Result<ExitCode> {
    say(&Reply::Connected(gate.unique_name()))?;
    for line in std::io::stdin().lines() {
        let order: Order =
            serde_json::from_str(&line?).context("an order is one JSON object a line")?;
        if let Order::Requests { times, question } = order {
            gate.request_many(times, &question, say).await?;
        } else {
            say(&gate.carry_out(order).await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(reply: &Reply) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, reply)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Prints an answer for people. Exit code 0: all allowed; 1: not; 5: the question was refused.
fn tell(reply: Reply) -> ExitCode {
    match reply {
        Reply::Answered(answers) => {
            for Answer { data, decision, reason, refusal } in &answers {
                let instead = match refusal.as_str() {
                    "" => String::new(),
                    shape => format!("  use instead: {shape}"),
                };
                println!("{data:<24} {decision:<6} {reason}{instead}");
            }
            ExitCode::from(u8::from(answers.iter().any(|answer| answer.decision != "allow")))
        }
        Reply::Identified(caller) => {
            for (key, value) in &caller {
                println!("{key:<12} {value}");
            }
            ExitCode::SUCCESS
        }
        Reply::Given { value, limited, reason, .. } => {
            println!("{value}  {reason}");
            ExitCode::from(u8::from(limited))
        }
        Reply::Refused { error, text } => {
            eprintln!("{error}: {text}");
            ExitCode::from(5)
        }
        Reply::Connected(_) | Reply::Done | Reply::Changed(_) | Reply::Kept(_) => ExitCode::SUCCESS,
    }
}
