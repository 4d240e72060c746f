//! Looking at what is set, declared, in force: rows for people and tools. Nothing here is a decision.

use consentd_dbus::names::SITE_PREFIX;

use super::change::find_toggle;
use super::check::as_declared;
use super::error::{EngineError, Invalid};
use super::names::{ALL_APPS, AppKey, OTHER_APPS};
use super::policy::Policy;
use super::request::check_id;
use super::settings::{AgeBand, DecidedBy, Key, View};
use super::site::Site;
use super::{Asker, Engine, Request, State};
use crate::apps::{App, Destination, Identity, Recipient};
use crate::catalog::{Catalog, Scope, State as ToggleState, Toggle, ToggleIx};
use crate::clock::Moment;
use crate::decision::trace::Step;
use crate::decision::{Context, Ruling};
use crate::ledger::{By, Count, Filter, LedgerError, LedgerReader, Line, Page};
use crate::row::Row;

/// How the daemon's parts are.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// Named values for `Status`.
    pub row: Row,
}

impl Engine {
    /// How store, ledger and catalogue are.
    #[must_use]
    pub fn health(&self) -> Health {
        let ledger = self.lock_ledger().as_ref().err().cloned();
        let records = self.read_ledger(|open, reader| Ok(reader.size()? + open.len() as u64)).ok();
        let restored = self.restored();
        let state = self.read_state();
        let word = |error: Option<&String>| if error.is_some() { "unavailable" } else { "ok" };
        let mut row = Row::new()
            .with("generation", state.generation)
            .with("started", self.started)
            .with("store", word(state.store.as_ref().err()))
            .maybe("store_error", state.store.clone().err())
            .with("store_path", self.config.state_dir.join("settings.db").display().to_string())
            .and(restored)
            .with("ledger", word(ledger.as_ref()))
            .maybe("ledger_error", ledger)
            .maybe("records", records)
            .with("unsaved", small(state.unsaved.len()))
            .with("catalog", word(state.policy.as_ref().err()))
            .maybe("catalog_error", state.policy.as_ref().err().cloned())
            .with("catalog_path", self.config.policy.catalog.display().to_string());
        if let Ok(policy) = &state.policy {
            row = row
                .with("data", small(policy.catalog.data.len()))
                .with("purposes", small(policy.catalog.purposes.len()))
                .with("toggles", small(policy.catalog.toggles.len()))
                .with("apps", small(policy.apps.len()))
                .with("apps_rejected", small(policy.apps.rejected().len()))
                .with("warnings", small(policy.catalog.warnings.len()));
        }
        Health { row }
    }

    /// Every toggle of the catalogue with its all-apps state for a user.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn list_toggles(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        self.look(|look| {
            let toggles = look.policy.catalog.toggles.iter();
            Ok(toggles.map(|(ix, toggle)| look.toggle(user, ix, toggle)).collect())
        })
    }

    /// One setting: stored, effective, why.
    ///
    /// # Errors
    /// No such toggle or app, or no catalogue in force.
    pub fn get(&self, user: u32, toggle: &str, app: &str) -> Result<Row, EngineError> {
        check_id(app)?;
        let site = Site::named(app).transpose()?;
        let app = site.as_ref().map_or(app, Site::id);
        self.look(|look| {
            let (ix, toggle) = find_toggle(look.policy, toggle)?;
            if site.is_some() && toggle.scope != Scope::Site {
                return Err(Invalid::NoSite { toggle: (*toggle.id).into() }.into());
            }
            let key = look.app_key(app)?;
            Ok(look.setting(user, ix, toggle, key, app))
        })
    }

    /// Every declared app, and those that were rejected.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn list_apps(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        self.look(|look| {
            let declared = look.policy.apps.iter();
            let mut rows: Vec<Row> = declared.map(|(_, app)| look.app(user, app)).collect();
            for rejection in look.policy.apps.rejected() {
                rows.push(
                    Row::new()
                        .with("app", &rejection.app)
                        .with("name", &rejection.app)
                        .with("valid", false)
                        .with("error", format!("{}: {}", rejection.place, rejection.text)),
                );
            }
            Ok(rows)
        })
    }

    /// One app: how it is recognised, its settings, what it declares and what it would hear. Of
    /// `site:HOST` its categories of cookies.
    ///
    /// # Errors
    /// No such app, not a site, or no catalogue in force.
    pub fn get_app(&self, user: u32, id: &str) -> Result<Row, EngineError> {
        check_id(id)?;
        if let Some(site) = Site::named(id) {
            let site = site?;
            return self.look(|look| Ok(look.site(user, &site)));
        }
        self.look(|look| {
            if let Some((_, app)) = look.policy.app(id) {
                let settings = look.settings_of(user, app);
                let collects = self.collects(look, user, app);
                let rows = Row::new().with("toggles", settings).with("collects", collects);
                return Ok(look.app(user, app).and(rows));
            }
            let rejected = look.policy.apps.rejected().iter().find(|r| *r.app == *id);
            let rejection = rejected.ok_or_else(|| EngineError::UnknownApp { id: id.into() })?;
            Ok(Row::new()
                .with("app", &rejection.app)
                .with("name", &rejection.app)
                .with("valid", false)
                .with("error", format!("{}: {}", rejection.place, rejection.text)))
        })
    }

    /// The arms of the rule for an app, as if it asked with the best identity it declares.
    ///
    /// # Errors
    /// No such app, or no catalogue in force.
    pub fn explain_app(
        &self,
        user: u32,
        app: &str,
        request: &Request<'_>,
    ) -> Result<Vec<(Ruling, Vec<Step>)>, EngineError> {
        check_id(app)?;
        let caller = self.look(|look| as_declared(look.policy, user, app))?;
        Ok(self.explain(Asker { user, caller: Some(&caller) }, request))
    }

    /// A user's profile as the rule sees it, and what of it was set.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn get_profile(&self, user: u32) -> Result<Row, EngineError> {
        self.look(|look| {
            let catalog = &look.policy.catalog;
            let (region, minor) = self.config.profile(catalog, look.view, user);
            let region = &catalog.regions[region];
            let set = look.view.profile(user).cloned().unwrap_or_default();
            let age = if minor { AgeBand::Minor } else { AgeBand::Adult };
            Ok(Row::new()
                .with("region", &region.id)
                .with("region_set", set.region.is_some())
                .with("age_band", age.word())
                .with("age_set", set.age_band.is_some())
                .maybe("language", set.language.as_ref())
                .maybe("guardian", set.guardian)
                .with("controller", &region.controller))
        })
    }

    /// Entries of the catalogue, each with everything it says.
    ///
    /// # Errors
    /// No such kind, or no catalogue in force.
    pub fn list_catalog(&self, kind: &str) -> Result<Vec<Row>, EngineError> {
        check_id(kind)?;
        self.look(|look| {
            crate::catalog::describe(&look.policy.catalog, kind)
                .ok_or_else(|| Invalid::CatalogKind(kind.into()).into())
        })
    }

    /// Lines of the ledger, newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn history(
        &self,
        filter: &Filter,
        cursor: Option<i64>,
        limit: u32,
    ) -> Result<Page, EngineError> {
        self.read_ledger(|open, reader| reader.history(open, filter, cursor, limit))
    }

    /// Records summed.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn counts(&self, filter: &Filter, by: &[By]) -> Result<Vec<Count>, EngineError> {
        self.read_ledger(|open, reader| reader.counts(&open, filter, by))
    }

    pub(super) fn read_ledger<T>(
        &self,
        read: impl FnOnce(Vec<Line>, &LedgerReader) -> Result<T, LedgerError>,
    ) -> Result<T, EngineError> {
        // What was answered in process is in the record before anybody reads it.
        self.drain_gates();
        // The ledger is never waited for while the reader is held.
        let (open, anew, path) = match self.lock_ledger().as_ref() {
            Ok(ledger) => (ledger.open_lines(), ledger.times_anew(), ledger.path().to_owned()),
            Err(error) => return Err(EngineError::LedgerUnavailable(error.clone())),
        };
        let mut reader = self.lock_reader();
        if reader.as_ref().is_none_or(|(of, _)| *of != anew) {
            *reader = Some((anew, LedgerReader::open(&path)?));
        }
        match reader.as_ref() {
            Some((_, reader)) => Ok(read(open, reader)?),
            None => Err(EngineError::LedgerUnavailable("it has no reader".into())),
        }
    }

    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&Look<'_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let now = self.clock.now();
        let state = self.read_state();
        let policy = state.policy.clone().map_err(EngineError::CatalogUnavailable)?;
        look(&Look { policy: &policy, state: &state, view: state.view(), now })
    }

    /// What an app declares, pair by pair, with what it would hear if it asked for that alone.
    fn collects(&self, look: &Look<'_>, user: u32, app: &App) -> Vec<Row> {
        let catalog = &look.policy.catalog;
        let context = Context::default();
        let caller = as_declared(look.policy, user, &app.id).ok();
        let pairs = app.pairs.iter().map(|pair| {
            let (purpose, data) = (&catalog.purposes[pair.purpose], &catalog.data[pair.data]);
            let collection = app.collection(pair);
            let asked = [&*data.id];
            let ruling = Request::new(&purpose.id, &asked, &context, "").ok().and_then(|request| {
                let asker = Asker { user, caller: caller.as_ref() };
                self.situated(look, asker, &request)
            });
            let toggles = catalog.covering(pair.purpose, pair.data);
            Row::new()
                .with("purpose", &purpose.id)
                .with("data", &data.id)
                .with("basis", collection.basis.word())
                .with("mandatory", collection.mandatory)
                .with("recipients", recipients(catalog, &collection.recipients))
                .with("destinations", destinations(catalog, &collection.destinations))
                .with("retention", &*collection.retention)
                .with("since", &catalog.notices[pair.since].id)
                .with("toggles", ids(toggles.iter().map(|toggle| &catalog.toggles[*toggle].id)))
                .maybe("decision", ruling.map(|ruling| ruling.decision().word()))
                .maybe("reason", ruling.map(|ruling| ruling.reason.word()))
        });
        pairs.collect()
    }

    fn situated(&self, look: &Look<'_>, asker: Asker<'_>, request: &Request<'_>) -> Option<Ruling> {
        self.judge(look.state, asker, request, look.now).answer.rulings.first().copied()
    }
}

/// What an inspection looks at.
pub(super) struct Look<'a> {
    pub(super) policy: &'a Policy,
    pub(super) state: &'a State,
    pub(super) view: View<'a>,
    pub(super) now: Moment,
}

impl Look<'_> {
    fn app_key(&self, app: &str) -> Result<AppKey, EngineError> {
        match app {
            "" => Ok(ALL_APPS),
            "*" => Ok(OTHER_APPS),
            app => match self.state.numbers.apps.find(app) {
                Some(number) => Ok(AppKey(number)),
                None if app.starts_with(SITE_PREFIX) => Ok(AppKey(u32::MAX)),
                None => Err(EngineError::UnknownApp { id: app.into() }),
            },
        }
    }

    fn toggle(&self, user: u32, ix: ToggleIx, toggle: &Toggle) -> Row {
        let key = self.policy.toggle_key(ix);
        let catalog = &self.policy.catalog;
        let mut purposes = Vec::new();
        let mut data = Vec::new();
        for cover in &toggle.covers {
            purposes.extend(cover.purposes.iter().map(|purpose| &*catalog.purposes[*purpose].id));
            data.extend(cover.data.iter().map(|item| &*catalog.data[*item].id));
        }
        let exceptions = self
            .state
            .settings
            .entries
            .iter()
            .filter(|(row, _)| row.user == user && row.toggle == key && row.app > OTHER_APPS);
        Row::new()
            .with("id", &toggle.id)
            .with("kind", toggle.kind.word())
            .with("requirement", &toggle.source.requirement)
            .with("section", &toggle.source.section)
            .with("paths", ids(toggle.paths.iter()))
            .with("purposes", sorted(purposes))
            .with("data", sorted(data))
            .with("scope", toggle.scope.word())
            .with("default", toggle.all_default.word())
            .with("app_default", toggle.app_default.word())
            .with("exceptions", small(exceptions.count()))
            .and(self.setting(user, ix, toggle, ALL_APPS, ""))
    }

    pub(super) fn setting(
        &self,
        user: u32,
        ix: ToggleIx,
        toggle: &Toggle,
        app: AppKey,
        id: &str,
    ) -> Row {
        let key = self.policy.toggle_key(ix);
        let resolved = self.view.resolve(toggle, key, user, app, self.now);
        let locked = self.view.is_locked(user, key);
        let stored = self.view.stored(Key { user, app, toggle: key }, self.now);
        let state = if locked { ToggleState::Off } else { resolved.state };
        let (layer, decided_by) = match (locked, resolved.decided_by) {
            (true, _) => ("administrator", "lock"),
            (false, DecidedBy::Default) => ("default", DecidedBy::Default.word()),
            (false, by) => ("user", by.word()),
        };
        let notice = stored.and_then(|stored| self.policy.notice_of(stored.entry.notice?));
        let refusals = self.state.settings.refusals.get(&Key { user, app, toggle: key });
        Row::new()
            .with("toggle", &toggle.id)
            .with("app", id)
            .with("name", &toggle.name)
            .with("scope", toggle.scope.word())
            .with("stored", stored.map_or("unset", |stored| stored.entry.state.word()))
            .with("state", state.word())
            .with("layer", layer)
            .with("decided_by", decided_by)
            .with("locked", locked)
            .with("consent", toggle.consent)
            .maybe("unconfirmed", (resolved.unconfirmed && !locked).then_some(true))
            .maybe("lifetime", stored.map(|stored| stored.lifetime.word()))
            .maybe("until", stored.and_then(|stored| stored.lifetime.until()))
            .maybe("since", stored.map(|stored| i64::from(stored.entry.at)))
            .maybe("by", stored.map(|stored| stored.entry.by.word()))
            .maybe("notice", notice.map(|notice| &self.policy.catalog.notices[notice].id))
            .maybe("refusals", refusals.copied())
    }

    fn app(&self, user: u32, app: &App) -> Row {
        let catalog = &self.policy.catalog;
        let key = self.policy.app(&app.id).map(|(ix, _)| self.policy.app_key(ix));
        let own = key.map_or(0, |key| {
            let settings = &self.state.settings;
            settings.entries.of_app(user, key).count() + settings.allowances_of(user, key).count()
        });
        let trust = app.identities.iter().map(Identity::best_trust).max();
        let purposes = app.pairs.iter().map(|pair| &*catalog.purposes[pair.purpose].id).collect();
        Row::new()
            .with("app", &app.id)
            .with("name", &app.name)
            .with("identities", app.identities.iter().map(ToString::to_string).collect::<Vec<_>>())
            .maybe("trust", trust.map(|trust| trust.word()))
            .with("valid", true)
            .with("pairs", small(app.pairs.len()))
            .with("purposes", sorted(purposes))
            .with("own", small(own))
    }

    /// The settings that matter to an app: of every toggle that covers one of its pairs.
    fn settings_of(&self, user: u32, app: &App) -> Vec<Row> {
        let catalog = &self.policy.catalog;
        let key =
            self.policy.app(&app.id).map_or(AppKey(u32::MAX), |(ix, _)| self.policy.app_key(ix));
        let covers = |toggle: &ToggleIx| {
            app.pairs.iter().any(|pair| catalog.covering(pair.purpose, pair.data).contains(toggle))
        };
        let toggles = catalog.toggles.iter().filter(|(ix, _)| covers(ix));
        toggles.map(|(ix, toggle)| self.setting(user, ix, toggle, key, &app.id)).collect()
    }
}

fn recipients(catalog: &Catalog, recipients: &[Recipient]) -> Vec<String> {
    recipients
        .iter()
        .map(|recipient| match recipient {
            Recipient::Known(known) => (*catalog.recipients[*known].id).to_owned(),
            Recipient::Sdk { id, .. } => (**id).to_owned(),
        })
        .collect()
}

fn destinations(catalog: &Catalog, destinations: &[Destination]) -> Vec<String> {
    let one = |destination: &Destination| {
        let regions: Vec<&str> =
            destination.regions.iter().map(|region| &*catalog.regions[*region].id).collect();
        if regions.is_empty() {
            destination.country.code().to_owned()
        } else {
            format!("{} (for {})", destination.country.code(), regions.join(", "))
        }
    };
    destinations.iter().map(one).collect()
}

fn ids<'a>(ids: impl Iterator<Item = &'a Box<str>>) -> Vec<String> {
    ids.map(|id| (**id).to_owned()).collect()
}

fn sorted(mut ids: Vec<&str>) -> Vec<String> {
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(str::to_owned).collect()
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
