//! Apps that check through the client library: each its own process, told by lines what to do, or left
//! to check as fast as it can and to keep tallies where a kill does not reach them.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use consentd_gate::FileWords;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::place;
use crate::process::{PATIENCE, Process, bound_command};
use crate::world::World;

/// One line to a client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Order {
    /// `check`: what it says.
    Check(String, String),
    /// `check_all`: what each says.
    CheckAll(String, Vec<String>),
    /// `check_with` a recipient and a tag: what each says, or the error.
    CheckWith(String, Vec<String>, String),
    /// `request`: what each says.
    Request(String, Vec<String>),
    /// Begins a `request` and does not wait for it.
    Begin(String, Vec<String>),
    /// Drops every request that was begun.
    Forget,
    /// For each list of items: what the page says, if it does; and what `Preview` says.
    Compare(String, Vec<Vec<String>>),
    /// The next of `changed`.
    Changed,
    /// `whoami`.
    WhoAmI,
    /// Opens so many more and checks with each: how many answered as the first one does.
    OpenMore(usize, String, String),
    /// Forks under threads that check; what the child's check says.
    Fork(String, String),
    /// `close`.
    Close,
}

/// What the page says and what the bus says.
pub type Compared = (Option<Vec<String>>, Vec<String>);

/// A client that does what it is told. Ended when dropped.
#[derive(Debug)]
pub struct Client {
    /// The process.
    pub process: Process,
    orders: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

impl Client {
    /// Starts one as the app of this name, by its executable, and waits until its gate is open.
    pub async fn start(world: &World, app: &str) -> Result<Client> {
        Client::with(world, bound_command(executable(world, app)?), &["orders"]).await
    }

    /// Starts one that takes gates by itself, to break them: it takes [`Deed`](crate::breaker::Deed)s.
    pub async fn breaker(world: &World, app: &str) -> Result<Client> {
        Client::with(world, bound_command(executable(world, app)?), &["break"]).await
    }

    /// Starts one that checks as fast as it can.
    pub async fn run(world: &World, app: &str, run: &Run<'_>) -> Result<Client> {
        let path = run.tally.to_str().context("a path")?;
        let (client, threads) = (run.client.to_string(), run.threads.to_string());
        let mut arguments = vec!["run", path, &client, &threads, run.how, run.purpose];
        arguments.extend(run.data);
        // As fast as what the daemon and the bus leave: many would leave them nothing.
        let mut command = bound_command("nice");
        command.args(["-n", "19"]).arg(executable(world, app)?);
        Client::with(world, command, &arguments).await
    }

    async fn with(world: &World, mut command: Command, arguments: &[&str]) -> Result<Client> {
        command
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", world.bus.address())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::spawn("client-app", &mut command)?;
        let orders = process.child().stdin.take().context("no stdin")?;
        let replies = process.child().stdout.take().context("no stdout")?;
        let replies = BufReader::new(ChildStdout::from_std(replies)?).lines();
        let mut client = Client { process, orders: ChildStdin::from_std(orders)?, replies };
        let first: String = client.reply().await?;
        ensure!(first == "open", "a client said {first}");
        Ok(client)
    }

    /// Any order and its reply.
    pub async fn tell<T: for<'a> Deserialize<'a>>(&mut self, order: impl Serialize) -> Result<T> {
        self.send(order).await?;
        self.reply().await
    }

    /// An order whose reply is read later.
    pub async fn send(&mut self, order: impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        Ok(self.orders.write_all(&line).await?)
    }

    /// The next reply.
    pub async fn reply<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T> {
        let line = tokio::time::timeout(PATIENCE, self.replies.next_line()).await;
        let line = line.context("a client says nothing")??.context("a client has ended")?;
        serde_json::from_str(&line).with_context(|| format!("a client said {line}"))
    }

    /// `check`.
    pub async fn check(&mut self, purpose: &str, data: &str) -> Result<String> {
        self.tell(Order::Check(purpose.to_owned(), data.to_owned())).await
    }
}

/// How a client checks that is left to itself.
#[derive(Debug)]
pub struct Run<'a> {
    /// The file of its [`Tally`].
    pub tally: &'a Path,
    /// Which of the tally's clients it is.
    pub client: usize,
    /// How many threads check.
    pub threads: usize,
    /// `check`, `try`, or `all`.
    pub how: &'a str,
    /// For what.
    pub purpose: &'a str,
    /// What: one item, but for `all`.
    pub data: &'a [&'a str],
}

/// The path of an app whose executable is the client; made when it is not there.
pub fn executable(world: &World, app: &str) -> Result<std::path::PathBuf> {
    let dir = world.stage.bin().dir();
    let original = dir.join(".client-app");
    let path = dir.join(app);
    if !original.exists() {
        place::copy_program(&place::built("client-app")?, &original)?;
    }
    let is_client =
        path.exists() && std::fs::metadata(&path)?.len() == std::fs::metadata(&original)?.len();
    if !is_client {
        let _none_was_there = std::fs::remove_file(&path);
        std::fs::hard_link(&original, &path)?;
    }
    Ok(path)
}

/// Numbers that a test and its clients share, and that stay when one of them is killed.
#[derive(Debug)]
pub struct Tally(FileWords);

/// What a thread counts of its checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tallied {
    /// Allowed.
    Allowed = 0,
    /// Refused by a page or the daemon.
    Refused = 1,
    /// Refused for want of a daemon.
    Unavailable = 2,
    /// Allowed while a denial held all the time, or several answers that never held together.
    Wrong = 3,
}

/// So many clients and threads at most.
const CLIENTS: usize = 128;
const THREADS: usize = 4;
const LINE: usize = 8;
/// Where a thread says that it rests.
const RESTS: usize = 4;

impl Tally {
    /// Maps a tally's file, and makes it if need be.
    pub fn open(path: &Path) -> Result<Tally> {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Tally(FileWords::map(&file, (1 + CLIENTS * THREADS) * LINE)?))
    }

    /// The period: odd while a denial holds, all of it.
    #[must_use]
    pub fn period(&self) -> &AtomicU64 {
        &self.0[0]
    }

    /// Lets the clients begin.
    pub fn begin(&self) {
        self.0[2].store(1, Ordering::SeqCst);
    }

    /// Whether they may.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0[2].load(Ordering::SeqCst) != 0
    }

    /// Tells every thread to rest for good between two checks.
    pub fn rest(&self) {
        self.0[1].store(1, Ordering::SeqCst);
    }

    /// Whether threads are to rest; one that does says so.
    pub fn is_resting(&self, client: usize, thread: usize) -> bool {
        let rests = self.0[1].load(Ordering::SeqCst) != 0;
        if rests {
            self.at(client, thread, RESTS).store(1, Ordering::SeqCst);
        }
        rests
    }

    /// Waits until so many threads of a client rest.
    pub async fn rested(&self, client: usize, threads: usize) -> Result<()> {
        let rest = |thread| self.at(client, thread, RESTS).load(Ordering::SeqCst) != 0;
        until(|| (0..threads).all(rest)).await.context("a client does not rest")
    }

    fn at(&self, client: usize, thread: usize, place: usize) -> &AtomicU64 {
        &self.0[(1 + client * THREADS + thread) * LINE + place]
    }

    /// A thread's own number.
    #[must_use]
    pub fn of(&self, client: usize, thread: usize, what: Tallied) -> &AtomicU64 {
        self.at(client, thread, what as usize)
    }

    /// One number of all clients and threads.
    #[must_use]
    pub fn sum(&self, what: Tallied) -> u64 {
        let threads =
            (0..CLIENTS).flat_map(|client| (0..THREADS).map(move |thread| (client, thread)));
        threads.map(|(client, thread)| self.of(client, thread, what).load(Ordering::SeqCst)).sum()
    }

    /// Waits until a client has so much of something, in whichever thread.
    pub async fn until(&self, client: usize, what: Tallied, more: u64) -> Result<()> {
        let count = || {
            (0..THREADS)
                .map(|thread| self.of(client, thread, what).load(Ordering::SeqCst))
                .sum::<u64>()
        };
        let wanted = count() + more;
        until(|| count() >= wanted).await.with_context(|| format!("no more {what:?}"))
    }
}

/// What another process stores in memory wakes nobody: it is looked at again and again.
async fn until(holds: impl Fn() -> bool) -> Result<()> {
    let looks = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    Ok(tokio::time::timeout(PATIENCE, looks).await?)
}
