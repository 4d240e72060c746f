//! The documents of an export: what each is made from. Their forms are in [`crate::exports`].

use serde_json::Value;

use super::Engine;
use super::error::EngineError;
use crate::exports::{Document, cookies, fides};

impl Engine {
    /// One JSON document for a user, in a form that others define.
    ///
    /// # Errors
    /// There is no catalogue in force.
    pub fn document(&self, _user: u32, document: Document) -> Result<Value, EngineError> {
        let policy = self.policy()?;
        match document {
            Document::Fides => Ok(fides::manifest(&policy.catalog, &policy.apps)),
            Document::Cookies => Ok(cookies::disclosures(&policy.catalog)),
        }
    }
}
