//! Agents on the bus: who shows prompts to whom, what they are sent, what comes back.
//!
//! What an agent says is hostile input. It can allow what was asked, which is what it is for; whatever
//! else it says or does denies.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use consentd_dbus::{Error, Result, names};
use futures_util::FutureExt;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::AbortHandle;
use zbus::message::{Flags, Message};
use zbus::names::UniqueName;
use zbus::{Connection, ObjectPath};

use super::dict::{Options, Reader, dict};
use super::leaving::leaving;
use super::service::Service;
use crate::engine::prompt::Asks;
use crate::prompts::{
    AgentId, Answer, Effect, Ended, Outcome, Prompt, Prompts, Question, Reply, Rubbish, Ticket,
};
use crate::row::Row;

/// The agents, and the prompts that they show.
pub(super) struct Agents {
    pub prompts: Prompts,
    /// By user.
    registered: Mutex<HashMap<u32, Agent>>,
    registrations: AtomicU64,
}

/// Who shows prompts to a user.
struct Agent {
    id: AgentId,
    name: UniqueName<'static>,
    path: ObjectPath<'static>,
    /// Waits until it leaves the bus.
    watch: AbortHandle,
}

/// A question that an agent was sent last for a user: where it went, and its number.
struct Sent {
    number: u64,
    name: UniqueName<'static>,
    path: ObjectPath<'static>,
}

/// An answer that cannot be taken, and why: for the log.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{0}")]
    Body(#[from] zbus::Error),
    #[error("{0}")]
    Key(#[from] Error),
    #[error("{0}")]
    Rubbish(#[from] Rubbish),
}

impl Agents {
    pub fn new(prompts: Prompts) -> Self {
        Self { prompts, registered: Mutex::default(), registrations: AtomicU64::new(1) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Makes an object of a connection the one that shows a user's prompts, in place of any other.
    pub async fn register(
        self: &Arc<Self>,
        connection: &Connection,
        user: u32,
        name: &UniqueName<'_>,
        path: &ObjectPath<'_>,
    ) -> Result<()> {
        let gone = leaving(connection, name).await.map_err(|error| {
            tracing::warn!(%error, "an agent cannot be watched");
            Error::TooManyRequests("the bus has no room for one more agent; try again later".into())
        })?;
        let id = AgentId(self.registrations.fetch_add(1, Ordering::Relaxed));
        let agents = Arc::downgrade(self);
        // What it leaves behind waits for this lock, so it cannot come before what is done under it.
        let mut registered = self.lock();
        let watch = tokio::spawn(async move {
            gone.await;
            if let Some(agents) = agents.upgrade() {
                agents.forget(user, id);
            }
        });
        let (name, path) = (name.to_owned(), path.to_owned());
        let agent = Agent { id, name, path, watch: watch.abort_handle() };
        if let Some(former) = registered.insert(user, agent) {
            former.watch.abort();
        }
        self.prompts.register(user, id);
        Ok(())
    }

    /// Ends what [`Agents::register`] began.
    pub fn unregister(
        &self,
        user: u32,
        name: &UniqueName<'_>,
        path: &ObjectPath<'_>,
    ) -> Result<()> {
        let is_it = |agent: &&Agent| agent.name == *name && agent.path == *path;
        let id = self.lock().get(&user).filter(is_it).map(|agent| agent.id);
        match id {
            Some(id) => {
                self.forget(user, id);
                Ok(())
            }
            None => Err(Error::InvalidArgument(
                "that object is not the agent; another may have registered since".into(),
            )),
        }
    }

    fn forget(&self, user: u32, id: AgentId) {
        let mut registered = self.lock();
        if registered.get(&user).is_some_and(|agent| agent.id == id)
            && let Some(agent) = registered.remove(&user)
        {
            // Told before it is forgotten, so that it hears of what it need not show any more.
            self.prompts.leave(user, id);
            drop(registered);
            agent.watch.abort();
        }
    }

    fn address(
        &self,
        user: u32,
        id: AgentId,
    ) -> Option<(UniqueName<'static>, ObjectPath<'static>)> {
        let registered = self.lock();
        let agent = registered.get(&user).filter(|agent| agent.id == id)?;
        Some((agent.name.clone(), agent.path.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Agent>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out what the prompts want done, in order, for as long as the service lives.
pub(super) async fn carry_out(service: Weak<Service>, mut effects: UnboundedReceiver<Effect>) {
    // By user: an agent that another took the place of is told, too.
    let mut sent: HashMap<u32, Sent> = HashMap::new();
    while let Some(effect) = effects.recv().await {
        let Some(service) = service.upgrade() else { break };
        match effect {
            Effect::Ask { agent, number, prompt, seconds } => {
                let user = prompt.user;
                if let Some(question) = service.put(agent, number, prompt, seconds) {
                    sent.insert(user, question);
                }
            }
            Effect::Cancel { user, number } => {
                let is_it = |sent: &mut Sent| sent.number == number;
                if let Some(question) = take_if(&mut sent, user, is_it) {
                    service.cancel(&question).await;
                }
            }
            Effect::End { prompt, tickets, outcome } => {
                service.end(prompt, &tickets, outcome).await;
            }
        }
    }
}

fn take_if(
    sent: &mut HashMap<u32, Sent>,
    user: u32,
    is_it: impl FnOnce(&mut Sent) -> bool,
) -> Option<Sent> {
    match sent.entry(user) {
        Entry::Occupied(mut known) => is_it(known.get_mut()).then(|| known.remove()),
        Entry::Vacant(_) => None,
    }
}

impl Service {
    /// Sends a question to an agent, if it is still one. The reply is awaited in the background.
    fn put(&self, agent: AgentId, number: u64, prompt: Arc<Prompt>, seconds: u32) -> Option<Sent> {
        let user = prompt.user;
        let prompts = &self.agents.prompts;
        let asked = match self.engine.ask_again(&prompt) {
            Asks::Put(now) if now.question == prompt.question => Some(prompt),
            Asks::Put(now) => prompts.revise(user, number, now.question),
            Asks::Nothing | Asks::Barred => {
                prompts.moot(user, number);
                return None;
            }
        };
        let asked = asked.filter(|_| prompts.is_open(user, number));
        let Some((prompt, (name, path))) = asked.zip(self.agents.address(user, agent)) else {
            prompts.replied(user, number, Reply::Nothing);
            return None;
        };
        let sent = Sent { number, name: name.clone(), path: path.clone() };
        let bus = self.connection.clone();
        let mut asking =
            Box::pin(async move { ask(&bus, (name, path), number, &prompt, seconds).await });
        // Begun here, so that it leaves before whatever is carried out next: a `Cancel`, say.
        if let Some(reply) = asking.as_mut().now_or_never() {
            prompts.replied(user, number, reply);
            return None;
        }
        let agents = Arc::clone(&self.agents);
        tokio::spawn(async move {
            let reply = asking.await;
            agents.prompts.replied(user, number, reply);
        });
        Some(sent)
    }

    /// Tells whoever was asked that nobody waits any more.
    async fn cancel(&self, sent: &Sent) {
        let told = async {
            let call = Message::method_call(&sent.path, "Cancel")
                .destination(&sent.name)
                .interface(names::AGENT)
                .with_flags(Flags::NO_REPLY_EXPECTED)
                .build(&(sent.number,))?;
            self.connection.send(&call).await
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "an agent was not told that a question is over");
        }
    }

    /// Stores what an answer changes, then lets the requests go on.
    async fn end(&self, prompt: Arc<Prompt>, tickets: &[Ticket], mut outcome: Outcome) {
        if let Outcome::Answered(answer) = &outcome {
            let (engine, answer) = (Arc::clone(&self.engine), answer.clone());
            let answered = Arc::clone(&prompt);
            let stored =
                tokio::task::spawn_blocking(move || engine.take_answer(&answered, &answer)).await;
            match stored {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "a prompt's answer was not stored");
                    outcome = Outcome::NotStored;
                }
                Err(error) => {
                    tracing::error!(%error, "storing a prompt's answer broke off");
                    outcome = Outcome::NotStored;
                }
            }
        }
        self.agents.prompts.end(tickets, &Ended { prompt, outcome });
    }
}

async fn ask(
    bus: &Connection,
    (name, path): (UniqueName<'_>, ObjectPath<'_>),
    number: u64,
    prompt: &Prompt,
    seconds: u32,
) -> Reply {
    let body = (number, dict(who(prompt)), dict(what(&prompt.question, seconds)));
    let called = bus.call_method(Some(&name), &path, Some(names::AGENT), "Ask", &body).await;
    let reply = match called {
        Ok(reply) => reply,
        Err(zbus::Error::InputOutput(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
            return Reply::Silence;
        }
        Err(error) => {
            tracing::debug!(%error, user = prompt.user, "an agent did not answer");
            return Reply::Nothing;
        }
    };
    match read(&reply, &prompt.question) {
        Ok(answer) => Reply::Answer(answer),
        Err(why) => {
            tracing::warn!(%why, user = prompt.user, "an agent's answer is none");
            Reply::Nothing
        }
    }
}

fn read(reply: &Message, question: &Question) -> std::result::Result<Answer, Unreadable> {
    let body = reply.body();
    let answer: Options<'_> = body.deserialize()?;
    let mut reader = Reader::new(answer);
    let word = reader.text("answer")?;
    let toggles = reader.texts("toggles")?;
    // A key that is not known here may have meant less than what is left of the answer.
    reader.end("answer, toggles")?;
    Ok(Answer::read(word.as_deref(), toggles, question)?)
}

fn who(prompt: &Prompt) -> Row {
    let caller = &prompt.caller;
    Row::new()
        .with("app", &caller.app)
        .with("name", &prompt.name)
        .with("kind", caller.kind.word())
        .with("instance", &caller.instance)
        .with("trust", caller.trust.word())
        .with("declared", caller.declared.is_some())
        .with("user", prompt.user)
}

fn what(question: &Question, seconds: u32) -> Row {
    Row::new()
        .with("purpose", question.purpose.clone())
        .with("data", question.data.clone())
        .with("toggles", question.toggles.clone())
        .with("basis", question.basis.join(", "))
        .with("recipients", question.recipients.clone())
        .with("destinations", question.destinations.clone())
        .with("retention", question.retention.join("; "))
        .with("mandatory", question.mandatory.clone())
        .with("notice", question.notice.clone())
        .with("deadline", seconds)
}
