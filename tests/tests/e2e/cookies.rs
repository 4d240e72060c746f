//! A browser brings its jar, a person chooses for a site, and whoever else asks is not held up.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use consentd_dbus::{Cookies1Proxy, Options};
use consentd_tests::app::App;
use consentd_tests::person::{count, text};
use consentd_tests::words::{Order, Reply};
use consentd_tests::world::World;
use futures_util::future::try_join_all;
use zbus::Variant;

use crate::ids::WEATHER;
use crate::scenario::on_both_buses;

on_both_buses![
    a_browser_is_told_what_a_site_may_keep_and_how_long,
    a_jar_is_on_record_in_sums,
    one_switch_stops_a_category_on_every_site,
    a_jar_that_is_too_long_or_wrong_is_refused,
    a_long_jar_holds_nobody_up,
    whoever_is_no_app_is_told_so_and_may_look_all_the_same,
    a_jar_is_looked_through_while_its_browser_runs,
    what_is_no_jar_is_refused_and_a_damaged_one_named,
    names_are_asked_about_by_hand,
];

const YEAR: u64 = 365 * 86_400;
const ANALYTICS: &str = "cookies.analytics";

type Asked = (String, String, String, u64);

fn cookie(name: &str, domain: &str, kind: &str, max_age: u64) -> Asked {
    (name.to_owned(), domain.to_owned(), kind.to_owned(), max_age)
}

fn page() -> Vec<Asked> {
    vec![
        cookie("userId", ".mi.com", "cookie", 0),
        cookie("_ga", ".www.mi.com", "cookie", 10 * YEAR),
        cookie("_gid", "mi.com", "local-storage", YEAR),
        cookie("fbp", ".facebook.com", "beacon", YEAR),
        cookie("_ga", "tracker.example", "cookie", YEAR),
    ]
}

async fn told(app: &mut App, site: &str, jar: Vec<Asked>) -> Result<Reply> {
    app.tell(Order::Cookies { site: site.to_owned(), jar, context: BTreeMap::new() }).await
}

async fn kept(app: &mut App, site: &str, jar: Vec<Asked>) -> Result<Vec<Asked>> {
    match told(app, site, jar).await? {
        Reply::Kept(results) => Ok(results),
        reply => bail!("no answer about a jar: {reply:?}"),
    }
}

async fn a_browser_is_told_what_a_site_may_keep_and_how_long(world: &mut World) -> Result<()> {
    let mut browser = world.app("weather").await?;
    let off = [
        cookie("userId", "allow", "essential", 0),
        cookie("_ga", "deny", "category-off", 0),
        cookie("_gid", "deny", "category-off", 0),
        cookie("fbp", "deny", "category-off", 0),
        cookie("_ga", "deny", "unlisted", 0),
    ];
    assert_eq!(kept(&mut browser, "mi.com", page()).await?, off);
    world.person().await?.set(ANALYTICS, "site:MI.com", "on").await?;
    let on = [
        cookie("userId", "allow", "essential", 0),
        cookie("_ga", "allow", "consented", 2 * YEAR),
        cookie("_gid", "allow", "consented", 7 * 3_600),
        cookie("fbp", "deny", "category-off", 0),
        cookie("_ga", "deny", "unlisted", 0),
    ];
    assert_eq!(kept(&mut browser, "mi.com", page()).await?, on);
    assert_eq!(kept(&mut browser, "po.co", page()).await?, off, "another site");
    world.crash_and_restart()?;
    assert_eq!(kept(&mut browser, "Mi.com", page()).await?, on, "after kill -9");
    assert_eq!(kept(&mut browser, "mi.com", Vec::new()).await?, []);
    Ok(())
}

async fn a_jar_is_on_record_in_sums(world: &mut World) -> Result<()> {
    let mut browser = world.app("weather").await?;
    let mut jar = page();
    jar.resize(10_000, cookie("tracker-by-name", "tracker.example", "cookie", 1));
    kept(&mut browser, "mi.com", jar).await?;
    let records = world.person().await?.history("record", WEATHER).await?;
    let mut said = Vec::new();
    for record in &records {
        let words = [text(record, "purpose")?, text(record, "data")?, text(record, "reason")?];
        said.push((words.join(" "), count(record, "count")?));
    }
    said.sort();
    let row = |words: &str, count| (words.to_owned(), count);
    assert_eq!(
        said,
        [
            row("site:mi.com cookies.advertising category-off", 1),
            row("site:mi.com cookies.analytics category-off", 2),
            row("site:mi.com cookies.essential essential", 1),
            row("site:mi.com cookies.unlisted unlisted", 9_996),
        ]
    );
    Ok(())
}

async fn one_switch_stops_a_category_on_every_site(world: &mut World) -> Result<()> {
    let mut browser = world.app("weather").await?;
    let ctl = world.ctl()?;
    for site in ["mi.com", "po.co"] {
        ctl.done(&["set", ANALYTICS, "on", "--site", site]).await?;
        assert_eq!(kept(&mut browser, site, page()).await?[1].2, "consented", "{site}");
    }
    ctl.done(&["set", ANALYTICS, "off"]).await?;
    for site in ["mi.com", "po.co"] {
        assert_eq!(kept(&mut browser, site, page()).await?[1].2, "category-off", "{site}");
    }
    ctl.done(&["set", ANALYTICS, "unset"]).await?;
    assert_eq!(kept(&mut browser, "mi.com", page()).await?[1].2, "consented");
    ctl.done(&["lock", ANALYTICS]).await?;
    assert_eq!(kept(&mut browser, "mi.com", page()).await?[1].2, "locked");
    Ok(())
}

async fn a_jar_that_is_too_long_or_wrong_is_refused(world: &mut World) -> Result<()> {
    let mut browser = world.app("weather").await?;
    let one = cookie("userId", "mi.com", "cookie", 0);
    let long = vec![one.clone(); 10_001];
    let site = "a".repeat(60) + "." + &"b".repeat(60) + "." + &"c".repeat(60);
    for (site, jar, error, says) in [
        ("mi.com", long, "TooLarge", "10001 cookies"),
        ("https://mi.com", vec![one.clone()], "InvalidArgument", "the host alone"),
        ("", vec![one.clone()], "InvalidArgument", "it is empty"),
        ("mi.com:80", vec![one.clone()], "InvalidArgument", "leave the port out"),
        (&site, vec![one.clone()], "TooLarge", "at most 128"),
        ("mi.com", vec![cookie("x", "mi.com", "pixel", 0)], "InvalidArgument", "`pixel`"),
    ] {
        let reply = told(&mut browser, site, jar).await?;
        let Reply::Refused { error: name, text } = &reply else { bail!("{site}: {reply:?}") };
        ensure!(*name == format!("org.consentd.Error.{error}") && text.contains(says), "{reply:?}");
    }
    for (key, value) in [("recipient", "x".into()), ("user", 4_000_000_u32.into())] {
        let order = Order::Cookies {
            site: "mi.com".to_owned(),
            jar: vec![one.clone()],
            context: BTreeMap::from([(key.to_owned(), value)]),
        };
        let reply = browser.tell(order).await?;
        ensure!(matches!(reply, Reply::Refused { .. }), "{key}: {reply:?}");
    }
    assert_eq!(kept(&mut browser, "mi.com", vec![one; 10_000]).await?.len(), 10_000);
    Ok(())
}

/// Long jars are judged one after the other, while others are answered.
async fn a_long_jar_holds_nobody_up(world: &mut World) -> Result<()> {
    let bus = world.connect().await?;
    let browser = Cookies1Proxy::new(&bus).await?;
    let mut other = world.app("game").await?;
    let names: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
    let jar: Vec<_> = names.iter().map(|name| (name.as_str(), "mi.com", "cookie", 0)).collect();
    let jars = try_join_all((0..8).map(|_| browser.check("mi.com", &jar, Options::new())));
    let checks = async {
        for _ in 0..50 {
            let answers = other.check("ads.personalised", &["device.oaid"]).await?;
            assert_eq!(answers[0].reason, "toggle-off");
        }
        anyhow::Ok(())
    };
    let (jars, checks) = tokio::join!(jars, checks);
    checks?;
    for results in jars? {
        assert_eq!(results.len(), 10_000);
        assert_eq!(results[9_999], cookie("c9999", "deny", "unidentified", 0));
    }
    Ok(())
}

async fn whoever_is_no_app_is_told_so_and_may_look_all_the_same(world: &mut World) -> Result<()> {
    let bus = world.connect().await?;
    let cookies = Cookies1Proxy::new(&bus).await?;
    let jar = [("userId", "mi.com", "cookie", 0), ("_ga", "mi.com", "cookie", YEAR)];
    let results = cookies.check("mi.com", &jar, Options::new()).await?;
    let reasons: Vec<&str> = results.iter().map(|result| result.2.as_str()).collect();
    assert_eq!(reasons, ["unidentified"; 2]);

    world.person().await?.set(ANALYTICS, "site:mi.com", "on").await?;
    let jar =
        [("", "_ga", ".www.mi.com", "cookie", 10 * YEAR), ("", "x", "a.example", "cookie", 1)];
    let (results, details) = cookies.explain(&jar, Options::new()).await?;
    assert_eq!(results[0], cookie("_ga", "allow", "consented", 2 * YEAR));
    assert_eq!(results[1], cookie("x", "deny", "unlisted", 0));
    assert_eq!(
        (text(&details[0], "site")?, text(&details[0], "category_name")?),
        ("mi.com".to_owned(), "Analytics cookies".to_owned())
    );
    assert_eq!(count(&details[0], "declared")?, 2 * YEAR);
    assert!(!details[1].contains_key("category"));
    let unknown = Options::from([("tag", Variant::from("x"))]);
    cookies.explain(&jar, unknown).await.err().context("`tag` is no option of Explain")?;
    Ok(())
}

/// Firefox's own table, with what must not come out of it.
fn firefox_jar(path: &Path) -> Result<rusqlite::Connection> {
    let jar = rusqlite::Connection::open(path)?;
    jar.pragma_update(None, "journal_mode", "WAL")?;
    jar.execute_batch(
        "CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, originAttributes TEXT NOT NULL DEFAULT '',
           name TEXT, value TEXT, host TEXT, path TEXT, expiry INTEGER, lastAccessed INTEGER,
           creationTime INTEGER, isSecure INTEGER, isHttpOnly INTEGER,
           inBrowserElement INTEGER DEFAULT 0, sameSite INTEGER DEFAULT 0,
           schemeMap INTEGER DEFAULT 0, isPartitionedAttributeSet INTEGER DEFAULT 0,
           updateTime INTEGER, CONSTRAINT moz_uniqueid UNIQUE (name, host, path, originAttributes));
         PRAGMA user_version = 17;
         INSERT INTO moz_cookies (originAttributes, name, value, host, expiry, updateTime) VALUES
           ('', '_ga', 's3cr3t', '.www.mi.com', 1800000000000, 1790000000000000),
           ('', '_gid', 's3cr3t', '.mi.com', 1790864000000, 1790000000000000),
           ('', 'xmuuid', 's3cr3t', 'mi.com', 1790864000000, 1790000000000000),
           ('^partitionKey=%28https%2Cpo.co%29', 'DSID', 's3cr3t', '.google.com', 1, 1),
           ('', 'tracker', 's3cr3t', 'ads.example', 1800000000000, 1790000000000000)",
    )?;
    Ok(jar)
}

async fn a_jar_is_looked_through_while_its_browser_runs(world: &mut World) -> Result<()> {
    let path = world.stage.root().join("cookies.sqlite");
    let jar = firefox_jar(&path)?;
    let ctl = world.ctl()?;
    let file = path.to_str().context("a path")?;
    let audit = async |site: Option<&str>| -> Result<serde_json::Value> {
        let mut arguments = vec!["--json", "cookies", "audit", file];
        arguments.extend(site.map(|site| ["--site", site]).into_iter().flatten());
        let printed = ctl.run(&arguments).await?;
        ensure!(printed.code == Some(1), "{printed:?}");
        ensure!(!printed.out.contains("s3cr3t") && !printed.err.contains("s3cr3t"), "a value");
        Ok(serde_json::from_str(&printed.out)?)
    };
    let said = |audit: &serde_json::Value| -> Vec<String> {
        let results = audit["results"].as_array().cloned().unwrap_or_default();
        let word = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
        let line = |row: &serde_json::Value| {
            let words = ["site", "name", "reason", "category"].map(|key| word(&row[key]));
            format!("{} {}", words.join(" "), row["too_long"])
        };
        results.iter().map(line).collect()
    };
    let first = audit(None).await?;
    assert_eq!(
        said(&first),
        [
            "mi.com _ga category-off cookies.analytics false",
            "mi.com _gid category-off cookies.analytics true",
            "mi.com xmuuid essential cookies.essential false",
            "po.co DSID category-off cookies.advertising false",
            "ads.example tracker unlisted - false",
        ]
    );
    let sums = ["cookies", "allowed", "not_allowed", "unlisted", "too_long"].map(|key| &first[key]);
    assert_eq!(sums.map(|sum| sum.as_u64()), [5, 1, 3, 1, 1].map(Some));

    ctl.done(&["set", ANALYTICS, "on", "--site", "mi.com"]).await?;
    assert_eq!(said(&audit(None).await?)[0], "mi.com _ga consented cookies.analytics false");
    let elsewhere = audit(Some("po.co")).await?;
    assert_eq!(said(&elsewhere)[0], "po.co _ga category-off cookies.analytics false");
    // The browser was not in the way, nor it in the browser's.
    jar.execute("DELETE FROM moz_cookies WHERE name IN ('_gid', 'DSID', 'tracker')", [])?;
    let printed = ctl.run(&["cookies", "audit", file]).await?;
    ensure!(printed.code == Some(0), "all is allowed and short enough: {printed:?}");
    ensure!(printed.out.contains("2 cookies of 1 site"), "{}", printed.out);
    let records = world.person().await?.history("record", "").await?;
    ensure!(records.is_empty(), "an audit is no decision: {records:?}");
    Ok(())
}

async fn what_is_no_jar_is_refused_and_a_damaged_one_named(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let root = world.stage.root().to_owned();
    drop(firefox_jar(&root.join("whole"))?);
    let whole = std::fs::read(root.join("whole"))?;
    std::fs::write(root.join("cut"), &whole[..whole.len() / 2])?;
    std::fs::write(root.join("letter"), "Dear all,\n")?;
    for (name, code) in [("cut", 6), ("letter", 5), (".", 5), ("absent", 5)] {
        let path = root.join(name);
        let printed = ctl.run(&["cookies".as_ref(), "audit".as_ref(), path.as_os_str()]).await?;
        ensure!(printed.code == Some(code) && printed.out.is_empty(), "{name}: {printed:?}");
    }
    // More than go in one call.
    let lines = (0..25_000).map(|n| format!("s{n}.example\tFALSE\t/\tTRUE\t0\tc{n}\tv\n"));
    let text: String =
        std::iter::once("# Netscape HTTP Cookie File\n".to_owned()).chain(lines).collect();
    std::fs::write(root.join("long.txt"), text)?;
    let path = root.join("long.txt");
    let arguments = ["--json".as_ref(), "cookies".as_ref(), "audit".as_ref(), path.as_os_str()];
    let audit: serde_json::Value = serde_json::from_str(&ctl.run(&arguments).await?.out)?;
    assert_eq!(
        (audit["cookies"].as_u64(), audit["unlisted"].as_u64()),
        (Some(25_000), Some(25_000))
    );
    Ok(())
}

async fn names_are_asked_about_by_hand(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let explain = ["cookies", "explain", "mi.com", "_ga", "--for", "30d"];
    let printed = ctl.run(&explain).await?;
    ensure!(printed.code == Some(1), "{printed:?}");
    let hint = "consentctl set cookies.analytics on --site mi.com";
    ensure!(printed.err.contains(hint), "{printed:?}");
    let hinted: Vec<&str> = hint.split(' ').skip(1).collect();
    ctl.done(&hinted).await?;
    let printed = ctl.done(&explain).await?;
    ensure!(printed.contains("consented") && printed.contains("30 d"), "{printed}");
    // As this shell: which is no app.
    let printed = ctl.run(&["cookies", "check", "mi.com", "_ga"]).await?;
    ensure!(printed.code == Some(1) && printed.out.contains("unidentified"), "{printed:?}");
    let records = world.person().await?.history("record", "").await?;
    assert_eq!(records.len(), 1, "a check is on record, an explanation is not");
    for (arguments, code) in [
        (vec!["cookies", "check", "mi.com"], 2),
        (vec!["cookies", "check", "mi.com", "x", "--kind", "pixel"], 2),
        (vec!["cookies", "check", "https://mi.com", "x"], 5),
        (vec!["set", ANALYTICS, "on", "--site", "mi.com:80"], 5),
        (vec!["set", "ad-services", "on", "--site", "mi.com"], 5),
    ] {
        let printed = ctl.run(&arguments).await?;
        ensure!(printed.code == Some(code), "{arguments:?}: {printed:?}");
    }
    Ok(())
}
