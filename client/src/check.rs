//! The questions. Each looks at the page first and asks over the bus where no page answers; whatever
//! goes wrong on the way denies.

use std::collections::BTreeMap;
use std::future::Future;

use consentd_gate::Reason;
use tokio::sync::oneshot;

use crate::Consent;
use crate::bus::{Order, Question, Reply};
use crate::context::Context;
use crate::decision::Decision;
use crate::error::Error;
use crate::life::Life;
use crate::local;
use crate::names::{DataItem, Purpose};
use crate::room::Stand;
use crate::wait::block_on;

type Asked = oneshot::Receiver<Result<Vec<Decision>, Error>>;

/// What a check comes to that this thread's own page could not answer.
enum Way<T> {
    Answered(T),
    /// Only the daemon can answer.
    Call,
    Denied(Decision),
}

impl Consent {
    /// May the app take this, for this purpose, now? Counted, and recorded by the daemon.
    ///
    /// Where the page answers, which is nearly always, it costs nanoseconds: no lock, no allocation, no
    /// system call. Else it asks over the bus and waits, 25 seconds at most. In a runtime that must not
    /// wait call [`check_async`](Self::check_async).
    #[inline]
    pub fn check(&self, purpose: Purpose, data: DataItem) -> Decision {
        match local::check(&self.door, purpose, data) {
            Some(decision) => decision,
            None => self.check_slowly(purpose, data),
        }
    }

    /// The same, if it can be answered without waiting. `None`: only the daemon can; call
    /// [`check`](Self::check) where waiting is fine.
    #[inline]
    #[must_use]
    pub fn try_check(&self, purpose: Purpose, data: DataItem) -> Option<Decision> {
        match local::check(&self.door, purpose, data) {
            Some(decision) => Some(decision),
            None => self.look_again(purpose, data),
        }
    }

    /// [`check`](Self::check) for async callers, in whatever runtime: it waits without blocking.
    pub fn check_async(
        &self,
        purpose: Purpose,
        data: DataItem,
    ) -> impl Future<Output = Decision> + Send + 'static {
        let looked = self.try_check(purpose, data).ok_or_else(|| self.call(purpose, &[data]));
        async move {
            match looked {
                Ok(decision) => decision,
                Err(asked) => single(answer(asked).await),
            }
        }
    }

    /// May the app take all of these, together, for this purpose? One decision per item, in their order,
    /// all of one moment; if any item is personal, all are judged as personal (R58). Each is counted.
    /// More than 256 items deny.
    pub fn check_all(&self, purpose: Purpose, data: &[DataItem]) -> Vec<Decision> {
        let mut decisions = vec![Decision::UNAVAILABLE; data.len()];
        self.check_all_into(purpose, data, &mut decisions);
        decisions
    }

    /// The same into memory that is there. What is left of `decisions` denies, and items that have no
    /// place in it are not asked about.
    pub fn check_all_into(&self, purpose: Purpose, data: &[DataItem], decisions: &mut [Decision]) {
        decisions.fill(Decision::UNAVAILABLE);
        let data = data.get(..decisions.len().min(data.len())).unwrap_or_default();
        match self.check_all_here(purpose, data, decisions) {
            Way::Answered(()) => {}
            Way::Denied(denied) => decisions.fill(denied),
            Way::Call => {
                let answers = block_on(answer(self.call(purpose, data)));
                fill(decisions, answers);
            }
        }
    }

    /// [`check_all`](Self::check_all) for async callers.
    pub fn check_all_async(
        &self,
        purpose: Purpose,
        data: &[DataItem],
    ) -> impl Future<Output = Vec<Decision>> + Send + 'static {
        let mut decisions = vec![Decision::UNAVAILABLE; data.len()];
        let asked = match self.check_all_here(purpose, data, &mut decisions) {
            Way::Answered(()) => None,
            Way::Denied(denied) => {
                decisions.fill(denied);
                None
            }
            Way::Call => Some(self.call(purpose, data)),
        };
        async move {
            if let Some(asked) = asked {
                fill(&mut decisions, answer(asked).await);
            }
            decisions
        }
    }

    /// The same with a context, which pages know nothing of: always over the bus.
    ///
    /// # Errors
    /// The question is wrong. That nobody can be asked is no error: it denies.
    pub fn check_with(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        context: &Context,
    ) -> Result<Vec<Decision>, Error> {
        block_on(self.check_with_async(purpose, data, context))
    }

    /// [`check_with`](Self::check_with) for async callers.
    ///
    /// # Errors
    /// The question is wrong.
    pub fn check_with_async(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        context: &Context,
    ) -> impl Future<Output = Result<Vec<Decision>, Error>> + Send + 'static {
        let count = data.len();
        let asked = self.ask(purpose, data, context, Order::Check);
        async move { decided(asked?.await, count) }
    }

    /// Like [`check_with`](Self::check_with), but what asks is put to the user, and the answer awaited:
    /// as long as the context's deadline says, 20 seconds if it says nothing. A future that is dropped
    /// takes the question back.
    ///
    /// # Errors
    /// The question is wrong, or too many wait already.
    pub fn request(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        context: &Context,
    ) -> impl Future<Output = Result<Vec<Decision>, Error>> + Send + 'static {
        let count = data.len();
        let asked = self.ask(purpose, data, context, Order::Request);
        async move { decided(asked?.await, count) }
    }

    /// [`request`](Self::request) for callers that wait.
    ///
    /// # Errors
    /// The question is wrong, or too many wait already.
    pub fn request_blocking(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        context: &Context,
    ) -> Result<Vec<Decision>, Error> {
        block_on(self.request(purpose, data, context))
    }

    /// Who the daemon takes this process for: `app`, `kind`, `instance`, `user`, `trust`; and if for
    /// nobody, what to do about it.
    ///
    /// # Errors
    /// Nobody can be asked.
    pub fn whoami(&self) -> Result<BTreeMap<String, String>, Error> {
        let (reply, asked) = oneshot::channel();
        let life = self.keeper.life()?;
        if life.room.is_closed() {
            return Err(Error::Closed);
        }
        life.order(Order::WhoAmI(reply));
        Ok(block_on(asked).map_err(|_| Error::Closed)??.into_iter().collect())
    }

    #[cold]
    #[inline(never)]
    fn check_slowly(&self, purpose: Purpose, data: DataItem) -> Decision {
        let again = || local::check(&self.door, purpose, data);
        match self.second_look(purpose, &[data], again) {
            Way::Answered(decision) | Way::Denied(decision) => decision,
            Way::Call => single(block_on(answer(self.call(purpose, &[data])))),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_again(&self, purpose: Purpose, data: DataItem) -> Option<Decision> {
        let again = || local::check(&self.door, purpose, data);
        match self.second_look(purpose, &[data], again) {
            Way::Answered(decision) | Way::Denied(decision) => Some(decision),
            Way::Call => None,
        }
    }

    fn check_all_here(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        decisions: &mut [Decision],
    ) -> Way<()> {
        if data.is_empty() {
            return Way::Answered(());
        }
        if data.len() > local::MAX_ITEMS {
            return Way::Denied(Decision::UNAVAILABLE);
        }
        let mut check = || local::check_all(&self.door, purpose, data, decisions);
        match check() {
            Some(()) => Way::Answered(()),
            None => self.second_look(purpose, data, check),
        }
    }

    /// Finds out why this thread's page does not answer: it has none yet, it was replaced, there is no
    /// daemon, or only the daemon can say.
    fn second_look<T>(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        mut again: impl FnMut() -> Option<T>,
    ) -> Way<T> {
        let Ok(life) = self.keeper.life() else { return Way::Denied(Decision::UNAVAILABLE) };
        if let Err(denied) = self.known(life, purpose, data) {
            return Way::Denied(denied);
        }
        let look = life.room.look();
        if look.search {
            life.order(Order::Search);
        }
        match look.stand {
            Stand::Open(gate) => {
                // The lane or the table that was missing may be all.
                if local::adopt(&gate, self.keeper.tag, &life.names, purpose, data)
                    && let Some(answered) = again()
                {
                    return Way::Answered(answered);
                }
                Way::Call
            }
            Stand::Ask => Way::Call,
            Stand::Away | Stand::Closed => Way::Denied(Decision::UNAVAILABLE),
        }
    }

    /// Handles that this `Consent` never gave are unknown, as they would be to the daemon.
    fn known(&self, life: &Life, purpose: Purpose, data: &[DataItem]) -> Result<(), Decision> {
        let tag = self.keeper.tag;
        if life.names.purposes.get(purpose.place(tag)).is_none() {
            return Err(Decision::denied(Reason::UnknownPurpose));
        }
        if data.iter().any(|item| life.names.items.get(item.place(tag)).is_none()) {
            return Err(Decision::denied(Reason::UnknownData));
        }
        Ok(())
    }

    fn call(&self, purpose: Purpose, data: &[DataItem]) -> Result<Asked, Error> {
        self.ask(purpose, data, &Context::new(), Order::Check)
    }

    /// Sends a question to the thread on the bus.
    fn ask(
        &self,
        purpose: Purpose,
        data: &[DataItem],
        context: &Context,
        order: impl FnOnce(Question, Reply<Vec<Decision>>) -> Order,
    ) -> Result<Asked, Error> {
        let life = self.keeper.life()?;
        let tag = self.keeper.tag;
        let purpose = life.names.purposes.get(purpose.place(tag)).ok_or(Error::Handle)?;
        let items =
            data.iter().map(|item| life.names.items.get(item.place(tag)).map(str::to_owned));
        let question = Question {
            purpose: purpose.to_owned(),
            data: items.collect::<Option<_>>().ok_or(Error::Handle)?,
            context: context.clone(),
        };
        let (reply, asked) = oneshot::channel();
        if !life.room.is_closed() {
            life.order(order(question, reply));
        }
        Ok(asked)
    }
}

/// Waits for an answer. Nobody answers where there is no thread any more.
async fn answer(asked: Result<Asked, Error>) -> Result<Vec<Decision>, Error> {
    asked?.await.unwrap_or(Err(Error::Closed))
}

/// An answer to somebody who can be told what is wrong with the question.
fn decided(
    answer: Result<Result<Vec<Decision>, Error>, oneshot::error::RecvError>,
    count: usize,
) -> Result<Vec<Decision>, Error> {
    match answer.unwrap_or(Err(Error::Closed)) {
        Ok(decisions) => Ok(decisions),
        Err(error) => match denial(&error) {
            Some(denied) => Ok(vec![denied; count]),
            None => Err(error),
        },
    }
}

fn single(answer: Result<Vec<Decision>, Error>) -> Decision {
    let mut decision = [Decision::UNAVAILABLE];
    fill(&mut decision, answer);
    let [decision] = decision;
    decision
}

fn fill(decisions: &mut [Decision], answer: Result<Vec<Decision>, Error>) {
    match answer {
        Ok(answers) => {
            for (decision, answer) in decisions.iter_mut().zip(answers) {
                *decision = answer;
            }
        }
        Err(error) => decisions.fill(denial(&error).unwrap_or(Decision::UNAVAILABLE)),
    }
}

/// The denial that an error is, where the question was right.
fn denial(error: &Error) -> Option<Decision> {
    match error {
        Error::StoreUnavailable(_) => Some(Decision::denied(Reason::StoreUnavailable)),
        Error::CatalogInvalid(_) => Some(Decision::denied(Reason::CatalogUnavailable)),
        Error::Bus(_) | Error::NoDaemon | Error::NoReply | Error::Closed | Error::Unknown(_) => {
            Some(Decision::UNAVAILABLE)
        }
        Error::Gate(_) | Error::System { .. } => Some(Decision::UNAVAILABLE),
        Error::Id { .. }
        | Error::TooManyNames { .. }
        | Error::Handle
        | Error::NotAuthorized(_)
        | Error::InvalidArgument(_)
        | Error::TooLarge(_)
        | Error::TooManyRequests(_) => None,
    }
}
