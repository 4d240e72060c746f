//! What a case is: a right, who holds the data, how far each is, how it ended (R44–R52).

use super::held::Lasting;
use crate::clock::Moment;
use crate::engine::settings::By;

/// Bytes of what a person states, and of what a holder notes.
pub const MAX_TEXT: usize = 4_096;
/// Cases of one user that are open at once.
pub const MAX_OPEN: usize = 64;

/// What a user can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRight {
    /// A copy of everything (R44).
    Access,
    /// Correction (R45).
    Rectification,
    /// Deletion (R46).
    Erasure,
    /// A copy that another service can read (R49).
    Portability,
    /// What checks know of from then on (R47, R48, R51).
    Lasting(Lasting),
}

impl CaseRight {
    /// All of them.
    pub const ALL: [CaseRight; 7] = [
        CaseRight::Access,
        CaseRight::Rectification,
        CaseRight::Erasure,
        CaseRight::Portability,
        CaseRight::Lasting(Lasting::Objection),
        CaseRight::Lasting(Lasting::Restriction),
        CaseRight::Lasting(Lasting::AutomatedDecisions),
    ];

    /// The word on the wire and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            CaseRight::Access => "access",
            CaseRight::Rectification => "rectification",
            CaseRight::Erasure => "erasure",
            CaseRight::Portability => "portability",
            CaseRight::Lasting(right) => right.word(),
        }
    }

    /// The right of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.word() == word)
    }
}

/// Why a holder may refuse (R52; S3 9).
pub const GROUNDS: [&str; 7] = [
    "meaningless-or-excessive",
    "harms-others-privacy",
    "disproportionate-work",
    "not-required-by-law",
    "already-public",
    "given-in-confidence",
    "security-or-anti-fraud",
];

/// A case, as somebody opens it. An id of `""` stands for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening<'a> {
    /// Which right.
    pub right: CaseRight,
    /// Towards which app.
    pub app: &'a str,
    /// About which purpose.
    pub purpose: &'a str,
    /// About which data item.
    pub data: &'a str,
    /// What the person says about it: for a rectification what is wrong.
    pub statement: &'a str,
}

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every holder did what it was asked, or one did and others had grounds not to.
    Done,
    /// Every holder refused on listed grounds.
    Refused,
    /// The user took it back.
    Withdrawn,
}

impl End {
    /// All of them.
    pub const ALL: [End; 3] = [End::Done, End::Refused, End::Withdrawn];

    /// The word on the wire and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            End::Done => "done",
            End::Refused => "refused",
            End::Withdrawn => "withdrawn",
        }
    }
}

/// A case, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub user: u32,
    /// Which right.
    pub right: CaseRight,
    /// The app, or `""`.
    pub app: String,
    /// The purpose, or `""`.
    pub purpose: String,
    /// The data item, or `""`.
    pub data: String,
    /// What the person said.
    pub statement: String,
    /// How it was opened.
    pub by: By,
    /// Unix seconds.
    pub opened: i64,
    /// When it has to be answered, Unix seconds.
    pub due: i64,
    /// The user's region then.
    pub region: String,
    /// The controller then (R36).
    pub controller: String,
    /// To whom to complain (R52).
    pub authority: String,
    /// How and when it ended, Unix seconds.
    pub end: Option<(End, i64)>,
}

/// How far a holder is with a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It has not answered.
    Waiting,
    /// It did what it was asked.
    Done,
    /// It refused, on listed grounds.
    Refused,
    /// It could not be told, or gave no answer that counts; it is told again.
    Failed,
}

impl Progress {
    /// All of them.
    pub const ALL: [Progress; 4] =
        [Progress::Waiting, Progress::Done, Progress::Refused, Progress::Failed];

    /// The word on the wire and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Progress::Waiting => "waiting",
            Progress::Done => "done",
            Progress::Refused => "refused",
            Progress::Failed => "failed",
        }
    }

    pub(in crate::engine) fn is_final(self) -> bool {
        match self {
            Progress::Done | Progress::Refused => true,
            Progress::Waiting | Progress::Failed => false,
        }
    }
}

/// An app that holds the data of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Which case.
    pub case: i64,
    /// The app.
    pub app: String,
    /// How far it is.
    pub progress: Progress,
    /// Since when, Unix seconds.
    pub at: i64,
    /// How often it was told.
    pub tries: u32,
    /// What it said, or why it failed.
    pub note: String,
}

impl Holder {
    /// One that was not told yet.
    pub(in crate::engine) fn waiting(case: i64, app: String, now: Moment) -> Self {
        let (progress, note) = (Progress::Waiting, String::new());
        Self { case, app, progress, at: now.wall, tries: 0, note }
    }
}

/// A holder's part of a case that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The case.
    pub case: Case,
    /// The holder's app.
    pub app: String,
}

/// Which tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tasks {
    /// All that wait.
    All,
    /// Those of one case that wait.
    OfCase(i64),
    /// One, if it waits.
    OfHolder {
        /// The case.
        case: i64,
        /// The holder's app.
        app: String,
    },
    /// Those of one app that wait; for one user, or for all.
    OfApp {
        /// Uid.
        user: Option<u32>,
        /// The app.
        app: String,
    },
}

/// What changes of the cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseChange {
    /// One was opened.
    Opened(Case),
    /// A holder is as far as this.
    Holder(Holder),
    /// One ended: which, how, when.
    Ended(i64, End, i64),
}
