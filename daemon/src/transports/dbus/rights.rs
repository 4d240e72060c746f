//! `org.consentd.Rights1`: what a person asks of whoever holds their data (R44–R52).

use std::sync::Arc;

use consentd_dbus::Result;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{OwnedFd, interface};

use super::admission::Admitted;
use super::dict::{Dict, Options, Reader, dict, dicts};
use super::errors::wire;
use super::report;
use super::service::Service;
use crate::authority::Act;
use crate::engine::cases::{CaseRight, Opening, Tasks};
use crate::engine::error::Invalid;

/// The interface.
pub(super) struct Rights(pub Arc<Service>);

#[interface(name = "org.consentd.Rights1", introspection_docs = false)]
impl Rights {
    #[zbus(out_args("case"))]
    async fn open(
        &self,
        right: &str,
        app: String,
        details: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<String> {
        let mut reader = Reader::new(details);
        let user = reader.small("user")?;
        let purpose = reader.text("purpose")?.unwrap_or_default();
        let data = reader.text("data")?.unwrap_or_default();
        let statement = reader.text("statement")?.unwrap_or_default();
        reader.end("purpose, data, statement, user")?;
        let right = CaseRight::of(right).ok_or_else(|| {
            let word = right.chars().take(32).collect();
            wire(Invalid::Right(word).into())
        })?;
        let Admitted { user, by, _call, .. } = self.0.admit(&header, Act::Exercise, user).await?;
        let opened = self.0.blocking(move |engine| {
            let (app, purpose, data, statement) = (&*app, &*purpose, &*data, &*statement);
            engine.open_case(user, &Opening { right, app, purpose, data, statement }, by)
        });
        let case = opened.await?;
        self.0.dispatch(Tasks::OfCase(case));
        self.0.tell_of_case(user, case.to_string()).await;
        Ok(case.to_string())
    }

    #[zbus(out_args("cases"))]
    async fn list(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.list_cases(admitted.user)).await.map(dicts)
    }

    #[zbus(out_args("details"))]
    async fn get(
        &self,
        case: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.get_case(admitted.user, &case)).await.map(dict)
    }

    async fn withdraw(
        &self,
        case: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let admitted = self.admit(&header, options, Act::Exercise).await?;
        let user = admitted.user;
        let id = case.clone();
        let told = self.0.blocking(move |engine| {
            let told = engine.told_of(user, &id)?;
            engine.withdraw_case(user, &id, admitted.by)?;
            Ok(told)
        });
        self.0.resume(told.await?);
        self.0.tell_of_case(user, case).await;
        Ok(())
    }

    #[zbus(out_args("lines"))]
    async fn report(
        &self,
        case: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<OwnedFd> {
        let admitted = self.admit(&header, options, Act::Exercise).await?;
        let place = self.0.exports.take(admitted.uid)?;
        let user = admitted.user;
        let (row, tasks) = self.0.blocking(move |engine| engine.report_of(user, &case)).await?;
        report::report(Arc::clone(&self.0), row, tasks, user, place).map(OwnedFd::from)
    }

    async fn register_holder(
        &self,
        path: zbus::ObjectPath<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        Reader::new(options).end("")?;
        self.0.register_holder(&header, &path).await
    }

    #[zbus(signal)]
    pub(super) async fn case_changed(
        emitter: &SignalEmitter<'_>,
        case: &str,
        details: Dict,
    ) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        consentd_dbus::names::INTERFACE_VERSION
    }
}

impl Rights {
    /// Admits a caller whose only option is `user`.
    async fn admit(&self, header: &Header<'_>, options: Options<'_>, act: Act) -> Result<Admitted> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        reader.end("user")?;
        self.0.admit(header, act, user).await
    }
}
