//! `consentd.toml` as the daemon would take it, and what the other checks have to know from it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::finding::Finding;
use super::rights;
use super::root::Root;

/// Where it is, unless the unit says otherwise.
pub const PATH: &str = "/etc/consentd/consentd.toml";

const CHECK: &str = "configuration";

/// What of it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Programs that may use the settings.
    pub settings_executables: Vec<PathBuf>,
    /// Where the catalogue is.
    pub catalog_dir: PathBuf,
    /// Where declarations are.
    pub apps_dirs: Vec<PathBuf>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            settings_executables: Vec::new(),
            catalog_dir: "/usr/share/consentd/catalog".into(),
            apps_dirs: ["/usr/share/consentd/apps.d", "/etc/consentd/apps.d"]
                .map(Into::into)
                .into(),
        }
    }
}

/// Reads and judges it; what cannot be read counts as not said.
pub fn examine(root: &Root, path: &Path) -> (Configuration, Vec<Finding>) {
    let shown = path.display();
    let text = match root.read(path) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let told = format!("there is no {shown}, so the defaults hold");
            return (Configuration::default(), vec![Finding::good(CHECK, told)]);
        }
        Err(error) => {
            let told = format!("{shown} cannot be read: {error}");
            let advice = format!("chmod a+r {shown}: it holds nothing secret");
            return (Configuration::default(), vec![Finding::wrong(CHECK, told, advice)]);
        }
    };
    let (configuration, problems) = parse(&text);
    let advice = format!("mend {shown}, then: systemctl restart consentd");
    let mut findings: Vec<Finding> = problems
        .iter()
        .map(|problem| {
            Finding::wrong(CHECK, format!("{shown}{problem}; consentd does not start"), &advice)
        })
        .collect();
    match rights::file(root, path, &[root.superuser()]) {
        Ok(Ok(())) => {}
        Ok(Err(exposure)) => {
            let told = format!("{exposure}, so settings_executables is not taken");
            findings.push(Finding::wrong(CHECK, told, exposure.advice()));
        }
        Err(error) => findings.push(Finding::left_out(CHECK, format!("{shown}: {error}"))),
    }
    for executable in &configuration.settings_executables {
        findings.extend(settings_executable(root, executable));
    }
    if findings.is_empty() {
        findings.push(Finding::good(CHECK, format!("{shown} is sound")));
    }
    (configuration, findings)
}

fn settings_executable(root: &Root, path: &Path) -> Option<Finding> {
    let exposure = match rights::file(root, path, &[root.superuser()]) {
        Ok(judged) => judged.err()?,
        Err(error) => {
            return Some(Finding::left_out(CHECK, format!("{}: {error}", path.display())));
        }
    };
    let told = format!("a program that may change settings: {exposure}");
    Some(if matches!(exposure, rights::Exposure::Missing(_)) {
        Finding::warning(CHECK, told, "install it, or take it out of settings_executables")
    } else {
        Finding::wrong(CHECK, told, exposure.advice())
    })
}

/// What it says, and what the daemon would not take, each with its place.
fn parse(text: &str) -> (Configuration, Vec<String>) {
    let mut configuration = Configuration::default();
    let table: Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            return (configuration, vec![format!(":{line}: {}", error.message())]);
        }
    };
    let mut problems = Vec::new();
    for (key, value) in &table {
        let taken = match key.as_str() {
            "settings_executables" => {
                paths(value).map(|paths| configuration.settings_executables = paths)
            }
            "apps_dirs" => paths(value).map(|paths| configuration.apps_dirs = paths),
            "catalog_dir" => value.as_str().map(|path| configuration.catalog_dir = path.into()),
            "default_age_band" => {
                value.as_str().filter(|band| matches!(*band, "adult" | "minor")).map(|_| ())
            }
            _ => {
                problems.push(format!(": no key is called {key}"));
                continue;
            }
        };
        if taken.is_none() {
            problems.push(format!(": {key} cannot be {value}"));
        }
    }
    (configuration, problems)
}

fn paths(value: &Value) -> Option<Vec<PathBuf>> {
    value.as_array()?.iter().map(|path| path.as_str().map(PathBuf::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_configuration_is_taken_whole() {
        let (configuration, problems) = parse(include_str!("../../../dbus/consentd.toml"));
        assert_eq!(problems, [""; 0]);
        let settings_executables = vec!["/usr/bin/consentctl".into()];
        assert_eq!(
            configuration,
            Configuration { settings_executables, ..Configuration::default() }
        );
    }

    #[test]
    fn what_the_daemon_would_not_take_is_named() {
        for (text, problem) in [
            ("a = 1\nb", ":2: "),
            ("\n\ncatalog_dir = 'x", ":3: "),
            ("catalogue_dir = \"/x\"", ": no key is called catalogue_dir"),
            ("apps_dirs = \"/x\"", ": apps_dirs cannot be \"/x\""),
            ("apps_dirs = [1]", ": apps_dirs cannot be [1]"),
            ("default_age_band = \"child\"", ": default_age_band cannot be \"child\""),
        ] {
            let (_, problems) = parse(text);
            assert!(
                problems.len() == 1 && problems[0].starts_with(problem),
                "{text}: {problems:?}"
            );
        }
    }
}
