//! A check as it was asked, once its shape is known to be right.

use std::collections::HashSet;

use super::error::{EngineError, Invalid, TooLarge};
use crate::decision::{Context, Question};

/// Items in one check.
pub const MAX_ITEMS: usize = 256;
/// Bytes of an id.
pub const MAX_ID: usize = 128;
/// Bytes of a tag.
pub const MAX_TAG: usize = 64;

/// A check whose shape is right: at least one item, none twice, nothing too long.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    question: Question<'a>,
    tag: &'a str,
}

impl<'a> Request<'a> {
    /// Takes a check if its shape is right. Whether the ids mean anything is the rule's to say.
    ///
    /// # Errors
    /// An empty list, a doubled item, no country, or something too long.
    pub fn new(
        purpose: &'a str,
        data: &'a [&'a str],
        context: &'a Context,
        tag: &'a str,
    ) -> Result<Self, EngineError> {
        if data.is_empty() {
            return Err(Invalid::NoItems.into());
        }
        if data.len() > MAX_ITEMS {
            return Err(TooLarge::Items(data.len()).into());
        }
        if tag.len() > MAX_TAG {
            return Err(TooLarge::Tag(tag.len()).into());
        }
        let ids = data.iter().copied().chain([purpose]).chain(context.recipient.as_deref());
        for id in ids {
            check_id(id)?;
        }
        let mut seen = HashSet::with_capacity(data.len());
        if let Some(doubled) = data.iter().find(|id| !seen.insert(**id)) {
            return Err(Invalid::Doubled((*doubled).into()).into());
        }
        if let Some(country) = context.destination.as_deref() {
            check_country(country)?;
        }
        Ok(Self { question: Question { purpose, data, context }, tag })
    }

    /// What the rule is asked.
    #[must_use]
    pub fn question(&self) -> &Question<'a> {
        &self.question
    }

    /// The caller's own word about it.
    #[must_use]
    pub fn tag(&self) -> &'a str {
        self.tag
    }
}

/// Whether an id is short enough to be one.
///
/// # Errors
/// It is too long.
pub fn check_id(id: &str) -> Result<(), TooLarge> {
    if id.len() > MAX_ID { Err(TooLarge::Id(id.len())) } else { Ok(()) }
}

fn check_country(country: &str) -> Result<(), EngineError> {
    check_id(country)?;
    let letters = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    if letters { Ok(()) } else { Err(Invalid::Country(country.into()).into()) }
}
