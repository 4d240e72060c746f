//! `Gate1.Open`, and the line of each gate: a socket on which the app says that it has counted, once in
//! a drain epoch, and which hangs up when it has gone.
//!
//! Nothing is ever written to it. A gate whose app is silent costs no wake-up.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Line;
use std::sync::Arc;
use std::time::Duration;

use consentd_dbus::{Error, Result};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use zbus::OwnedFd as Handle;

use super::dict::{Options, Reader};
use super::errors::wire;
use super::service::Service;
use crate::engine::OpenedGate;
use crate::identity::Caller;

/// From an app's word to the drain: so often a busy app costs a wake-up.
const EPOCH: Duration = Duration::from_secs(30);
/// An app says it once in an epoch, from each of its threads at most; more is a flood.
const MOST: usize = 256;

/// The gate that an earlier daemon made for this app: page and usage memory.
pub(super) type Left = Option<(OwnedFd, OwnedFd)>;

/// Reads the options of `Open`.
pub(super) fn left(options: Options<'_>) -> Result<Left> {
    let mut reader = Reader::new(options);
    let (page, usage) = (reader.handle("page")?, reader.handle("usage")?);
    reader.end("page, usage")?;
    match (page, usage) {
        (None, None) => Ok(None),
        (Some(page), Some(usage)) => Ok(Some((page, usage))),
        (Some(_), None) | (None, Some(_)) => {
            Err(Error::InvalidArgument("`page` and `usage` go together: give both, or none".into()))
        }
    }
}

/// Opens a gate: its handles, its id, and the generation that its page shows.
pub(super) fn open(
    service: &Arc<Service>,
    caller: &Caller,
    left: Left,
) -> Result<(HashMap<String, Handle>, u64, u64)> {
    if let Some((page, usage)) = left
        && let Err(error) = service.engine.take_up_gate(Some(caller), &page, usage)
    {
        tracing::warn!(%error, app = %caller.app, "what an app brought of its earlier gate was not counted");
    }
    let OpenedGate { id, generation, descriptors } =
        service.engine.open_gate(caller).map_err(wire)?;
    let made = line(&service.alive).inspect_err(|_| service.engine.close_gate(id))?;
    service.keeper.keep(id, descriptors.page.as_fd(), descriptors.usage.as_fd());
    tokio::spawn(listen(Arc::downgrade(service), id, made.ours));
    let handles = [
        ("page", descriptors.page),
        ("usage", descriptors.usage),
        ("alive", made.alive),
        ("line", made.theirs),
    ];
    let handles = handles.map(|(name, fd)| (name.to_owned(), Handle::from(fd)));
    Ok((handles.into(), id, generation))
}

struct Made {
    alive: OwnedFd,
    ours: UnixStream,
    theirs: OwnedFd,
}

fn line(alive: &OwnedFd) -> Result<Made> {
    let make = || -> std::io::Result<Made> {
        let (ours, theirs) = Line::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        let ours = UnixStream::from_std(ours)?;
        Ok(Made { alive: alive.try_clone()?, ours, theirs: theirs.into() })
    };
    make().map_err(|error| {
        tracing::error!(%error, "no line for a gate");
        Error::TooManyRequests(
            "the daemon has no descriptor left for a gate; ask with Check".into(),
        )
    })
}

/// Serves a line until it hangs up.
async fn listen(service: std::sync::Weak<Service>, id: u64, mut line: UnixStream) {
    let mut bytes = [0; MOST];
    let mut told = 0;
    let epoch = tokio::time::sleep(EPOCH);
    tokio::pin!(epoch);
    loop {
        tokio::select! {
            read = line.read(&mut bytes) => {
                let read = read.unwrap_or(0);
                if read == 0 {
                    break;
                }
                if told == 0 {
                    epoch.as_mut().reset(tokio::time::Instant::now() + EPOCH);
                }
                told += read;
                if told > MOST {
                    tracing::warn!(gate = id, "a gate's line is flooded; it is closed");
                    break;
                }
            }
            () = &mut epoch, if told > 0 => {
                told = 0;
                let Some(service) = service.upgrade() else { return };
                service.engine.drain_gate(id);
            }
        }
    }
    if let Some(service) = service.upgrade() {
        service.engine.close_gate(id);
        service.keeper.let_go(id);
    }
}
