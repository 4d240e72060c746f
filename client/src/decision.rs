//! One answer, as an app hears it. Two bytes that are copied; whatever cannot be read denies.

use std::fmt;

pub use consentd_gate::{Decision as Outcome, Reason, Refusal};

use consentd_gate::Answer;

/// What an app hears about one data item.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "collect only where is_allowed() says so"]
pub struct Decision(Answer);

impl Decision {
    /// Deny, `daemon-unavailable`: nobody could be asked.
    pub const UNAVAILABLE: Self = Self(Answer::UNAVAILABLE);

    /// Whether the app may collect.
    #[inline]
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        self.0.is_allowed()
    }

    /// Allow, deny or ask. `Ask` is not allowed now; [`request`](crate::Consent::request) may change that.
    #[inline]
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        self.0.decision()
    }

    /// Why.
    #[inline]
    #[must_use]
    pub fn reason(self) -> Reason {
        self.0.reason()
    }

    /// What to use instead; [`Refusal::Nothing`] when allowed.
    #[inline]
    #[must_use]
    pub fn refusal(self) -> Refusal {
        self.0.refusal()
    }

    /// The decision as a number, for other languages. 0 is [`UNAVAILABLE`](Self::UNAVAILABLE).
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0.bits()
    }

    /// The decision of a number; [`UNAVAILABLE`](Self::UNAVAILABLE) if it is none's.
    pub fn from_bits(bits: u16) -> Self {
        Answer::from_bits(bits).map_or(Self::UNAVAILABLE, Self)
    }

    /// The decision of a reason that denies.
    pub(crate) const fn denied(reason: Reason) -> Self {
        Self(Answer::new(reason, Refusal::None))
    }

    /// Reads the words of the wire. Words that contradict each other, or that a newer daemon has, deny.
    pub(crate) fn from_wire(decision: &str, reason: &str, refusal: &str) -> Self {
        let (Some(reason), Some(refusal)) =
            (Reason::from_wire(reason), Refusal::from_wire(refusal))
        else {
            return Self::UNAVAILABLE;
        };
        let answer = Answer::new(reason, refusal);
        if answer.decision().wire() == decision { Self(answer) } else { Self::UNAVAILABLE }
    }
}

impl From<Answer> for Decision {
    #[inline]
    fn from(answer: Answer) -> Self {
        Self(answer)
    }
}

/// `allow because consented`, `deny because toggle-off, use zero-uuid instead`.
impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} because {}", self.outcome().wire(), self.reason().wire())?;
        match self.refusal() {
            Refusal::Nothing | Refusal::None => Ok(()),
            other @ (Refusal::Empty | Refusal::ZeroUuid | Refusal::Approximate) => {
                write!(f, ", use {} instead", other.wire())
            }
        }
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decision({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_wire_are_read_whole_or_deny() {
        let read = |decision, reason, refusal| Decision::from_wire(decision, reason, refusal);
        assert!(read("allow", "consented", "").is_allowed());
        assert_eq!(read("ask", "not-set", "none").outcome(), Outcome::Ask);
        for (decision, reason, refusal) in [
            ("allow", "toggle-off", "none"),
            ("deny", "consented", ""),
            ("allow", "because-i-say-so", ""),
            ("allow", "consented", "anything"),
            ("", "", ""),
        ] {
            assert_eq!(
                read(decision, reason, refusal),
                Decision::UNAVAILABLE,
                "{decision} {reason}"
            );
        }
    }

    #[test]
    fn a_decision_is_its_number_and_says_itself() {
        let off = Decision::from_wire("deny", "toggle-off", "zero-uuid");
        assert_eq!(Decision::from_bits(off.bits()), off);
        assert_eq!(off.to_string(), "deny because toggle-off, use zero-uuid instead");
        assert_eq!(Decision::from_bits(0), Decision::UNAVAILABLE);
        assert_eq!(Decision::from_bits(u16::MAX), Decision::UNAVAILABLE);
        assert_eq!(Decision::UNAVAILABLE.to_string(), "deny because daemon-unavailable");
    }
}
