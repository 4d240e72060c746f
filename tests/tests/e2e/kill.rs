//! kill -9 in the middle of changes and checks, again and again (invariant 4): what was acknowledged
//! is there, what was answered is in the ledger, and no generation comes twice.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use consentd_dbus::Options;
use consentd_tests::app::App;
use consentd_tests::bus::BusKind;
use consentd_tests::person::{Person, count};
use consentd_tests::words::{Order, Question, Reply};
use consentd_tests::world::World;
use tokio::sync::watch;
use zbus::Variant;

use crate::ids::SECURITY;
use crate::scenario::{on_both_buses, run};

on_both_buses![
    thirty_kills_lose_no_acknowledged_change_and_no_answered_check,
    ten_stops_lose_no_acknowledged_change_and_no_answered_check,
];

/// `CONSENTD_KILLS` kills, in worlds of thirty, on one bus and the other: for `make torture`.
#[test]
#[ignore = "takes long: make torture runs it"]
fn torture() -> Result<()> {
    let wanted: usize = std::env::var("CONSENTD_KILLS")?.parse()?;
    // As many worlds at once as there are processors.
    let next = AtomicUsize::new(0);
    let live = || -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= wanted.div_ceil(30) {
                return Ok(());
            }
            let kind = [BusKind::DbusDaemon, BusKind::DbusBroker][number % 2];
            let seed = u64::try_from(number)? << 32;
            run(kind, async |world| {
                interrupted(world, seed, 30, |world| world.daemon.kill()).await
            })?;
            println!("{} kills", (number + 1) * 30);
        }
    };
    std::thread::scope(|threads| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let lives: Vec<_> = (0..processors).map(|_| threads.spawn(live)).collect();
        lives.into_iter().try_for_each(|life| {
            life.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

const TOGGLES: [&str; 4] = ["ad-services", "personalised-content", "marketing", "user-experience"];
const APPS: [&str; 5] = ["", "org.example.game", "org.example.store", "org.example.push", "*"];
const STATES: [&str; 4] = ["on", "off", "ask", "unset"];

type Setting = (&'static str, &'static str);

/// What must be there.
#[derive(Default)]
struct Acknowledged {
    states: BTreeMap<Setting, &'static str>,
    /// Sent, and not answered when the daemon ended: it may be there or not.
    doubtful: Option<(Setting, &'static str)>,
    /// Checks that were answered, ever.
    checks: u64,
    /// The highest generation that was seen.
    generation: u64,
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll<T: Copy>(&mut self, faces: &[T]) -> T {
        faces[self.below(faces.len())]
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap_or(0) % limit
    }
}

async fn thirty_kills_lose_no_acknowledged_change_and_no_answered_check(
    world: &mut World,
) -> Result<()> {
    interrupted(world, 0, 30, |world| world.daemon.kill()).await
}

async fn ten_stops_lose_no_acknowledged_change_and_no_answered_check(
    world: &mut World,
) -> Result<()> {
    interrupted(world, 0, 10, World::stop).await
}

async fn interrupted(
    world: &mut World,
    seed: u64,
    rounds: u64,
    interrupt: impl Fn(&mut World) -> Result<()>,
) -> Result<()> {
    let known = RefCell::new(Acknowledged::default());
    let mut security = world.app("security").await?;
    for round in 1..=rounds {
        let mut dice = Dice((seed + round).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let person = world.person().await?;
        let (sent, mut seen) = watch::channel(0_usize);
        let (until, pauses) = (1 + dice.below(12), dice.below(300));
        let changing = change(&person, &known, &mut dice, &sent);
        let checking = check(&mut security, &known);
        let interrupting = async {
            seen.wait_for(|&count| count >= until).await?;
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            interrupt(world)
        };
        let (changed, checked, interrupted) = tokio::join!(changing, checking, interrupting);
        changed.and(checked).and(interrupted)?;
        world.start_again()?;
        let mut acknowledged = known.take();
        compare(&person, &mut acknowledged, round).await?;
        known.replace(acknowledged);
    }
    let person = world.person().await?;
    let proof = person.admin.verify_log(Options::new()).await?;
    ensure!(proof["whole"] == Variant::from(true).try_into_owned()?, "{proof:?}");
    Ok(())
}

/// Sets this and that until the daemon is gone.
async fn change(
    person: &Person,
    known: &RefCell<Acknowledged>,
    dice: &mut Dice,
    sent: &watch::Sender<usize>,
) -> Result<()> {
    loop {
        let setting = (dice.roll(&TOGGLES), dice.roll(&APPS));
        // For apps not named nobody consents.
        let states = if setting.1 == "*" { &STATES[1..] } else { &STATES[..] };
        let state = dice.roll(states);
        known.borrow_mut().doubtful = Some((setting, state));
        sent.send_modify(|count| *count += 1);
        match person.set(setting.0, setting.1, state).await {
            Ok(generation) => {
                let mut known = known.borrow_mut();
                known.doubtful = None;
                known.states.insert(setting, state);
                ensure!(generation >= known.generation, "generation {generation} came before");
                known.generation = generation;
            }
            Err(consentd_dbus::Error::Bus(_)) => return Ok(()),
            Err(refused) => return Err(refused.into()),
        }
    }
}

/// Asks until the daemon is gone.
async fn check(app: &mut App, known: &RefCell<Acknowledged>) -> Result<()> {
    let question = Question::new("security.systems", &["logs.crash"]);
    loop {
        match app.tell(Order::Check(question.clone())).await? {
            Reply::Answered(answers) => {
                ensure!(answers[0].decision == "allow", "{answers:?}");
                known.borrow_mut().checks += 1;
            }
            Reply::Refused { error, .. } if error.starts_with("org.freedesktop.DBus.Error") => {
                return Ok(());
            }
            other => anyhow::bail!("{other:?}"),
        }
    }
}

/// What the new daemon has beside what the old one acknowledged.
async fn compare(person: &Person, known: &mut Acknowledged, round: u64) -> Result<()> {
    if let Some((setting, state)) = known.doubtful.take() {
        let stored = person.stored(setting.0, setting.1).await?;
        if stored == state {
            known.states.insert(setting, state);
        }
    }
    for (setting, state) in &known.states {
        let stored = person.stored(setting.0, setting.1).await?;
        ensure!(stored == *state, "round {round}: {setting:?} was {state} and is {stored}");
    }
    let records = person.history("record", SECURITY).await?;
    let counts: Result<Vec<u64>> = records.iter().map(|record| count(record, "count")).collect();
    let recorded: u64 = counts?.iter().sum();
    ensure!(
        // One check a round may have been recorded and its answer lost.
        (known.checks..=known.checks + round).contains(&recorded),
        "round {round}: {} checks answered, {recorded} recorded",
        known.checks
    );
    let status = person.admin.status(Options::new()).await?;
    let generation = count(&status, "generation")?;
    ensure!(
        generation >> 32 > known.generation >> 32,
        "round {round}: generation {generation} after {}",
        known.generation
    );
    Ok(())
}
