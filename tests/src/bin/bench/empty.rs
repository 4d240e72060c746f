//! A service of the bench's own with a method that does nothing: what a call costs at the least.

use std::collections::HashMap;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};
use consentd_tests::process::{Process, bound_command};
use consentd_tests::world::World;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use zbus::Variant;

pub const NAME: &str = "org.example.Empty";
pub const PATH: &str = "/org/example/Empty";
pub const INTERFACE: &str = "org.example.Empty1";

struct Empty;

#[zbus::interface(name = "org.example.Empty1")]
impl Empty {
    fn nothing(&self) {}

    /// What `Check` takes and gives, with nothing in between.
    fn shape(
        &self,
        _purpose: &str,
        data: Vec<&str>,
        _context: HashMap<&str, Variant<'_>>,
    ) -> (Vec<Answer>, HashMap<&'static str, Variant<'static>>) {
        let answer = |id: &&str| ((*id).to_owned(), "allow", "legitimate-interest", "");
        (data.iter().map(answer).collect(), HashMap::from([("generation", Variant::from(1_u64))]))
    }
}

type Answer = (String, &'static str, &'static str, &'static str);

/// Serves it until the bus hangs up.
pub async fn serve() -> Result<ExitCode> {
    let connection = zbus::connection::Builder::system()
        .serve_at(PATH, Empty)
        .name(NAME)
        .build()
        .await
        .context("serving nothing")?;
    println!("ready");
    connection.closed().await;
    Ok(ExitCode::SUCCESS)
}

/// Starts it as a process, as consentd is one.
pub async fn start(world: &World) -> Result<Process> {
    let mut command = bound_command(std::env::current_exe()?);
    command
        .arg("empty")
        .env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut process = Process::spawn("the empty service", &mut command)?;
    let stdout = process.child().stdout.take().context("no stdout")?;
    let mut lines = BufReader::new(ChildStdout::from_std(stdout)?).lines();
    lines.next_line().await?.context("the empty service has ended")?;
    Ok(process)
}
