//! What an app asks and is answered, as it travels between a scenario and its sample app.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One line to a sample app.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Order {
    /// `Gate1.Check`.
    Check(Question),
    /// `Gate1.Preview`.
    Preview(Question),
    /// `Gate1.Request`.
    Request(Question),
    /// `Gate1.WhoAmI`.
    WhoAmI,
    /// `Identifiers1.Get`; the data of the question is the kind.
    Identifier(Question),
    /// The same check so many times, one after the other; answered with the last answer.
    Repeat {
        /// How often.
        times: u32,
        /// What is asked.
        question: Question,
    },
    /// So many checks sent at once, without waiting; answered when all are answered.
    Burst {
        /// How many.
        times: u32,
        /// What is asked.
        question: Question,
    },
    /// So many requests sent at once; each is answered on a line of its own, as its answer comes.
    Requests {
        /// How many.
        times: u32,
        /// What is asked.
        question: Question,
    },
    /// `Settings1.RegisterAgent`, which no app may.
    RegisterAgent,
    /// Sends a check and exits before an answer can arrive.
    Vanish(Question),
    /// Calls a method of any interface of the daemon that takes nothing but its options.
    Call {
        /// `org.consentd.Settings1`
        interface: String,
        /// `ListToggles`
        member: String,
    },
    /// `Settings1.Set`, which no app may.
    Set {
        /// (toggle, app, state)
        changes: Vec<(String, String, String)>,
    },
    /// `Identifiers1.Reset`, which no app may.
    ResetIdentifier,
    /// `Cookies1.Check`.
    Cookies {
        /// `mi.com`
        site: String,
        /// (name, domain, kind, seconds)
        jar: Vec<(String, String, String, u64)>,
        /// As a question's.
        #[serde(default)]
        context: BTreeMap<String, serde_json::Value>,
    },
    /// Waits for the next `Gate1.Changed`.
    AwaitChanged,
}

/// What a check asks.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Question {
    /// For what.
    pub purpose: String,
    /// What.
    pub data: Vec<String>,
    /// Strings, booleans and unsigned numbers travel as s, b and u.
    #[serde(default)]
    pub context: BTreeMap<String, serde_json::Value>,
}

impl Question {
    /// A question without a context.
    #[must_use]
    pub fn new(purpose: &str, data: &[&str]) -> Question {
        Question {
            purpose: purpose.to_owned(),
            data: data.iter().map(|&id| id.to_owned()).collect(),
            context: BTreeMap::new(),
        }
    }

    /// With one more key of the context.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Question {
        self.context.insert(key.to_owned(), value.into());
        self
    }
}

/// One line from a sample app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is on the bus, under this unique name.
    Connected(String),
    /// Of a check, a preview or a request.
    Answered(Vec<Answer>),
    /// Of `Identifiers1.Get`.
    Given {
        /// A UUID.
        value: String,
        /// Whether it is refused.
        limited: bool,
        /// `allow`, `deny` or `ask`.
        decision: String,
        /// Why.
        reason: String,
    },
    /// Of a jar: each cookie's name, decision, reason and seconds.
    Kept(Vec<(String, String, String, u64)>),
    /// Of `WhoAmI`: each key with its value in words.
    Identified(BTreeMap<String, String>),
    /// A call without an answer to speak of went through.
    Done,
    /// `Gate1.Changed` arrived, with this generation.
    Changed(u64),
    /// The call was refused.
    Refused {
        /// `org.consentd.Error.InvalidArgument`
        error: String,
        /// What it says.
        text: String,
    },
}

/// The decision about one data item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// `device.oaid`
    pub data: String,
    /// `allow`, `deny` or `ask`.
    pub decision: String,
    /// Why.
    pub reason: String,
    /// What a refused collector uses instead.
    pub refusal: String,
}

/// An allowance of this item for this reason.
#[must_use]
pub fn allow(data: &str, reason: &str) -> Answer {
    answer(data, "allow", reason, "")
}

/// A refusal of this item for this reason, with this shape.
#[must_use]
pub fn deny(data: &str, reason: &str, refusal: &str) -> Answer {
    answer(data, "deny", reason, refusal)
}

/// "Not now, but a prompt may change that."
#[must_use]
pub fn ask(data: &str, reason: &str, refusal: &str) -> Answer {
    answer(data, "ask", reason, refusal)
}

fn answer(data: &str, decision: &str, reason: &str, refusal: &str) -> Answer {
    let [data, decision, reason, refusal] = [data, decision, reason, refusal].map(str::to_owned);
    Answer { data, decision, reason, refusal }
}
