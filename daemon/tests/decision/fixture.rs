//! A situation to ask in: at first nothing in it speaks against a declared pair, so that each test
//! changes the one thing it is about.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use consentd::apps::{self, App, Apps};
use consentd::catalog::{self, Catalog, NoticeIx, RegionIx, State, ToggleIx, Trust};
use consentd::decision::situation::{Consent, Held, Reach, Right, Standing};
use consentd::decision::{Context, Question, Ruling, Situation, Toggles, decide, explain};

/// The shipped catalogue.
pub static SHIPPED: LazyLock<Catalog> = LazyLock::new(|| load(&shipped_dir()));

/// The small one, with one of each kind.
pub static SMALL: LazyLock<Catalog> = LazyLock::new(|| load(&dir("tests/decision/catalog")));

/// When all consents of a new scene were given, in the order of events.
pub const CONSENTED: u64 = 100;

fn dir(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub fn shipped_dir() -> PathBuf {
    dir("../catalog")
}

pub fn load(dir: &Path) -> Catalog {
    catalog::load::load(dir).unwrap_or_else(|error| panic!("{error}"))
}

fn declare(catalog: &Catalog, collects: &str) -> Apps {
    let dir = tempfile::tempdir().unwrap();
    let head = "[app]\nid = \"org.example.app\"\nname = \"App\"\n\
                [identity]\nflatpak = \"org.example.App\"\n";
    std::fs::write(dir.path().join("app.toml"), format!("{head}{collects}")).unwrap();
    apps::load(&[dir.path().to_owned()], catalog).unwrap()
}

/// An app that declares what `collects` says, in the words of a declaration.
pub fn app(catalog: &Catalog, collects: &str) -> App {
    let apps = declare(catalog, collects);
    assert!(apps.rejected().is_empty(), "{collects}\n{:#?}", apps.rejected());
    apps.iter().next().unwrap().1.clone()
}

/// Why a declaration is not taken.
pub fn rejected(catalog: &Catalog, collects: &str) -> String {
    let apps = declare(catalog, collects);
    assert!(apps.is_empty(), "taken: {collects}");
    apps.rejected()[0].text.clone()
}

/// One `[[collects]]`; `more` is further keys, one a line.
pub fn collects(purpose: &str, data: &[&str], basis: &str, more: &str) -> String {
    let notice = if more.contains("notice = ") { "" } else { "notice = \"2019-12-09\"\n" };
    format!(
        "[[collects]]\npurpose = \"{purpose}\"\ndata = {data:?}\nbasis = \"{basis}\"\n\
         retention = \"30 days\"\n{notice}{more}\n"
    )
}

/// Toggles by a table: those not named are on and consented to.
#[derive(Clone)]
pub struct Standings {
    pub others: Standing,
    pub named: HashMap<ToggleIx, Standing>,
}

impl Toggles for Standings {
    fn standing(&self, toggle: ToggleIx) -> Standing {
        self.named.get(&toggle).copied().unwrap_or(self.others)
    }
}

/// Everything a check looks at.
#[derive(Clone)]
pub struct Scene {
    pub catalog: &'static Catalog,
    pub caller: Option<Trust>,
    pub app: Option<App>,
    pub region: RegionIx,
    pub minor: bool,
    pub toggles: Standings,
    pub held: Vec<Held>,
    pub context: Context,
}

impl Scene {
    /// [`Scene::bare`], asked by an app that declares what `collects` says.
    pub fn new(catalog: &'static Catalog, collects: &str) -> Self {
        Self { app: Some(app(catalog, collects)), ..Self::bare(catalog) }
    }

    /// An adult in the EEA, everything on and consented to under the newest notice; and an app that is
    /// identified, and declares nothing.
    pub fn bare(catalog: &'static Catalog) -> Self {
        let notice = catalog.notices.iter().next_back().unwrap().0;
        let consent = Consent { generation: CONSENTED, notice, by_guardian: false };
        let others = Standing {
            state: State::On,
            locked: false,
            switched_on: Some(CONSENTED),
            consent: Some(consent),
            declined: None,
            unconfirmed: false,
        };
        Self {
            catalog,
            caller: Some(Trust::System),
            app: None,
            region: catalog.default_region,
            minor: false,
            toggles: Standings { others, named: HashMap::new() },
            held: Vec::new(),
            context: Context::default(),
        }
    }

    /// One that declares one pair of the small catalogue.
    pub fn of(purpose: &str, data: &str, basis: &str, more: &str) -> Self {
        Self::new(&SMALL, &collects(purpose, &[data], basis, more))
    }

    pub fn trusted(mut self, trust: Trust) -> Self {
        self.caller = Some(trust);
        self
    }

    pub fn unidentified(mut self) -> Self {
        self.caller = None;
        self
    }

    pub fn undeclared(mut self) -> Self {
        self.app = None;
        self
    }

    pub fn minor(mut self) -> Self {
        self.minor = true;
        self
    }

    pub fn region(mut self, id: &str) -> Self {
        self.region = self.catalog.regions.find(id).unwrap();
        self
    }

    /// Changes how one toggle stands.
    pub fn toggle(mut self, id: &str, change: impl FnOnce(&mut Standing)) -> Self {
        let toggle = self.catalog.toggles.find(id).unwrap_or_else(|| panic!("no toggle {id}"));
        let others = self.toggles.others;
        change(self.toggles.named.entry(toggle).or_insert(others));
        self
    }

    pub fn state(self, toggle: &str, state: State) -> Self {
        self.toggle(toggle, |standing| standing.state = state)
    }

    pub fn locked(self, toggle: &str) -> Self {
        self.toggle(toggle, |standing| standing.locked = true)
    }

    /// The consent to a toggle was given at another time, under another notice, or not at all.
    pub fn consent(self, toggle: &str, given: Option<(u64, &str)>) -> Self {
        let consent = given.map(|(generation, notice)| {
            let notice = self.notice(notice);
            Consent { generation, notice, by_guardian: false }
        });
        self.toggle(toggle, |standing| {
            standing.consent = consent;
            standing.switched_on = consent.map(|consent| consent.generation);
        })
    }

    pub fn declined(self, toggle: &str, notice: &str) -> Self {
        let notice = self.notice(notice);
        self.toggle(toggle, |standing| standing.declined = Some(notice))
    }

    pub fn notice(&self, id: &str) -> NoticeIx {
        self.catalog.notices.find(id).unwrap()
    }

    /// A right over one pair; `*` stands for all purposes or items.
    pub fn holds(mut self, right: Right, purpose: &str, data: &str, generation: u64) -> Self {
        let reach = Reach {
            purpose: (purpose != "*").then(|| self.catalog.purposes.find(purpose).unwrap()),
            data: (data != "*").then(|| self.catalog.data.find(data).unwrap()),
        };
        self.held.push(Held { right, reach, generation });
        self
    }

    /// What stands for an isolation under the law that `purpose` is.
    pub fn isolation(&self, purpose: &str) -> Right {
        Right::Isolation { law: Some(self.catalog.purposes.find(purpose).unwrap()) }
    }

    pub fn recipient(mut self, id: &str) -> Self {
        self.context.recipient = Some(id.into());
        self
    }

    pub fn destination(mut self, country: &str) -> Self {
        self.context.destination = Some(country.into());
        self
    }

    pub fn secure(mut self, secure: bool) -> Self {
        self.context.secure = Some(secure);
        self
    }

    pub fn deidentified(mut self, deidentified: bool) -> Self {
        self.context.deidentified = Some(deidentified);
        self
    }

    pub fn situation(&self) -> Situation<'_> {
        Situation {
            catalog: self.catalog,
            caller: self.caller,
            app: self.app.as_ref(),
            region: self.region,
            minor: self.minor,
            toggles: &self.toggles,
            held: &self.held,
        }
    }

    pub fn question<'a>(&'a self, purpose: &'a str, data: &'a [&'a str]) -> Question<'a> {
        Question { purpose, data, context: &self.context }
    }

    /// The rulings; that the explanation says the same is seen to each time.
    pub fn check(&self, purpose: &str, data: &[&str]) -> Vec<Ruling> {
        let question = self.question(purpose, data);
        let rulings = decide(&question, &self.situation());
        let explained = explain(&question, &self.situation());
        let same: Vec<Ruling> = explained.into_iter().map(|(ruling, _)| ruling).collect();
        assert_eq!(rulings, same);
        rulings
    }

    /// The reasons of several items, asked together.
    pub fn reasons(&self, purpose: &str, data: &[&str]) -> Vec<&'static str> {
        self.check(purpose, data).into_iter().map(|ruling| ruling.reason.word()).collect()
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
