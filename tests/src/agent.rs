//! An agent that shows nothing: it tells a scenario what it was asked, and says what it is told to.
//!
//! No proxy and no object server, so that it can lie, hang and leave as a hostile one would.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, Result, bail, ensure};
use consentd_dbus::{Options, Settings1Proxy, names};
use futures_util::StreamExt;
use zbus::message::Type;
use zbus::wire::DynamicType;
use zbus::{Connection, Message, MessageStream, ObjectPath, OwnedVariant, Variant};

use crate::process::PATIENCE;

/// Where it serves `Agent1`.
pub const PATH: &str = "/org/example/agent";

/// An agent on a connection of its own.
#[derive(Debug)]
pub struct Agent {
    /// Its connection.
    pub bus: Connection,
    calls: MessageStream,
}

/// What it hears.
#[derive(Debug)]
pub enum Heard {
    /// A question.
    Ask(Asked),
    /// A question that nobody waits for any more.
    Cancel(u64),
}

/// A question that waits for its reply.
#[derive(Debug)]
pub struct Asked {
    bus: Connection,
    call: Message,
    /// Its number.
    pub request: u64,
    /// Who asks.
    pub app: BTreeMap<String, OwnedVariant>,
    /// What.
    pub question: BTreeMap<String, OwnedVariant>,
}

impl Agent {
    /// Takes a connection and registers.
    pub async fn on(bus: Connection) -> Result<Agent> {
        let agent = Agent { calls: MessageStream::from(&bus), bus };
        agent.register().await?;
        Ok(agent)
    }

    /// Registers, again maybe.
    pub async fn register(&self) -> consentd_dbus::Result<()> {
        let settings = Settings1Proxy::new(&self.bus).await?;
        settings.register_agent(&path(), Options::new()).await
    }

    /// Ends that.
    pub async fn unregister(&self) -> consentd_dbus::Result<()> {
        let settings = Settings1Proxy::new(&self.bus).await?;
        settings.unregister_agent(&path(), Options::new()).await
    }

    /// The next call of the daemon.
    pub async fn hears(&mut self) -> Result<Heard> {
        loop {
            let call = tokio::time::timeout(PATIENCE, self.calls.next()).await;
            let call = call.context("the agent hears nothing")?.context("the bus hung up")??;
            let header = call.header();
            if header.message_type() != Type::MethodCall {
                continue;
            }
            ensure!(header.interface().is_some_and(|name| name == names::AGENT), "{call}");
            ensure!(header.path().is_some_and(|path| path.as_str() == PATH), "{call}");
            let body = call.body();
            return match header.member().map(|member| member.as_str().to_owned()).as_deref() {
                Some("Ask") => {
                    let (request, app, question) = body.deserialize()?;
                    let bus = self.bus.clone();
                    Ok(Heard::Ask(Asked { bus, call: call.clone(), request, app, question }))
                }
                Some("Cancel") => Ok(Heard::Cancel(body.deserialize()?)),
                other => bail!("the daemon called {other:?}"),
            };
        }
    }

    /// The next call, which has to be a question.
    pub async fn asked(&mut self) -> Result<Asked> {
        match self.hears().await? {
            Heard::Ask(asked) => Ok(asked),
            Heard::Cancel(request) => bail!("cancelled {request} instead of a question"),
        }
    }

    /// The next call, which has to cancel a question.
    pub async fn cancelled(&mut self) -> Result<u64> {
        match self.hears().await? {
            Heard::Cancel(request) => Ok(request),
            Heard::Ask(asked) => bail!("asked {:?} instead of a cancellation", asked.question),
        }
    }
}

impl Asked {
    /// A list of the question.
    pub fn list(&self, key: &str) -> Result<Vec<String>> {
        let value = self.question.get(key).with_context(|| format!("no {key}"))?;
        Ok(Vec::try_from(value.try_clone()?)?)
    }

    /// A word of the question.
    pub fn text(&self, key: &str) -> Result<String> {
        crate::person::text(&self.question, key)
    }

    /// Answers for all of its toggles.
    pub async fn answer(self, word: &str) -> Result<()> {
        self.reply(&HashMap::from([("answer", Variant::from(word))])).await
    }

    /// Answers for some of them.
    pub async fn answer_for(self, word: &str, toggles: &[&str]) -> Result<()> {
        let toggles = Variant::from(toggles.to_vec());
        self.reply(&HashMap::from([("answer", Variant::from(word)), ("toggles", toggles)])).await
    }

    /// Replies whatever it is given.
    pub async fn reply<B>(&self, body: &B) -> Result<()>
    where
        B: serde::Serialize + DynamicType,
    {
        Ok(self.bus.reply(&self.call.header(), body).await?)
    }

    /// Replies with an error.
    pub async fn fail(self) -> Result<()> {
        let error = "org.freedesktop.DBus.Error.Failed";
        Ok(self.bus.reply_error(&self.call.header(), error, &"the dialogue broke").await?)
    }
}

fn path() -> ObjectPath<'static> {
    ObjectPath::from_static_str_unchecked(PATH)
}
