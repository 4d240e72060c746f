//! What is more restrictive never turns a denial into an allow.
//!
//! It never turns one into a question either, but for one reason: a declined notice denies only while
//! the rest is consented to; without that the user is asked again.

use std::collections::BTreeSet;

use consentd::catalog::{NoticeIx, PurposeIx, State, ToggleIx, Trust};
use consentd::decision::situation::Standing;
use consentd::decision::{Decision, Reason, Ruling};
use proptest::prelude::*;

use super::config;
use super::draft::{COUNTRIES, Drawn, draft, exercise, exercised, id_of};
use crate::fixture::Scene;

fn severity(decision: Decision) -> u8 {
    match decision {
        Decision::Allow => 0,
        Decision::Ask => 1,
        Decision::Deny => 2,
    }
}

fn is_tighter(before: Ruling, after: Ruling) -> bool {
    let asks_again =
        before.reason == Reason::NoticeDeclined && after.reason.decision() == Decision::Ask;
    severity(after.decision()) >= severity(before.decision()) || asks_again
}

/// Fails unless every item is answered as before or worse.
fn tightens(check: &Drawn, change: impl FnOnce(&mut Scene)) -> Result<(), TestCaseError> {
    let before = check.scene.check(check.purpose, &check.data);
    let mut scene = check.scene.clone();
    change(&mut scene);
    let after = scene.check(check.purpose, &check.data);
    for ((before, after), data) in before.into_iter().zip(after).zip(&check.data) {
        prop_assert!(is_tighter(before, after), "{data}: {before:?} became {after:?}");
    }
    Ok(())
}

/// Changes one toggle, the number modulo how many there are.
fn stand(scene: &mut Scene, number: usize, change: impl FnOnce(&mut Standing)) {
    let toggle = ToggleIx(u16::try_from(number % scene.catalog.toggles.len()).unwrap());
    let others = scene.toggles.others;
    change(scene.toggles.named.entry(toggle).or_insert(others));
}

/// What the pair of an item is declared for: recipients, and countries that serve the user's region.
fn declared(check: &Drawn, data: &str) -> Option<(BTreeSet<String>, BTreeSet<Box<str>>)> {
    let Scene { catalog, region, app, .. } = &check.scene;
    let purpose = catalog.purposes.find(check.purpose)?;
    let app = app.as_ref()?;
    let collection = app.collection(app.pair(purpose, catalog.data.find(data)?)?);
    let serve = collection
        .destinations
        .iter()
        .filter(|to| to.regions.is_empty() || to.regions.contains(region))
        .map(|to| to.country.code().into());
    let recipients = collection.recipients.iter().map(|to| id_of(catalog, to));
    Some((recipients.collect(), serve.collect()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_toggle_lowered_never_loosens(draft in draft(), at in any::<usize>()) {
        let check = draft.draw();
        for lower in [State::Ask, State::Off] {
            tightens(&check, |scene| stand(scene, at, |s| s.state = s.state.min(lower)))?;
        }
    }

    #[test]
    fn a_lock_never_loosens(draft in draft(), at in any::<usize>()) {
        tightens(&draft.draw(), |scene| stand(scene, at, |standing| standing.locked = true))?;
    }

    #[test]
    fn a_right_exercised_never_loosens(draft in draft(), right in exercised()) {
        let check = draft.draw();
        tightens(&check, |scene| {
            let purpose = scene.catalog.purposes.find(check.purpose).unwrap();
            let held = exercise(scene.catalog, purpose, right);
            scene.held.push(held);
        })?;
    }

    /// R39: withdrawn, older, under an older notice, or not a guardian's.
    #[test]
    fn less_consent_never_loosens(draft in draft(), at in any::<usize>(), less in 0..4u8) {
        tightens(&draft.draw(), |scene| stand(scene, at, |standing| {
            match &mut standing.consent {
                Some(consent) if less == 1 => consent.generation -= 5,
                Some(consent) if less == 2 => consent.notice = NoticeIx(0),
                Some(consent) if less == 3 => consent.by_guardian = false,
                consent => *consent = None,
            }
        }))?;
    }

    #[test]
    fn a_declined_notice_never_loosens(draft in draft(), at in any::<usize>(), notice in 0..2u16) {
        tightens(&draft.draw(), |scene| stand(scene, at, |standing| {
            standing.declined = standing.declined.max(Some(NoticeIx(notice)));
        }))?;
    }

    #[test]
    fn a_pair_that_is_newer_never_is_looser(draft in draft()) {
        tightens(&draft.draw(), |scene| {
            let newest = scene.catalog.notices.iter().next_back().unwrap().0;
            for pair in scene.app.iter_mut().flat_map(|app| &mut app.pairs) {
                pair.since = newest;
            }
        })?;
    }

    #[test]
    fn less_trust_never_loosens(draft in draft()) {
        let check = draft.draw();
        for trust in [Trust::Confined, Trust::Weak] {
            tightens(&check, |scene| scene.caller = scene.caller.map(|had| had.min(trust)))?;
        }
    }

    #[test]
    fn a_minor_has_no_more_than_an_adult(draft in draft()) {
        tightens(&draft.draw(), |scene| scene.minor = true)?;
    }

    #[test]
    fn saying_that_it_is_not_secure_or_not_de_identified_never_loosens(draft in draft()) {
        let check = draft.draw();
        tightens(&check, |scene| scene.context.secure = Some(false))?;
        tightens(&check, |scene| scene.context.deidentified = Some(false))?;
    }

    /// A context can only tighten: what it promises changes nothing.
    #[test]
    fn saying_that_it_is_secure_and_de_identified_changes_nothing(draft in draft()) {
        let check = draft.draw();
        let mut scene = check.scene.clone();
        scene.context.secure = scene.context.secure.or(Some(true));
        scene.context.deidentified = scene.context.deidentified.or(Some(true));
        let before = check.scene.check(check.purpose, &check.data);
        prop_assert_eq!(before, scene.check(check.purpose, &check.data));
    }

    #[test]
    fn a_declaration_with_less_to_say_never_is_looser(draft in draft(), what in 0..5u8) {
        tightens(&draft.draw(), |scene| {
            for collection in scene.app.iter_mut().flat_map(|app| &mut app.collections) {
                match what {
                    0 => collection.necessary = false,
                    1 => collection.deidentified = false,
                    2 => collection.aggregate = false,
                    3 => collection.automated = true,
                    _ => collection.destinations.iter_mut().for_each(|to| {
                        (to.tls, to.permitted, to.safeguard) = (false, false, None);
                    }),
                }
            }
        })?;
    }

    /// R30, R37: who names none is judged by all, who names one by that one. So none is allowed just
    /// where each is; and what is not declared is denied.
    #[test]
    fn naming_none_is_naming_all_and_naming_another_is_denied(draft in draft()) {
        let check = draft.draw();
        let decide = |recipient: Option<&str>, country: Option<&str>, at: usize| {
            let mut scene = check.scene.clone();
            scene.context.recipient = recipient.map(Into::into);
            scene.context.destination = country.map(Into::into);
            scene.check(check.purpose, &check.data)[at].decision()
        };
        for (at, data) in check.data.iter().enumerate() {
            let Some((recipients, countries)) = declared(&check, data) else { continue };
            let none = decide(None, None, at);
            let each = |decisions: Vec<Decision>| {
                decisions.is_empty()
                    || (none == Decision::Allow)
                        == decisions.iter().all(|decision| *decision == Decision::Allow)
            };
            let named = countries.iter().map(|country| decide(None, Some(country), at));
            prop_assert!(each(named.collect()), "{} to {:?}", data, countries);
            let named = recipients.iter().map(|recipient| decide(Some(recipient), None, at));
            prop_assert!(each(named.collect()), "{} to {:?}", data, recipients);
            for country in COUNTRIES.iter().filter(|country| !countries.contains(**country)) {
                prop_assert_eq!(decide(None, Some(country), at), Decision::Deny, "{}", country);
            }
            for other in check.scene.catalog.recipients.ids().filter(|id| !recipients.contains(*id)) {
                prop_assert_eq!(decide(Some(other), None, at), Decision::Deny, "{}", other);
            }
        }
    }

    /// A lock always wins: no pair under it is allowed or asked about.
    #[test]
    fn a_pair_under_a_lock_is_denied(draft in draft()) {
        let check = draft.draw();
        let catalog = check.scene.catalog;
        let purpose: PurposeIx = catalog.purposes.find(check.purpose).unwrap();
        for data in &check.data {
            for toggle in catalog.covering(purpose, catalog.data.find(data).unwrap()) {
                let mut scene = check.scene.clone();
                stand(&mut scene, usize::from(toggle.0), |standing| standing.locked = true);
                prop_assert_eq!(scene.check(check.purpose, &[data])[0].decision(), Decision::Deny);
            }
        }
    }
}
