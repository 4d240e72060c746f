//! Who waits for which answer: the queue, shared, with the time and the requests that hang on it.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::question::{Ended, Outcome, Prompt, Question};
use super::queue::{AgentId, Effect, Millis, Queue, Reply, Ticket, TooMany};

/// The queue, and whoever waits. What is to be done comes out of a channel, in order.
pub struct Prompts {
    inner: Mutex<Inner>,
    began: Instant,
    effects: mpsc::UnboundedSender<Effect>,
}

struct Inner {
    queue: Queue,
    waiting: HashMap<Ticket, oneshot::Sender<Ended>>,
    /// The daemon stops: nothing is put any more.
    closed: bool,
}

impl Prompts {
    /// Nobody waits yet. The one who reads the channel carries out what comes.
    #[must_use]
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Effect>) {
        let (effects, done) = mpsc::unbounded_channel();
        let queue = Queue::new(Box::new(random));
        let inner = Inner { queue, waiting: HashMap::new(), closed: false };
        (Self { inner: Mutex::new(inner), began: Instant::now(), effects }, done)
    }

    /// Puts a question and waits until it is over; nothing comes if `left` ends before.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn put(
        &self,
        prompt: Prompt,
        patience: Duration,
        left: impl Future<Output = ()>,
    ) -> Result<Option<Ended>, TooMany> {
        let (sender, mut ended) = oneshot::channel();
        let until = Instant::now() + patience;
        let user = prompt.user;
        let ticket = {
            let mut inner = self.lock();
            if inner.closed {
                let prompt = std::sync::Arc::new(prompt);
                return Ok(Some(Ended { prompt, outcome: Outcome::Stopped }));
            }
            let ticket = inner.queue.request(self.now(), prompt, self.at(until))?;
            inner.waiting.insert(ticket, sender);
            self.flush(&mut inner);
            ticket
        };
        // Whatever ends this future, nobody waits for that ticket afterwards.
        let waiting = Waiting { prompts: self, user, ticket };
        tokio::pin!(left);
        let overdue = tokio::time::sleep_until(until);
        tokio::pin!(overdue);
        let mut in_time = true;
        let outcome = loop {
            tokio::select! {
                biased;
                ended = &mut ended => break ended.ok(),
                () = &mut left => break None,
                () = &mut overdue, if in_time => {
                    in_time = false;
                    self.change(|queue, now| queue.pass(now));
                }
            }
        };
        drop(waiting);
        Ok(outcome)
    }

    /// Requests are over: tells those that wait.
    pub fn end(&self, tickets: &[Ticket], ended: &Ended) {
        let mut inner = self.lock();
        for ticket in tickets {
            if let Some(waiting) = inner.waiting.remove(ticket) {
                // It may have left this very moment.
                drop(waiting.send(ended.clone()));
            }
        }
    }

    /// An agent registered for a user.
    pub fn register(&self, user: u32, agent: AgentId) {
        self.change(|queue, now| queue.register(now, user, agent));
    }

    /// An agent left.
    pub fn leave(&self, user: u32, agent: AgentId) {
        self.change(|queue, now| queue.leave(now, user, agent));
    }

    /// An agent replied.
    pub fn replied(&self, user: u32, number: u64, reply: Reply) {
        self.change(|queue, now| queue.replied(now, user, number, reply));
    }

    /// Nothing asks any more in a question that was to be put.
    pub fn moot(&self, user: u32, number: u64) {
        self.change(|queue, now| queue.moot(now, user, number));
    }

    /// A question that was to be put asks for something else by now.
    #[must_use]
    pub fn revise(
        &self,
        user: u32,
        number: u64,
        question: Question,
    ) -> Option<std::sync::Arc<Prompt>> {
        self.lock().queue.revise(user, number, question)
    }

    /// Whether a question is still to be answered.
    #[must_use]
    pub fn is_open(&self, user: u32, number: u64) -> bool {
        self.lock().queue.is_open(user, number)
    }

    /// How many requests wait, of all users.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().queue.waiting()
    }

    /// The daemon stops: everything is over, and nothing begins.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.queue.close();
        self.flush(&mut inner);
    }

    fn change(&self, change: impl FnOnce(&mut Queue, Millis)) {
        let mut inner = self.lock();
        change(&mut inner.queue, self.now());
        self.flush(&mut inner);
    }

    /// Under the lock, so that effects keep the order of their causes.
    fn flush(&self, inner: &mut Inner) {
        for effect in inner.queue.effects() {
            // It fails only when the daemon ends.
            drop(self.effects.send(effect));
        }
    }

    fn now(&self) -> Millis {
        self.at(Instant::now())
    }

    fn at(&self, moment: Instant) -> Millis {
        let since = moment.saturating_duration_since(self.began);
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that waits, taken out of the queue when it is dropped.
struct Waiting<'a> {
    prompts: &'a Prompts,
    user: u32,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut inner = self.prompts.lock();
        inner.waiting.remove(&self.ticket);
        inner.queue.withdraw(self.prompts.now(), self.user, self.ticket);
        self.prompts.flush(&mut inner);
    }
}

/// A number that nobody can guess (polkit, CVE-2015-4625); none when the kernel gives none.
fn random() -> Option<u64> {
    let mut bytes = [0; 8];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => Some(u64::from_ne_bytes(bytes)),
        Ok(_) | Err(_) => {
            tracing::error!("the kernel gives no random number: nothing is put to a user");
            None
        }
    }
}
