//! `store`: looks it through, backs it up, restores it, begins anew.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use consentd_dbus::Options;
use consentd_dbus::names::exit;
use jiff::Zoned;

use crate::answers::{Backup, StoreCheck};
use crate::args::{Certainty, StoreVerb};
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::screen::{Screen, Tone};
use crate::session::Session;
use crate::table::{Table, plain};
use crate::time::{self, plural};
use crate::values::decode;

pub async fn store(session: &Session, verb: StoreVerb) -> Result<u8, Failure> {
    match verb {
        StoreVerb::Check => check(session).await,
        StoreVerb::Backup => backup(session).await.map(|()| exit::OK),
        StoreVerb::Restore { file, certainty } => {
            restore(session, file, &certainty).await.map(|()| exit::OK)
        }
        StoreVerb::Reset { certainty } => reset(session, &certainty).await.map(|()| exit::OK),
    }
}

async fn check(session: &Session) -> Result<u8, Failure> {
    let found = session.admin().await?.check_store(Options::new()).await?;
    let check: StoreCheck = decode(&found)?;
    if session.screen.json {
        session.screen.json(&json::object(&found))?;
    } else {
        session.screen.text(&render(&check, &session.screen, &session.now))?;
    }
    let good = check.sound && check.backups.iter().all(|backup| backup.good);
    Ok(if good { exit::OK } else { exit::DAMAGED })
}

async fn backup(session: &Session) -> Result<(), Failure> {
    let file = session.admin().await?.backup_store(Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("file", file));
    }
    session.screen.text(&format!("Backed up: {}\n", printable(&file)))
}

async fn restore(
    session: &Session,
    file: Option<String>,
    certainty: &Certainty,
) -> Result<(), Failure> {
    let admin = session.admin().await?;
    let file = match file {
        Some(file) => file,
        None => {
            let check: StoreCheck = decode(&admin.check_store(Options::new()).await?)?;
            let newest = check.backups.into_iter().find(|backup| backup.good);
            newest.map(|backup| backup.file).ok_or(Failure::NoBackup)?
        }
    };
    certain(
        certainty,
        &format!(
            "{} is put in force. What was switched off since stays off; everything else asks again, \
             app by app.",
            printable(&file)
        ),
    )?;
    admin.restore_store(&file, Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("file", file));
    }
    session.screen.text(&format!(
        "Restored: {}\nWhat is not off asks again; `consentctl status` says how much waits.\n",
        printable(&file)
    ))
}

async fn reset(session: &Session, certainty: &Certainty) -> Result<(), Failure> {
    certain(
        certainty,
        "The store is set aside and begun anew. What the record has as switched off stays off; \
         everything else asks again, app by app.",
    )?;
    session.admin().await?.reset_store(Options::new()).await?;
    if session.screen.json {
        return session.screen.json(&json::single("reset", true));
    }
    session.screen.text("Begun anew; what was there is in the folder `set-aside` beside it.\n")
}

/// Asks on the terminal. A script says so itself.
pub(super) fn certain(certainty: &Certainty, what: &str) -> Result<(), Failure> {
    if certainty.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!("{what} Give --yes if that is meant")));
    }
    eprint!("{what}\nGo on? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::Usage("nothing was done".to_owned())),
    }
}

fn render(check: &StoreCheck, screen: &Screen, now: &Zoned) -> String {
    let path = printable(&check.path);
    let mut text = if check.sound {
        format!("{path} is sound.\n")
    } else {
        let bad = screen.paint(Tone::Bad, "is not sound");
        let findings = check.findings.iter().map(|finding| format!("  {}\n", printable(finding)));
        format!("{path} {bad}:\n{}", findings.collect::<String>())
    };
    if let Some(at) = check.restored {
        let waits = match check.unconfirmed {
            0 => "every stored choice was made again since".to_owned(),
            count => format!("{} to be confirmed", waits(count)),
        };
        text.push_str(&format!("Restored {}: {waits}.\n", time::ago(at, now)));
    }
    if check.backups.is_empty() {
        text.push_str("There is no backup yet: the first change of a day makes one.\n");
        return text;
    }
    let mut table = Table::new(screen, &["Made", "Backup", "State"]).unbroken(1);
    for Backup { file, at, good, error } in &check.backups {
        let state = match error {
            None if *good => plain("good"),
            None => (Tone::Bad, "of no use".to_owned()),
            Some(error) => (Tone::Bad, format!("of no use: {error}")),
        };
        table.row([plain(time::ago(*at, now)), plain(file), state]);
    }
    text + &table.render()
}

/// How many choices wait.
pub fn waits(count: i64) -> String {
    let wait = if count == 1 { "waits" } else { "wait" };
    format!("{} {wait}", plural(count, "choice"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(check: serde_json::Value) -> String {
        let now = jiff::Timestamp::from_second(1_790_000_000 + 7_200).unwrap();
        let screen = Screen { json: false, colour: false, width: None };
        let now = now.to_zoned(jiff::tz::TimeZone::UTC);
        render(&serde_json::from_value(check).unwrap(), &screen, &now)
    }

    #[test]
    fn a_sound_store_and_its_backups_are_a_table() {
        let check = json!({
            "sound": true, "path": "/state/settings.db", "findings": [],
            "backups": [
                {"file": "settings-2.db", "at": 1_790_000_000, "good": true},
                {"file": "settings-1.db", "at": 1_789_913_600, "good": false, "error": "torn"},
            ],
        });
        let shown = shown(check);
        assert!(shown.starts_with("/state/settings.db is sound.\n"), "{shown}");
        assert!(shown.contains("2 hours ago") && shown.contains("settings-2.db  good"), "{shown}");
        assert!(shown.contains("settings-1.db  of no use: torn"), "{shown}");
    }

    #[test]
    fn damage_and_what_waits_are_named() {
        let check = json!({
            "sound": false, "path": "/state/settings.db", "findings": ["page 3 is torn\n\u{1b}[2J"],
            "backups": [], "restored": 1_790_000_000, "unconfirmed": 3,
        });
        let shown = shown(check);
        assert!(shown.contains("is not sound:\n  page 3 is torn␤\\u{1b}[2J\n"), "{shown}");
        assert!(shown.contains("Restored 2 hours ago: 3 choices wait to be confirmed."), "{shown}");
    }
}
