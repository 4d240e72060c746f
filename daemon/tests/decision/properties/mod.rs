//! What holds for any declaration, any settings and any question: 256 drawn at random for each.

mod answers;
mod clocks;
mod cookies;
mod draft;
mod layers;
mod tightening;

use proptest::test_runner::Config;

/// Bounded, and leaves no files.
fn config() -> Config {
    Config { cases: 256, failure_persistence: None, ..Config::default() }
}
