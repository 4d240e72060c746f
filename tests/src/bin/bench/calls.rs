//! The one that calls: a process of its own, which an app's executable path makes that app.

use std::collections::HashMap;
use std::io::Write;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use consentd_dbus::{Gate1Proxy, Options};
use consentd_tests::place;
use consentd_tests::process::{Process, bound_command};
use consentd_tests::world::World;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};
use zbus::{Connection, Message, Variant};

use crate::empty;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// A method that does nothing, of a service of the bench's own.
    Empty,
    /// A method that takes and gives what `Check` does and does nothing, of the same service.
    Shape,
    /// `org.freedesktop.DBus.Peer.Ping` of consentd.
    Ping,
    /// `Gate1.Check` of one item that is allowed; recorded.
    Check,
    /// The same of eight items.
    CheckEight,
    /// `Gate1.Preview` of one item.
    Preview,
    /// xdg-permission-store's `GetPermission`.
    GetPermission,
    /// polkit's `CheckAuthorization` of the caller itself.
    CheckAuthorization,
}

impl Call {
    /// Whether its answer is a check's.
    fn is_check(self) -> bool {
        match self {
            Call::Check | Call::CheckEight | Call::Preview | Call::Shape => true,
            Call::Empty | Call::Ping | Call::GetPermission | Call::CheckAuthorization => false,
        }
    }
}

/// The app that the caller is, and what it asks for: under no switch but the app's own.
pub const APP: &str = "security";
pub const PURPOSE: &str = "security.systems";
pub const ITEMS: [&str; 8] = [
    "logs.crash",
    "device.cpu",
    "device.storage",
    "device.battery",
    "logs.ip",
    "logs.network_requests",
    "app.source",
    "app.usage_frequency",
];

#[derive(Debug, Serialize, Deserialize)]
struct Block {
    call: Call,
    times: u32,
}

/// The other end of [`Caller`].
pub async fn serve_blocks() -> Result<ExitCode> {
    let bus = Connection::system().await?;
    for line in std::io::stdin().lines() {
        let block: Block = serde_json::from_str(&line?)?;
        let mut nanos = Vec::new();
        for _ in 0..block.times {
            let began = Instant::now();
            let reply = call(&bus, block.call).await?;
            nanos.push(u64::try_from(began.elapsed().as_nanos())?);
            if block.call.is_check() {
                all_allowed(&reply)?;
            }
        }
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &nanos)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a call and waits for its answer.
pub async fn call(bus: &Connection, call: Call) -> Result<Message> {
    let method = async |name, path, interface, member, body: Body<'_>| -> Result<Message> {
        let (name, interface) = (Some(name), Some(interface));
        let reply = match body {
            Body::None => bus.call_method(name, path, interface, member, &()).await,
            Body::Strings(strings) => {
                bus.call_method(name, path, interface, member, &strings).await
            }
            Body::Check(items) => {
                let body = (PURPOSE, items, Options::new());
                bus.call_method(name, path, interface, member, &body).await
            }
            Body::Subject(name_of_caller) => {
                let subject =
                    ("system-bus-name", HashMap::from([("name", Variant::from(name_of_caller))]));
                let details: HashMap<&str, &str> = HashMap::new();
                let body = (subject, "org.consentd.loosen", details, 0_u32, "");
                bus.call_method(name, path, interface, member, &body).await
            }
        };
        reply.with_context(|| format!("calling {member}"))
    };
    let (consentd, object, gate) = ("org.consentd", "/org/consentd", "org.consentd.Gate1");
    let one = Body::Check(&ITEMS[..1]);
    match call {
        Call::Empty => {
            method(empty::NAME, empty::PATH, empty::INTERFACE, "Nothing", Body::None).await
        }
        Call::Shape => method(empty::NAME, empty::PATH, empty::INTERFACE, "Shape", one).await,
        Call::Ping => {
            method(consentd, object, "org.freedesktop.DBus.Peer", "Ping", Body::None).await
        }
        Call::Check => method(consentd, object, gate, "Check", one).await,
        Call::CheckEight => method(consentd, object, gate, "Check", Body::Check(&ITEMS)).await,
        Call::Preview => method(consentd, object, gate, "Preview", one).await,
        Call::GetPermission => {
            use crate::peers::{PERMISSION, STORE, STORE_PATH};
            method(STORE, STORE_PATH, STORE, "GetPermission", Body::Strings(PERMISSION)).await
        }
        Call::CheckAuthorization => {
            let caller = bus.unique_name().context("no name on the bus")?.to_string();
            let (path, interface) =
                ("/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority");
            let name = consentd_tests::polkit::NAME;
            method(name, path, interface, "CheckAuthorization", Body::Subject(caller)).await
        }
    }
}

enum Body<'a> {
    None,
    Strings((&'a str, &'a str, &'a str)),
    Check(&'a [&'a str]),
    Subject(String),
}

/// A denial would be another way through the daemon: it must not be measured by mistake.
fn all_allowed(reply: &Message) -> Result<()> {
    type Reply = (Vec<(String, String, String, String)>, HashMap<String, zbus::OwnedVariant>);
    let (results, _): Reply = reply.body().deserialize()?;
    anyhow::ensure!(results.iter().all(|result| result.1 == "allow"), "{results:?}");
    Ok(())
}

/// Asks without end, so many questions at once: an app that floods.
pub async fn flood() -> Result<ExitCode> {
    let bus = Connection::system().await?;
    let ask = async || -> Result<()> {
        loop {
            call(&bus, Call::Check).await?;
        }
    };
    println!("flooding");
    let all = (0..FLOOD).map(|_| ask());
    futures_util::future::try_join_all(all).await?;
    Ok(ExitCode::SUCCESS)
}

/// Questions that the flood has open at once: most system buses allow one connection 128.
const FLOOD: usize = 100;

/// A caller that runs.
pub struct Caller {
    _process: Process,
    orders: ChildStdin,
    replies: Lined,
}

impl Caller {
    /// This program again, under the path of an app.
    pub fn start(world: &World) -> Result<Caller> {
        let (process, orders, replies) = start_as(world, APP, "caller")?;
        Ok(Caller { _process: process, orders, replies })
    }

    /// Makes a call so many times, one after the other.
    pub async fn block(&mut self, call: Call, times: u32) -> Result<Vec<Duration>> {
        let mut line = serde_json::to_vec(&Block { call, times })?;
        line.push(b'\n');
        self.orders.write_all(&line).await?;
        let reply = self.replies.next_line().await?.context("the caller has ended")?;
        let nanos: Vec<u64> = serde_json::from_str(&reply)?;
        Ok(nanos.into_iter().map(Duration::from_nanos).collect())
    }
}

/// What such a part says.
pub type Lined = Lines<BufReader<ChildStdout>>;

/// Starts a part of this program as the app of this name.
pub fn start_as(world: &World, app: &str, part: &str) -> Result<(Process, ChildStdin, Lined)> {
    let path = world.stage.bin().dir().join(app);
    std::fs::remove_file(&path)?;
    place::copy_program(&std::env::current_exe()?, &path)?;
    let mut command = bound_command(&path);
    command
        .arg(part)
        .env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut process = Process::spawn(part, &mut command)?;
    let orders = process.child().stdin.take().context("no stdin")?;
    let replies = process.child().stdout.take().context("no stdout")?;
    let replies = BufReader::new(ChildStdout::from_std(replies)?).lines();
    Ok((process, ChildStdin::from_std(orders)?, replies))
}

/// `Check` for this process, which is nobody: to see that the daemon answers at all.
pub async fn is_answered(bus: &Connection) -> Result<()> {
    Gate1Proxy::new(bus).await?.preview(PURPOSE, &ITEMS[..1], Options::new()).await?;
    Ok(())
}
