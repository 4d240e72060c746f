//! The rule's words as the numbers of a page, and back.

use consentd_gate as page;

use crate::decision::{Reason, Refusal, Ruling};

/// A ruling as a page shows it. None where the words do not go together, which no rule says: the daemon
/// is called then.
pub(super) fn shown(ruling: Ruling) -> Option<page::Answer> {
    let reason = page::Reason::from_wire(ruling.reason.word())?;
    let refusal = match ruling.refusal {
        Refusal::NotRefused => page::Refusal::Nothing,
        Refusal::ZeroUuid => page::Refusal::ZeroUuid,
        Refusal::Empty => page::Refusal::Empty,
        Refusal::None => page::Refusal::None,
        Refusal::Approximate => page::Refusal::Approximate,
    };
    let answer = page::Answer::new(reason, refusal);
    (answer.refusal() == refusal).then_some(answer)
}

/// Why an answer was given from a page.
pub(super) fn reason(answer: page::Answer) -> Option<Reason> {
    let word = answer.reason().wire();
    Reason::ALL.iter().copied().find(|reason| reason.word() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Decision;

    #[test]
    fn every_ruling_is_shown_as_it_is() {
        let refusals = [Refusal::ZeroUuid, Refusal::Empty, Refusal::None, Refusal::Approximate];
        for known in Reason::ALL.iter().copied() {
            let refusals: &[Refusal] = match known.decision() {
                Decision::Allow => &[Refusal::NotRefused],
                Decision::Deny | Decision::Ask => &refusals,
            };
            for refusal in refusals.iter().copied() {
                let answer = shown(Ruling { reason: known, refusal }).unwrap();
                assert_eq!(answer.decision().wire(), known.decision().word());
                assert_eq!(answer.reason().wire(), known.word());
                assert_eq!(answer.refusal().wire(), refusal.word());
                assert_eq!(reason(answer), Some(known));
            }
        }
    }

    #[test]
    fn words_that_do_not_go_together_are_not_shown() {
        let odd = Ruling { reason: Reason::Consented, refusal: Refusal::ZeroUuid };
        assert_eq!(shown(odd), None);
        let odd = Ruling { reason: Reason::ToggleOff, refusal: Refusal::NotRefused };
        assert_eq!(shown(odd), None);
    }
}
