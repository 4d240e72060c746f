//! A device with much on it: so many apps, so many settings.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use consentd::engine::change::{Change, MAX_CHANGES, SetOptions};
use consentd::engine::settings::{AgeBand, By};
use consentd::engine::{Config, Engine, PolicyDirs};
use consentd_tests::stage::Stage;

/// Toggles that have a state per app, and that may be off.
const TOGGLES: [&str; 10] = [
    "ad-services",
    "personalised-content",
    "location.app",
    "location.precise",
    "photos.location",
    "user-experience",
    "marketing",
    "marketing.in-service",
    "marketing.email",
    "app-access",
];

/// Declares so many apps, each with a dozen pairs.
pub fn declare_apps(stage: &Stage, many: usize) -> Result<()> {
    for number in 0..many {
        let mut text = String::new();
        write!(
            text,
            "[app]\nid = \"org.example.app{number}\"\nname = \"App {number}\"\n\n[identity]\n\
             executable = \"/usr/lib/example/app{number}\"\n"
        )?;
        for (purpose, data, basis) in [
            ("ads.personalised", "\"device.oaid\", \"device.gaid\"", "consent"),
            ("location.services", "\"location.precise\", \"location.approximate\"", "contract"),
            (
                "experience.analytics",
                "\"logs.crash\", \"device.cpu\", \"device.battery\"",
                "consent",
            ),
            (
                "services.operation",
                "\"device.model\", \"app.version\", \"app.package\", \"location.language\"",
                "contract",
            ),
        ] {
            write!(
                text,
                "\n[[collects]]\npurpose = \"{purpose}\"\ndata = [{data}]\nbasis = \"{basis}\"\n\
                 destinations = [{{ country = \"NL\", tls = true }}]\n\
                 retention = \"30 days\"\nnotice = \"2025-10-10\"\n"
            )?;
        }
        stage.declare(&format!("app{number}.toml"), &text)?;
    }
    Ok(())
}

/// The engine alone, on a stage's catalogue and declarations, with its databases in `state_dir`.
pub fn engine(stage: &Stage, state_dir: &Path) -> Result<Engine> {
    let dirs = stage.dirs();
    let config = Config {
        state_dir: state_dir.to_owned(),
        policy: PolicyDirs { catalog: dirs.catalog_dir.clone(), apps: vec![dirs.apps_dir.clone()] },
        default_age: AgeBand::Adult,
    };
    let clock = consentd::clock::SystemClock::new().context("reading the boot id")?;
    Ok(Engine::open(config, std::sync::Arc::new(clock)))
}

/// Stores so many settings, through the engine: ten toggles of each app, for as many users as it
/// takes.
pub fn fill(engine: &Engine, apps: usize, from: usize, to: usize) -> Result<()> {
    let ids: Vec<String> = (0..apps).map(|number| format!("org.example.app{number}")).collect();
    let per_user = apps * TOGGLES.len();
    let mut next = from;
    while next < to {
        let user = 10_000 + u32::try_from(next / per_user)?;
        // One Set is one user's.
        let end = to.min(next + MAX_CHANGES).min((next / per_user + 1) * per_user);
        let changes: Vec<Change<'_>> = (next..end)
            .map(|number| Change {
                toggle: TOGGLES[number % TOGGLES.len()],
                app: &ids[number % per_user / TOGGLES.len()],
                state: "off",
            })
            .collect();
        engine.set(user, &changes, &SetOptions::default(), By::Shell)?;
        next = end;
    }
    Ok(())
}
