//! An opened gate: the four descriptors as memory, and who counts in it. Answers from it are given in
//! [`local`](crate::local); here it is opened, and taken out of use so that no count is lost.
//!
//! # Why no count is lost when a gate goes
//! A thread says that it is in a check before it looks which gate is in force and whether the daemon
//! lives, and says that it is out after it counted. Whoever takes a gate out of use first makes sure
//! that nobody can find it any more (another number is in force, or the daemon is dead, or the page
//! calls), then has every thread pass a barrier, then waits for those that are in. A check that was in
//! before the barrier is waited for; one that comes after it sees that the gate is gone, and counts
//! nothing there.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, compiler_fence};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use consentd_gate::alive::Alive;
use consentd_gate::fork::ForkWord;
use consentd_gate::page::{Page, PairIndex, State};
use consentd_gate::usage::Usage;
use consentd_gate::{GateError, Seat};
use rustix::net::{SendFlags, Shutdown};
use rustix::thread::{MembarrierCommand, membarrier};

/// Longer than a thread that is in a check is kept from running.
const PATIENCE: Duration = Duration::from_secs(1);

/// The number that stands in the door while no gate is in force. Children read 0.
pub const NO_GATE: u64 = 1;

/// Numbers of gates; none is used twice in a process or in its children.
static NEXT: AtomicU64 = AtomicU64::new(NO_GATE + 1);

/// Whether this process is the one that made it, and no child.
#[derive(Debug)]
pub struct Here(ForkWord);

impl Here {
    pub fn new() -> Result<Arc<Self>, GateError> {
        let word = ForkWord::new()?;
        word.store(1);
        Ok(Arc::new(Self(word)))
    }

    pub fn is_here(&self) -> bool {
        self.0.load() != 0
    }
}

/// The descriptors of a gate, as the daemon gives them.
#[derive(Debug)]
pub struct Handles {
    pub page: OwnedFd,
    pub usage: OwnedFd,
    pub alive: OwnedFd,
    pub line: OwnedFd,
}

/// A gate in use.
#[derive(Debug)]
pub struct Gate {
    pub number: u64,
    pub page: Page,
    usage: Usage,
    alive: Alive,
    line: OwnedFd,
    here: Arc<Here>,
    /// The drain epoch in which some thread told the daemon.
    told: AtomicU64,
    /// Whether another gate was asked for in its place.
    replaced: AtomicBool,
    hung_up: AtomicBool,
    guests: Mutex<Vec<Weak<Guest>>>,
}

impl Gate {
    /// Opens the descriptors. With an expected id, a page of another is refused.
    pub fn open(handles: Handles, id: Option<u64>, here: Arc<Here>) -> Result<Self, GateError> {
        let page = Page::open(handles.page, id)?;
        let usage = Usage::open(handles.usage, &page)?;
        Ok(Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            alive: Alive::open(handles.alive)?,
            page,
            usage,
            line: handles.line,
            here,
            told: AtomicU64::new(0),
            replaced: AtomicBool::new(false),
            hung_up: AtomicBool::new(false),
            guests: Mutex::default(),
        })
    }

    /// Whether its daemon lives.
    #[inline]
    pub fn is_alive(&self) -> bool {
        self.alive.is_alive()
    }

    /// Whether it answers: its daemon lives and has no other page for the app, and nobody hung up.
    pub fn speaks(&self) -> bool {
        let hung_up = self.hung_up.load(Ordering::Relaxed);
        !hung_up && self.is_alive() && self.page.state() == State::Live
    }

    /// Whether its daemon lives and has another page for the app.
    pub fn is_superseded(&self) -> bool {
        self.is_alive() && self.page.state() == State::Superseded
    }

    /// Whether this process opened it.
    pub fn is_ours(&self) -> bool {
        self.here.is_here()
    }

    /// A seat for a thread, with a place for each of these purposes with each of these items, purpose by
    /// purpose; `None` once its daemon is dead.
    pub fn seat(&self, guest: &Arc<Guest>, purposes: &[&str], items: &[&str]) -> Option<Seat> {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|guest| guest.strong_count() > 0);
        guests.push(Arc::downgrade(guest));
        Seat::new(&self.page, &self.alive, self.usage.lane(), self.pairs(purposes, items))
    }

    /// The pairs that these names make; `None` for what is no pair of the page.
    fn pairs(&self, purposes: &[&str], items: &[&str]) -> impl Iterator<Item = Option<PairIndex>> {
        let directory = self.page.directory();
        let items: Vec<_> = items.iter().map(|name| directory.data(name)).collect();
        purposes.iter().flat_map(move |name| {
            let purpose = directory.purpose(name);
            let pair = |item: &Option<_>| directory.pair(purpose?, (*item)?);
            items.iter().map(pair).collect::<Vec<_>>()
        })
    }

    /// The page's and the usage's descriptors, for a daemon that has started anew.
    pub fn kept(&self) -> (BorrowedFd<'_>, BorrowedFd<'_>) {
        (self.page.fd(), self.usage.fd())
    }

    /// The first time true: somebody is to ask for another gate.
    pub fn is_first_to_replace(&self) -> bool {
        !self.replaced.swap(true, Ordering::Relaxed)
    }

    /// Tells the daemon that there are counts, once in an epoch. Whoever counted in an epoch in which
    /// another thread told is seen by the drain that follows the telling.
    #[cold]
    #[inline(never)]
    pub fn tell(&self, epoch: u64) {
        if self.told.swap(epoch, Ordering::Relaxed) != epoch {
            // A line that is full has told already, and one that is broken tells nobody.
            let quiet = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            let _told = rustix::net::send(&self.line, b"d", quiet);
        }
    }

    /// Waits until no thread counts in it. Before that nobody can find it any more.
    pub fn quiesce(&self) {
        if membarrier(MembarrierCommand::GlobalExpedited).is_err() {
            // Without barriers for others: stores reach memory by themselves, long before this is over.
            std::thread::sleep(Duration::from_millis(1));
        }
        let guests: Vec<Arc<Guest>> = {
            let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
            guests.iter().filter_map(Weak::upgrade).collect()
        };
        let began = Instant::now();
        while guests.iter().any(|guest| guest.is_in()) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_micros(50));
        }
    }

    /// Hangs up: the daemon drains and closes it.
    pub fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Relaxed);
        let _gone = rustix::net::shutdown(&self.line, Shutdown::Both);
    }
}

/// A thread that checks: whether it is in a check now. Written by that thread alone.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Guest(AtomicU32);

impl Guest {
    #[inline]
    pub fn enter(&self) {
        self.0.store(1, Ordering::Relaxed);
        // The barrier that quiesce brings makes the processor keep to this too.
        compiler_fence(Ordering::SeqCst);
    }

    #[inline]
    pub fn leave(&self) {
        self.0.store(0, Ordering::Release);
    }

    fn is_in(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }
}
