//! Firefox's `cookies.sqlite`: the table `moz_cookies`. Session cookies are not in it.

use super::sqlite::{Sqlite, beginning, number, words};
use super::{Browser, Jar, JarError, Kept, Lifetime};

/// From this schema on `expiry` is in milliseconds; before in seconds.
const IN_MILLISECONDS: i64 = 16;

pub fn read(jar: &Sqlite) -> Result<Jar, JarError> {
    let columns = jar.columns("moz_cookies")?;
    let has = |name: &str| columns.iter().any(|column| column == name);
    let or = |name: &'static str, other: &'static str| if has(name) { name } else { other };
    // When a cookie is set again its creation stays, so that says nothing. Newer schemas have when it
    // was set; with older ones, when it was last used bounds it.
    let sql = format!(
        "SELECT {}, {}, {}, {}, {}, {} FROM moz_cookies",
        beginning("name"),
        beginning("host"),
        beginning(or("originAttributes", "''")),
        or("expiry", "0"),
        or("updateTime", "0"),
        or("lastAccessed", "0"),
    );
    let per_second = if jar.version()? >= IN_MILLISECONDS { 1_000 } else { 1 };
    let cookies = jar.rows(&sql, |row| {
        let seconds = |at| number(row, at).map(|micros| micros / 1_000_000);
        let expires = number(row, 3)? / per_second;
        Ok(Kept {
            name: words(row, 0)?,
            domain: words(row, 1)?,
            site: partition(&words(row, 2)?),
            lifetime: Lifetime::between(expires, Some(seconds(4)?), seconds(5)?),
        })
    })?;
    Ok(Jar { browser: Browser::Firefox, cookies, skipped: 0 })
}

/// The site of `^partitionKey=%28https%2Cmi.com%29`, with a port or a mark after it, maybe.
fn partition(attributes: &str) -> Option<String> {
    let (_, rest) = attributes.split_once("partitionKey=")?;
    let key = rest.split('&').next()?;
    let key = key.replace("%28", "(").replace("%29", ")").replace("%2C", ",");
    let mut parts = key.strip_prefix('(')?.strip_suffix(')')?.split(',');
    let host = parts.nth(1)?;
    (!host.is_empty()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_the_site_of_the_page() {
        for (attributes, site) in [
            ("", None),
            ("^userContextId=1", None),
            ("^partitionKey=%28https%2Cmi.com%29", Some("mi.com")),
            ("^userContextId=2&partitionKey=%28https%2Cmi.com%2C8443%29", Some("mi.com")),
            ("^partitionKey=%28https%2Cmi.com%2Cf%29&firstPartyDomain=x", Some("mi.com")),
            ("^partitionKey=(https,mi.com)", Some("mi.com")),
            ("^partitionKey=%28https%29", None),
            ("^partitionKey=", None),
        ] {
            assert_eq!(partition(attributes).as_deref(), site, "{attributes}");
        }
    }
}
