//! OAID, VAID, AAID: identifiers that can be reset, and how their values come about (R59, S3 3.2).
//!
//! A value is a keyed hash of whose, of what and since when, under a secret of the user's own: nobody
//! without the secret can make it, tell two of one user apart from two of two users, or come from one to
//! another. It decides nothing, and never shows a secret.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustix::rand::{GetRandomFlags, getrandom};
use sha2::Sha256;

use crate::apps::App;
use crate::engine::settings::By;

/// What stands for an identifier that is refused.
pub const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// An identifier of consentd's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of the device: the same for all of a user's apps.
    Oaid,
    /// Of the vendor: the same for all of its apps.
    Vaid,
    /// Of the app.
    Aaid,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Oaid, Kind::Vaid, Kind::Aaid];

    /// The kind of a word on the wire.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word on the wire and in the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Oaid => "oaid",
            Kind::Vaid => "vaid",
            Kind::Aaid => "aaid",
        }
    }

    /// The data item that it is: what the rule judges (R1, R3).
    #[must_use]
    pub fn data(self) -> &'static str {
        match self {
            Kind::Oaid => "device.oaid",
            Kind::Vaid => "app.vaid",
            Kind::Aaid => "app.aaid",
        }
    }

    /// How far it is the same: `device`, `vendor`, `app`.
    #[must_use]
    pub fn reach(self) -> &'static str {
        match self {
            Kind::Oaid => "device",
            Kind::Vaid => "vendor",
            Kind::Aaid => "app",
        }
    }

    /// Which one of this kind a declared app has.
    #[must_use]
    pub fn scope(self, app: &App) -> String {
        match (self, &app.vendor) {
            (Kind::Oaid, _) => ALL.to_owned(),
            (Kind::Vaid, Some(vendor)) => format!("vendor:{vendor}"),
            (Kind::Vaid, None) | (Kind::Aaid, _) => scope_of(&app.id),
        }
    }
}

/// The scope that is all identifiers of a kind.
pub const ALL: &str = "";

/// The scope of one app alone.
#[must_use]
pub fn scope_of(app: &str) -> String {
    format!("app:{app}")
}

/// What a user's values are made from. It is shown to nobody, a log least of all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub fn draw() -> rustix::io::Result<Self> {
        let mut bytes = [0; 32];
        let mut drawn = 0;
        while drawn < bytes.len() {
            drawn += getrandom(&mut bytes[drawn..], GetRandomFlags::empty())?;
        }
        Ok(Self(bytes))
    }

    /// For the store.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The value of a user's identifier since its last reset: a UUID of version 8 (RFC 9562).
    #[must_use]
    pub fn value(&self, reset: &Reset, since: u64) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            // A key of any length will do: this never is.
            return ZERO.into();
        };
        mac.update(b"consentd identifier 1\0");
        mac.update(&reset.user.to_le_bytes());
        mac.update(&since.to_le_bytes());
        mac.update(reset.kind.word().as_bytes());
        mac.update(b"\0");
        // The last one: nothing can run over into it.
        mac.update(reset.scope.as_bytes());
        uuid(mac)
    }

    /// A name for something of a user's that is told to others, the same each time: a UUID of version 8.
    /// It lasts as long as the secret, whatever identifiers are reset.
    #[must_use]
    pub fn name(&self, of: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return ZERO.into();
        };
        mac.update(b"consentd name 1\0");
        mac.update(of.as_bytes());
        uuid(mac)
    }
}

fn uuid(mac: Hmac<Sha256>) -> String {
    let hash = mac.finalize().into_bytes();
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&hash[..16]);
    uuid[6] = uuid[6] & 0x0f | 0x80;
    uuid[8] = uuid[8] & 0x3f | 0x80;
    let text: Vec<String> = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    let [time, mid, version, variant, node] =
        [&text[..4], &text[4..6], &text[6..8], &text[8..10], &text[10..]].map(<[_]>::concat);
    format!("{time}-{mid}-{version}-{variant}-{node}")
}

impl From<[u8; 32]> for Secret {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Whose identifier, of which kind, how far.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reset {
    /// Uid.
    pub user: u32,
    /// Of which kind.
    pub kind: Kind,
    /// [`ALL`], `vendor:NAME` or `app:ID`.
    pub scope: String,
}

/// The last reset of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewed {
    /// When, in the order of events: none is used twice, so that no value comes back.
    pub generation: u64,
    /// Unix seconds: for people.
    pub at: i64,
    /// How.
    pub by: By,
}

/// The last resets.
pub type Renewals = BTreeMap<Reset, Renewed>;

/// The last reset of an identifier, its own or that of all of its kind.
#[must_use]
pub fn last_reset(renewals: &Renewals, of: &Reset) -> Option<Renewed> {
    let all = Reset { scope: ALL.into(), ..of.clone() };
    let found = [of, &all].into_iter().filter_map(|reset| renewals.get(reset).copied());
    found.max_by_key(|renewed| renewed.generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn reset(user: u32, kind: Kind, scope: &str) -> Reset {
        Reset { user, kind, scope: scope.into() }
    }

    #[test]
    fn a_value_is_a_uuid_and_the_same_again() {
        let secret = Secret::from([7; 32]);
        let of = reset(1000, Kind::Aaid, "app:org.example.game");
        let value = secret.value(&of, 0);
        assert_eq!(value, secret.value(&of, 0));
        let groups: Vec<usize> = value.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(value.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()));
        assert_eq!(&value[14..15], "8", "{value}: RFC 9562, version");
        assert!("89ab".contains(&value[19..20]), "{value}: RFC 9562, variant");
    }

    #[test]
    fn whatever_differs_makes_another_value() {
        let one = Secret::from([7; 32]);
        let game = "app:org.example.game";
        let values = [
            one.value(&reset(1000, Kind::Aaid, game), 0),
            one.value(&reset(1001, Kind::Aaid, game), 0),
            one.value(&reset(1000, Kind::Vaid, game), 0),
            one.value(&reset(1000, Kind::Aaid, "app:org.example.gam"), 0),
            one.value(&reset(1000, Kind::Vaid, "vendor:org.example.game"), 0),
            one.value(&reset(1000, Kind::Aaid, game), 1),
            one.value(&reset(1000, Kind::Oaid, ALL), 0),
            Secret::from([8; 32]).value(&reset(1000, Kind::Aaid, game), 0),
        ];
        assert_eq!(BTreeSet::from(values.clone()).len(), values.len(), "{values:?}");
        let names = [one.name("a"), one.name("b"), Secret::from([8; 32]).name("a")];
        assert_eq!(BTreeSet::from(names.clone()).len(), names.len(), "{names:?}");
        assert_eq!(one.name("a"), names[0]);
    }

    #[test]
    fn the_later_of_two_resets_counts() {
        let renewed = |generation| Renewed { generation, at: 0, by: By::Shell };
        let own = reset(1, Kind::Aaid, "app:a.b");
        let all = reset(1, Kind::Aaid, ALL);
        for (of_own, of_all, expected) in [(3, 5, 5), (5, 3, 5)] {
            let renewals = [(own.clone(), renewed(of_own)), (all.clone(), renewed(of_all))].into();
            assert_eq!(last_reset(&renewals, &own), Some(renewed(expected)));
        }
        let others =
            [(reset(2, Kind::Aaid, ALL), renewed(9)), (reset(1, Kind::Vaid, ALL), renewed(9))];
        assert_eq!(last_reset(&others.into(), &own), None);
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::from([7; 32])), "Secret");
        assert_ne!(Secret::draw().unwrap(), Secret::draw().unwrap());
    }
}
