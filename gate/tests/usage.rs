//! What an app counts the daemon reads, all of it and no more, whatever else the app writes.
#![cfg(not(any(loom, miri)))]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::os::fd::OwnedFd;
use std::sync::Barrier;

use consentd_gate::page::{Contents, KeptPage, MAX_PAIRS, Page, PageWriter, PairIndex};
use consentd_gate::usage::{LANES, Lane, Totals, Usage, UsageReader};
use consentd_gate::{GateError, Slot};
use rustix::fs::{MemfdFlags, SealFlags};

const PAIRS: [(&str, &str); 2] = [("ads", "device.oaid"), ("maps", "location.precise")];

fn page(id: u64) -> PageWriter {
    let contents = Contents { id, app: "org.example", user: 1, generation: 1, pairs: &PAIRS };
    PageWriter::create(&contents).unwrap()
}

struct Gate {
    _writer: PageWriter,
    usage: Usage,
    reader: UsageReader,
}

impl Gate {
    fn new() -> Self {
        let writer = page(5);
        let (reader, fd) = UsageReader::create(5, 2).unwrap();
        let page = Page::open(writer.reader_fd().unwrap(), None).unwrap();
        Self { _writer: writer, usage: Usage::open(fd, &page).unwrap(), reader }
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.reader.totals(&mut totals).unwrap();
        totals
    }
}

fn pair(number: usize) -> PairIndex {
    PairIndex::new(number).unwrap()
}

#[test]
fn what_is_counted_is_drained_by_pair_and_slot() {
    let gate = Gate::new();
    assert_eq!(gate.totals(), Totals::new(2));
    let lane = gate.usage.lane();
    lane.count(pair(0), Slot::ALL[0]);
    lane.count(pair(1), Slot::ALL[7]);
    lane.count(pair(1), Slot::ALL[7]);
    lane.count(pair(2), Slot::ALL[0]);
    let first = gate.totals();
    let mut expected = Totals::new(2);
    expected.set(pair(0), Slot::ALL[0], 1);
    expected.set(pair(1), Slot::ALL[7], 2);
    assert_eq!(first, expected);
    lane.count(pair(1), Slot::ALL[7]);
    let counts = gate.totals().since(&first).unwrap();
    let counted: Vec<_> =
        counts.iter().map(|count| (count.pair, count.slot, count.times)).collect();
    assert_eq!(counted, [(pair(1), Slot::ALL[7], 1)]);
}

#[test]
fn threads_count_side_by_side_and_drains_only_grow() {
    const EACH: u64 = 200_000;
    let gate = Gate::new();
    let drains = std::thread::scope(|threads| {
        let counting: Vec<_> = (0..4)
            .map(|_| {
                threads.spawn(|| {
                    let lane = gate.usage.lane();
                    for _ in 0..EACH {
                        lane.count(pair(1), Slot::ALL[3]);
                    }
                })
            })
            .collect();
        let (mut last, mut drains) = (Totals::new(2), 0);
        while !counting.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let now = gate.totals();
            drains += now.since(&last).unwrap().iter().map(|count| count.times).sum::<u64>();
            last = now;
        }
        drains + gate.totals().since(&last).unwrap().iter().map(|count| count.times).sum::<u64>()
    });
    assert_eq!(drains, 4 * EACH);
}

/// Each lane in a thread of its own, at the same time, so often.
fn count_at_once(lanes: Vec<Lane>, times: usize) {
    let start = Barrier::new(lanes.len());
    std::thread::scope(|threads| {
        for lane in lanes {
            let start = &start;
            threads.spawn(move || {
                start.wait();
                for _ in 0..times {
                    lane.count(pair(0), Slot::ALL[2]);
                }
            });
        }
    });
}

#[test]
fn more_threads_than_lanes_lose_nothing() {
    let gate = Gate::new();
    let _own: Vec<Lane> = (1..LANES).map(|_| gate.usage.lane()).collect();
    count_at_once((0..4).map(|_| gate.usage.lane()).collect(), 300_000);
    assert_eq!(gate.totals().get(pair(0), Slot::ALL[2]), 1_200_000);
}

#[test]
fn lanes_that_were_returned_are_as_many_as_before() {
    let gate = Gate::new();
    drop((0..4).map(|_| gate.usage.lane()).collect::<Vec<_>>());
    count_at_once((0..4).map(|_| gate.usage.lane()).collect(), 300_000);
    assert_eq!(gate.totals().get(pair(0), Slot::ALL[2]), 1_200_000);
}

#[test]
fn a_lane_that_was_returned_goes_on_from_its_values() {
    let gate = Gate::new();
    for _ in 0..3 * LANES {
        gate.usage.lane().count(pair(0), Slot::ALL[0]);
    }
    assert_eq!(gate.totals().get(pair(0), Slot::ALL[0]), 3 * LANES as u64);
    let mut used = [0; 8];
    rustix::io::pread(gate.reader.fd(), &mut used, 64).unwrap();
    assert_eq!(u64::from_ne_bytes(used), 2);
}

#[test]
fn the_memory_opened_twice_shares_no_lane() {
    let gate = Gate::new();
    let page = Page::open(gate._writer.reader_fd().unwrap(), None).unwrap();
    let again = Usage::open(gate.usage.fd().try_clone_to_owned().unwrap(), &page).unwrap();
    count_at_once(vec![gate.usage.lane(), again.lane()], 300_000);
    assert_eq!(gate.totals().get(pair(0), Slot::ALL[2]), 600_000);
}

#[test]
fn lanes_that_are_not_used_take_no_memory() {
    let (reader, fd) = UsageReader::create(1, MAX_PAIRS).unwrap();
    let stat = rustix::fs::fstat(&fd).unwrap();
    assert!(stat.st_size > 16 << 20 && stat.st_blocks * 512 <= 4096, "{stat:?}");
    reader.totals(&mut Totals::default()).unwrap();
    assert!(rustix::fs::fstat(&fd).unwrap().st_blocks * 512 <= 4096);
}

#[test]
fn memory_that_is_not_this_page_s_usage_is_refused() {
    let page_of = |id| Page::open(page(id).reader_fd().unwrap(), None).unwrap();
    let open = |id, pairs, fits: &Page| {
        Usage::open(UsageReader::create(id, pairs).unwrap().1, fits).map(|_| ())
    };
    assert!(open(5, 2, &page_of(5)).is_ok());
    assert!(matches!(open(5, 2, &page_of(6)), Err(GateError::Stranger { .. })));
    assert!(matches!(open(5, 3, &page_of(5)), Err(GateError::Stranger { .. })));
    let page = page_of(5);
    let of_a_page = page.fd().try_clone_to_owned().unwrap();
    assert!(matches!(Usage::open(of_a_page, &page), Err(GateError::Version { .. })));
    let (reads, _writes) = rustix::pipe::pipe().unwrap();
    assert!(matches!(Usage::open(reads, &page), Err(GateError::NotSealed)));
    assert!(UsageReader::create(1, MAX_PAIRS + 1).is_err());
}

#[test]
fn usage_that_a_daemon_left_is_drained_by_the_next() {
    let gate = Gate::new();
    gate.usage.lane().count(pair(1), Slot::ALL[1]);
    let before = gate.totals();
    gate.usage.lane().count(pair(1), Slot::ALL[1]);
    let Gate { _writer: writer, usage, reader } = gate;
    let fd = writer.reader_fd().unwrap();
    drop((writer, reader));
    let kept = KeptPage::open(&fd).unwrap();
    let reader = UsageReader::keep(usage.fd().try_clone_to_owned().unwrap(), &kept).unwrap();
    let mut totals = Totals::default();
    reader.totals(&mut totals).unwrap();
    let counts = totals.since(&before).unwrap();
    assert_eq!((counts.len(), counts[0].times, reader.id()), (1, 1, 5));

    let other = KeptPage::open(&page(6).reader_fd().unwrap()).unwrap();
    let again = UsageReader::keep(usage.fd().try_clone_to_owned().unwrap(), &other);
    assert!(matches!(again, Err(GateError::Stranger { .. })));
}

#[test]
fn usage_that_is_not_sealed_or_too_short_is_not_kept() {
    let gate = Gate::new();
    let kept = KeptPage::open(&gate._writer.reader_fd().unwrap()).unwrap();
    let mut header = [0; 128];
    rustix::io::pread(gate.reader.fd(), &mut header, 0).unwrap();
    let keep = |bytes: &[u8], seals| UsageReader::keep(memory(bytes, seals), &kept).map(|_| ());
    let fixed = SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    assert!(matches!(keep(&header, fixed), Err(GateError::Length { .. })));
    assert!(matches!(keep(&header[..64], fixed), Err(GateError::Length { .. })));
    assert!(matches!(keep(&header, SealFlags::SHRINK), Err(GateError::NotSealed)));
}

fn memory(bytes: &[u8], seals: SealFlags) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let fd = rustix::fs::memfd_create("test", flags).unwrap();
    assert_eq!(rustix::io::write(&fd, bytes).unwrap(), bytes.len());
    rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    fd
}

#[test]
fn an_app_can_neither_shrink_nor_grow_its_usage() {
    let (_reader, fd) = UsageReader::create(1, 2).unwrap();
    assert!(rustix::fs::ftruncate(&fd, 0).is_err());
    assert!(rustix::fs::ftruncate(&fd, 1 << 30).is_err());
}

#[test]
fn an_app_that_takes_its_counts_back_is_hostile() {
    let gate = Gate::new();
    gate.usage.lane().count(pair(1), Slot::ALL[1]);
    let before = gate.totals();
    let hole = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(gate.usage.fd(), hole, 0, 8192).unwrap();
    let hostile = gate.totals().since(&before).unwrap_err();
    assert_eq!((hostile.pair, hostile.slot), (pair(1), Slot::ALL[1]));
}

#[test]
fn voided_usage_counts_nowhere() {
    let gate = Gate::new();
    let lane = gate.usage.lane();
    gate.usage.void().unwrap();
    lane.count(pair(0), Slot::ALL[0]);
    gate.usage.lane().count(pair(0), Slot::ALL[0]);
    assert_eq!(gate.totals(), Totals::new(2));
}
