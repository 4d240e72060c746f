//! Start, serve, stop: the daemon's life from its arguments to its exit code.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{CommandFactory, Parser};
use consentd_gate::{alive, heap};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::SystemClock;
use crate::engine::settings::AgeBand;
use crate::engine::{self, Engine, PolicyDirs};
use crate::keeper;
use crate::transports::dbus;

/// Answers apps that ask, before they collect, whether they may.
#[derive(Debug, Parser)]
#[command(name = "consentd", version)]
struct Arguments {
    /// The bus to serve on, as a D-Bus address; the system bus if it is not given.
    #[arg(long)]
    address: Option<String>,
    /// The name to own on the bus.
    #[arg(long, default_value = consentd_dbus::names::BUS_NAME)]
    name: String,
    /// Where both databases are.
    #[arg(long, default_value = "/var/lib/consentd")]
    state_dir: PathBuf,
    /// Where the catalogue is.
    #[arg(long)]
    catalog_dir: Option<PathBuf>,
    /// Where apps' declarations are; may be given several times.
    #[arg(long = "apps-dir")]
    apps_dirs: Vec<PathBuf>,
    /// The configuration.
    #[arg(long, default_value = "/etc/consentd/consentd.toml")]
    config: PathBuf,
}

/// `consentd.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Configuration {
    /// Executables that may use the settings though a declared app runs them.
    settings_executables: Vec<PathBuf>,
    /// Where the catalogue is.
    catalog_dir: Option<PathBuf>,
    /// Where apps' declarations are.
    apps_dirs: Option<Vec<PathBuf>>,
    /// The age band of users who set none: `adult` or `minor`.
    default_age_band: DefaultAge,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DefaultAge {
    #[default]
    Adult,
    Minor,
}

/// The command line, for whatever documents it.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the daemon until it is told to stop.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let configuration = configuration(&arguments.config)?;
    let engine_config = engine::Config {
        state_dir: arguments.state_dir,
        policy: PolicyDirs {
            catalog: arguments
                .catalog_dir
                .or(configuration.catalog_dir)
                .unwrap_or_else(|| "/usr/share/consentd/catalog".into()),
            apps: if arguments.apps_dirs.is_empty() {
                configuration.apps_dirs.unwrap_or_else(|| {
                    vec!["/usr/share/consentd/apps.d".into(), "/etc/consentd/apps.d".into()]
                })
            } else {
                arguments.apps_dirs
            },
        },
        default_age: match configuration.default_age_band {
            DefaultAge::Adult => AgeBand::Adult,
            DefaultAge::Minor => AgeBand::Minor,
        },
    };
    // First, and ended last: apps in process deny once its thread has gone.
    let (life, alive) =
        alive::Owner::start().context("cannot tell apps whether the daemon lives")?;
    raise_descriptors();
    let clock = SystemClock::new().context("cannot read the kernel's boot id")?;
    let engine = Arc::new(Engine::open(engine_config, Arc::new(clock)));
    let service = dbus::Config {
        address: arguments.address,
        name: arguments.name,
        settings_executables: configuration.settings_executables,
        alive: Arc::new(alive),
        keeper: Arc::default(),
    };
    service.keeper.take_up(&engine);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // More than one user's looks into the history can hold: a check that waits for the disk finds one.
        .max_blocking_threads(32)
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve_bus(Arc::clone(&engine), service));
    runtime.shutdown_background();
    engine.close();
    drop(life);
    served
}

/// As many descriptors as the system lets the daemon have: each gate takes three.
fn raise_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn serve_bus(engine: Arc<Engine>, config: dbus::Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut reload = signal(SignalKind::hangup())?;
    let service = dbus::start(Arc::clone(&engine), config).await?;
    notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!("ready");
    let checked = Arc::clone(&engine);
    tokio::task::spawn_blocking(move || {
        checked.check_ledger();
        heap::give_back();
    });
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = reload.recv() => reload_policy(&engine).await,
            () = service.gone() => anyhow::bail!("the bus went away; start it, then consentd"),
        }
    }
    notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("stopping");
    service.stop().await;
    Ok(())
}

async fn reload_policy(engine: &Arc<Engine>) {
    notify(&[sd_notify::NotifyState::Reloading]);
    let engine = Arc::clone(engine);
    match tokio::task::spawn_blocking(move || engine.reload()).await {
        Ok(Ok(warnings)) => tracing::info!(warnings = warnings.len(), "catalogue reloaded"),
        Ok(Err(error)) => tracing::error!(%error, "the catalogue was not taken; the old one stays"),
        Err(error) => tracing::error!(%error, "the reload broke off; the old catalogue stays"),
    }
    notify(&[sd_notify::NotifyState::Ready]);
}

/// Tells the service manager, where there is one.
fn notify(states: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = keeper::tell(states, &[]) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

fn configuration(path: &std::path::Path) -> anyhow::Result<Configuration> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Configuration::default());
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let mut configuration: Configuration = toml::from_str(&text)
        .with_context(|| format!("{} is wrong; mend it or remove it", path.display()))?;
    if let Err(why) = owned_by_root_or_self(path) {
        tracing::warn!(path = %path.display(), why, "settings_executables are not taken");
        configuration.settings_executables.clear();
    }
    Ok(configuration)
}

/// Only root, or on a private bus whoever started the daemon, names who may use the settings.
fn owned_by_root_or_self(path: &std::path::Path) -> Result<(), &'static str> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path).map_err(|_| "the file cannot be looked at")?;
    if metadata.uid() != 0 && metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("the file is not root's");
    }
    if metadata.mode() & 0o022 != 0 {
        return Err("the file can be written by others");
    }
    Ok(())
}

/// To the journal where there is one, else to stderr; `RUST_LOG` narrows it.
fn start_log() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let wanted = std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let filter = wanted.unwrap_or_else(|| {
        Targets::new().with_default(LevelFilter::INFO).with_target("zbus", LevelFilter::WARN)
    });
    let registry = tracing_subscriber::registry().with(filter);
    let to_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    match tracing_journald::layer().ok().filter(|_| to_journal) {
        Some(journal) => registry.with(journal).init(),
        None => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            registry.with(stderr.with_target(false).with_ansi(is_terminal)).init();
        }
    }
}
