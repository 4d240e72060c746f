//! What the kernel says of a process: how often it was woken, and what memory it has.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// Voluntary context switches by thread: a thread that sleeps on has none.
pub struct Switches(BTreeMap<String, u64>);

impl Switches {
    /// Until now.
    pub fn of(pid: u32) -> Result<Switches> {
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let path = entry?.path();
            let status = std::fs::read_to_string(path.join("status"))?;
            let thread = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.insert(thread, figure(&status, "voluntary_ctxt_switches")?);
        }
        Ok(Switches(found))
    }

    /// How often any thread was woken since.
    pub fn since(&self, before: &Switches) -> u64 {
        let woken = |(thread, count): (&String, &u64)| count - before.0.get(thread).unwrap_or(&0);
        self.0.iter().map(woken).sum()
    }
}

/// A figure of /proc/PID/status: memory in KiB.
pub fn status_of(pid: u32, key: &str) -> Result<u64> {
    figure(&std::fs::read_to_string(format!("/proc/{pid}/status"))?, key)
}

fn figure(status: &str, key: &str) -> Result<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let words = line.with_context(|| format!("no {key}"))?.split_whitespace().next();
    Ok(words.context("an empty line")?.parse()?)
}
