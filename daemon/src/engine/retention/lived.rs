//! How much time has passed, as far as the daemon can vouch for it: what data is kept for is counted by
//! this, since an erasure cannot be taken back and a wall clock can be set.
//!
//! Within a boot the boot-time clock counts, suspend included, and the wall clock not at all. How long
//! the device was off only the wall clock says: that counts once the clock has stood by it for a day of
//! running time, and up to a month. So a period can end late, and not early.

use crate::clock::Moment;

const DAY_MS: i64 = 86_400_000;
/// The longest time off that is believed.
const LONGEST_OFF_MS: i64 = 31 * DAY_MS;
/// How far the wall clock may fall behind what it said: it is corrected all the time.
const TOLERANCE: i64 = 3_600;
/// Times off that wait to be believed; the last one grows beyond.
const MOST_GAPS: usize = 8;

/// A time off, as the wall clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    ms: i64,
    /// Running time when it was seen first.
    seen_ms: i64,
    /// The wall clock then, Unix seconds.
    wall: i64,
}

/// The count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lived {
    /// Time that the device ran.
    ran_ms: i64,
    /// Time off that is believed.
    off_ms: i64,
    /// Up to when all that was counted.
    at: Moment,
    gaps: Vec<Gap>,
}

impl Lived {
    /// Begins to count.
    #[must_use]
    pub fn begin(now: Moment) -> Self {
        Self { ran_ms: 0, off_ms: 0, at: now, gaps: Vec::new() }
    }

    /// Seconds that have passed since it began.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        self.ran_ms.saturating_add(self.off_ms) / 1_000
    }

    /// The count at a later moment.
    #[must_use]
    pub fn at(&self, now: Moment) -> Self {
        let mut lived = self.clone();
        let same_boot = now.boot == self.at.boot;
        let ran = if same_boot { now.since_boot - self.at.since_boot } else { now.since_boot };
        lived.ran_ms = lived.ran_ms.saturating_add(ran.max(0));
        lived.at = now;
        let ran_ms = lived.ran_ms;
        lived.gaps.retain(|gap| {
            let ran = ran_ms.saturating_sub(gap.seen_ms) / 1_000;
            now.wall >= gap.wall.saturating_add(ran).saturating_sub(TOLERANCE)
        });
        if !same_boot {
            let passed = now.wall.saturating_sub(self.at.wall).saturating_mul(1_000);
            let ms = passed.saturating_sub(ran).min(LONGEST_OFF_MS);
            if ms > 0 {
                lived.note(Gap { ms, seen_ms: ran_ms, wall: now.wall });
            }
        }
        let mut believed = 0;
        lived.gaps.retain(|gap| {
            let stood = ran_ms.saturating_sub(gap.seen_ms) >= DAY_MS;
            if stood {
                believed += gap.ms;
            }
            !stood
        });
        lived.off_ms = lived.off_ms.saturating_add(believed);
        lived
    }

    fn note(&mut self, gap: Gap) {
        let is_full = self.gaps.len() == MOST_GAPS;
        match self.gaps.last_mut() {
            Some(last) if is_full => {
                *last = Gap { ms: (last.ms + gap.ms).min(LONGEST_OFF_MS), ..gap };
            }
            Some(_) | None => self.gaps.push(gap),
        }
    }

    /// In how many seconds of running time the count leaps, if it is to.
    #[must_use]
    pub fn leaps_in(&self) -> Option<i64> {
        let first = self.gaps.first()?;
        let left = DAY_MS.saturating_sub(self.ran_ms.saturating_sub(first.seen_ms));
        Some((left.max(0)).div_euclid(1_000) + 1)
    }

    /// As it is kept in the store.
    #[must_use]
    pub fn text(&self) -> String {
        let Moment { wall, since_boot, boot } = self.at;
        let mut text = format!("{} {} {wall} {since_boot} {boot:032x}", self.ran_ms, self.off_ms);
        for Gap { ms, seen_ms, wall } in &self.gaps {
            text.push_str(&format!(" {ms}:{seen_ms}:{wall}"));
        }
        text
    }

    /// What [`Lived::text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse::<i64>().ok();
        let (ran_ms, off_ms, wall, since_boot) = (number()?, number()?, number()?, number()?);
        let boot = u128::from_str_radix(words.next()?, 16).ok()?;
        let gap = |word: &str| {
            let mut numbers = word.split(':').map(|number| number.parse::<i64>().ok());
            let (ms, seen_ms, wall) = (numbers.next()??, numbers.next()??, numbers.next()??);
            numbers.next().is_none().then_some(Gap { ms, seen_ms, wall })
        };
        let gaps = words.map(gap).collect::<Option<Vec<Gap>>>()?;
        Some(Self { ran_ms, off_ms, at: Moment { wall, since_boot, boot }, gaps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    const BEGIN: Moment = Moment { wall: 1_768_435_200, since_boot: 60_000, boot: 1 };

    /// What happens, in order.
    enum Step {
        /// Seconds go by, on both clocks.
        Run(i64),
        /// The wall clock is set by so many seconds.
        Set(i64),
        /// Off for so many seconds, by a wall clock that goes on.
        Off(i64),
        /// Off, with a wall clock that begins anew.
        OffWithoutClock,
    }
    use Step::{Off, OffWithoutClock, Run, Set};

    fn lived(steps: &[Step]) -> i64 {
        let mut now = BEGIN;
        let mut lived = Lived::begin(now);
        for step in steps {
            match step {
                Run(seconds) => {
                    now.wall += seconds;
                    now.since_boot += seconds * 1_000;
                }
                Set(seconds) => now.wall += seconds,
                Off(seconds) => now = boot(now, now.wall + seconds),
                OffWithoutClock => now = boot(now, 1_577_836_800),
            }
            lived = lived.at(now);
            assert_eq!(Lived::parse(&lived.text()).as_ref(), Some(&lived));
            assert_eq!(lived.at(now), lived, "to look twice counts nothing twice");
        }
        lived.seconds()
    }

    fn boot(now: Moment, wall: i64) -> Moment {
        Moment { wall: wall + 5, since_boot: 5_000, boot: now.boot + 1 }
    }

    #[test]
    fn r42_no_clock_that_is_set_makes_a_period_end_early() {
        const YEARS: i64 = 30 * 365 * DAY;
        let cases: [(&str, &[Step], i64); 11] = [
            ("time goes by", &[Run(DAY), Run(HOUR)], DAY + HOUR),
            ("set ahead", &[Run(HOUR), Set(YEARS), Run(10 * DAY)], 10 * DAY + HOUR),
            ("set back", &[Run(HOUR), Set(-YEARS), Run(10 * DAY)], 10 * DAY + HOUR),
            ("off, and just on", &[Off(10 * DAY), Run(HOUR)], HOUR + 5),
            ("off, and on for a day", &[Off(10 * DAY), Run(DAY)], 11 * DAY + 5),
            (
                "wrong for a while",
                &[Off(10 * DAY), Run(HOUR), Set(-10 * DAY), Run(2 * DAY)],
                2 * DAY + HOUR + 5,
            ),
            ("off for years", &[Off(YEARS), Run(DAY)], 32 * DAY + 5),
            (
                "no clock of its own",
                &[OffWithoutClock, Run(HOUR), Set(YEARS), Run(2 * DAY)],
                2 * DAY + HOUR + 5,
            ),
            (
                "ahead, then off",
                &[Set(YEARS), Run(1), Off(DAY), Set(-YEARS), Run(2 * DAY)],
                2 * DAY + 6,
            ),
            ("corrected a little", &[Off(DAY), Set(-60), Run(DAY)], 2 * DAY + 5),
            (
                "off every night",
                &[
                    Off(16 * HOUR),
                    Run(8 * HOUR),
                    Off(16 * HOUR),
                    Run(8 * HOUR),
                    Off(16 * HOUR),
                    Run(8 * HOUR),
                ],
                // The first night alone is believed yet.
                16 * HOUR + 24 * HOUR + 15,
            ),
        ];
        for (name, steps, expected) in cases {
            assert_eq!(lived(steps), expected, "{name}");
        }
    }

    #[test]
    fn however_many_times_off_wait_none_is_lost() {
        let mut steps = Vec::new();
        for _ in 0..20 {
            steps.extend([Off(HOUR), Run(60)]);
        }
        steps.push(Run(DAY));
        assert_eq!(lived(&steps), 20 * (HOUR + 65) + DAY);
    }
}
