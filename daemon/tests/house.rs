//! What may be said in which room (design, invariant 9): read from the sources themselves.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::path::{Path, PathBuf};

/// Words and the rooms that alone may say them, as the start of a path under `src/`.
const ROOMS: &[(&str, &[&str])] = &[
    ("zbus::", &["transports/dbus/", "identity/bus.rs"]),
    ("rusqlite", &["store/", "ledger/"]),
    ("SELECT ", &["store/", "ledger/"]),
    ("unsafe", &[]),
];

/// What the rule never does: look at a clock, a file, a socket, a thread or anything global.
const NEVER_IN_THE_RULE: &[&str] = &[
    "std::fs",
    "std::time",
    "std::net",
    "std::env",
    "std::thread",
    "std::sync",
    "std::process",
    "async ",
    "OnceLock",
    "Atomic",
    "thread_local",
    "clock",
    "tokio",
    "Moment",
    "rustix",
];

#[test]
fn each_room_keeps_to_its_words() {
    let mut strays = Vec::new();
    let mut said = vec![0; ROOMS.len()];
    for (path, line, text) in code() {
        for (position, (word, rooms)) in ROOMS.iter().enumerate() {
            if !text.contains(word) {
                continue;
            }
            if rooms.iter().any(|room| path.starts_with(room)) {
                said[position] += 1;
            } else {
                strays.push(format!("{path}:{line}: {word}"));
            }
        }
    }
    assert!(strays.is_empty(), "said in the wrong room:\n{}", strays.join("\n"));
    // A word that nobody says any more would make this test idle.
    for ((word, rooms), said) in ROOMS.iter().zip(said) {
        assert!(rooms.is_empty() || said > 0, "nobody says {word} any more");
    }
}

#[test]
fn the_rule_has_no_io_clock_async_or_global() {
    let strays: Vec<String> = code()
        .into_iter()
        .filter(|(path, _, _)| path.starts_with("decision/"))
        .filter(|(_, _, text)| NEVER_IN_THE_RULE.iter().any(|word| text.contains(word)))
        .map(|(path, line, text)| format!("{path}:{line}: {}", text.trim()))
        .collect();
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

/// The promises of cookies, notices, retention, rights and what is personal: R33 to R60.
#[test]
fn each_promise_has_a_test_of_its_number() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts: Vec<String> = [root.join("tests"), root.join("src"), root.join("../tests/tests")]
        .iter()
        .flat_map(|dir| sources(dir))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let has_test = |number: &u32| {
        let name = format!("fn r{number}_");
        texts.iter().any(|text| text.contains(&name))
    };
    let missing: Vec<u32> = (33..=60).filter(|number| !has_test(number)).collect();
    assert!(missing.is_empty(), "no test says R{missing:?} in its name");
}

/// Every line of code under `src/`, comments left out: path, line number, text.
fn code() -> Vec<(String, usize, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = Vec::new();
    for path in sources(&root) {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        for (position, line) in text.lines().enumerate() {
            if !line.trim_start().starts_with("//") {
                lines.push((name.clone(), position + 1, line.to_owned()));
            }
        }
    }
    assert!(lines.len() > 1_000, "the sources were not found");
    lines
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
