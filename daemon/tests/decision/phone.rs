//! A phone as it is out of the box: the shipped catalogue, its defaults, and what its user sets, in
//! the daemon's own resolution of settings.

use consentd::catalog::State;
use consentd::clock::Moment;
use consentd::decision::situation::Held;
use consentd::decision::{Context, Question, Ruling, Situation, decide};
use consentd::engine::Policy;
use consentd::engine::names::{ALL_APPS, AppKey, OTHER_APPS};
use consentd::engine::policy::{Numbers, Remembered};
use consentd::engine::settings::{Allowance, By, Entry, Key, Lifetime, Settings, View};
use consentd::engine::standing::Resolver;

use crate::fixture;

/// Whose phone it is.
pub const USER: u32 = 1000;

/// All apps together, as it is written on the wire.
pub const ALL: &str = "";
/// Apps without a state of their own.
pub const OTHERS: &str = "*";
/// The app that asks.
pub const APP: &str = "org.example.app";

/// Noon on 1 January 2026, a day after the boot: the newest notice is in force.
pub const NOON: Moment = Moment { wall: 1_767_268_800, since_boot: 86_400_000, boot: 7 };

pub struct Phone {
    pub policy: Policy,
    pub settings: Settings,
    pub app: AppKey,
    pub now: Moment,
    pub generation: u64,
    pub region: &'static str,
    pub minor: bool,
    pub held: Vec<Held>,
    pub context: Context,
    numbers: Numbers,
}

impl Phone {
    /// One whose app declares what `collects` says, first loaded under the older notice.
    pub fn with(collects: &str) -> Self {
        const JANUARY_2020: i64 = 1_577_836_800;
        Self::loaded_at(collects, JANUARY_2020)
    }

    /// One whose app was first loaded at a time, Unix seconds.
    pub fn loaded_at(collects: &str, first_loaded: i64) -> Self {
        let catalog = fixture::load(&fixture::shipped_dir());
        let apps = [fixture::app(&catalog, collects)].into_iter().collect();
        let mut numbers = Numbers::default();
        let (settings, nothing) = (Settings::default(), Remembered::default());
        let (policy, _) =
            Policy::adopt(catalog, apps, &mut numbers, &nothing, &settings, first_loaded).unwrap();
        let app = policy.app_key(policy.app(APP).unwrap().0);
        Self {
            policy,
            settings,
            app,
            now: NOON,
            generation: 0,
            region: "EEA",
            minor: false,
            held: Vec::new(),
            context: Context::default(),
            numbers,
        }
    }

    pub fn key(&mut self, app: &str, toggle: &str) -> Key {
        let toggle = self.policy.catalog.toggles.find(toggle).unwrap();
        let app = match app {
            ALL => ALL_APPS,
            OTHERS => OTHER_APPS,
            APP => self.app,
            other => self.numbers.app(other),
        };
        Key { user: USER, app, toggle: self.policy.toggle_key(toggle) }
    }

    fn entry(&mut self, toggle: &str, state: State, notice: &str, by: By) -> Entry {
        let catalog = &self.policy.catalog;
        let consent = catalog.toggles[catalog.toggles.find(toggle).unwrap()].consent;
        let notice = self.policy.notice_key(catalog.notices.find(notice).unwrap());
        self.generation += 1;
        Entry {
            generation: self.generation,
            at: 0,
            notice: (consent && state == State::On).then_some(notice),
            state,
            by,
        }
    }

    /// The user sets a toggle, for good, under the newest notice.
    pub fn set(&mut self, app: &str, toggle: &str, state: State) -> &mut Self {
        self.set_as(app, toggle, state, "2025-10-10", By::Settings)
    }

    pub fn set_as(
        &mut self,
        app: &str,
        toggle: &str,
        state: State,
        notice: &str,
        by: By,
    ) -> &mut Self {
        let entry = self.entry(toggle, state, notice, by);
        let key = self.key(app, toggle);
        self.settings.entries.insert(key, entry);
        self
    }

    pub fn unset(&mut self, app: &str, toggle: &str) -> &mut Self {
        let key = self.key(app, toggle);
        self.settings.entries.remove(&key);
        self
    }

    /// The user switches a toggle on for a while, from now.
    pub fn allow(&mut self, app: &str, toggle: &str, lifetime: Lifetime) -> &mut Self {
        let entry = self.entry(toggle, State::On, "2025-10-10", By::Prompt);
        let key = self.key(app, toggle);
        self.settings.allowances.insert(key, Allowance { entry, lifetime, given: self.now });
        self
    }

    /// One for each item that was used up, or whose time was found to be over.
    pub fn end(&mut self, app: &str, toggle: &str) -> &mut Self {
        let key = self.key(app, toggle);
        self.settings.allowances.remove(&key);
        self
    }

    pub fn view(&self) -> View<'_> {
        View { settings: &self.settings, overlay: None }
    }

    pub fn check(&self, purpose: &str, data: &[&str]) -> Vec<Ruling> {
        let policy = &self.policy;
        let toggles =
            Resolver { policy, view: self.view(), user: USER, app: self.app, now: self.now };
        let situation = Situation {
            catalog: &policy.catalog,
            caller: Some(consentd::catalog::Trust::Weak),
            app: Some(policy.app(APP).unwrap().1),
            region: policy.catalog.regions.find(self.region).unwrap(),
            minor: self.minor,
            toggles: &toggles,
            held: &self.held,
        };
        decide(&Question { purpose, data, context: &self.context }, &situation)
    }

    /// The reason of one item, asked alone.
    pub fn reason(&self, purpose: &str, data: &str) -> &'static str {
        self.check(purpose, &[data])[0].reason.word()
    }

    /// What one item's collector uses instead.
    pub fn refusal(&self, purpose: &str, data: &str) -> &'static str {
        self.check(purpose, &[data])[0].refusal.word()
    }
}
