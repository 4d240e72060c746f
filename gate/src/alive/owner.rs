//! The daemon's side of its life: one thread that does nothing but own the word, until it is told to end.

use std::mem::offset_of;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::life::{begin, end};
use super::{LEN, MAGIC, WORD_AT};
use crate::error::{GateError, system};
use crate::memory::{self, Mapping, READ_ONLY, View};
use crate::sync::AtomicU32;

/// Needs little: it waits.
const STACK: usize = 64 * 1024;

/// The life of a daemon. Start it first and drop it last: it ends with this, with its thread, or with the
/// process, whichever is first.
#[derive(Debug)]
pub struct Owner {
    word: Arc<View<AtomicU32>>,
    /// Hanging up ends the thread.
    line: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Owner {
    /// Begins a life. The descriptor is for the apps: read-only, whatever its holder tries.
    ///
    /// # Errors
    /// The kernel gives no memory, no thread, or knows no robust futexes.
    pub fn start() -> Result<(Self, OwnedFd), GateError> {
        let fd = memory::create("consentd-alive", LEN as u64)?;
        memory::fill(&fd, &MAGIC.to_ne_bytes())?;
        let mapping = Mapping::own(&fd, LEN)?;
        memory::seal(&fd, READ_ONLY)?;
        let reader = memory::read_only(&fd)?;
        let word = Arc::new(View::new(&mapping, WORD_AT, 1).ok_or(GateError::NoOwner)?);

        let (line, told) = channel();
        let (began, begun) = channel();
        let owned = Arc::clone(&word);
        let thread = std::thread::Builder::new()
            .name("alive".to_owned())
            .stack_size(STACK)
            .spawn(move || own(&owned, &told, &began))
            .map_err(system("start the thread that marks the daemon's end"))?;
        begun.recv().map_err(|_| GateError::NoOwner)??;
        Ok((Self { word, line: Some(line), thread: Some(thread) }, reader))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(word) = self.word.first() {
            end(word);
        }
        self.line = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended too, which is all that is wanted.
            let _ended = thread.join();
        }
    }
}

/// The thread: owns the word from the moment that the kernel knows where it is.
fn own(word: &Arc<View<AtomicU32>>, told: &Receiver<()>, began: &Sender<Result<(), GateError>>) {
    let registered = register(word);
    if registered.is_ok()
        && let Some(word) = word.first()
    {
        begin(word, rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs());
    }
    if began.send(registered).is_ok() {
        // Nothing is ever sent: this returns when the owner hangs up.
        let _hung_up = told.recv();
    }
}

/// What the kernel walks when a thread ends (`struct robust_list_head`, with its one entry after it), as
/// addresses.
#[repr(C)]
struct RobustList {
    first: usize,
    /// From an entry to its futex, in bytes.
    futex_offset: usize,
    pending: usize,
    /// The entry (`struct robust_list`), which needs no futex beside it: as it holds addresses of ours
    /// it stays out of the memory that apps see.
    next: usize,
}

/// Tells the kernel that this thread, when it ends, leaves the word behind. What the kernel is to walk
/// then lives, with the mapping, until the process ends: a page for each life.
#[allow(unsafe_code, reason = "the kernel is told addresses, by a call that no crate here wraps")]
fn register(word: &Arc<View<AtomicU32>>) -> Result<(), GateError> {
    let word: &'static Arc<View<AtomicU32>> = Box::leak(Box::new(Arc::clone(word)));
    let list = Box::leak(Box::new(RobustList { first: 0, futex_offset: 0, pending: 0, next: 0 }));
    let head = std::ptr::from_ref(list).addr();
    list.first = head + offset_of!(RobustList, next);
    list.futex_offset = word.as_ptr().addr().wrapping_sub(list.first);
    // The list is a ring: its last entry leads back to the head.
    list.next = head;
    // SAFETY: head, entry and futex are laid out as the kernel wants them and are leaked, so they are
    // there whenever this thread ends. The C library's own list of this thread, which this replaces, is
    // for its robust mutexes, of which the thread holds none.
    let told = unsafe {
        libc::syscall(
            libc::SYS_set_robust_list,
            std::ptr::from_ref(list),
            offset_of!(RobustList, next),
        )
    };
    if told == 0 {
        return Ok(());
    }
    Err(system("have the kernel mark the daemon's end")(std::io::Error::last_os_error()))
}
