//! The rule's words as the numbers of a page, and back.

use consentd_gate as page;
use consentd_gate::Standing;

use super::Ruled;
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

/// What was decided about a pair, as a page shows it.
pub(super) fn shown_of(ruled: &Ruled) -> page::page::Ruling {
    page::page::Ruling {
        alone: ruled.alone.and_then(shown),
        combined: ruled.combined.and_then(shown),
        personal: ruled.personal,
    }
}

/// The answer that a page gives; none where it calls.
pub(super) fn given(held: Standing) -> Option<page::Answer> {
    match held {
        Standing::Answer(answer, _) => Some(answer),
        Standing::Call | Standing::Void => None,
    }
}

/// Of what a page says and what comes, the one that takes more away; what comes, of equals. Where
/// either has to be asked of the daemon, that knows both.
pub(super) fn stricter(held: Standing, next: Option<page::Answer>) -> Option<page::Answer> {
    let severity = |answer: page::Answer| match answer.decision() {
        page::Decision::Allow => 0,
        page::Decision::Ask => 1,
        page::Decision::Deny => 2,
    };
    match (given(held), next) {
        (_, None) => None,
        (Some(held), Some(next)) => {
            Some(if severity(next) >= severity(held) { next } else { held })
        }
        (None, Some(next)) => (next.decision() == page::Decision::Deny).then_some(next),
    }
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
