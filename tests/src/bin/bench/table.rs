//! Prints figures as they come: what, how much, beside what, the budget, met or not.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;

/// The table; it remembers what was not met.
pub struct Table {
    missed: u32,
}

/// Half of them are faster, and one in a hundred is slower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub p50: Duration,
    pub p99: Duration,
}

impl Spread {
    /// Of these, at least one.
    pub fn of(mut times: Vec<Duration>) -> Spread {
        times.sort_unstable();
        let at = |percent: usize| {
            let last = times.len().saturating_sub(1);
            times.get(last * percent / 100).copied().unwrap_or_default()
        };
        Spread { p50: at(50), p99: at(99) }
    }

    /// How many times the other's p50 this one's is.
    pub fn to(self, other: Spread) -> f64 {
        self.p50.as_secs_f64() / other.p50.as_secs_f64()
    }
}

/// Whether a budget is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    /// Only to compare with.
    None,
}

impl From<bool> for Verdict {
    fn from(met: bool) -> Verdict {
        if met { Verdict::Met } else { Verdict::Missed }
    }
}

impl Table {
    pub fn begin() -> Result<Table> {
        let table = Table { missed: 0 };
        table.line(["what", "p50", "p99", "beside", "budget", ""])?;
        Ok(table)
    }

    /// A part of the table.
    pub fn heading(&self, text: &str) -> Result<()> {
        self.print(&format!("\n{text}\n"))
    }

    /// A row of times.
    pub fn times(
        &mut self,
        what: &str,
        spread: Spread,
        beside: &str,
        budget: &str,
        verdict: Verdict,
    ) -> Result<()> {
        let (p50, p99) = (in_words(spread.p50), in_words(spread.p99));
        self.row([what, &p50, &p99, beside, budget], verdict)
    }

    /// A row of anything else.
    pub fn figure(
        &mut self,
        what: &str,
        figure: &str,
        budget: &str,
        verdict: Verdict,
    ) -> Result<()> {
        self.row([what, figure, "", "", budget], verdict)
    }

    /// What was left out, and what it needs.
    pub fn left_out(&self, what: &str, why: &str) -> Result<()> {
        self.print(&format!("  {what}: not measured: {why}\n"))
    }

    /// The last line, and the exit code.
    pub fn end(self) -> Result<ExitCode> {
        if self.missed == 0 {
            self.print("\nAll budgets are met.\n")?;
            return Ok(ExitCode::SUCCESS);
        }
        self.print(&format!("\n{} budgets are not met.\n", self.missed))?;
        Ok(ExitCode::FAILURE)
    }

    fn row(&mut self, [what, p50, p99, beside, budget]: [&str; 5], verdict: Verdict) -> Result<()> {
        let word = match verdict {
            Verdict::Met => "met",
            Verdict::Missed => "NOT MET",
            Verdict::None => "",
        };
        self.missed += u32::from(verdict == Verdict::Missed);
        self.line([what, p50, p99, beside, budget, word])
    }

    fn line(&self, [what, p50, p99, beside, budget, verdict]: [&str; 6]) -> Result<()> {
        let line = format!("  {what:<44} {p50:>10} {p99:>10}  {beside:<22} {budget:<26} {verdict}");
        self.print(&format!("{}\n", line.trim_end()))
    }

    fn print(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// `240 µs`, `1.52 ms`.
pub fn in_words(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        micros if micros < 10.0 => format!("{micros:.2} µs"),
        micros if micros < 1000.0 => format!("{micros:.0} µs"),
        micros => format!("{:.2} ms", micros / 1000.0),
    }
}
