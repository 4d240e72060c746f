//! `org.consentd.Settings1`: settings programs and the shell tool.

use std::collections::HashMap;
use std::sync::Arc;

use consentd_dbus::{Error, Result};
use zbus::interface;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

use super::admission::Admitted;
use super::dict::{Dict, Options, Reader, dict, dicts};
use super::errors::{no_sender, wire};
use super::gate::{ItemResult, Said, results};
use super::history::{count_row, counted_by, cursor, line_row, read_filter};
use super::service::Service;
use crate::authority::Act;
use crate::decision::trace::Step;
use crate::engine::Request;
use crate::engine::cases::Tasks;
use crate::engine::change::{Change, Hold, MAX_CHANGES, SetOptions};
use crate::engine::consent::ConsentFilter;
use crate::engine::error::{Invalid, TooLarge};
use crate::engine::profile::ProfileChange;
use crate::engine::settings::LockedFor;
use crate::row::Row;

const DEFAULT_LIMIT: u32 = consentd_dbus::names::DEFAULT_LIMIT;
const MAX_LIMIT: u32 = consentd_dbus::names::MAX_LIMIT;

/// The interface.
pub(super) struct Settings(pub Arc<Service>);

impl Settings {
    /// Admits a caller whose only option is `user`.
    async fn admit(&self, header: &Header<'_>, options: Options<'_>, act: Act) -> Result<Admitted> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        reader.end("user")?;
        self.0.admit(header, act, user).await
    }
}

#[interface(name = "org.consentd.Settings1", introspection_docs = false)]
impl Settings {
    #[zbus(out_args("toggles"))]
    async fn list_toggles(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.list_toggles(admitted.user)).await.map(dicts)
    }

    #[zbus(out_args("apps"))]
    async fn list_apps(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.list_apps(admitted.user)).await.map(dicts)
    }

    #[zbus(out_args("details"))]
    async fn get_app(
        &self,
        app: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.get_app(admitted.user, &app)).await.map(dict)
    }

    #[zbus(out_args("setting"))]
    async fn get(
        &self,
        toggle: String,
        app: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.get(admitted.user, &toggle, &app)).await.map(dict)
    }

    #[zbus(out_args("generation"))]
    async fn set(
        &self,
        changes: Vec<(&str, &str, &str)>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        let set = SetOptions {
            lifetime: reader.text("lifetime")?,
            until: reader.number("until")?,
            notice: reader.text("notice")?,
        };
        reader.end("lifetime, until, notice, user")?;
        if changes.len() > MAX_CHANGES {
            return Err(wire(TooLarge::Changes(changes.len()).into()));
        }
        let change = |&(toggle, app, state)| Change { toggle, app, state };
        let loosens = changes.iter().map(change).any(|change| change.loosens());
        let act = if loosens { Act::Loosen } else { Act::Tighten };
        let Admitted { user, by, _call, .. } = self.0.admit(&header, act, user).await?;
        let changes: Vec<[String; 3]> =
            changes.into_iter().map(|(t, a, s)| [t.into(), a.into(), s.into()]).collect();
        self.0
            .blocking(move |engine| {
                let changes: Vec<Change<'_>> = changes
                    .iter()
                    .map(|[toggle, app, state]| Change { toggle, app, state })
                    .collect();
                engine.set(user, &changes, &set, by)
            })
            .await
    }

    #[zbus(out_args("generation"))]
    async fn lock(
        &self,
        toggles: Vec<String>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        self.hold(toggles, options, &header, Hold::Off).await
    }

    #[zbus(out_args("generation"))]
    async fn unlock(
        &self,
        toggles: Vec<String>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        self.hold(toggles, options, &header, Hold::Released).await
    }

    #[zbus(out_args("changed"))]
    async fn reset(
        &self,
        app: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u32> {
        let Admitted { user, by, _call, .. } = self.admit(&header, options, Act::Loosen).await?;
        self.0.blocking(move |engine| engine.reset(user, &app, by)).await
    }

    #[zbus(out_args("changed"))]
    async fn forget(
        &self,
        app: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u32> {
        let Admitted { user, by, _call, .. } = self.admit(&header, options, Act::Loosen).await?;
        self.0.blocking(move |engine| engine.forget(user, &app, by)).await
    }

    #[zbus(out_args("results", "trace"))]
    async fn explain(
        &self,
        app: &str,
        purpose: &str,
        data: Vec<&str>,
        context: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<ItemResult>, Vec<Dict>)> {
        let said = Said::read(context)?;
        let admitted = self.0.admit(&header, Act::Inspect, said.user()).await?;
        let request = Request::new(purpose, &data, &said.context, "").map_err(wire)?;
        let engine = &self.0.engine;
        let explained = engine.explain_app(admitted.user, app, &request).map_err(wire)?;
        let policy = engine.policy().map_err(wire)?;
        let mut rulings = Vec::with_capacity(explained.len());
        let mut trace = Vec::new();
        for (id, (ruling, steps)) in data.iter().zip(explained) {
            rulings.push(ruling);
            trace.extend(steps.iter().map(|step| dict(explained_step(id, step, &policy.catalog))));
        }
        Ok((results(&data, &rulings), trace))
    }

    #[zbus(out_args("entries", "next"))]
    async fn history(
        &self,
        filter: Options<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(Vec<Dict>, String)> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        let limit = reader.small("limit")?.unwrap_or(DEFAULT_LIMIT);
        let cursor = cursor(reader.text("cursor")?)?;
        reader.end("limit, cursor, user")?;
        if limit == 0 || limit > MAX_LIMIT {
            return Err(Error::InvalidArgument(format!("`limit` goes from 1 to {MAX_LIMIT}")));
        }
        let admitted = self.0.admit(&header, Act::Inspect, user).await?;
        let _place = self.0.readers.take(admitted.uid)?;
        let filter = read_filter(filter, admitted.user)?;
        let page = self.0.blocking(move |engine| engine.history(&filter, cursor, limit)).await?;
        let next = page.next.map(|seq| seq.to_string()).unwrap_or_default();
        Ok((page.lines.iter().map(|line| dict(line_row(line))).collect(), next))
    }

    #[zbus(out_args("counts"))]
    async fn counts(
        &self,
        filter: Options<'_>,
        by: Vec<String>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        let _place = self.0.readers.take(admitted.uid)?;
        let filter = read_filter(filter, admitted.user)?;
        let by = counted_by(&by)?;
        let asked = by.clone();
        let counts = self.0.blocking(move |engine| engine.counts(&filter, &asked)).await?;
        Ok(counts.into_iter().map(|count| dict(count_row(&by, count))).collect())
    }

    #[zbus(out_args("profile"))]
    async fn get_profile(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Dict> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.engine.get_profile(admitted.user).map(dict).map_err(wire)
    }

    #[zbus(out_args("generation"))]
    async fn set_profile(
        &self,
        profile: Options<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        let mut reader = Reader::new(profile);
        let region = reader.text("region")?;
        let age_band = reader.text("age_band")?;
        let language = reader.text("language")?;
        let guardian = reader.small("guardian")?;
        let removal = reader.flag("removal")?.unwrap_or(false);
        reader.end("region, age_band, language, guardian, removal")?;
        let Admitted { user, by, uid, _call } = self.admit(&header, options, Act::Loosen).await?;
        // Root is the one who names a guardian, for itself too.
        let by = if uid == 0 { crate::engine::settings::By::Administrator } else { by };
        if removal {
            let named = region.is_some() || age_band.is_some() || language.is_some();
            if named || guardian.is_some() {
                return Err(wire(Invalid::RemovalAlone.into()));
            }
            let removal = self.0.blocking(move |engine| engine.report_minor(user, by)).await?;
            tracing::info!(
                user,
                withdrawn = removal.withdrawn,
                case = removal.erasure,
                "a minor was reported: their data has to be erased"
            );
            if let Some(case) = removal.erasure {
                self.0.dispatch(Tasks::OfCase(case));
                self.0.tell_of_case(user, case.to_string()).await;
            }
            return Ok(removal.generation);
        }
        self.0
            .blocking(move |engine| {
                let change = ProfileChange {
                    region: region.as_deref(),
                    age_band: age_band.as_deref(),
                    language: language.as_deref(),
                    guardian,
                };
                engine.set_profile(user, &change, by)
            })
            .await
    }

    #[zbus(out_args("notices"))]
    async fn list_notices(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.blocking(move |engine| engine.list_notices(admitted.user)).await.map(dicts)
    }

    #[zbus(out_args("consents"))]
    async fn list_consents(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        let filter = ConsentFilter {
            app: reader.text("app")?,
            before: cursor(reader.text("cursor")?)?,
            limit: reader.small("limit")?,
        };
        reader.end("app, limit, cursor, user")?;
        let admitted = self.0.admit(&header, Act::Inspect, user).await?;
        self.0.blocking(move |engine| engine.consents(admitted.user, &filter)).await.map(dicts)
    }

    #[zbus(out_args("retention"))]
    async fn list_retention(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<Vec<Dict>> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        let _place = self.0.readers.take(admitted.uid)?;
        self.0.blocking(move |engine| engine.list_retention(admitted.user)).await.map(dicts)
    }

    #[zbus(out_args("generation"))]
    async fn decline(
        &self,
        toggles: Vec<String>,
        notice: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        let Admitted { user, by, _call, .. } = self.admit(&header, options, Act::Tighten).await?;
        self.0
            .blocking(move |engine| {
                let toggles: Vec<&str> = toggles.iter().map(String::as_str).collect();
                engine.decline(user, &toggles, &notice, by)
            })
            .await
    }

    #[zbus(out_args("generation"))]
    async fn acknowledge(
        &self,
        notice: String,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<u64> {
        let Admitted { user, _call, .. } = self.admit(&header, options, Act::Tighten).await?;
        self.0.blocking(move |engine| engine.tell(user, &notice)).await
    }

    async fn register_agent(
        &self,
        path: zbus::ObjectPath<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let Admitted { user, uid, .. } = self.admit(&header, options, Act::Loosen).await?;
        if uid != user && uid != 0 {
            return Err(Error::NotAuthorized(
                "an agent runs as the user whose prompts it shows, or as root".into(),
            ));
        }
        let sender = header.sender().ok_or_else(no_sender)?;
        self.0.agents.register(&self.0.asking, user, sender, &path).await
    }

    async fn unregister_agent(
        &self,
        path: zbus::ObjectPath<'_>,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let admitted = self.admit(&header, options, Act::Tighten).await?;
        let sender = header.sender().ok_or_else(no_sender)?;
        self.0.agents.unregister(admitted.user, sender, &path)
    }

    async fn watch(&self, options: Options<'_>, #[zbus(header)] header: Header<'_>) -> Result<()> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        let sender = header.sender().ok_or_else(no_sender)?;
        let Admitted { user, uid, .. } = admitted;
        self.0.watchers.watch(&self.0.asking, sender, uid, user).await
    }

    async fn unwatch(
        &self,
        options: Options<'_>,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<()> {
        let admitted = self.admit(&header, options, Act::Inspect).await?;
        self.0.watchers.unwatch(header.sender().ok_or_else(no_sender)?, admitted.user);
        Ok(())
    }

    /// A setting has another state: to watchers alone.
    #[zbus(signal)]
    pub(super) async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        toggle: &str,
        app: &str,
        state: HashMap<String, zbus::OwnedVariant>,
    ) -> zbus::Result<()>;

    /// A notice waits for the user: to watchers alone.
    #[zbus(signal)]
    pub(super) async fn notice_pending(
        emitter: &SignalEmitter<'_>,
        notice: &str,
    ) -> zbus::Result<()>;

    #[zbus(property(emits_changed_signal = "const"))]
    async fn version(&self) -> u32 {
        consentd_dbus::names::INTERFACE_VERSION
    }
}

impl Settings {
    async fn hold(
        &self,
        toggles: Vec<String>,
        options: Options<'_>,
        header: &Header<'_>,
        hold: Hold,
    ) -> Result<u64> {
        let mut reader = Reader::new(options);
        let user = reader.small("user")?;
        reader.end("user")?;
        self.0.admit(header, Act::Administer, user).await?;
        let whose = user.map_or(LockedFor::Everybody, LockedFor::User);
        self.0
            .blocking(move |engine| {
                let toggles: Vec<&str> = toggles.iter().map(String::as_str).collect();
                engine.lock(whose, &toggles, hold)
            })
            .await
    }
}

fn explained_step(id: &str, step: &Step, catalog: &crate::catalog::Catalog) -> Row {
    let (outcome, text) = match step.finding {
        Some(finding) => ("decides", finding.text(catalog)),
        None if step.rule == crate::decision::trace::Rule::Allowed => {
            ("decides", step.rule.passed().to_owned())
        }
        None => ("passes", step.rule.passed().to_owned()),
    };
    Row::new()
        .with("data", id)
        .with("rule", step.rule.number())
        .with("name", step.rule.name())
        .with("outcome", outcome)
        .with("text", text)
        .with("requirement", step.rule.requirement())
}

/// A setting for [`super::watchers`].
pub(super) fn state_row(row: Row) -> HashMap<String, zbus::OwnedVariant> {
    const SHOWN: [&str; 6] = ["stored", "state", "layer", "locked", "lifetime", "until"];
    dict(row)
        .into_iter()
        .filter(|(name, _)| SHOWN.contains(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
