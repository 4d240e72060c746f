//! Words in a file outlive their mapping, and take the disk's room at once.

#![allow(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use std::os::unix::fs::MetadataExt;
use std::sync::atomic::Ordering::Relaxed;

use consentd_gate::FileWords;

#[test]
fn a_stored_word_is_in_the_file() {
    let file = tempfile::tempfile().unwrap();
    let words = FileWords::map(&file, 1024).unwrap();
    assert_eq!(words.len(), 1024);
    assert!(words.iter().all(|word| word.load(Relaxed) == 0));
    words[1023].store(7, Relaxed);
    let again = FileWords::map(&file, 1024).unwrap();
    assert_eq!(again[1023].load(Relaxed), 7);
    drop((words, again));
    assert_eq!(FileWords::map(&file, 1024).unwrap()[1023].load(Relaxed), 7);
}

#[test]
fn all_room_is_taken_when_it_is_mapped() {
    let file = tempfile::tempfile().unwrap();
    let _words = FileWords::map(&file, 64 * 1024).unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.len(), 512 * 1024);
    assert!(metadata.blocks() * 512 >= metadata.len(), "{} blocks", metadata.blocks());
}

#[test]
fn a_file_that_is_not_for_writing_is_refused() {
    let named = tempfile::NamedTempFile::new().unwrap();
    let file = std::fs::File::open(named.path()).unwrap();
    assert!(FileWords::map(&file, 8).is_err());
}
