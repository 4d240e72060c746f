//! consentctl at the real daemon: what it prints, as text and as JSON, and how it ends.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use consentd_tests::ctl::{Ctl, Printed};
use consentd_tests::world::World;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::scenario::on_both_buses;

on_both_buses![
    every_verb_prints_text_for_people_and_json_for_programs,
    names_are_taken_for_ids_and_the_nearest_is_suggested,
    a_change_says_what_holds_then,
    answers_decide_the_exit_code,
    refusals_have_their_exit_codes_and_say_what_to_do,
    the_log_is_paged_and_followed,
    an_app_cannot_steer_the_terminal_that_follows_the_log,
    words_that_the_catalogue_has_not_are_hinted_at,
    a_catalogue_that_is_wrong_is_told_and_changes_nothing,
    a_daemon_that_is_away_ends_with_4,
];

const WEATHER: &str = "org.example.weather";
const QUESTION: [&str; 2] = ["location.services", "location.precise"];

async fn every_verb_prints_text_for_people_and_json_for_programs(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let mut weather = world.app("weather").await?;
    weather.check(QUESTION[0], &QUESTION[1..]).await?;
    ctl.done(&["set", "ad-services", "on"]).await?;
    let verbs: [(&[&str], &str); 27] = [
        (&["status"], "catalog_path"),
        (&["apps"], ""),
        (&["app", WEATHER], "collects"),
        (&["toggles"], ""),
        (&["get", "ad-services"], "decided_by"),
        (&["profile"], "region_set"),
        (&["profile", "get"], "region_set"),
        (&["profile", "set", "--language", "en"], "generation"),
        (&["identifiers"], ""),
        (&["identifiers", "reset", "vaid"], "generation"),
        (&["breach", "add", "A disk was lost.", "--risk", "likely"], "id"),
        (&["breach"], ""),
        (&["breach", "show", "1"], "tell"),
        (&["whoami"], "user"),
        (&["log"], "entries"),
        (&["log", "verify"], "whole"),
        (&["history"], "entries"),
        (&["counts", "--by", "app,day"], ""),
        (&["consents"], ""),
        (&["notices"], ""),
        (&["catalog", "list"], ""),
        (&["catalog", "list", "cookies"], ""),
        (&["catalog", "show", "device.oaid"], ""),
        (&["catalog", "check"], "warnings"),
        (&["reload"], "warnings"),
        (&["lock", "marketing"], "generation"),
        (&["unlock", "marketing"], "generation"),
    ];
    for (verb, key) in verbs {
        let text = ctl.done(verb).await?;
        ensure!(!text.trim().is_empty() && !text.contains('\x1b'), "{verb:?}: {text}");
        let json = ctl.json(verb).await?;
        match key {
            "" => ensure!(json.as_array().is_some_and(|rows| !rows.is_empty()), "{verb:?}: {json}"),
            key => ensure!(json.get(key).is_some(), "{verb:?} has no {key}: {json}"),
        }
    }
    for kind in kinds(&ctl).await? {
        let rows = ctl.json(&["catalog", "list", &kind]).await?;
        let rows = rows.as_array().context("rows")?;
        ensure!(!rows.is_empty(), "{kind}");
        for row in rows {
            let named = row["id"].is_string() || row["name"].is_string();
            ensure!(named && row["requirement"].is_string(), "{kind}: {row}");
        }
    }
    Ok(())
}

async fn kinds(ctl: &Ctl) -> Result<Vec<String>> {
    let kinds: Vec<Value> = serde_json::from_value(ctl.json(&["catalog", "list"]).await?)?;
    Ok(kinds.iter().filter_map(|row| row["kind"].as_str().map(str::to_owned)).collect())
}

async fn names_are_taken_for_ids_and_the_nearest_is_suggested(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let by_name = ctl.json(&["get", "ad SERVICES"]).await?;
    assert_eq!(by_name["toggle"], "ad-services");
    let app = ctl.json(&["get", "location.app", "--app", "weather"]).await?;
    assert_eq!(app["app"], WEATHER);
    let by_number = ctl.json(&["catalog", "show", "P21"]).await?;
    assert_eq!(by_number[0]["entry"]["id"], "ads.personalised");

    let toggle = ctl.run(&["get", "ad-servces"]).await?;
    assert_eq!(toggle.code, Some(5));
    ensure!(
        toggle.err.contains("did you mean") && toggle.err.contains("ad-services"),
        "{toggle:?}"
    );
    let app = ctl.run(&["--json", "app", "org.example.wether"]).await?;
    assert_eq!(app.code, Some(5));
    let error: Value = serde_json::from_str(&app.err)?;
    assert_eq!(error["error"]["name"], "UnknownApp");
    assert_eq!(error["error"]["hint"], format!("did you mean {WEATHER}?"));
    for verb in ["consents", "retention"] {
        let app = ctl.run(&[verb, "org.example.wether"]).await?;
        assert_eq!(app.code, Some(5), "{verb}");
        ensure!(app.err.contains(&format!("did you mean {WEATHER}?")), "{app:?}");
    }
    Ok(())
}

async fn a_change_says_what_holds_then(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let on = ctl.done(&["set", "location.app", "on", "-a", WEATHER, "--for", "2h"]).await?;
    ensure!(
        on.starts_with("Location of an app: on for Weather (org.example.weather), until "),
        "{on}"
    );
    let setting = ctl.json(&["get", "location.app", "-a", WEATHER]).await?;
    assert_eq!((&setting["stored"], &setting["lifetime"]), (&"on".into(), &"until".into()));
    ctl.done(&["set", "location", "off"]).await?;
    ctl.done(&["set", "location.app", "on", "-a", WEATHER, "--once"]).await?;
    ctl.done(&["set", "location.app", "off", "--others"]).await?;
    ctl.done(&["set", "cookies.analytics", "on", "--site", "example.org"]).await?;
    let reset = ctl.json(&["reset", "Weather"]).await?;
    assert_eq!(reset["changed"], 1);
    let history = ctl.json(&["history"]).await?;
    let whats: Vec<_> = history["entries"].as_array().context("entries")?.iter().collect();
    assert_eq!(whats[0]["what"], "reset");
    assert_eq!(whats.len(), 6, "{history}");
    Ok(())
}

async fn answers_decide_the_exit_code(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    // This shell is no app.
    for verb in ["check", "preview"] {
        let denied = ctl.run(&[verb, QUESTION[0], QUESTION[1]]).await?;
        assert_eq!(denied.code, Some(1), "{denied:?}");
        ensure!(denied.out.contains("unidentified"), "{denied:?}");
    }
    let asks = ctl.run(&["explain", WEATHER, QUESTION[0], QUESTION[1]]).await?;
    assert_eq!(asks.code, Some(1));
    ensure!(asks.out.contains("decides"), "{asks:?}");
    let allowed = ctl.run(&["explain", WEATHER, QUESTION[0], "location.country"]).await?;
    assert_eq!(allowed.code, Some(0));
    Ok(())
}

async fn refusals_have_their_exit_codes_and_say_what_to_do(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    ctl.done(&["lock", "ad-services"]).await?;
    let locked = ctl.run(&["set", "ad-services", "on"]).await?;
    assert_eq!(locked.code, Some(3), "{locked:?}");
    ensure!(locked.err.contains("consentctl unlock ad-services"), "{locked:?}");
    for arguments in [
        &["set", "location.app", "on"][..],
        &["set", "cookies.essential", "off"],
        &["set", "location.app", "on", "--others"],
        &["profile", "set", "--region", "XX"],
        &["catalog", "show", "nothing.like.it"],
        &["check", "location.services", "device.oaid", "device.oaid"],
    ] {
        let refused = ctl.run(arguments).await?;
        assert_eq!(refused.code, Some(5), "{arguments:?}: {refused:?}");
        ensure!(refused.out.is_empty() && !refused.err.is_empty(), "{refused:?}");
    }
    let Printed { code, err, .. } = ctl.run(&["set", "ad-services", "off", "--once"]).await?;
    assert_eq!(code, Some(2), "{err}");
    Ok(())
}

async fn the_log_is_paged_and_followed(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let mut following = tokio::process::Command::from(ctl.command())
        .args(["log", "--follow", "--json"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let lines = following.stdout.take().context("its output")?;
    let mut lines = BufReader::new(lines).lines();
    // Until the daemon has a follower, nothing is there to be followed.
    while ctl.json(&["status"]).await?["followers"] == 0 {}

    let mut weather = world.app("weather").await?;
    for item in ["location.country", "location.language", "location.time_zone"] {
        weather.check(QUESTION[0], &[item]).await?;
        let line = lines.next_line().await?.context("a line")?;
        let record: Value = serde_json::from_str(&line)?;
        assert_eq!((&record["data"], &record["app"]), (&item.into(), &WEATHER.into()));
    }
    following.kill().await?;

    let first = ctl.json(&["log", "--limit", "2"]).await?;
    assert_eq!(first["entries"].as_array().map(Vec::len), Some(2));
    let next = first["next"].as_str().context("next")?;
    let rest = ctl.json(&["log", "--limit", "2", "--cursor", next]).await?;
    assert_eq!(rest["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(rest["next"], "");
    let all = ctl.json(&["log", "--limit", "0", "--app", "Weather", "--decision", "allow"]).await?;
    assert_eq!(all["entries"].as_array().map(Vec::len), Some(3));
    let none = ctl.json(&["log", "--until", "2020-01-01"]).await?;
    assert_eq!(none["entries"], Value::Array(Vec::new()));
    Ok(())
}

async fn an_app_cannot_steer_the_terminal_that_follows_the_log(world: &mut World) -> Result<()> {
    const HOSTILE: [&str; 5] = [
        "a\n00:00:00 allow Settings: b",
        "\u{1b}[2J\u{1b}]0;c\u{7}",
        "\u{2028}\u{202e}",
        "\u{9b}1m",
        "end",
    ];
    let ctl = world.ctl()?;
    let mut readers = Vec::new();
    for json in [false, true] {
        let mut command = tokio::process::Command::from(ctl.command());
        command.args(["log", "--follow"]).args(json.then_some("--json"));
        let mut following = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let lines = BufReader::new(following.stdout.take().context("its output")?).lines();
        readers.push((json, following, lines));
    }
    while ctl.json(&["status"]).await?["followers"] != 2 {}

    let mut weather = world.app("weather").await?;
    weather.check(QUESTION[0], &HOSTILE).await?;
    for (json, mut following, mut lines) in readers {
        for item in HOSTILE {
            let line = lines.next_line().await?.context("a line for each item")?;
            let steers = |character: char| {
                character.is_control() || matches!(character, '\u{2028}' | '\u{202e}')
            };
            ensure!(!line.contains(steers), "{line:?}");
            if json {
                assert_eq!(serde_json::from_str::<Value>(&line)?["data"], item);
            } else {
                ensure!(line.contains(" deny  Weather: "), "{line:?}");
            }
        }
        following.kill().await?;
    }
    let table = ctl.done(&["log"]).await?;
    assert_eq!(table.lines().count(), 1 + HOSTILE.len(), "{table}");
    Ok(())
}

async fn words_that_the_catalogue_has_not_are_hinted_at(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    for (purpose, data, hint) in [
        ("location.servces", QUESTION[1], "consentctl catalog list purposes"),
        (QUESTION[0], "location.precisee", "did you mean location.precise?"),
        (QUESTION[0], "no.such.item", "consentctl catalog list data"),
    ] {
        let denied = ctl.run(&["explain", WEATHER, purpose, data]).await?;
        assert_eq!(denied.code, Some(1), "{denied:?}");
        ensure!(denied.err.contains(hint), "{denied:?}");
    }
    let json = ctl.run(&["--json", "explain", WEATHER, QUESTION[0], "no.such.item"]).await?;
    ensure!(json.err.is_empty(), "{json:?}");
    Ok(())
}

async fn a_catalogue_that_is_wrong_is_told_and_changes_nothing(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    let file = world.stage.dirs().catalog_dir.join("toggles.toml");
    let good = std::fs::read_to_string(&file)?;
    std::fs::write(&file, good.replacen("scope = \"both\"", "scope = \"nobody\"", 1))?;
    for verb in [&["catalog", "check"][..], &["reload"]] {
        let wrong = ctl.run(verb).await?;
        assert_eq!(wrong.code, Some(5), "{wrong:?}");
        ensure!(wrong.err.contains("toggles.toml") && wrong.err.contains("scope"), "{wrong:?}");
    }
    ctl.done(&["get", "ad-services"]).await?;
    std::fs::write(&file, good)?;
    ctl.done(&["reload"]).await?;
    Ok(())
}

async fn a_daemon_that_is_away_ends_with_4(world: &mut World) -> Result<()> {
    let ctl = world.ctl()?;
    world.stop()?;
    let away = ctl.run(&["--json", "status"]).await?;
    assert_eq!(away.code, Some(4), "{away:?}");
    let error: Value = serde_json::from_str(&away.err)?;
    assert_eq!(error["error"]["name"], "Unreachable");
    world.start_again()?;
    ctl.done(&["status"]).await?;
    Ok(())
}
