//! Models of what takes no lock: each is run in every order of loads and stores that the memory model
//! allows. Compiled with `--cfg loom` alone; `make test` does so.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::sync::Arc;

use consentd_gate::model::{Board, lane, life};
use consentd_gate::page::{PairIndex, State};
use consentd_gate::{Answer, Reason, Refusal, SLOTS, Slot, Standing, Word};
use loom::sync::Mutex;
use loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, fence};
use loom::thread;

type Model = Board<Box<[AtomicU64]>, Box<[AtomicU32]>>;

const ON: Answer = Answer::new(Reason::Consented, Refusal::Nothing);
const OFF: Answer = Answer::new(Reason::ToggleOff, Refusal::Empty);

/// A board of zeros but for the first epoch.
fn board(pairs: usize) -> Arc<Model> {
    let words = |count| (0..count).map(|_| AtomicU32::new(0)).collect();
    let changing = (0..8).map(|at| AtomicU64::new(u64::from(at == 2))).collect();
    Arc::new(Board::new(changing, words(pairs), words(pairs * SLOTS)))
}

fn pair(number: usize) -> PairIndex {
    PairIndex::new(number).unwrap()
}

/// What the page's writer does to show an answer for these pairs.
fn show(board: &Model, pairs: &[PairIndex], answer: Answer) {
    board.begin();
    for pair in pairs {
        let standing = board.standing(*pair, answer);
        board.show(*pair, Word::new(standing, standing));
    }
    board.end(1);
}

fn answer(word: Word) -> Option<(Answer, Slot)> {
    match word.alone() {
        Standing::Answer(answer, slot) => Some((answer, slot)),
        Standing::Call | Standing::Void => None,
    }
}

/// A load by the kernel's copy, at the strength that a message before it gives.
fn drained(counter: &AtomicU64) -> u64 {
    let count = counter.load(Relaxed);
    fence(Acquire);
    count
}

/// Whether any order led to where a model has something to say: a model that never does shows nothing.
#[derive(Clone, Default)]
struct Reached(Arc<std::sync::atomic::AtomicBool>);

impl Reached {
    fn here(&self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

fn model(run: impl Fn(&Reached) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    let reached = Reached::default();
    let seen = reached.clone();
    builder.check(move || run(&seen));
    assert!(reached.0.load(std::sync::atomic::Ordering::Relaxed));
}

#[test]
fn whoever_sees_a_word_sees_what_its_slot_stands_for() {
    model(|reached| {
        let board = board(1);
        let daemon = thread::spawn({
            let board = Arc::clone(&board);
            move || show(&board, &[pair(0)], OFF)
        });
        if let Some((answer, slot)) = answer(board.word(pair(0))) {
            reached.here();
            assert_eq!(board.meaning(pair(0), slot), Some(answer));
        }
        daemon.join().unwrap();
    });
}

#[test]
fn a_check_after_set_has_returned_sees_it() {
    model(|reached| {
        let board = board(1);
        show(&board, &[pair(0)], ON);
        let returned = Arc::new(AtomicBool::new(false));
        let daemon = thread::spawn({
            let (board, returned) = (Arc::clone(&board), Arc::clone(&returned));
            move || {
                show(&board, &[pair(0)], OFF);
                returned.store(true, Release);
            }
        });
        let after = returned.load(Acquire);
        let (seen, _) = answer(board.word(pair(0))).unwrap();
        if after {
            reached.here();
            assert!(!seen.is_allowed());
        }
        daemon.join().unwrap();
    });
}

#[test]
fn several_words_are_of_one_moment() {
    model(|reached| {
        let board = board(2);
        let pairs = [pair(0), pair(1)];
        show(&board, &pairs, ON);
        let daemon = thread::spawn({
            let board = Arc::clone(&board);
            move || show(&board, &pairs, OFF)
        });
        let mut words = [Word::CALL; 2];
        if board.snapshot(&pairs, &mut words).is_ok() {
            reached.here();
            assert_eq!(answer(words[0]), answer(words[1]));
        }
        daemon.join().unwrap();
        assert_eq!(board.snapshot(&pairs, &mut words), Ok(()));
        assert_eq!(answer(words[1]).unwrap().0, OFF);
    });
}

#[test]
fn a_page_that_says_it_is_superseded_calls_everywhere() {
    model(|reached| {
        let board = board(2);
        let pairs = [pair(0), pair(1)];
        show(&board, &pairs, ON);
        let daemon = thread::spawn({
            let board = Arc::clone(&board);
            move || {
                board.silence();
                board.leave(State::Superseded);
            }
        });
        let state = board.state();
        let words = pairs.map(|pair| board.word(pair));
        if state == State::Superseded {
            reached.here();
            assert_eq!(words, [Word::CALL; 2]);
        }
        let mut words = [Word::CALL; 2];
        if board.snapshot(&pairs, &mut words).is_ok() {
            assert_eq!(words[0] == Word::CALL, words[1] == Word::CALL);
        }
        daemon.join().unwrap();
    });
}

#[test]
fn counts_only_grow_and_add_up() {
    model(|reached| {
        let lanes: Arc<[AtomicU64; 2]> = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let threads = [lane::Holder::One, lane::Holder::Many].map(|holder| {
            let lanes = Arc::clone(&lanes);
            thread::spawn(move || {
                lane::add(&lanes[usize::from(holder == lane::Holder::One)], holder);
                lane::add(&lanes[0], lane::Holder::Many);
            })
        });
        let drain = || lanes.iter().map(drained).sum::<u64>();
        let (first, second) = (drain(), drain());
        assert!(first <= second);
        for thread in threads {
            thread.join().unwrap();
        }
        if first < second {
            reached.here();
        }
        assert_eq!((second <= 4, drain()), (true, 4));
    });
}

#[test]
fn whoever_drains_a_count_sees_what_was_counted() {
    model(|reached| {
        let (board, counter) = (board(1), Arc::new(AtomicU64::new(0)));
        let drain = thread::spawn({
            let (board, counter, reached) =
                (Arc::clone(&board), Arc::clone(&counter), reached.clone());
            move || {
                if drained(&counter) > 0 {
                    reached.here();
                    assert_eq!(board.meaning(pair(0), Slot::ALL[0]), Some(OFF));
                }
            }
        });
        let app = thread::spawn({
            let (board, counter) = (Arc::clone(&board), Arc::clone(&counter));
            move || {
                if answer(board.word(pair(0))).is_some() {
                    lane::add(&counter, lane::Holder::One);
                }
            }
        });
        show(&board, &[pair(0)], OFF);
        drain.join().unwrap();
        app.join().unwrap();
    });
}

#[test]
fn a_count_is_drained_or_told_of() {
    model(|reached| {
        let (board, counter) = (board(1), Arc::new(AtomicU64::new(0)));
        let app = thread::spawn({
            let (board, counter) = (Arc::clone(&board), Arc::clone(&counter));
            move || {
                lane::add(&counter, lane::Holder::One);
                board.epoch()
            }
        });
        board.begin_epoch(2);
        let count = drained(&counter);
        // The app told of its counts in epoch 1 long ago.
        let tells = app.join().unwrap() == 2;
        if count == 0 {
            reached.here();
            assert!(tells);
        }
    });
}

#[test]
fn no_lane_is_taken_twice_and_a_drain_knows_of_each() {
    model(|reached| {
        let used = Arc::new(AtomicU64::new(0));
        let counters: Arc<[AtomicU64; 4]> = Arc::default();
        let threads = [(); 2].map(|()| {
            let (used, counters) = (Arc::clone(&used), Arc::clone(&counters));
            thread::spawn(move || {
                let lane = lane::take(&used, 4).unwrap();
                lane::add(&counters[lane], lane::Holder::One);
                lane
            })
        });
        let [one, two] = threads.map(|thread| thread.join().unwrap());
        reached.here();
        assert!(one != two && one > 0 && two > 0);
        let lanes = usize::try_from(used.load(Relaxed)).unwrap();
        assert_eq!(counters[..lanes].iter().map(drained).sum::<u64>(), 2);
    });
}

#[test]
fn a_lane_goes_on_from_its_values_in_another_thread() {
    model(|reached| {
        let free = Arc::new(Mutex::new(true));
        let counters: Arc<[AtomicU64; 2]> = Arc::default();
        let threads = [(); 2].map(|()| {
            let (free, counters) = (Arc::clone(&free), Arc::clone(&counters));
            thread::spawn(move || {
                let held = std::mem::replace(&mut *free.lock().unwrap(), false);
                let (lane, holder) =
                    if held { (1, lane::Holder::One) } else { (0, lane::Holder::Many) };
                lane::add(&counters[lane], holder);
                if held {
                    *free.lock().unwrap() = true;
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        if drained(&counters[1]) == 2 {
            reached.here();
        }
        assert_eq!(counters.iter().map(drained).sum::<u64>(), 2);
    });
}

#[test]
fn a_check_after_the_next_daemon_s_set_sees_the_first_one_dead() {
    model(|reached| {
        let (word, board) = (Arc::new(AtomicU32::new(0)), board(1));
        life::begin(&word, 7);
        show(&board, &[pair(0)], ON);
        let (lock, returned) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let first = thread::spawn({
            let (word, lock) = (Arc::clone(&word), Arc::clone(&lock));
            move || {
                // As the kernel does: the mark, and only after it the locks.
                life::end(&word);
                lock.store(false, Release);
            }
        });
        let next = thread::spawn({
            let returned = Arc::clone(&returned);
            move || {
                if !lock.load(Acquire) {
                    returned.store(true, Release);
                }
            }
        });
        let after = returned.load(Acquire);
        let answer = life::lives(&word).then(|| board.word(pair(0))).and_then(answer);
        if after {
            reached.here();
            assert_eq!(answer, None);
        }
        first.join().unwrap();
        next.join().unwrap();
        assert!(!life::lives(&word));
    });
}

#[test]
fn whoever_sees_the_word_alive_sees_what_was_before_it() {
    model(|reached| {
        let (word, board) = (Arc::new(AtomicU32::new(0)), board(1));
        let daemon = thread::spawn({
            let (word, board) = (Arc::clone(&word), Arc::clone(&board));
            move || {
                board.show(pair(0), Word::CALL);
                life::begin(&word, 7);
            }
        });
        if life::lives(&word) {
            reached.here();
            assert_eq!(board.word(pair(0)), Word::CALL);
        }
        daemon.join().unwrap();
    });
}
