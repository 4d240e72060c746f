//! The order of the arms: where two match, the earlier decides.

use consentd::apps::Collection;
use consentd::catalog::{Basis, State, Trust};
use consentd::decision::explain;
use consentd::decision::situation::Right;

use crate::fixture::{CONSENTED, SMALL, Scene, collects};

/// One check, and what is wrong with it.
struct Wrong {
    scene: Scene,
    purpose: &'static str,
    data: &'static str,
}

impl Wrong {
    fn nothing() -> Self {
        let pairs = |purpose| {
            let safe = "destinations = [{ country = \"NL\", tls = true }]";
            collects(purpose, &["vault.password"], "consent", safe)
        };
        let scene = Scene::new(&SMALL, &(pairs("profiling") + &pairs("sale")));
        Self { scene, purpose: "profiling", data: "vault.password" }
    }

    fn collections(&mut self, change: impl Fn(&mut Collection)) {
        if let Some(app) = &mut self.scene.app {
            app.collections.iter_mut().for_each(change);
        }
    }

    fn change(&mut self, change: impl FnOnce(Scene) -> Scene) {
        self.scene = change(self.scene.clone());
    }
}

/// A fault: its arm, the reason it is denied for, and what brings it about.
type Fault = (u32, &'static str, fn(&mut Wrong));

/// In the order in which they decide.
const FAULTS: &[Fault] = &[
    (1, "unidentified", |wrong| wrong.scene.caller = None),
    (1, "insufficient-trust", |wrong| {
        // Who is not identified has no trust that could be too low.
        wrong.scene.caller = wrong.scene.caller.map(|_| Trust::Weak);
    }),
    (2, "unknown-purpose", |wrong| wrong.purpose = "nothing"),
    (3, "forbidden", |wrong| {
        if wrong.purpose != "nothing" {
            wrong.purpose = "sale";
        }
    }),
    (4, "undeclared", |wrong| wrong.scene.app = None),
    (5, "requirement-not-met", |wrong| {
        wrong.collections(|collection| collection.on_device = true);
        wrong.scene.context.destination.get_or_insert("NL".into());
    }),
    (6, "minor", |wrong| wrong.scene.minor = true),
    (7, "objected", |wrong| wrong.change(|scene| held(scene, Right::Objection))),
    (7, "restricted", |wrong| wrong.change(|scene| held(scene, Right::Restriction))),
    (7, "isolated", |wrong| {
        wrong.change(|scene| {
            let law = scene.isolation("law");
            held(scene, law)
        });
    }),
    (8, "basis-not-permitted", |wrong| {
        wrong.collections(|collection| collection.basis = Basis::Contract);
    }),
    (9, "recipient-not-declared", |wrong| wrong.scene.context.recipient = Some("court".into())),
    (9, "transfer-not-permitted", |wrong| wrong.scene.context.destination = Some("US".into())),
    (9, "insecure-destination", |wrong| wrong.scene.context.secure = Some(false)),
    (10, "locked", |wrong| wrong.change(|scene| scene.locked("agree.more"))),
    (11, "toggle-off", |wrong| wrong.change(|scene| scene.state("agree.more", State::Off))),
    (11, "not-set", |wrong| wrong.change(|scene| scene.state("everything", State::Ask))),
    (12, "notice-declined", |wrong| {
        wrong.change(|scene| {
            let old = scene.consent("agree", Some((CONSENTED, "2019-12-09")));
            old.declined("agree", "2025-10-10")
        });
        if let Some(app) = &mut wrong.scene.app {
            let newest = wrong.scene.catalog.notices.find("2022-06-01").unwrap();
            app.pairs.iter_mut().for_each(|pair| pair.since = newest);
        }
    }),
];

fn held(scene: Scene, right: Right) -> Scene {
    scene.holds(right, "*", "*", CONSENTED + 100)
}

fn expect(wrong: &Wrong, arm: u32, reason: &str, what: &str) {
    assert_eq!(wrong.scene.reason(wrong.purpose, wrong.data), reason, "{what}");
    let data = [wrong.data];
    let question = wrong.scene.question(wrong.purpose, &data);
    let (_, steps) = explain(&question, &wrong.scene.situation()).remove(0);
    assert_eq!(steps.last().unwrap().rule.number(), arm, "{what}");
}

#[test]
fn a_fault_alone_decides_by_its_arm() {
    expect(&Wrong::nothing(), 13, "consented", "nothing wrong");
    for (arm, reason, happens) in FAULTS {
        let mut wrong = Wrong::nothing();
        happens(&mut wrong);
        expect(&wrong, *arm, reason, reason);
    }
}

#[test]
fn of_any_two_faults_the_earlier_arm_decides() {
    for (position, (arm, reason, happens)) in FAULTS.iter().enumerate() {
        for (_, later, also) in &FAULTS[position + 1..] {
            for order in [[happens, also], [also, happens]] {
                let mut wrong = Wrong::nothing();
                order.iter().for_each(|happens| happens(&mut wrong));
                expect(&wrong, *arm, reason, &format!("{reason} and {later}"));
            }
        }
    }
}

#[test]
fn of_all_faults_from_one_on_that_one_decides() {
    for (position, (arm, reason, _)) in FAULTS.iter().enumerate() {
        let mut wrong = Wrong::nothing();
        FAULTS[position..].iter().for_each(|(_, _, happens)| happens(&mut wrong));
        expect(&wrong, *arm, reason, reason);
    }
}

#[test]
fn an_unknown_purpose_is_named_before_an_unknown_item_and_both_before_all_later_arms() {
    let mut wrong = Wrong::nothing();
    wrong.data = "nothing";
    for (_, _, happens) in FAULTS.iter().filter(|(arm, ..)| *arm > 3) {
        happens(&mut wrong);
    }
    expect(&wrong, 2, "unknown-data", "unknown item");
    wrong.purpose = "sale";
    expect(&wrong, 2, "unknown-data", "unknown item for what is forbidden");
    wrong.purpose = "nothing";
    expect(&wrong, 2, "unknown-purpose", "both");
    wrong.scene.caller = None;
    expect(&wrong, 1, "unidentified", "and nobody asks");
}

/// Arm 12 within itself: a declined notice denies, whatever another toggle would ask.
#[test]
fn a_declined_notice_decides_over_other_missing_consents() {
    let more = "notice = \"2022-06-01\"";
    let scene = Scene::of("profiling", "note", "consent", more);
    let old = Some((CONSENTED, "2019-12-09"));
    let declined = |first: &str, second: &str, other| {
        let scene = scene.clone().consent(second, other);
        scene.consent(first, old).declined(first, "2025-10-10").reason("profiling", "note")
    };
    for other in [None, old] {
        assert_eq!(declined("agree", "agree.more", other), "notice-declined");
        assert_eq!(declined("agree.more", "agree", other), "notice-declined");
    }
}

/// Arm 12 within itself: of two toggles that only ask, the catalogue's first says why.
#[test]
fn of_two_missing_consents_the_first_toggle_says_why() {
    let scene = Scene::of("profiling", "note", "consent", "notice = \"2022-06-01\"");
    let old = Some((CONSENTED, "2019-12-09"));
    let asks = |first, second| {
        let scene = scene.clone().consent("agree", first).consent("agree.more", second);
        scene.reason("profiling", "note")
    };
    assert_eq!(asks(None, old), "not-set");
    assert_eq!(asks(old, None), "notice-changed");
}
