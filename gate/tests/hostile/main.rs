//! Pages and usage memory from an enemy: an error or numbers, never a panic and never more.
//!
//! The fuzz targets of `gate/fuzz` do the same with what libFuzzer thinks of.
#![cfg(not(any(loom, miri)))]
#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod bodies;

use proptest::prelude::*;

/// One thing that an enemy does to bytes.
#[derive(Debug, Clone)]
enum Change {
    Byte(usize, u8),
    Word(usize, u64),
    Cut(usize),
    Grow(Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    let number = prop_oneof![
        Just(0),
        Just(u64::MAX),
        (0..64u32).prop_map(|bit| 1 << bit),
        0..10_000u64,
        any::<u64>(),
    ];
    prop_oneof![
        4 => (0..8192usize, any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (0..24usize, number.clone()).prop_map(|(at, word)| Change::Word(at * 8, word)),
        2 => (0..1024usize, number).prop_map(|(at, word)| Change::Word(at * 8, word)),
        1 => (0..8192usize).prop_map(Change::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..64).prop_map(Change::Grow),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let len = bytes.len().max(1);
        match change {
            Change::Byte(at, value) => {
                if let Some(byte) = bytes.get_mut(at % len) {
                    *byte = *value;
                }
            }
            Change::Word(at, value) => {
                if let Some(word) = bytes.get_mut(at % len..at % len + 8) {
                    word.copy_from_slice(&value.to_ne_bytes());
                }
            }
            Change::Cut(at) => bytes.truncate(at % len),
            Change::Grow(more) => bytes.extend(more),
        }
    }
    bytes
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_changed_page_is_refused_or_read(changes in prop::collection::vec(change(), 0..4)) {
        let bytes = changed(bodies::bytes_of(bodies::valid_page().fd()), &changes);
        bodies::page(&bytes);
    }

    #[test]
    fn changed_usage_is_drained(changes in prop::collection::vec(change(), 0..6)) {
        let (reader, _app) = consentd_gate::usage::UsageReader::create(5, 3).unwrap();
        bodies::usage(&changed(bodies::bytes_of(reader.fd()), &changes));
    }

    #[test]
    fn noise_is_refused_or_drained(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(!bodies::page(&bytes));
        bodies::page(&bodies::over(bodies::bytes_of(bodies::valid_page().fd()), &bytes));
        bodies::usage(&bytes);
    }
}

#[test]
fn what_is_not_changed_is_read() {
    let (reader, _app) = consentd_gate::usage::UsageReader::create(5, 3).unwrap();
    assert!(bodies::page(&bodies::bytes_of(bodies::valid_page().fd())));
    assert!(bodies::usage(&bodies::bytes_of(reader.fd())));
    assert!(!bodies::usage(&[0xff; 8192]));
}

/// Each part of a page, changed so that it contradicts another.
#[test]
fn a_page_that_contradicts_itself_is_refused() {
    let valid = bodies::bytes_of(bodies::valid_page().fd());
    let word = |at: usize| u64::from_ne_bytes(valid[at..at + 8].try_into().unwrap());
    let (words, meanings, names, pairs) = (word(64), word(72), word(80), word(88));
    let with = |at: usize, value: u64| {
        let mut bytes = valid.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_ne_bytes());
        bodies::page(&bytes)
    };
    assert!(with(32, 77), "the generation is any");
    for (at, value, what) in [
        (0, word(0) + 1, "another version"),
        (0, word(0).swap_bytes(), "another byte order"),
        (8, word(8) + 4, "longer than it is"),
        (16, 0, "no id"),
        (24, 1 << 32, "no uid"),
        (40, 4, "more pairs than there are"),
        (40, 2, "fewer pairs than there are"),
        (40, 4097, "too many pairs"),
        (40, u64::MAX, "endless pairs"),
        (48, 3, "more purposes than there are"),
        (48, 1025, "too many purposes"),
        (48, 1, "a data item among the purposes"),
        (56, 1025, "too many data items"),
        (56, 2, "a pair of no data item"),
        (64, 128, "words over the changing words"),
        (64, words + 4, "words across cache lines"),
        (64, u64::MAX - 63, "words past the end of all memory"),
        (72, words, "meanings over the words"),
        (72, meanings + 64, "meanings over the names"),
        (80, names - 1, "names over the meanings"),
        (80, pairs + 1, "names after the pairs"),
        (88, pairs - 4, "pairs over the names"),
        (88, pairs + 4, "pairs cut off"),
    ] {
        assert!(!with(at, value), "{what}");
    }
    let at = |at: u64| usize::try_from(at).unwrap();
    let put = |place: usize, bytes: &[u8]| {
        let mut changed = valid.clone();
        changed[place..place + bytes.len()].copy_from_slice(bytes);
        bodies::page(&changed)
    };
    assert!(!put(at(names), &[0]), "an app without a name");
    assert!(!put(at(names), &[129]), "an app with too long a name");
    assert!(!put(at(names) + 1, b"\xff"), "an app whose name is no text");
    assert!(!put(at(names) + 1, b"\n"), "an app whose name is not printable");
    assert!(!put(at(names) + 13, b"z"), "purposes not sorted");
    assert!(!put(at(pairs), &[1, 0, 1, 0]), "a pair twice");
    assert!(!put(at(pairs), &[1, 0, 2, 0]), "pairs not sorted");
    assert!(!put(valid.len() - 4, &[255, 255]), "a pair of no purpose");
    assert!(!put(valid.len() - 2, &[0, 0]), "pairs not sorted by data item");
}
