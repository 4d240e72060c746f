//! The shape of any answer: order, company, trace, refusal, unknown ids.

use consentd::decision::trace::Rule;
use consentd::decision::{Decision, explain};
use proptest::prelude::*;

use super::config;
use super::draft::draft;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_refusal_is_empty_exactly_where_it_is_allowed(draft in draft()) {
        let check = draft.draw();
        for ruling in check.scene.check(check.purpose, &check.data) {
            let allowed = ruling.decision() == Decision::Allow;
            prop_assert_eq!(ruling.refusal.word().is_empty(), allowed, "{:?}", ruling);
        }
    }

    /// The arms of an explanation are 1 to n, and the last alone decides.
    #[test]
    fn an_explanation_walks_the_arms_in_order_to_the_one_that_decides(draft in draft()) {
        let check = draft.draw();
        let question = check.scene.question(check.purpose, &check.data);
        let rulings = check.scene.check(check.purpose, &check.data);
        let explained = explain(&question, &check.scene.situation());
        prop_assert_eq!(explained.len(), rulings.len());
        for ((ruling, steps), decided) in explained.into_iter().zip(rulings) {
            prop_assert_eq!(ruling, decided);
            let walked: Vec<Rule> = steps.iter().map(|step| step.rule).collect();
            prop_assert_eq!(&walked[..], &Rule::ALL[..walked.len()]);
            let (last, passed) = steps.split_last().unwrap();
            prop_assert!(passed.iter().all(|step| step.finding.is_none()));
            match last.finding {
                Some(finding) => {
                    prop_assert_eq!(finding.reason, ruling.reason);
                    prop_assert!(ruling.decision() != Decision::Allow);
                    prop_assert!(!finding.text(check.scene.catalog).is_empty());
                }
                None => {
                    prop_assert_eq!(last.rule, Rule::Allowed);
                    prop_assert_eq!(ruling.decision(), Decision::Allow);
                }
            }
        }
    }

    /// One answer per item, the same wherever in the list it stands.
    #[test]
    fn the_order_of_items_changes_no_answer(draft in draft(), turn in any::<usize>()) {
        let check = draft.draw();
        let rulings = check.scene.check(check.purpose, &check.data);
        prop_assert_eq!(rulings.len(), check.data.len());
        let turn = turn % check.data.len();
        let (mut data, mut expected) = (check.data.clone(), rulings);
        data.rotate_left(turn);
        expected.rotate_left(turn);
        prop_assert_eq!(&check.scene.check(check.purpose, &data), &expected);
        data.reverse();
        expected.reverse();
        prop_assert_eq!(check.scene.check(check.purpose, &data), expected);
    }

    /// R58: company can make an item personal, and that takes away only.
    #[test]
    fn company_gives_no_item_an_allow_that_it_did_not_have_alone(draft in draft()) {
        let check = draft.draw();
        let together = check.scene.check(check.purpose, &check.data);
        for (position, data) in check.data.iter().enumerate() {
            let alone = check.scene.check(check.purpose, &[data])[0];
            if together[position].decision() == Decision::Allow {
                prop_assert_eq!(alone.decision(), Decision::Allow, "{}", data);
            }
            let item = &check.scene.catalog.data[check.scene.catalog.data.find(data).unwrap()];
            if item.personal {
                prop_assert_eq!(alone, together[position], "{} is personal anyhow", data);
            }
            let mut fewer = check.data.clone();
            fewer.remove((position + 1) % check.data.len());
            let before = check.scene.check(check.purpose, &fewer);
            for (ruling, data) in before.iter().zip(&fewer) {
                let after = together[check.data.iter().position(|id| id == data).unwrap()];
                let given = after.decision() == Decision::Allow;
                prop_assert!(!given || ruling.decision() == Decision::Allow, "{}", data);
            }
        }
    }

    #[test]
    fn an_unknown_id_is_never_allowed(draft in draft(), at in any::<usize>(), id in "[a-z.*@]{0,12}") {
        let check = draft.draw();
        let catalog = check.scene.catalog;
        let unknown = |known: bool| !known;
        if unknown(catalog.purposes.find(&id).is_some()) {
            for ruling in check.scene.check(&id, &check.data) {
                prop_assert_eq!(ruling.decision(), Decision::Deny);
            }
        }
        if unknown(catalog.data.find(&id).is_some()) {
            let mut data = check.data.clone();
            let at = at % data.len();
            data[at] = &id;
            prop_assert_eq!(check.scene.check(check.purpose, &data)[at].decision(), Decision::Deny);
        }
        let mut named = check.scene.clone();
        if unknown(catalog.recipients.find(&id).is_some()) {
            named.context.recipient = Some(id.clone().into());
            for ruling in named.check(check.purpose, &check.data) {
                prop_assert_eq!(ruling.decision(), Decision::Deny);
            }
        }
        named.context.recipient = None;
        named.context.destination = Some(id.into());
        for ruling in named.check(check.purpose, &check.data) {
            prop_assert_eq!(ruling.decision(), Decision::Deny, "no country is written so");
        }
    }

    #[test]
    fn who_is_unknown_or_declares_nothing_is_never_allowed(draft in draft()) {
        let check = draft.draw();
        for scene in [check.scene.clone().unidentified(), check.scene.clone().undeclared()] {
            for ruling in scene.check(check.purpose, &check.data) {
                prop_assert_eq!(ruling.decision(), Decision::Deny);
            }
        }
    }

    /// R28: mandatory and optional never enter the rule.
    #[test]
    fn whether_a_pair_is_mandatory_changes_no_answer(draft in draft()) {
        let mut check = draft.draw();
        let before = check.scene.check(check.purpose, &check.data);
        for collection in check.scene.app.iter_mut().flat_map(|app| &mut app.collections) {
            collection.mandatory = true;
        }
        prop_assert_eq!(before, check.scene.check(check.purpose, &check.data));
    }

    /// An approximate is offered only where it would be allowed, had it been asked in the same check.
    #[test]
    fn an_approximate_that_is_offered_is_allowed(draft in draft()) {
        let check = draft.draw();
        let catalog = check.scene.catalog;
        for (data, ruling) in check.data.iter().zip(check.scene.check(check.purpose, &check.data)) {
            let item = &catalog.data[catalog.data.find(data).unwrap()];
            let Some(counterpart) = item.approximate else { continue };
            let mut asked = check.data.clone();
            let id: &str = &catalog.data[counterpart].id;
            if !asked.contains(&id) {
                asked.push(id);
            }
            let at = asked.iter().position(|asked| *asked == id).unwrap();
            let allowed = check.scene.check(check.purpose, &asked)[at].decision() == Decision::Allow;
            if ruling.decision() != Decision::Allow {
                prop_assert_eq!(ruling.refusal.word() == "approximate", allowed, "{}", data);
            }
        }
    }
}
