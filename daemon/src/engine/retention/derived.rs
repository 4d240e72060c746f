//! What apps derive under a consent: it is to be erased once that is off (R60). It holds no state.

use super::PairKey;
use crate::catalog::{Catalog, State, ToggleIx};
use crate::clock::Moment;
use crate::decision::situation::Toggles as _;
use crate::engine::names::{ALL_APPS, OTHER_APPS, ToggleKey};
use crate::engine::policy::Policy;
use crate::engine::settings::{Key, Overlay, View};
use crate::engine::standing::Resolver;

/// Which items of a policy are derived, and which consents they can lie under.
#[derive(Debug)]
pub(in crate::engine) struct Derived {
    items: Box<[u32]>,
    toggles: Box<[ToggleKey]>,
}

impl Derived {
    /// By the numbers that a policy gives to its toggles and items.
    pub fn of(catalog: &Catalog, toggles: &[ToggleKey], items: &[u32]) -> Self {
        let derived = || catalog.data.iter().filter(|(_, item)| item.derived).map(|(data, _)| data);
        let covers = |toggle: ToggleIx| {
            let covers = &catalog.toggles[toggle].covers;
            derived().any(|data| covers.iter().any(|cover| cover.data.contains(&data)))
        };
        let consents = catalog.toggles.iter().filter(|(_, toggle)| toggle.consent);
        let consents = consents.map(|(toggle, _)| toggle).filter(|toggle| covers(*toggle));
        Self {
            items: derived().map(|data| items[usize::from(data.0)]).collect(),
            toggles: consents.map(|toggle| toggles[usize::from(toggle.0)]).collect(),
        }
    }

    /// Whether the item of a number is derived.
    pub fn has(&self, item: u32) -> bool {
        self.items.contains(&item)
    }

    /// Whether a change can switch off what something derived lies under.
    pub fn loses_by(&self, change: &Overlay) -> bool {
        let entries = change.entries.iter();
        let off = entries.filter(|(_, entry)| entry.is_none_or(|entry| entry.state != State::On));
        let over = change.allowances.iter().filter(|(_, allowance)| allowance.is_none());
        let chosen = off.map(|(key, _)| key).chain(over.map(|(key, _)| key)).map(|key| key.toggle);
        let locked = change.locks.iter().filter(|(_, held)| **held).map(|((_, toggle), _)| *toggle);
        chosen.chain(locked).any(|toggle| self.toggles.contains(&toggle))
    }
}

/// Whether a pair is derived, and a consent that it lies under is off.
pub(in crate::engine) fn is_switched_off(
    policy: &Policy,
    view: View<'_>,
    pair: PairKey,
    now: Moment,
) -> bool {
    if !policy.derived.has(pair.item) {
        return false;
    }
    let Some((purpose, data)) = policy.pair_of(pair.purpose, pair.item) else { return false };
    let resolver = Resolver { policy, view, user: pair.user, app: pair.app, now };
    let consents = policy.catalog.covering(purpose, data).iter();
    let mut consents = consents.filter(|toggle| policy.catalog.toggles[**toggle].consent);
    consents.any(|toggle| {
        let standing = resolver.standing(*toggle);
        standing.locked
            || (standing.state == State::Off && !is_doubtful(policy, view, pair, now, *toggle))
    })
}

/// Whether an allowance neither holds nor is over: a clock was set back. An erasure cannot be taken back,
/// so it waits for what the clock says next.
fn is_doubtful(
    policy: &Policy,
    view: View<'_>,
    pair: PairKey,
    now: Moment,
    toggle: ToggleIx,
) -> bool {
    let toggle = policy.toggle_key(toggle);
    [ALL_APPS, OTHER_APPS, pair.app].into_iter().any(|app| {
        let allowance = view.settings.allowances.get(&Key { user: pair.user, app, toggle });
        allowance.is_some_and(|allowance| !allowance.holds(now) && !allowance.is_over(now))
    })
}
