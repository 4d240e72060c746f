//! Chromium's `Cookies`: the table `cookies`. Times are microseconds since 1601.

use super::sqlite::{Sqlite, beginning, number, words};
use super::{Browser, Jar, JarError, Kept, Lifetime, host};

/// Seconds from 1601 to 1970.
const EPOCH: i64 = 11_644_473_600;

pub fn read(jar: &Sqlite) -> Result<Jar, JarError> {
    let columns = jar.columns("cookies")?;
    let has = |name: &str| columns.iter().any(|column| column == name);
    let or = |name: &'static str, other: &'static str| if has(name) { name } else { other };
    // As with Firefox, the creation stays when a cookie is set again.
    let sql = format!(
        "SELECT {}, {}, {}, {}, {}, {}, {} FROM cookies",
        beginning("name"),
        beginning("host_key"),
        beginning(or("top_frame_site_key", "''")),
        or("expires_utc", "0"),
        or("has_expires", "1"),
        or("last_update_utc", "0"),
        or("last_access_utc", "0"),
    );
    let cookies = jar.rows(&sql, |row| {
        let seconds = |at| number(row, at).map(|micros| (micros / 1_000_000).saturating_sub(EPOCH));
        let is_session = number(row, 4)? == 0 || number(row, 3)? == 0;
        let lifetime = if is_session {
            Lifetime::Session
        } else {
            Lifetime::between(seconds(3)?, Some(seconds(5)?), seconds(6)?)
        };
        let (name, domain) = (words(row, 0)?, words(row, 1)?);
        Ok(Kept { name, domain, site: host(&words(row, 2)?), lifetime })
    })?;
    Ok(Jar { browser: Browser::Chromium, cookies, skipped: 0 })
}
