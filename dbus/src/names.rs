//! The fixed names, limits and exit codes of the contract.

/// The well-known name that the daemon owns.
pub const BUS_NAME: &str = "org.consentd";
/// The one object that the daemon serves.
pub const PATH: &str = "/org/consentd";

/// Every app asks here, about itself only.
pub const GATE: &str = "org.consentd.Gate1";
/// Settings and the shell tool.
pub const SETTINGS: &str = "org.consentd.Settings1";
/// Support and administration.
pub const ADMIN: &str = "org.consentd.Admin1";
/// Resettable identifiers in place of the hardware's.
pub const IDENTIFIERS: &str = "org.consentd.Identifiers1";
/// What a person can ask of whoever holds their data.
pub const RIGHTS: &str = "org.consentd.Rights1";
/// Browsers, about their jars.
pub const COOKIES: &str = "org.consentd.Cookies1";
/// Whoever holds personal data serves it; the daemon alone calls it.
pub const HOLDER: &str = "org.consentd.Holder1";
/// Whoever shows prompts serves it; the daemon alone calls it.
pub const AGENT: &str = "org.consentd.Agent1";
/// What the property `Version` of every interface says; grows with each added member.
pub const INTERFACE_VERSION: u32 = 1;

/// What stands before the name of each of our errors, the dot included.
pub const ERROR_PREFIX: &str = "org.consentd.Error.";

/// polkit: whatever can loosen a decision about the caller's own apps.
pub const ACTION_LOOSEN: &str = "org.consentd.loosen";
/// polkit: a right exercised or withdrawn; the person authenticates themselves each time (R57).
pub const ACTION_RIGHTS: &str = "org.consentd.rights";
/// polkit: another user's settings, locks, and the reload of the catalogue.
pub const ACTION_ADMINISTER: &str = "org.consentd.administer";

/// All apps, as the `app` of a change.
pub const ALL_APPS: &str = "";
/// Apps without a state of their own, as the `app` of a change.
pub const OTHER_APPS: &str = "*";
/// What stands before a host, as the `app` of a change to one site's cookies.
pub const SITE_PREFIX: &str = "site:";

/// Data items in one check.
pub const MAX_ITEMS: usize = 256;
/// Bytes of an id.
pub const MAX_ID_BYTES: usize = 128;
/// Bytes of a context's `tag`.
pub const MAX_TAG_BYTES: usize = 64;
/// Changes in one `Set`.
pub const MAX_CHANGES: usize = 1024;
/// `Request`s of one app that wait for an answer.
pub const MAX_PENDING_PER_APP: usize = 8;
/// `Request`s of one user's apps that wait for an answer.
pub const MAX_PENDING_PER_USER: usize = 64;
/// Gates that one app holds open.
pub const MAX_OPEN_GATES: usize = 16;
/// Cookies in one jar.
pub const MAX_COOKIES: usize = 10_000;
/// Entries in one answer of `History`, unless `limit` says otherwise.
pub const DEFAULT_LIMIT: u32 = 100;
/// The highest `limit`.
pub const MAX_LIMIT: u32 = 1000;
/// Seconds that `Request` waits, unless `deadline` says otherwise.
pub const DEFAULT_DEADLINE_SECONDS: u32 = 20;
/// The highest `deadline`, in seconds.
pub const MAX_DEADLINE_SECONDS: u32 = 120;

/// The exit codes of `consentctl`.
pub mod exit {
    /// Done, or allowed.
    pub const OK: u8 = 0;
    /// Denied, or `ask`.
    pub const DENIED: u8 = 1;
    /// Wrong usage.
    pub const USAGE: u8 = 2;
    /// Not authorised.
    pub const NOT_AUTHORIZED: u8 = 3;
    /// The daemon cannot be reached.
    pub const UNREACHABLE: u8 = 4;
    /// Refused as invalid.
    pub const INVALID: u8 = 5;
    /// Something is damaged.
    pub const DAMAGED: u8 = 6;
}
