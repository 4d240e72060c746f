//! Filters and lines of the ledger, as they arrive and leave.

use consentd_dbus::{Error, Result};

use super::dict::{Options, Reader};
use crate::ledger::{By, Count, Counted, Event, Filter, Line, Wanted};
use crate::row::Row;

/// A cursor is what an earlier call returned.
pub(super) fn cursor(cursor: Option<String>) -> Result<Option<i64>> {
    match cursor.as_deref() {
        None | Some("") => Ok(None),
        Some(seq) => seq.parse().map(Some).map_err(|_| {
            Error::InvalidArgument("`cursor` has to be what an earlier call returned".into())
        }),
    }
}

/// Reads a filter for one user's lines.
pub(super) fn read_filter(filter: Options<'_>, user: u32) -> Result<Filter> {
    let mut reader = Reader::new(filter);
    let filter = Filter {
        user,
        app: reader.text("app")?,
        toggle: reader.text("toggle")?,
        purpose: reader.text("purpose")?,
        data: reader.text("data")?,
        decision: reader.text("decision")?,
        since: reader.number("since")?,
        until: reader.number("until")?,
        wanted: match reader.text("kind")?.as_deref() {
            None => Wanted::All,
            Some("record") => Wanted::Records,
            Some("setting") => Wanted::Settings,
            Some(_) => {
                return Err(Error::InvalidArgument("`kind` is `record` or `setting`".into()));
            }
        },
    };
    reader.end("app, toggle, purpose, data, decision, since, until, kind")?;
    if let Some(decision) = filter.decision.as_deref()
        && !["allow", "deny", "ask"].contains(&decision)
    {
        return Err(Error::InvalidArgument("`decision` is `allow`, `deny` or `ask`".into()));
    }
    Ok(filter)
}

pub(super) fn counted_by(words: &[String]) -> Result<Vec<By>> {
    let mut by: Vec<By> = Vec::with_capacity(words.len().min(By::ALL.len()));
    for word in words {
        let known = By::ALL.into_iter().find(|by| by.word() == word);
        match known {
            Some(known) if !by.contains(&known) => by.push(known),
            Some(_) | None => {
                return Err(Error::InvalidArgument(
                    "counted by app, data, purpose, decision, hour or day, each once".into(),
                ));
            }
        }
    }
    Ok(by)
}

pub(super) fn count_row(by: &[By], count: Count) -> Row {
    let mut row = Row::new();
    for (by, value) in by.iter().zip(count.by) {
        row = match value {
            Counted::Word(word) => row.with(by.word(), word),
            Counted::Time(start) => row.with(by.word(), start),
        };
    }
    row.with("count", count.count)
}

/// A line of the ledger as a row.
pub(super) fn line_row(line: &Line) -> Row {
    match line {
        Line::Record {
            seq,
            at,
            last,
            user,
            app,
            trust,
            purpose,
            data,
            decision,
            reason,
            tag,
            count,
            source,
        } => Row::new()
            .with("seq", seq.cast_unsigned())
            .with("kind", "record")
            .with("at", *at)
            .with("last", *last)
            .with("user", *user)
            .with("app", app.as_str())
            .with("trust", trust.as_str())
            .with("purpose", purpose.as_str())
            .with("data", data.as_str())
            .with("decision", decision.as_str())
            .with("reason", reason.as_str())
            .maybe("tag", Some(tag.as_str()).filter(|tag| !tag.is_empty()))
            .with("count", *count)
            .with("source", *source),
        Line::Setting { seq, event } => {
            Row::new().with("seq", seq.cast_unsigned()).and(event_row(event))
        }
    }
}

/// A setting event as a row.
fn event_row(event: &Event) -> Row {
    Row::new()
        .with("kind", "setting")
        .with("at", event.at)
        .maybe("user", event.user)
        .with("what", event.what.word())
        .maybe("app", event.app.as_deref())
        .maybe("toggle", event.toggle.as_deref())
        .maybe("state", event.state.as_deref())
        .maybe("lifetime", event.lifetime.as_deref())
        .maybe("until", event.until)
        .maybe("by", event.by.as_deref())
        .maybe("notice", event.notice.as_deref())
        .with("generation", event.generation)
}
