//! A connection to the bus, and the daemon's members as they go over it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use consentd_dbus::{Details, ItemResult, Options, names};
use futures_core::Stream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use zbus::proxy::MethodFlags;
use zbus::wire::{DynamicDeserialize, DynamicType};
use zbus::{Connection, Fd, MatchRule, Message, MessageStream, Proxy, Variant, message};

use super::{Address, Question, Reply};
use crate::decision::Decision;
use crate::error::Error;
use crate::gate::{Gate, Handles, Here};

/// What the field's own libraries wait for a reply.
const PATIENCE: Duration = Duration::from_secs(25);
/// A request's reply comes this much after its deadline at most.
const GRACE: Duration = Duration::from_secs(5);

const DBUS: &str = "org.freedesktop.DBus";
const OWNER_CHANGED: &str = "NameOwnerChanged";

/// Whether the bus may start a daemon that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// An app asked.
    Asked,
    /// It only looks whether one is there.
    Not,
}

/// What the bus says unasked.
pub enum Heard {
    /// The app's decisions may have changed.
    Changed(u64),
    /// A daemon came.
    Daemon,
    /// The bus hung up.
    End,
}

pub struct Session {
    proxy: Proxy<'static>,
    messages: MessageStream,
}

impl Session {
    pub async fn connect(address: &Address) -> Result<Self, Error> {
        let connection = in_time(PATIENCE, connection(address)).await?;
        let messages = MessageStream::from(&connection);
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .sender(DBUS)
            .interface(DBUS)
            .member(OWNER_CHANGED)
            .add_arg(names::BUS_NAME)
            .build()?
            .to_string();
        let path = "/org/freedesktop/DBus";
        let told = connection.call_method(Some(DBUS), path, Some(DBUS), "AddMatch", &rule);
        in_time(PATIENCE, told).await?;
        let proxy = Proxy::new(&connection, names::BUS_NAME, names::PATH, names::GATE).await?;
        Ok(Self { proxy, messages })
    }

    /// The next thing of interest.
    pub async fn hear(&mut self) -> Heard {
        loop {
            let next = poll_fn(|context| Pin::new(&mut self.messages).poll_next(context)).await;
            let Some(Ok(message)) = next else { return Heard::End };
            if let Some(heard) = interesting(&message) {
                return heard;
            }
        }
    }

    /// Answers a check.
    pub fn check(&self, question: Question, reply: Reply<Vec<Decision>>) {
        let proxy = self.proxy.clone();
        tokio::spawn(async move {
            let _nobody = reply.send(ask(&proxy, "Check", &question, PATIENCE).await);
        });
    }

    /// Who the daemon takes this process for.
    pub fn who_am_i(&self, reply: Reply<Vec<(String, String)>>) {
        let proxy = self.proxy.clone();
        tokio::spawn(async move {
            let body = (Options::new(),);
            let said = call(&proxy, "WhoAmI", Start::Asked, PATIENCE, &body).await;
            let _nobody = reply.send(said.map(in_words));
        });
    }

    /// Opens a gate, and gives the generation that the daemon was at. It is shown what `left` counted.
    pub async fn open(
        &self,
        left: Option<Arc<Gate>>,
        start: Start,
        here: &Arc<Here>,
    ) -> Result<(Gate, u64), Error> {
        open(&self.proxy, left, start, here).await
    }

    /// The same, while others are served.
    pub fn search(
        &self,
        left: Option<Arc<Gate>>,
        start: Start,
        here: Arc<Here>,
    ) -> oneshot::Receiver<Result<(Gate, u64), Error>> {
        let (find, found) = oneshot::channel();
        let proxy = self.proxy.clone();
        tokio::spawn(async move {
            let _nobody = find.send(open(&proxy, left, start, &here).await);
        });
        found
    }

    /// Leaves the bus.
    pub async fn leave(self) {
        let _gone = self.proxy.connection().clone().close().await;
    }
}

/// Asks on a connection of its own: who drops the reply leaves the bus, and the prompt is cancelled.
pub fn request(address: Address, question: Question, mut reply: Reply<Vec<Decision>>) {
    tokio::spawn(async move {
        let asked = async {
            let connection = in_time(PATIENCE, connection(&address)).await?;
            let proxy = Proxy::new(&connection, names::BUS_NAME, names::PATH, names::GATE).await?;
            let patience = question.context.patience() + GRACE;
            let answer = ask(&proxy, "Request", &question, patience);
            let answer = tokio::select! {
                answer = answer => answer,
                () = reply.closed() => Err(Error::Closed),
            };
            let _gone = connection.close().await;
            answer
        };
        let answer = asked.await;
        let _nobody = reply.send(answer);
    });
}

async fn connection(address: &Address) -> zbus::Result<Connection> {
    match address {
        Address::System => Connection::system().await,
        Address::At(address) => zbus::connection::Builder::address(address.as_str()).build().await,
    }
}

fn interesting(message: &Message) -> Option<Heard> {
    let header = message.header();
    if header.message_type() != message::Type::Signal {
        return None;
    }
    let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
    match (interface, member) {
        (names::GATE, "Changed") => Some(Heard::Changed(message.body().deserialize().ok()?)),
        // The bus's own name is nobody else's.
        (DBUS, OWNER_CHANGED) if header.sender()?.as_str() == DBUS => {
            let body = message.body();
            let (name, _, owner): (&str, &str, &str) = body.deserialize().ok()?;
            (name == names::BUS_NAME && !owner.is_empty()).then_some(Heard::Daemon)
        }
        _ => None,
    }
}

async fn ask(
    proxy: &Proxy<'static>,
    member: &'static str,
    question: &Question,
    patience: Duration,
) -> Result<Vec<Decision>, Error> {
    let context = question.context.wire();
    let body = (&question.purpose, &question.data, context);
    let (results, _info): (Vec<ItemResult>, Details) =
        call(proxy, member, Start::Not, patience, &body).await?;
    let answers = results.iter().zip(&question.data).map(|(result, asked)| {
        let (data, decision, reason, refusal) = result;
        let is_asked = data == asked;
        if is_asked {
            Decision::from_wire(decision, reason, refusal)
        } else {
            Decision::UNAVAILABLE
        }
    });
    let mut answers: Vec<Decision> = answers.collect();
    answers.resize(question.data.len(), Decision::UNAVAILABLE);
    Ok(answers)
}

async fn open(
    proxy: &Proxy<'static>,
    left: Option<Arc<Gate>>,
    start: Start,
    here: &Arc<Here>,
) -> Result<(Gate, u64), Error> {
    let mut options = Options::new();
    // One that lives counts for itself.
    if let Some(left) = left.as_ref().filter(|left| !left.is_alive()) {
        let (page, usage) = left.kept();
        options.insert("page", Variant::from(Fd::from(page)));
        options.insert("usage", Variant::from(Fd::from(usage)));
    }
    let (mut handles, info): (HashMap<String, zbus::OwnedFd>, Details) =
        call(proxy, "Open", start, PATIENCE, &(options,)).await?;
    let mut take = |key: &str| -> Result<OwnedFd, Error> {
        let handle = handles.remove(key).ok_or_else(|| Error::Unknown(format!("no {key}")))?;
        Ok(handle.into())
    };
    let handles = Handles {
        page: take("page")?,
        usage: take("usage")?,
        alive: take("alive")?,
        line: take("line")?,
    };
    let number = |key: &str| -> Result<u64, Error> {
        let value = info.get(key).and_then(|value| value.downcast_ref().ok());
        value.ok_or_else(|| Error::Unknown(format!("no {key}")))
    };
    Ok((Gate::open(handles, Some(number("id")?), Arc::clone(here))?, number("generation")?))
}

async fn call<B, R>(
    proxy: &Proxy<'static>,
    member: &'static str,
    start: Start,
    patience: Duration,
    body: &B,
) -> Result<R, Error>
where
    B: serde::Serialize + DynamicType,
    R: for<'d> DynamicDeserialize<'d>,
{
    let flags = match start {
        Start::Asked => MethodFlags::empty(),
        Start::Not => MethodFlags::NO_AUTO_START,
    };
    let called = proxy.call_with_flags(member, flags, body);
    let reply = timeout(patience, called).await.map_err(|_| Error::NoReply)?;
    reply.map_err(consentd_dbus::Error::from)?.ok_or(Error::NoReply)
}

async fn in_time<T>(
    patience: Duration,
    future: impl Future<Output = zbus::Result<T>>,
) -> Result<T, Error> {
    Ok(timeout(patience, future).await.map_err(|_| Error::NoReply)??)
}

fn in_words(details: Details) -> Vec<(String, String)> {
    let word = |value: &zbus::OwnedVariant| {
        let text = value.downcast_ref::<&str>().map(str::to_owned);
        let number = || value.downcast_ref::<u32>().map(|number| number.to_string());
        text.or_else(|_| number()).unwrap_or_else(|_| format!("{value:?}"))
    };
    details.iter().map(|(key, value)| (key.clone(), word(value))).collect()
}
