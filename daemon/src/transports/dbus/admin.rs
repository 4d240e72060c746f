//! `org.consentd.Admin1`: the shell tool, support.

use std::sync::Arc;

use consentd_dbus::{Error, Result};
use zbus::message::Header;
use zbus::{OwnedFd, interface};

use super::dict::{Dict, Options, Reader, dict, dicts};
use super::errors::{policy, wire};
use super::export::{self, Format};
use super::history::read_filter;
use super::service::Service;
use crate::authority::{Act, Polkit};
use crate::engine::breaches::Found;
use crate::engine::{Engine, EngineError};
use crate::row::Row;

/// The interface.
pub(super) struct Admin(pub Arc<Service>);

#[interface(name = "org.consentd.Admin1", introspection_docs = false)]
impl Admin {
    #[zbus(out_args("status"))]
    async fn status(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        Reader::new(options).end("")?;
        self.0.admit(&header, Act::Inspect, None).await?;
        let engine = Arc::clone(&self.0.engine);
        let health = tokio::task::spawn_blocking(move || engine.health()).await;
        let health = health.map_err(|error| {
            tracing::error!(%error, "the daemon's health was not read");
            Error::StoreUnavailable("the daemon's health could not be read; try again".into())
        })?;
        let polkit = super::polkit::presence(&self.0.asking).await;
        let gives_fd = self.0.gives_process_fd(&header).await;
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let row = Row::new()
            .with("version", env!("CARGO_PKG_VERSION"))
            .with("process_fd", gives_fd)
            .with("polkit", matches!(polkit, Ok(Polkit::Present)))
            .with("watchers", small(self.0.watchers.len()))
            .with("agents", small(self.0.agents.len()))
            .with("prompts", small(self.0.agents.prompts.waiting()))
            .with("followers", small(self.0.followers.len()))
            .and(health.row);
        Ok(dict(row))
    }

    #[zbus(out_args("entries"))]
    async fn list_catalog(
        &self,
        kind: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        Reader::new(options).end("")?;
        self.0.admit(&header, Act::Inspect, None).await?;
        self.0.engine.list_catalog(&kind).map(dicts).map_err(wire)
    }

    #[zbus(out_args("warnings"))]
    async fn reload(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<String>> {
        let mut reader = Reader::new(options);
        let check = reader.flag("check")?.unwrap_or(false);
        reader.end("check")?;
        self.0.admit(&header, Act::Administer, None).await?;
        let engine = Arc::clone(&self.0.engine);
        let work = move || if check { engine.check_policy() } else { engine.reload() };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(warnings)) => Ok(warnings),
            Ok(Err(error)) => Err(policy(&error)),
            Err(error) => {
                tracing::error!(%error, "a reload broke off");
                Err(Error::CatalogInvalid("the reload broke off; see the daemon's log".into()))
            }
        }
    }

    #[zbus(out_args("lines"))]
    async fn follow(
        &self,
        filter: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd> {
        let mut filter = filter;
        let user = match filter.remove("user") {
            None => None,
            Some(zbus::Variant::U32(user)) => Some(user),
            Some(_) => return Err(Error::InvalidArgument("`user` has to be a uid (u)".into())),
        };
        let admitted = self.0.admit(&header, Act::Inspect, user).await?;
        let filter = read_filter(filter, admitted.user)?;
        self.0.followers.follow(admitted.uid, filter).map(OwnedFd::from)
    }

    #[zbus(out_args("lines"))]
    async fn export(
        &self,
        format: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        reader.end("user")?;
        let format = Format::parse(&format)?;
        let admitted = self.0.admit(&header, Act::Inspect, user).await?;
        let place = self.0.exports.take(admitted.uid)?;
        export::export(&self.0.engine, admitted.user, format, place).await.map(OwnedFd::from)
    }

    #[zbus(out_args("result"))]
    async fn verify_log(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        Reader::new(options).end("")?;
        let admitted = self.0.admit(&header, Act::Administer, None).await?;
        let _place = self.0.readers.take(admitted.uid)?;
        let engine = Arc::clone(&self.0.engine);
        match tokio::task::spawn_blocking(move || engine.verify_log()).await {
            Ok(found) => found.map(dict).map_err(wire),
            Err(error) => {
                tracing::error!(%error, "a look along the chain broke off");
                Err(Error::StoreUnavailable("the look broke off; see the daemon's log".into()))
            }
        }
    }

    #[zbus(out_args("result"))]
    async fn check_store(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        self.keep(options, &header, Engine::check_store).await.map(dict)
    }

    #[zbus(out_args("file"))]
    async fn backup_store(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String> {
        self.keep(options, &header, Engine::back_up).await
    }

    async fn restore_store(
        &self,
        file: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.keep(options, &header, move |engine| engine.restore_store(&file)).await
    }

    async fn reset_store(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        self.keep(options, &header, Engine::reset_store).await
    }

    #[zbus(out_args("breaches"))]
    async fn list_breaches(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        self.keep(options, &header, Engine::list_breaches).await.map(dicts)
    }

    #[zbus(out_args("id"))]
    async fn add_breach(
        &self,
        breach: Options<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String> {
        let mut reader = Reader::new(breach);
        let found = Found {
            what: reader.text("what")?.unwrap_or_default(),
            found: reader.number("found")?,
            happened: reader.number("happened")?,
            risk: reader.text("risk")?,
            people: reader.count("people")?,
            users: reader.smalls("users")?.unwrap_or_default(),
            regions: reader.texts("regions")?.unwrap_or_default(),
            data: reader.texts("data")?.unwrap_or_default(),
            apps: reader.texts("apps")?.unwrap_or_default(),
            measures: reader.text("measures")?.unwrap_or_default(),
        };
        reader.end("what, found, happened, risk, people, users, regions, data, apps, measures")?;
        let id = self.keep(options, &header, move |engine| engine.add_breach(&found)).await?;
        Ok(id.to_string())
    }

    async fn note_breach(
        &self,
        id: String,
        note: Options<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let mut reader = Reader::new(note);
        let (told, at) = (reader.text("told")?, reader.number("at")?);
        let measures = reader.text("measures")?.unwrap_or_default();
        reader.end("told, at, measures")?;
        let note = move |engine: &Engine| engine.note_breach(&id, told, at, measures);
        self.keep(options, &header, note).await
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        consentd_dbus::names::INTERFACE_VERSION
    }
}

impl Admin {
    /// What the administrator does about the store itself. It may take a while: others are answered
    /// meanwhile.
    async fn keep<T: Send + 'static>(
        &self,
        options: Options<'_>,
        header: &Header<'_>,
        work: impl FnOnce(&Engine) -> std::result::Result<T, EngineError> + Send + 'static,
    ) -> Result<T> {
        Reader::new(options).end("")?;
        let _admitted = self.0.admit(header, Act::Administer, None).await?;
        let engine = Arc::clone(&self.0.engine);
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(done) => done.map_err(wire),
            Err(error) => {
                tracing::error!(%error, "work on the store broke off");
                Err(Error::StoreUnavailable("the work broke off; see the daemon's log".into()))
            }
        }
    }
}

impl Service {
    /// Whether this bus hands over process descriptors, so that identities can be more than weak.
    async fn gives_process_fd(&self, header: &Header<'_>) -> bool {
        let Some(sender) = header.sender() else { return false };
        let credentials = crate::identity::bus::credentials(&self.asking, sender).await;
        credentials.is_ok_and(|credentials| credentials.process_fd().is_some())
    }
}
