//! Entries of the ledger: page by page, or as they come.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

use consentd_dbus::lines::printable_json;
use consentd_dbus::names::{MAX_LIMIT, SITE_PREFIX};
use consentd_dbus::{Details, Options};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::Value;

use crate::args::{Kind, Paging, Period, RecordFilter};
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::Screen;
use crate::session::Session;
use crate::time::plural;
use crate::values::Malformed;

/// The names that entries are shown with.
pub struct Names {
    pub apps: Dictionary,
    pub toggles: Dictionary,
    pub data: Dictionary,
    pub purposes: Dictionary,
}

impl Names {
    pub async fn of(session: &Session) -> Result<Self, Failure> {
        Ok(Self {
            apps: session.apps().await?,
            toggles: session.toggles().await?,
            data: session.words(Kind::Data).await?,
            purposes: session.words(Kind::Purposes).await?,
        })
    }

    /// What was asked for: a data item, or a category of cookies.
    pub fn what<'a>(&'a self, data: &'a str) -> &'a str {
        match data {
            "cookies.unlisted" => "Cookies of no category",
            data => match self.toggles.name(data) {
                name if name == data => self.data.name(data),
                name => name,
            },
        }
    }

    /// For what: a purpose, or a site's cookies.
    pub fn for_what(&self, purpose: &str) -> String {
        match purpose.strip_prefix(SITE_PREFIX) {
            Some(site) => format!("the site {site}"),
            None => self.purposes.name(purpose).to_owned(),
        }
    }

    /// The filter for records.
    pub fn records(&self, wanted: &RecordFilter) -> Result<Options<'static>, Failure> {
        let mut filter = period(&wanted.period);
        filter.insert("kind", "record".into());
        let words = [
            ("app", &wanted.app, &self.apps),
            ("purpose", &wanted.purpose, &self.purposes),
            ("data", &wanted.data, &self.data),
        ];
        for (key, text, known) in words {
            let id = text.as_deref().map(|text| known.resolve(text)).transpose()?;
            filter.extend(id.map(|id| (key, id.into())));
        }
        filter.extend(wanted.decision.map(|decision| ("decision", decision.word().into())));
        Ok(filter)
    }
}

/// Who asked, in a table.
pub fn app(id: &str, apps: &Dictionary) -> String {
    if id.is_empty() { "unidentified".to_owned() } else { apps.short(id) }
}

/// The filter for a period.
pub fn period(period: &Period) -> Options<'static> {
    let since = period.since.map(|since| ("since", since.0.into()));
    let until = period.until.map(|until| ("until", until.0.into()));
    since.into_iter().chain(until).collect()
}

/// As many entries as wanted, newest first, and the cursor of those after them.
pub async fn entries(
    session: &Session,
    filter: &Options<'static>,
    paging: &Paging,
) -> Result<(Vec<Details>, String), Failure> {
    let settings = session.settings().await?;
    let wanted = if paging.limit == 0 { u64::MAX } else { paging.limit };
    let mut entries = Vec::new();
    let mut cursor = paging.cursor.clone().unwrap_or_default();
    loop {
        let missing = wanted.saturating_sub(entries.len() as u64);
        let limit = u32::try_from(missing).unwrap_or(MAX_LIMIT).min(MAX_LIMIT);
        let mut options = session.options();
        options.insert("limit", limit.into());
        if !cursor.is_empty() {
            options.insert("cursor", cursor.into());
        }
        let (page, next) = settings.history(copy(filter)?, options).await?;
        let ended = next.is_empty() || page.is_empty();
        entries.extend(page);
        cursor = next;
        if ended || entries.len() as u64 >= wanted {
            return Ok((entries, cursor));
        }
    }
}

/// Entries as an object: `entries` and `next`.
pub fn page_json(entries: &[Details], next: &str) -> Value {
    let mut page = json::single("entries", json::array(entries));
    page["next"] = next.into();
    page
}

/// What stands below a list that goes on.
pub fn more(next: &str) -> String {
    if next.is_empty() {
        return String::new();
    }
    format!(
        "\nThere are more: --limit 0 shows all, --cursor {} goes on from here.\n",
        printable(next)
    )
}

/// Prints entries as they come, until the daemon or the reader ends: as JSON lines, or as `render`
/// makes them. A line that is no entry is told on standard error, and the next one is read.
pub async fn follow(
    session: &Session,
    mut filter: Options<'static>,
    render: impl Fn(Value) -> Result<String, Malformed> + Send + 'static,
) -> Result<(), Failure> {
    filter.extend(session.options());
    let lines = session.admin().await?.follow(filter).await?;
    let lines = File::from(std::os::fd::OwnedFd::from(lines));
    // Read by a thread of its own: the descriptor may be any kind that blocks.
    fcntl_setfl(&lines, fcntl_getfl(&lines).map_err(std::io::Error::from)? - OFlags::NONBLOCK)
        .map_err(std::io::Error::from)?;
    let screen = session.screen;
    let reader = tokio::task::spawn_blocking(move || {
        for line in BufReader::new(lines).split(b'\n') {
            match shown(&String::from_utf8_lossy(&line?), &screen, &render) {
                Ok(text) => screen.text(&text)?,
                Err(malformed) => {
                    let told = Failure::Malformed(malformed).render(screen.json);
                    writeln!(io::stderr(), "{told}")?;
                }
            }
        }
        Err(Failure::Ended)
    });
    match reader.await {
        Ok(ended) => ended,
        Err(error) => Err(Failure::Io(error.into())),
    }
}

/// One line of the stream as it is printed.
fn shown(
    line: &str,
    screen: &Screen,
    render: impl Fn(Value) -> Result<String, Malformed>,
) -> Result<String, Malformed> {
    let entry: Value = serde_json::from_str(line)?;
    if screen.json {
        return Ok(printable_json(line).into_owned());
    }
    if entry["kind"] == "lost" {
        let count = entry["count"].as_i64().unwrap_or_default();
        return Ok(format!("… {} lost: the reader was too slow", plural(count, "line")));
    }
    render(entry)
}

fn copy(filter: &Options<'static>) -> Result<Options<'static>, Failure> {
    let clone = |(key, value): (&&'static str, &zbus::Variant<'static>)| {
        Ok((*key, value.try_clone().map_err(consentd_dbus::Error::from)?))
    };
    filter.iter().map(clone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Screen = Screen { json: false, colour: false, width: None };
    const JSON: Screen = Screen { json: true, ..TEXT };

    fn data(entry: Value) -> Result<String, Malformed> {
        Ok(printable(&serde_json::from_value::<String>(entry["data"].clone())?))
    }

    #[test]
    fn lost_lines_are_told_and_passed_through() {
        let line = r#"{"kind":"lost","count":12}"#;
        let told = shown(line, &TEXT, data).unwrap();
        assert_eq!(told, "… 12 lines lost: the reader was too slow");
        assert_eq!(shown(line, &JSON, data).unwrap(), line);
    }

    #[test]
    fn json_lines_keep_their_keys_and_numbers_and_steer_nothing() {
        let line = "{\"z\":18446744073709551616,\"data\":\"\u{202e}\u{9b}1m\"}";
        let told = shown(line, &JSON, data).unwrap();
        assert_eq!(told, r#"{"z":18446744073709551616,"data":"\u202e\u009b1m"}"#);
    }

    #[test]
    fn a_line_that_is_no_entry_is_an_error_of_its_own() {
        for line in ["", "{", "no JSON", "{\"data\":\"\u{1b}[2J\"}"] {
            assert!(shown(line, &TEXT, data).is_err(), "{line}");
            assert!(shown(line, &JSON, data).is_err(), "{line}");
        }
        assert!(shown("{}", &TEXT, data).is_err(), "an entry without what it is shown by");
    }
}
