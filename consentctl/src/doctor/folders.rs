//! Who may read and write the policy, the declarations and the state.

use std::path::Path;

use super::configuration::Configuration;
use super::finding::Finding;
use super::rights::{self, Exposure};
use super::root::{Kind, Root, Seen};

const STATE_DIR: &str = "/var/lib/consentd";

/// The policy's folders and files: everybody reads them, and nobody but root writes.
pub fn examine(root: &Root, configuration: &Configuration) -> Vec<Finding> {
    let catalog = [configuration.catalog_dir.clone()];
    let mut findings = look_at("catalogue-files", root, &catalog);
    if root.look(&configuration.catalog_dir).is_ok_and(|seen| seen.is_none()) {
        let told = format!("there is no {}", configuration.catalog_dir.display());
        let advice = "install consentd again, or mend catalog_dir in consentd.toml";
        findings = vec![Finding::wrong("catalogue-files", told, advice)];
    }
    findings.extend(look_at("declarations", root, &configuration.apps_dirs));
    findings
}

/// Some folders and the TOML files in them. A folder that is not there holds nothing.
fn look_at(check: &'static str, root: &Root, dirs: &[impl AsRef<Path>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut count = 0;
    for dir in dirs {
        let dir = dir.as_ref();
        let mut looked = || -> std::io::Result<Vec<Finding>> {
            let mut found = Vec::new();
            let trusted = [root.superuser()];
            match rights::folder(root, dir, &trusted)? {
                Err(Exposure::Missing(_)) => return Ok(found),
                Err(exposure) => found.push(exposed(check, &exposure)),
                Ok(()) => {}
            }
            for path in root.files(dir, ".toml")? {
                count += 1;
                match rights::file(root, &path, &trusted)? {
                    // Told of the folder already.
                    Err(exposure) if found.is_empty() || exposure.is_of(&path) => {
                        found.push(exposed(check, &exposure));
                    }
                    Err(_) => {}
                    Ok(()) => found.extend(unreadable(check, &path, root.look(&path)?)),
                }
            }
            Ok(found)
        };
        match looked() {
            Ok(found) => findings.extend(found),
            Err(error) => {
                findings.push(Finding::left_out(check, format!("{}: {error}", dir.display())));
            }
        }
    }
    if findings.is_empty() {
        let told = match count {
            0 => "none".to_owned(),
            1 => "1 file, written by root alone".to_owned(),
            count => format!("{count} files, written by root alone"),
        };
        findings.push(Finding::good(check, told));
    }
    findings
}

fn exposed(check: &'static str, exposure: &Exposure) -> Finding {
    Finding::wrong(check, format!("others can change it: {exposure}"), exposure.advice())
}

/// The daemon reads as a user that owns nothing there.
fn unreadable(check: &'static str, path: &Path, seen: Option<Seen>) -> Option<Finding> {
    let shut = seen.is_some_and(|seen| seen.mode & 0o004 == 0);
    shut.then(|| {
        let path = path.display();
        let advice = format!("chmod a+r {path}: it holds nothing secret");
        Finding::wrong(check, format!("the daemon cannot read {path}"), advice)
    })
}

/// What users chose lies in a folder that the daemon's user alone can enter. `store_path` is a file in
/// it, if the daemon has told.
pub fn state(root: &Root, store_path: Option<&str>) -> Option<Finding> {
    const CHECK: &str = "state-folder";
    let dir = store_path.and_then(|path| Path::new(path).parent()).unwrap_or(Path::new(STATE_DIR));
    match root.look(dir) {
        Err(error) => Some(Finding::left_out(CHECK, format!("{}: {error}", dir.display()))),
        Ok(seen) => Some(judge_state(dir, seen, root.user("consentd"))),
    }
}

fn judge_state(dir: &Path, seen: Option<Seen>, owner: Option<u32>) -> Finding {
    const CHECK: &str = "state-folder";
    let shown = dir.display();
    let Some(seen) = seen else {
        return Finding::good(CHECK, format!("{shown} comes with the first start"));
    };
    if seen.kind != Kind::Folder {
        let advice = format!("move it away; systemd-tmpfiles --create consentd.conf makes {shown}");
        return Finding::wrong(CHECK, format!("{shown} is no folder"), advice);
    }
    if owner.is_some_and(|uid| uid != seen.uid) {
        let told = format!("{shown} belongs to uid {}, so consentd cannot use it", seen.uid);
        return Finding::wrong(CHECK, told, format!("chown -R consentd:consentd {shown}"));
    }
    if seen.mode & 0o077 != 0 {
        let told = format!("{shown} is open to others (mode {:o})", seen.mode);
        return Finding::wrong(CHECK, told, format!("chmod 700 {shown}"));
    }
    Finding::good(CHECK, format!("{shown} is the daemon's alone"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Health;
    use super::*;

    #[test]
    fn the_state_is_the_daemons_alone() {
        let folder = |uid, mode| Some(Seen { uid, mode, kind: Kind::Folder });
        for (seen, owner, health) in [
            (None, Some(7), Health::Good),
            (folder(7, 0o700), Some(7), Health::Good),
            (folder(7, 0o700), None, Health::Good),
            (folder(0, 0o700), Some(7), Health::Wrong),
            (folder(7, 0o750), Some(7), Health::Wrong),
            (folder(7, 0o701), Some(7), Health::Wrong),
            (Some(Seen { uid: 7, mode: 0o700, kind: Kind::File }), Some(7), Health::Wrong),
        ] {
            let finding = judge_state(Path::new(STATE_DIR), seen, owner);
            assert_eq!(finding.health, health, "{seen:?}");
            assert_eq!(finding.advice.is_empty(), health == Health::Good);
        }
    }

    #[test]
    fn a_policy_that_the_daemon_cannot_read_is_wrong() {
        let file = |mode| Some(Seen { uid: 0, mode, kind: Kind::File });
        assert_eq!(unreadable("declarations", Path::new("/a"), file(0o644)), None);
        assert!(unreadable("declarations", Path::new("/a"), file(0o640)).is_some());
    }
}
