//! `Admin1.Export`: all that the device keeps about one user's choices and answers, as JSON lines; and
//! the documents that others' tools read.

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use consentd_dbus::lines::{Seal, printable_json};
use consentd_dbus::{Error, Result};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::Sender;

use super::errors::wire;
use super::history::line_row;
use super::places::Place;
use crate::engine::Engine;
use crate::exports::Document;
use crate::ledger::Filter;
use crate::row::Row;

/// The format that has everything.
const LINES: &str = "json-lines";
/// Entries that are read at once.
const PAGE: u32 = 1_000;
/// Bytes that the process does not keep for the next time.
const LARGE: usize = 1 << 20;
/// How long a reader may leave the pipe full.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an export is written as.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    /// Everything, one JSON object a line.
    Lines,
    /// One JSON document.
    Document(Document),
}

impl Format {
    /// The format of a word; without one, an error that lists them.
    pub(super) fn parse(word: &str) -> Result<Self> {
        if word == LINES {
            return Ok(Self::Lines);
        }
        Document::parse(word).map(Self::Document).ok_or_else(|| {
            let known = Document::ALL.map(|document| format!("`{}`", document.word())).join(", ");
            Error::UnknownFormat(format!("name one of `{LINES}`, {known}"))
        })
    }
}

/// A pipe on which the user's data arrives, and ends. Written as fast as it is read.
pub(super) async fn export(
    engine: &Arc<Engine>,
    user: u32,
    format: Format,
    place: Place,
) -> Result<OwnedFd> {
    let document = match format {
        Format::Lines => None,
        Format::Document(document) => Some(compose(engine, user, document).await?),
    };
    let (reader, mut sender) = pipe()?;
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        let _place = place;
        let written = match document {
            None => Lines::to(sender).all(engine, user).await,
            Some(text) => put_text(&mut sender, &text).await,
        };
        if let Err(error) = written {
            tracing::warn!(%error, "an export was cut off");
        }
    });
    Ok(reader)
}

/// A document as text that a person can read too. What cannot be made is said at once, not on the pipe.
async fn compose(engine: &Arc<Engine>, user: u32, document: Document) -> Result<Vec<u8>> {
    let engine = Arc::clone(engine);
    let made = tokio::task::spawn_blocking(move || engine.document(user, document)).await;
    let broken = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "an export broke off");
        Error::StoreUnavailable("the export broke off; see the daemon's log".into())
    };
    let made = made.map_err(|error| broken(&error))?.map_err(wire)?;
    let mut text = serde_json::to_vec_pretty(&made).map_err(|error| broken(&error))?;
    text.push(b'\n');
    Ok(text)
}

/// A pipe whose reader gets what is written.
pub(super) fn pipe() -> Result<(OwnedFd, Sender)> {
    let no_pipe = |error: std::io::Error| {
        tracing::error!(%error, "no pipe for an export");
        Error::TooManyRequests("the daemon has no descriptor left; try again later".into())
    };
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|errno| no_pipe(errno.into()))?;
    rustix::io::ioctl_fionbio(&writer, true).map_err(|errno| no_pipe(errno.into()))?;
    Ok((reader, Sender::from_owned_fd(writer).map_err(no_pipe)?))
}

/// The lines of an export on their way to a reader, sealed by the last.
pub(super) struct Lines {
    sender: Sender,
    seal: Seal,
}

impl Lines {
    /// None yet.
    pub(super) fn to(sender: Sender) -> Self {
        Self { sender, seal: Seal::default() }
    }

    /// Writes rows, as fast as they are read.
    pub(super) async fn put(&mut self, rows: Vec<Row>) -> anyhow::Result<()> {
        let mut seal = std::mem::take(&mut self.seal);
        // Beside the checks: what a holder returned is megabytes.
        let written = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            for row in rows {
                // Escaped before it is sealed: a reader that shows it on a terminal changes no byte of it.
                let line = serde_json::to_string(&row)?;
                drop(row);
                let line = match printable_json(&line) {
                    Cow::Borrowed(_) => line,
                    Cow::Owned(escaped) => escaped,
                };
                seal.add(line.as_bytes());
                // A line that is alone is not copied.
                if text.is_empty() {
                    text = line;
                } else {
                    text.push_str(&line);
                }
                text.push('\n');
            }
            Ok::<_, serde_json::Error>((text, seal))
        });
        let (text, seal) = written.await??;
        self.seal = seal;
        let outcome = put_text(&mut self.sender, text.as_bytes()).await;
        if text.len() > LARGE {
            drop(text);
            tokio::task::spawn_blocking(consentd_gate::heap::give_back);
        }
        outcome
    }

    /// Writes all of a user's, and the end.
    pub(super) async fn all(mut self, engine: Arc<Engine>, user: u32) -> anyhow::Result<()> {
        let of = Arc::clone(&engine);
        self.put(tokio::task::spawn_blocking(move || of.export_head(user)).await??).await?;
        let mut cursor = None;
        loop {
            let of = Arc::clone(&engine);
            let filter = Filter { user, ..Filter::default() };
            let page = tokio::task::spawn_blocking(move || of.history(&filter, cursor, PAGE));
            let page = page.await??;
            self.put(page.lines.iter().map(line_row).collect()).await?;
            cursor = page.next;
            if cursor.is_none() {
                // So that what was cut off is told from what was whole.
                return put_text(&mut self.sender, (self.seal.end() + "\n").as_bytes()).await;
            }
        }
    }
}

async fn put_text(sender: &mut Sender, text: &[u8]) -> anyhow::Result<()> {
    for part in text.chunks(1 << 16) {
        tokio::time::timeout(PATIENCE, sender.write_all(part)).await??;
    }
    Ok(())
}
