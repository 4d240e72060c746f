//! `log`: what apps asked for, and what they were answered.

use jiff::Zoned;

use crate::answers::Record;
use crate::args::Log;
use crate::failure::Failure;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, dim, plain};
use crate::time;
use crate::values::{decode_all, decode_json};
use crate::verbs::stream::{Names, app, entries, follow, more, page_json};

pub async fn log(session: &Session, log: &Log) -> Result<(), Failure> {
    let names = Names::of(session).await?;
    let filter = names.records(&log.filter)?;
    if log.paging.follow {
        let screen = session.screen;
        return follow(session, filter, move |line| {
            Ok(sentence(&decode_json(line)?, &names, &screen, &Zoned::now()))
        })
        .await;
    }
    let (records, next) = entries(session, &filter, &log.paging).await?;
    if session.screen.json {
        return session.screen.json(&page_json(&records, &next));
    }
    let text = render(&decode_all(&records)?, &names, &session.screen, &session.now);
    session.screen.text(&(text + &more(&next)))
}

fn render(records: &[Record], names: &Names, screen: &Screen, now: &Zoned) -> String {
    if records.is_empty() {
        return "No app has asked for that.".to_owned();
    }
    let headings = ["When", "App", "Answer", "Data", "For", "Why", "Times", "Tag", "Trust"];
    let mut table = Table::new(screen, &headings).unbroken(0);
    for record in records {
        let times = match (record.count, record.is_apps_own()) {
            (1, false) => String::new(),
            (count, false) => format!("{count}×"),
            (count, true) => format!("{count}× by its own count"),
        };
        table.row([
            plain(time::ago(record.last.unwrap_or(record.at), now)),
            plain(app(&record.app, &names.apps)),
            (Tone::of(&record.decision), record.decision.clone()),
            plain(names.what(&record.data)),
            plain(names.for_what(&record.purpose)),
            dim(&record.reason),
            plain(times),
            dim(record.tag.as_deref().unwrap_or_default()),
            dim(record.trust.as_deref().filter(|_| screen.is_roomy()).unwrap_or_default()),
        ]);
    }
    table.render()
}

/// One record as it comes: `14:03:07 deny Weather: OAID for Personalised ads (toggle-off)`.
fn sentence(record: &Record, names: &Names, screen: &Screen, now: &Zoned) -> String {
    let at = screen.paint(Tone::Dim, &time::clock(record.last.unwrap_or(record.at), now));
    let answer = screen.paint(Tone::of(&record.decision), &format!("{:5}", record.decision));
    let times = if record.count == 1 { String::new() } else { format!(", {} times", record.count) };
    let own = if record.is_apps_own() { ", by its own count" } else { "" };
    let tag = record.tag.as_deref().filter(|tag| !tag.is_empty());
    let tag = tag.map(|tag| format!(", tagged {tag}")).unwrap_or_default();
    let what = format!(
        "{}: {} for {} ({}){times}{own}{tag}",
        app(&record.app, &names.apps),
        names.what(&record.data),
        names.for_what(&record.purpose),
        record.reason,
    );
    format!("{at} {answer} {}", printable(&what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::Dictionary;
    use serde_json::json;

    fn names() -> Names {
        let none = Dictionary::default;
        Names { apps: none(), toggles: none(), data: none(), purposes: none() }
    }

    #[test]
    fn records_tell_who_got_what_answer() {
        let record = json!({
            "at": 1_789_999_800, "last": 1_789_999_880, "app": "org.example.weather", "trust": "weak",
            "purpose": "ads.personalised", "data": "device.oaid", "decision": "deny",
            "reason": "toggle-off", "count": 3, "tag": "banner", "seq": 1, "kind": "record", "user": 0,
        });
        let record: Record = decode_json(record).unwrap();
        let screen = Screen { json: false, colour: false, width: None };
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        assert_eq!(
            sentence(&record, &names(), &screen, &now),
            "14:11:20 deny  org.example.weather: device.oaid for ads.personalised (toggle-off), 3 times, tagged banner"
        );
        let table = render(&[record], &names(), &screen, &now);
        let row = table.lines().nth(1).unwrap();
        assert!(row.starts_with("2 minutes ago  org.example.weather  deny"), "{row}");
        assert!(row.ends_with("toggle-off  3×     banner  weak"), "{row}");
    }

    /// What an app's library answered in process, nobody but the app has counted.
    #[test]
    fn an_apps_own_count_is_marked() {
        let record = json!({
            "at": 1_789_999_800, "app": "org.example.weather", "purpose": "ads.personalised",
            "data": "device.oaid", "decision": "deny", "reason": "toggle-off", "count": 3,
            "source": "client",
        });
        let record: Record = decode_json(record).unwrap();
        let screen = Screen { json: false, colour: false, width: None };
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        let line = sentence(&record, &names(), &screen, &now);
        assert!(line.ends_with("(toggle-off), 3 times, by its own count"), "{line}");
        let table = render(&[record], &names(), &screen, &now);
        assert!(table.contains("3× by its own count"), "{table}");
    }

    #[test]
    fn an_app_cannot_forge_a_line_of_the_log() {
        const HOSTILE: &str = "a\n\u{1b}[2Jb\u{1b}]0;c\u{7}\u{2028}\u{202e}\u{9b}1m";
        const SHOWN: &str = r"a␤\u{1b}[2Jb\u{1b}]0;c\u{7}\u{2028}\u{202e}\u{9b}1m";
        let record = json!({
            "at": 1_789_999_800, "app": HOSTILE, "purpose": HOSTILE, "data": HOSTILE,
            "decision": "deny", "reason": HOSTILE, "count": 1, "tag": HOSTILE, "trust": HOSTILE,
        });
        let record: Record = decode_json(record).unwrap();
        let screen = Screen { json: false, colour: false, width: None };
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        let line = sentence(&record, &names(), &screen, &now);
        assert_eq!(
            line,
            format!("14:10:00 deny  {SHOWN}: {SHOWN} for {SHOWN} ({SHOWN}), tagged {SHOWN}")
        );
        let table = render(&[record], &names(), &screen, &now);
        assert_eq!(table.lines().count(), 2, "a heading and one row: {table}");
        assert_eq!(table.matches(SHOWN).count(), 6, "{table}");
        assert!(!table.contains(|character: char| character.is_control() && character != '\n'));
    }
}
