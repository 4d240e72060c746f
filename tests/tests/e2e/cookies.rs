//! A browser brings its jar, a person chooses for a site, and whoever else asks is not held up.

use std::collections::BTreeMap;

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
