//! The words that `apps.d/*.toml` may use. Strings are borrowed from the file: a thousand
//! declarations are read at start, and nearly all of their words turn into indexes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{SeqAccess, Visitor};

use crate::catalog::Basis;

/// A string of the file.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// One string, or a list of them.
#[derive(Debug, Default)]
pub(super) struct Texts<'a>(Vec<Cow<'a, str>>);

impl Texts<'_> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|text| &**text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Texts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Texts(vec![Cow::Borrowed(text)]))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Texts(vec![Cow::Owned(text.to_owned())]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declaration<'a> {
    #[serde(borrow)]
    pub app: App<'a>,
    #[serde(borrow, default)]
    pub identity: Identity<'a>,
    #[serde(borrow, default)]
    pub sdk: Vec<Sdk<'a>>,
    #[serde(borrow, default)]
    pub collects: Vec<Collects<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct App<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow, default)]
    pub vendor: Option<Text<'a>>,
    #[serde(borrow)]
    pub holder: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Identity<'a> {
    #[serde(borrow)]
    pub executable: Texts<'a>,
    #[serde(borrow)]
    pub flatpak: Texts<'a>,
    #[serde(borrow)]
    pub snap: Texts<'a>,
    #[serde(borrow)]
    pub user: Texts<'a>,
    #[serde(borrow)]
    pub unit: Texts<'a>,
    #[serde(borrow)]
    pub scope: Texts<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sdk<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub policy: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Collects<'a> {
    #[serde(borrow)]
    pub purpose: Text<'a>,
    #[serde(borrow)]
    pub data: Vec<Text<'a>>,
    pub basis: Basis,
    #[serde(default)]
    pub mandatory: bool,
    #[serde(default)]
    pub necessary: bool,
    #[serde(default)]
    pub deidentified: bool,
    #[serde(default)]
    pub aggregate: bool,
    #[serde(default)]
    pub on_device: bool,
    #[serde(default)]
    pub automated: bool,
    #[serde(borrow, default)]
    pub recipients: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub destinations: Vec<Destination<'a>>,
    #[serde(borrow)]
    pub retention: Text<'a>,
    #[serde(borrow)]
    pub notice: Text<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Destination<'a> {
    #[serde(borrow)]
    pub country: Text<'a>,
    #[serde(default)]
    pub tls: bool,
    #[serde(borrow, default)]
    pub regions: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub safeguard: Option<Text<'a>>,
    #[serde(default)]
    pub permitted: bool,
}
