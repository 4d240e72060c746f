//! The person with the device: whoever uses `Settings1` and `Admin1` from an unconfined program.

use anyhow::{Context, Result};
use consentd_dbus::{Admin1Proxy, Details, Options, SettingChange, Settings1Proxy};
use zbus::{Connection, Variant};

/// A connection that changes and looks at settings.
#[derive(Debug)]
pub struct Person {
    /// For members that have no shorthand here.
    pub settings: Settings1Proxy<'static>,
    /// The same for support.
    pub admin: Admin1Proxy<'static>,
}

impl Person {
    /// Takes a connection.
    pub async fn on(bus: &Connection) -> Result<Person> {
        let settings = Settings1Proxy::new(bus).await?;
        let admin = Admin1Proxy::new(bus).await?;
        Ok(Person { settings, admin })
    }

    /// One change; the generation after it. App `""` is all apps.
    pub async fn set(&self, toggle: &str, app: &str, state: &str) -> consentd_dbus::Result<u64> {
        self.settings.set(&[(toggle, app, state)], Options::new()).await
    }

    /// Several changes, all or nothing.
    pub async fn set_all(&self, changes: &[SettingChange<'_>]) -> consentd_dbus::Result<u64> {
        self.settings.set(changes, Options::new()).await
    }

    /// An `on` that ends: `lifetime` is `once`, `boot` or `until`.
    pub async fn set_for(
        &self,
        toggle: &str,
        app: &str,
        lifetime: &str,
        until: Option<i64>,
    ) -> consentd_dbus::Result<u64> {
        let mut options = Options::from([("lifetime", Variant::from(lifetime))]);
        if let Some(until) = until {
            options.insert("until", Variant::from(until));
        }
        self.settings.set(&[(toggle, app, "on")], options).await
    }

    /// What is stored and what holds.
    pub async fn get(&self, toggle: &str, app: &str) -> consentd_dbus::Result<Details> {
        self.settings.get(toggle, app, Options::new()).await
    }

    /// `stored` of [`Person::get`].
    pub async fn stored(&self, toggle: &str, app: &str) -> Result<String> {
        text(&self.get(toggle, app).await?, "stored")
    }

    /// `state` of [`Person::get`].
    pub async fn state(&self, toggle: &str, app: &str) -> Result<String> {
        text(&self.get(toggle, app).await?, "state")
    }

    /// The newest entries of the history; `kind` is `record` or `setting`.
    pub async fn history(&self, kind: &str, app: &str) -> Result<Vec<Details>> {
        let filter = Options::from([("kind", Variant::from(kind)), ("app", Variant::from(app))]);
        let options = Options::from([("limit", Variant::from(1000_u32))]);
        Ok(self.settings.history(filter, options).await?.0)
    }
}

/// A string of a row.
pub fn text(row: &Details, key: &str) -> Result<String> {
    let value = row.get(key).with_context(|| format!("no {key} in {row:?}"))?;
    let text: &str = value.downcast_ref().with_context(|| format!("{key} is {value:?}"))?;
    Ok(text.to_owned())
}

/// A count of a row (t).
pub fn count(row: &Details, key: &str) -> Result<u64> {
    let value = row.get(key).with_context(|| format!("no {key} in {row:?}"))?;
    value.downcast_ref().with_context(|| format!("{key} is {value:?}"))
}
