//! What can be wrong with shared memory, and what to do about it.

use std::io;

use thiserror::Error;

/// Why memory could not be shared, or what was shared is not used.
#[derive(Debug, Error)]
pub enum GateError {
    /// The kernel refused.
    #[error("cannot {doing}; look at the limits of memory and open files")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The descriptor is no memory, or one that its holder could still shorten or write.
    #[error("the descriptor is not memory sealed by consentd; open the gate again")]
    NotSealed,
    /// The memory was made by another user than this process's.
    #[error("the memory was made by user {owner}, not by this daemon; open the gate again")]
    NotOurs {
        /// Who made it.
        owner: u32,
    },
    /// The memory is not as long as it has to be.
    #[error("the memory is {found} bytes long, not {expected}; open the gate again")]
    Length {
        /// What it says of itself, or what its kind needs.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// It begins otherwise than what was looked for.
    #[error("this is no {kind} of a known version; update the app's library or the daemon")]
    Version {
        /// What was looked for.
        kind: &'static str,
    },
    /// It is well made, but of another gate.
    #[error("this {kind} belongs to another gate than the one opened; open the gate again")]
    Stranger {
        /// What was looked at.
        kind: &'static str,
    },
    /// The page contradicts itself.
    #[error("the page is malformed: {fault}; open the gate again")]
    Malformed {
        /// What is wrong in it.
        fault: &'static str,
    },
    /// An id that a page cannot hold.
    #[error("the id {id:?} is not 1 to 128 printable ASCII characters; correct the declaration")]
    Id {
        /// The id.
        id: String,
    },
    /// More than fits in a page.
    #[error("{found} {what} are more than the {limit} that a page holds; declare fewer")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The pairs of a page to be made are not in the order of the page.
    #[error("the pairs of a page must be sorted by purpose and data item, each once")]
    Order,
    /// A page to be made has no id.
    #[error("the id of a page must not be 0")]
    NoId,
    /// The thread whose end marks the daemon's death did not come up.
    #[error("the thread that marks the daemon's end did not start; look at the limits of threads")]
    NoOwner,
}

/// Gives the kernel's refusal the words of what was tried.
pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> GateError {
    move |source| GateError::System { doing, source: source.into() }
}
