//! `counts`: what apps asked for, summed.

use jiff::Zoned;

use crate::answers::Count;
use crate::args::{Counts, Grouping};
use crate::failure::Failure;
use crate::json;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Field, Table, plain};
use crate::time;
use crate::values::decode_all;
use crate::verbs::stream::{Names, app};

pub async fn counts(session: &Session, counts: &Counts) -> Result<(), Failure> {
    let names = Names::of(session).await?;
    let filter = names.records(&counts.filter)?;
    let by: Vec<&str> = counts.by.iter().map(|by| by.word()).collect();
    let groups = session.settings().await?.counts(filter, &by, session.options()).await?;
    if session.screen.json {
        return session.screen.json(&json::array(&groups));
    }
    let groups = decode_all(&groups)?;
    session.screen.text(&render(&groups, &counts.by, &names, &session.screen, &session.now))
}

fn render(
    groups: &[Count],
    by: &[Grouping],
    names: &Names,
    screen: &Screen,
    now: &Zoned,
) -> String {
    if groups.is_empty() {
        return "No app has asked for that.".to_owned();
    }
    let headings: Vec<_> = by.iter().map(|by| heading(*by)).chain(["Times"]).collect();
    let mut table = Table::new(screen, &headings);
    for group in groups {
        let fields = by.iter().map(|by| field(*by, group, names, now));
        table.row(fields.chain([plain(group.count.to_string())]));
    }
    table.render()
}

fn heading(by: Grouping) -> &'static str {
    match by {
        Grouping::App => "App",
        Grouping::Data => "Data",
        Grouping::Purpose => "For",
        Grouping::Decision => "Answer",
        Grouping::Hour => "Hour",
        Grouping::Day => "Day",
    }
}

fn field(by: Grouping, group: &Count, names: &Names, now: &Zoned) -> Field {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match by {
        Grouping::App => plain(app(&text(&group.app), &names.apps)),
        Grouping::Data => plain(names.what(&text(&group.data))),
        Grouping::Purpose => plain(names.for_what(&text(&group.purpose))),
        Grouping::Decision => {
            let decision = text(&group.decision);
            (Tone::of(&decision), decision)
        }
        Grouping::Hour => plain(group.hour.map(|at| time::hour(at, now)).unwrap_or_default()),
        Grouping::Day => plain(group.day.map(|at| time::day(at, now)).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dictionary::Dictionary;
    use serde_json::json;

    #[test]
    fn groups_have_the_columns_that_were_asked_for() {
        let none = Dictionary::default;
        let names = Names { apps: none(), toggles: none(), data: none(), purposes: none() };
        let groups: Vec<Count> = serde_json::from_value(json!([
            {"app": "a", "day": 1_790_035_200, "count": 12},
            {"app": "b", "day": 1_790_035_200, "count": 3},
        ]))
        .unwrap();
        let now = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        let screen = Screen { json: false, colour: false, width: None };
        assert_eq!(
            render(&groups, &[Grouping::App, Grouping::Day], &names, &screen, &now),
            "App  Day          Times\na    22 Sep 2026  12\nb    22 Sep 2026  3\n"
        );
    }
}
