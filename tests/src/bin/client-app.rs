//! An app that checks through the client library, in whatever way it is told to.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use consent::{Consent, Context, DataItem, Decision, Reason};
use consentd_dbus::{Gate1Proxy, Options};
use consentd_tests::breaker;
use consentd_tests::client::{Compared, Order, Tallied, Tally};
use rustix::process::{Pid, WaitOptions, waitpid};
use serde::Serialize;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if words == ["break"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(breaker::serve())?;
        return Ok(ExitCode::SUCCESS);
    }
    let consent = Consent::open()?;
    say(&"open")?;
    match words.as_slice() {
        ["orders"] => take_orders(&consent)?,
        ["run", tally, client, threads, how, purpose, data @ ..] => {
            let tally = Tally::open(Path::new(tally))?;
            let of = |thread| Runner {
                consent: &consent,
                tally: &tally,
                client: client.parse().unwrap_or(0),
                thread,
            };
            let items: Result<Vec<DataItem>, _> = data.iter().map(|id| consent.data(id)).collect();
            let (purpose, items) = (consent.purpose(purpose)?, items?);
            while !tally.has_begun() {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::scope(|scope| {
                for thread in 1..threads.parse().unwrap_or(1) {
                    let items = &items;
                    scope.spawn(move || of(thread).run(how, purpose, items));
                }
                of(0).run(how, purpose, &items);
            });
            // What rests keeps its gate until it is ended.
            let _ended = std::io::stdin().lines().count();
        }
        other => bail!("{other:?}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn say(reply: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, reply)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

fn take_orders(consent: &Consent) -> Result<()> {
    let mut changed = consent.changed()?;
    let mut begun = Vec::new();
    for line in std::io::stdin().lines() {
        match serde_json::from_str(&line?)? {
            Order::Check(purpose, data) => {
                say(&consent.check(consent.purpose(&purpose)?, consent.data(&data)?).to_string())?;
            }
            Order::CheckAll(purpose, data) => {
                let decisions =
                    consent.check_all(consent.purpose(&purpose)?, &items(consent, &data)?);
                say(&in_words(&decisions))?;
            }
            Order::CheckWith(purpose, data, recipient) => {
                let context = Context::new().recipient(recipient).tag("with");
                let data = items(consent, &data)?;
                match consent.check_with(consent.purpose(&purpose)?, &data, &context) {
                    Ok(decisions) => say(&in_words(&decisions))?,
                    Err(error) => say(&[error.to_string()])?,
                }
            }
            Order::Request(purpose, data) => {
                let data = items(consent, &data)?;
                let asked =
                    consent.request_blocking(consent.purpose(&purpose)?, &data, &Context::new());
                say(&in_words(&asked?))?;
            }
            Order::Begin(purpose, data) => {
                let data = items(consent, &data)?;
                begun.push(consent.request(consent.purpose(&purpose)?, &data, &Context::new()));
                say(&"begun")?;
            }
            Order::Forget => {
                begun.clear();
                say(&"dropped")?;
            }
            Order::Compare(purpose, lists) => {
                let compared: Result<Vec<Compared>> =
                    lists.iter().map(|data| compare(consent, &purpose, data)).collect();
                say(&compared?)?;
            }
            Order::Changed => say(&changed.wait().context("no more changes")?)?,
            Order::WhoAmI => say(&consent.whoami()?)?,
            Order::OpenMore(times, purpose, data) => {
                say(&open_more(consent, times, &purpose, &data)?)?
            }
            Order::Fork(purpose, data) => say(&fork(consent, &purpose, &data)?)?,
            Order::Close => {
                consent.close();
                say(&"closed")?;
            }
        }
    }
    Ok(())
}

fn items(consent: &Consent, data: &[String]) -> Result<Vec<DataItem>> {
    data.iter().map(|id| Ok(consent.data(id)?)).collect()
}

fn in_words(decisions: &[Decision]) -> Vec<String> {
    decisions.iter().map(ToString::to_string).collect()
}

/// What a page says alone can be told from a check that does not wait.
fn compare(consent: &Consent, purpose: &str, data: &[String]) -> Result<Compared> {
    let (handle, handles) = (consent.purpose(purpose)?, items(consent, data)?);
    let page = match handles.as_slice() {
        [item] => consent.try_check(handle, *item).map(|decision| in_words(&[decision])),
        several => Some(in_words(&consent.check_all(handle, several))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bus = runtime.block_on(async {
        let gate = Gate1Proxy::new(&zbus::Connection::system().await?).await?;
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let (answers, _) = gate.preview(purpose, &data, Options::new()).await?;
        anyhow::Ok(answers)
    })?;
    let words = bus.iter().map(|(_, decision, reason, refusal)| {
        let instead = match refusal.as_str() {
            "" | "none" => String::new(),
            other => format!(", use {other} instead"),
        };
        format!("{decision} because {reason}{instead}")
    });
    Ok((page, words.collect()))
}

fn open_more(consent: &Consent, times: usize, purpose: &str, data: &str) -> Result<usize> {
    let said = consent.check(consent.purpose(purpose)?, consent.data(data)?);
    let more: Result<Vec<Consent>, _> = (0..times).map(|_| Consent::open()).collect();
    let mut alike = 0;
    for other in &more? {
        let its = other.check(other.purpose(purpose)?, other.data(data)?);
        alike += usize::from(its == said);
    }
    Ok(alike)
}

/// Forks while other threads check; the child asks once and says it by its exit code.
#[allow(unsafe_code, reason = "fork is what is tried")]
fn fork(consent: &Consent, purpose: &str, data: &str) -> Result<BTreeMap<&'static str, u16>> {
    let (purpose, data) = (consent.purpose(purpose)?, consent.data(data)?);
    let (done, mut said) = (AtomicBool::new(false), BTreeMap::new());
    std::thread::scope(|threads| -> Result<()> {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _noise = consent.check(purpose, data);
                }
            });
        }
        let forked = || -> Result<u16> {
            // SAFETY: what the child does is what the library promises to bear.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                // A child that hangs is ended.
                // SAFETY: a number, no memory.
                unsafe { libc::alarm(30) };
                let first = consent.check(purpose, data);
                let again = consent.try_check(purpose, data);
                let same = again == Some(first);
                std::process::exit(if same { i32::from(first.reason().code()) } else { 255 });
            }
            let pid = Pid::from_raw(pid).context("no child")?;
            let (_, status) = waitpid(Some(pid), WaitOptions::empty())?.context("no end")?;
            Ok(status.exit_status().and_then(|code| u16::try_from(code).ok()).unwrap_or(u16::MAX))
        };
        let child = forked();
        done.store(true, Ordering::Relaxed);
        said.insert("child", child?);
        Ok(())
    })?;
    said.insert("parent", consent.check(purpose, data).reason().code().into());
    Ok(said)
}

/// A thread that checks as fast as it can, until it is killed.
struct Runner<'a> {
    consent: &'a Consent,
    tally: &'a Tally,
    client: usize,
    thread: usize,
}

impl Runner<'_> {
    fn run(&self, how: &str, purpose: consent::Purpose, items: &[DataItem]) {
        let mut decisions = vec![Decision::UNAVAILABLE; items.len()];
        while !self.tally.is_resting(self.client, self.thread) {
            let before = self.tally.period().load(Ordering::SeqCst);
            match (how, items) {
                ("all", items) => self.consent.check_all_into(purpose, items, &mut decisions),
                ("try", [item, ..]) => match self.consent.try_check(purpose, *item) {
                    Some(decision) => decisions[0] = decision,
                    None => continue,
                },
                (_, [item, ..]) => decisions[0] = self.consent.check(purpose, *item),
                (_, []) => return,
            }
            let after = self.tally.period().load(Ordering::SeqCst);
            let allowed = decisions.iter().any(|decision| decision.is_allowed());
            let held = before == after && before % 2 == 1;
            if held && allowed
                || decisions.windows(2).any(|pair| pair[0].reason() != pair[1].reason())
            {
                self.add(Tallied::Wrong);
            }
            for decision in &decisions {
                self.add(if decision.is_allowed() {
                    Tallied::Allowed
                } else if decision.reason() == Reason::DaemonUnavailable {
                    Tallied::Unavailable
                } else {
                    Tallied::Refused
                });
            }
        }
    }

    fn add(&self, what: Tallied) {
        let count = self.tally.of(self.client, self.thread, what);
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::SeqCst);
    }
}
