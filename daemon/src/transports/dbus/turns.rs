//! Whose question is answered next: each app's in turn, however many one of them has open.
//!
//! What the bus brings is read first and waits here; the answers are then given app by app. Who has more
//! open than an honest program needs gets its answers at a measured pace, so that a flood takes neither
//! the others' turns nor the machine.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// Questions that an app may have waiting and still be answered as fast as can be.
const BURST: usize = 8;
/// Who has more waiting is answered once in this time.
const PACE: Duration = Duration::from_millis(2);

/// The apps that wait, in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

/// Whose question it is: user and app; those that nobody identified share theirs.
pub(super) type Asking = (u32, String);

#[derive(Debug, Default)]
struct State {
    /// Somebody has a turn.
    taken: bool,
    /// Something will look again when a flood's next turn is due.
    timed: bool,
    /// Turns since what the bus brings was last let in.
    since: usize,
    lines: HashMap<Asking, Line>,
    order: VecDeque<Asking>,
}

/// One app's questions.
#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<oneshot::Sender<Turn>>,
    /// When its last turn began.
    last: Option<Instant>,
}

impl Line {
    /// When its next turn is due; none for at once.
    fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.last? + PACE;
        (self.waiting.len() > BURST && due > now).then_some(due)
    }
}

/// Who is next.
enum Next {
    Nobody,
    Now(oneshot::Sender<Turn>),
    Later(Instant),
}

/// A turn; the next one's begins when it is dropped, be it unused.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// Waits for an app's turn.
    pub async fn take(self: &Arc<Self>, asking: (u32, &str)) -> Turn {
        let place = self.lock().enter(asking);
        let turn = match place {
            Some(place) => place.await.ok(),
            None => None,
        };
        // The sender is never dropped unused while anybody waits.
        let turn = turn.unwrap_or_else(|| Turn(Arc::clone(self)));
        if self.lock().lets_in() {
            tokio::task::yield_now().await;
        }
        turn
    }

    /// Gives the turn to whoever is next.
    fn pass(self: &Arc<Self>) {
        loop {
            let (next, is_timed) = {
                let mut state = self.lock();
                let next = state.next(Instant::now());
                state.taken = matches!(next, Next::Now(_));
                let is_timed = state.timed;
                state.timed |= matches!(next, Next::Later(_));
                (next, is_timed)
            };
            match next {
                Next::Nobody => return,
                Next::Later(due) => {
                    if !is_timed {
                        self.look_again(due);
                    }
                    return;
                }
                Next::Now(next) => match next.send(Turn(Arc::clone(self))) {
                    Ok(()) => return,
                    // Who went away while waiting is passed over, by this loop and not by the turn's own
                    // end.
                    Err(turn) => std::mem::forget(turn),
                },
            }
        }
    }

    fn look_again(self: &Arc<Self>, due: Instant) {
        let turns = Arc::clone(self);
        // Without a runtime the daemon ends, and nobody waits.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep_until(due).await;
                let is_free = {
                    let mut state = turns.lock();
                    state.timed = false;
                    !state.taken
                };
                if is_free {
                    turns.pass();
                }
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the turn if it is free, or gets in line.
    fn enter(&mut self, (user, app): (u32, &str)) -> Option<oneshot::Receiver<Turn>> {
        if !self.taken && self.lines.is_empty() {
            self.taken = true;
            return None;
        }
        let asking = (user, app.to_owned());
        if !self.taken && !self.lines.contains_key(&asking) {
            self.taken = true;
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        match self.lines.get_mut(&asking) {
            Some(line) => line.waiting.push_back(sender),
            None => {
                let line = Line { waiting: VecDeque::from([sender]), last: None };
                self.lines.insert(asking.clone(), line);
                self.order.push_back(asking);
            }
        }
        Some(receiver)
    }

    /// Whether what the bus has brought meanwhile has to get in line before this turn is over: always
    /// where somebody waits, else now and then, since what was read and not begun waits nowhere yet.
    fn lets_in(&mut self) -> bool {
        self.since += 1;
        let lets_in = !self.lines.is_empty() || self.since > BURST;
        if lets_in {
            self.since = 0;
        }
        lets_in
    }

    /// Whoever is next: of the first app in the order whose turn is due, which then is the last.
    fn next(&mut self, now: Instant) -> Next {
        let mut soonest: Option<Instant> = None;
        for _ in 0..self.order.len() {
            let Some(asking) = self.order.pop_front() else { break };
            let Some(line) = self.lines.get_mut(&asking) else { continue };
            if let Some(due) = line.due(now) {
                soonest = Some(soonest.map_or(due, |soonest| soonest.min(due)));
                self.order.push_back(asking);
                continue;
            }
            line.last = Some(now);
            let next = line.waiting.pop_front();
            if line.waiting.is_empty() {
                self.lines.remove(&asking);
            } else {
                self.order.push_back(asking);
            }
            if let Some(next) = next {
                return Next::Now(next);
            }
        }
        soonest.map_or(Next::Nobody, Next::Later)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.pass();
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
        let flood = std::iter::repeat_n("a", BURST);
        for app in flood.chain(["a", "a", "a", "a", "b", "a", "b", "c"]) {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _turn = turns.take((1000, app)).await;
                order.lock().unwrap().push_str(app);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        // The line forms once a few had their turn; then each app is next in turn.
        let order = order.lock().unwrap();
        assert_eq!(*order, format!("{}aabcabaa", "a".repeat(BURST)));
        assert!(turns.lock().order.is_empty() && turns.lock().lines.is_empty());
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
    #[test]
    fn a_flood_is_paced_and_nobody_else_is() {
        let mut state = State { taken: true, ..State::default() };
        let mut places = Vec::new();
        for _ in 0..BURST + 3 {
            places.push(state.enter((1000, "flood")).unwrap());
        }
        let mut now = Instant::now();
        assert!(matches!(state.next(now), Next::Now(_)), "the first of them is at once");
        for left in [BURST + 2, BURST + 1] {
            let Next::Later(due) = state.next(now) else { panic!("{left} left, and no pace") };
            assert_eq!(due, now + PACE);
            let other = state.enter((1000, "other")).unwrap();
            let Next::Now(given) = state.next(now) else { panic!("the flood's pace is its own") };
            drop((given, other));
            now = due;
            assert!(matches!(state.next(now), Next::Now(_)));
        }
        for _ in 0..BURST {
            assert!(matches!(state.next(now), Next::Now(_)), "what is left is a burst");
        }
        assert!(matches!(state.next(now), Next::Nobody) && state.lines.is_empty());
    }
}
