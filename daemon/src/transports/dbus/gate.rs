//! `org.consentd.Gate1`: every app, about itself only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use consentd_dbus::{Error, Result, names};
use zbus::interface;
use zbus::message::{Flags, Header};
use zbus::names::UniqueName;
use zbus::object_server::SignalEmitter;

use super::dict::{Dict, Options, Reader, dict};
use super::errors::{no_sender, wire};
use super::leaving::leaving;
use super::lines;
use super::service::{Call, Service};
use crate::catalog::Trust;
use crate::decision::{Context, Ruling};
use crate::engine::prompt::Asks;
use crate::engine::{Answer, Asker, Checked, Engine, Request};
use crate::identity::{Identified, Unidentified};
use crate::row::Row;

/// One item's answer: data, decision, reason, refusal.
pub(super) type ItemResult = (String, &'static str, &'static str, &'static str);

/// The interface.
pub(super) struct Gate(pub Arc<Service>);

/// What a caller said about a check.
#[derive(Default)]
pub(super) struct Said {
    pub context: Context,
    tag: String,
    user: Option<u32>,
    /// Seconds that a `Request` waits.
    deadline: Option<u32>,
}

impl Said {
    /// Reads a context. `deadline` belongs to `Request` and changes nothing elsewhere.
    pub fn read(context: Options<'_>) -> Result<Self> {
        let mut reader = Reader::new(context);
        let said = Self {
            deadline: reader.small("deadline")?,
            context: Context {
                recipient: reader.text("recipient")?.map(Into::into),
                destination: reader.text("destination")?.map(Into::into),
                secure: reader.flag("secure")?,
                deidentified: reader.flag("deidentified")?,
            },
            tag: reader.text("tag")?.unwrap_or_default(),
            user: reader.small("user")?,
        };
        reader.end("recipient, destination, secure, deidentified, tag, deadline, user")?;
        Ok(said)
    }

    /// How long a `Request` waits for the user.
    fn patience(&self) -> Result<Duration> {
        match self.deadline.unwrap_or(names::DEFAULT_DEADLINE_SECONDS) {
            seconds @ 1..=names::MAX_DEADLINE_SECONDS => Ok(Duration::from_secs(seconds.into())),
            _ => Err(Error::InvalidArgument(format!(
                "`deadline` goes from 1 to {} seconds",
                names::MAX_DEADLINE_SECONDS
            ))),
        }
    }

    /// The caller's own word about it.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Whose settings are meant.
    pub fn user(&self) -> Option<u32> {
        self.user
    }
}

/// Who asks, with what is needed to ask for them.
pub(super) struct Asking {
    user: u32,
    identified: Option<Arc<Identified>>,
    /// Keeps the daemon from stopping under it.
    _call: Call,
}

impl Asking {
    /// Whose turn it takes.
    pub fn whose(&self) -> (u32, &str) {
        (self.user, self.asker().caller.map_or("", |caller| &caller.app))
    }

    pub fn asker(&self) -> Asker<'_> {
        asker(self.user, self.identified.as_deref())
    }
}

fn asker(user: u32, identified: Option<&Identified>) -> Asker<'_> {
    Asker { user, caller: identified.and_then(|identified| identified.caller.as_ref().ok()) }
}

/// Who asks. Whoever cannot be identified is denied, and that is an answer, not an error.
pub(super) async fn asking(
    service: &Service,
    header: &Header<'_>,
    named: Option<u32>,
) -> Result<Asking> {
    let call = service.begin().await;
    let identified = match service.identify(header).await {
        Ok((identified, _)) => identified,
        Err(why) => {
            tracing::debug!(%why, "a caller could not be identified");
            return Ok(Asking { user: NO_USER, identified: None, _call: call });
        }
    };
    let user = identified.peer.uid;
    let caller = identified.caller.as_ref().ok();
    if let Some(why) = identified.caller.as_ref().err() {
        tracing::debug!(%why, uid = user, pid = identified.peer.pid, "a caller is no known app");
    }
    let user = match named {
        None => user,
        Some(named) if named == user => user,
        Some(named) if caller.is_some_and(|caller| caller.trust == Trust::System) => named,
        Some(_) => {
            return Err(Error::NotAuthorized(
                "only an app with a system user of its own may ask for another user; leave \
                 `user` out"
                    .into(),
            ));
        }
    };
    if user == NO_USER {
        return Err(Error::InvalidArgument("uid 4294967295 stands for nobody".into()));
    }
    Ok(Asking { user, identified: Some(identified), _call: call })
}

impl Gate {
    async fn answer(
        &self,
        asking: &Asking,
        purpose: &str,
        data: &[&str],
        said: &Said,
    ) -> Result<Answer> {
        let request = Request::new(purpose, data, &said.context, &said.tag).map_err(wire)?;
        let turn = self.0.turns.take(asking.whose()).await;
        let checked = self.0.engine.check(asking.asker(), &request);
        // What waits for the disk holds nobody's turn up.
        drop(turn);
        match checked {
            Checked::Answered(answer) => Ok(answer),
            // An allowance for one time is used up.
            Checked::UsesOnce => {
                self.answer_durably(asking, purpose, data, said, Engine::check_once).await
            }
        }
    }

    /// Puts what asks to the user; the answer, once they or their agent gave one or the time is over.
    async fn answer_asked(
        &self,
        asking: &Asking,
        purpose: &str,
        data: &[&str],
        said: &Said,
        caller: &UniqueName<'_>,
    ) -> Result<Answer> {
        let request = Request::new(purpose, data, &said.context, &said.tag).map_err(wire)?;
        let ended = match self.0.engine.ask(asking.asker(), &request) {
            Asks::Nothing => return self.answer(asking, purpose, data, said).await,
            Asks::Barred => None,
            Asks::Put(prompt) => {
                let left = leaving(&self.0.asking, caller).await.map_err(|error| {
                    tracing::warn!(%error, "a caller cannot be watched");
                    let text = "the bus has no room to watch one more caller; try again later";
                    Error::TooManyRequests(text.into())
                })?;
                let put = self.0.agents.prompts.put(*prompt, said.patience()?, left).await;
                let put = put.map_err(|why| Error::TooManyRequests(why.to_string()))?;
                // Nobody hears this any more.
                let gone = || Error::InvalidArgument("the caller has left the bus".into());
                Some(put.ok_or_else(gone)?)
            }
        };
        let settle = move |engine: &Engine, asker: Asker<'_>, request: &Request<'_>| {
            engine.settle(asker, request, ended.as_ref())
        };
        self.answer_durably(asking, purpose, data, said, settle).await
    }

    /// Answers what waits for the disk, in a thread that may wait.
    async fn answer_durably(
        &self,
        asking: &Asking,
        purpose: &str,
        data: &[&str],
        said: &Said,
        answer: impl FnOnce(&Engine, Asker<'_>, &Request<'_>) -> Answer + Send + 'static,
    ) -> Result<Answer> {
        let (user, identified) = (asking.user, asking.identified.clone());
        let engine = Arc::clone(&self.0.engine);
        let (context, tag) = (said.context.clone(), said.tag.clone());
        let purpose = purpose.to_owned();
        let data: Vec<String> = data.iter().map(|id| (*id).to_owned()).collect();
        let checked = tokio::task::spawn_blocking(move || {
            let data: Vec<&str> = data.iter().map(String::as_str).collect();
            let request = Request::new(&purpose, &data, &context, &tag)?;
            Ok(answer(&engine, asker(user, identified.as_deref()), &request))
        });
        match checked.await {
            Ok(answer) => answer.map_err(wire),
            Err(error) => {
                tracing::error!(%error, "a check broke off");
                Err(Error::StoreUnavailable("the check broke off; take it as denied".into()))
            }
        }
    }
}

/// A question whose answer nobody waits for is not judged: the bus does not count those, so that one
/// app could fill the daemon's day with them.
pub(super) fn awaited(header: &Header<'_>) -> Result<()> {
    if header.primary().flags().contains(Flags::NO_REPLY_EXPECTED) {
        return Err(Error::InvalidArgument("ask only where you wait for the answer".into()));
    }
    Ok(())
}

/// Whoever the bus tells nothing about has no settings.
const NO_USER: u32 = u32::MAX;

#[interface(name = "org.consentd.Gate1", introspection_docs = false)]
impl Gate {
    #[zbus(out_args("results", "info"))]
    async fn check(
        &self,
        purpose: &str,
        data: Vec<&str>,
        context: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<ItemResult>, Dict)> {
        awaited(&header)?;
        let said = Said::read(context)?;
        let asking = asking(&self.0, &header, said.user).await?;
        let answer = self.answer(&asking, purpose, &data, &said).await?;
        Ok((results(&data, &answer.rulings), info(&answer)))
    }

    #[zbus(out_args("results", "info"))]
    async fn preview(
        &self,
        purpose: &str,
        data: Vec<&str>,
        context: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<ItemResult>, Dict)> {
        awaited(&header)?;
        let said = Said::read(context)?;
        let asking = asking(&self.0, &header, said.user).await?;
        let request = Request::new(purpose, &data, &said.context, &said.tag).map_err(wire)?;
        let _turn = self.0.turns.take(asking.whose()).await;
        let answer = self.0.engine.preview(asking.asker(), &request);
        Ok((results(&data, &answer.rulings), info(&answer)))
    }

    #[zbus(out_args("results", "info"))]
    async fn request(
        &self,
        purpose: &str,
        data: Vec<&str>,
        context: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<ItemResult>, Dict)> {
        awaited(&header)?;
        let said = Said::read(context)?;
        said.patience()?;
        let caller = header.sender().ok_or_else(no_sender)?;
        let asking = asking(&self.0, &header, said.user).await?;
        let answer = self.answer_asked(&asking, purpose, &data, &said, caller).await?;
        Ok((results(&data, &answer.rulings), info(&answer)))
    }

    #[zbus(out_args("handles", "info"))]
    async fn open(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(HashMap<String, zbus::OwnedFd>, Dict)> {
        awaited(&header)?;
        let left = lines::left(options)?;
        let asking = asking(&self.0, &header, None).await?;
        let _turn = self.0.turns.take(asking.whose()).await;
        let Some(caller) = asking.asker().caller else {
            return Err(Error::NotAuthorized(
                "only an identified app has a gate; `WhoAmI` says why this caller is none".into(),
            ));
        };
        let (handles, id, generation) = lines::open(&self.0, caller, left)?;
        Ok((handles, dict(Row::new().with("id", id).with("generation", generation))))
    }

    #[zbus(name = "WhoAmI", out_args("caller"))]
    async fn who_am_i(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        Reader::new(options).end("")?;
        Ok(dict(match self.0.identify(&header).await {
            Ok((identified, _)) => {
                let user = identified.peer.uid;
                let app = asker(user, Some(&identified)).caller.map_or("", |caller| &caller.app);
                let _turn = self.0.turns.take((user, app)).await;
                introduce(&identified)
            }
            Err(why) => stranger(&why),
        }))
    }

    /// Its decisions may have changed: to the app concerned alone.
    #[zbus(signal)]
    pub(super) async fn changed(emitter: &SignalEmitter<'_>, generation: u64) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        consentd_dbus::names::INTERFACE_VERSION
    }
}

/// The answers, in the order asked.
pub(super) fn results(data: &[&str], rulings: &[Ruling]) -> Vec<ItemResult> {
    let result = |(data, ruling): (&&str, &Ruling)| {
        let (decision, reason) = (ruling.decision().word(), ruling.reason.word());
        ((*data).to_owned(), decision, reason, ruling.refusal.word())
    };
    data.iter().zip(rulings).map(result).collect()
}

fn info(answer: &Answer) -> Dict {
    dict(Row::new().with("generation", answer.generation))
}

fn introduce(identified: &Identified) -> Row {
    match &identified.caller {
        Ok(caller) => Row::new()
            .with("identified", true)
            .with("app", &caller.app)
            .with("kind", caller.kind.word())
            .with("instance", &caller.instance)
            .with("user", caller.user)
            .with("trust", caller.trust.word())
            .with("declared", caller.declared.is_some()),
        Err(why) => stranger(why).with("user", identified.peer.uid),
    }
}

fn stranger(why: &Unidentified) -> Row {
    Row::new().with("identified", false).with("why", why.to_string())
}
