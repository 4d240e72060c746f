//! One run: the bus, whose settings are meant, where the answers go, and the present moment.

use consentd_dbus::{
    Admin1Proxy, Cookies1Proxy, Details, Gate1Proxy, Identifiers1Proxy, Options, Rights1Proxy,
    Settings1Proxy,
};
use jiff::Zoned;
use zbus::Connection;
use zbus::connection::Builder;
use zbus::proxy::CacheProperties;

use crate::args::Kind;
use crate::dictionary::Dictionary;
use crate::failure::Failure;
use crate::screen::Screen;

/// What every verb needs.
pub struct Session {
    connection: Connection,
    /// Another user, if one was named.
    pub user: Option<u32>,
    /// Where the answers go.
    pub screen: Screen,
    /// The present moment, in the user's time zone.
    pub now: Zoned,
}

impl Session {
    /// Connects to the bus: the one at `address`, else the system bus.
    pub async fn connect(
        address: Option<&str>,
        user: Option<u32>,
        screen: Screen,
    ) -> Result<Self, Failure> {
        let builder = match address {
            Some(address) => Builder::address(address),
            None => Builder::system(),
        };
        let connection = builder.build().await.map_err(Failure::NoBus)?;
        Ok(Self { connection, user, screen, now: Zoned::now() })
    }

    /// The bus itself.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Every app's interface.
    pub async fn gate(&self) -> Result<Gate1Proxy<'_>, Failure> {
        let builder = Gate1Proxy::builder(&self.connection).cache_properties(CacheProperties::No);
        builder.build().await.map_err(|error| Failure::Call(error.into()))
    }

    /// The settings' interface.
    pub async fn settings(&self) -> Result<Settings1Proxy<'_>, Failure> {
        let builder =
            Settings1Proxy::builder(&self.connection).cache_properties(CacheProperties::No);
        builder.build().await.map_err(|error| Failure::Call(error.into()))
    }

    /// Browsers' interface.
    pub async fn cookies(&self) -> Result<Cookies1Proxy<'_>, Failure> {
        let builder =
            Cookies1Proxy::builder(&self.connection).cache_properties(CacheProperties::No);
        builder.build().await.map_err(|error| Failure::Call(error.into()))
    }

    /// The administration's interface.
    pub async fn admin(&self) -> Result<Admin1Proxy<'_>, Failure> {
        let builder = Admin1Proxy::builder(&self.connection).cache_properties(CacheProperties::No);
        builder.build().await.map_err(|error| Failure::Call(error.into()))
    }

    /// The identifiers' interface.
    pub async fn identifiers(&self) -> Result<Identifiers1Proxy<'_>, Failure> {
        let builder =
            Identifiers1Proxy::builder(&self.connection).cache_properties(CacheProperties::No);
        builder.build().await.map_err(|error| Failure::Call(error.into()))
    }

    /// The rights' interface.
    pub async fn rights(&self) -> Result<Rights1Proxy<'_>, Failure> {
        let builder = Rights1Proxy::builder(&self.connection).cache_properties(CacheProperties::No);
        builder.build().await.map_err(|error| Failure::Call(error.into()))
    }

    /// Options that say whose settings are meant.
    pub fn options(&self) -> Options<'static> {
        self.user.map(|user| ("user", user.into())).into_iter().collect()
    }

    /// The toggles' names.
    pub async fn toggles(&self) -> Result<Dictionary, Failure> {
        let rows = self.settings().await?.list_toggles(self.options()).await?;
        Ok(Dictionary::new("toggles", &rows)?)
    }

    /// The apps' names.
    pub async fn apps(&self) -> Result<Dictionary, Failure> {
        let rows = self.settings().await?.list_apps(self.options()).await?;
        Ok(Dictionary::new("apps", &rows)?)
    }

    /// The names of one kind of the catalogue.
    pub async fn words(&self, kind: Kind) -> Result<Dictionary, Failure> {
        Ok(Dictionary::new(kind.word(), &self.catalog(kind).await?)?)
    }

    /// The same for who may be refused it: an app in a sandbox, say. Names are then ids.
    pub async fn words_if_allowed(&self, kind: Kind) -> Dictionary {
        self.words(kind).await.unwrap_or_default()
    }

    /// The rows of one kind of the catalogue.
    pub async fn catalog(&self, kind: Kind) -> Result<Vec<Details>, Failure> {
        Ok(self.admin().await?.list_catalog(kind.word(), Options::new()).await?)
    }
}
