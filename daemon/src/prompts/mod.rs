//! Prompts: a check that asks is put to the user, by an agent, and waits for the answer.
//!
//! `queue` says whose question is next, `question` what is asked and answered, `desk` who waits.
//! No transport in here; what an answer changes, and what is recorded, is the engine's.

mod desk;
mod question;
mod queue;

pub use desk::Prompts;
pub use question::{Answer, Ended, Outcome, Prompt, Question, Rubbish};
pub use queue::{AgentId, Effect, Queue, Reply, Ticket, TooMany};
