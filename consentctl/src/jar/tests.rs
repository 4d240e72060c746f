//! Jars with the browsers' own schemas, in use or at rest; and files that only look like one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::*;

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;
const DAY: i64 = 86_400;
/// What must not come out of any jar.
const SECRET: &str = "s3cr3t-v4lue";

/// Seconds from 1601 to 1970.
const EPOCH: i64 = 11_644_473_600;

const FIREFOX_15: &str = "
    CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, originAttributes TEXT NOT NULL DEFAULT '',
      name TEXT, value TEXT, host TEXT, path TEXT, expiry INTEGER, lastAccessed INTEGER,
      creationTime INTEGER, isSecure INTEGER, isHttpOnly INTEGER,
      inBrowserElement INTEGER DEFAULT 0, sameSite INTEGER DEFAULT 0, schemeMap INTEGER DEFAULT 0,
      isPartitionedAttributeSet INTEGER DEFAULT 0,
      CONSTRAINT moz_uniqueid UNIQUE (name, host, path, originAttributes));
    PRAGMA user_version = 15;";
const FIREFOX_17: &str = "
    CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, originAttributes TEXT NOT NULL DEFAULT '',
      name TEXT, value TEXT, host TEXT, path TEXT, expiry INTEGER, lastAccessed INTEGER,
      creationTime INTEGER, isSecure INTEGER, isHttpOnly INTEGER,
      inBrowserElement INTEGER DEFAULT 0, sameSite INTEGER DEFAULT 0, schemeMap INTEGER DEFAULT 0,
      isPartitionedAttributeSet INTEGER DEFAULT 0, updateTime INTEGER,
      CONSTRAINT moz_uniqueid UNIQUE (name, host, path, originAttributes));
    PRAGMA user_version = 17;";
const CHROMIUM_24: &str = "
    CREATE TABLE meta(key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
    INSERT INTO meta VALUES ('version', '24'), ('last_compatible_version', '24');
    CREATE TABLE cookies(creation_utc INTEGER NOT NULL, host_key TEXT NOT NULL,
      top_frame_site_key TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
      encrypted_value BLOB NOT NULL, path TEXT NOT NULL, expires_utc INTEGER NOT NULL,
      is_secure INTEGER NOT NULL, is_httponly INTEGER NOT NULL, last_access_utc INTEGER NOT NULL,
      has_expires INTEGER NOT NULL, is_persistent INTEGER NOT NULL, priority INTEGER NOT NULL,
      samesite INTEGER NOT NULL, source_scheme INTEGER NOT NULL, source_port INTEGER NOT NULL,
      last_update_utc INTEGER NOT NULL, source_type INTEGER NOT NULL,
      has_cross_site_ancestor INTEGER NOT NULL);
    CREATE UNIQUE INDEX cookies_unique_index ON cookies(host_key, top_frame_site_key,
      has_cross_site_ancestor, name, path, source_scheme, source_port);";
/// Of 2016, before partitions and updates were written down.
const CHROMIUM_9: &str = "
    CREATE TABLE meta(key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR);
    CREATE TABLE cookies (creation_utc INTEGER NOT NULL UNIQUE PRIMARY KEY, host_key TEXT NOT NULL,
      name TEXT NOT NULL, value TEXT NOT NULL, path TEXT NOT NULL, expires_utc INTEGER NOT NULL,
      secure INTEGER NOT NULL, httponly INTEGER NOT NULL, last_access_utc INTEGER NOT NULL,
      has_expires INTEGER NOT NULL DEFAULT 1, persistent INTEGER NOT NULL DEFAULT 1,
      priority INTEGER NOT NULL DEFAULT 1, encrypted_value BLOB DEFAULT '',
      firstpartyonly INTEGER NOT NULL DEFAULT 0);";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        Self(if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn sqlite(&self, name: &str, schema: &str) -> Connection {
        let connection = Connection::open(self.path(name)).unwrap();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        connection.execute_batch(schema).unwrap();
        connection
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Every file with its bytes and when it was written.
    fn all(&self) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
        let files = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap());
        files
            .map(|file| {
                let written = file.metadata().unwrap().modified().unwrap();
                (file.path(), (fs::read(file.path()).unwrap(), written))
            })
            .collect()
    }
}

fn kept(site: Option<&str>, name: &str, domain: &str, lifetime: Lifetime) -> Kept {
    Kept { site: site.map(str::to_owned), name: name.into(), domain: domain.into(), lifetime }
}

/// (origin attributes, name, host, expiry in this schema's unit, updated, last used)
fn firefox(jar: &Connection, cookie: (&str, &str, &str, i64, Option<i64>, i64)) {
    let (attributes, name, host, expiry, updated, used) = cookie;
    let micros = |seconds: i64| seconds * 1_000_000;
    let created = micros(NOW - 3_000 * DAY);
    let sql = "INSERT INTO moz_cookies (originAttributes, name, value, host, path, expiry,
        lastAccessed, creationTime, isSecure, isHttpOnly) VALUES (?1, ?2, ?3, ?4, '/', ?5, ?6, ?7, 1, 0)";
    jar.execute(sql, params![attributes, name, SECRET, host, expiry, micros(used), created])
        .unwrap();
    if let Some(updated) = updated {
        let sql =
            "UPDATE moz_cookies SET updateTime = ?1 WHERE name = ?2 AND originAttributes = ?3";
        jar.execute(sql, params![micros(updated), name, attributes]).unwrap();
    }
}

#[test]
fn firefox_s_newest_jar_says_when_each_was_set() {
    let folder = Folder::new();
    let jar = folder.sqlite("cookies.sqlite", FIREFOX_17);
    let partition = "^partitionKey=%28https%2Cshop.example%29";
    let (set, used) = (NOW - 10 * DAY, NOW - DAY);
    firefox(&jar, ("", "_ga", ".mi.com", (set + 730 * DAY) * 1_000, Some(set), used));
    firefox(&jar, (partition, "id", ".google.com", (set + DAY) * 1_000, Some(set), used));
    drop(jar);
    let read = read(&folder.path("cookies.sqlite"), NOW).unwrap();
    let seconds = |days: i64| u64::try_from(days * DAY).unwrap();
    assert_eq!(
        read,
        Jar {
            browser: Browser::Firefox,
            cookies: vec![
                kept(None, "_ga", ".mi.com", Lifetime::Exactly(seconds(730))),
                kept(Some("shop.example"), "id", ".google.com", Lifetime::Exactly(seconds(1))),
            ],
            skipped: 0,
        }
    );
}

#[test]
fn firefox_s_older_jars_bound_it_by_the_last_use() {
    let folder = Folder::new();
    let jar = folder.sqlite("cookies.sqlite", FIREFOX_15);
    firefox(&jar, ("", "_ga", "www.mi.com", NOW + 300 * DAY, None, NOW - DAY));
    // Set for the year 9999: in seconds still.
    firefox(&jar, ("", "old", "mi.com", 253_402_300_799, None, NOW));
    drop(jar);
    let cookies = read(&folder.path("cookies.sqlite"), NOW).unwrap().cookies;
    let bound = Lifetime::AtLeast(u64::try_from(301 * DAY).unwrap());
    assert_eq!(cookies[0], kept(None, "_ga", "www.mi.com", bound));
    assert_eq!(cookies[1].lifetime.seconds(), u64::try_from(253_402_300_799 - NOW).unwrap());
}

#[test]
fn chromium_counts_from_1601() {
    let folder = Folder::new();
    let jar = folder.sqlite("Cookies", CHROMIUM_24);
    let micros = |seconds: i64| (seconds + EPOCH) * 1_000_000;
    let insert = |site: &str, name: &str, expires: i64, updated: i64, persistent: i64| {
        let sql = "INSERT INTO cookies VALUES
            (?1, '.mi.com', ?2, ?3, ?4, ?5, '/', ?6, 1, 1, ?7, ?8, ?8, 1, 0, 2, 443, ?9, 1, 0)";
        let encrypted = format!("v10{SECRET}").into_bytes();
        let used = micros(NOW - DAY);
        let row = params![
            micros(NOW - 900 * DAY),
            site,
            name,
            SECRET,
            encrypted,
            expires,
            used,
            persistent,
            updated
        ];
        jar.execute(sql, row).unwrap();
    };
    insert("", "userId", 0, micros(NOW), 0);
    insert("https://shop.example", "_ga", micros(NOW + 300 * DAY), micros(NOW - 100 * DAY), 1);
    insert("http://127.0.0.1:8080", "_gid", micros(NOW + DAY), 0, 1);
    let read = read(&folder.path("Cookies"), NOW).unwrap();
    let days = |days: i64| u64::try_from(days * DAY).unwrap();
    assert_eq!(read.browser, Browser::Chromium);
    assert_eq!(
        read.cookies,
        [
            kept(None, "userId", ".mi.com", Lifetime::Session),
            kept(Some("shop.example"), "_ga", ".mi.com", Lifetime::Exactly(days(400))),
            kept(Some("127.0.0.1"), "_gid", ".mi.com", Lifetime::AtLeast(days(2))),
        ]
    );
    assert!(!format!("{read:?}").contains(SECRET));
}

#[test]
fn an_old_chromium_s_jar_is_one_too() {
    let folder = Folder::new();
    let jar = folder.sqlite("Cookies", CHROMIUM_9);
    let micros = |seconds: i64| (seconds + EPOCH) * 1_000_000;
    let sql = "INSERT INTO cookies (creation_utc, host_key, name, value, path, expires_utc, secure,
        httponly, last_access_utc) VALUES (1, 'mi.com', '_ga', ?1, '/', ?2, 0, 0, ?3)";
    jar.execute(sql, params![SECRET, micros(NOW + DAY), micros(NOW)]).unwrap();
    let cookies = read(&folder.path("Cookies"), NOW).unwrap().cookies;
    assert_eq!(cookies, [kept(None, "_ga", "mi.com", Lifetime::AtLeast(86_400))]);
}

/// The newest cookies are in the log beside the jar, and the browser holds a lock on both.
#[test]
fn a_jar_in_use_is_read_whole_and_left_as_it_is() {
    let folder = Folder::new();
    for (name, schema) in [("cookies.sqlite", FIREFOX_17), ("Cookies", CHROMIUM_24)] {
        let jar = folder.sqlite(name, schema);
        jar.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
        jar.pragma_update(None, "journal_mode", "WAL").unwrap();
        jar.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        match name {
            "Cookies" => {
                let sql = "INSERT INTO cookies VALUES
                    (1, 'mi.com', '', '_ga', '', x'00', '/', 0, 1, 1, 1, 0, 0, 1, 0, 2, 443, 1, 1, 0)";
                jar.execute(sql, []).unwrap();
            }
            _ => firefox(&jar, ("", "_ga", "mi.com", (NOW + DAY) * 1_000, Some(NOW), NOW)),
        }
        assert!(folder.path(&format!("{name}-wal")).metadata().unwrap().len() > 0);
        let before = folder.all();
        let read = read(&folder.path(name), NOW).unwrap();
        assert_eq!(read.cookies.len(), 1, "{name}");
        assert!(folder.all() == before, "nothing was written, and nothing is new");
        // The browser goes on.
        jar.execute_batch("DELETE FROM sqlite_sequence").unwrap_err();
        jar.pragma_update(None, "user_version", 17).unwrap();
    }
}

/// A write that was cut off is undone in the copy, and only there.
#[test]
fn a_hot_journal_is_rolled_back_in_the_copy() {
    let folder = Folder::new();
    let jar = folder.sqlite("cookies.sqlite", FIREFOX_17);
    jar.execute(
        "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 400)
         INSERT INTO moz_cookies (name, value, host, path, expiry)
         SELECT '_ga', hex(randomblob(500)), 'mi.com', n, 1 FROM many",
        [],
    )
    .unwrap();
    // More than the cache takes, so that half of it is in the file before it is committed.
    jar.execute_batch("PRAGMA cache_size = 10; BEGIN").unwrap();
    jar.execute("UPDATE moz_cookies SET name = 'half'", []).unwrap();
    for (from, to) in [("cookies.sqlite", "cut"), ("cookies.sqlite-journal", "cut-journal")] {
        fs::copy(folder.path(from), folder.path(to)).unwrap();
    }
    let before = folder.all();
    let cookies = read(&folder.path("cut"), NOW).unwrap().cookies;
    assert_eq!(cookies.len(), 400);
    assert!(cookies.iter().all(|cookie| cookie.name == "_ga"));
    assert!(folder.all() == before);
}

#[test]
fn a_netscape_jar_is_read_line_by_line() {
    let folder = Folder::new();
    let later = NOW + 10 * DAY;
    let text = format!(
        "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n\
         .mi.com\tTRUE\t/\tTRUE\t0\tuserId\t{SECRET}\n\
         #HttpOnly_.mi.com\tTRUE\t/\tFALSE\t{later}\t_ga\t{SECRET}\twith a tab\r\n\
         www.mi.com\tFALSE\t/\tFALSE\t{later}.5\tempty\t\n\
         www.mi.com\tFALSE\t/\tFALSE\t1\tover\n\
         broken\tline\n\
         mi.com\tYES\t/\tNO\t0\tx\ty\n\
         mi.com\tTRUE\t/\tTRUE\tsoon\tx\ty\n\
         mi.com\tTRUE\t/\tTRUE\t0\tn\0l\ty\n\
         m\0i.com\tTRUE\t/\tTRUE\t0\tnul\ty\n\
         mi.com\tTRUE\t/\tTRUE\t0\tlast\ty"
    );
    let jar = read(&folder.write("cookies.txt", text), NOW).unwrap();
    let ten_days = Lifetime::AtLeast(u64::try_from(10 * DAY).unwrap());
    assert_eq!(
        jar.cookies,
        [
            kept(None, "userId", ".mi.com", Lifetime::Session),
            kept(None, "_ga", ".mi.com", ten_days),
            kept(None, "empty", "www.mi.com", ten_days),
            kept(None, "over", "www.mi.com", Lifetime::AtLeast(0)),
            kept(None, "n\u{fffd}l", "mi.com", Lifetime::Session),
            kept(None, "last", "mi.com", Lifetime::Session),
        ]
    );
    assert_eq!((jar.browser, jar.skipped), (Browser::Netscape, 4));
    assert!(!format!("{jar:?}").contains(SECRET));
    // Without its header, and with nothing but a header.
    let bare = folder.write("bare", "mi.com\tTRUE\t/\tTRUE\t0\tx\ty\n");
    assert_eq!(read(&bare, NOW).unwrap().cookies.len(), 1);
    let empty = folder.write("empty", "# HTTP Cookie File\n");
    assert_eq!(read(&empty, NOW).unwrap().cookies, []);
}

/// Never in memory as a whole: the file has no blocks, and its line no end.
#[test]
fn a_line_of_a_gigabyte_is_passed_over() {
    let folder = Folder::new();
    let path = folder.write("cookies.txt", "# HTTP Cookie File\nmi.com\tTRUE\t/\tTRUE\t0\tx\ty\n");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.set_len(1 << 30).unwrap();
    file.write_all(b"\nmi.com\tTRUE\t/\tTRUE\t0\tafter\ty\n").unwrap();
    let jar = read(&path, NOW).unwrap();
    let names: Vec<&str> = jar.cookies.iter().map(|cookie| cookie.name.as_str()).collect();
    assert_eq!((names, jar.skipped), (vec!["x", "after"], 1));
    let zeros = folder.path("zeros");
    File::create(&zeros).unwrap().set_len(1 << 30).unwrap();
    assert!(matches!(read(&zeros, NOW), Err(JarError::NotAJar(_))));
}

#[test]
fn what_is_no_jar_is_told_from_what_is_damaged() {
    let folder = Folder::new();
    let whole = folder.sqlite("cookies.sqlite", FIREFOX_17);
    for n in 0..500 {
        firefox(&whole, ("", &format!("cookie-{n}"), "mi.com", NOW * 1_000, Some(NOW), NOW));
    }
    drop(whole);
    let bytes = fs::read(folder.path("cookies.sqlite")).unwrap();
    let mut torn = bytes.clone();
    torn[4_096..].fill(0xa5);
    drop(folder.sqlite("notes.db", "CREATE TABLE notes (text); CREATE TABLE cookies (flavour);"));
    drop(folder.sqlite("view.db", "CREATE VIEW moz_cookies AS SELECT 'x' AS name, 'y' AS host;"));
    let evil = "CREATE TABLE moz_cookies (name, host); PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE moz_cookies USING evil(name, host)'";
    drop(folder.sqlite("virtual.db", evil));
    folder.write("truncated", &bytes[..bytes.len() / 2]);
    folder.write("head", &bytes[..16]);
    folder.write("torn", torn);
    folder.write("text", "a letter\nto somebody\n");
    folder.write("table", "a\tb\tc\td\te\tf\tg\n");
    folder.write("nothing", "");
    folder.write("picture", [0x89, b'P', b'N', b'G', 0, 0, b'\n']);
    fs::create_dir(folder.path("folder")).unwrap();
    let fifo = folder.path("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let word = |error: JarError| match error {
        JarError::Unreadable { .. } => "unreadable",
        JarError::NoFile { .. } => "no file",
        JarError::NotAJar(_) => "no jar",
        JarError::TooLarge { .. } => "too large",
        JarError::Busy(_) => "busy",
        JarError::Damaged { .. } => "damaged",
    };
    for (name, expected) in [
        ("truncated", "damaged"),
        ("head", "damaged"),
        ("torn", "damaged"),
        ("notes.db", "no jar"),
        ("view.db", "no jar"),
        ("virtual.db", "no jar"),
        ("text", "no jar"),
        ("table", "no jar"),
        ("nothing", "no jar"),
        ("picture", "no jar"),
        ("folder", "no file"),
        ("fifo", "no file"),
        ("absent", "unreadable"),
    ] {
        let error = read(&folder.path(name), NOW).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(word(error), expected, "{name}");
    }
    assert!(matches!(read(Path::new("/dev/zero"), NOW), Err(JarError::NoFile { .. })));
    // The magic and then nothing but holes: more than is copied.
    let huge = folder.write("huge", &bytes);
    OpenOptions::new().write(true).open(&huge).unwrap().set_len(1 << 30).unwrap();
    assert!(matches!(read(&huge, NOW), Err(JarError::TooLarge { .. })));
}

#[test]
fn odd_fields_are_cookies_that_nobody_listed() {
    let folder = Folder::new();
    let jar = folder.sqlite("cookies.sqlite", FIREFOX_17);
    let long = "n".repeat(1 << 20);
    jar.execute(
        "INSERT INTO moz_cookies (name, host, expiry, updateTime, lastAccessed) VALUES
            (?1, 'mi.com', 0, 0, 0), (x'ff00fe', x'00', 'soon', NULL, 1.5), (NULL, NULL, NULL, NULL, NULL),
            (7, 'mi.com', -9223372036854775808, 9223372036854775807, 9223372036854775807)",
        [&long],
    )
    .unwrap();
    let cookies = read(&folder.path("cookies.sqlite"), NOW).unwrap().cookies;
    assert_eq!(cookies.len(), 4);
    assert!(cookies[0].name.len() < 5_000 && cookies[0].name.ends_with('…'));
    assert_eq!(cookies[1].name, "\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!((cookies[2].name.as_str(), cookies[2].domain.as_str()), ("", ""));
    assert_eq!(cookies[3].name, "7");
}

#[test]
fn a_jar_of_a_hundred_thousand_is_read() {
    let folder = Folder::new();
    let jar = folder.sqlite("cookies.sqlite", FIREFOX_17);
    jar.execute(
        "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 100000)
         INSERT INTO moz_cookies (name, host, expiry, updateTime, lastAccessed)
         SELECT 'c' || n, 's' || n || '.example', 0, 0, 0 FROM many",
        [],
    )
    .unwrap();
    assert_eq!(read(&folder.path("cookies.sqlite"), NOW).unwrap().cookies.len(), 100_000);
}

#[test]
fn a_site_is_told_by_its_host() {
    for (key, site) in [
        ("", None),
        ("https://mi.com", Some("mi.com")),
        ("https://mi.com:8443", Some("mi.com")),
        ("http://[::1]:80", Some("[::1]")),
        ("http://[::1]", Some("[::1]")),
        ("https://", None),
    ] {
        assert_eq!(host(key).as_deref(), site, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    /// Whatever is in a file, reading it ends, and its names are fit for the bus.
    #[test]
    fn any_bytes_are_a_jar_or_none(
        header in any::<bool>(),
        lines in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                "[a-z.]{0,8}\t(TRUE|FALSE|x)\t/\t(TRUE|FALSE)\t-?[0-9]{0,20}\t[a-z\0]{0,4}\t[a-z\t]{0,4}"
                    .prop_map(String::into_bytes),
            ],
            0..12,
        ),
    ) {
        let folder = Folder::new();
        let mut bytes = if header { b"# Netscape HTTP Cookie File\n".to_vec() } else { Vec::new() };
        bytes.extend(lines.join(&b'\n'));
        let path = folder.write("cookies.txt", bytes);
        match read(&path, NOW) {
            Ok(jar) => for cookie in jar.cookies {
                prop_assert!(!cookie.name.contains('\0') && !cookie.domain.contains('\0'));
            },
            Err(error) => prop_assert!(!header && matches!(error, JarError::NotAJar(_))),
        }
    }

    /// The same of a jar whose bytes were changed.
    #[test]
    fn a_spoiled_database_never_stops_the_reading(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let folder = Folder::new();
        let jar = folder.sqlite("cookies.sqlite", FIREFOX_17);
        for n in 0..40 {
            firefox(&jar, ("", &format!("cookie-{n}"), "mi.com", NOW * 1_000, Some(NOW), NOW));
        }
        drop(jar);
        let mut bytes = fs::read(folder.path("cookies.sqlite")).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len() - 16) + 16;
            bytes[at] = value;
        }
        let path = folder.write("spoiled", bytes);
        if let Ok(jar) = read(&path, NOW) {
            prop_assert!(jar.cookies.len() <= 400, "{}", jar.cookies.len());
        }
    }
}
