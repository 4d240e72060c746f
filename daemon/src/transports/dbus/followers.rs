//! Who reads along: JSON lines over a pipe. A slow reader loses lines, and is told how many; it never
//! holds the daemon up.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consentd_dbus::{Error, Result};
use rustix::pipe::PipeFlags;

use crate::engine::Engine;
use crate::ledger::{Asked, Event, Filter, Record};

/// Readers of one user's programs.
const MAX_FOLLOWERS: usize = 8;

struct Follower {
    uid: u32,
    filter: Filter,
    pipe: OwnedFd,
    lost: u64,
}

/// Everybody who reads along.
pub(super) struct Followers {
    engine: Arc<Engine>,
    followers: Mutex<Vec<Follower>>,
}

impl Followers {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, followers: Mutex::default() }
    }

    /// A pipe on which the lines that match a filter arrive from now on.
    pub fn follow(&self, uid: u32, filter: Filter) -> Result<OwnedFd> {
        let mut followers = self.lock();
        followers.retain(|follower| !has_hung_up(&follower.pipe));
        if followers.iter().filter(|follower| follower.uid == uid).count() >= MAX_FOLLOWERS {
            return Err(Error::TooManyRequests(format!(
                "{MAX_FOLLOWERS} programs of this user read along already; end one of them"
            )));
        }
        let (reader, pipe) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|errno| {
                tracing::error!(%errno, "no pipe for a reader");
                Error::TooManyRequests("the daemon has no descriptor left; try again later".into())
            })?;
        // Only the writing end must not wait.
        if let Err(errno) = rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::empty()) {
            tracing::warn!(%errno, "a reader's pipe stays non-blocking");
        }
        followers.push(Follower { uid, filter, pipe, lost: 0 });
        self.engine.follow(true);
        Ok(reader)
    }

    /// How many read along.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Tells of answers.
    pub fn recorded(&self, records: &[Record<'_>]) {
        for record in records {
            self.tell(|filter| filter.takes_record(&asked(record)), || record_line(record));
        }
    }

    /// Tells of setting events.
    pub fn noted(&self, events: &[Event]) {
        for event in events {
            self.tell(|filter| filter.takes_event(event), || event_line(event));
        }
    }

    fn tell(&self, matches: impl Fn(&Filter) -> bool, line: impl FnOnce() -> String) {
        let mut followers = self.lock();
        if !followers.iter().any(|follower| matches(&follower.filter)) {
            return;
        }
        let line = line();
        followers.retain_mut(|follower| !matches(&follower.filter) || follower.write(&line));
        self.engine.follow(!followers.is_empty());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Follower>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Writes a line whole or not at all. False if the reader is gone.
    fn write(&mut self, line: &str) -> bool {
        let lost = match self.lost {
            0 => String::new(),
            lost => format!("{{\"kind\":\"lost\",\"count\":{lost}}}\n"),
        };
        // A pipe takes this much at once or nothing, so no line is ever cut.
        let text = format!("{lost}{line}\n");
        if text.len() > 4096 {
            self.lost += 1;
            return true;
        }
        match rustix::io::write(&self.pipe, text.as_bytes()) {
            Ok(_) => self.lost = 0,
            Err(errno) if errno.kind() == ErrorKind::WouldBlock => self.lost += 1,
            Err(_) => return false,
        }
        true
    }
}

fn has_hung_up(pipe: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(pipe, PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&at_once)).is_ok() && polled[0].revents().contains(PollFlags::ERR)
}

fn asked<'a>(record: &Record<'a>) -> Asked<'a> {
    Asked {
        user: record.user,
        app: record.app,
        purpose: record.purpose,
        data: record.data,
        decision: record.reason.decision().word(),
    }
}

fn record_line(record: &Record<'_>) -> String {
    let mut line = serde_json::json!({
        "kind": "record",
        "at": record.at,
        "user": record.user,
        "app": record.app,
        "trust": record.trust,
        "purpose": record.purpose,
        "data": record.data,
        "decision": record.reason.decision().word(),
        "reason": record.reason.word(),
        "count": record.times,
        "last": record.at,
        "source": if record.usage.is_some() { "client" } else { "daemon" },
    });
    if !record.tag.is_empty() {
        line["tag"] = record.tag.into();
    }
    line.to_string()
}

fn event_line(event: &Event) -> String {
    let mut line = serde_json::json!({ "kind": "setting" });
    if let (Some(line), Ok(serde_json::Value::Object(event))) =
        (line.as_object_mut(), serde_json::to_value(event))
    {
        line.extend(event.into_iter().filter(|(key, value)| key != "ordinal" && !value.is_null()));
    }
    line.to_string()
}
