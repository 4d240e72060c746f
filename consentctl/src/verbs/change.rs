//! What changes something: `set`, `reset`, `forget`, `lock`, `unlock`. Each says what holds then.

use consentd_dbus::Options;

use crate::args::{Set, State};
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::json;
use crate::printable::printable;
use crate::session::Session;
use crate::time::plural;
use crate::user;
use crate::values::decode;
use crate::verbs::toggles::{Names, render_change};

pub async fn set(session: &Session, set: &Set) -> Result<(), Failure> {
    let names = Names::of(session, &set.target).await?;
    let (toggle, app) = (names.toggles.resolve(&set.toggle)?, names.target(&set.target)?);
    let options = options(session, set)?;
    let settings = session.settings().await?;
    let generation = settings.set(&[(&toggle, &app, set.state.word())], options).await;
    let generation = generation.map_err(|error| names.suggest(&set.toggle, &set.target, error))?;
    if session.screen.json {
        return session.screen.json(&json::single("generation", generation));
    }
    let setting = settings.get(&toggle, &app, session.options()).await?;
    let text = render_change(&decode(&setting)?, &names.apps, &session.screen, &session.now);
    session.screen.text(&text)
}

fn options(session: &Session, set: &Set) -> Result<Options<'static>, Failure> {
    let mut options = session.options();
    let until = match (&set.span, set.until) {
        (Some(span), _) => Some(span.from(&session.now).map_err(Failure::Usage)?),
        (None, until) => until.map(|deadline| deadline.0),
    };
    let lifetime = match (until, set.until_reboot, set.once) {
        (Some(_), _, _) => Some("until"),
        (None, true, _) => Some("boot"),
        (None, false, true) => Some("once"),
        (None, false, false) => None,
    };
    if lifetime.is_some() && set.state != State::On {
        let why = format!("only `on` can end; `{}` holds until it is changed", set.state.word());
        return Err(Failure::Usage(why));
    }
    options.extend(lifetime.map(|lifetime| ("lifetime", lifetime.into())));
    options.extend(until.map(|until| ("until", until.into())));
    options.extend(set.notice.clone().map(|notice| ("notice", notice.into())));
    Ok(options)
}

pub async fn reset(session: &Session, app: &str) -> Result<(), Failure> {
    let apps = session.apps().await?;
    let settings = session.settings().await?;
    let id = apps.resolve(app)?;
    let changed = settings.reset(&id, session.options()).await;
    let changed = changed.map_err(|error| apps.suggest(app, error))?;
    let app = printable(&apps.both(&id));
    let told = match changed {
        0 => format!("Nothing was chosen for {app}."),
        changed => {
            format!("{app} is as if it were new: {} dropped.", plural(changed.into(), "choice"))
        }
    };
    dropped(session, changed, &told)
}

pub async fn forget(session: &Session, app: &str) -> Result<(), Failure> {
    let apps = session.apps().await?;
    let settings = session.settings().await?;
    let id = apps.resolve(app)?;
    let changed = settings.forget(&id, session.options()).await;
    let changed = changed.map_err(|error| apps.suggest(app, error))?;
    let app = printable(&apps.both(&id));
    let choices = match changed {
        0 => "nothing was chosen for it".to_owned(),
        changed => plural(changed.into(), "choice") + " dropped",
    };
    dropped(session, changed, &format!("{app} is forgotten, its AAID too: {choices}."))
}

fn dropped(session: &Session, changed: u32, told: &str) -> Result<(), Failure> {
    if session.screen.json {
        return session.screen.json(&json::single("changed", changed));
    }
    session.screen.text(told)
}

pub async fn lock(session: &Session, toggles: &[String]) -> Result<(), Failure> {
    let known = session.toggles().await?;
    let ids = known.resolve_all(toggles)?;
    let words: Vec<&str> = ids.iter().map(String::as_str).collect();
    let generation = session.settings().await?.lock(&words, session.options()).await;
    let generation = generation.map_err(|error| suggest(&known, &ids, error))?;
    let whom = session.user.map_or_else(|| "everybody".to_owned(), user::name);
    let what = format!("Off for {whom}, whatever is chosen");
    done(session, generation, &known, &ids, &what)
}

pub async fn unlock(session: &Session, toggles: &[String]) -> Result<(), Failure> {
    let known = session.toggles().await?;
    let ids = known.resolve_all(toggles)?;
    let words: Vec<&str> = ids.iter().map(String::as_str).collect();
    let generation = session.settings().await?.unlock(&words, session.options()).await;
    let generation = generation.map_err(|error| suggest(&known, &ids, error))?;
    done(session, generation, &known, &ids, "As it was chosen again")
}

fn suggest(known: &Dictionary, ids: &[String], error: consentd_dbus::Error) -> Failure {
    let strange = ids.iter().find(|id| known.both(id) == **id);
    match strange {
        Some(id) => known.suggest(id, error),
        None => Failure::Call(error),
    }
}

fn done(
    session: &Session,
    generation: u64,
    known: &Dictionary,
    ids: &[String],
    what: &str,
) -> Result<(), Failure> {
    if session.screen.json {
        return session.screen.json(&json::single("generation", generation));
    }
    let names: Vec<_> = ids.iter().map(|id| known.both(id)).collect();
    session.screen.text(&printable(&format!("{what}: {}.", names.join(", "))))
}
