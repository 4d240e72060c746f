//! `org.consentd.Identifiers1`: resettable identifiers in place of the hardware's (R59).

use std::sync::Arc;

use consentd_dbus::Result;
use zbus::interface;
use zbus::message::Header;

use super::admission::Admitted;
use super::dict::{Dict, Options, Reader, dict, dicts};
use super::errors::wire;
use super::gate::{Asking, Said, asking, awaited};
use super::service::Service;
use crate::authority::Act;
use crate::engine::error::Invalid;
use crate::engine::identifiers::{About, Given, Identifier};
use crate::pseudonym::Kind;
use crate::row::Row;

/// The interface.
pub(super) struct Identifiers(pub Arc<Service>);

#[interface(name = "org.consentd.Identifiers1", introspection_docs = false)]
impl Identifiers {
    #[zbus(out_args("value", "limited", "info"))]
    async fn get(
        &self,
        kind: &str,
        purpose: &str,
        context: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(String, bool, Dict)> {
        awaited(&header)?;
        let kind = kind_of(kind)?;
        let said = Said::read(context)?;
        let asking = asking(&self.0, &header, said.user()).await?;
        let given = self.give(asking, kind, purpose, said).await?;
        let info = Row::new()
            .with("decision", given.ruling.decision().word())
            .with("reason", given.ruling.reason.word())
            .with("generation", given.generation);
        Ok((given.value.clone(), given.is_limited(), dict(info)))
    }

    #[zbus(out_args("generation"))]
    async fn reset(
        &self,
        kind: &str,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        let mut reader = Reader::new(options);
        let (app, user) = (reader.text("app")?, reader.small("user")?);
        reader.end("app, user")?;
        let kind = kind_of(kind)?;
        let Admitted { user, by, _call, .. } = self.0.admit(&header, Act::Loosen, user).await?;
        self.0.blocking(move |engine| engine.reset_identifier(user, kind, app.as_deref(), by)).await
    }

    #[zbus(out_args("identifiers"))]
    async fn list(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let mut reader = Reader::new(options);
        let (app, user) = (reader.text("app")?, reader.small("user")?);
        reader.end("app, user")?;
        // To know what an app is given is to know the person by it.
        let act = if app.is_some() { Act::Loosen } else { Act::Inspect };
        let Admitted { user, _call, .. } = self.0.admit(&header, act, user).await?;
        self.0
            .blocking(move |engine| match app {
                None => Ok(engine.list_identifiers(user)),
                Some(app) => engine.identifiers_of(user, &app),
            })
            .await
            .map(dicts)
    }

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        consentd_dbus::names::INTERFACE_VERSION
    }
}

impl Identifiers {
    async fn give(
        &self,
        asking: Asking,
        kind: Kind,
        purpose: &str,
        said: Said,
    ) -> Result<Identifier> {
        let turn = self.0.turns.take(asking.whose()).await;
        let about = About { purpose, context: &said.context, tag: said.tag() };
        let given = self.0.engine.identifier(asking.asker(), kind, &about).map_err(wire)?;
        // What waits for the disk holds nobody's turn up.
        drop(turn);
        match given {
            Given::Now(given) => Ok(given),
            Given::WaitsForDisk => {
                let purpose = purpose.to_owned();
                self.0
                    .blocking(move |engine| {
                        let (context, tag) = (&said.context, said.tag());
                        let about = About { purpose: &purpose, context, tag };
                        engine.identifier_durably(asking.asker(), kind, &about)
                    })
                    .await
            }
        }
    }
}

fn kind_of(word: &str) -> Result<Kind> {
    Kind::parse(word).ok_or_else(|| {
        let word = word.chars().take(32).collect();
        wire(Invalid::IdentifierKind(word).into())
    })
}
