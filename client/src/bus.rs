//! The one thread of a `Consent` that speaks to the bus: it opens gates, asks what no page answers, and
//! hears of changes. Asleep while nothing happens. No check from a page comes by here.

mod session;

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use self::session::{Heard, Session, Start};
use crate::context::Context;
use crate::decision::Decision;
use crate::error::{Error, system};
use crate::gate::Gate;
use crate::room::Room;

/// Which bus.
#[derive(Debug, Clone)]
pub enum Address {
    /// The system's, or `DBUS_SYSTEM_BUS_ADDRESS`.
    System,
    At(String),
}

/// What is asked.
#[derive(Debug)]
pub struct Question {
    pub purpose: String,
    pub data: Vec<String>,
    pub context: Context,
}

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What the thread is told.
#[derive(Debug)]
pub enum Order {
    Check(Question, Reply<Vec<Decision>>),
    Request(Question, Reply<Vec<Decision>>),
    WhoAmI(Reply<Vec<(String, String)>>),
    /// The gate in force is of no more use, or there is none.
    Search,
    Close,
}

/// The thread, by the one who started it.
#[derive(Debug)]
pub struct Bus {
    orders: UnboundedSender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Bus {
    /// Starts the thread, which first connects and opens a gate, and then says how that went.
    pub fn start(
        address: Address,
        room: Arc<Room>,
        begun: SyncSender<Result<(), Error>>,
    ) -> Result<Self, Error> {
        let (orders, heard) = unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("consent".to_owned())
            .spawn(move || run(address, room, &begun, heard))
            .map_err(system("start the thread that speaks to the bus"))?;
        Ok(Self { orders, thread: Mutex::new(Some(thread)) })
    }

    /// Tells it. Once it has ended nobody answers.
    pub fn order(&self, order: Order) {
        let _ended = self.orders.send(order);
    }

    /// Ends the thread. It is over when this returns.
    pub fn end(&self) {
        self.order(Order::Close);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|thread| !is_this(thread)) {
            // One that panicked has ended too, which is all that is wanted.
            let _ended = thread.join();
        }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.end();
    }
}

/// A waker of the app's own, which runs in the thread, can drop what is left of the `Consent` there.
fn is_this(thread: &JoinHandle<()>) -> bool {
    thread.thread().id() == std::thread::current().id()
}

fn run(
    address: Address,
    room: Arc<Room>,
    begun: &SyncSender<Result<(), Error>>,
    orders: UnboundedReceiver<Order>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            let mut clerk = Clerk { address, room, session: None, search: None, left: None };
            // Nobody waits for it after a fork.
            let _nobody = begun.send(clerk.begin().await);
            clerk.serve(orders).await;
        }),
        Err(error) => {
            let _nobody = begun.send(Err(system("start a runtime for the bus")(error)));
        }
    }
}

/// What the thread knows.
struct Clerk {
    address: Address,
    room: Arc<Room>,
    session: Option<Session>,
    /// The search for a gate that is under way.
    search: Option<Search>,
    /// The gate of a daemon that is dead or stops, for the next one to count.
    left: Option<Arc<Gate>>,
}

struct Search {
    found: oneshot::Receiver<Result<(Gate, u64), Error>>,
    /// Whether a daemon came meanwhile: then one more try, if this one fails.
    again: bool,
}

enum Event {
    Order(Option<Order>),
    Heard(Heard),
    Found(Result<(Gate, u64), Error>),
}

impl Clerk {
    /// Connects and opens the first gate. It went well where checks are answered, over the bus maybe.
    async fn begin(&mut self) -> Result<(), Error> {
        let connected = self.connect().await;
        let Some(session) = self.session.as_ref().filter(|_| connected.is_ok()) else {
            self.room.away();
            return connected;
        };
        match session.open(None, Start::Asked, self.room.here()).await {
            Ok((gate, _)) => {
                self.room.install(gate);
                Ok(())
            }
            Err(error) => match is_away(&error) {
                true => {
                    self.room.away();
                    Err(error)
                }
                false => {
                    self.room.refused();
                    Ok(())
                }
            },
        }
    }

    async fn serve(&mut self, mut orders: UnboundedReceiver<Order>) {
        loop {
            match self.event(&mut orders).await {
                Event::Order(None | Some(Order::Close)) => break,
                Event::Order(Some(order)) => self.carry_out(order).await,
                Event::Heard(Heard::Changed(generation)) => {
                    self.room.tell(generation);
                    // The catalogue changed, maybe, and the page with it.
                    self.look_for_gate(Start::Not);
                }
                Event::Heard(Heard::Daemon) => {
                    if let Some(search) = &mut self.search {
                        search.again = true;
                    }
                    self.look_for_gate(Start::Not);
                }
                Event::Heard(Heard::End) => {
                    self.session = None;
                    if !self.room.gate().is_some_and(|gate| gate.speaks()) {
                        self.room.away();
                    }
                }
                Event::Found(found) => self.found(found),
            }
        }
        if let Some(session) = self.session.take() {
            session.leave().await;
        }
    }

    async fn event(&mut self, orders: &mut UnboundedReceiver<Order>) -> Event {
        let (session, search) = (&mut self.session, &mut self.search);
        let heard = async {
            match session {
                Some(session) => session.hear().await,
                None => std::future::pending().await,
            }
        };
        let found = async {
            match search {
                Some(search) => (&mut search.found).await.unwrap_or(Err(Error::Closed)),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => Event::Order(order),
            heard = heard => Event::Heard(heard),
            found = found => Event::Found(found),
        }
    }

    async fn carry_out(&mut self, order: Order) {
        if self.session.is_none()
            && let Err(error) = self.connect().await
        {
            return refuse(order, error);
        }
        let Some(session) = &self.session else { return refuse(order, Error::Closed) };
        match order {
            Order::Check(question, reply) => session.check(question, reply),
            Order::Request(question, reply) => {
                session::request(self.address.clone(), question, reply);
            }
            Order::WhoAmI(reply) => session.who_am_i(reply),
            Order::Search => self.look_for_gate(Start::Asked),
            // Comes to `serve` alone.
            Order::Close => {}
        }
    }

    async fn connect(&mut self) -> Result<(), Error> {
        match Session::connect(&self.address).await {
            Ok(session) => {
                self.session = Some(session);
                Ok(())
            }
            Err(error) => {
                if self.room.gate().is_none() {
                    self.room.away();
                }
                Err(error)
            }
        }
    }

    /// Opens another gate, if the one in force does not speak and nobody is at it.
    fn look_for_gate(&mut self, start: Start) {
        let Some(session) = &self.session else { return };
        if self.search.is_some() || self.room.gate().is_some_and(|gate| gate.speaks()) {
            return;
        }
        if let Some(gate) = self.room.withdraw() {
            gate.quiesce();
            if gate.is_superseded() {
                // Its own daemon has the usage, and counts what is there when the line ends.
                gate.hang_up();
            } else {
                self.left = Some(gate);
            }
        }
        let found = session.search(self.left.clone(), start, Arc::clone(self.room.here()));
        self.search = Some(Search { found, again: false });
    }

    fn found(&mut self, found: Result<(Gate, u64), Error>) {
        let again = self.search.take().is_some_and(|search| search.again);
        match found {
            Ok((gate, generation)) => {
                if let Some(left) = self.left.take() {
                    left.hang_up();
                }
                self.room.install(gate);
                self.room.tell(generation);
            }
            Err(_) if again => self.look_for_gate(Start::Not),
            Err(error) if is_away(&error) => self.room.away(),
            Err(_) => self.room.refused(),
        }
    }
}

/// Whether nobody is there who could answer a check.
fn is_away(error: &Error) -> bool {
    match error {
        Error::Bus(_) | Error::NoDaemon | Error::NoReply | Error::Closed => true,
        Error::Id { .. }
        | Error::TooManyNames { .. }
        | Error::Handle
        | Error::NotAuthorized(_)
        | Error::InvalidArgument(_)
        | Error::TooLarge(_)
        | Error::TooManyRequests(_)
        | Error::StoreUnavailable(_)
        | Error::CatalogInvalid(_)
        | Error::Unknown(_)
        | Error::Gate(_)
        | Error::System { .. } => false,
    }
}

fn refuse(order: Order, error: Error) {
    match order {
        Order::Check(_, reply) | Order::Request(_, reply) => {
            let _nobody = reply.send(Err(error));
        }
        Order::WhoAmI(reply) => {
            let _nobody = reply.send(Err(error));
        }
        Order::Search | Order::Close => {}
    }
}
