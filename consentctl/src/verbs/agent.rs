//! `agent`: shows what apps ask at a terminal, and sends the answers.
//!
//! It answers whoever owns `org.consentd` alone, and shows one question at a time, as the daemon asks.

use std::collections::HashMap;
use std::io::{self, BufRead, IsTerminal, Write};

use consentd_dbus::{Details, names};
use futures_util::StreamExt;
use rustix::termios::{QueueSelector, tcflush};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use zbus::fdo::{self, DBusProxy};
use zbus::message::Header;
use zbus::names::BusName;
use zbus::{ObjectPath, Variant, interface};

use crate::args::{Agent, Kind};
use crate::dialogue::{Answer, Asker, Dialogue, Heard, Names, Question, tell};
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::session::Session;
use crate::values::decode;

const PATH: &str = "/org/consentd/ctl";

/// What the daemon says.
enum Event {
    Ask(Box<Asked>),
    Cancel(u64),
    /// `org.consentd` has another owner, or none.
    Owner(bool),
}

/// A question that waits for its reply.
struct Asked {
    request: u64,
    app: Details,
    question: Details,
    reply: oneshot::Sender<Answer>,
}

/// The object that the daemon calls.
struct Served {
    events: mpsc::UnboundedSender<Event>,
}

/// A question on the screen.
struct Shown {
    request: u64,
    dialogue: Dialogue,
    reply: oneshot::Sender<Answer>,
}

pub async fn agent(session: &Session, agent: &Agent) -> Result<(), Failure> {
    let answer = agent.answer.map(|answer| Answer { word: answer.word(), toggles: None });
    if answer.is_none() && (session.screen.json || !io::stdin().is_terminal()) {
        return Err(Failure::Usage(
            "agent asks a person at a terminal; in a script say --answer once, boot, always or deny"
                .to_owned(),
        ));
    }
    let names = names_of(session).await;
    let (events, mut heard) = mpsc::unbounded_channel();
    let bus = session.connection();
    let call = |error: zbus::Error| Failure::Call(error.into());
    bus.object_server().at(PATH, Served { events: events.clone() }).await.map_err(call)?;
    watch_owner(session, events).await?;
    register(session).await?;
    let lines = if answer.is_none() { Some(read_lines()) } else { None };
    let mut desk = Desk { session, names, answer, lines, shown: None };
    desk.say("Prompts come here. Ctrl-C ends it.")?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            event = heard.recv() => match event {
                Some(event) => desk.happens(event).await?,
                None => return Err(Failure::Ended),
            },
            line = next_line(&mut desk.lines) => match line {
                Some(line) => desk.hears(&line)?,
                None => break,
            },
        }
    }
    let path = ObjectPath::from_static_str_unchecked(PATH);
    // It may be another's turn by now; leaving the bus comes to the same.
    drop(session.settings().await?.unregister_agent(&path, session.options()).await);
    Ok(())
}

/// What is shown, and where answers come from.
struct Desk<'a> {
    session: &'a Session,
    names: Names,
    /// For every question, where nobody is asked.
    answer: Option<Answer>,
    lines: Option<mpsc::UnboundedReceiver<String>>,
    shown: Option<Shown>,
}

impl Desk<'_> {
    async fn happens(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Ask(asked) => self.ask(*asked),
            Event::Cancel(request) => {
                if let Some(shown) = self.shown.take_if(|shown| shown.request == request) {
                    refuse(shown.reply);
                    self.say("\nNobody waits for an answer any more.")?;
                }
                Ok(())
            }
            Event::Owner(here) => {
                if self.shown.take().is_some() {
                    self.say("\nconsentd has ended; the question with it.")?;
                }
                if here { register(self.session).await } else { Ok(()) }
            }
        }
    }

    fn ask(&mut self, asked: Asked) -> Result<(), Failure> {
        let asker: Asker = decode(&asked.app)?;
        let question: Question = decode(&asked.question)?;
        if let Some(former) = self.shown.take() {
            refuse(former.reply);
        }
        if let Some(answer) = self.answer.clone() {
            let word = answer.word;
            // The daemon may have gone meanwhile.
            drop(asked.reply.send(answer));
            return self.tell_answered(&asked.app, &asked.question, &asker, &question, word);
        }
        let (dialogue, menu) = Dialogue::new(&question, &self.names);
        let told = tell(&asker, &question, &self.names, &self.session.screen);
        self.forget_typed();
        self.write(&format!("\n{told}{menu}"))?;
        self.shown = Some(Shown { request: asked.request, dialogue, reply: asked.reply });
        Ok(())
    }

    fn tell_answered(
        &self,
        app: &Details,
        asked: &Details,
        asker: &Asker,
        question: &Question,
        word: &str,
    ) -> Result<(), Failure> {
        if self.session.screen.json {
            let mut line = json::single("answer", word);
            line["app"] = json::object(app);
            line["question"] = json::object(asked);
            return self.session.screen.json_text(&line.to_string());
        }
        let data: Vec<_> = question.data.iter().map(|item| self.names.data.both(item)).collect();
        let purpose = self.names.purposes.both(&question.purpose);
        let told = format!("{}: {} for {purpose}: {word}", asker.app, data.join(", "));
        self.session.screen.text(&printable(&told))
    }

    fn hears(&mut self, line: &str) -> Result<(), Failure> {
        let Some(mut shown) = self.shown.take() else { return Ok(()) };
        match shown.dialogue.hear(line) {
            Heard::Answer(answer) => {
                let word = answer.word;
                if shown.reply.send(answer).is_ok() {
                    self.say(if word == "deny" { "Denied." } else { "Allowed." })?;
                }
            }
            Heard::More(more) => {
                self.write(&more)?;
                self.shown = Some(shown);
            }
        }
        Ok(())
    }

    /// What was typed for an earlier question is no answer to this one.
    fn forget_typed(&mut self) {
        // Only a terminal has something to forget.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        while self.lines.as_mut().is_some_and(|lines| lines.try_recv().is_ok()) {}
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.session.screen.json { Ok(()) } else { self.session.screen.text(text) }
    }

    /// Text that a line is typed behind.
    fn write(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

#[interface(name = "org.consentd.Agent1")]
impl Served {
    #[zbus(out_args("answer"))]
    async fn ask(
        &self,
        request: u64,
        app: Details,
        question: Details,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &zbus::Connection,
    ) -> fdo::Result<HashMap<&'static str, Variant<'static>>> {
        is_daemon(bus, &header).await?;
        let (reply, answer) = oneshot::channel();
        let asked = Box::new(Asked { request, app, question, reply });
        let gone = || fdo::Error::Failed("the agent ends".to_owned());
        self.events.send(Event::Ask(asked)).map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())?;
        let toggles = answer.toggles.map(|toggles| ("toggles", Variant::from(toggles)));
        Ok([("answer", Variant::from(answer.word))].into_iter().chain(toggles).collect())
    }

    async fn cancel(
        &self,
        request: u64,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &zbus::Connection,
    ) -> fdo::Result<()> {
        is_daemon(bus, &header).await?;
        // It fails only when the agent ends.
        drop(self.events.send(Event::Cancel(request)));
        Ok(())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        names::INTERFACE_VERSION
    }
}

/// Whoever sent this is consentd, and no program that plays it.
async fn is_daemon(bus: &zbus::Connection, header: &Header<'_>) -> fdo::Result<()> {
    let name = BusName::from_static_str(names::BUS_NAME)?;
    let owner = DBusProxy::new(bus).await?.get_name_owner(name).await?;
    if header.sender().is_some_and(|sender| *sender == *owner) {
        return Ok(());
    }
    Err(fdo::Error::AccessDenied("only consentd asks here".to_owned()))
}

async fn register(session: &Session) -> Result<(), Failure> {
    let path = ObjectPath::from_static_str_unchecked(PATH);
    Ok(session.settings().await?.register_agent(&path, session.options()).await?)
}

/// Has it told when the daemon ends, and when it is there again.
async fn watch_owner(
    session: &Session,
    events: mpsc::UnboundedSender<Event>,
) -> Result<(), Failure> {
    let call = |error: zbus::Error| Failure::Call(error.into());
    let bus = DBusProxy::new(session.connection()).await.map_err(call)?;
    let name = [(0, names::BUS_NAME)];
    let mut changes = bus.receive_name_owner_changed_with_args(&name).await.map_err(call)?;
    tokio::spawn(async move {
        while let Some(change) = changes.next().await {
            let here = change.args().is_ok_and(|change| change.new_owner().is_some());
            if events.send(Event::Owner(here)).is_err() {
                break;
            }
        }
    });
    Ok(())
}

/// Lines that are typed, read by a thread of its own: reading a terminal blocks.
fn read_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    tokio::task::spawn_blocking(move || {
        for line in io::stdin().lock().lines() {
            if line.is_err() || line.is_ok_and(|line| sender.send(line).is_err()) {
                break;
            }
        }
    });
    lines
}

/// The next line; never, where nobody types.
async fn next_line(lines: &mut Option<mpsc::UnboundedReceiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

async fn names_of(session: &Session) -> Names {
    Names {
        data: session.words_if_allowed(Kind::Data).await,
        purposes: session.words_if_allowed(Kind::Purposes).await,
        toggles: session.words_if_allowed(Kind::Toggles).await,
        recipients: session.words_if_allowed(Kind::Recipients).await,
    }
}

/// The daemon waits for a reply to each question, though not for what it says.
fn refuse(reply: oneshot::Sender<Answer>) {
    drop(reply.send(Answer { word: "deny", toggles: None }));
}
