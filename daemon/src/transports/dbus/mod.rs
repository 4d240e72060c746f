//! D-Bus: `org.consentd` with its interfaces at `/org/consentd`.
//!
//! Methods are a few lines each: options, authority, engine, answer. The contract is `dbus/interfaces/`.

mod admin;
mod admission;
mod agents;
mod cookies;
mod dict;
mod erasures;
mod errors;
mod export;
mod followers;
mod gate;
mod history;
mod holders;
mod identifiers;
mod leaving;
mod lines;
mod pace;
mod places;
mod polkit;
mod report;
mod rights;
mod service;
mod settings;
mod signals;
mod turns;
mod watchers;

use std::sync::Arc;

use consentd_dbus::names;

use crate::engine::Engine;
use crate::engine::cases::Tasks;
use crate::prompts::Prompts;

pub use service::{Config, Service};

/// Serves the engine on a bus. When this returns, callers are answered.
///
/// # Errors
/// The bus cannot be reached, or does not let the daemon own its name.
pub async fn start(engine: Arc<Engine>, config: Config) -> anyhow::Result<Arc<Service>> {
    let (prompts, effects) = Prompts::new();
    let service = Arc::new(Service::connect(Arc::clone(&engine), config, prompts).await?);
    tokio::spawn(agents::carry_out(Arc::downgrade(&service), effects));
    engine.listen(Arc::new(signals::Signals::start(&service)));
    let server = service.connection.object_server();
    server.at(names::PATH, gate::Gate(Arc::clone(&service))).await?;
    server.at(names::PATH, settings::Settings(Arc::clone(&service))).await?;
    server.at(names::PATH, admin::Admin(Arc::clone(&service))).await?;
    server.at(names::PATH, identifiers::Identifiers(Arc::clone(&service))).await?;
    server.at(names::PATH, rights::Rights(Arc::clone(&service))).await?;
    server.at(names::PATH, cookies::Cookies(Arc::clone(&service))).await?;
    service.own_name().await?;
    service.dispatch(Tasks::All);
    service.begin_erasures();
    Ok(service)
}
