//! Lifetimes, whatever the clocks do.

use consentd::catalog::State;
use consentd::clock::Moment;
use consentd::engine::settings::{Allowance, By, Entry, Lifetime};
use proptest::prelude::*;

use super::config;

const NOON: i64 = 1_767_268_800;

/// Seconds near each other, and the far ends.
fn wall() -> impl Strategy<Value = i64> {
    prop_oneof![8 => NOON - 100..NOON + 100, 1 => any::<i64>()]
}

fn moment() -> impl Strategy<Value = Moment> {
    let since_boot = prop_oneof![8 => 0..200_000i64, 1 => 0..i64::MAX];
    (wall(), since_boot, 0..2u128).prop_map(|(wall, since_boot, boot)| Moment {
        wall,
        since_boot,
        boot,
    })
}

fn until(given: Moment, until: i64) -> Allowance {
    let entry = Entry { generation: 1, at: 0, notice: None, state: State::On, by: By::Prompt };
    Allowance { entry, lifetime: Lifetime::Until(until), given }
}

/// Milliseconds that the boot-time clock went on; none in another boot.
fn elapsed(given: Moment, now: Moment) -> Option<i128> {
    (given.boot == now.boot).then(|| i128::from(now.since_boot) - i128::from(given.since_boot))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn an_until_holds_nowhere_outside_its_hours(given in moment(), end in wall(), now in moment()) {
        let outside = now.wall < given.wall || now.wall >= end;
        prop_assert!(!(outside && until(given, end).holds(now)));
    }

    #[test]
    fn an_until_holds_no_longer_than_its_span(given in moment(), end in wall(), now in moment()) {
        let span = (i128::from(end) - i128::from(given.wall)) * 1000;
        let spent = elapsed(given, now).is_some_and(|elapsed| elapsed >= span);
        prop_assert!(!(spent && until(given, end).holds(now)));
    }

    /// The two sentences above are all: within both it holds.
    #[test]
    fn an_until_holds_within_its_hours_and_its_span(given in moment(), end in NOON..NOON + 100, now in moment()) {
        let span = (i128::from(end) - i128::from(given.wall)) * 1000;
        let within = (given.wall..end).contains(&now.wall)
            && elapsed(given, now).is_none_or(|elapsed| elapsed < span)
            && elapsed(given, now).is_none_or(|elapsed| elapsed >= 0);
        prop_assert!(!within || until(given, end).holds(now));
    }

    /// Its span once spent, no wall clock brings it back within that boot.
    #[test]
    fn a_clock_set_back_revives_nothing(given in moment(), end in wall(), on in 0..200_000i64, wall in wall()) {
        let allowance = until(given, end);
        let span = end.saturating_sub(given.wall).saturating_mul(1000).max(0);
        let since_boot = given.since_boot.saturating_add(span).saturating_add(on);
        prop_assume!(since_boot - given.since_boot >= span);
        let now = Moment { wall, since_boot, ..given };
        prop_assert!(!allowance.holds(now));
    }

    #[test]
    fn what_is_over_does_not_hold_and_what_holds_is_due_later(given in moment(), end in wall(), now in moment()) {
        let allowance = until(given, end);
        prop_assert!(!(allowance.holds(now) && allowance.is_over(now)));
        let due = allowance.due_in(now).unwrap();
        prop_assert_eq!(due == 0, allowance.is_over(now));
    }

    #[test]
    fn an_allowance_for_a_boot_holds_in_that_boot_alone(given in moment(), now in moment()) {
        let allowance = Allowance { lifetime: Lifetime::Boot, ..until(given, 0) };
        prop_assert_eq!(allowance.holds(now), given.boot == now.boot);
    }
}
