//! What one process has of a `Consent`: the gate in force, or why there is none. Shared by the threads
//! that check and the thread on the bus. Never speaks to the bus itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use consentd_gate::fork::ForkWord;

use crate::changed::Slot;
use crate::gate::{Gate, Here, NO_GATE};

/// Between one attempt and the next to find a daemon that is not there; each pause is twice the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a check does that its own thread's entry could not answer.
pub enum Stand {
    /// This gate answers.
    Open(Arc<Gate>),
    /// It goes over the bus.
    Ask,
    /// It is denied: there is no daemon.
    Away,
    /// It is denied: this end is closed.
    Closed,
}

/// And whether somebody is to look for a gate meanwhile. Said to one, and then not again for a while.
pub struct Look {
    pub stand: Stand,
    pub search: bool,
}

#[derive(Debug)]
pub struct Room {
    /// The number of the gate in force; nobody stores it but with `state` locked.
    door: Arc<ForkWord>,
    here: Arc<Here>,
    closed: AtomicBool,
    state: Mutex<State>,
    slots: Mutex<Vec<Weak<Slot>>>,
}

#[derive(Debug)]
struct State {
    gate: Option<Arc<Gate>>,
    /// Where there is no gate: whether the daemon is away, or only gives none.
    away: bool,
    next: Instant,
    pause: Duration,
}

impl Room {
    pub fn new(door: Arc<ForkWord>, here: Arc<Here>) -> Self {
        let state = State { gate: None, away: false, next: Instant::now(), pause: FIRST_PAUSE };
        let (state, slots) = (Mutex::new(state), Mutex::default());
        Self { door, here, closed: AtomicBool::new(false), state, slots }
    }

    /// Whether this process is the one that made it, and no child.
    pub fn is_here(&self) -> bool {
        self.here.is_here()
    }

    /// Marks the gates of this process.
    pub fn here(&self) -> &Arc<Here> {
        &self.here
    }

    /// Takes no lock, for a child too.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// How a check goes on.
    pub fn look(&self) -> Look {
        if self.is_closed() {
            return Look { stand: Stand::Closed, search: false };
        }
        let mut state = self.state();
        if let Some(gate) = &state.gate {
            let search = !gate.speaks() && gate.is_first_to_replace();
            let stand = if gate.speaks() { Stand::Open(Arc::clone(gate)) } else { Stand::Ask };
            return Look { stand, search };
        }
        let now = Instant::now();
        let search = now >= state.next;
        if search {
            state.next = now + state.pause;
            state.pause = (state.pause * 2).min(LONGEST_PAUSE);
        }
        Look { stand: if state.away { Stand::Away } else { Stand::Ask }, search }
    }

    /// The gate in force.
    pub fn gate(&self) -> Option<Arc<Gate>> {
        self.state().gate.clone()
    }

    /// Puts a gate in force, unless this end was closed meanwhile.
    pub fn install(&self, gate: Gate) {
        let mut state = self.state();
        if self.is_closed() {
            return;
        }
        self.door.store(gate.number);
        state.gate = Some(Arc::new(gate));
        state.away = false;
        state.pause = FIRST_PAUSE;
    }

    /// Takes the gate in force out of it: checks go over the bus meanwhile.
    pub fn withdraw(&self) -> Option<Arc<Gate>> {
        let mut state = self.state();
        self.door.store(NO_GATE);
        state.away = false;
        state.gate.take()
    }

    /// The daemon is not there: checks deny at once.
    pub fn away(&self) {
        let mut state = self.state();
        state.away = true;
        state.next = Instant::now() + state.pause;
    }

    /// The daemon is there and gives no gate: checks go over the bus.
    pub fn refused(&self) {
        let mut state = self.state();
        state.away = false;
        state.next = Instant::now() + state.pause;
    }

    /// Closes this end, once: what was counted is counted, and every check from here on denies.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Some(gate) = self.withdraw() {
            gate.quiesce();
            gate.hang_up();
        }
        for slot in self.slots().drain(..).filter_map(|slot| slot.upgrade()) {
            slot.end();
        }
    }

    /// Lets a slot hear of changes; one of a closed room hears that it is.
    pub fn listen(&self, slot: &Arc<Slot>) {
        let mut slots = self.slots();
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(slot));
        drop(slots);
        if self.is_closed() {
            slot.end();
        }
    }

    /// Tells everybody who listens.
    pub fn tell(&self, generation: u64) {
        let slots: Vec<Arc<Slot>> = self.slots().iter().filter_map(Weak::upgrade).collect();
        for slot in slots {
            slot.tell(generation);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Weak<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
