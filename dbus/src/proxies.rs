//! What a client calls. The shapes are the XML's; what each member does is told there.
//!
//! Members that can need authority allow polkit to ask the person in front of the screen.

use std::collections::{BTreeMap, HashMap};

use zbus::{ObjectPath, OwnedFd, OwnedVariant, Variant, proxy};

use crate::Result;

/// An `a{sv}` that goes out: options, a context, a filter.
pub type Options<'a> = HashMap<&'a str, Variant<'a>>;
/// An `a{sv}` that comes back, its keys in order.
pub type Details = BTreeMap<String, OwnedVariant>;
/// One item's answer: data, decision, reason, refusal.
pub type ItemResult = (String, String, String, String);
/// One cookie: name, domain, kind, seconds.
pub type Cookie<'a> = (&'a str, &'a str, &'a str, u64);
/// One cookie of a jar that holds many sites': site, name, domain, kind, seconds.
pub type CookieOn<'a> = (&'a str, &'a str, &'a str, &'a str, u64);
/// One cookie's answer: name, decision, reason, seconds.
pub type CookieResult = (String, String, String, u64);
/// One change of `Set`: toggle, app, state.
pub type SettingChange<'a> = (&'a str, &'a str, &'a str);

/// `org.consentd.Gate1`: every app, about itself only.
#[proxy(
    interface = "org.consentd.Gate1",
    default_service = "org.consentd",
    default_path = "/org/consentd"
)]
pub trait Gate1 {
    /// May I take these items for this purpose, now? Recorded.
    fn check(
        &self,
        purpose: &str,
        data: &[&str],
        context: Options<'_>,
    ) -> Result<(Vec<ItemResult>, Details)>;

    /// The same, not recorded; it consumes nothing.
    fn preview(
        &self,
        purpose: &str,
        data: &[&str],
        context: Options<'_>,
    ) -> Result<(Vec<ItemResult>, Details)>;

    /// The same as `check`, but an `ask` is put to the user and the answer awaited.
    fn request(
        &self,
        purpose: &str,
        data: &[&str],
        context: Options<'_>,
    ) -> Result<(Vec<ItemResult>, Details)>;

    /// The handles `page`, `usage`, `alive` and `line` of a gate in shared memory.
    fn open(&self, options: Options<'_>) -> Result<(HashMap<String, OwnedFd>, Details)>;

    /// Who the daemon takes the caller for.
    #[zbus(name = "WhoAmI")]
    fn who_am_i(&self, options: Options<'_>) -> Result<Details>;

    /// The caller's decisions may have changed.
    #[zbus(signal)]
    fn changed(&self, generation: u64) -> zbus::Result<()>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Settings1`: settings UIs and the shell tool.
#[proxy(
    interface = "org.consentd.Settings1",
    default_service = "org.consentd",
    default_path = "/org/consentd"
)]
pub trait Settings1 {
    /// All toggles with their state for all apps.
    #[zbus(allow_interactive_auth)]
    fn list_toggles(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// All declared apps, those with an invalid declaration among them.
    #[zbus(allow_interactive_auth)]
    fn list_apps(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// One app: its toggles and what it declares to collect.
    #[zbus(allow_interactive_auth)]
    fn get_app(&self, app: &str, options: Options<'_>) -> Result<Details>;

    /// One toggle for one app, `""` for all apps.
    #[zbus(allow_interactive_auth)]
    fn get(&self, toggle: &str, app: &str, options: Options<'_>) -> Result<Details>;

    /// Changes, all or nothing; the generation after them.
    #[zbus(allow_interactive_auth)]
    fn set(&self, changes: &[SettingChange<'_>], options: Options<'_>) -> Result<u64>;

    /// Holds toggles off for everybody.
    #[zbus(allow_interactive_auth)]
    fn lock(&self, toggles: &[&str], options: Options<'_>) -> Result<u64>;

    /// Lets toggles go again.
    #[zbus(allow_interactive_auth)]
    fn unlock(&self, toggles: &[&str], options: Options<'_>) -> Result<u64>;

    /// As if the app were new; how many states went.
    #[zbus(allow_interactive_auth)]
    fn reset(&self, app: &str, options: Options<'_>) -> Result<u32>;

    /// The app was removed; how many states went.
    #[zbus(allow_interactive_auth)]
    fn forget(&self, app: &str, options: Options<'_>) -> Result<u32>;

    /// What a check of that app would say, rule by rule. Not recorded.
    #[zbus(allow_interactive_auth)]
    fn explain(
        &self,
        app: &str,
        purpose: &str,
        data: &[&str],
        context: Options<'_>,
    ) -> Result<(Vec<ItemResult>, Vec<Details>)>;

    /// Records and setting events, newest first, and the cursor of the next ones.
    #[zbus(allow_interactive_auth)]
    fn history(&self, filter: Options<'_>, options: Options<'_>) -> Result<(Vec<Details>, String)>;

    /// The records that `filter` lets pass, summed.
    #[zbus(allow_interactive_auth)]
    fn counts(
        &self,
        filter: Options<'_>,
        by: &[&str],
        options: Options<'_>,
    ) -> Result<Vec<Details>>;

    /// Region, age band, language, guardian.
    #[zbus(allow_interactive_auth)]
    fn get_profile(&self, options: Options<'_>) -> Result<Details>;

    /// Changes the keys that `profile` has; the generation after it.
    #[zbus(allow_interactive_auth)]
    fn set_profile(&self, profile: Options<'_>, options: Options<'_>) -> Result<u64>;

    /// The privacy notices.
    #[zbus(allow_interactive_auth)]
    fn list_notices(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// The user's consents, ended ones among them.
    #[zbus(allow_interactive_auth)]
    fn list_consents(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// What apps were allowed to collect, and what became of it.
    #[zbus(allow_interactive_auth)]
    fn list_retention(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// Declines what is new in a notice; the generation after it.
    #[zbus(allow_interactive_auth)]
    fn decline(&self, toggles: &[&str], notice: &str, options: Options<'_>) -> Result<u64>;

    /// The user was told of that notice and of those before it.
    #[zbus(allow_interactive_auth)]
    fn acknowledge(&self, notice: &str, options: Options<'_>) -> Result<u64>;

    /// A notice waits for the user: to watchers alone.
    #[zbus(signal)]
    fn notice_pending(&self, notice: &str) -> zbus::Result<()>;

    /// Becomes the one that shows prompts to this user.
    #[zbus(allow_interactive_auth)]
    fn register_agent(&self, path: &ObjectPath<'_>, options: Options<'_>) -> Result<()>;

    /// Stops being it.
    fn unregister_agent(&self, path: &ObjectPath<'_>, options: Options<'_>) -> Result<()>;

    /// From now on `SettingChanged` comes to this connection.
    #[zbus(allow_interactive_auth)]
    fn watch(&self, options: Options<'_>) -> Result<()>;

    /// It comes no more.
    fn unwatch(&self, options: Options<'_>) -> Result<()>;

    /// A state changed; to watchers alone.
    #[zbus(signal)]
    fn setting_changed(&self, toggle: &str, app: &str, state: Details) -> zbus::Result<()>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Admin1`: the shell tool, support.
#[proxy(
    interface = "org.consentd.Admin1",
    default_service = "org.consentd",
    default_path = "/org/consentd"
)]
pub trait Admin1 {
    /// How the daemon is.
    fn status(&self, options: Options<'_>) -> Result<Details>;

    /// The rows of one table of the catalogue.
    fn list_catalog(&self, kind: &str, options: Options<'_>) -> Result<Vec<Details>>;

    /// Loads catalogue and declarations anew, all or nothing; the warnings.
    #[zbus(allow_interactive_auth)]
    fn reload(&self, options: Options<'_>) -> Result<Vec<String>>;

    /// Records and setting events as they come, as JSON lines.
    #[zbus(allow_interactive_auth)]
    fn follow(&self, filter: Options<'_>) -> Result<OwnedFd>;

    /// The user's data in one of the formats, as JSON lines.
    #[zbus(allow_interactive_auth)]
    fn export(&self, format: &str, options: Options<'_>) -> Result<OwnedFd>;

    /// Whether the ledger's chain holds.
    #[zbus(allow_interactive_auth)]
    fn verify_log(&self, options: Options<'_>) -> Result<Details>;

    /// Whether the store is sound.
    #[zbus(allow_interactive_auth)]
    fn check_store(&self, options: Options<'_>) -> Result<Details>;

    /// Makes a backup now; its file.
    #[zbus(allow_interactive_auth)]
    fn backup_store(&self, options: Options<'_>) -> Result<String>;

    /// Puts a backup in force.
    #[zbus(allow_interactive_auth)]
    fn restore_store(&self, file: &str, options: Options<'_>) -> Result<()>;

    /// Starts with an empty store.
    #[zbus(allow_interactive_auth)]
    fn reset_store(&self, options: Options<'_>) -> Result<()>;

    /// The register of breaches.
    #[zbus(allow_interactive_auth)]
    fn list_breaches(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// Enters one; its id.
    #[zbus(allow_interactive_auth)]
    fn add_breach(&self, breach: Options<'_>, options: Options<'_>) -> Result<String>;

    /// Somebody was told of one, or something was done about it.
    #[zbus(allow_interactive_auth)]
    fn note_breach(&self, id: &str, note: Options<'_>, options: Options<'_>) -> Result<()>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Identifiers1`: resettable identifiers in place of the hardware's.
#[proxy(
    interface = "org.consentd.Identifiers1",
    default_service = "org.consentd",
    default_path = "/org/consentd"
)]
pub trait Identifiers1 {
    /// May I have this identifier for this purpose, now? The value, and whether it is refused. Recorded.
    fn get(
        &self,
        kind: &str,
        purpose: &str,
        context: Options<'_>,
    ) -> Result<(String, bool, Details)>;

    /// From now on the user's identifiers of this kind are others; the generation after it.
    #[zbus(allow_interactive_auth)]
    fn reset(&self, kind: &str, options: Options<'_>) -> Result<u64>;

    /// When each kind was reset; of one app, what it would be given.
    #[zbus(allow_interactive_auth)]
    fn list(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Rights1`: what a person can ask of whoever holds their data.
#[proxy(
    interface = "org.consentd.Rights1",
    default_service = "org.consentd",
    default_path = "/org/consentd"
)]
pub trait Rights1 {
    /// Opens a case towards an app, or all of them (`""`); its number.
    #[zbus(allow_interactive_auth)]
    fn open(&self, right: &str, app: &str, details: Options<'_>) -> Result<String>;

    /// The person's cases, newest first.
    fn list(&self, options: Options<'_>) -> Result<Vec<Details>>;

    /// One case.
    fn get(&self, case: &str, options: Options<'_>) -> Result<Details>;

    /// Takes a case back.
    #[zbus(allow_interactive_auth)]
    fn withdraw(&self, case: &str, options: Options<'_>) -> Result<()>;

    /// What a case brought, as JSON lines to read from a pipe.
    #[zbus(allow_interactive_auth)]
    fn report(&self, case: &str, options: Options<'_>) -> Result<zbus::OwnedFd>;

    /// Has cases handed to an object of the caller's, for its app.
    fn register_holder(&self, path: &ObjectPath<'_>, options: Options<'_>) -> Result<()>;

    /// A case is farther. To those who watch its user (`Settings1.Watch`).
    #[zbus(signal)]
    fn case_changed(&self, case: &str, details: Details) -> zbus::Result<()>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Cookies1`: browsers, about what sites keep with them.
#[proxy(
    interface = "org.consentd.Cookies1",
    default_service = "org.consentd",
    default_path = "/org/consentd"
)]
pub trait Cookies1 {
    /// May this site keep these, and how long? Recorded.
    fn check(
        &self,
        site: &str,
        jar: &[Cookie<'_>],
        context: Options<'_>,
    ) -> Result<Vec<CookieResult>>;

    /// What any browser would be answered, and what the catalogue says of each. Not recorded.
    #[zbus(allow_interactive_auth)]
    fn explain(
        &self,
        jar: &[CookieOn<'_>],
        options: Options<'_>,
    ) -> Result<(Vec<CookieResult>, Vec<Details>)>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Holder1`, on a holder: called by the daemon alone. Destination and path are the holder's.
#[proxy(interface = "org.consentd.Holder1")]
pub trait Holder1 {
    /// Do what the person has a right to; what is returned goes into the pipe.
    fn handle(
        &self,
        case: &str,
        right: &str,
        out: zbus::Fd<'_>,
        details: Options<'_>,
    ) -> Result<(String, Details)>;

    /// Erase data items of a person, collected for a purpose: what they are kept for is over.
    fn erase(&self, data: &[&str], why: &str, details: Options<'_>) -> Result<()>;

    /// What a case stopped may go on.
    fn resume(&self, case: &str, details: Options<'_>) -> Result<()>;

    /// The version of this interface that the holder serves.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}

/// `org.consentd.Agent1`, on an agent: called by the daemon alone. Destination and path are the agent's.
#[proxy(interface = "org.consentd.Agent1")]
pub trait Agent1 {
    /// Ask the person in front of the screen.
    fn ask(&self, request: u64, app: Options<'_>, question: Options<'_>) -> Result<Details>;

    /// Nobody waits for the answer any more.
    #[zbus(no_reply)]
    fn cancel(&self, request: u64) -> Result<()>;

    /// The version of this interface.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> zbus::Result<u32>;
}
