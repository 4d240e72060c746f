//! The other half of tests that need a process of their own: one that is killed, whose disk is full,
//! or that is not root. The half that looks starts this binary again with a part to play.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::device::Device;
use crate::{bad_disk, disk, killed, store};

const PART: &str = "CONSENTD_PART";
const DIR: &str = "CONSENTD_DIR";
/// What a part says stands behind this; what the test harness prints does not.
const MARK: &str = "said: ";

/// A part that is being played.
pub struct Player {
    pub process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Starts a part on a device, under `command`, which runs what its arguments say.
pub fn play(part: &str, dir: &Path, mut command: Command) -> Player {
    let mut process = command
        .arg(std::env::current_exe().unwrap())
        .args(["stage::plays_a_part", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    Player { process, lines }
}

impl Player {
    /// The next thing it says; none once it has ended.
    pub fn heard(&mut self) -> Option<String> {
        loop {
            let line = self.lines.next()?.unwrap();
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.to_owned());
            }
        }
    }

    /// Hears it out to its end, which must be a good one.
    pub fn ends_well(mut self) -> Vec<String> {
        let said: Vec<String> = std::iter::from_fn(|| self.heard()).collect();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}; it had said {said:?}");
        said
    }
}

/// What the process that plays a part says to the one that looks.
pub fn say(what: impl std::fmt::Display) {
    println!("{MARK}{what}");
}

#[test]
#[ignore = "other tests run it, in a process of its own"]
fn plays_a_part() {
    let device = Device::at(std::env::var_os(DIR).unwrap().into());
    match std::env::var(PART).unwrap().as_str() {
        "work on a bad disk" => bad_disk::plays_on_a_bad_disk(&device),
        "restore on a bad disk" => bad_disk::plays_restoring_on_a_bad_disk(&device),
        "fill the disk" => disk::plays_on_a_full_disk(&device),
        "work until killed" => killed::plays_until_killed(&device),
        "open what is read-only" => store::plays_without_write_permission(&device),
        other => panic!("no part {other:?}"),
    }
}
