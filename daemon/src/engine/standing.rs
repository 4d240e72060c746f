//! What a toggle comes to for one user's app, as the rule asks for it. It decides nothing.

use std::cell::RefCell;

use super::names::AppKey;
use super::policy::Policy;
use super::settings::View;
use crate::catalog::ToggleIx;
use crate::decision::situation::{Consent, Standing, Toggles};

/// Toggles that are resolved once, however many arms of however many pairs look at them.
pub struct Once<'a> {
    resolver: Resolver<'a>,
    seen: RefCell<Vec<(ToggleIx, Standing)>>,
}

impl<'a> Once<'a> {
    /// Of a resolver.
    #[must_use]
    pub fn of(resolver: Resolver<'a>) -> Self {
        Self { resolver, seen: RefCell::default() }
    }
}

impl Toggles for Once<'_> {
    fn standing(&self, toggle: ToggleIx) -> Standing {
        let mut seen = self.seen.borrow_mut();
        if let Some((_, standing)) = seen.iter().find(|(known, _)| *known == toggle) {
            return *standing;
        }
        let standing = self.resolver.standing(toggle);
        seen.push((toggle, standing));
        standing
    }
}

/// A policy's toggles, resolved for one user's app at one moment.
#[derive(Clone, Copy)]
pub struct Resolver<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The settings.
    pub view: View<'a>,
    /// Whose.
    pub user: u32,
    /// For which app.
    pub app: AppKey,
    /// When.
    pub now: crate::clock::Moment,
}

impl Toggles for Resolver<'_> {
    fn standing(&self, toggle: ToggleIx) -> Standing {
        let key = self.policy.toggle_key(toggle);
        let definition = &self.policy.catalog.toggles[toggle];
        let resolved = self.view.resolve(definition, key, self.user, self.app, self.now);
        let consent = resolved.consent.and_then(|entry| {
            // A notice that the catalogue no longer has covers nothing.
            let notice = self.policy.notice_of(entry.notice?)?;
            let by_guardian = entry.by.is_guardians();
            Some(Consent { generation: entry.generation, notice, by_guardian })
        });
        Standing {
            state: resolved.state,
            locked: self.view.is_locked(self.user, key),
            switched_on: resolved.switched_on,
            consent,
            declined: self
                .view
                .declined(self.user, key)
                .and_then(|declined| self.policy.notice_of(declined)),
            unconfirmed: resolved.unconfirmed,
        }
    }
}
