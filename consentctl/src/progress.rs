//! That something long is under way: on standard error, where that is a terminal, and nowhere else.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that shows what is done so far.
pub struct Progress(ProgressBar);

impl Progress {
    /// Work of which nobody knows how long it takes.
    pub fn busy(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Work that is counted in pieces, named in the plural.
    pub fn counting(what: &'static str) -> Self {
        let progress = Self::busy(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} {msg}") {
            progress.0.set_style(style);
        }
        progress
    }

    /// So many more pieces are done.
    pub fn add(&self, pieces: u64) {
        self.0.inc(pieces);
    }

    /// Takes it off the screen.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
