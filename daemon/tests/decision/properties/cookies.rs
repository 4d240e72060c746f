//! Of any jar in any state: nothing is kept longer than asked or declared, and what takes away takes
//! away.

use consentd::catalog::{Kind, State, ToggleIx, Trust};
use consentd::decision::Decision;
use consentd::decision::cookie::{Cookie, Listings, Ruling, Visit, judge};
use consentd::decision::situation::{Consent, Standing, Toggles};
use proptest::prelude::*;

use super::config;
use crate::fixture::SHIPPED;

/// Every category in the same standing: a cookie looks at no other than its own.
#[derive(Debug, Clone, Copy)]
struct Everywhere(Standing);

impl Toggles for Everywhere {
    fn standing(&self, _: ToggleIx) -> Standing {
        self.0
    }
}

fn standing() -> impl Strategy<Value = Standing> {
    let state = prop_oneof![Just(State::On), Just(State::Off), Just(State::Ask)];
    let consent = prop::option::weighted(0.8, any::<bool>());
    (state, any::<bool>(), consent).prop_map(|(state, locked, consent)| Standing {
        state,
        locked,
        switched_on: None,
        consent: consent.map(|by_guardian| Consent {
            generation: 1,
            notice: SHIPPED.notices.iter().next().unwrap().0,
            by_guardian,
        }),
        declined: None,
        unconfirmed: false,
    })
}

/// A name, mostly a listed one; a host, mostly on or below a listed domain; an age.
fn asked() -> impl Strategy<Value = (String, String, u64)> {
    let cookies = &SHIPPED.cookies;
    let listed = (0..cookies.len()).prop_map(|at| cookies[at].name.to_string());
    let name = prop_oneof![4 => listed, 1 => "[a-zA-Z_]{0,8}", 1 => "\\PC{0,8}"];
    let domain = (0..cookies.len()).prop_map(|at| cookies[at].domains[0].to_string());
    let below = "(\\.|www\\.|[a-z.]{0,6}\\.|[a-z]{0,6}|\\PC{0,3})";
    let host = prop_oneof![
        4 => domain.clone(),
        3 => (below, domain).prop_map(|(below, domain)| below + &domain),
        1 => "[a-z.]{0,12}",
    ];
    let max_age = prop_oneof![Just(0), 1..100_000_000_u64, any::<u64>()];
    (name, host, max_age)
}

fn ask(jar: &[(String, String, u64)], visit: &Visit<'_>) -> Vec<Ruling> {
    let cookies: Vec<Cookie<'_>> = jar
        .iter()
        .map(|(name, domain, max_age)| Cookie { name, domain, max_age: *max_age })
        .collect();
    judge(&cookies, visit)
}

fn allows(rulings: &[Ruling]) -> Vec<bool> {
    rulings.iter().map(|ruling| ruling.decision() == Decision::Allow).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_is_kept_longer_than_asked_or_declared_and_what_is_denied_not_at_all(
        jar in prop::collection::vec(asked(), 1..20),
        standing in standing(),
        minor in any::<bool>(),
    ) {
        let toggles = Everywhere(standing);
        let visit = Visit { catalog: &SHIPPED, caller: Some(Trust::Weak), minor, toggles: &toggles };
        let listings = Listings::of(&SHIPPED);
        let rulings = ask(&jar, &visit);
        prop_assert_eq!(rulings.len(), jar.len());
        for ((name, domain, max_age), ruling) in jar.iter().zip(&rulings) {
            let cookie = Cookie { name, domain, max_age: *max_age };
            let listing = listings.find(cookie).map(|(listing, _)| listing);
            prop_assert_eq!(ruling.category, listing.map(|listing| listing.category));
            if ruling.decision() != Decision::Allow {
                prop_assert_eq!(ruling.max_age, 0);
                continue;
            }
            let listing = listing.unwrap();
            prop_assert_eq!(ruling.max_age, (*max_age).min(listing.max_age));
            let essential = SHIPPED.toggles[listing.category].kind == Kind::Fixed;
            let on = standing.state == State::On && !standing.locked && standing.consent.is_some();
            prop_assert!(essential || on, "{name} on {domain}");
        }
        // Each is judged by itself.
        for (one, ruling) in jar.iter().zip(&rulings) {
            prop_assert_eq!(&ask(std::slice::from_ref(one), &visit)[0], ruling);
        }
    }

    #[test]
    fn off_a_lock_a_withdrawal_a_minor_and_no_name_give_nothing_new(
        jar in prop::collection::vec(asked(), 1..20),
        standing in standing(),
        minor in any::<bool>(),
    ) {
        let tightened = [
            Standing { state: State::Off, ..standing },
            Standing { state: State::Ask, ..standing },
            Standing { locked: true, ..standing },
            Standing { consent: None, ..standing },
        ];
        let visit = |standing, minor, caller| {
            let toggles = &Everywhere(standing);
            allows(&ask(&jar, &Visit { catalog: &SHIPPED, caller, minor, toggles }))
        };
        let known = Some(Trust::Weak);
        let before = visit(standing, minor, known);
        let mut after: Vec<Vec<bool>> =
            tightened.iter().map(|standing| visit(*standing, minor, known)).collect();
        after.push(visit(standing, true, known));
        let unknown = visit(standing, minor, None);
        prop_assert!(!unknown.contains(&true));
        for after in after {
            prop_assert!(before.iter().zip(after).all(|(before, after)| *before || !after));
        }
    }
}
