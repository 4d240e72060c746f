//! The verbs, one module a group. Each asks, then shows JSON or text; text is made by pure functions.

mod agent;
mod apps;
mod ask;
mod breach;
mod catalog;
mod change;
mod completions;
mod consents;
mod cookies;
mod counts;
mod explain;
mod export;
mod history;
mod identifiers;
mod log;
mod notices;
mod profile;
mod retention;
mod rights;
mod status;
mod store;
mod stream;
mod toggles;
mod verify;
mod whole;

use consentd_dbus::names::exit;

use crate::args::{Log, LogVerb, Verb};
use crate::doctor::{Patient, doctor};
use crate::failure::Failure;
use crate::session::Session;

pub use completions::completions;
pub use consents::in_force;
pub use history::{by, sentence};
pub use stream::{Names, app};
pub use toggles::whom;
pub use whole::verify as verify_export;

/// Does what was asked; the exit code.
pub async fn run(session: &Session, verb: Verb) -> Result<u8, Failure> {
    match verb {
        Verb::Status => status::status(session).await?,
        Verb::Apps => apps::apps(session).await?,
        Verb::App { app } => apps::app(session, &app).await?,
        Verb::Toggles => toggles::toggles(session).await?,
        Verb::Get { toggle, target } => toggles::get(session, &toggle, &target).await?,
        Verb::Set(set) => change::set(session, &set).await?,
        Verb::Reset { app } => change::reset(session, &app).await?,
        Verb::Forget { app } => change::forget(session, &app).await?,
        Verb::Lock { toggles } => change::lock(session, &toggles).await?,
        Verb::Unlock { toggles } => change::unlock(session, &toggles).await?,
        Verb::Profile { verb } => profile::profile(session, verb).await?,
        Verb::Identifiers { app, verb } => {
            identifiers::identifiers(session, app.as_deref(), verb).await?;
        }
        Verb::Rights { verb } => rights::rights(session, verb).await?,
        Verb::Whoami => ask::who_am_i(session).await?,
        Verb::Check(question) => return ask::check(session, &question).await,
        Verb::Preview(question) => return ask::preview(session, &question).await,
        Verb::Explain { app, question } => return explain::explain(session, &app, &question).await,
        Verb::Log(Log { verb: Some(LogVerb::Verify), .. }) => return verify::verify(session).await,
        Verb::Log(log) => log::log(session, &log).await?,
        Verb::Export(export) => export::export(session, &export).await?,
        Verb::History(history) => history::history(session, &history).await?,
        Verb::Counts(counts) => counts::counts(session, &counts).await?,
        Verb::Consents { app } => consents::consents(session, app.as_deref()).await?,
        Verb::Retention { app } => retention::retention(session, app.as_deref()).await?,
        Verb::Notices { pending, verb } => notices::notices(session, pending, verb).await?,
        Verb::Catalog { verb } => catalog::catalog(session, verb).await?,
        Verb::Cookies { verb } => return cookies::cookies(session, verb).await,
        Verb::Agent(agent) => agent::agent(session, &agent).await?,
        Verb::Reload => catalog::reload(session).await?,
        Verb::Breach { verb } => breach::breach(session, verb).await?,
        Verb::Store { verb } => return store::store(session, verb).await,
        // These come before there is a session.
        Verb::Completions { shell } => return completions(shell, &session.screen),
        Verb::Doctor { root } => return doctor(Patient::new(root, None), &session.screen).await,
    }
    Ok(exit::OK)
}
