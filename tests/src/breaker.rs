//! An app that opens gates without the client library, and does to what it gets what no library would.
//! The daemon has to bear all of it.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use consentd_dbus::{Options, names};
use consentd_gate::usage::LANES;
use consentd_gate::{FileWords, SLOTS};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;
use serde::{Deserialize, Serialize};
use zbus::{Connection, OwnedVariant};

/// One line to it. Each is answered with one line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Deed {
    /// Tries to open so many gates more and keeps what it gets: an [`Opened`].
    Open(usize),
    /// Opens one and lets go of it, so many times, as fast as it can: how often it got none.
    Come(usize),
    /// Lets go of all.
    LetGo,
    /// Fills all of the last one's usage memory, its header too, with numbers that follow from this one.
    Noise(u64),
    /// Says that the first answer of every pair was given so often.
    Lie(u64),
    /// Tries to shrink, grow, unseal or write what it was given: what went well.
    Reshape,
    /// Makes a hole of the whole usage memory: all that was counted is zero.
    Hole,
    /// Writes on the last one's line until it is hung up.
    Flood,
}

/// What came of [`Deed::Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// How many it has now.
    pub held: usize,
    /// How often it got none.
    pub refused: usize,
    /// What it was told then, the last time: the error's name and its text.
    pub error: Option<(String, String)>,
}

/// The descriptors of one gate.
struct Held {
    page: OwnedFd,
    usage: File,
    line: OwnedFd,
}

/// Does what it is told on its standard input.
pub async fn serve() -> Result<()> {
    let bus = Connection::system().await?;
    let mut held: Vec<Held> = Vec::new();
    say(&"open")?;
    for line in std::io::stdin().lines() {
        let last = || held.last().context("no gate is open");
        match serde_json::from_str(&line?)? {
            Deed::Open(times) => say(&open_many(&bus, times, &mut held).await?)?,
            Deed::Come(times) => {
                let mut refused = 0;
                for _ in 0..times {
                    refused += usize::from(open(&bus).await?.is_err());
                }
                say(&refused)?;
            }
            Deed::LetGo => {
                held.clear();
                say(&"gone")?;
            }
            Deed::Noise(seed) => {
                noise(&last()?.usage, seed)?;
                say(&"done")?;
            }
            Deed::Lie(times) => {
                lie(&last()?.usage, times)?;
                say(&"done")?;
            }
            Deed::Reshape => say(&reshape(last()?))?,
            Deed::Hole => {
                let usage = &last()?.usage;
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(usage, hole, 0, usage.metadata()?.len())?;
                say(&"done")?;
            }
            Deed::Flood => {
                flood(&last()?.line)?;
                say(&"hung up")?;
            }
        }
    }
    Ok(())
}

fn say(reply: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, reply)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

async fn open_many(bus: &Connection, times: usize, held: &mut Vec<Held>) -> Result<Opened> {
    let (mut refused, mut error) = (0, None);
    for _ in 0..times {
        match open(bus).await? {
            Ok(gate) => held.push(gate),
            Err(said) => {
                refused += 1;
                error = Some(said);
            }
        }
    }
    Ok(Opened { held: held.len(), refused, error })
}

/// A gate, or the error's name and text.
async fn open(bus: &Connection) -> Result<Result<Held, (String, String)>> {
    let (name, gate) = (Some(names::BUS_NAME), Some(names::GATE));
    let called = bus.call_method(name, names::PATH, gate, "Open", &(Options::new(),)).await;
    let reply = match called {
        Ok(reply) => reply,
        Err(zbus::Error::MethodError(name, text, _)) => {
            return Ok(Err((name.to_string(), text.unwrap_or_default())));
        }
        Err(other) => return Err(other.into()),
    };
    let body = reply.body();
    let (mut handles, _info): (HashMap<String, zbus::OwnedFd>, HashMap<String, OwnedVariant>) =
        body.deserialize()?;
    let mut take = |key: &str| {
        handles.remove(key).map(OwnedFd::from).with_context(|| format!("{key} is not among them"))
    };
    Ok(Ok(Held { page: take("page")?, usage: File::from(take("usage")?), line: take("line")? }))
}

fn words(usage: &File) -> Result<FileWords> {
    let bytes = usize::try_from(usage.metadata()?.len())?;
    Ok(FileWords::map(usage, bytes / size_of::<u64>())?)
}

fn noise(usage: &File, seed: u64) -> Result<()> {
    let mut dice = seed | 1;
    for word in words(usage)?.iter() {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        word.store(dice, Ordering::Relaxed);
    }
    Ok(())
}

/// As documented: 16 words come before the lanes; a pair has 8 words in each lane.
fn lie(usage: &File, times: u64) -> Result<()> {
    let words = words(usage)?;
    let pairs = (words.len() - 16) / (LANES * SLOTS);
    for pair in 0..pairs {
        words[16 + pair * SLOTS].fetch_add(times, Ordering::Relaxed);
    }
    Ok(())
}

/// What it could do to the memory, of all that it must not.
fn reshape(held: &Held) -> Vec<String> {
    let usage = &held.usage;
    let len = usage.metadata().map_or(0, |metadata| metadata.len());
    let (page, usage) = (held.page.as_fd(), usage.as_fd());
    let again = |number: i32| {
        let path = format!("/proc/self/fd/{number}");
        rustix::fs::open(path, OFlags::RDWR, Mode::empty())
    };
    let write = |fd: &OwnedFd| rustix::io::pwrite(fd, &[0xff; 64], 0).map(drop);
    let more = FallocateFlags::empty();
    let tried: [(&str, Result<(), Errno>); 9] = [
        ("shrink the usage", rustix::fs::ftruncate(usage, 0)),
        ("halve the usage", rustix::fs::ftruncate(usage, len / 2)),
        ("grow the usage", rustix::fs::ftruncate(usage, len + (1 << 30))),
        ("write behind the usage", rustix::io::pwrite(usage, &[1; 64], len).map(drop)),
        ("reserve behind the usage", rustix::fs::fallocate(usage, more, len, 1 << 20)),
        ("seal the usage", rustix::fs::fcntl_add_seals(usage, SealFlags::WRITE)),
        ("write the page", write(&held.page)),
        ("write the page opened anew", again(page.as_raw_fd()).and_then(|fd| write(&fd))),
        ("shrink the page", rustix::fs::ftruncate(page, 0)),
    ];
    tried.iter().filter(|(_, done)| done.is_ok()).map(|(what, _)| (*what).to_owned()).collect()
}

fn flood(line: &OwnedFd) -> Result<()> {
    loop {
        match rustix::net::send(line, &[b'd'; 4096], SendFlags::NOSIGNAL) {
            Ok(_) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(line, PollFlags::OUT)], None)?;
            }
            Err(Errno::PIPE | Errno::CONNRESET) => return Ok(()),
            Err(other) => bail!("the line failed: {other}"),
        }
    }
}
