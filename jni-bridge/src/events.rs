//! What happens without being asked for: answers to requests, and changes. The one Java thread that waits
//! here carries the requests on while it does; no thread of the library's own is started for them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use consent::{Changed, Consent, Context, DataItem, Decision, Purpose};
use futures_util::future::{AbortHandle, Abortable, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::failure::Failure;

/// What Java is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The user, or the daemon's coming back, may have changed decisions.
    Changed(u64),
    /// A request has its answer.
    Answered(i32, Vec<Decision>),
    /// It has none; [`Events::take_failure`] has why.
    Failed(i32),
}

/// A request on its way; nothing when it was cancelled.
type Request = BoxFuture<'static, Option<(i32, Result<Vec<Decision>, consent::Error>)>>;

enum Order {
    Request(i32, Request, AbortHandle),
    Cancel(i32),
    Listen(Changed),
    Close,
}

/// The events of one `Consent`.
pub(crate) struct Events {
    consent: Consent,
    orders: UnboundedSender<Order>,
    wait: Mutex<Wait>,
    failures: Mutex<BTreeMap<i32, consent::Error>>,
}

/// What the waiting thread has in hands.
struct Wait {
    orders: UnboundedReceiver<Order>,
    requests: FuturesUnordered<Request>,
    cancels: BTreeMap<i32, AbortHandle>,
    changes: Option<Changed>,
    over: bool,
}

impl Events {
    pub(crate) fn new(consent: Consent) -> Self {
        let (sender, orders) = unbounded_channel();
        let wait = Wait {
            orders,
            requests: FuturesUnordered::new(),
            cancels: BTreeMap::new(),
            changes: None,
            over: false,
        };
        Self { consent, orders: sender, wait: Mutex::new(wait), failures: Mutex::default() }
    }

    /// Starts a request; its answer comes as an event with this number.
    pub(crate) fn request(
        &self,
        number: i32,
        purpose: Purpose,
        data: &[DataItem],
        context: &Context,
    ) {
        let asked = self.consent.request(purpose, data, context);
        let (handle, registration) = AbortHandle::new_pair();
        let asked = Abortable::new(asked, registration)
            .map(move |answer| answer.ok().map(|answer| (number, answer)))
            .boxed();
        self.order(Order::Request(number, asked, handle));
    }

    /// Takes a request back.
    pub(crate) fn cancel(&self, number: i32) {
        self.order(Order::Cancel(number));
    }

    /// Has changes told from now on.
    pub(crate) fn listen(&self) -> Result<(), Failure> {
        self.order(Order::Listen(self.consent.changed()?));
        Ok(())
    }

    /// Ends the wait, for good.
    pub(crate) fn close(&self) {
        self.order(Order::Close);
    }

    fn order(&self, order: Order) {
        // The other end is in `self`.
        let _sent = self.orders.send(order);
    }

    /// Why a request has no answer; told once.
    pub(crate) fn take_failure(&self, number: i32) -> Option<consent::Error> {
        lock(&self.failures).remove(&number)
    }

    /// Waits for what happens next; nothing when it is closed.
    pub(crate) fn next(&self) -> Result<Option<Event>, Failure> {
        let mut wait = lock(&self.wait);
        // Without timers and sockets: those are the client library's own thread's.
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().map_err(Failure::Wait)?;
        Ok(runtime.block_on(wait.next(self)))
    }
}

impl Wait {
    async fn next(&mut self, events: &Events) -> Option<Event> {
        while !self.over {
            tokio::select! {
                biased;
                order = self.orders.recv() => self.obey(order.unwrap_or(Order::Close), events),
                done = self.requests.next(), if !self.requests.is_empty() => {
                    if let Some(Some((number, answer))) = done {
                        return Some(self.finish(number, answer, events));
                    }
                }
                generation = next_change(&mut self.changes) => return Some(Event::Changed(generation)),
            }
        }
        None
    }

    fn finish(
        &mut self,
        number: i32,
        answer: Result<Vec<Decision>, consent::Error>,
        events: &Events,
    ) -> Event {
        self.cancels.remove(&number);
        match answer {
            Ok(decisions) => Event::Answered(number, decisions),
            Err(error) => {
                lock(&events.failures).insert(number, error);
                Event::Failed(number)
            }
        }
    }

    fn obey(&mut self, order: Order, events: &Events) {
        match order {
            Order::Request(number, request, handle) => {
                self.cancels.insert(number, handle);
                self.requests.push(request);
            }
            Order::Cancel(number) => {
                if let Some(handle) = self.cancels.remove(&number) {
                    handle.abort();
                }
                lock(&events.failures).remove(&number);
            }
            Order::Listen(changes) => self.changes = Some(changes),
            Order::Close => {
                self.over = true;
                self.requests.clear();
                self.cancels.clear();
                self.changes = None;
            }
        }
    }
}

/// The next change; never, where nobody listens or none can come any more.
async fn next_change(changes: &mut Option<Changed>) -> u64 {
    if let Some(stream) = changes {
        if let Some(generation) = stream.next().await {
            return generation;
        }
        *changes = None;
    }
    std::future::pending().await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
