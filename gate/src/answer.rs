//! The vocabulary of an answer as numbers (contract: Wire values). Numbers are for ever: pages and usage
//! of an older daemon are read by a newer one. Owns no rule of its own about who may have what.

use std::fmt;

/// What an app hears about one data item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Decision {
    /// It may not collect. Zero, so that memory nobody wrote denies.
    Deny = 0,
    /// It may collect.
    Allow = 1,
    /// It may not now; a prompt may change that.
    Ask = 2,
}

impl Decision {
    /// The word on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Decision::Deny => "deny",
            Decision::Allow => "allow",
            Decision::Ask => "ask",
        }
    }

    /// The decision that a word on the wire names.
    #[must_use]
    pub fn from_wire(word: &str) -> Option<Self> {
        [Decision::Deny, Decision::Allow, Decision::Ask]
            .into_iter()
            .find(|decision| decision.wire() == word)
    }

    /// Its number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The decision of a number; `None` if it is nobody's.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Decision::Deny),
            1 => Some(Decision::Allow),
            2 => Some(Decision::Ask),
            _ => None,
        }
    }
}

/// Defines [`Reason`]: each with its number, its decision and its word.
macro_rules! reasons {
    ($($name:ident $code:literal $decision:ident $word:literal;)*) => {
        /// Why a decision is what it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Reason {
            $(#[doc = concat!("`", $word, "`, of ", stringify!($decision))] $name = $code,)*
        }

        impl Reason {
            /// All of them, by number.
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// The word on the wire.
            #[must_use]
            pub const fn wire(self) -> &'static str {
                match self { $(Reason::$name => $word,)* }
            }

            /// The decision it goes with, always the same.
            #[must_use]
            pub const fn decision(self) -> Decision {
                match self { $(Reason::$name => Decision::$decision,)* }
            }

            /// The reason that a word on the wire names.
            #[must_use]
            pub fn from_wire(word: &str) -> Option<Self> {
                match word { $($word => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    DaemonUnavailable 0 Deny "daemon-unavailable";
    Consented 1 Allow "consented";
    Contract 2 Allow "contract";
    LegalObligation 3 Allow "legal-obligation";
    LegitimateInterest 4 Allow "legitimate-interest";
    NotSet 5 Ask "not-set";
    NoticeChanged 6 Ask "notice-changed";
    Unidentified 7 Deny "unidentified";
    InsufficientTrust 8 Deny "insufficient-trust";
    UnknownPurpose 9 Deny "unknown-purpose";
    UnknownData 10 Deny "unknown-data";
    Forbidden 11 Deny "forbidden";
    Undeclared 12 Deny "undeclared";
    RequirementNotMet 13 Deny "requirement-not-met";
    Minor 14 Deny "minor";
    Objected 15 Deny "objected";
    Restricted 16 Deny "restricted";
    Isolated 17 Deny "isolated";
    BasisNotPermitted 18 Deny "basis-not-permitted";
    RecipientNotDeclared 19 Deny "recipient-not-declared";
    TransferNotPermitted 20 Deny "transfer-not-permitted";
    InsecureDestination 21 Deny "insecure-destination";
    Locked 22 Deny "locked";
    ToggleOff 23 Deny "toggle-off";
    NoticeDeclined 24 Deny "notice-declined";
    Refused 25 Deny "refused";
    TimedOut 26 Deny "timed-out";
    NoAgent 27 Deny "no-agent";
    TooManyRefusals 28 Deny "too-many-refusals";
    StoreUnavailable 29 Deny "store-unavailable";
    CatalogUnavailable 30 Deny "catalog-unavailable";
    Essential 31 Allow "essential";
    Unlisted 32 Deny "unlisted";
    CategoryOff 33 Deny "category-off";
}

/// The reason of each number, so that a check looks it up in one load.
const REASONS: [Option<Reason>; 64] = {
    let mut table = [None; 64];
    let mut at = 0;
    while at < Reason::ALL.len() {
        table[Reason::ALL[at] as usize] = Some(Reason::ALL[at]);
        at += 1;
    }
    table
};

impl Reason {
    /// Its number, below 64.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason of a number; `None` if it is nobody's.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        REASONS.get(usize::from(code)).copied().flatten()
    }
}

/// What a refused collector uses instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// `none`: nothing at all.
    None = 0,
    /// `empty`: an empty list.
    Empty = 1,
    /// `zero-uuid`: the all-zero UUID.
    ZeroUuid = 2,
    /// `approximate`: the approximate counterpart, which is allowed.
    Approximate = 3,
    /// The empty word: the item is allowed, nothing is refused.
    Nothing = 4,
}

impl Refusal {
    const ALL: [Refusal; 5] =
        [Refusal::None, Refusal::Empty, Refusal::ZeroUuid, Refusal::Approximate, Refusal::Nothing];

    /// The word on the wire; empty when allowed.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Refusal::None => "none",
            Refusal::Empty => "empty",
            Refusal::ZeroUuid => "zero-uuid",
            Refusal::Approximate => "approximate",
            Refusal::Nothing => "",
        }
    }

    /// The refusal that a word on the wire names.
    #[must_use]
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.wire() == word)
    }

    /// Its number, below 8.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The refusal of a number; `None` if it is nobody's.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// One answer, packed. Only answers that the contract knows can be made: the decision follows from the
/// reason, and nothing is refused exactly where the decision is allow.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[must_use]
pub struct Answer(u16);

/// The bits of an answer.
const BITS: usize = 11;

/// A bit for each number that an answer packs to, so that a check knows one by one load.
const KNOWN: [u64; (1 << BITS) / 64] = {
    let mut known = [0; (1 << BITS) / 64];
    let mut reason = 0;
    while reason < Reason::ALL.len() {
        let mut refusal = 0;
        while refusal < Refusal::ALL.len() {
            let bits = Answer::new(Reason::ALL[reason], Refusal::ALL[refusal]).0 as usize;
            known[bits / 64] |= 1 << (bits % 64);
            refusal += 1;
        }
        reason += 1;
    }
    known
};

impl Answer {
    /// The answer of memory that nobody wrote, and of every doubt: deny, `daemon-unavailable`, `none`.
    pub const UNAVAILABLE: Self = Self::new(Reason::DaemonUnavailable, Refusal::None);

    /// The answer of a reason. The refusal of an allowance is [`Refusal::Nothing`] whatever is given;
    /// a denial or ask that would refuse nothing refuses with [`Refusal::None`].
    pub const fn new(reason: Reason, refusal: Refusal) -> Self {
        let refusal = match (reason.decision(), refusal) {
            (Decision::Allow, _) => Refusal::Nothing,
            (Decision::Deny | Decision::Ask, Refusal::Nothing) => Refusal::None,
            (Decision::Deny | Decision::Ask, refusal) => refusal,
        };
        Self(reason.decision() as u16 | (reason as u16) << 2 | (refusal as u16) << 8)
    }

    /// Allow, deny or ask.
    #[inline]
    #[must_use]
    pub const fn decision(self) -> Decision {
        match self.0 & 0b11 {
            1 => Decision::Allow,
            2 => Decision::Ask,
            _ => Decision::Deny,
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(self) -> Reason {
        let [low, _] = self.0.to_le_bytes();
        Reason::from_code(low >> 2).unwrap_or(Reason::DaemonUnavailable)
    }

    /// What the collector uses instead.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        let [_, high] = self.0.to_le_bytes();
        Refusal::from_code(high).unwrap_or(Refusal::None)
    }

    /// Whether the app may collect.
    #[inline]
    #[must_use]
    pub const fn is_allowed(self) -> bool {
        matches!(self.decision(), Decision::Allow)
    }

    /// Packed in 11 bits: decision in 2, reason in 6, refusal in 3, the lowest first. The decision is
    /// there twice on purpose: a bit that went astray makes an answer that is none, not an allowance.
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The answer that was packed; `None` if no answer packs to these bits.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u16) -> Option<Self> {
        let known = KNOWN.get(usize::from(bits) / 64)?;
        (known >> (bits % 64) & 1 != 0).then_some(Self(bits))
    }

    /// Whether it is a daemon's: `daemon-unavailable` is what is answered where there is none.
    #[inline]
    pub(crate) const fn is_of_a_daemon(self) -> bool {
        self.0 >> 2 & 0x3f != Reason::DaemonUnavailable as u16
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answer").field(&self.reason()).field(&self.refusal()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every answer there can be.
    fn answers() -> impl Iterator<Item = Answer> {
        Reason::ALL
            .iter()
            .flat_map(|&reason| Refusal::ALL.map(|refusal| Answer::new(reason, refusal)))
    }

    #[test]
    fn numbers_and_words_lead_back() {
        for (at, &reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.code()), at);
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert_eq!(Reason::from_wire(reason.wire()), Some(reason));
        }
        for (at, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(refusal.code()), at);
            assert_eq!(Refusal::from_code(refusal.code()), Some(refusal));
            assert_eq!(Refusal::from_wire(refusal.wire()), Some(refusal));
        }
        for decision in [Decision::Deny, Decision::Allow, Decision::Ask] {
            assert_eq!(Decision::from_code(decision.code()), Some(decision));
            assert_eq!(Decision::from_wire(decision.wire()), Some(decision));
        }
        assert_eq!(Reason::from_code(34), None);
        assert_eq!(Reason::from_code(255), None);
        assert_eq!(Refusal::from_code(5), None);
        assert_eq!(Decision::from_code(3), None);
        assert_eq!(Reason::from_wire("Consented"), None);
    }

    #[test]
    fn zero_denies() {
        let answer = Answer::from_bits(0).unwrap();
        assert_eq!(answer, Answer::UNAVAILABLE);
        assert_eq!(
            (answer.decision().wire(), answer.reason().wire(), answer.refusal().wire()),
            ("deny", "daemon-unavailable", "none")
        );
    }

    #[test]
    fn nothing_is_refused_exactly_when_allowed() {
        for answer in answers() {
            assert_eq!(answer.refusal() == Refusal::Nothing, answer.is_allowed(), "{answer:?}");
        }
    }

    #[test]
    fn bits_hold_an_answer_or_none() {
        let known: Vec<u16> = answers().map(Answer::bits).collect();
        // Miri takes its time.
        for bits in (0..=u16::MAX).step_by(if cfg!(miri) { 499 } else { 1 }) {
            match Answer::from_bits(bits) {
                Some(answer) => assert_eq!(answer.bits(), bits),
                None => assert!(!known.contains(&bits), "{bits:#x}"),
            }
        }
        assert!(known.iter().all(|bits| *bits < 1 << 11));
    }

    #[test]
    fn no_single_bit_makes_a_denial_an_allowance() {
        for answer in answers().filter(|answer| !answer.is_allowed()) {
            for bit in 0..11 {
                let astray = Answer::from_bits(answer.bits() ^ 1 << bit);
                assert!(!astray.is_some_and(Answer::is_allowed), "{answer:?}, bit {bit}");
            }
        }
    }
}
