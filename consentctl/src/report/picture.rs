//! A timeline as a picture: what was allowed stands up, what was not hangs down, changes are diamonds below;
//! so it is read without colour, too. Beside it the same in words and in a table.

use super::markup::Markup;
use super::tables::{Cell, counted, table, thousands};
use super::timeline::{Span, Timeline};
use super::words::Words;

/// Sizes in the picture's own unit, about a pixel.
const WIDTH: f64 = 720.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 12.0;
/// What bars may take, up and down.
const PLOT: f64 = 150.0;
/// Below the bars: the diamonds, then the times.
const DIAMONDS: f64 = 18.0;
const TIMES: f64 = 40.0;
/// The least that is seen.
const SEEN: f64 = 2.0;
/// Times that are written below.
const TICKS: usize = 6;

/// The picture, in words beneath it, and as a table.
pub fn figure(page: &mut Markup, timeline: &Timeline, words: &Words) {
    let told = in_words(timeline, words);
    page.element("figure", &[], |figure| {
        figure.element("p", &[("class", "legend")], |legend| {
            for (class, text) in [
                ("yes", "allowed, upwards"),
                ("no", "not allowed, downwards"),
                ("set", "changes, below"),
            ] {
                legend.element("span", &[], |item| {
                    swatch(item, class);
                    item.text(text);
                });
            }
        });
        picture(figure, timeline, words, &told);
        figure.leaf("figcaption", &[], &told);
        aside(figure, timeline);
    });
    page.element("details", &[], |details| {
        details.leaf("summary", &[], "The same as a table");
        as_table(details, timeline, words);
    });
}

fn in_words(timeline: &Timeline, words: &Words) -> String {
    let (mut allowed, mut denied, mut changes) = (0_u64, 0_u64, 0_u64);
    for span in &timeline.spans {
        allowed = allowed.saturating_add(span.answers.allowed);
        denied = denied.saturating_add(span.answers.sum().saturating_sub(span.answers.allowed));
        changes = changes.saturating_add(span.changes);
    }
    format!(
        "From {} to {} ({}), each bar one {}: {} allowed, {} not, and {}.",
        words.moment(timeline.start, timeline.width),
        words.moment(timeline.end(), timeline.width),
        words.zone(),
        timeline.width_in_words(),
        counted(allowed, "answer"),
        thousands(denied),
        counted(changes, "change"),
    )
}

/// What is not in the picture, if there is anything.
fn aside(figure: &mut Markup, timeline: &Timeline) {
    for (span, when) in [
        (&timeline.earlier, "from before that"),
        (&timeline.later, "with a time after this report was made: the clock was set in between"),
    ] {
        if !span.is_empty() {
            let answers = counted(span.answers.sum(), "answer");
            let changes = counted(span.changes, "change");
            let text = format!("Not in the picture: {answers} and {changes} {when}.");
            figure.leaf("p", &[("class", "note")], &text);
        }
    }
}

fn swatch(item: &mut Markup, class: &'static str) {
    let size = [("viewBox", "0 0 14 14"), ("class", "swatch"), ("aria-hidden", "true")];
    item.element("svg", &size, |svg| {
        if class == "set" {
            svg.empty("path", &[("d", "M7 1 13 7 7 13 1 7Z"), ("class", "set")]);
        } else {
            let square = [("width", "14"), ("height", "14"), ("rx", "2"), ("class", class)];
            svg.empty("rect", &square);
        }
    });
}

fn picture(figure: &mut Markup, timeline: &Timeline, words: &Words, told: &str) {
    let height = TOP + PLOT + TIMES;
    let view = format!("0 0 {WIDTH} {height}");
    let labels =
        [("viewBox", &*view), ("role", "img"), ("aria-labelledby", "picture-title picture-told")];
    figure.element("svg", &labels, |svg| {
        svg.leaf("title", &[("id", "picture-title")], "Answers and changes over time");
        svg.leaf("desc", &[("id", "picture-told")], told);
        hatch(svg);
        let (up, down) = timeline.most();
        let most = (up.saturating_add(down)).max(1) as f64;
        let scale = Scale {
            unit: PLOT / most,
            base: TOP + PLOT * if up + down == 0 { 1.0 } else { up as f64 / most },
            step: (WIDTH - LEFT - RIGHT) / timeline.spans.len().max(1) as f64,
        };
        axis(svg, &scale, up, down);
        for (place, (start, span)) in timeline.starts().enumerate() {
            bars(svg, &scale, place, span, &words.tick(start, timeline.width));
        }
        let each = timeline.spans.len().div_ceil(TICKS).max(1);
        for (place, (start, _)) in timeline.starts().enumerate().step_by(each) {
            let at = number(LEFT + place as f64 * scale.step);
            let (top, end) = (number(TOP + PLOT), number(TOP + PLOT + TIMES - 14.0));
            svg.empty(
                "line",
                &[("class", "tick"), ("x1", &at), ("x2", &at), ("y1", &top), ("y2", &end)],
            );
            let below = number(height - 3.0);
            svg.leaf("text", &[("x", &at), ("y", &below)], &words.tick(start, timeline.width));
        }
    });
}

/// Stripes, so that what was refused is told from what was allowed without colour.
fn hatch(svg: &mut Markup) {
    svg.own(
        r##"<defs><pattern id="stripes" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" class="ground"/><line x1="0" y1="0" x2="0" y2="5" class="stripe"/></pattern></defs>"##,
    );
}

struct Scale {
    /// Height of one answer.
    unit: f64,
    /// Where nothing is.
    base: f64,
    /// From bar to bar.
    step: f64,
}

fn axis(svg: &mut Markup, scale: &Scale, up: u64, down: u64) {
    let lines = [("grid", up, TOP), ("base", 0, scale.base), ("grid", down, TOP + PLOT)];
    for (class, count, at) in
        lines.into_iter().filter(|(class, count, _)| *class == "base" || *count > 0)
    {
        let (x1, x2, y) = (number(LEFT), number(WIDTH - RIGHT), number(at));
        svg.empty("line", &[("class", class), ("x1", &x1), ("x2", &x2), ("y1", &y), ("y2", &y)]);
        let (x, y) = (number(LEFT - 6.0), number(at + 4.0));
        svg.leaf("text", &[("class", "count"), ("x", &x), ("y", &y)], &thousands(count));
    }
}

fn bars(svg: &mut Markup, scale: &Scale, place: usize, span: &Span, when: &str) {
    if span.is_empty() {
        return;
    }
    let left = LEFT + place as f64 * scale.step;
    let (allowed, denied) =
        (span.answers.allowed, span.answers.denied.saturating_add(span.answers.asked));
    svg.element("g", &[], |group| {
        let title =
            format!("{when}: {allowed} allowed, {denied} not, {}", counted(span.changes, "change"));
        group.leaf("title", &[], &title);
        let gap = (scale.step * 0.15).min(3.0);
        let (x, width) = (number(left + gap), number(scale.step - 2.0 * gap));
        for (class, count, is_up) in [("yes", allowed, true), ("no", denied, false)] {
            if count == 0 {
                continue;
            }
            let height = (count as f64 * scale.unit).max(SEEN);
            let y = number(if is_up { scale.base - height } else { scale.base });
            let height = number(height);
            let bar =
                [("class", class), ("x", &*x), ("y", &y), ("width", &width), ("height", &height)];
            group.empty("rect", &bar);
        }
        if span.changes > 0 {
            diamond(group, left + scale.step / 2.0, span.changes);
        }
    });
}

fn diamond(group: &mut Markup, x: f64, changes: u64) {
    let y = TOP + PLOT + DIAMONDS - 5.0;
    let path = format!(
        "M{} {}L{} {}L{} {}L{} {}Z",
        number(x),
        number(y - 5.0),
        number(x + 5.0),
        number(y),
        number(x),
        number(y + 5.0),
        number(x - 5.0),
        number(y)
    );
    group.empty("path", &[("class", "set"), ("d", &path)]);
    if changes > 1 {
        let (x, y) = (number(x + 7.0), number(y + 4.0));
        group.leaf("text", &[("class", "changes"), ("x", &x), ("y", &y)], &thousands(changes));
    }
}

/// A place, to the tenth.
fn number(place: f64) -> String {
    format!("{place:.1}")
}

fn as_table(details: &mut Markup, timeline: &Timeline, words: &Words) {
    let row = |when: String, span: &Span| {
        let counts = [span.answers.allowed, span.answers.denied, span.answers.asked, span.changes]
            .map(thousands);
        let mut row = vec![Cell::plain(when)];
        row.extend(counts.map(Cell::number));
        row
    };
    let mut rows: Vec<_> = timeline
        .starts()
        .filter(|(_, span)| !span.is_empty())
        .map(|(start, span)| row(words.moment(start, timeline.width), span))
        .collect();
    for (span, when) in [(&timeline.earlier, "earlier"), (&timeline.later, "later")] {
        if !span.is_empty() {
            rows.push(row(when.to_owned(), span));
        }
    }
    let caption = format!("Answers and changes, each row one {}", timeline.width_in_words());
    let headings = ["From", "Allowed", "Refused", "Undecided", "Changes"];
    table(details, &caption, &headings, rows);
}
