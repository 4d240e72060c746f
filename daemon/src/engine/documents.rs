//! The documents of an export: what each is made from. Their forms are in [`crate::exports`].

use serde_json::{Value, json};

use super::Engine;
use super::error::EngineError;
use super::policy::Policy;
use crate::exports::consent::Consent;
use crate::exports::{Document, cookies, dpv, fides, kantara};
use crate::row::Row;

impl Engine {
    /// One JSON document for a user, in a form that others define.
    ///
    /// # Errors
    /// There is no catalogue in force, or the store cannot be read; of a user's first receipts, that the
    /// disk does not take the secret that their names are made with.
    pub fn document(&self, user: u32, document: Document) -> Result<Value, EngineError> {
        let policy = self.policy()?;
        let (catalog, apps) = (&policy.catalog, &policy.apps);
        Ok(match document {
            Document::Fides => fides::manifest(catalog, apps),
            Document::Cookies => cookies::disclosures(catalog),
            Document::Kantara => {
                let (principal, consents) = self.told(user, &policy)?;
                kantara::receipts(catalog, apps, &principal, &consents)
            }
            Document::Dpv => {
                let (principal, consents) = self.told(user, &policy)?;
                dpv::records(catalog, apps, &principal, &consents)
            }
        })
    }

    /// What stands for a user, and the user's consents, with names that say nothing to others and are the
    /// same each time.
    fn told(&self, user: u32, policy: &Policy) -> Result<(String, Vec<Consent>), EngineError> {
        let rows = self.list_consents(user)?;
        let known = || self.read_state().settings.secrets.get(&user).copied();
        let secret = match known() {
            Some(secret) => Some(secret),
            None => {
                self.draw_secret(user)?;
                known()
            }
        };
        let name = |of: &str| secret.map(|secret| secret.name(of)).unwrap_or_default();
        let consents = rows.iter().map(|row| {
            Consent::read(row, name(&identity(user, row)), &policy.catalog, &policy.apps)
        });
        Ok((name(&format!("user {user}")), consents.collect()))
    }
}

/// What tells a consent from every other. Not its number in the store, which a restored store may give
/// away once more.
fn identity(user: u32, row: &Row) -> String {
    let values = ["toggle", "app", "generation", "at"].map(|name| row.get(name));
    format!("consent {user} {}", json!(values))
}
