//! A device to try the engine on: a state folder, an editable copy of the shipped policy, and a clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use consentd::catalog::Trust;
use consentd::clock::{Moment, SetClock};
use consentd::decision::{Context, Reason, Ruling};
use consentd::engine::change::{Change, SetOptions};
use consentd::engine::settings::{AgeBand, By};
use consentd::engine::{Asker, Checked, Config, Engine, EngineError, PolicyDirs, Request};
use consentd::identity::{Caller, Kind};
use consentd::ledger::{Event, Filter, Line};
use consentd::row::{Cell, Row};
use rusqlite::Connection;
use tempfile::TempDir;

/// The person with the device.
pub const USER: u32 = 1000;
/// Somebody else on it.
pub const OTHER_USER: u32 = 1001;
/// 2026-01-15 00:00:00 UTC: the notice of 2025-10-10 is in force.
pub const BEGIN: i64 = 1_768_435_200;
pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 86_400;

pub const GAME: &str = "org.example.game";
pub const WEATHER: &str = "org.example.weather";
pub const ADS: &str = "ads.personalised";
pub const OAID: &str = "device.oaid";
pub const PLACE: &str = "location.services";
pub const PRECISE: &str = "location.precise";
pub const APPROXIMATE: &str = "location.approximate";

pub struct Device {
    dir: PathBuf,
    pub clock: Arc<SetClock>,
    /// Removes the folder in the end, if it is this process's to remove.
    owned: Option<TempDir>,
}

impl Device {
    /// A device that was never started. Its disk is memory where there is a folder for that: what
    /// these tests ask is what is written, not how fast.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() }.unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog");
        copy(&shipped, &dir.path().join("catalog"));
        copy(&shipped.join("apps.d"), &dir.path().join("apps.d"));
        let mut device = Self::at(dir.path().into());
        device.owned = Some(dir);
        device
    }

    /// A device that another process, or another device here, has made.
    pub fn at(dir: PathBuf) -> Self {
        let begin = Moment { wall: BEGIN, since_boot: 60_000, boot: 0xB007 };
        Self { dir, clock: Arc::new(SetClock::new(begin)), owned: None }
    }

    pub fn path(&self) -> &Path {
        &self.dir
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub fn settings_path(&self) -> PathBuf {
        self.state_dir().join("settings.db")
    }

    pub fn ledger_path(&self) -> PathBuf {
        self.state_dir().join("ledger.db")
    }

    pub fn config(&self) -> Config {
        Config {
            state_dir: self.state_dir(),
            policy: PolicyDirs {
                catalog: self.dir.join("catalog"),
                apps: vec![self.dir.join("apps.d")],
            },
            default_age: AgeBand::Adult,
        }
    }

    /// Starts the engine.
    pub fn start(&self) -> Engine {
        self.start_with(self.config())
    }

    pub fn start_with(&self, config: Config) -> Engine {
        Engine::open(config, Arc::<SetClock>::clone(&self.clock))
    }

    /// Lets time go by, on both clocks.
    pub fn pass(&self, seconds: i64) {
        self.clock.change(|now| {
            now.wall += seconds;
            now.since_boot += seconds * 1_000;
        });
    }

    /// Sets the wall clock alone.
    /// Unix seconds.
    pub fn clock_now(&self) -> i64 {
        use consentd::clock::Clock as _;
        self.clock.now().wall
    }

    pub fn set_wall(&self, wall: i64) {
        self.clock.change(|now| now.wall = wall);
    }

    /// The machine starts anew.
    pub fn reboot(&self) {
        self.clock.change(|now| {
            now.boot += 1;
            now.since_boot = 5_000;
        });
    }

    /// Replaces text in a file of the policy, which must have it.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.dir.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(&path, text.replace(from, to)).unwrap();
    }

    pub fn write(&self, file: &str, text: &str) {
        fs::write(self.dir.join(file), text).unwrap();
    }

    /// Declares one more app.
    pub fn declare(&self, id: &str, collects: &str) {
        let file = format!("apps.d/{}.toml", id.replace('.', "-"));
        let head = format!("[app]\nid = \"{id}\"\nname = \"A test's\"\n\n[identity]\n");
        self.write(&file, &format!("{head}executable = \"/opt/{id}/bin\"\n\n{collects}"));
    }

    /// As on a device that never made a backup.
    pub fn lose_backups(&self) {
        fs::remove_dir_all(self.state_dir().join("backups")).unwrap();
    }

    pub fn settings_db(&self) -> Connection {
        Connection::open(self.settings_path()).unwrap()
    }

    pub fn ledger_db(&self) -> Connection {
        Connection::open(self.ledger_path()).unwrap()
    }

    /// From now on no change can be stored: SQLite itself refuses it.
    pub fn refuse_changes(&self) {
        refuse(&self.settings_db(), "outbox");
    }

    pub fn accept_changes(&self) {
        accept(&self.settings_db(), "outbox");
    }

    /// From now on `table` of the settings takes no rows.
    pub fn refuse_in_settings(&self, table: &str) {
        refuse(&self.settings_db(), table);
    }

    pub fn accept_in_settings(&self, table: &str) {
        accept(&self.settings_db(), table);
    }

    /// From now on `table` of the ledger takes no rows.
    pub fn refuse_in_ledger(&self, table: &str) {
        refuse(&self.ledger_db(), table);
    }

    pub fn accept_in_ledger(&self, table: &str) {
        accept(&self.ledger_db(), table);
    }
}

fn refuse(db: &Connection, table: &str) {
    db.execute_batch(&format!(
        "CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table}
         BEGIN SELECT RAISE(ABORT, 'the disk takes nothing'); END"
    ))
    .unwrap();
}

fn accept(db: &Connection, table: &str) {
    db.execute_batch(&format!("DROP TRIGGER refuse_{table}")).unwrap();
}

/// Copies the files of a folder, not those of folders in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// An app that asks.
pub struct App(pub Caller);

impl App {
    /// A declared app, as the engine's policy knows it now.
    pub fn declared(engine: &Engine, id: &str) -> Self {
        let declared = engine.policy().ok().and_then(|policy| Some(policy.app(id)?.0));
        assert!(declared.is_some(), "{id} is not declared");
        Self(Caller { declared, ..Self::undeclared(id).0 })
    }

    pub fn undeclared(id: &str) -> Self {
        Self(Caller {
            user: USER,
            kind: Kind::Executable,
            app: id.into(),
            declared: None,
            instance: "".into(),
            trust: Trust::Weak,
        })
    }

    pub fn check(&self, engine: &Engine, purpose: &str, data: &[&str]) -> Vec<Reason> {
        reasons(&check(engine, USER, Some(&self.0), purpose, data))
    }

    /// One item's answer.
    pub fn check_one(&self, engine: &Engine, purpose: &str, item: &str) -> Reason {
        self.check(engine, purpose, &[item])[0]
    }

    pub fn preview(&self, engine: &Engine, purpose: &str, data: &[&str]) -> Vec<Reason> {
        let context = Context::default();
        let request = Request::new(purpose, data, &context, "").unwrap();
        reasons(&engine.preview(Asker { user: USER, caller: Some(&self.0) }, &request).rulings)
    }

    pub fn preview_one(&self, engine: &Engine, purpose: &str, item: &str) -> Reason {
        self.preview(engine, purpose, &[item])[0]
    }
}

/// A whole check, as a transport makes it.
pub fn check(
    engine: &Engine,
    user: u32,
    caller: Option<&Caller>,
    purpose: &str,
    data: &[&str],
) -> Vec<Ruling> {
    tagged_check(engine, Asker { user, caller }, purpose, data, "")
}

pub fn tagged_check(
    engine: &Engine,
    asker: Asker<'_>,
    purpose: &str,
    data: &[&str],
    tag: &str,
) -> Vec<Ruling> {
    let context = Context::default();
    let request = Request::new(purpose, data, &context, tag).unwrap();
    match engine.check(asker, &request) {
        Checked::Answered(answer) => answer.rulings,
        Checked::UsesOnce => engine.check_once(asker, &request).rulings,
    }
}

pub fn reasons(rulings: &[Ruling]) -> Vec<Reason> {
    rulings.iter().map(|ruling| ruling.reason).collect()
}

/// Sets (toggle, app, state) as the user does.
pub fn set(engine: &Engine, changes: &[(&str, &str, &str)]) -> Result<u64, EngineError> {
    set_with(engine, changes, &SetOptions::default())
}

pub fn set_with(
    engine: &Engine,
    changes: &[(&str, &str, &str)],
    options: &SetOptions,
) -> Result<u64, EngineError> {
    let changes: Vec<Change<'_>> =
        changes.iter().map(|(toggle, app, state)| Change { toggle, app, state }).collect();
    engine.set(USER, &changes, options, By::Shell)
}

/// Sets one toggle on for a while.
pub fn allow_for(
    engine: &Engine,
    toggle: &str,
    app: &str,
    lifetime: &str,
    until: Option<i64>,
) -> Result<u64, EngineError> {
    let options = SetOptions { lifetime: Some(lifetime.into()), until, notice: None };
    set_with(engine, &[(toggle, app, "on")], &options)
}

/// A value of an inspection, as text.
pub fn text(row: &Row, name: &str) -> String {
    match row.get(name) {
        Some(Cell::Text(text)) => text.clone(),
        Some(Cell::Flag(flag)) => flag.to_string(),
        Some(Cell::Number(number)) => number.to_string(),
        Some(Cell::Small(number)) => number.to_string(),
        Some(Cell::Count(number)) => number.to_string(),
        Some(Cell::List(list)) => list.join(" "),
        Some(Cell::Rows(_)) | None => String::new(),
    }
}

/// What is stored for one setting of the user.
pub fn stored(engine: &Engine, toggle: &str, app: &str) -> String {
    text(&engine.get(USER, toggle, app).unwrap(), "stored")
}

/// Everything in the ledger for the user, newest first.
pub fn history(engine: &Engine) -> Vec<Line> {
    let filter = Filter { user: USER, ..Filter::default() };
    engine.history(&filter, None, 100_000).unwrap().lines
}

/// The setting events of the user, oldest first.
pub fn events(engine: &Engine) -> Vec<Event> {
    let mut events: Vec<Event> = history(engine)
        .into_iter()
        .filter_map(|line| match line {
            Line::Setting { event, .. } => Some(event),
            Line::Record { .. } => None,
        })
        .collect();
    events.reverse();
    events
}

/// (purpose, item, reason, count) of each row, oldest first.
pub fn records(engine: &Engine) -> Vec<(String, String, String, u64)> {
    let mut records: Vec<_> = history(engine)
        .into_iter()
        .filter_map(|line| match line {
            Line::Record { purpose, data, reason, count, .. } => {
                Some((purpose, data, reason, count))
            }
            Line::Setting { .. } => None,
        })
        .collect();
    records.reverse();
    records
}
