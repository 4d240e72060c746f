//! Whose question is answered next: each app's in turn, however many one of them has open.
//!
//! What the bus brings is read first and waits here; the answers are then given app by app. So a flood
//! waits for itself, and another app for one question of the flood's at most.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The apps that wait, in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

/// Whose question it is: user and app; those that nobody identified share theirs.
pub(super) type Asking = (u32, String);

#[derive(Debug, Default)]
struct State {
    /// Somebody has a turn.
    taken: bool,
    waiting: HashMap<Asking, VecDeque<oneshot::Sender<Turn>>>,
    order: VecDeque<Asking>,
}

/// A turn; the next one's begins when it is dropped, be it unused.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// Waits for an app's turn.
    pub async fn take(self: &Arc<Self>, asking: (u32, &str)) -> Turn {
        let place = {
            let mut state = self.lock();
            if state.taken {
                Some(state.wait(asking))
            } else {
                state.taken = true;
                None
            }
        };
        let turn = match place {
            Some(place) => place.await.ok(),
            None => None,
        };
        // The sender is never dropped unused while anybody waits.
        let turn = turn.unwrap_or_else(|| Turn(Arc::clone(self)));
        // What the bus has brought meanwhile gets in line before this turn is over.
        tokio::task::yield_now().await;
        turn
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait(&mut self, (user, app): (u32, &str)) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        let asking = (user, app.to_owned());
        match self.waiting.get_mut(&asking) {
            Some(queue) => queue.push_back(sender),
            None => {
                self.waiting.insert(asking.clone(), VecDeque::from([sender]));
                self.order.push_back(asking);
            }
        }
        receiver
    }

    /// Whoever is next: of the first app in the order, which then is the last.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let asking = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&asking)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&asking);
        } else {
            self.order.push_back(asking);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        loop {
            let next = {
                let mut state = self.0.lock();
                let next = state.next();
                state.taken = next.is_some();
                next
            };
            let Some(next) = next else { return };
            match next.send(Turn(Arc::clone(&self.0))) {
                Ok(()) => return,
                // Who went away while waiting is passed over, by this loop and not by the turn's own end.
                Err(turn) => std::mem::forget(turn),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn each_app_has_its_turn_however_many_one_has_open() {
        let turns = Arc::new(Turns::default());
        let order = Arc::new(Mutex::new(String::new()));
        let mut tasks = Vec::new();
        for app in ["a", "a", "a", "a", "b", "a", "b", "c"] {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _turn = turns.take((1000, app)).await;
                order.lock().unwrap().push_str(app);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), "aabcabaa");
        assert!(turns.lock().order.is_empty() && turns.lock().waiting.is_empty());
        assert!(!turns.lock().taken);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whoever_goes_away_while_waiting_holds_nobody_up() {
        let turns = Arc::new(Turns::default());
        let first = turns.take((1000, "a")).await;
        let mut gone = Box::pin(turns.take((1000, "b")));
        let mut last = Box::pin(turns.take((1000, "c")));
        std::future::poll_fn(|context| {
            assert!(gone.as_mut().poll(context).is_pending());
            assert!(last.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        // Gone after the turn was given to it, and before it knew.
        drop(first);
        drop(gone);
        drop(last.await);
        drop(turns.take((1000, "a")).await);
        assert!(!turns.lock().taken);
    }
}
