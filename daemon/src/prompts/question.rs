//! What a user is asked, and what may come back: values alone.

use std::sync::Arc;

use crate::decision::Context;
use crate::engine::settings::Lifetime;
use crate::identity::Caller;

/// The most toggles of one answer that are looked at: a catalogue has a few dozen.
const MAX_TOGGLES: usize = 1_024;

/// What is asked, in ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// For what.
    pub purpose: String,
    /// Which items, sorted.
    pub data: Vec<String>,
    /// The toggles that ask, in the catalogue's order.
    pub toggles: Vec<String>,
    /// The declared bases of these items.
    pub basis: Vec<String>,
    /// Who would receive them.
    pub recipients: Vec<String>,
    /// Where they would go, as countries; none stays on the device.
    pub destinations: Vec<String>,
    /// How long they would be kept, in the words of the declaration.
    pub retention: Vec<String>,
    /// Those of the items that the app says it cannot do without.
    pub mandatory: Vec<String>,
    /// The notice that a consent is given under.
    pub notice: String,
}

/// A question of one app for one user.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Whose settings answer.
    pub user: u32,
    /// Who asks.
    pub caller: Caller,
    /// The app's name for people.
    pub name: Box<str>,
    /// What the app said about its check.
    pub context: Context,
    /// What is asked.
    pub question: Question,
}

impl Prompt {
    /// Whether the user would see the same: then one answer is for both.
    #[must_use]
    pub fn is_same(&self, other: &Prompt) -> bool {
        let shown = |prompt: &Prompt| (prompt.user, prompt.caller.kind, prompt.caller.trust);
        shown(self) == shown(other)
            && self.caller.app == other.caller.app
            && self.question == other.question
    }

    /// Whether an item was part of it.
    #[must_use]
    pub fn asked_about(&self, data: &str) -> bool {
        self.question.data.iter().any(|asked| asked == data)
    }
}

/// What the user answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No. Stores no choice, and is counted.
    Deny,
    /// Yes, for some or all of the toggles.
    Allow {
        /// `Once`, `Boot` or `Forever`.
        lifetime: Lifetime,
        /// Which of the toggles that asked.
        toggles: Vec<String>,
    },
}

/// An answer that is none: it changes nothing and allows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rubbish {
    /// No word, or another one.
    #[error("`answer` has to be once, boot, always or deny")]
    Word,
    /// A toggle that was not in the question.
    #[error("`toggles` names one that was not asked")]
    NotAsked,
}

impl Answer {
    /// Takes what an agent said, if it fits the question. `toggles` are those allowed; none said is all.
    ///
    /// # Errors
    /// It does not fit.
    pub fn read(
        word: Option<&str>,
        toggles: Option<Vec<String>>,
        asked: &Question,
    ) -> Result<Self, Rubbish> {
        let lifetime = match word {
            Some("once") => Some(Lifetime::Once),
            Some("boot") => Some(Lifetime::Boot),
            Some("always") => Some(Lifetime::Forever),
            Some("deny") => None,
            Some(_) | None => return Err(Rubbish::Word),
        };
        let toggles = toggles.unwrap_or_else(|| asked.toggles.clone());
        let all_asked = toggles.iter().all(|toggle| asked.toggles.contains(toggle));
        if toggles.len() > MAX_TOGGLES || !all_asked {
            return Err(Rubbish::NotAsked);
        }
        Ok(match lifetime {
            Some(lifetime) => Answer::Allow { lifetime, toggles },
            None => Answer::Deny,
        })
    }

    /// Whether it allows a toggle.
    #[must_use]
    pub fn allows(&self, toggle: &str) -> bool {
        match self {
            Answer::Deny => false,
            Answer::Allow { toggles, .. } => toggles.iter().any(|allowed| allowed == toggle),
        }
    }
}

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The user answered.
    Answered(Answer),
    /// Nobody did in time.
    TimedOut,
    /// There was nothing to show it with, or what there was could not.
    NoAgent,
    /// Nothing asks any more: settings changed before it was shown.
    Moot,
    /// The daemon stops.
    Stopped,
    /// The user answered, and the disk did not take it.
    NotStored,
}

/// A question that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// What was asked.
    pub prompt: Arc<Prompt>,
    /// What came of it.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            purpose: "location.services".into(),
            data: vec!["location.precise".into()],
            toggles: vec!["location.app".into(), "location.precise".into()],
            basis: Vec::new(),
            recipients: Vec::new(),
            destinations: Vec::new(),
            retention: Vec::new(),
            mandatory: Vec::new(),
            notice: "2025-10-10".into(),
        }
    }

    fn named(toggles: &[&str]) -> Option<Vec<String>> {
        Some(toggles.iter().map(|&toggle| toggle.to_owned()).collect())
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let read = |word, toggles| Answer::read(word, toggles, &question());
        let allow = |lifetime, toggles| Ok(Answer::Allow { lifetime, toggles });
        assert_eq!(read(Some("once"), None), allow(Lifetime::Once, question().toggles));
        assert_eq!(read(Some("boot"), named(&[])), allow(Lifetime::Boot, Vec::new()));
        let one = named(&["location.app"]);
        assert_eq!(
            read(Some("always"), one.clone()),
            allow(Lifetime::Forever, vec!["location.app".into()])
        );
        assert_eq!(read(Some("deny"), None), Ok(Answer::Deny));
        assert_eq!(read(Some("deny"), one), Ok(Answer::Deny));
        for word in [None, Some(""), Some("ONCE"), Some("until"), Some("forever"), Some("on")] {
            assert_eq!(read(word, None), Err(Rubbish::Word), "{word:?}");
        }
        for toggles in [&["ad-services"][..], &["location.app", ""], &["location.app", "*"]] {
            assert_eq!(read(Some("once"), named(toggles)), Err(Rubbish::NotAsked), "{toggles:?}");
        }
        let endless = vec!["location.app".to_owned(); MAX_TOGGLES + 1];
        assert_eq!(read(Some("once"), Some(endless)), Err(Rubbish::NotAsked));
    }

    #[test]
    fn a_denial_allows_nothing_and_an_allowance_what_it_names() {
        let some = Answer::read(Some("once"), named(&["location.app"]), &question()).unwrap();
        assert!(some.allows("location.app") && !some.allows("location.precise"));
        assert!(!Answer::Deny.allows("location.app"));
    }
}
