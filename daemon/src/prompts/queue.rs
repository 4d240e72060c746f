//! Whose question is shown next: a state machine, without a clock, a bus or a thread of its own.
//!
//! One question at a time per user, app by app in turn. Equal questions share one prompt. A number is
//! answered once; what comes late, twice, or for another question changes nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::question::{Answer, Outcome, Prompt, Question};

/// Requests of one app that wait.
pub const MAX_PER_APP: usize = consentd_dbus::names::MAX_PENDING_PER_APP;
/// Requests of one user's apps that wait.
pub const MAX_PER_USER: usize = consentd_dbus::names::MAX_PENDING_PER_USER;
/// Questions that a user's agents may leave without a reply, before they are asked no more: each takes
/// one of the replies that the bus lets the daemon wait for, of all users together.
pub const MAX_UNANSWERED: usize = 4;

/// One request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// One registration of an agent. No two have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AgentId(pub u64);

/// Milliseconds on a clock that does not go back.
pub type Millis = u64;

/// Too many requests wait already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// Of this app.
    #[error("{MAX_PER_APP} requests of this app wait already; wait for an answer first")]
    OfApp,
    /// Of this user's apps.
    #[error("{MAX_PER_USER} requests of this user's apps wait already; try again later")]
    OfUser,
}

/// What an agent sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer that fits the question.
    Answer(Answer),
    /// An error, or what is no answer.
    Nothing,
    /// No reply at all, for as long as the transport waits.
    Silence,
}

/// What is to be done, in this order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Put a question to an agent.
    Ask {
        /// To which.
        agent: AgentId,
        /// Under which number.
        number: u64,
        /// What.
        prompt: Arc<Prompt>,
        /// How long somebody waits for it at least, seconds.
        seconds: u32,
    },
    /// Nobody waits for it any more.
    Cancel {
        /// Whose.
        user: u32,
        /// Which.
        number: u64,
    },
    /// Requests are over.
    End {
        /// What was asked.
        prompt: Arc<Prompt>,
        /// Which requests.
        tickets: Vec<Ticket>,
        /// What came of it.
        outcome: Outcome,
    },
}

/// All questions of all users.
pub struct Queue {
    desks: HashMap<u32, Desk>,
    next_ticket: u64,
    /// Where numbers come from; none when the kernel gives none.
    numbers: Box<dyn FnMut() -> Option<u64> + Send>,
    effects: Vec<Effect>,
}

/// One user's questions.
#[derive(Debug, Default)]
struct Desk {
    agent: Option<AgentId>,
    open: Option<Open>,
    /// One line an app, the next app first. No line is empty.
    lines: VecDeque<Line>,
    /// Numbers that were put and not replied to, the open one among them.
    unanswered: HashSet<u64>,
}

#[derive(Debug)]
struct Line {
    app: Box<str>,
    questions: VecDeque<Pending>,
}

/// A question and the requests that wait for its answer, each with its deadline.
#[derive(Debug)]
struct Pending {
    prompt: Arc<Prompt>,
    waiting: Vec<(Ticket, Millis)>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    pending: Pending,
}

impl Queue {
    /// An empty one. `numbers` must not be guessable.
    #[must_use]
    pub fn new(numbers: Box<dyn FnMut() -> Option<u64> + Send>) -> Self {
        Self { desks: HashMap::new(), next_ticket: 1, numbers, effects: Vec::new() }
    }

    /// What is to be done since this was last called.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// A request waits for the user, until `deadline`.
    ///
    /// # Errors
    /// Too many wait already.
    pub fn request(
        &mut self,
        now: Millis,
        prompt: Prompt,
        deadline: Millis,
    ) -> Result<Ticket, TooMany> {
        self.pass(now);
        let user = prompt.user;
        let desk = self.desks.entry(user).or_default();
        let of_app = |pending: &&Pending| pending.prompt.caller.app == prompt.caller.app;
        let waiting = |pending: &Pending| pending.waiting.len();
        if desk.pending().filter(of_app).map(waiting).sum::<usize>() >= MAX_PER_APP {
            return Err(TooMany::OfApp);
        }
        if desk.pending().map(waiting).sum::<usize>() >= MAX_PER_USER {
            return Err(TooMany::OfUser);
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        desk.add(prompt, (ticket, deadline));
        self.advance(user, now);
        Ok(ticket)
    }

    /// Whoever requested has left.
    pub fn withdraw(&mut self, now: Millis, user: u32, ticket: Ticket) {
        self.drop_where(user, |(waiting, _)| *waiting == ticket);
        self.advance(user, now);
    }

    /// Ends what has waited too long.
    pub fn pass(&mut self, now: Millis) {
        let users: Vec<u32> = self.desks.keys().copied().collect();
        for user in users {
            for (prompt, tickets) in self.drop_where(user, |(_, deadline)| *deadline <= now) {
                self.effects.push(Effect::End { prompt, tickets, outcome: Outcome::TimedOut });
            }
            self.advance(user, now);
        }
    }

    /// An agent shows a user's questions from now on, in place of the one before it.
    pub fn register(&mut self, now: Millis, user: u32, agent: AgentId) {
        self.pass(now);
        let desk = self.desks.entry(user).or_default();
        desk.agent = Some(agent);
        if let Some(open) = desk.open.take() {
            self.effects.push(Effect::Cancel { user, number: open.number });
            desk.put_back(open.pending);
        }
        self.advance(user, now);
    }

    /// An agent shows nothing any more. Nothing happens if another has taken its place.
    pub fn leave(&mut self, now: Millis, user: u32, agent: AgentId) {
        let Some(desk) = self.desks.get_mut(&user).filter(|desk| desk.agent == Some(agent)) else {
            return;
        };
        desk.agent = None;
        if let Some(open) = desk.open.take() {
            self.effects.push(Effect::Cancel { user, number: open.number });
            desk.put_back(open.pending);
        }
        self.advance(user, now);
    }

    /// An agent replied to a question, or will not. What it says counts if that question is still open.
    pub fn replied(&mut self, now: Millis, user: u32, number: u64, reply: Reply) {
        self.pass(now);
        let outcome = match reply {
            Reply::Answer(answer) => Outcome::Answered(answer),
            Reply::Nothing => Outcome::NoAgent,
            Reply::Silence => Outcome::TimedOut,
        };
        if let Some(desk) = self.desks.get_mut(&user) {
            desk.unanswered.remove(&number);
        }
        self.end_open(now, user, number, outcome);
    }

    /// Nothing asks any more in a question that was about to be put.
    pub fn moot(&mut self, now: Millis, user: u32, number: u64) {
        if let Some(desk) = self.desks.get_mut(&user) {
            desk.unanswered.remove(&number);
        }
        self.end_open(now, user, number, Outcome::Moot);
    }

    /// A question that was about to be put asks for something else by now.
    pub fn revise(&mut self, user: u32, number: u64, question: Question) -> Option<Arc<Prompt>> {
        let open = self.desks.get_mut(&user)?.open.as_mut().filter(|open| open.number == number)?;
        let revised = Prompt { question, ..Prompt::clone(&open.pending.prompt) };
        open.pending.prompt = Arc::new(revised);
        Some(Arc::clone(&open.pending.prompt))
    }

    /// Whether a question is still to be answered.
    #[must_use]
    pub fn is_open(&self, user: u32, number: u64) -> bool {
        let open = self.desks.get(&user).and_then(|desk| desk.open.as_ref());
        open.is_some_and(|open| open.number == number)
    }

    /// How many requests wait, of all users.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let pending = self.desks.values().flat_map(Desk::pending);
        pending.map(|pending| pending.waiting.len()).sum()
    }

    /// Ends everything: the daemon stops.
    pub fn close(&mut self) {
        for (&user, desk) in &mut self.desks {
            if let Some(open) = desk.open.take() {
                self.effects.push(Effect::Cancel { user, number: open.number });
                desk.put_back(open.pending);
            }
            for line in desk.lines.drain(..) {
                self.effects.extend(line.questions.into_iter().map(|q| q.end(Outcome::Stopped)));
            }
        }
        self.desks.clear();
    }

    fn end_open(&mut self, now: Millis, user: u32, number: u64, outcome: Outcome) {
        let desk = self
            .desks
            .get_mut(&user)
            .filter(|desk| desk.open.as_ref().is_some_and(|open| open.number == number));
        if let Some(open) = desk.and_then(|desk| desk.open.take()) {
            self.effects.push(open.pending.end(outcome));
        }
        self.advance(user, now);
    }

    /// Takes requests out of a user's questions; those that nobody waits for are gone, and cancelled if
    /// one was open. Returns what was taken.
    fn drop_where(
        &mut self,
        user: u32,
        is_over: impl Fn(&(Ticket, Millis)) -> bool,
    ) -> Vec<(Arc<Prompt>, Vec<Ticket>)> {
        let Some(desk) = self.desks.get_mut(&user) else { return Vec::new() };
        let mut dropped = Vec::new();
        let mut drop_from = |pending: &mut Pending| {
            let (over, waiting) = pending.waiting.drain(..).partition::<Vec<_>, _>(&is_over);
            pending.waiting = waiting;
            if !over.is_empty() {
                let tickets = over.into_iter().map(|(ticket, _)| ticket).collect();
                dropped.push((Arc::clone(&pending.prompt), tickets));
            }
        };
        if let Some(open) = &mut desk.open {
            drop_from(&mut open.pending);
        }
        desk.lines.iter_mut().flat_map(|line| &mut line.questions).for_each(drop_from);
        if let Some(open) = desk.open.take_if(|open| open.pending.waiting.is_empty()) {
            self.effects.push(Effect::Cancel { user, number: open.number });
        }
        for line in &mut desk.lines {
            line.questions.retain(|pending| !pending.waiting.is_empty());
        }
        desk.lines.retain(|line| !line.questions.is_empty());
        dropped
    }

    /// Puts the next question, if none is open. With nobody to put it to, all are over.
    fn advance(&mut self, user: u32, now: Millis) {
        let Some(desk) = self.desks.get_mut(&user) else { return };
        while desk.open.is_none() {
            let Some(pending) = desk.next() else { break };
            let able = desk.agent.filter(|_| desk.unanswered.len() < MAX_UNANSWERED);
            let able = able.and_then(|agent| Some((agent, (self.numbers)()?)));
            let Some((agent, number)) = able else {
                self.effects.push(pending.end(Outcome::NoAgent));
                continue;
            };
            desk.unanswered.insert(number);
            let (prompt, seconds) = (Arc::clone(&pending.prompt), pending.seconds(now));
            self.effects.push(Effect::Ask { agent, number, prompt, seconds });
            desk.open = Some(Open { number, pending });
        }
        if desk.agent.is_none() && desk.open.is_none() && desk.unanswered.is_empty() {
            self.desks.remove(&user);
        }
    }
}

impl Desk {
    fn pending(&self) -> impl Iterator<Item = &Pending> {
        let open = self.open.iter().map(|open| &open.pending);
        open.chain(self.lines.iter().flat_map(|line| &line.questions))
    }

    /// Joins an equal question, or stands at the end of its app's line.
    fn add(&mut self, prompt: Prompt, request: (Ticket, Millis)) {
        let open = self.open.iter_mut().map(|open| &mut open.pending);
        let mut known = open.chain(self.lines.iter_mut().flat_map(|line| &mut line.questions));
        if let Some(same) = known.find(|pending| pending.prompt.is_same(&prompt)) {
            same.waiting.push(request);
            return;
        }
        let app = prompt.caller.app.clone();
        let pending = Pending { prompt: Arc::new(prompt), waiting: vec![request] };
        match self.lines.iter_mut().find(|line| line.app == app) {
            Some(line) => line.questions.push_back(pending),
            None => self.lines.push_back(Line { app, questions: [pending].into() }),
        }
    }

    /// The first question of the next app, which goes to the end.
    fn next(&mut self) -> Option<Pending> {
        let mut line = self.lines.pop_front()?;
        let next = line.questions.pop_front();
        if !line.questions.is_empty() {
            self.lines.push_back(line);
        }
        next
    }

    /// A question that was taken from its agent is the next.
    fn put_back(&mut self, pending: Pending) {
        let app = pending.prompt.caller.app.clone();
        let at = self.lines.iter().position(|line| line.app == app);
        let line = at.and_then(|at| self.lines.remove(at));
        let mut line = line.unwrap_or(Line { app, questions: VecDeque::new() });
        line.questions.push_front(pending);
        self.lines.push_front(line);
    }
}

impl Pending {
    fn end(self, outcome: Outcome) -> Effect {
        let tickets = self.waiting.into_iter().map(|(ticket, _)| ticket).collect();
        Effect::End { prompt: self.prompt, tickets, outcome }
    }

    /// Until the last of those that wait gives up.
    fn seconds(&self, now: Millis) -> u32 {
        let until = self.waiting.iter().map(|(_, deadline)| *deadline).max().unwrap_or(now);
        u32::try_from(until.saturating_sub(now).div_ceil(1000)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
