//! A `Consent` through the lives of processes: each child that fork made begins one of its own, beside
//! its parent's, of which it takes the names alone and never a lock.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};

use consentd_gate::fork::ForkWord;

use crate::bus::{Address, Bus, Order};
use crate::error::Error;
use crate::gate::{Gate, Handles, Here};
use crate::names::{self, Names};
use crate::room::Room;

static TAGS: AtomicU32 = AtomicU32::new(0);

/// What all clones of a `Consent` share. Dropped, it closes.
#[derive(Debug)]
pub struct Keeper {
    pub door: Arc<ForkWord>,
    pub tag: u32,
    /// `None` where the gate came by another way than the bus.
    address: Option<Address>,
    first: Option<Box<Life>>,
}

/// What one process has.
#[derive(Debug)]
pub struct Life {
    pub names: Names,
    pub room: Arc<Room>,
    bus: Option<Bus>,
    next: OnceLock<Box<Life>>,
}

impl Keeper {
    /// Connects and opens a gate.
    pub fn open(address: Address) -> Result<Self, Error> {
        let mut keeper = Self::new(Some(address))?;
        let (begun, begins) = sync_channel(1);
        let first = Life::start(&keeper, Names::default(), |address, room| {
            Bus::start(address, room, begun).map(Some)
        })?;
        keeper.first = Some(Box::new(first));
        // The thread says how it went, or ended before it could.
        begins.recv().unwrap_or(Err(Error::Closed))?;
        Ok(keeper)
    }

    /// Takes a gate that was opened elsewhere.
    pub fn of_gate(
        page: OwnedFd,
        usage: OwnedFd,
        alive: OwnedFd,
        line: OwnedFd,
    ) -> Result<Self, Error> {
        let mut keeper = Self::new(None)?;
        let first = Life::start(&keeper, Names::default(), Life::no_bus)?;
        let handles = Handles { page, usage, alive, line };
        let gate = Gate::open(handles, None, Arc::clone(first.room.here()))?;
        first.room.install(gate);
        keeper.first = Some(Box::new(first));
        Ok(keeper)
    }

    fn new(address: Option<Address>) -> Result<Self, Error> {
        let tag = names::tag(TAGS.fetch_add(1, Ordering::Relaxed));
        Ok(Self { door: Arc::new(ForkWord::new()?), tag, address, first: None })
    }

    /// The life of this process; a parent's, if that had closed it.
    pub fn life(&self) -> Result<&Life, Error> {
        self.life_or(|life| {
            let (begun, _nobody_waits) = sync_channel(1);
            Life::start(self, life.names.copy(), |address, room| {
                Bus::start(address, room, begun).map(Some)
            })
        })
    }

    /// Closes it in this process. A child that has not asked yet never goes to the bus.
    pub fn close(&self) {
        let closed = self.life_or(|life| Life::start(self, life.names.copy(), Life::no_bus));
        if let Ok(life) = closed
            && life.room.is_here()
        {
            life.close();
        }
    }

    fn life_or(&self, begin: impl Fn(&Life) -> Result<Life, Error>) -> Result<&Life, Error> {
        loop {
            let mut life = self.first.as_deref().ok_or(Error::Closed)?;
            while let Some(next) = life.next.get() {
                life = next;
            }
            if life.room.is_here() || life.room.is_closed() {
                return Ok(life);
            }
            // Another thread of this child may have been faster: then this one's ends.
            let _slower = life.next.set(Box::new(begin(life)?));
        }
    }
}

impl Life {
    fn start(
        keeper: &Keeper,
        names: Names,
        bus: impl FnOnce(Address, Arc<Room>) -> Result<Option<Bus>, Error>,
    ) -> Result<Self, Error> {
        let room = Arc::new(Room::new(Arc::clone(&keeper.door), Here::new()?));
        let bus = match &keeper.address {
            Some(address) => bus(address.clone(), Arc::clone(&room))?,
            None => None,
        };
        Ok(Self { names, room, bus, next: OnceLock::new() })
    }

    fn no_bus(_: Address, _: Arc<Room>) -> Result<Option<Bus>, Error> {
        Ok(None)
    }

    /// Tells the thread on the bus; where there is none nobody answers.
    pub fn order(&self, order: Order) {
        if let Some(bus) = &self.bus {
            bus.order(order);
        }
    }

    fn close(&self) {
        self.room.close();
        if let Some(bus) = &self.bus {
            bus.end();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut life) = next {
            next = life.next.take();
            if life.room.is_here() {
                life.close();
            } else {
                // A parent's: its socket, its locks and its thread are not this process's to touch.
                std::mem::forget(life);
            }
        }
    }
}
