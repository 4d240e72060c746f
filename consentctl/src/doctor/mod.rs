//! `doctor`: what is wrong with an installation, and what to do about it.
//!
//! It asks the daemon through the public interfaces and looks at files; it never opens the daemon's
//! databases, and mends nothing.

mod bus_files;
mod configuration;
mod daemon;
mod finding;
mod folders;
mod identities;
mod rights;
mod root;

use std::env;
use std::path::PathBuf;

use configuration::Configuration;
use daemon::Answered;
use finding::Finding;
use root::Root;

use crate::failure::Failure;
use crate::screen::Screen;
use crate::session::Session;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patient {
    /// This system: its files, and the daemon on its bus.
    System,
    /// The daemon on a bus of somebody's own. The system's files are not that daemon's.
    Bus(String),
    /// The files of a system that does not run.
    Image(PathBuf),
}

impl Patient {
    /// From what the command line and the environment say.
    pub fn new(image: Option<PathBuf>, address: Option<String>) -> Self {
        let elsewhere = address.or_else(|| env::var("DBUS_SYSTEM_BUS_ADDRESS").ok());
        let elsewhere = elsewhere.filter(|address| {
            !address.is_empty()
                && address != "unix:path=/run/dbus/system_bus_socket"
                && address != "unix:path=/var/run/dbus/system_bus_socket"
        });
        match (image, elsewhere) {
            (Some(image), _) => Patient::Image(image),
            (None, Some(address)) => Patient::Bus(address),
            (None, None) => Patient::System,
        }
    }
}

/// Looks, tells, and says how bad it is.
pub async fn doctor(patient: Patient, screen: &Screen) -> Result<u8, Failure> {
    let findings = match patient {
        Patient::System => system(screen).await,
        Patient::Bus(address) => on_bus(&address, screen).await,
        Patient::Image(dir) => image(dir)?,
    };
    if screen.json {
        screen.json(&finding::to_json(&findings))?;
    } else {
        screen.text(&finding::render(&findings, screen))?;
    }
    Ok(finding::exit_code(&findings))
}

async fn system(screen: &Screen) -> Vec<Finding> {
    let root = Root::new(None);
    let (mut findings, configuration) = files(&root);
    let answered = match Session::connect(None, None, *screen).await {
        Ok(session) => {
            findings.extend(daemon::unit_state(&session).await);
            daemon::ask(&session).await
        }
        Err(failure) => {
            Answered::nothing(Finding::unreachable(failure.to_string(), failure.hint()))
        }
    };
    findings.extend(answered.findings);
    findings.extend(folders::state(&root, answered.store_path.as_deref()));
    let declared = match &answered.apps {
        Some(apps) => identities::of_daemon(apps),
        None => identities::of_files(&root, &configuration.apps_dirs),
    };
    let trusted: Vec<u32> = std::iter::once(root.superuser()).chain(answered.uid).collect();
    findings.extend(identities::examine(&root, &declared, &trusted));
    findings
}

async fn on_bus(address: &str, screen: &Screen) -> Vec<Finding> {
    let session = match Session::connect(Some(address), None, *screen).await {
        Ok(session) => session,
        Err(failure) => return vec![Finding::unreachable(failure.to_string(), failure.hint())],
    };
    let answered = daemon::ask(&session).await;
    let mut findings = answered.findings;
    if let Some(apps) = answered.apps {
        let root = Root::new(None);
        let trusted: Vec<u32> = std::iter::once(root.superuser()).chain(answered.uid).collect();
        findings.extend(identities::examine(&root, &identities::of_daemon(&apps), &trusted));
    }
    findings
}

fn image(dir: PathBuf) -> Result<Vec<Finding>, Failure> {
    if !dir.is_dir() {
        return Err(Failure::Usage(format!("{} is no folder", dir.display())));
    }
    let root = Root::new(Some(dir));
    let (mut findings, configuration) = files(&root);
    findings.extend(folders::state(&root, None));
    let declared = identities::of_files(&root, &configuration.apps_dirs);
    findings.extend(identities::examine(&root, &declared, &[root.superuser()]));
    Ok(findings)
}

/// What lies on the disk, whether a daemon runs or not.
fn files(root: &Root) -> (Vec<Finding>, Configuration) {
    let mut findings = bus_files::examine(root);
    let words = bus_files::unit_words(root);
    let named = words.iter().position(|word| word == "--config");
    let path = named.and_then(|position| words.get(position + 1));
    let path = path.map_or(configuration::PATH, String::as_str);
    let (configuration, about) = configuration::examine(root, path.as_ref());
    findings.extend(about);
    findings.extend(folders::examine(root, &configuration));
    (findings, configuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_looked_at_whatever_bus_there_is() {
        let image = Some(PathBuf::from("/image"));
        assert_eq!(
            Patient::new(image.clone(), Some("unix:path=/x".to_owned())),
            Patient::Image("/image".into())
        );
        let bus = Patient::new(None, Some("unix:path=/x".to_owned()));
        assert_eq!(bus, Patient::Bus("unix:path=/x".to_owned()));
        let system = "unix:path=/run/dbus/system_bus_socket".to_owned();
        assert_eq!(Patient::new(None, Some(system)), Patient::System);
    }
}
