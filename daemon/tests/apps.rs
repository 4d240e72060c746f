//! Declarations: what is rejected and where, that one wrong file stops no other, and that the
//! shipped samples are right.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod edits;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use consentd::apps::{self, AppIx, Apps, Identity, Recipient, Rejection, Safeguard};
use consentd::catalog::load::load;
use consentd::catalog::{Basis, Catalog, Trust};
use proptest::prelude::*;

/// A declaration that is right. Cases below name its lines.
const WEATHER: &str = include_str!("declarations/weather.toml");

fn catalog_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog")
}

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| load(&catalog_dir()).unwrap_or_else(|error| panic!("{error}")));

/// What is loaded of some files.
fn load_files(files: &[(&str, &str)]) -> Apps {
    let dir = tempfile::tempdir().unwrap();
    for (file, text) in files {
        fs::write(dir.path().join(file), text).unwrap();
    }
    apps::load(&[dir.path().to_path_buf()], &CATALOG).unwrap()
}

fn with(from: &str, to: &str) -> String {
    assert!(WEATHER.contains(from), "the declaration has no {from:?}");
    WEATHER.replacen(from, to, 1)
}

fn said(rejection: &Rejection) -> Vec<String> {
    let first = format!("{}: {}", rejection.place, rejection.text);
    std::iter::once(first).chain(rejection.more.iter().map(ToString::to_string)).collect()
}

#[test]
fn each_wrong_declaration_is_rejected_with_file_line_key_and_what_would_be_right() {
    let mut failed = Vec::new();
    for edit in edits::read(include_str!("declarations/rejected.txt")) {
        let apps = load_files(&[(edit.file(), &edit.apply(WEATHER))]);
        let found: Vec<String> = apps.rejected().iter().flat_map(said).collect();
        if found != [edit.said.as_str()] || !apps.is_empty() {
            failed.push(format!("expected {:?}\n     got {found:#?}", edit.said));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn all_that_is_wrong_with_a_file_is_said_at_once() {
    let text = with("\"2025-10-10\"", "\"never\"")
        .replace("\"device.oaid\"", "\"device.oiad\"")
        .replace("country = \"US\"", "country = \"us\"");
    let apps = load_files(&[("weather.toml", &text)]);
    let [rejection] = apps.rejected() else { panic!("{:?}", apps.rejected()) };
    assert_eq!(&*rejection.app, "org.example.weather");
    let said = said(rejection);
    let places: Vec<&str> = said.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(places, ["weather.toml:21", "weather.toml:24", "weather.toml:28"]);
}

#[test]
fn a_declaration_that_is_right_says_what_it_says() {
    let apps = load_files(&[("weather.toml", WEATHER)]);
    assert_eq!(apps.rejected(), []);
    let index = apps.find("org.example.weather").unwrap();
    let app = apps.get(index);
    assert_eq!(&*app.name, "Weather");
    let executable = Identity::Executable("/nowhere/weather".into());
    let flatpak = Identity::Flatpak("org.example.Weather".into());
    assert_eq!(app.identities, [executable.clone(), flatpak.clone()]);
    assert_eq!(apps.by_identity(&executable), Some(index));
    assert_eq!(apps.by_identity(&flatpak), Some(index));
    assert_eq!(apps.by_identity(&Identity::Snap("org.example.Weather".into())), None);

    let purpose = |id: &str| CATALOG.purposes.find(id).unwrap();
    let data = |id: &str| CATALOG.data.find(id).unwrap();
    assert_eq!(app.pairs.len(), 3);
    let pair = app.pair(purpose("location.services"), data("location.approximate")).unwrap();
    assert_eq!(&*CATALOG.notices[pair.since].id, "2025-10-10");
    let collection = app.collection(pair);
    assert_eq!(collection.basis, Basis::Contract);
    assert!(!collection.mandatory && !collection.automated && !collection.on_device);
    assert_eq!(&*collection.retention, "30 days");
    let [Recipient::Known(provider), Recipient::Sdk { id, name, policy }] = &*collection.recipients
    else {
        panic!("{:?}", collection.recipients);
    };
    assert_eq!(&*CATALOG.recipients[*provider].id, "provider");
    assert_eq!(
        (&**id, &**name, &**policy),
        ("sdk:adnet", "AdNet", "https://adnet.example/privacy")
    );
    let [home, abroad] = &*collection.destinations else { panic!() };
    assert_eq!((home.country.code(), home.tls, home.permitted), ("NL", true, false));
    assert_eq!(*home.regions, [CATALOG.regions.find("EEA").unwrap()]);
    assert!(abroad.regions.is_empty());
    assert_eq!(abroad.safeguard, Some(Safeguard::StandardContractualClauses));

    let pair = app.pair(purpose("ads.personalised"), data("device.oaid")).unwrap();
    assert_eq!(&*CATALOG.notices[pair.since].id, "2019-12-09");
    assert!(app.collection(pair).automated);
    assert_eq!(app.pair(purpose("ads.personalised"), data("device.imei")), None);
}

#[test]
fn a_system_user_of_the_apps_own_is_found_by_its_uid() {
    let text = with("flatpak = [\"org.example.Weather\"]", "user = \"daemon\"");
    let apps = load_files(&[("weather.toml", &text)]);
    assert_eq!(apps.rejected(), []);
    assert_eq!(apps.by_uid(1), Some(AppIx(0)));
    assert_eq!(apps.by_uid(2), None);
    assert_eq!(apps[AppIx(0)].identities[1].best_trust(), Trust::System);
}

/// What P16 and P22 require is answered by the rule, not here.
#[test]
fn a_requirement_that_is_not_met_is_no_reason_to_reject() {
    let text = with(
        "purpose = \"ads.personalised\"\ndata = [\"device.oaid\"]\nbasis = \"consent\"",
        "purpose = \"fraud.prevention\"\ndata = [\"device.ecv\"]\nbasis = \"legitimate-interest\"",
    );
    assert_eq!(load_files(&[("weather.toml", &text)]).rejected(), []);
}

#[test]
fn a_wrong_file_stops_no_other_and_other_files_are_not_read() {
    let maps = WEATHER.replace("eather", "aps");
    let apps = load_files(&[
        ("weather.toml", "[app"),
        ("maps.toml", &maps),
        ("README", "not a declaration"),
        (".hidden.toml", "nor this"),
        ("old.toml.bak", "nor this"),
    ]);
    let ids: Vec<&str> = apps.iter().map(|(_, app)| &*app.id).collect();
    assert_eq!(ids, ["org.example.waps"]);
    let [rejection] = apps.rejected() else { panic!("{:?}", apps.rejected()) };
    assert_eq!((&*rejection.app, rejection.place.as_str()), ("weather", "weather.toml:1"));
}

#[test]
fn apps_stand_in_the_order_of_their_files_names() {
    let files: Vec<(String, String)> = (0..300)
        .rev()
        .map(|number| {
            let text = WEATHER.replace("eather", &format!("eather{number:03}"));
            (format!("a{number:03}.toml"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let apps = load_files(&files);
    assert_eq!(apps.rejected(), []);
    let ids: Vec<&str> = apps.iter().map(|(_, app)| &*app.id).collect();
    assert_eq!(ids.len(), 300);
    assert!(ids.is_sorted());
    assert!(apps.iter().all(|(index, app)| apps.find(&app.id) == Some(index)));
}

#[test]
fn two_that_claim_one_id_are_both_rejected() {
    let other = WEATHER.replace("/nowhere/weather", "/nowhere/b").replace("example.W", "example.B");
    let apps = load_files(&[("a.toml", WEATHER), ("b.toml", &other)]);
    assert!(apps.is_empty());
    let said: Vec<String> = apps.rejected().iter().flat_map(said).collect();
    assert_eq!(
        said,
        [
            "a.toml:2: app.id: the id `org.example.weather` is claimed by b.toml too, so none of them is taken; leave it to one",
            "b.toml:2: app.id: the id `org.example.weather` is claimed by a.toml too, so none of them is taken; leave it to one",
        ]
    );
    assert_eq!(apps.find("org.example.weather"), None);
}

#[test]
fn two_that_claim_one_identity_are_both_rejected_and_a_third_is_not() {
    let second = WEATHER
        .replace("org.example.weather", "org.example.second")
        .replace("/nowhere/weather", "/nowhere/second");
    let third = WEATHER
        .replace("org.example.weather", "org.example.third")
        .replace("/nowhere/weather", "/nowhere/third")
        .replace("org.example.Weather", "org.example.Third");
    let files = [("a.toml", WEATHER), ("b.toml", &second), ("c.toml", &third)];
    let apps = load_files(&files);
    let ids: Vec<&str> = apps.iter().map(|(_, app)| &*app.id).collect();
    assert_eq!(ids, ["org.example.third"]);
    let said: Vec<String> = apps.rejected().iter().flat_map(said).collect();
    assert_eq!(
        said,
        [
            "a.toml:7: identity.flatpak: `flatpak org.example.Weather` is claimed by b.toml too, so none of them is taken; leave it to one",
            "b.toml:7: identity.flatpak: `flatpak org.example.Weather` is claimed by a.toml too, so none of them is taken; leave it to one",
        ]
    );
    assert_eq!(apps.by_identity(&Identity::Flatpak("org.example.Weather".into())), None);
}

/// Whose the identity is, is in doubt even when one of the two has other faults.
#[test]
fn a_claim_counts_though_its_file_is_rejected_for_something_else() {
    let wrong = WEATHER
        .replace("org.example.weather", "org.example.wrong")
        .replace("\"device.oaid\"", "\"device.oiad\"");
    let unread = wrong.replace("basis = ", "base = ");
    for wrong in [wrong, unread] {
        let apps = load_files(&[("a.toml", WEATHER), ("b.toml", &wrong)]);
        assert!(apps.is_empty());
        assert_eq!(apps.rejected().len(), 2);
    }
}

#[test]
fn two_names_of_one_executable_are_one_claim() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    fs::write(&program, b"\x7fELF").unwrap();
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&program, &link).unwrap();
    let declare = |id: &str, path: &Path| {
        WEATHER
            .replace("org.example.weather", id)
            .replace("/nowhere/weather", path.to_str().unwrap())
            .replace("flatpak = [\"org.example.Weather\"]\n", "")
    };
    let (one, two) = (declare("org.example.one", &program), declare("org.example.two", &link));
    let apps = load_files(&[("one.toml", &one), ("two.toml", &two)]);
    assert!(apps.is_empty());
    assert_eq!(apps.rejected().len(), 2);

    let apps = load_files(&[("two.toml", &two)]);
    let real = fs::canonicalize(&program).unwrap();
    assert_eq!(apps.by_identity(&Identity::Executable(real)), Some(AppIx(0)));
}

#[test]
fn a_script_is_rejected_with_what_the_kernel_shows_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("weather");
    fs::write(&script, "#!/usr/bin/env python3\n").unwrap();
    let text = with("/nowhere/weather", script.to_str().unwrap());
    let apps = load_files(&[("weather.toml", &text)]);
    let [rejection] = apps.rejected() else { panic!("{:?}", apps.rejected()) };
    assert_eq!(rejection.place, "weather.toml:6");
    assert!(rejection.text.contains("is a script, of which the kernel shows only `/usr/bin/env`"));
}

#[test]
fn what_is_too_large_or_no_file_is_rejected_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("folder.toml")).unwrap();
    let padded = format!("{WEATHER}#{}", "x".repeat(256 << 10));
    fs::write(dir.path().join("large.toml"), padded).unwrap();
    fs::write(dir.path().join("latin.toml"), b"[app]\nid = \"caf\xe9\"").unwrap();
    fs::write(dir.path().join("right.toml"), WEATHER).unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("loose.toml")).unwrap();
    let apps = apps::load(&[dir.path().to_path_buf()], &CATALOG).unwrap();
    assert_eq!(apps.len(), 1);
    let said: Vec<String> = apps.rejected().iter().flat_map(said).collect();
    assert_eq!(said[0], "folder.toml: is no file; a declaration is a file");
    assert_eq!(
        said[1],
        format!("large.toml: has {} bytes; 262144 are the most", WEATHER.len() + 1 + (256 << 10))
    );
    assert_eq!(said[2], "latin.toml: is not UTF-8 from byte 15 on; save it as UTF-8");
    assert!(said[3].starts_with("loose.toml: cannot be read: "), "{}", said[3]);
    assert_eq!(said.len(), 4);
}

#[test]
fn more_than_4096_pairs_are_too_many() {
    let ids: Vec<String> = CATALOG.data.ids().map(|id| format!("\"{id}\"")).collect();
    let all = with("[\"device.oaid\"]", &format!("[{}]", ids.join(", ")));
    let block = &all[all.rfind("[[collects]]").unwrap()..];
    let many = format!("{all}{}", block.repeat(4096 / ids.len()));
    let apps = load_files(&[("weather.toml", &many)]);
    let [rejection] = apps.rejected() else { panic!("{:?}", apps.rejected().len()) };
    assert_eq!(rejection.place, "weather.toml:14");
    assert!(rejection.text.ends_with("pairs; 4096 are the most of one app"), "{}", rejection.text);
}

#[test]
fn a_folder_that_is_not_there_declares_nothing() {
    let apps = apps::load(&["/nowhere/apps.d".into()], &CATALOG).unwrap();
    assert!(apps.is_empty() && apps.rejected().is_empty());
}

#[test]
fn every_shipped_sample_is_taken() {
    let dir = catalog_dir().join("apps.d");
    let apps = apps::load(std::slice::from_ref(&dir), &CATALOG).unwrap();
    let said: Vec<String> = apps.rejected().iter().flat_map(said).collect();
    assert_eq!(said, [""; 0]);
    let files = fs::read_dir(dir).unwrap().count();
    assert_eq!(apps.len(), files);
    assert!(apps.len() >= 12, "{} samples", apps.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn an_unknown_key_anywhere_rejects_the_declaration_where_it_stands(
        place in any::<prop::sample::Index>(),
        key in "x_[a-z]{1,8}",
    ) {
        let mut places = Vec::new();
        let mut offset = 0;
        for line in WEATHER.split_inclusive('\n') {
            if line.contains(" = ") && !line.starts_with(' ') {
                places.push((offset, "\n"));
            }
            let inside = line.match_indices("{ ").map(|(at, brace)| (offset + at + brace.len(), ", "));
            places.extend(inside);
            offset += line.len();
        }
        let (offset, end) = places[place.index(places.len())];
        let text = format!("{}{key} = 1{end}{}", &WEATHER[..offset], &WEATHER[offset..]);
        let line = WEATHER[..offset].matches('\n').count() + 1;
        let apps = load_files( &[("weather.toml", &text)]);
        prop_assert!(apps.is_empty());
        prop_assert_eq!(apps.rejected().len(), 1);
        let rejection = &apps.rejected()[0];
        prop_assert_eq!(&rejection.place, &format!("weather.toml:{line}"));
        let expected = format!("unknown field `{key}`");
        prop_assert!(rejection.text.contains(&expected), "{}", rejection.text);
    }

    #[test]
    fn whatever_a_file_holds_the_others_are_taken(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..60,
        put in "[\\x00-\\x7f]{0,4}|[\\[\\]{}=\"',.#\n]{1,6}|\\PC{0,3}",
    ) {
        let from = at.index(WEATHER.len());
        let to = (from + cut).min(WEATHER.len());
        let torn = format!("{}{put}{}", &WEATHER[..from], &WEATHER[to..]);
        let other = WEATHER
            .replace("org.example.weather", "com.example.other")
            .replace("/nowhere/weather", "/elsewhere/other")
            .replace("org.example.Weather", "com.example.Other");
        let apps = load_files( &[("other.toml", &other), ("weather.toml", &torn)]);
        prop_assert!(apps.find("com.example.other").is_some());
        prop_assert_eq!(apps.len() + apps.rejected().len(), 2);
    }
}
