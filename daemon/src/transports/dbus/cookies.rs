//! `org.consentd.Cookies1`: browsers, about their jars; and whoever shows people what holds for theirs.

use std::sync::Arc;

use consentd_dbus::{Error, Result};
use zbus::interface;
use zbus::message::Header;

use super::dict::{Dict, Options, Reader, dict};
use super::errors::wire;
use super::gate::{Asking, asking, awaited};
use super::service::Service;
use crate::authority::Act;
use crate::decision::cookie::{Cookie, Kind, Ruling};
use crate::engine::error::Invalid;
use crate::engine::request::MAX_ITEMS;
use crate::engine::{EngineError, Jar, JarChecked, fits};

/// One cookie as it is asked about: name, domain, kind, seconds.
type Asked<'a> = (&'a str, &'a str, &'a str, u64);
/// The same with its site before it.
type AskedOn<'a> = (&'a str, &'a str, &'a str, &'a str, u64);
/// One cookie's answer: name, decision, reason, seconds.
type Answered = (String, &'static str, &'static str, u64);

/// The interface.
pub(super) struct Cookies(pub Arc<Service>);

/// A cookie whose kind is known, with words of its own: a long jar is judged in another thread.
struct Owned {
    name: String,
    domain: String,
    max_age: u64,
}

impl Owned {
    fn of((name, domain, kind, max_age): Asked<'_>) -> std::result::Result<Self, EngineError> {
        let known = Kind::of(kind);
        known.ok_or_else(|| Invalid::CookieKind(kind.chars().take(32).collect()))?;
        Ok(Self { name: name.to_owned(), domain: domain.to_owned(), max_age })
    }

    fn borrow(&self) -> Cookie<'_> {
        Cookie { name: &self.name, domain: &self.domain, max_age: self.max_age }
    }
}

impl Cookies {
    /// Judges a jar where it holds nobody else up: a short one at once, in its app's turn; a long one
    /// in a thread, in its app's turn among long ones; one that waits for the disk in a thread too.
    async fn judge(
        &self,
        asking: Asking,
        site: String,
        owned: Vec<Owned>,
        tag: String,
    ) -> Result<(Vec<Owned>, Vec<Ruling>)> {
        let engine = &self.0.engine;
        let turn = if owned.len() <= MAX_ITEMS {
            let turn = self.0.turns.take(asking.whose()).await;
            let cookies: Vec<Cookie<'_>> = owned.iter().map(Owned::borrow).collect();
            let jar = Jar::new(&site, &cookies, &tag).map_err(wire)?;
            if let JarChecked::Answered(rulings) = engine.check_cookies(asking.asker(), &jar) {
                drop(cookies);
                return Ok((owned, rulings));
            }
            drop(turn);
            None
        } else {
            Some(self.0.jars.take(asking.whose()).await)
        };
        let engine = Arc::clone(engine);
        let judged = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let cookies: Vec<Cookie<'_>> = owned.iter().map(Owned::borrow).collect();
            let jar = Jar::new(&site, &cookies, &tag)?;
            let rulings = match engine.check_cookies(asking.asker(), &jar) {
                JarChecked::Answered(rulings) => rulings,
                JarChecked::UsesOnce => engine.check_cookies_once(asking.asker(), &jar),
            };
            drop(cookies);
            Ok((owned, rulings))
        });
        match judged.await {
            Ok(judged) => judged.map_err(wire),
            Err(error) => Err(broke_off(&error)),
        }
    }
}

fn broke_off(error: &tokio::task::JoinError) -> Error {
    tracing::error!(%error, "a jar's check broke off");
    Error::StoreUnavailable("the check broke off; take every cookie as denied".into())
}

#[interface(name = "org.consentd.Cookies1", introspection_docs = false)]
impl Cookies {
    #[zbus(out_args("results"))]
    async fn check(
        &self,
        site: &str,
        jar: Vec<Asked<'_>>,
        context: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Answered>> {
        awaited(&header)?;
        let mut reader = Reader::new(context);
        let tag = reader.text("tag")?.unwrap_or_default();
        let user = reader.small("user")?;
        reader.end("tag, user")?;
        fits(jar.len()).map_err(|error| wire(error.into()))?;
        let owned: std::result::Result<Vec<Owned>, EngineError> =
            jar.into_iter().map(Owned::of).collect();
        let owned = owned.map_err(wire)?;
        let asking = asking(&self.0, &header, user).await?;
        let (owned, rulings) = self.judge(asking, site.to_owned(), owned, tag).await?;
        let names = owned.into_iter().map(|cookie| cookie.name);
        Ok(names.zip(rulings).map(|(name, ruling)| answer(name, ruling)).collect())
    }

    #[zbus(out_args("results", "details"))]
    async fn explain(
        &self,
        jar: Vec<AskedOn<'_>>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<Answered>, Vec<Dict>)> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        reader.end("user")?;
        fits(jar.len()).map_err(|error| wire(error.into()))?;
        let owned: std::result::Result<Vec<(String, Owned)>, EngineError> = jar
            .into_iter()
            .map(|(site, name, domain, kind, max_age)| {
                Ok((site.to_owned(), Owned::of((name, domain, kind, max_age))?))
            })
            .collect();
        let owned = owned.map_err(wire)?;
        let admitted = self.0.admit(&header, Act::Inspect, user).await?;
        let _turn = self.0.jars.take((admitted.uid, "")).await;
        let engine = Arc::clone(&self.0.engine);
        let explained = tokio::task::spawn_blocking(move || {
            let jar: Vec<(&str, Cookie<'_>)> =
                owned.iter().map(|(site, cookie)| (site.as_str(), cookie.borrow())).collect();
            let explained = engine.explain_cookies(admitted.user, &jar)?;
            drop(jar);
            Ok((owned, explained))
        });
        let explained = explained.await.map_err(|error| broke_off(&error))?;
        let (owned, explained) = explained.map_err(wire)?;
        let pairs = owned.into_iter().zip(explained);
        Ok(pairs
            .map(|((_, cookie), explained)| {
                (answer(cookie.name, explained.ruling), dict(explained.row))
            })
            .unzip())
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        consentd_dbus::names::INTERFACE_VERSION
    }
}

fn answer(name: String, ruling: Ruling) -> Answered {
    (name, ruling.decision().word(), ruling.reason.word(), ruling.max_age)
}
