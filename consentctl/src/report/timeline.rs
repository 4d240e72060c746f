//! When what was answered and changed: sums over spans of time, as wide as the picture needs.
//!
//! Clocks are set, so a line may lie long before the others or in the future. It widens nothing: it counts
//! as earlier or later than what is shown.

use std::collections::BTreeMap;

use super::tally::Answers;

/// Widths of a span in seconds. Each is a multiple of those before it, so that spans can be joined.
const WIDTHS: [i64; 12] = [1, 5, 15, 60, 300, 900, 3_600, 10_800, 21_600, DAY, 7 * DAY, 28 * DAY];
const DAY: i64 = 86_400;
/// The first Monday that the clock knows, where weeks begin.
const MONDAY: i64 = 4 * DAY;
/// No calendar reaches so far, and nothing overflows.
const FAR: i64 = 1_000_000_000_000_000;
/// Spans that are counted apart while the lines pass.
const FINE: usize = 4_096;
/// Spans in the picture.
const MOST: i64 = 60;
const LEAST: i64 = 24;
/// How far back it goes: as long as answers are kept; if there is nothing, as long as changes are.
const REACHES: [i64; 2] = [32 * DAY, 3 * 366 * DAY];

/// What there was in one span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    pub answers: Answers,
    pub changes: u64,
}

impl Span {
    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        *self == Span::default()
    }

    fn join(&mut self, other: Span) {
        for (decision, count) in [
            ("allow", other.answers.allowed),
            ("deny", other.answers.denied),
            ("ask", other.answers.asked),
        ] {
            self.answers.add(decision, count);
        }
        self.changes = self.changes.saturating_add(other.changes);
    }
}

/// Spans by their number, each as wide as all can be told apart in little memory.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Which of `WIDTHS`.
    width: usize,
    /// Of local time before UTC, seconds.
    offset: i64,
    spans: BTreeMap<i64, Span>,
}

impl Histogram {
    /// One whose days are those of a time zone so many seconds before UTC.
    pub fn with_offset(offset: i64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Counts answers.
    pub fn answers(&mut self, at: i64, decision: &str, count: u64) {
        self.span(at).answers.add(decision, count);
    }

    /// Counts a change.
    pub fn change(&mut self, at: i64) {
        let span = self.span(at);
        span.changes = span.changes.saturating_add(1);
    }

    fn span(&mut self, at: i64) -> &mut Span {
        let number = number(at, self.offset, WIDTHS[self.width]);
        if self.spans.len() >= FINE && !self.spans.contains_key(&number) {
            return self.widen(at);
        }
        self.spans.entry(number).or_default()
    }

    fn widen(&mut self, at: i64) -> &mut Span {
        while self.spans.len() >= FINE && self.width + 1 < WIDTHS.len() {
            let times = WIDTHS[self.width + 1] / WIDTHS[self.width];
            self.width += 1;
            let fine = std::mem::take(&mut self.spans);
            for (number, span) in fine {
                self.spans.entry(number.div_euclid(times)).or_default().join(span);
            }
        }
        self.spans.entry(number(at, self.offset, WIDTHS[self.width])).or_default()
    }

    /// The spans up to a moment, joined until they are few enough for a picture.
    pub fn until(&self, now: i64) -> Timeline {
        let fine = WIDTHS[self.width];
        let last = number(now, self.offset, fine);
        let since = REACHES.into_iter().find_map(|reach| {
            let begin = number(now.saturating_sub(reach), self.offset, fine);
            Some(*self.spans.range(begin..=last).next()?.0)
        });
        let since = start(since.unwrap_or(last), self.offset, fine);
        let few = |width: &i64| {
            number(now, self.offset, *width) - number(since, self.offset, *width) < MOST
        };
        let wide = WIDTHS[self.width..].iter().copied().find(few);
        let width = wide.unwrap_or(WIDTHS[WIDTHS.len() - 1]);
        let last = number(now, self.offset, width);
        let first = number(since, self.offset, width).clamp(last - MOST + 1, last - LEAST + 1);
        let mut timeline = Timeline {
            start: start(first, self.offset, width),
            width,
            spans: vec![Span::default(); usize::try_from(last - first + 1).unwrap_or_default()],
            earlier: Span::default(),
            later: Span::default(),
        };
        for (number, span) in &self.spans {
            let place = number.div_euclid(width / fine) - first;
            let shown = usize::try_from(place).map(|place| timeline.spans.get_mut(place));
            match shown {
                Ok(Some(shown)) => shown.join(*span),
                Ok(None) => timeline.later.join(*span),
                Err(_) => timeline.earlier.join(*span),
            }
        }
        timeline
    }
}

/// The number of the span in which a moment is.
fn number(at: i64, offset: i64, width: i64) -> i64 {
    (at.clamp(-FAR, FAR) + offset - MONDAY).div_euclid(width)
}

/// When a span begins.
fn start(number: i64, offset: i64, width: i64) -> i64 {
    number * width + MONDAY - offset
}

/// Spans of equal width without a gap.
#[derive(Debug, PartialEq, Eq)]
pub struct Timeline {
    /// When the first begins, Unix seconds.
    pub start: i64,
    /// How wide each is, seconds.
    pub width: i64,
    pub spans: Vec<Span>,
    /// What was before the first.
    pub earlier: Span,
    /// What is after the last: in the future, when the report was made.
    pub later: Span,
}

impl Timeline {
    /// When each begins.
    pub fn starts(&self) -> impl Iterator<Item = (i64, &Span)> {
        (0..).zip(&self.spans).map(|(place, span)| (self.start + place * self.width, span))
    }

    /// When the last ends.
    pub fn end(&self) -> i64 {
        self.start + self.width * i64::try_from(self.spans.len()).unwrap_or_default()
    }

    /// The most that a span has, allowed and not.
    pub fn most(&self) -> (u64, u64) {
        let most = |of: fn(&Answers) -> u64| {
            self.spans.iter().map(|span| of(&span.answers)).max().unwrap_or_default()
        };
        (
            most(|answers| answers.allowed),
            most(|answers| answers.denied.saturating_add(answers.asked)),
        )
    }

    /// How wide a span is, in words.
    pub fn width_in_words(&self) -> &'static str {
        match self.width {
            1 => "second",
            5 => "5 seconds",
            15 => "15 seconds",
            60 => "minute",
            300 => "5 minutes",
            900 => "quarter of an hour",
            3_600 => "hour",
            10_800 => "3 hours",
            21_600 => "6 hours",
            DAY => "day",
            width if width == 7 * DAY => "week",
            _ => "4 weeks",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_790_000_000;

    fn all(timeline: &Timeline) -> Span {
        let mut sum = Span::default();
        timeline.spans.iter().for_each(|span| sum.join(*span));
        sum.join(timeline.earlier);
        sum.join(timeline.later);
        sum
    }

    #[test]
    fn widths_are_multiples_of_each_other() {
        for pair in WIDTHS.windows(2) {
            assert_eq!(pair[1] % pair[0], 0, "{pair:?}");
        }
        assert_eq!(7 * DAY % WIDTHS[9], 0);
    }

    #[test]
    fn nothing_and_one_answer_are_pictures_too() {
        let nothing = Histogram::default().until(NOW);
        assert!(nothing.spans.iter().all(Span::is_empty));
        assert_eq!((nothing.spans.len(), nothing.end()), (24, NOW + 1));
        let mut one = Histogram::default();
        one.answers(NOW, "allow", 1);
        let one = one.until(NOW);
        assert_eq!(one.spans.last().unwrap().answers.allowed, 1);
        assert_eq!((all(&one).answers.sum(), one.width, one.most()), (1, 1, (1, 0)));
    }

    #[test]
    fn a_month_is_shown_by_the_day_and_its_days_are_local() {
        // 21 September 2026, 14:13 in UTC; 16:13 there.
        let mut month = Histogram::with_offset(7_200);
        for day in 0..30 {
            month.answers(NOW - day * DAY, "allow", 1);
        }
        let month = month.until(NOW);
        assert_eq!((month.width, month.width_in_words()), (DAY, "day"));
        assert_eq!((month.start + 7_200).rem_euclid(DAY), 0, "midnight there");
        assert_eq!(month.spans.len(), 30);
        assert!(month.spans.iter().all(|span| span.answers.allowed == 1));
    }

    #[test]
    fn what_is_old_or_in_the_future_widens_nothing() {
        let mut set = Histogram::default();
        set.answers(NOW - 600, "deny", 2);
        set.answers(NOW + 400 * DAY, "allow", 3);
        set.answers(0, "ask", 4);
        set.change(i64::MAX);
        set.change(i64::MIN);
        let shown = set.until(NOW);
        assert_eq!(shown.width, 15);
        assert_eq!(shown.spans[0].answers.denied, 2);
        assert_eq!((shown.later.answers.allowed, shown.later.changes), (3, 1));
        assert_eq!((shown.earlier.answers.asked, shown.earlier.changes), (4, 1));
    }

    #[test]
    fn changes_of_years_are_shown_where_there_is_nothing_newer() {
        let mut years = Histogram::default();
        years.change(NOW - 700 * DAY);
        let years = years.until(NOW);
        assert_eq!((years.width, years.spans[0].changes), (28 * DAY, 1));
    }

    proptest! {
        /// However many moments there are, and whenever: little memory, and nothing lost.
        #[test]
        fn spans_add_up(
            moments in prop::collection::vec((prop_oneof![NOW - 90 * DAY..NOW, any::<i64>()], 1_u64..9), 0..40),
            many in 0_i64..9_000,
            step in 1_i64..100_000,
        ) {
            let mut histogram = Histogram::with_offset(3_600);
            let mut sum = 0;
            for (at, count) in &moments {
                histogram.answers(*at, "deny", *count);
                histogram.change(*at);
                sum += count;
            }
            for place in 0..many {
                histogram.answers(NOW - place * step, "allow", 1);
            }
            prop_assert!(histogram.spans.len() <= FINE);
            let timeline = histogram.until(NOW);
            let found = all(&timeline);
            prop_assert_eq!(found.answers.denied, sum);
            prop_assert_eq!(found.answers.allowed, many.cast_unsigned());
            prop_assert_eq!(found.changes, moments.len() as u64);
            let spans = i64::try_from(timeline.spans.len()).unwrap();
            prop_assert!((LEAST..=MOST).contains(&spans), "{}", spans);
            prop_assert!(timeline.end() > NOW && timeline.end() - timeline.width <= NOW);
        }
    }
}
