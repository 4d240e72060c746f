//! Makes an app of its declaration, and notes what is wrong with it by path, for the lines are
//! looked up only if something is.

use std::collections::HashSet;

use nix::unistd::User;

use super::schema::{self, Collects, Declaration};
use super::{
    App, Collection, Country, Destination, Identity, Pair, Recipient, Safeguard, executable,
};
use crate::catalog::document::unknown;
use crate::catalog::{self, Basis, Catalog, PurposeIx, values};

/// The most pairs of one app.
const PAIRS: usize = 4096;

/// What is wrong, by path in the file.
#[derive(Debug, Default)]
pub(super) struct Wrongs(pub Vec<(String, String)>);

impl Wrongs {
    fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.push((path.into(), text.into()));
    }

    /// Notes an error; the path is put together only then.
    fn take<T>(&mut self, value: Result<T, String>, path: impl FnOnce() -> String) -> Option<T> {
        value.map_err(|text| self.add(path(), text)).ok()
    }
}

/// An app, and the path of each of its identities.
#[derive(Debug)]
pub(super) struct Declared {
    pub app: App,
    pub identity_paths: Vec<String>,
}

impl Declared {
    /// What a file claims to be whose other words cannot be read.
    pub(super) fn unread(id: &str, identity: &schema::Identity<'_>) -> Self {
        let (identities, identity_paths) = identities(identity, &mut Wrongs::default());
        let app = App {
            id: id.into(),
            name: id.into(),
            vendor: None,
            holder: None,
            identities,
            collections: Vec::new(),
            pairs: Vec::new(),
        };
        Self { app, identity_paths }
    }
}

/// Makes an app. It is one only if nothing was noted.
pub(super) fn declare(raw: &Declaration<'_>, catalog: &Catalog, wrongs: &mut Wrongs) -> Declared {
    wrongs.take(app_id(&raw.app.id), || "app.id".to_owned());
    wrongs.take(values::words(&raw.app.name), || "app.name".to_owned());
    if let Some(vendor) = &raw.app.vendor {
        wrongs.take(is_vendor(vendor), || "app.vendor".to_owned());
    }
    if let Some(holder) = &raw.app.holder {
        wrongs.take(is_bus_name(holder), || "app.holder".to_owned());
    }
    let (identities, identity_paths) = identities(&raw.identity, wrongs);
    sdks(&raw.sdk, wrongs);
    let mut app = App {
        id: (*raw.app.id).into(),
        name: (*raw.app.name).into(),
        vendor: raw.app.vendor.as_deref().map(Into::into),
        holder: raw.app.holder.as_deref().map(Into::into),
        identities,
        collections: Vec::with_capacity(raw.collects.len()),
        pairs: Vec::new(),
    };
    collections(raw, catalog, &mut app, wrongs);
    Declared { app, identity_paths }
}

/// An id that no caller without a declaration can have (`KIND:NAME`), nor a site.
fn app_id(id: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(fits);
    if id.len() <= values::ID_BYTES && id.contains('.') && id.split('.').all(is_name) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no app id; write it in reverse-domain form, such as `org.example.weather`, in at most {} bytes",
        id.escape_debug(),
        values::ID_BYTES
    ))
}

/// A name that an app owns on the bus.
fn is_bus_name(name: &str) -> Result<(), String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_element = |part: &str| {
        !part.starts_with(|first: char| first.is_ascii_digit())
            && !part.is_empty()
            && part.bytes().all(fits)
    };
    match name.len() <= 255 && name.contains('.') && name.split('.').all(is_element) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no name on the bus; write the one that the app owns, such as `org.example.Weather`",
            name.escape_debug()
        )),
    }
}

/// The word that apps of one vendor have in common.
fn is_vendor(vendor: &str) -> Result<(), String> {
    match is_made_of(vendor, b".-_") && vendor.len() <= values::ID_BYTES {
        true => Ok(()),
        false => Err(format!(
            "`{}` is no vendor; write one word for all of its apps, such as its domain `example.org`, in at most {} bytes",
            vendor.escape_debug(),
            values::ID_BYTES
        )),
    }
}

/// Makes an identity of a name, or says what is wrong with the name.
type ReadIdentity = fn(&str) -> Result<Identity, String>;

fn identities(raw: &schema::Identity<'_>, wrongs: &mut Wrongs) -> (Vec<Identity>, Vec<String>) {
    let mut found: Vec<Identity> = Vec::new();
    let mut paths = Vec::new();
    let kinds: [(&str, &schema::Texts<'_>, ReadIdentity); 6] = [
        ("executable", &raw.executable, |text| executable::resolve(text).map(Identity::Executable)),
        ("flatpak", &raw.flatpak, flatpak),
        ("snap", &raw.snap, snap),
        ("user", &raw.user, user),
        ("unit", &raw.unit, unit),
        ("scope", &raw.scope, scope),
    ];
    let mut named = 0;
    for (kind, texts, read) in kinds {
        for (position, text) in texts.iter().enumerate() {
            named += 1;
            let path = || format!("identity.{kind}.{position}");
            // Two paths can lead to one file: `/bin/x` and `/usr/bin/x`.
            if let Some(identity) = wrongs.take(read(text), path)
                && !found.contains(&identity)
            {
                found.push(identity);
                paths.push(path());
            }
        }
    }
    if named == 0 {
        let ways = "`executable`, `flatpak`, `snap`, `user`, `unit` or `scope`";
        wrongs.add("identity", format!("names none; say how the app is recognised: {ways}"));
    }
    (found, paths)
}

/// Whether a name is made of letters, digits and some signs.
fn is_made_of(text: &str, signs: &[u8]) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || signs.contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(fits)
}

fn flatpak(text: &str) -> Result<Identity, String> {
    match is_made_of(text, b".-_") && text.contains('.') {
        true => Ok(Identity::Flatpak(text.into())),
        false => Err(format!(
            "`{}` is no flatpak; write its application id, such as `org.example.Weather`",
            text.escape_debug()
        )),
    }
}

fn snap(text: &str) -> Result<Identity, String> {
    match is_made_of(text, b"-_") && !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Ok(Identity::Snap(text.into())),
        false => {
            Err(format!("`{}` is no snap; write its name, such as `weather`", text.escape_debug()))
        }
    }
}

fn user(text: &str) -> Result<Identity, String> {
    let known = User::from_name(text)
        .map_err(|error| format!("the user database cannot be read ({error}); try again"))?;
    let Some(known) = known else {
        return Err(format!(
            "no user `{}`; create it as a system user of the app's own (sysusers.d, or `adduser --system`)",
            text.escape_debug()
        ));
    };
    match known.uid.as_raw() {
        uid @ 1..=999 => Ok(Identity::User { name: text.into(), uid }),
        uid => {
            Err(format!("`{text}` has uid {uid}; an app's own system user has one from 1 to 999"))
        }
    }
}

fn unit(text: &str) -> Result<Identity, String> {
    let name = text.strip_suffix(".service").unwrap_or_default();
    match is_made_of(name, b".-_:@\\") {
        true => Ok(Identity::Unit(text.into())),
        false => Err(format!(
            "`{}` is no unit; write a service of the system's manager, such as `weather.service`",
            text.escape_debug()
        )),
    }
}

fn scope(text: &str) -> Result<Identity, String> {
    match is_made_of(text, b".-_:@\\") {
        true => Ok(Identity::Scope(text.into())),
        false => Err(format!(
            "`{}` is no scope; of `app-org.example.weather-12.scope` write `org.example.weather`",
            text.escape_debug()
        )),
    }
}

fn sdks(sdks: &[schema::Sdk<'_>], wrongs: &mut Wrongs) {
    let mut seen = HashSet::new();
    for (position, sdk) in sdks.iter().enumerate() {
        let at = |key: &str| format!("sdk.{position}.{key}");
        if !sdk.id.strip_prefix("sdk:").is_some_and(|name| is_made_of(name, b".-_"))
            || sdk.id.len() > values::ID_BYTES
        {
            let id = sdk.id.escape_debug();
            wrongs.add(at("id"), format!("`{id}` is no SDK; write its id as `sdk:adnet`"));
        }
        if !seen.insert(&*sdk.id) {
            let text = format!("`{}` stands in this file already; leave one out", &*sdk.id);
            wrongs.add(at("id"), text);
        }
        wrongs.take(values::words(&sdk.name), || at("name"));
        let policy = sdk.policy.strip_prefix("https://").unwrap_or_default();
        if policy.is_empty() || policy.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let text = "is no https address; write where the SDK's own policy is (R32)";
            wrongs.add(at("policy"), text);
        }
    }
}

/// Fills the app's collections and pairs.
fn collections(raw: &Declaration<'_>, catalog: &Catalog, app: &mut App, wrongs: &mut Wrongs) {
    let count: usize = raw.collects.iter().map(|collects| collects.data.len()).sum();
    if count > PAIRS {
        wrongs.add("collects", format!("declares {count} pairs; {PAIRS} are the most of one app"));
        return;
    }
    // Each pair with its position in its collection's list.
    let mut pairs: Vec<(Pair, usize)> = Vec::with_capacity(count);
    for (position, collects) in raw.collects.iter().enumerate() {
        let mut one = Reading { position, collects, catalog, wrongs };
        let purpose = one.purpose();
        let since = one.notice();
        let collection = one.collection(&raw.sdk);
        let items = one.items();
        if let Some(purpose) = purpose {
            one.basis(purpose, &items);
        }
        if let (Some(purpose), Some(since), Ok(collection)) =
            (purpose, since, u16::try_from(app.collections.len()))
        {
            pairs.extend(
                items
                    .into_iter()
                    .map(|(place, data)| (Pair { purpose, data, collection, since }, place)),
            );
        }
        app.collections.push(collection);
    }
    pairs.sort_by_key(|(pair, place)| (pair.purpose, pair.data, pair.collection, *place));
    for neighbours in pairs.windows(2) {
        let [(first, _), (second, place)] = neighbours else { continue };
        if (first.purpose, first.data) == (second.purpose, second.data) {
            let (data, purpose) = (&catalog.data[second.data], &catalog.purposes[second.purpose]);
            wrongs.add(
                format!("collects.{}.data.{place}", second.collection),
                format!(
                    "`{}` for `{}` is declared already; declare a pair once",
                    data.id, purpose.id
                ),
            );
        }
    }
    app.pairs = pairs.into_iter().map(|(pair, _)| pair).collect();
    app.pairs.shrink_to_fit();
}

/// One `[[collects]]` being read.
struct Reading<'a, 't> {
    position: usize,
    collects: &'a Collects<'t>,
    catalog: &'a Catalog,
    wrongs: &'a mut Wrongs,
}

impl Reading<'_, '_> {
    fn at(&self, key: &str) -> String {
        format!("collects.{}.{key}", self.position)
    }

    /// Notes what is wrong at a key.
    fn wrong(&mut self, key: &str, text: impl Into<String>) {
        let path = self.at(key);
        self.wrongs.add(path, text);
    }

    /// An id of a table; notes that there is none.
    fn refer<T: catalog::Entry, I: catalog::table::Index>(
        &mut self,
        key: impl FnOnce() -> String,
        what: &str,
        id: &str,
        table: &catalog::Table<T, I>,
    ) -> Option<I> {
        let found = table.find(id);
        if found.is_none() {
            self.wrong(&key(), unknown(what, id, table.ids()));
        }
        found
    }

    fn purpose(&mut self) -> Option<PurposeIx> {
        let key = || "purpose".to_owned();
        self.refer(key, "purpose", &self.collects.purpose, &self.catalog.purposes)
    }

    fn notice(&mut self) -> Option<catalog::NoticeIx> {
        let key = || "notice".to_owned();
        self.refer(key, "notice", &self.collects.notice, &self.catalog.notices)
    }

    /// The items, each with its position in the list.
    fn items(&mut self) -> Vec<(usize, catalog::DataIx)> {
        if self.collects.data.is_empty() {
            self.wrong("data", "names nothing; name the items that are collected");
        }
        let data = self.collects.data.iter().enumerate();
        data.filter_map(|(position, id)| {
            let key = || format!("data.{position}");
            Some((position, self.refer(key, "data item", id, &self.catalog.data)?))
        })
        .collect()
    }

    /// What the pairs have in common.
    fn collection(&mut self, sdks: &[schema::Sdk<'_>]) -> Collection {
        let collects = self.collects;
        if collects.on_device && !collects.destinations.is_empty() {
            let text =
                "what stays on the device goes nowhere; leave them out, or `on_device` (R16)";
            self.wrong("destinations", text);
        }
        if let Err(text) = values::words(&collects.retention) {
            self.wrong("retention", format!("{text}, such as `30 days` (R42)"));
        }
        let recipients = collects.recipients.iter().enumerate();
        let recipients =
            recipients.filter_map(|(position, id)| self.recipient(position, id, sdks)).collect();
        let destinations = collects.destinations.iter().enumerate();
        let destinations =
            destinations.map(|(position, raw)| self.destination(position, raw)).collect();
        Collection {
            basis: collects.basis,
            mandatory: collects.mandatory,
            necessary: collects.necessary,
            deidentified: collects.deidentified,
            aggregate: collects.aggregate,
            on_device: collects.on_device,
            automated: collects.automated,
            recipients,
            destinations,
            retention: (*collects.retention).into(),
        }
    }

    fn recipient(
        &mut self,
        position: usize,
        id: &str,
        sdks: &[schema::Sdk<'_>],
    ) -> Option<Recipient> {
        let key = || format!("recipients.{position}");
        if !id.starts_with("sdk:") {
            let known = self.refer(key, "recipient", id, &self.catalog.recipients)?;
            return Some(Recipient::Known(known));
        }
        let Some(sdk) = sdks.iter().find(|sdk| *sdk.id == *id) else {
            let text = format!(
                "`{}` is no SDK of this file; declare it as `[[sdk]]` (R32)",
                id.escape_debug()
            );
            self.wrong(&key(), text);
            return None;
        };
        Some(Recipient::Sdk {
            id: (*sdk.id).into(),
            name: (*sdk.name).into(),
            policy: (*sdk.policy).into(),
        })
    }

    fn destination(&mut self, position: usize, raw: &schema::Destination<'_>) -> Destination {
        let at = |key: &str| format!("destinations.{position}.{key}");
        if let Err(text) = values::country(&raw.country) {
            self.wrong(&at("country"), text);
        }
        let country = match raw.country.as_bytes() {
            [first, second] => Country([*first, *second]),
            // It is wrong, and so is the declaration.
            _ => Country(*b"??"),
        };
        let safeguard = raw.safeguard.as_ref().and_then(|word| {
            let safeguard = Safeguard::ALL.into_iter().find(|known| known.word() == &**word);
            if safeguard.is_none() {
                let right = Safeguard::ALL.map(Safeguard::word).join("`, `");
                let text = format!("no safeguard `{}`; use `{right}` (R37)", word.escape_debug());
                self.wrong(&at("safeguard"), text);
            }
            safeguard
        });
        let regions = raw.regions.iter().enumerate();
        let regions = regions
            .filter_map(|(region, id)| {
                let key = || at(&format!("regions.{region}"));
                self.refer(key, "region", id, &self.catalog.regions)
            })
            .collect();
        Destination { country, regions, tls: raw.tls, safeguard, permitted: raw.permitted }
    }

    /// What the design rejects when loaded: R27, R29, and consent that nobody could give.
    fn basis(&mut self, purpose: PurposeIx, items: &[(usize, catalog::DataIx)]) {
        let basis = self.collects.basis;
        let catalog = self.catalog;
        let entry = &catalog.purposes[purpose];
        if *entry.number == *catalog::PERSONALISED_ADS && basis == Basis::LegitimateInterest {
            let text =
                format!("`{}` is never a legitimate interest; ask for consent (R27)", entry.id);
            self.wrong("basis", text);
            return;
        }
        let outside = items
            .iter()
            .find(|(_, data)| !catalog.permitted_somewhere(purpose, *data).contains(basis));
        if let Some((_, data)) = outside {
            let words: Vec<&str> =
                catalog.permitted_somewhere(purpose, *data).iter().map(Basis::word).collect();
            let right = match words.as_slice() {
                [] => "none is".to_owned(),
                some => format!("use `{}`", some.join("` or `")),
            };
            let text = format!(
                "`{}` is not permitted for `{}` and `{}` in any region; {right} (R27, R29)",
                basis.word(),
                entry.id,
                catalog.data[*data].id
            );
            self.wrong("basis", text);
            return;
        }
        if basis != Basis::Consent {
            return;
        }
        for (position, data) in items {
            let mut covering = catalog.covering(purpose, *data).iter();
            if !covering.any(|toggle| catalog.toggles[*toggle].consent) {
                let text = format!(
                    "no consent toggle covers `{}` for `{}`: it would ask for ever; declare another basis or purpose",
                    catalog.data[*data].id, entry.id
                );
                self.wrong(&format!("data.{position}"), text);
            }
        }
    }
}
