//! A site: the host whose cookies a choice is about, in the one form that it is stored and asked in.

use std::net::Ipv6Addr;

use consentd_dbus::names::SITE_PREFIX;

use super::error::{EngineError, Invalid, TooLarge};
use super::request::MAX_ID;

/// A host as browsers write it: lower case, other scripts as `xn--`, no scheme, port or path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// `site:mi.com`: what the settings and the ledger know it by.
    id: Box<str>,
}

impl Site {
    /// The site of a host. Whether it is one of its own, such as `mi.com` of `www.mi.com`, is for the
    /// browser to say: a choice for one host is none for another.
    ///
    /// # Errors
    /// It is no host, or too long to be stored.
    pub fn of(host: &str) -> Result<Self, EngineError> {
        let wrong = |why| Invalid::Site { site: host.chars().take(64).collect(), why };
        let normal = normal(host).map_err(wrong)?;
        let id = format!("{SITE_PREFIX}{normal}");
        if id.len() > MAX_ID {
            return Err(TooLarge::Id(id.len()).into());
        }
        Ok(Self { id: id.into() })
    }

    /// The site that the `app` of a setting names, if it names one: `site:HOST`.
    pub fn named(app: &str) -> Option<Result<Self, EngineError>> {
        app.strip_prefix(SITE_PREFIX).map(Self::of)
    }

    /// `site:mi.com`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `mi.com`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.id[SITE_PREFIX.len()..]
    }
}

fn normal(host: &str) -> Result<String, &'static str> {
    if host.is_empty() {
        return Err("it is empty; name the host, such as mi.com");
    }
    if host.contains("://") || host.contains(['/', '?', '#']) {
        return Err("name the host alone, without scheme or path");
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| "this is no IPv6 address")?;
        return Ok(format!("[{address}]"));
    }
    if host.contains(':') {
        return Err("leave the port out; an IPv6 address stands in brackets");
    }
    if host.contains('@') {
        return Err("name the host alone, without a user");
    }
    let ascii = idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL)
        .map_err(|_| "it has letters that no host has")?;
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        label.len() <= 63 && label.bytes().all(fits)
    };
    if ascii.split('.').any(str::is_empty) {
        return Err("a dot stands where a name should");
    }
    if ascii.len() > 253 || !ascii.split('.').all(is_label) {
        return Err("hosts are names of letters, digits and hyphens, with dots between them");
    }
    Ok(ascii.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_host_has_one_form() {
        for (written, host) in [
            ("mi.com", "mi.com"),
            ("Shop.MI.com", "shop.mi.com"),
            ("localhost", "localhost"),
            ("a_b.example", "a_b.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("XN--bcher-kva.example", "xn--bcher-kva.example"),
            ("小米.中国", "xn--yets76e.xn--fiqs8s"),
            ("192.168.1.1", "192.168.1.1"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::0:1]", "[2001:db8::1]"),
        ] {
            let site = Site::of(written).unwrap();
            assert_eq!((site.host(), site.id()), (host, &*format!("site:{host}")), "{written}");
        }
        assert_eq!(Site::named("site:Mi.com").unwrap().unwrap().host(), "mi.com");
        assert!(Site::named("org.example.game").is_none());
    }

    #[test]
    fn what_is_no_host_is_refused_and_said_why() {
        for (written, why) in [
            ("", "it is empty"),
            ("https://mi.com", "without scheme"),
            ("mi.com/", "without scheme"),
            ("mi.com:443", "leave the port out"),
            ("::1", "in brackets"),
            ("[mi.com]", "no IPv6"),
            ("me@mi.com", "without a user"),
            ("mi..com", "a dot"),
            (".mi.com", "a dot"),
            ("mi.com.", "a dot"),
            ("mi com", "letters that no host has"),
            ("mi\0com", "letters that no host has"),
            ("xn--a.example", "letters that no host has"),
            ("*", "letters"),
        ] {
            let error = Site::of(written).unwrap_err().to_string();
            assert!(error.contains(why), "{written:?}: {error}");
        }
        let long = format!("{}.example", "a".repeat(64));
        assert!(Site::of(&long).unwrap_err().to_string().contains("names of letters"), "{long}");
        let long = format!("{0}.{0}.{0}.example", "a".repeat(60));
        assert!(matches!(Site::of(&long), Err(EngineError::TooLarge(TooLarge::Id(_)))));
    }

    proptest! {
        /// Whatever is typed, it is refused or has a form that stays as it is.
        #[test]
        fn the_form_is_its_own_form(text in "\\PC{0,24}|[a-zA-Z0-9._ü:/-]{0,24}") {
            if let Ok(site) = Site::of(&text) {
                prop_assert_eq!(Site::of(site.host()).unwrap(), site.clone());
                prop_assert!(site.host().is_ascii() && !site.host().contains(char::is_uppercase));
            }
        }
    }
}
