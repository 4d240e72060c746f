//! The asking side of `org.consentd.Gate1`, spelt out: no proxy, no client library.
//!
//! Sample apps are made of this. It sends what it is told, wrong or right.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Mutex;
use zbus::wire::DynamicType;
use zbus::{
    Connection, DBusError, MatchRule, Message, MessageStream, ObjectPath, OwnedVariant, Variant,
};

use crate::words::{Answer, Order, Question, Reply};

const NAME: &str = "org.consentd";
const PATH: &str = "/org/consentd";
const GATE: &str = "org.consentd.Gate1";
const SETTINGS: &str = "org.consentd.Settings1";
const IDENTIFIERS: &str = "org.consentd.Identifiers1";
const COOKIES: &str = "org.consentd.Cookies1";

type Options = HashMap<String, Variant<'static>>;
type Results = Vec<(String, String, String, String)>;

/// A connection that asks.
#[derive(Debug)]
pub struct Gate {
    bus: Connection,
    changes: Mutex<MessageStream>,
}

impl Gate {
    /// Connects to the system bus, which is where `DBUS_SYSTEM_BUS_ADDRESS` says.
    pub async fn open() -> Result<Gate> {
        let bus = Connection::system().await.context("connecting to the system bus")?;
        let changed = MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .interface(GATE)
            .member("Changed")
            .build()?;
        let changes = MessageStream::for_match_rule(changed, &bus, NonZeroUsize::new(256)).await?;
        Ok(Gate { bus, changes: Mutex::new(changes) })
    }

    /// The name that the bus gave this connection.
    #[must_use]
    pub fn unique_name(&self) -> String {
        self.bus.unique_name().map(ToString::to_string).unwrap_or_default()
    }

    /// Does what it is told, once.
    pub async fn carry_out(&self, order: Order) -> Result<Reply> {
        match order {
            Order::Check(question) => self.ask("Check", question).await,
            Order::Preview(question) => self.ask("Preview", question).await,
            Order::Request(question) => self.ask("Request", question).await,
            Order::WhoAmI => self.who_am_i().await,
            Order::Identifier(question) => self.identifier(question).await,
            Order::Repeat { times, question } => {
                let mut last = Reply::Done;
                for _ in 0..times {
                    last = self.ask("Check", question.clone()).await?;
                }
                Ok(last)
            }
            Order::Burst { times, question } => {
                let asked = (0..times).map(|_| self.ask("Check", question.clone()));
                let mut replies = try_join_all(asked).await?;
                Ok(replies.pop().unwrap_or(Reply::Done))
            }
            Order::Requests { .. } => bail!("many requests have many replies"),
            Order::RegisterAgent => {
                let path = ObjectPath::try_from("/agent")?;
                self.call(SETTINGS, "RegisterAgent", &(path, Options::new()), |_| Ok(Reply::Done))
                    .await
            }
            Order::Vanish(question) => {
                let (purpose, data, context) = arguments(question)?;
                let call = Message::method_call(PATH, "Check")
                    .destination(NAME)
                    .interface(GATE)
                    .build(&(purpose, data, context))?;
                self.bus.send(&call).await?;
                std::process::exit(0)
            }
            Order::Call { interface, member } => {
                self.call(&interface, &member, &(Options::new(),), |_| Ok(Reply::Done)).await
            }
            Order::Set { changes } => {
                self.call(SETTINGS, "Set", &(changes, Options::new()), |_| Ok(Reply::Done)).await
            }
            Order::ResetIdentifier => {
                let body = ("oaid", Options::new());
                self.call(IDENTIFIERS, "Reset", &body, |_| Ok(Reply::Done)).await
            }
            Order::Cookies { site, jar, context } => {
                let context = options(context)?;
                self.call(COOKIES, "Check", &(site, jar, context), |reply| {
                    Ok(Reply::Kept(reply.body().deserialize()?))
                })
                .await
            }
            Order::AwaitChanged => {
                let signal = self.changes.lock().await.next().await;
                let signal = signal.context("the bus hung up before Changed")??;
                Ok(Reply::Changed(signal.body().deserialize()?))
            }
        }
    }

    /// Sends so many requests at once; says each answer as it comes.
    pub async fn request_many(
        &self,
        times: u32,
        question: &Question,
        say: impl Fn(&Reply) -> Result<()>,
    ) -> Result<()> {
        let asked = (0..times).map(|_| self.ask("Request", question.clone()));
        let mut asked: FuturesUnordered<_> = asked.collect();
        while let Some(reply) = asked.next().await {
            say(&reply?)?;
        }
        Ok(())
    }

    async fn ask(&self, member: &str, question: Question) -> Result<Reply> {
        self.call(GATE, member, &arguments(question)?, |reply| {
            let body = reply.body();
            let (results, _info): (Results, HashMap<String, OwnedVariant>) = body.deserialize()?;
            let answers = results.into_iter().map(|(data, decision, reason, refusal)| Answer {
                data,
                decision,
                reason,
                refusal,
            });
            Ok(Reply::Answered(answers.collect()))
        })
        .await
    }

    async fn identifier(&self, question: Question) -> Result<Reply> {
        let (purpose, mut data, context) = arguments(question)?;
        let kind = data.pop().unwrap_or_default();
        self.call(IDENTIFIERS, "Get", &(kind, purpose, context), |reply| {
            let body = reply.body();
            let (value, limited, info): (String, bool, HashMap<String, OwnedVariant>) =
                body.deserialize()?;
            let word = |key| info.get(key).map(in_words).unwrap_or_default();
            let (decision, reason) = (word("decision"), word("reason"));
            Ok(Reply::Given { value, limited, decision, reason })
        })
        .await
    }

    async fn who_am_i(&self) -> Result<Reply> {
        self.call(GATE, "WhoAmI", &(Options::new(),), |reply| {
            let body = reply.body();
            let caller: HashMap<String, OwnedVariant> = body.deserialize()?;
            let words = caller.iter().map(|(key, value)| (key.clone(), in_words(value)));
            Ok(Reply::Identified(words.collect::<BTreeMap<_, _>>()))
        })
        .await
    }

    async fn call<B>(
        &self,
        interface: &str,
        member: &str,
        body: &B,
        read: impl FnOnce(Message) -> Result<Reply>,
    ) -> Result<Reply>
    where
        B: serde::Serialize + DynamicType,
    {
        match self.bus.call_method(Some(NAME), PATH, Some(interface), member, body).await {
            Ok(reply) => read(reply),
            Err(zbus::Error::MethodError(error, text, _)) => {
                Ok(Reply::Refused { error: error.to_string(), text: text.unwrap_or_default() })
            }
            Err(zbus::Error::FDO(error)) => {
                let text = error.description().unwrap_or_default().to_owned();
                Ok(Reply::Refused { error: error.name().to_string(), text })
            }
            Err(error) => Ok(Reply::Refused { error: "none".to_owned(), text: error.to_string() }),
        }
    }
}

fn arguments(question: Question) -> Result<(String, Vec<String>, Options)> {
    Ok((question.purpose, question.data, options(question.context)?))
}

fn options(context: BTreeMap<String, serde_json::Value>) -> Result<Options> {
    context.into_iter().map(|(key, value)| Ok((key, to_value(value)?))).collect()
}

fn to_value(value: serde_json::Value) -> Result<Variant<'static>> {
    Ok(match value {
        serde_json::Value::String(text) => Variant::from(text),
        serde_json::Value::Bool(truth) => Variant::from(truth),
        serde_json::Value::Number(number) => {
            let number = number.as_u64().context("a number of a context is unsigned")?;
            Variant::from(u32::try_from(number)?)
        }
        serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            bail!("a context holds strings, booleans and numbers")
        }
    })
}

fn in_words(value: &OwnedVariant) -> String {
    if let Ok(text) = value.downcast_ref::<&str>() {
        return text.to_owned();
    }
    if let Ok(truth) = value.downcast_ref::<bool>() {
        return truth.to_string();
    }
    match value.downcast_ref::<u32>() {
        Ok(number) => number.to_string(),
        Err(_) => format!("{value:?}"),
    }
}
