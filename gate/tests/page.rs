//! A page is read as it was written, by whoever has its descriptor, and written by nobody else.
#![cfg(not(any(loom, miri)))]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::collections::BTreeSet;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use consentd_gate::page::{
    Contents, Fit, KeptPage, MAX_ITEMS, MAX_LEN, MAX_PAIRS, Page, PageWriter, PairIndex, Ruling,
    State, Torn, fresh_id,
};
use consentd_gate::{Answer, GateError, Reason, Refusal, Slot, Standing, Word};
use rustix::fs::{Gid, Mode, OFlags, SealFlags, Uid};

const PAIRS: [(&str, &str); 3] = [
    ("ads.personalised", "device.oaid"),
    ("location.services", "location.precise"),
    ("location.services", "network.wifi"),
];

fn contents<'a>(pairs: &'a [(&'a str, &'a str)]) -> Contents<'a> {
    Contents { id: 9, app: "org.example.maps", user: 1000, generation: 3 << 32, pairs }
}

fn gate() -> (PageWriter, Page) {
    let writer = PageWriter::create(&contents(&PAIRS)).unwrap();
    let page = Page::open(writer.reader_fd().unwrap(), Some(9)).unwrap();
    (writer, page)
}

fn pair(number: usize) -> PairIndex {
    PairIndex::new(number).unwrap()
}

fn answer(reason: Reason) -> Answer {
    Answer::new(reason, Refusal::None)
}

fn ruling(reason: Reason) -> Ruling {
    Ruling { alone: Some(answer(reason)), combined: Some(answer(reason)), personal: false }
}

fn shown(word: Word) -> Option<Answer> {
    match word.alone() {
        Standing::Answer(answer, _) => Some(answer),
        Standing::Call | Standing::Void => None,
    }
}

#[test]
fn a_new_page_calls() {
    let (writer, page) = gate();
    assert_eq!((page.id(), page.user(), page.directory().app()), (9, 1000, "org.example.maps"));
    assert_eq!((page.generation(), page.epoch(), page.state()), (3 << 32, 1, State::Live));
    for number in 0..3 {
        assert_eq!(page.word(pair(number)), Word::CALL);
    }
    assert_eq!(page.word(pair(3)).alone(), Standing::Void);
    assert_eq!((writer.pairs(), writer.epoch(), writer.id()), (3, 1, 9));
}

#[test]
fn names_lead_to_pairs_and_back() {
    let (_writer, page) = gate();
    let directory = page.directory();
    assert_eq!(directory.pairs().collect::<Vec<_>>(), PAIRS);
    assert_eq!(directory.purposes().collect::<Vec<_>>(), ["ads.personalised", "location.services"]);
    for purpose in directory.purposes() {
        for data in directory.items() {
            let found = directory
                .pair(directory.purpose(purpose).unwrap(), directory.data(data).unwrap())
                .map(PairIndex::number);
            assert_eq!(found, PAIRS.iter().position(|pair| *pair == (purpose, data)));
        }
    }
    assert_eq!(directory.names(pair(2)), Some(PAIRS[2]));
    assert_eq!(directory.names(pair(3)), None);
    assert_eq!((directory.purpose("ads"), directory.data("")), (None, None));
}

#[test]
fn an_update_is_seen_at_once() {
    let (mut writer, page) = gate();
    let combined = Answer::new(Reason::ToggleOff, Refusal::ZeroUuid);
    writer.update(77, |edit| {
        let alone = Some(answer(Reason::Consented));
        edit.set(pair(0), Ruling { alone, combined: Some(combined), personal: true });
        edit.set(pair(1), Ruling { alone, combined: None, personal: false });
        edit.set(pair(3), ruling(Reason::Consented));
    });
    let word = page.word(pair(0));
    assert_eq!(word.alone(), Standing::Answer(answer(Reason::Consented), Slot::ALL[0]));
    assert_eq!(word.combined(), Standing::Answer(combined, Slot::ALL[1]));
    assert!(word.is_personal());
    assert_eq!(page.word(pair(1)).combined(), Standing::Call);
    assert_eq!(page.word(pair(2)), Word::CALL);
    assert_eq!(page.generation(), 77);
    assert_eq!(writer.meaning(pair(0), Slot::ALL[1]), Some(combined));
    assert_eq!(writer.meaning(pair(0), Slot::ALL[2]), None);
}

#[test]
fn an_answer_keeps_its_slot_and_a_ninth_calls() {
    let (mut writer, page) = gate();
    for (at, reason) in Reason::ALL[1..9].iter().enumerate() {
        let fit = writer.update(1, |edit| edit.set(pair(1), ruling(*reason)));
        assert_eq!(fit, Fit::Whole);
        assert_eq!(page.word(pair(1)).alone(), Standing::Answer(answer(*reason), Slot::ALL[at]));
    }
    let fit = writer.update(1, |edit| edit.set(pair(1), ruling(Reason::Locked)));
    assert_eq!((fit, page.word(pair(1)).alone()), (Fit::OutOfSlots, Standing::Call));
    let fit = writer.update(1, |edit| edit.set(pair(1), ruling(Reason::ALL[3])));
    assert_eq!(fit, Fit::Whole);
    assert_eq!(page.word(pair(1)).alone(), Standing::Answer(answer(Reason::ALL[3]), Slot::ALL[2]));
    // Another pair has slots of its own.
    writer.update(1, |edit| edit.set(pair(2), ruling(Reason::Locked)));
    assert_eq!(page.word(pair(2)).alone(), Standing::Answer(answer(Reason::Locked), Slot::ALL[0]));
}

#[test]
fn what_denies_for_want_of_a_daemon_is_never_published() {
    let (mut writer, page) = gate();
    for refusal in [Refusal::None, Refusal::Empty] {
        let answer = Some(Answer::new(Reason::DaemonUnavailable, refusal));
        let ruling = Ruling { alone: answer, combined: answer, personal: true };
        writer.update(1, |edit| edit.set(pair(0), ruling));
        assert_eq!(page.word(pair(0)), Word::CALL);
    }
}

#[test]
fn a_page_that_ends_calls_and_says_why() {
    let (mut writer, page) = gate();
    writer.update(5, |edit| edit.set(pair(0), ruling(Reason::Consented)));
    writer.supersede();
    assert_eq!((page.word(pair(0)), page.state()), (Word::CALL, State::Superseded));
    assert_eq!(page.generation(), 5);
    writer.close();
    assert_eq!(page.state(), State::Closed);
    writer.begin_epoch(8);
    assert_eq!(page.epoch(), 8);
}

#[test]
fn several_words_are_of_one_moment() {
    let (mut writer, page) = gate();
    let both = |edit: &mut consentd_gate::page::Edit<'_>, reason| {
        edit.set(pair(0), ruling(reason));
        edit.set(pair(2), ruling(reason));
    };
    writer.update(1, |edit| both(edit, Reason::Consented));
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let reader = threads.spawn(|| {
            let (mut seen, mut whole) = (BTreeSet::new(), 0);
            while !done.load(Ordering::Relaxed) || whole == 0 {
                let mut words = [Word::CALL; 2];
                if page.snapshot(&[pair(0), pair(2)], &mut words) == Ok(()) {
                    assert_eq!(shown(words[0]), shown(words[1]));
                    whole += 1;
                    seen.insert(shown(words[0]).unwrap().reason().code());
                }
            }
            seen
        });
        for round in 0..200_000 {
            let off = round % 2 == 0;
            let reason = if off { Reason::ToggleOff } else { Reason::Consented };
            writer.update(round, |edit| both(edit, reason));
        }
        done.store(true, Ordering::Relaxed);
        assert!(!reader.join().unwrap().is_empty());
    });
}

#[test]
fn several_words_cannot_be_read_while_the_daemon_writes() {
    let (mut writer, page) = gate();
    let mut words = [Word::CALL; 1];
    writer.update(2, |edit| {
        edit.set(pair(0), ruling(Reason::Consented));
        assert_eq!(page.snapshot(&[pair(0)], &mut words), Err(Torn));
    });
    assert_eq!(page.snapshot(&[pair(0)], &mut words), Ok(()));
    assert_eq!(shown(words[0]), Some(answer(Reason::Consented)));
}

#[test]
fn an_update_that_panics_leaves_a_page_that_can_be_read_and_written() {
    let (mut writer, page) = gate();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        writer.update(2, |_| panic!("on purpose"));
    }));
    assert!(panicked.is_err());
    let mut words = [Word::CALL; 1];
    assert_eq!(page.snapshot(&[pair(0)], &mut words), Ok(()));
    writer.update(3, |edit| edit.set(pair(0), ruling(Reason::Consented)));
    assert_eq!(page.snapshot(&[pair(0)], &mut words), Ok(()));
    assert_eq!(shown(words[0]), Some(answer(Reason::Consented)));
}

/// Every way to write that a holder of the descriptor has.
#[test]
#[allow(unsafe_code, reason = "mapping for writing is one of the ways")]
fn nobody_but_the_writer_writes() {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect, munmap};
    let (writer, page) = gate();
    let fd = writer.fd();
    assert!(rustix::io::pwrite(fd, b"x", 200).is_err());
    assert!(rustix::fs::ftruncate(fd, 0).is_err());
    assert!(rustix::fs::fcntl_add_seals(fd, SealFlags::WRITE).is_err());
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    if let Ok(again) = rustix::fs::open(path, OFlags::RDWR, Mode::empty()) {
        assert!(rustix::io::pwrite(&again, b"x", 200).is_err());
        assert!(rustix::fs::ftruncate(&again, 0).is_err());
        let punch = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
        assert!(rustix::fs::fallocate(&again, punch, 0, 4096).is_err());
        // SAFETY: a new mapping, which is expected to fail, and is not looked at.
        let mapped = unsafe {
            let both = ProtFlags::READ | ProtFlags::WRITE;
            mmap(std::ptr::null_mut(), 4096, both, MapFlags::SHARED, &again, 0)
        };
        assert!(mapped.is_err());
    }
    // SAFETY: a new mapping of our own, not looked at, and unmapped again.
    unsafe {
        let none = std::ptr::null_mut();
        let mapped = mmap(none, 4096, ProtFlags::READ, MapFlags::SHARED, fd, 0).unwrap();
        assert!(mprotect(mapped, 4096, MprotectFlags::READ | MprotectFlags::WRITE).is_err());
        munmap(mapped, 4096).unwrap();
    }
    assert_eq!(page.word(pair(0)), Word::CALL);
}

#[test]
fn a_page_of_another_gate_is_refused() {
    let (writer, _page) = gate();
    let open = |id| Page::open(writer.reader_fd().unwrap(), id);
    assert!(matches!(open(Some(10)), Err(GateError::Stranger { .. })));
    assert!(open(None).is_ok());
}

#[test]
fn a_voided_page_denies() {
    let (mut writer, page) = gate();
    writer.update(1, |edit| edit.set(pair(0), ruling(Reason::Consented)));
    page.void().unwrap();
    assert_eq!(page.word(pair(0)).alone(), Standing::Void);
    assert_eq!(shown(writer.word(pair(0))), Some(answer(Reason::Consented)));
}

#[test]
fn a_kept_page_says_what_was_counted() {
    let (mut writer, _page) = gate();
    writer.update(1, |edit| {
        edit.set(pair(1), ruling(Reason::Consented));
        edit.set(pair(1), ruling(Reason::ToggleOff));
    });
    let fd = writer.reader_fd().unwrap();
    drop(writer);
    let kept = KeptPage::open(&fd).unwrap();
    assert_eq!((kept.id(), kept.user(), kept.generation(), kept.pairs()), (9, 1000, 3 << 32, 3));
    assert_eq!(kept.directory().pairs().collect::<Vec<_>>(), PAIRS);
    assert_eq!(kept.meaning(pair(1), Slot::ALL[0]), Some(answer(Reason::Consented)));
    assert_eq!(kept.meaning(pair(1), Slot::ALL[1]), Some(answer(Reason::ToggleOff)));
    assert_eq!(kept.meaning(pair(1), Slot::ALL[2]), None);
    assert_eq!(kept.meaning(pair(0), Slot::ALL[0]), None);
}

#[test]
fn a_page_that_another_user_made_is_not_kept() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a page to another user; run the tests as root");
        return;
    }
    let (writer, _page) = gate();
    rustix::fs::fchown(writer.fd(), Some(Uid::from_raw(1)), Some(Gid::from_raw(1))).unwrap();
    let kept = KeptPage::open(&writer.reader_fd().unwrap());
    assert!(matches!(kept, Err(GateError::NotOurs { owner: 1 })));
}

#[test]
fn a_page_that_was_not_sealed_by_the_daemon_is_refused() {
    let (writer, _page) = gate();
    let mut bytes =
        vec![0; usize::try_from(rustix::fs::fstat(writer.fd()).unwrap().st_size).unwrap()];
    rustix::io::pread(writer.fd(), &mut bytes, 0).unwrap();
    // All its seals but the one that keeps others from writing.
    let fixed = SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    let open = |seals| Page::open(memory(&bytes, seals), None);
    assert!(matches!(open(fixed), Err(GateError::NotSealed)));
    assert!(matches!(open(SealFlags::FUTURE_WRITE), Err(GateError::NotSealed)));
    assert!(matches!(KeptPage::open(&memory(&bytes, fixed)), Err(GateError::NotSealed)));
    assert!(open(fixed | SealFlags::FUTURE_WRITE).is_ok());
    let (reads, _writes) = rustix::pipe::pipe().unwrap();
    assert!(matches!(Page::open(reads, None), Err(GateError::NotSealed)));
}

fn memory(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let flags = rustix::fs::MemfdFlags::CLOEXEC | rustix::fs::MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("test", flags).unwrap();
    assert_eq!(rustix::io::write(fd.as_fd(), bytes).unwrap(), bytes.len());
    rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    fd
}

#[test]
fn what_does_not_fit_in_a_page_is_refused() {
    let create = |contents: Contents<'_>| PageWriter::create(&contents).map(|_| ());
    assert!(matches!(create(Contents { id: 0, ..contents(&PAIRS) }), Err(GateError::NoId)));
    let backwards = [PAIRS[1], PAIRS[0]];
    assert!(matches!(create(contents(&backwards)), Err(GateError::Order)));
    assert!(matches!(create(contents(&[PAIRS[0], PAIRS[0]])), Err(GateError::Order)));
    let long = "x".repeat(129);
    for id in ["", "a\nb", "ä", &long] {
        let refused = create(Contents { app: id, ..contents(&PAIRS) });
        assert!(matches!(refused, Err(GateError::Id { .. })), "{id:?}");
        assert!(matches!(create(contents(&[("p", id)])), Err(GateError::Id { .. })), "{id:?}");
    }
    let names: Vec<String> = (0..=MAX_PAIRS).map(|number| format!("{number:04}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| ("p", name.as_str())).collect();
    for (many, what) in [(MAX_PAIRS + 1, "pairs"), (MAX_ITEMS + 1, "data items")] {
        match create(contents(&pairs[..many])) {
            Err(GateError::TooMany { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{other:?}"),
        }
    }
    assert!(create(contents(&[])).is_ok());
    assert_ne!(fresh_id().unwrap(), fresh_id().unwrap());
}

#[test]
fn the_largest_page_is_one() {
    let names: Vec<String> = (0..MAX_ITEMS).map(|number| format!("{number:0128}")).collect();
    let pairs: Vec<(&str, &str)> = (0..MAX_PAIRS)
        .map(|number| (names[number / 4].as_str(), names[number % 1024].as_str()))
        .collect();
    let writer = PageWriter::create(&contents(&pairs)).unwrap();
    let page = Page::open(writer.reader_fd().unwrap(), None).unwrap();
    assert!(page.directory().pairs().eq(pairs.iter().copied()));
    assert!(rustix::fs::fstat(page.fd()).unwrap().st_size < i64::try_from(MAX_LEN).unwrap());
    for (at, (purpose, data)) in pairs.iter().enumerate() {
        let directory = page.directory();
        let found =
            directory.pair(directory.purpose(purpose).unwrap(), directory.data(data).unwrap());
        assert_eq!(found, PairIndex::new(at));
    }
}
