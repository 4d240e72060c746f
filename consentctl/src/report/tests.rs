//! Whole pages, made from lines as they come.

use consentd_dbus::lines::steers;
use proptest::prelude::*;
use roxmltree::{Document, Node};
use serde_json::{Value, json};

use super::*;
use crate::lines::sealed;

const NOW: i64 = 1_790_000_000;

fn made(lines: &[Value]) -> String {
    let mut out = Vec::new();
    write(sealed(lines).as_bytes(), &mut out, &Words::none(), None).unwrap();
    String::from_utf8(out).unwrap()
}

fn head() -> [Value; 2] {
    [
        json!({"kind": "export", "version": "1", "user": 0, "at": NOW, "generation": 7}),
        json!({"kind": "profile", "region": "EEA", "region_set": true, "age_band": "adult",
               "age_set": false, "controller": "Controller B.V."}),
    ]
}

fn record(at: i64, decision: &str, count: u64) -> Value {
    json!({"kind": "record", "at": at, "last": at, "app": "org.example.a", "purpose": "ads", "data": "id",
           "decision": decision, "reason": "toggle-off", "count": count, "source": "daemon"})
}

/// A report with something of each kind, `text` wherever an app or a person can put one.
fn report(text: &str) -> Vec<Value> {
    let mut lines = vec![
        json!({"kind": "case", "case": "1", "right": "access", "app": "", "purpose": "", "data": text,
               "statement": text, "opened": NOW, "due": NOW, "region": "EEA", "controller": text,
               "authority": text, "state": "done",
               "holders": [{"app": text, "state": "done", "at": NOW, "note": text},
                           {"app": text, "state": "waiting", "at": NOW, "note": text}]}),
        json!({"kind": "returned", "app": text, "data": text}),
        json!({"kind": "returned", "app": "b", "missing": text}),
    ];
    lines.extend(head());
    lines.extend([
        json!({"kind": "choice", "toggle": text, "app": text, "state": "on", "since": NOW, "by": text,
               "notice": text, "lifetime": "forever"}),
        json!({"kind": "consent", "toggle": text, "app": text, "at": NOW, "notice": text, "by": text,
               "language": text, "region": text, "controller": text, "in_force": true,
               "covers": [{"purpose": text, "data": [text]}]}),
        json!({"kind": "request", "case": text, "right": text, "app": text, "purpose": text, "data": text,
               "statement": text, "opened": NOW, "due": NOW, "region": text, "controller": text,
               "authority": text, "state": text, "holders": []}),
        json!({"kind": "retention", "app": text, "purpose": text, "data": text, "state": text,
               "overdue": false, "retention": text, "last": NOW, "since": NOW}),
        json!({"kind": "record", "at": NOW, "app": text, "purpose": text, "data": text, "decision": text,
               "reason": text, "count": 1, "tag": text, "source": "client"}),
        json!({"kind": "record", "at": NOW, "app": text, "purpose": format!("site:{text}"), "data": text,
               "decision": "deny", "reason": text, "count": 1, "source": "daemon"}),
        json!({"kind": "setting", "at": NOW, "what": text, "toggle": text, "state": text, "by": text,
               "notice": text}),
    ]);
    lines
}

/// Elements with their attributes' names: what the program alone decides on.
fn shape(page: &str) -> Vec<String> {
    let document = Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).unwrap();
    let told = |node: Node<'_, '_>| {
        let names: Vec<_> = node.attributes().map(|attribute| attribute.name()).collect();
        format!("{} {}", node.tag_name().name(), names.join(" "))
    };
    document.descendants().filter(Node::is_element).map(told).collect()
}

fn text_of(page: &str, id: &str) -> String {
    let document = Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).unwrap();
    let part = document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap();
    part.descendants()
        .filter(|node| node.is_text())
        .filter_map(|node| node.text())
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn a_page_has_everything_and_an_xml_parser_reads_it() {
    let page = made(&report("Kim"));
    for (id, told) in [
        ("glance", "1 of 2"),
        ("person", "Controller B.V."),
        ("case", "Access: a copy of everything"),
        ("case", "Controller then|Kim"),
        ("holders", "done"),
        ("holders", "1 app has not answered"),
        ("returned", "Kim"),
        ("returned", "Nothing came: Kim."),
        ("choices", "21 Sep 2026, 14:13"),
        ("consents", "Kim: |Kim"),
        ("requests", "Kim: Kim"),
        ("kept", "for Kim"),
        ("answers", "1 by its own count"),
        ("cookies", "asked by"),
        ("changes", "Kim Kim Kim"),
        ("made", "from 12 lines"),
    ] {
        assert!(text_of(&page, id).contains(told), "{id}: {told} is not in {}", text_of(&page, id));
    }
    let seal = sealed(&report("Kim"));
    let sum = seal.rsplit('"').nth(1).unwrap();
    assert!(text_of(&page, "made").contains(sum), "{sum}");
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = made(&report("https://example.org/x.js"));
    assert!(
        page.contains("content=\"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;\"")
            || page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\"")
    );
    let document = Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).unwrap();
    for node in document.descendants().filter(Node::is_element) {
        let tag = node.tag_name().name();
        assert!(
            !["script", "link", "img", "iframe", "object", "form", "image", "use"].contains(&tag)
        );
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on") && name != "src" && name != "style", "{tag} {name}");
            assert!(name != "href" || value.starts_with('#'), "{value}");
        }
    }
    let style = document.descendants().find(|node| node.has_tag_name("style")).unwrap();
    let style = style.text().unwrap_or_default();
    assert_eq!(style.matches("url(").count(), style.matches("url(#").count());
    assert!(!style.contains("@import") && !style.contains('<') && !style.contains('&'));
}

#[test]
fn a_screen_reader_finds_captions_headings_and_places() {
    let page = made(&report("Kim"));
    let document = Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).unwrap();
    let all = |tag: &'static str| document.descendants().filter(move |node| node.has_tag_name(tag));
    assert_eq!(document.root_element().attribute("lang"), Some("en"));
    assert_eq!(all("h1").count(), 1);
    assert!(all("table").count() >= 6);
    for table in all("table") {
        let has = |tag: &str| table.descendants().any(|node| node.has_tag_name(tag));
        assert!(has("caption") && has("thead") && has("tbody"));
    }
    assert!(all("th").all(|head| matches!(head.attribute("scope"), Some("col" | "row"))));
    let ids: Vec<_> = document.descendants().filter_map(|node| node.attribute("id")).collect();
    let named = |id: &str| ids.iter().filter(|known| **known == id).count() == 1;
    assert!(ids.iter().all(|id| named(id)), "{ids:?}");
    let links = document.descendants().filter_map(|node| node.attribute("href"));
    assert!(links.map(|link| link.trim_start_matches('#')).all(named));
    let labels = document.descendants().filter_map(|node| node.attribute("aria-labelledby"));
    assert!(labels.flat_map(|label| label.split(' ')).all(named));
}

#[test]
fn an_empty_history_and_one_answer_are_pages_too() {
    let page = made(&head());
    for (id, told) in [
        ("choices", "as it was delivered"),
        ("consents", "No consent was given."),
        ("answers", "No app has asked"),
        ("changes", "Nothing was changed."),
        ("timeline", "0 answers allowed, 0 not, and 0 changes"),
    ] {
        assert!(text_of(&page, id).contains(told), "{id}: {}", text_of(&page, id));
    }
    assert!(!page.contains("id=\"case\"") && !page.contains("id=\"returned\""));
    let mut lines = head().to_vec();
    lines.push(record(NOW - 1, "allow", 1));
    let page = made(&lines);
    assert!(text_of(&page, "timeline").contains("1 answer allowed, 0 not"));
}

/// The height of bars of a class, in answers.
fn bars(page: &str, class: &str) -> f64 {
    let document = Document::parse(page.trim_start_matches("<!DOCTYPE html>\n")).unwrap();
    let bars = document.descendants().filter(|node| {
        node.has_tag_name("rect")
            && node.attribute("class") == Some(class)
            && node.has_attribute("y")
    });
    bars.filter_map(|bar| bar.attribute("height")?.parse::<f64>().ok()).sum()
}

#[test]
fn bars_stand_for_the_answers_in_them() {
    let mut lines = head().to_vec();
    for (ago, decision, count) in
        [(2, "allow", 30), (9, "allow", 10), (9, "deny", 15), (9, "ask", 5), (25, "deny", 10)]
    {
        lines.push(record(NOW - ago * 86_400, decision, count));
    }
    let page = made(&lines);
    // The most allowed and the most not allowed in one bar take the whole height.
    let unit = 150.0 / (30.0 + 20.0);
    assert!((bars(&page, "yes") / unit - 40.0).abs() < 0.5, "{}", bars(&page, "yes"));
    assert!((bars(&page, "no") / unit - 30.0).abs() < 0.5, "{}", bars(&page, "no"));
    let told = text_of(&page, "timeline");
    assert!(told.contains("40 answers allowed, 30 not, and 0 changes"), "{told}");
}

#[test]
fn a_clock_that_jumped_is_told_beside_the_picture() {
    let mut lines = head().to_vec();
    lines.extend([
        record(NOW + 999 * 86_400, "allow", 3),
        record(NOW - 60, "deny", 2),
        record(5, "ask", 4),
    ]);
    let told = text_of(&made(&lines), "timeline");
    for part in [
        "0 answers allowed, 2 not",
        "3 answers and 0 changes with a time after this report was made",
        "4 answers and 0 changes from before that",
        "|later|3|",
        "|earlier|0|0|4|",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for at in [i64::MAX, i64::MIN] {
        let mut lines = head().to_vec();
        lines.push(record(at, "allow", u64::MAX / 2));
        made(&lines);
        lines[0]["at"] = at.into();
        made(&lines);
    }
}

#[test]
fn what_was_returned_stands_first_and_what_is_long_is_folded() {
    let holder = |app: String| json!({"app": app, "state": "waiting", "at": NOW, "note": ""});
    let mut lines = report("Kim");
    lines[0]["holders"].as_array_mut().unwrap().extend((0..19).map(|n| holder(format!("app{n}"))));
    lines[0]["controller"] = "Controller B.V.".into();
    lines[1]["data"] = "".into();
    let data: Vec<String> = (0..15).map(|n| format!("item{n}")).collect();
    for line in &mut lines {
        if line["kind"] == "consent" {
            line["covers"] = json!([{"purpose": "ads", "data": data}]);
            line["controller"] = "Controller B.V.".into();
        }
    }
    let page = made(&lines);
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("id=\"returned\"") < place("id=\"holders\""));
    assert!(text_of(&page, "holders").contains("20 apps have not answered yet|Kim|Kim|app0|"));
    assert!(text_of(&page, "consents").contains(", item11|and 3 more|item12, item13, item14"));
    assert!(text_of(&page, "glance").contains("0 of 21"));
    assert!(text_of(&page, "returned").contains("It answered, and keeps nothing."));
    assert_eq!(page.matches("Controller B.V.").count(), 1);
}

#[test]
fn what_is_too_much_for_a_page_is_said() {
    let mut lines = head().to_vec();
    for change in 0..1_020 {
        lines.push(json!({"kind": "setting", "at": NOW - change, "what": "lock", "toggle": "ads"}));
    }
    let page = made(&lines);
    let told = text_of(&page, "changes");
    assert!(told.contains("Not shown here: 20 changes more"), "{told}");
    assert!(text_of(&page, "glance").contains("1,020"));
}

#[test]
fn nothing_is_written_of_what_is_not_whole() {
    let whole = sealed(&report("Kim"));
    let (cut, _) = whole.trim_end().rsplit_once('\n').unwrap();
    for broken in [cut.to_owned(), whole.replacen("Kim", "Tim", 1), String::new()] {
        let mut out = Vec::new();
        assert!(write(broken.as_bytes(), &mut out, &Words::none(), None).is_err());
        assert!(out.is_empty());
    }
}

const HOSTILE: &str =
    "\"'><script>alert(1)</script><!-- ]]> &amp; \u{202e}\u{1b}[2J\n</pre></style>";

#[test]
fn hostile_text_is_shown_and_not_obeyed() {
    let page = made(&report(HOSTILE));
    assert_eq!(shape(&page), shape(&made(&report("Kim"))));
    assert!(!page.contains(|character| steers(character) && character != '\n'));
    assert!(text_of(&page, "returned").contains("</pre></style>"));
    assert!(text_of(&page, "changes").contains(r"\u{202e}\u{1b}[2J␤"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever apps send and people write: the page is as the program made it.
    #[test]
    fn nothing_breaks_out_of_a_page(text in "[\u{0}-\u{2ff}\u{2000}-\u{20ff}<>&\"'/!\\-]{1,40}") {
        // Words that mean something have parts of their own.
        prop_assume!(!text.trim().is_empty());
        prop_assert_eq!(shape(&made(&report(&text))), shape(&made(&report("Kim"))));
    }
}
