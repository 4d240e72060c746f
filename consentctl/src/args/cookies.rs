//! `cookies`: what a browser would ask, and what is in its jar.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::time::Duration;

/// `cookies`.
#[derive(Debug, Subcommand)]
pub enum CookiesVerb {
    /// Ask as this shell: may a site keep these? Recorded.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(SiteCookies),
    /// What any browser would be answered, and what the policy says of each. Not recorded.
    Explain(SiteCookies),
    /// Look a browser's jar through, cookie by cookie: category, consent, lifetime. Not recorded.
    ///
    /// Reads Firefox's cookies.sqlite, Chromium's Cookies or a Netscape cookies.txt, whichever it is,
    /// also while the browser runs. Works on a copy; values are neither read nor shown. Ends with 1 if
    /// any cookie is not allowed or is kept for longer than declared.
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit {
        /// The jar.
        file: PathBuf,
        /// Judge all of it as kept for the pages of one site. Else each cookie is judged on the site
        /// that the jar keeps it for, or on the one that the policy lists it for.
        #[arg(long, value_name = "HOST")]
        site: Option<String>,
    },
}

const CHECK_EXAMPLES: &str = "\
Examples:
  consentctl cookies check mi.com userId _ga
  consentctl cookies check mi.com fbp --domain facebook.com --kind beacon
  consentctl cookies check mi.com --jar cookies.txt";

const AUDIT_EXAMPLES: &str = "\
Examples:
  consentctl cookies audit ~/.mozilla/firefox/*.default-release/cookies.sqlite
  consentctl cookies audit ~/.config/chromium/Default/Cookies
  consentctl cookies audit cookies.txt --site mi.com";

/// What a site keeps or wants to keep.
#[derive(Debug, Args)]
pub struct SiteCookies {
    /// The site's host.
    pub site: String,
    /// What is to be kept, by name.
    #[arg(required_unless_present = "jar", value_name = "NAME")]
    pub names: Vec<String>,
    /// The host that they are kept for, if it is not the site.
    #[arg(long, value_name = "HOST")]
    pub domain: Option<String>,
    /// What keeps them.
    #[arg(long, default_value = "cookie")]
    pub kind: KeptBy,
    /// For how long: 90m, 2h, 7d; as long as may be, if not given.
    #[arg(long = "for", value_name = "DURATION")]
    pub span: Option<Duration>,
    /// All cookies of a jar instead, as for `audit`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "domain", "kind", "span"])]
    pub jar: Option<PathBuf>,
}

/// What keeps something for a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeptBy {
    /// A cookie.
    Cookie,
    /// An entry of local storage.
    LocalStorage,
    /// A beacon.
    Beacon,
}

impl KeptBy {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            KeptBy::Cookie => "cookie",
            KeptBy::LocalStorage => "local-storage",
            KeptBy::Beacon => "beacon",
        }
    }
}
