//! One pair's word on the page: what is answered for the pair alone and in combination (R58), in 32
//! bits, so that one load sees it whole. Never more than that: what a slot stands for is the page's.

use crate::answer::Answer;

/// How many different answers a pair can show while a page lives; the next ones call.
pub const SLOTS: usize = 8;

/// Which of a pair's answers, and so which of its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u8);

impl Slot {
    /// All of them, in order.
    pub const ALL: [Slot; SLOTS] =
        [Slot(0), Slot(1), Slot(2), Slot(3), Slot(4), Slot(5), Slot(6), Slot(7)];

    /// The slot of this number; `None` from [`SLOTS`] on.
    #[must_use]
    pub fn new(number: usize) -> Option<Self> {
        Self::ALL.get(number).copied()
    }

    /// Its number, below [`SLOTS`].
    #[must_use]
    pub const fn number(self) -> usize {
        self.0 as usize
    }
}

/// What a word says of one way to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// The answer, to be counted in that slot.
    Answer(Answer, Slot),
    /// Only the daemon can answer: ask over the bus.
    Call,
    /// No daemon wrote this: memory that is still zero, or of a version unknown here. It denies with
    /// [`Answer::UNAVAILABLE`] and has no slot to be counted in.
    Void,
}

/// What is answered for one pair, as 32 bits.
///
/// ```text
///  0..14  alone:     0..2 decision (3 = call), 2..8 reason, 8..11 refusal, 11..14 slot
/// 14..28  combined:  the same
/// 28      personal
/// 29..32  zero
/// ```
///
/// Zero is [`Standing::Void`] both ways. Whatever cannot be read is `Void` too: never an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word(u32);

const STANDING_BITS: u32 = 14;
const CALL: u32 = 3;
const PERSONAL: u32 = 1 << 28;

impl Word {
    /// The word of a pair that only the daemon answers. It counts as personal, so that no check in
    /// combination with it is answered from the page by mistake.
    pub const CALL: Self = Self(CALL | CALL << STANDING_BITS | PERSONAL);

    /// The word of a pair that is not personal.
    #[must_use]
    pub const fn new(alone: Standing, combined: Standing) -> Self {
        Self(pack(alone) | pack(combined) << STANDING_BITS)
    }

    /// The same of a pair that is.
    #[must_use]
    pub const fn personal(self) -> Self {
        Self(self.0 | PERSONAL)
    }

    /// A word as it stands in memory.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The word as it stands in memory.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What holds for a check of items of which none is personal.
    #[inline]
    #[must_use]
    pub fn alone(self) -> Standing {
        self.unpack(self.0)
    }

    /// What holds for a check of items of which any is personal (R58).
    #[inline]
    #[must_use]
    pub fn combined(self) -> Standing {
        self.unpack(self.0 >> STANDING_BITS)
    }

    /// Whether the item is personal: then it, and all that are checked with it, are judged
    /// [`combined`](Self::combined).
    #[inline]
    #[must_use]
    pub const fn is_personal(self) -> bool {
        self.0 & PERSONAL != 0
    }

    /// What holds for a check of this item and no other.
    #[inline]
    #[must_use]
    pub fn standing(self) -> Standing {
        if self.is_personal() { self.combined() } else { self.alone() }
    }

    #[inline]
    fn unpack(self, bits: u32) -> Standing {
        if self.0 >= PERSONAL << 1 {
            return Standing::Void;
        }
        if bits & 0b11 == CALL {
            // What is set besides belongs to no version that is known.
            return if bits & 0x3fff == CALL { Standing::Call } else { Standing::Void };
        }
        let [low, high, ..] = bits.to_le_bytes();
        let slot = Slot(high >> 3 & 0b111);
        match Answer::from_bits(u16::from_le_bytes([low, high & 0b111])) {
            Some(answer) if answer.is_of_a_daemon() => Standing::Answer(answer, slot),
            Some(_) | None => Standing::Void,
        }
    }
}

const fn pack(standing: Standing) -> u32 {
    match standing {
        Standing::Answer(answer, slot) => answer.bits() as u32 | (slot.0 as u32) << 11,
        Standing::Call => CALL,
        Standing::Void => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::answer::{Reason, Refusal};

    fn standing() -> impl Strategy<Value = Standing> {
        let answer =
            (1..Reason::ALL.len(), 0..5u8, 0..SLOTS).prop_map(|(reason, refusal, slot)| {
                let refusal = Refusal::from_code(refusal).unwrap();
                Standing::Answer(
                    Answer::new(Reason::ALL[reason], refusal),
                    Slot::new(slot).unwrap(),
                )
            });
        prop_oneof![answer, Just(Standing::Call), Just(Standing::Void)]
    }

    /// Small and few under Miri, which is slow.
    fn cases() -> ProptestConfig {
        let cases = if cfg!(miri) { 8 } else { 4096 };
        ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn a_word_gives_back_what_was_put_in(alone in standing(), combined in standing(), personal: bool) {
            let word = Word::new(alone, combined);
            let word = if personal { word.personal() } else { word };
            prop_assert_eq!(word.alone(), alone);
            prop_assert_eq!(word.combined(), combined);
            prop_assert_eq!(word.is_personal(), personal);
            prop_assert_eq!(word.standing(), if personal { combined } else { alone });
        }

        #[test]
        fn any_bits_are_read_as_what_they_would_be_written_from(bits: u32) {
            let word = Word::from_bits(bits);
            let again = Word::new(word.alone(), word.combined());
            prop_assert_eq!(again.alone(), word.alone());
            prop_assert_eq!(again.combined(), word.combined());
        }
    }

    #[test]
    fn zero_is_void() {
        let zero = Word::from_bits(0);
        assert_eq!((zero.alone(), zero.combined()), (Standing::Void, Standing::Void));
        assert!(!zero.is_personal());
    }

    #[test]
    fn what_is_not_known_is_void() {
        let allow =
            Standing::Answer(Answer::new(Reason::Consented, Refusal::Nothing), Slot::ALL[2]);
        let good = Word::new(allow, allow).bits();
        assert_eq!(Word::from_bits(good).alone(), allow);
        for bad in [
            good | 1 << 29,                // a bit of a later version
            good | 1 << 31,                // and another
            good ^ 0b11,                   // another decision than the reason's
            good & !(0x3f << 2) | 50 << 2, // a reason that is none
            good | 7 << 8,                 // a refusal that is none
            1 << 8,                        // no reason, and yet a refusal
            CALL | 1 << 5,                 // a call with a reason
        ] {
            assert_eq!(Word::from_bits(bad).alone(), Standing::Void, "{bad:#x}");
        }
    }

    #[test]
    fn a_call_is_personal() {
        assert!(Word::CALL.is_personal());
        assert_eq!((Word::CALL.alone(), Word::CALL.combined()), (Standing::Call, Standing::Call));
    }
}
