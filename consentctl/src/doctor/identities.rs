//! Apps that cannot be identified, because what stands for them is not there or is not to be believed.

use std::io;
use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::rights::{self, Exposure};
use super::root::Root;
use crate::answers::App;

const CHECK: &str = "identities";

/// Where the units of the system's service manager are.
const UNIT_DIRS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// An app, and how it says that it is recognised: a kind and a value each.
#[derive(Debug, PartialEq, Eq)]
pub struct Declared {
    app: String,
    identities: Vec<(String, String)>,
}

/// Why an identity recognises nobody.
#[derive(Debug, PartialEq, Eq)]
enum Problem {
    /// What stands for the app is not there, nor is the app perhaps.
    Absent(String),
    /// It is there, and is not believed.
    Exposed(String, String),
}

/// Those that a daemon has taken.
pub fn of_daemon(apps: &[App]) -> Vec<Declared> {
    let pair = |identity: &String| {
        let (kind, value) = identity.split_once(' ')?;
        Some((kind.to_owned(), value.to_owned()))
    };
    apps.iter()
        .filter(|app| app.valid)
        .map(|app| {
            let identities = app.identities.iter().filter_map(pair).collect();
            Declared { app: app.app.clone(), identities }
        })
        .collect()
}

/// Those in an image's folders, where no daemon has judged them yet.
pub fn of_files(root: &Root, dirs: &[PathBuf]) -> Vec<Declared> {
    let paths = dirs.iter().flat_map(|dir| root.files(dir, ".toml").unwrap_or_default());
    let declared = |path: PathBuf| declared(&root.read(path).ok()??);
    paths.filter_map(declared).collect()
}

fn declared(text: &str) -> Option<Declared> {
    let table: toml::Table = text.parse().ok()?;
    let app = table.get("app")?.get("id")?.as_str()?.to_owned();
    let mut identities = Vec::new();
    for (kind, values) in table.get("identity")?.as_table()? {
        let one = values.as_str().into_iter();
        let many = values.as_array().into_iter().flatten().filter_map(toml::Value::as_str);
        identities.extend(one.chain(many).map(|value| (kind.clone(), value.to_owned())));
    }
    Some(Declared { app, identities })
}

/// Looks at what stands for each app. `trusted` are the uids whose files the daemon believes.
pub fn examine(root: &Root, apps: &[Declared], trusted: &[u32]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for app in apps {
        let looked = app.identities.iter().map(|(kind, value)| problem(root, kind, value, trusted));
        match looked.collect::<io::Result<Vec<_>>>() {
            Ok(problems) => findings.extend(judge(&app.app, problems)),
            Err(error) => findings.push(Finding::left_out(CHECK, format!("{}: {error}", app.app))),
        }
    }
    if findings.is_empty() && !apps.is_empty() {
        let told = match apps.len() {
            1 => "what stands for the one app is in order".to_owned(),
            count => format!("what stands for each of {count} apps is in order"),
        };
        findings.push(Finding::good(CHECK, told));
    }
    findings
}

/// One good identity is enough, though an exposed one beside it is worth a word.
fn judge(app: &str, looked: Vec<Option<Problem>>) -> Option<Finding> {
    let known = looked.iter().any(Option::is_none);
    let problems: Vec<Problem> = looked.into_iter().flatten().collect();
    let texts: Vec<&str> = problems
        .iter()
        .map(|problem| match problem {
            Problem::Absent(text) | Problem::Exposed(text, _) => text.as_str(),
        })
        .collect();
    let advice = problems.iter().find_map(|problem| match problem {
        Problem::Exposed(_, advice) => Some(advice.as_str()),
        Problem::Absent(_) => None,
    });
    let texts = texts.join("; ");
    match (known, advice) {
        (true, None) => None,
        (true, Some(advice)) => {
            Some(Finding::warning(CHECK, format!("{app} is known only in part: {texts}"), advice))
        }
        (false, Some(advice)) => {
            Some(Finding::wrong(CHECK, format!("{app} cannot be identified: {texts}"), advice))
        }
        (false, None) => Some(Finding::warning(
            CHECK,
            format!("{app} cannot be identified: {texts}"),
            "install the app, mend its declaration, or take that away",
        )),
    }
}

fn problem(root: &Root, kind: &str, value: &str, trusted: &[u32]) -> io::Result<Option<Problem>> {
    let absent = |told: String| Ok(Some(Problem::Absent(told)));
    match kind {
        "executable" => {
            let path = Path::new(value);
            match rights::file(root, path, trusted)? {
                Ok(()) if root.start(path) == b"#!" => Ok(Some(Problem::Exposed(
                    format!("{value} is a script, of which only the interpreter is seen"),
                    "recognise the app by its unit, user or sandbox".to_owned(),
                ))),
                Ok(()) => Ok(None),
                Err(missing @ Exposure::Missing(_)) => absent(missing.to_string()),
                Err(exposure) => {
                    Ok(Some(Problem::Exposed(exposure.to_string(), exposure.advice())))
                }
            }
        }
        "user" if root.user(value).is_none() => absent(format!("there is no user {value}")),
        "unit" if !has_unit(root, value)? => absent(format!("there is no unit {value}")),
        // Sandboxes and scopes leave nothing that could be looked at before they run.
        _ => Ok(None),
    }
}

/// The unit itself, or the template that it is an instance of.
fn has_unit(root: &Root, name: &str) -> io::Result<bool> {
    let template = name.split_once('@').and_then(|(before, after)| {
        after.rsplit_once('.').map(|(_, kind)| format!("{before}@.{kind}"))
    });
    for name in std::iter::once(name).chain(template.as_deref()) {
        for dir in UNIT_DIRS {
            if root.look(Path::new(dir).join(name))?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Health;
    use super::*;

    #[test]
    fn an_app_that_nothing_stands_for_is_told() {
        let absent = || Some(Problem::Absent("a".to_owned()));
        let exposed = || Some(Problem::Exposed("e".to_owned(), "chmod".to_owned()));
        for (looked, health) in [
            (vec![None], None),
            (vec![absent(), None], None),
            (vec![exposed(), None], Some(Health::Warning)),
            (vec![absent(), absent()], Some(Health::Warning)),
            (vec![absent(), exposed()], Some(Health::Wrong)),
        ] {
            let told = format!("{looked:?}");
            assert_eq!(judge("app", looked).map(|finding| finding.health), health, "{told}");
        }
    }

    #[test]
    fn identities_are_read_as_they_are_declared() {
        let text = "[app]\nid = \"a\"\n[identity]\nexecutable = [\"/x\", \"/y\"]\nuser = \"u\"\n";
        let pair = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
        let identities =
            vec![pair("executable", "/x"), pair("executable", "/y"), pair("user", "u")];
        assert_eq!(declared(text), Some(Declared { app: "a".to_owned(), identities }));
        assert_eq!(declared("[app]\nid = 1"), None);
    }
}
