//! The catalogue: what is rejected and where, what is warned of, what covers what; and that the
//! shipped one is right.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod edits;

use std::path::{Path, PathBuf};

use consentd::catalog::load::load;
use consentd::catalog::{Basis, Catalog, Problem, Risk, describe};
use consentd::row::Cell;
use proptest::prelude::*;

/// A small catalogue that is right. Cases below name its lines.
const SMALL: [(&str, &str); 9] = [
    ("data.toml", include_str!("small-catalog/data.toml")),
    ("purposes.toml", include_str!("small-catalog/purposes.toml")),
    ("bases.toml", include_str!("small-catalog/bases.toml")),
    ("never.toml", include_str!("small-catalog/never.toml")),
    ("toggles.toml", include_str!("small-catalog/toggles.toml")),
    ("recipients.toml", include_str!("small-catalog/recipients.toml")),
    ("cookies.toml", include_str!("small-catalog/cookies.toml")),
    ("regions.toml", include_str!("small-catalog/regions.toml")),
    ("notices.toml", include_str!("small-catalog/notices.toml")),
];

/// Loads the small catalogue with other texts in place of some of its files.
fn load_with(others: &[(&str, String)]) -> Result<Catalog, Vec<Problem>> {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in SMALL {
        std::fs::write(dir.path().join(file), text).unwrap();
    }
    for (file, text) in others {
        std::fs::write(dir.path().join(file), text).unwrap();
    }
    load(dir.path()).map_err(|error| error.problems)
}

fn small_file(name: &str) -> &'static str {
    SMALL.iter().find(|(file, _)| *file == name).map(|(_, text)| *text).unwrap()
}

fn small() -> Catalog {
    load_with(&[]).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn shipped_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog")
}

fn shipped() -> Catalog {
    load(&shipped_dir()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn each_wrong_value_is_named_with_file_line_key_and_what_would_be_right() {
    let mut failed = Vec::new();
    for edit in edits::read(include_str!("small-catalog/rejected.txt")) {
        let text = edit.apply(small_file(edit.file()));
        let problems = load_with(&[(edit.file(), text)]).err().unwrap_or_default();
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if said != [edit.said.as_str()] {
            failed.push(format!("expected {:?}\n     got {said:#?}", edit.said));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// R33: a category is fixed, as essential cookies are, or switching it on is a consent.
#[test]
fn r33_a_category_that_is_not_essential_is_a_consent_or_refused() {
    let advertising = "name = \"Advertising cookies\"\nconsent = true";
    let toggles = small_file("toggles.toml");
    assert!(toggles.contains(advertising));
    let toggles = toggles.replace(advertising, &advertising.replace("true", "false"));
    let problems = load_with(&[("toggles.toml", toggles)]).unwrap_err();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "cookies.toml:12: category: `cookies.advertising` is neither fixed nor a consent; what is not \
          essential needs consent first (R33)"
        ]
    );
}

#[test]
fn all_problems_of_all_files_are_said_in_one_pass_and_in_order() {
    let data =
        small_file("data.toml").replacen("\"R1\"", "\"R99\"", 1).replace("crash\"]", "crush\"]");
    let purposes = small_file("purposes.toml").replace("\"P11\"", "11");
    let toggles = small_file("toggles.toml").replace("app.oaid", "app.oiad");
    let notices = small_file("notices.toml").replacen("\"en\"", "\"English\"", 1);
    let problems = load_with(&[
        ("notices.toml", notices),
        ("toggles.toml", toggles),
        ("purposes.toml", purposes),
        ("data.toml", data),
    ]);
    let problems = problems.unwrap_err();
    let places: Vec<String> = problems.iter().map(|problem| problem.place.to_string()).collect();
    assert_eq!(
        places,
        ["data.toml:7", "data.toml:51", "purposes.toml:3", "toggles.toml:8", "notices.toml:5"],
        "{problems:#?}"
    );
}

#[test]
fn an_entry_that_cannot_be_read_is_said_once_and_not_again_where_it_is_referred_to() {
    let purposes = small_file("purposes.toml").replace("number = \"P21\"", "numbr = \"P21\"");
    let problems = load_with(&[("purposes.toml", purposes)]).unwrap_err();
    let [problem] = problems.as_slice() else { panic!("{problems:#?}") };
    assert!(problem.to_string().starts_with("purposes.toml:11: numbr: unknown field"));
}

#[test]
fn a_missing_file_is_named_and_what_refers_to_it_is_not() {
    for (missing, _) in SMALL {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in SMALL.iter().filter(|(file, _)| *file != missing) {
            std::fs::write(dir.path().join(file), text).unwrap();
        }
        let said = load(dir.path()).unwrap_err().to_string();
        let dir = dir.path().display();
        assert_eq!(said, format!("{missing}: is missing from {dir}; a catalogue needs it"));
    }
}

#[test]
fn what_is_not_text_is_named() {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in SMALL {
        std::fs::write(dir.path().join(file), text).unwrap();
    }
    std::fs::write(dir.path().join("never.toml"), b"# caf\xe9\n").unwrap();
    let said = load(dir.path()).unwrap_err().to_string();
    assert_eq!(said, "never.toml: is not UTF-8 from byte 5 on; save it as UTF-8");
}

#[test]
fn covering_one_identifier_for_a_purpose_covers_all_of_them() {
    let catalog = small();
    let covered = |purpose: &str, data: &str| {
        let purpose = catalog.purposes.find(purpose).unwrap();
        let data = catalog.data.find(data).unwrap();
        let toggles = catalog.covering(purpose, data).iter();
        toggles.map(|toggle| &*catalog.toggles[*toggle].id).collect::<Vec<_>>()
    };
    assert_eq!(covered("ads.personalised", "app.oaid"), ["ad-services"]);
    assert_eq!(covered("ads.personalised", "device.imei"), ["ad-services"]);
    assert_eq!(covered("ads.personalised", "logs.crash"), [""; 0]);
    assert_eq!(covered("location.services", "device.imei"), [""; 0]);
}

#[test]
fn selections_are_spread_over_groups_and_all_but_what_is_excepted() {
    let catalog = small();
    let location = catalog.toggles.find("location").unwrap();
    let covers = |purpose: &str, data: &str| {
        let purpose = catalog.purposes.find(purpose).unwrap();
        let data = catalog.data.find(data).unwrap();
        catalog.covering(purpose, data).contains(&location)
    };
    assert!(covers("location.services", "location.precise"));
    assert!(covers("location.services", "location.approximate"));
    assert!(covers("analytics.internal", "location.approximate"));
    assert!(!covers("location.services", "logs.crash"));
    assert!(covers("sale", "location.precise"));
    assert!(!covers("sale", "location.approximate"));
}

#[test]
fn never_rules_and_narrowings_hold_for_their_pairs_alone() {
    let catalog = small();
    let purpose = |id: &str| catalog.purposes.find(id).unwrap();
    let data = |id: &str| catalog.data.find(id).unwrap();
    let rule = |purpose_id: &str, data_id: &str| {
        let rule = catalog.never_index(purpose(purpose_id), data(data_id))?;
        Some(&*catalog.nevers[rule].id)
    };
    assert_eq!(rule("sale", "device.imei"), Some("no-sale"));
    assert_eq!(rule("sale", "advertiser.clicks"), Some("no-sale"));
    assert_eq!(rule("location.services", "advertiser.clicks"), Some("no-clicks-elsewhere"));
    assert_eq!(rule("ads.personalised", "advertiser.clicks"), None);
    assert_eq!(rule("location.services", "device.imei"), None);

    let analytics = purpose("analytics.internal");
    let bases = |item: &str| {
        let found = catalog.permitted_somewhere(analytics, data(item));
        found.iter().collect::<Vec<_>>()
    };
    assert_eq!(bases("logs.crash"), [Basis::Consent]);
    assert_eq!(bases("device.imei"), [Basis::Consent, Basis::LegitimateInterest]);
}

#[test]
fn notices_stand_in_the_order_of_their_dates_whatever_the_files_order() {
    let catalog = small();
    assert_eq!(catalog.notices.ids().collect::<Vec<_>>(), ["2019-12-09", "2025-10-10"]);
    let at = |now| catalog.notice_at(now).map(|notice| &*catalog.notices[notice].id);
    assert_eq!(at(1_575_849_599), None);
    assert_eq!(at(1_575_849_600), Some("2019-12-09"));
    assert_eq!(at(1_760_054_399), Some("2019-12-09"));
    assert_eq!(at(1_760_054_400), Some("2025-10-10"));
}

#[test]
fn r35_the_shipped_catalogue_loads_with_exactly_these_warnings() {
    let file = std::fs::read_to_string(shipped_dir().join("cookies.toml")).unwrap();
    let line = |cookie: &str| {
        let name = format!("name = \"{cookie}\"");
        // The entry's place is its header, one line above its name.
        file.lines().position(|line| line == name).unwrap()
    };
    let expected = [
        (
            "STATSESSIONID",
            "`STATSESSIONID` looks like statistics, and is listed as essential (R35)",
        ),
        (
            "STATTIMESTAMP",
            "`STATTIMESTAMP` looks like statistics, and is listed as essential (R35)",
        ),
        ("STATDOMAINID", "`STATDOMAINID` looks like statistics, and is listed as essential (R35)"),
        ("xmuuid", "`xmuuid` lives for 50 y, longer than data may be kept (R35, S3 7)"),
        (
            "XM_I18N_AB_TEST",
            "`XM_I18N_AB_TEST` looks like an A/B test, and is listed as essential (R35)",
        ),
        (
            "XM_I18N_AB_TEST",
            "`XM_I18N_AB_TEST` lives for 71 y, longer than data may be kept (R35, S3 7)",
        ),
        ("_gid", "`_gid` lives for 7 h (S1), elsewhere for 2 y (S0); the shorter rules (R35)"),
        (
            "id",
            "advertising cookies (id, DSID, RUL, fbp) are listed in S1 alone; S0 says that none are used (R35)",
        ),
    ];
    let expected: Vec<(String, &str)> = expected
        .iter()
        .map(|(cookie, text)| (format!("cookies.toml:{}", line(cookie)), *text))
        .collect();
    let catalog = shipped();
    let found: Vec<(String, &str)> = catalog
        .warnings
        .iter()
        .map(|warning| (warning.place.clone(), warning.text.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_catalogue_without_what_r35_names_has_no_warnings() {
    assert_eq!(small().warnings, []);
}

/// R18–R24: a purpose, an item, and the toggles that must let the pair pass.
#[test]
fn the_shipped_toggles_cover_what_the_policies_say() {
    let catalog = shipped();
    let cases: &[(&str, &str, &[&str])] = &[
        ("ads.personalised", "device.oaid", &["ad-services", "app-access"]),
        ("content.personalised", "apps.installed", &["personalised-content", "app-access"]),
        (
            "location.services",
            "location.precise",
            &["location", "location.app", "location.precise", "app-access"],
        ),
        ("location.services", "location.approximate", &["location", "location.app", "app-access"]),
        ("location.services", "location.language", &["app-access"]),
        ("find-device", "location.precise", &["location", "find-device", "app-access"]),
        ("photos.location", "location.precise", &["location", "photos.location", "app-access"]),
        ("services.activation", "location.cell_id", &["app-access"]),
        ("legal.obligations", "location.precise", &[]),
        ("experience.analytics", "apps.installed", &["user-experience", "app-access"]),
        ("analytics.internal", "logs.crash", &["user-experience", "app-access"]),
        ("analytics.internal", "device.model", &["app-access"]),
        ("security.systems", "logs.crash", &["app-access"]),
        ("marketing.email", "given.email", &["marketing", "marketing.email", "app-access"]),
        ("promotions", "given.email", &["marketing", "app-access"]),
        ("notices.important", "given.email", &[]),
        ("push.service", "device.space_id", &["app-access", "second-space"]),
        ("push.service", "device.android_id", &["app-access"]),
    ];
    let mut failed = Vec::new();
    for (purpose, data, toggles) in cases {
        let (Some(purpose_ix), Some(data_ix)) =
            (catalog.purposes.find(purpose), catalog.data.find(data))
        else {
            failed.push(format!("{purpose} or {data} is not there"));
            continue;
        };
        let found: Vec<&str> = catalog
            .covering(purpose_ix, data_ix)
            .iter()
            .map(|toggle| &*catalog.toggles[*toggle].id)
            .collect();
        if found != *toggles {
            failed.push(format!("{purpose} × {data}: {found:?}, not {toggles:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Nobody's breach is left to chance: whoever is at high risk is told, everywhere.
#[test]
fn r56_every_shipped_region_has_its_users_and_somebody_else_told_of_a_breach() {
    for (_, region) in shipped().regions.iter() {
        let at_high_risk = region.breach.iter().filter(|duty| duty.risk <= Risk::High);
        let who: Vec<&str> = at_high_risk.map(|duty| duty.tell.word()).collect();
        assert!(who.contains(&"users") && who.len() > 1, "{}: {who:?}", region.id);
        assert!(region.source.requirement.contains("R56"), "{}", region.id);
    }
    let regions = describe(&shipped(), "regions").unwrap();
    let Some(Cell::List(duties)) = regions[0].get("breach") else { panic!("{regions:?}") };
    assert_eq!(duties[0], "authority within 72 h if the risk is likely or more (GDPR Art. 33(1))");
}

#[test]
fn every_entry_of_the_shipped_catalogue_is_described_with_its_requirement_and_section() {
    let catalog = shipped();
    let counts = [
        ("data", catalog.data.len()),
        ("purposes", catalog.purposes.len()),
        ("toggles", catalog.toggles.len()),
        ("bases", catalog.bases.len() + catalog.narrowings.len()),
        ("recipients", catalog.recipients.len()),
        ("cookies", catalog.cookies.len()),
        ("regions", catalog.regions.len()),
        ("notices", catalog.notices.len()),
        ("never", catalog.nevers.len()),
    ];
    for (kind, count) in counts {
        let rows = describe(&catalog, kind).unwrap();
        assert_eq!(rows.len(), count, "{kind}");
        for row in rows {
            let id = if kind == "cookies" { "name" } else { "id" };
            for key in [id, "requirement", "section"] {
                assert!(
                    matches!(row.get(key), Some(Cell::Text(text)) if !text.is_empty()),
                    "{kind}: {key} of {row:?}"
                );
            }
        }
    }
    assert_eq!(describe(&catalog, "apps"), None);
}

#[test]
fn a_row_says_everything_its_entry_says() {
    let catalog = small();
    let row = |kind: &str, id: &str| {
        let id = Cell::Text(id.to_owned());
        let rows = describe(&catalog, kind).unwrap();
        rows.into_iter().find(|row| row.get("id") == Some(&id)).unwrap()
    };
    let words = |words: &[&str]| Cell::List(words.iter().map(|word| (*word).to_owned()).collect());
    let toggle = row("toggles", "location");
    assert_eq!(toggle.get("name"), Some(&"Location".into()));
    assert_eq!(toggle.get("kind"), Some(&"switch".into()));
    assert_eq!(toggle.get("consent"), Some(&false.into()));
    assert_eq!(toggle.get("scope"), Some(&"all".into()));
    assert_eq!(toggle.get("all_default"), Some(&"on".into()));
    assert_eq!(toggle.get("app_default"), Some(&"follow".into()));
    assert_eq!(toggle.get("paths"), Some(&words(&["Settings > Location"])));
    assert_eq!(
        toggle.get("covers"),
        Some(&words(&["all but sale × @position", "sale × @position+precise"]))
    );
    let item = row("data", "location.precise");
    assert_eq!(item.get("sensitivity"), Some(&"restricted".into()));
    assert_eq!(item.get("refusal"), Some(&"approximate".into()));
    assert_eq!(item.get("approximate"), Some(&"location.approximate".into()));
    assert_eq!(item.get("groups"), Some(&words(&["position", "precise"])));
    assert_eq!(item.get("min_trust"), Some(&"weak".into()));
    assert_eq!(row("data", "advertiser.clicks").get("origin"), Some(&"advertiser".into()));
    let purpose = row("purposes", "analytics.internal");
    assert_eq!(purpose.get("bases"), Some(&words(&["consent", "legitimate-interest"])));
    assert_eq!(purpose.get("requires"), Some(&words(&["deidentified"])));
    assert_eq!(purpose.get("number"), Some(&"P22".into()));
    let narrowing = row("bases", "crash-improvement");
    assert_eq!(narrowing.get("pairs"), Some(&"analytics.internal × @crash".into()));
    assert_eq!(narrowing.get("regions"), Some(&words(&["EEA", "OTHER"])));
    let region = row("regions", "EEA");
    assert_eq!(region.get("default"), Some(&true.into()));
    assert_eq!(region.get("transfer"), Some(&"protective".into()));
    assert_eq!(region.get("transfer_countries"), Some(&words(&["NL", "DE"])));
    assert_eq!(row("notices", "2025-10-10").get("effective"), Some(&1_760_054_400_i64.into()));
    assert_eq!(row("never", "no-sale").get("why"), Some(&"Nothing is sold.".into()));
    let cookies = describe(&catalog, "cookies").unwrap();
    assert_eq!(cookies[1].get("lifetime"), Some(&"680 d".into()));
    assert_eq!(cookies[1].get("max_age"), Some(&58_752_000_i64.into()));
}

/// The places of a file where another key may stand: before a line that is a key, and inside
/// inline tables. Each as an offset, and what must follow the key there.
fn places_for_a_key(text: &str) -> Vec<(usize, &'static str)> {
    let mut places = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let key = line.split(" = ").next().unwrap_or_default();
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if line.contains(" = ") && is_key {
            places.push((offset, "\n"));
        }
        let tables = line.match_indices("{ ").map(|(at, brace)| (offset + at + brace.len(), ", "));
        if !line.trim_start().starts_with('#') {
            places.extend(tables);
        }
        offset += line.len();
    }
    places
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn an_unknown_key_anywhere_is_rejected_where_it_stands(
        file in 0..SMALL.len(),
        place in any::<prop::sample::Index>(),
        key in "x_[a-z]{1,8}",
    ) {
        let (file, text) = SMALL[file];
        let places = places_for_a_key(text);
        let (offset, end) = places[place.index(places.len())];
        let with_key = format!("{}{key} = 1{end}{}", &text[..offset], &text[offset..]);
        let line = text[..offset].matches('\n').count() + 1;
        let problems = load_with(&[(file, with_key)]).unwrap_err();
        prop_assert_eq!(problems.len(), 1, "{:?}", &problems);
        prop_assert_eq!(problems[0].place.to_string(), format!("{file}:{line}"));
        prop_assert_eq!(problems[0].key.rsplit('.').next(), Some(key.as_str()));
    }

    #[test]
    fn whatever_the_files_hold_loading_ends_with_a_catalogue_or_with_problems(
        file in 0..SMALL.len(),
        at in any::<prop::sample::Index>(),
        cut in 0_usize..40,
        put in "[\\x00-\\x7f]{0,4}|[\\[\\]{}=\"',.#\n]{1,6}|\\PC{0,3}",
    ) {
        let (file, text) = SMALL[file];
        let from = at.index(text.len());
        let to = (from + cut).min(text.len());
        let torn = format!("{}{put}{}", &text[..from], &text[to..]);
        if let Err(problems) = load_with(&[(file, torn)]) {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|problem| !problem.text.is_empty()));
        }
    }
}
