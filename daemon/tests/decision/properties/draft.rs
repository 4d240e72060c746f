//! A situation drawn at random, on either catalogue. Most of what is drawn is harmless, so that a good
//! part of the checks is allowed; that every reason comes up is a test here.

use std::collections::{HashMap, HashSet};

use consentd::apps::{App, Collection, Country, Destination, Pair, Recipient, Safeguard};
use consentd::catalog::{
    Basis, Catalog, DataIx, NoticeIx, PurposeIx, RecipientIx, RegionIx, State, ToggleIx, Trust,
};
use consentd::decision::situation::{Consent, Held, Reach, Right, Standing};
use consentd::decision::{Context, Reason};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::fixture::{CONSENTED, SHIPPED, SMALL, Scene, Standings};

pub const COUNTRIES: [&str; 7] = ["NL", "GB", "CH", "IN", "RU", "SG", "US"];

/// Numbers stand for entries of the catalogue: each is taken modulo how many there are.
#[derive(Debug, Clone)]
pub struct Draft {
    small: bool,
    purpose: usize,
    items: Vec<usize>,
    /// Which item is not declared, if any.
    missing: Option<usize>,
    collections: Vec<Declared>,
    since: Vec<usize>,
    caller: Option<Trust>,
    region: usize,
    minor: bool,
    toggles: Vec<Stands>,
    held: Vec<Exercised>,
    context: Named,
}

#[derive(Debug, Clone)]
struct Declared {
    /// None is the first that is permitted.
    basis: Option<Basis>,
    /// Necessary, de-identified, aggregate, on the device, automated; none is what the purpose asks.
    marks: Option<[bool; 5]>,
    recipients: Vec<usize>,
    destinations: Vec<(usize, Option<usize>, bool, bool, bool)>,
}

/// How a toggle stands; none is on, and consented to under the newest notice.
type Stands = Option<(State, bool, Option<(u64, usize, bool)>, Option<u64>, Option<usize>)>;

/// A right, the purpose and the item it reaches, and when.
pub type Exercised = (u8, Option<usize>, Option<usize>, u64);

/// Recipient, country, secure, de-identified.
type Named = (Option<usize>, Option<usize>, Option<bool>, Option<bool>);

/// Mostly none.
fn seldom<T: Clone + std::fmt::Debug + 'static>(
    some: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Option<T>> {
    prop_oneof![9 => Just(None), 1 => some.prop_map(Some)]
}

pub fn state() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Off), Just(State::Ask), Just(State::On)]
}

fn basis() -> impl Strategy<Value = Basis> {
    proptest::sample::select(&Basis::ALL[..])
}

fn generation() -> impl Strategy<Value = u64> {
    CONSENTED - 3..CONSENTED + 4
}

pub fn exercised() -> impl Strategy<Value = Exercised> {
    let any_index = || proptest::option::of(any::<usize>());
    (0..4u8, any_index(), any_index(), generation())
}

fn stands() -> impl Strategy<Value = Stands> {
    let given = (generation(), any::<usize>(), any::<bool>());
    let consent = proptest::option::weighted(0.8, given);
    let switched = proptest::option::of(generation());
    let on_mostly = prop_oneof![4 => Just(State::On), 1 => state()];
    let declined = proptest::option::of(any::<usize>());
    let stands = (on_mostly, prop::bool::weighted(0.05), consent, switched, declined);
    prop_oneof![3 => Just(None), 1 => stands.prop_map(Some)]
}

fn declared() -> impl Strategy<Value = Declared> {
    let mostly = || prop::bool::weighted(0.9);
    let destination = (any::<usize>(), seldom(any::<usize>()), mostly(), mostly(), mostly());
    (
        seldom(basis()),
        seldom(any::<[bool; 5]>()),
        proptest::collection::vec(any::<usize>(), 0..3),
        proptest::collection::vec(destination, 0..3),
    )
        .prop_map(|(basis, marks, recipients, destinations)| Declared {
            basis,
            marks,
            recipients,
            destinations,
        })
}

pub fn draft() -> impl Strategy<Value = Draft> {
    let what = (
        any::<bool>(),
        any::<usize>(),
        proptest::collection::vec(any::<usize>(), 1..5),
        seldom(0..4usize),
        proptest::collection::vec(declared(), 1..3),
        proptest::collection::vec(any::<usize>(), 4),
    );
    let trust =
        proptest::sample::select(vec![Trust::System, Trust::System, Trust::Confined, Trust::Weak]);
    let who = (
        prop_oneof![19 => trust.prop_map(Some), 1 => Just(None)],
        any::<usize>(),
        prop::bool::weighted(0.1),
        proptest::collection::vec(stands(), 24),
        prop_oneof![6 => Just(Vec::new()), 1 => proptest::collection::vec(exercised(), 1..3)],
        (
            seldom(any::<usize>()),
            seldom(0..COUNTRIES.len()),
            seldom(any::<bool>()),
            seldom(any::<bool>()),
        ),
    );
    (what, who).prop_map(|(what, who)| {
        let (small, purpose, items, missing, collections, since) = what;
        let (caller, region, minor, toggles, held, context) = who;
        Draft {
            small,
            purpose,
            items,
            missing,
            collections,
            since,
            caller,
            region,
            minor,
            toggles,
            held,
            context,
        }
    })
}

fn index(number: usize, len: usize) -> u16 {
    u16::try_from(number % len).unwrap()
}

/// One drawn check.
pub struct Drawn {
    pub scene: Scene,
    pub purpose: &'static str,
    pub data: Vec<&'static str>,
}

impl Draft {
    pub fn draw(&self) -> Drawn {
        let catalog: &'static Catalog = if self.small { &SMALL } else { &SHIPPED };
        let purpose = PurposeIx(index(self.purpose, catalog.purposes.len()));
        let mut seen = HashSet::new();
        let mut items: Vec<DataIx> =
            self.items.iter().map(|item| DataIx(index(*item, catalog.data.len()))).collect();
        items.retain(|item| seen.insert(*item));
        let region = RegionIx(index(self.region, catalog.regions.len()));
        let mut scene = Scene::bare(catalog);
        scene.app = Some(self.app(catalog, purpose, &items, region));
        scene.caller = self.caller;
        scene.region = region;
        scene.minor = self.minor;
        scene.toggles = self.standings(catalog, scene.toggles.others);
        scene.held = self.held.iter().map(|held| exercise(catalog, purpose, *held)).collect();
        let (recipient, country, secure, deidentified) = self.context;
        scene.context = Context {
            recipient: recipient.map(|number| recipient_id(catalog, number).into()),
            destination: country.map(|number| COUNTRIES[number].into()),
            secure,
            deidentified,
        };
        let data = items.iter().map(|item| &*catalog.data[*item].id).collect();
        Drawn { scene, purpose: &catalog.purposes[purpose].id, data }
    }

    fn app(
        &self,
        catalog: &Catalog,
        purpose: PurposeIx,
        items: &[DataIx],
        region: RegionIx,
    ) -> App {
        let requires = catalog.purposes[purpose].requires;
        let permitted = catalog.permitted(purpose, items[0], region).iter().next();
        let collections: Vec<Collection> = self
            .collections
            .iter()
            .map(|declared| {
                let [necessary, deidentified, aggregate, on_device, automated] =
                    declared.marks.unwrap_or([true, true, true, requires.on_device, false]);
                let destinations = if on_device { &[][..] } else { &declared.destinations };
                Collection {
                    basis: declared.basis.or(permitted).unwrap_or(Basis::Consent),
                    mandatory: false,
                    necessary,
                    deidentified,
                    aggregate,
                    on_device,
                    automated,
                    recipients: declared
                        .recipients
                        .iter()
                        .map(|number| recipient(catalog, *number))
                        .collect(),
                    destinations: destinations
                        .iter()
                        .map(|(country, only, tls, safeguard, permitted)| Destination {
                            country: code(COUNTRIES[country % COUNTRIES.len()]),
                            regions: only
                                .map(|only| RegionIx(index(only, catalog.regions.len())))
                                .into_iter()
                                .collect(),
                            tls: *tls,
                            safeguard: safeguard.then_some(Safeguard::Certification),
                            permitted: *permitted,
                        })
                        .collect(),
                    retention: "30 days".into(),
                }
            })
            .collect();
        let mut pairs: Vec<Pair> = items
            .iter()
            .enumerate()
            .filter(|(position, _)| Some(*position) != self.missing)
            .map(|(position, data)| Pair {
                purpose,
                data: *data,
                collection: index(position, collections.len()),
                since: NoticeIx(index(self.since[position], catalog.notices.len())),
            })
            .collect();
        // Approximate counterparts can be declared, too.
        let counterparts: Vec<Pair> = pairs
            .iter()
            .filter_map(|pair| {
                let data = catalog.data[pair.data].approximate?;
                (!items.contains(&data)).then_some(Pair { data, ..*pair })
            })
            .collect();
        pairs.extend(counterparts);
        pairs.sort_by_key(|pair| pair.data);
        pairs.dedup_by_key(|pair| pair.data);
        App {
            id: "org.example.app".into(),
            name: "App".into(),
            vendor: None,
            holder: None,
            identities: Vec::new(),
            collections,
            pairs,
        }
    }

    fn standings(&self, catalog: &Catalog, others: Standing) -> Standings {
        let toggles = catalog.toggles.iter().map(|(toggle, _)| toggle);
        let named: HashMap<ToggleIx, Standing> = toggles
            .zip(self.toggles.iter().cycle())
            .filter_map(|(toggle, stands)| {
                let (state, locked, consent, switched_on, declined) = (*stands)?;
                let notice = |number| NoticeIx(index(number, catalog.notices.len()));
                let consent = consent.map(|(generation, number, by_guardian)| Consent {
                    generation,
                    notice: notice(number),
                    by_guardian,
                });
                let declined = declined.map(notice);
                Some((
                    toggle,
                    Standing { state, locked, switched_on, consent, declined, unconfirmed: false },
                ))
            })
            .collect();
        Standings { others, named }
    }
}

fn recipient(catalog: &Catalog, number: usize) -> Recipient {
    match index(number, catalog.recipients.len() + 1) {
        position if usize::from(position) == catalog.recipients.len() => Recipient::Sdk {
            id: "sdk:adnet".into(),
            name: "AdNet".into(),
            policy: "https://adnet.example/".into(),
        },
        position => Recipient::Known(RecipientIx(position)),
    }
}

pub fn recipient_id(catalog: &Catalog, number: usize) -> String {
    id_of(catalog, &recipient(catalog, number))
}

pub fn id_of(catalog: &Catalog, recipient: &Recipient) -> String {
    match recipient {
        Recipient::Known(known) => catalog.recipients[*known].id.to_string(),
        Recipient::Sdk { id, .. } => id.to_string(),
    }
}

/// A right over the purpose in question or over all, mostly; seldom over another.
pub fn exercise(catalog: &Catalog, purpose: PurposeIx, right: Exercised) -> Held {
    let (right, reached, data, generation) = right;
    let law = catalog.purposes.iter().find(|(_, purpose)| purpose.legal).unwrap().0;
    let right = match right {
        0 => Right::Objection,
        1 => Right::AutomatedDecisions,
        2 => Right::Restriction,
        _ => Right::Isolation { law: Some(law) },
    };
    let reached = reached.map(|number| match number % 4 {
        0 => PurposeIx(index(number, catalog.purposes.len())),
        _ => purpose,
    });
    let data = data.map(|number| DataIx(index(number, catalog.data.len())));
    Held { right, reach: Reach { purpose: reached, data }, generation }
}

/// Reasons that the rule gives; the others come from prompts and from the system.
fn of_the_rule(reason: Reason) -> bool {
    match reason {
        Reason::Refused
        | Reason::TimedOut
        | Reason::NoAgent
        | Reason::TooManyRefusals
        | Reason::StoreUnavailable
        | Reason::CatalogUnavailable
        | Reason::DaemonUnavailable => false,
        // Of cookies alone.
        Reason::Essential | Reason::Unlisted | Reason::CategoryOff => false,
        // Ids that are not in the catalogue are a property of their own.
        Reason::UnknownPurpose | Reason::UnknownData => false,
        Reason::Consented
        | Reason::Contract
        | Reason::LegalObligation
        | Reason::LegitimateInterest
        | Reason::NotSet
        | Reason::NoticeChanged
        | Reason::Unidentified
        | Reason::InsufficientTrust
        | Reason::Forbidden
        | Reason::Undeclared
        | Reason::RequirementNotMet
        | Reason::Minor
        | Reason::Objected
        | Reason::Restricted
        | Reason::Isolated
        | Reason::BasisNotPermitted
        | Reason::RecipientNotDeclared
        | Reason::TransferNotPermitted
        | Reason::InsecureDestination
        | Reason::Locked
        | Reason::ToggleOff
        | Reason::NoticeDeclined => true,
    }
}

#[test]
fn every_reason_of_the_rule_is_drawn_and_a_good_part_is_allowed() {
    let mut runner = TestRunner::deterministic();
    let mut drawn: HashMap<Reason, u32> = HashMap::new();
    for _ in 0..3000 {
        let check = draft().new_tree(&mut runner).unwrap().current().draw();
        for ruling in check.scene.check(check.purpose, &check.data) {
            *drawn.entry(ruling.reason).or_default() += 1;
        }
    }
    for reason in Reason::ALL.iter().filter(|reason| of_the_rule(**reason)) {
        assert!(drawn.contains_key(reason), "{reason} was never drawn: {drawn:?}");
    }
    let total: u32 = drawn.values().sum();
    let allowed: u32 = drawn
        .iter()
        .filter(|(reason, _)| reason.decision().word() == "allow")
        .map(|(_, count)| count)
        .sum();
    assert!(allowed * 6 > total, "{allowed} of {total} allowed");
}

fn code(country: &str) -> Country {
    Country(country.as_bytes().try_into().unwrap())
}
