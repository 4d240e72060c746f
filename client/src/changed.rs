//! Who hears that decisions may have changed: one number, the newest, however late it is read.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{Errno, retry_on_intr};

use crate::error::{Error, system};
use crate::gate::Here;

/// The generations of changes that concern the app, by [`Consent::changed`](crate::Consent::changed):
/// a stream, a wait, and a descriptor to poll. What was not read in time is left out, but for
/// the newest. It ends when its `Consent` is closed, and in a child.
#[derive(Debug)]
pub struct Changed {
    slot: Arc<Slot>,
    here: Arc<Here>,
}

/// What the thread on the bus writes and a [`Changed`] reads.
#[derive(Debug)]
pub struct Slot {
    /// Readable while there is something to read.
    bell: OwnedFd,
    news: Mutex<News>,
}

#[derive(Debug, Default)]
struct News {
    generation: Option<u64>,
    ended: bool,
    waker: Option<Waker>,
}

impl Changed {
    pub(crate) fn new(here: Arc<Here>) -> Result<Self, Error> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let bell = bell.map_err(system("have a descriptor for changes"))?;
        Ok(Self { slot: Arc::new(Slot { bell, news: Mutex::default() }), here })
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// The newest generation that was not read yet, at once; `None` if there is none.
    #[must_use]
    pub fn read(&self) -> Option<u64> {
        if !self.here.is_here() {
            return None;
        }
        self.slot.take().0
    }

    /// Waits for the next one; `None` at the end. `iter::from_fn(|| changed.wait())` is all of them.
    pub fn wait(&mut self) -> Option<u64> {
        loop {
            if !self.here.is_here() {
                return None;
            }
            match self.slot.take() {
                (Some(generation), _) => return Some(generation),
                (None, false) => return None,
                (None, true) => {
                    let mut bell = [PollFd::new(&self.slot.bell, PollFlags::IN)];
                    match retry_on_intr(|| poll(&mut bell, None)) {
                        Ok(_) | Err(Errno::NOMEM) => {}
                        Err(_) => return None,
                    }
                }
            }
        }
    }
}

impl Slot {
    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, generation: u64) {
        self.note(|news| news.generation = Some(generation));
    }

    pub fn end(&self) {
        self.note(|news| news.ended = true);
    }

    fn note(&self, change: impl FnOnce(&mut News)) {
        let mut news = self.news();
        change(&mut news);
        // A bell that cannot ring louder rings.
        let _rings = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        let waker = news.waker.take();
        drop(news);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What is to be read, and whether more may come.
    fn take(&self) -> (Option<u64>, bool) {
        let mut news = self.news();
        if !news.ended {
            let _was_silent = rustix::io::read(&self.bell, &mut [0; 8]);
        }
        (news.generation.take(), !news.ended)
    }
}

/// Readable while there is something to [`read`](Changed::read), or after the end.
impl AsFd for Changed {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.slot.bell.as_fd()
    }
}

impl Stream for Changed {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<u64>> {
        if !self.here.is_here() {
            return Poll::Ready(None);
        }
        match self.slot.take() {
            (Some(generation), _) => Poll::Ready(Some(generation)),
            (None, false) => Poll::Ready(None),
            (None, true) => {
                let mut news = self.slot.news();
                news.waker = Some(context.waker().clone());
                // It may have come in between.
                if news.generation.is_some() || news.ended {
                    context.waker().wake_by_ref();
                }
                Poll::Pending
            }
        }
    }
}
