//! The story: four apps, one person who changes their mind, and what consentd answers; and a report of it.
//!
//! Every answer in it has come over the bus; one that is not as told makes the demo fail.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use consentd_tests::app::App;
use consentd_tests::ctl::Ctl;
use consentd_tests::process::in_words;
use consentd_tests::words::{Answer, allow, ask, deny};
use consentd_tests::world::World;

use crate::case::{self, Asking, Keeper, Kept};
use crate::narrator::Narrator;

const WEATHER: &str = "org.example.weather";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

/// What is needed to tell it.
pub struct Story<'a> {
    narrator: Narrator,
    world: &'a World,
    ctl: Ctl,
    /// How often it went otherwise.
    astray: u32,
}

impl<'a> Story<'a> {
    /// Begins it in a world.
    pub fn new(world: &'a World) -> Result<Story<'a>> {
        Ok(Story { narrator: Narrator::new(), world, ctl: world.ctl()?, astray: 0 })
    }

    /// Tells it to the end; how often it went otherwise than told.
    pub async fn tell(mut self) -> Result<u32> {
        self.opening()?;
        self.where_am_i().await?;
        self.an_advertisement().await?;
        self.a_crash().await?;
        self.one_thing_too_many().await?;
        self.looking_back().await?;
        let report = self.everything_about_me().await?;
        self.narrator.tell(
            "That was the story. Everything in it was real: the bus, the daemon, the database, the \
             processes. All of it ends here and is removed, but for the report. To see it, open it in a \
             browser:",
        )?;
        self.narrator.command(&format!("xdg-open {}", report.display()))?;
        Ok(self.astray)
    }

    fn opening(&self) -> Result<()> {
        let narrator = &self.narrator;
        narrator.chapter("A phone, its person, and four apps")?;
        narrator.tell(
            "On this phone an app asks before it collects: may I, this data, for this purpose, now? \
             consentd answers from what the person has set.",
        )?;
        narrator.tell(&format!(
            "A message bus of its own, a daemon (pid {}) and an empty database have just been started \
             in {}. Nobody has decided anything yet.",
            self.world.daemon.pid(),
            self.world.stage.root().display()
        ))
    }

    async fn where_am_i(&mut self) -> Result<()> {
        let mut weather = self.world.app("weather").await?;
        self.narrator.chapter("1. Where am I?")?;
        self.narrator.tell("Weather wants to show the forecast for where you are.")?;
        self.narrator.quote("Weather", "May I have your precise location?")?;
        let both = ["location.precise", "location.approximate"];
        let answers = weather.check("location.services", &both[..1]).await?;
        self.expect(&answers, &[ask("location.precise", "not-set", "none")])?;
        self.narrator.tell(
            "Not now, but a prompt may change that. You give Weather the neighbourhood, and not the \
             street:",
        )?;
        self.person(&["set", "location.app", "on", "--app", WEATHER]).await?;
        self.person(&["set", "location.precise", "off", "--app", WEATHER]).await?;
        self.narrator.quote("Weather", "And now?")?;
        let answers = weather.check("location.services", &both).await?;
        self.expect(
            &answers,
            &[
                deny("location.precise", "toggle-off", "approximate"),
                allow("location.approximate", "contract"),
            ],
        )
    }

    async fn an_advertisement(&mut self) -> Result<()> {
        let mut game = self.world.app("game").await?;
        self.narrator.chapter("2. An advertisement")?;
        self.narrator.tell(
            "Marble game carries the SDK of an ad network, AdNet, which would like to know which phone \
             this is. Ad services are off until somebody switches them on, and nobody has.",
        )?;
        self.narrator
            .quote("Marble game", "May AdNet have the advertising id, for personalised ads?")?;
        let answers = self.ask_for_ads(&mut game).await?;
        self.expect(&answers, &[deny("device.oaid", "toggle-off", "zero-uuid")])?;
        self.narrator.tell(&format!(
            "The SDK gets a well-formed id that says nothing, {ZERO}. Then you are curious:"
        ))?;
        self.person(&["set", "ad-services", "on"]).await?;
        self.narrator.quote("Marble game", "May AdNet have the advertising id?")?;
        let answers = self.ask_for_ads(&mut game).await?;
        self.expect(&answers, &[allow("device.oaid", "consented")])?;
        self.narrator.tell("One advertisement later you have seen enough:")?;
        self.person(&["set", "ad-services", "off"]).await?;
        self.narrator.quote("Marble game", "May AdNet have the advertising id?")?;
        let asked = Instant::now();
        let answers = self.ask_for_ads(&mut game).await?;
        let took = asked.elapsed();
        self.expect(&answers, &[deny("device.oaid", "toggle-off", "zero-uuid")])?;
        self.narrator.tell(&format!(
            "At once: no check that starts after the switch is answered otherwise. This one took \
             {:.1} ms, there and back.",
            took.as_secs_f64() * 1000.0
        ))
    }

    async fn ask_for_ads(&self, game: &mut App) -> Result<Vec<Answer>> {
        game.check("ads.personalised", &["device.oaid"]).await
    }

    async fn a_crash(&mut self) -> Result<()> {
        let mut experience = self.world.app("experience").await?;
        let mut security = self.world.app("security").await?;
        self.narrator.chapter("3. A crash, and two who would like to hear of it")?;
        self.narrator.tell(
            "An app has crashed. The User Experience Program would use the report to improve the \
             phone; one joins it or not, and you have not. Security would use it to keep the phone safe.",
        )?;
        self.narrator
            .quote("User Experience Program", "May I have the crash report, for analytics?")?;
        let answers = experience.check("experience.analytics", &["logs.crash"]).await?;
        self.expect(&answers, &[deny("logs.crash", "toggle-off", "none")])?;
        self.narrator
            .quote("Security", "May I have the crash report, for the security of the system?")?;
        let answers = security.check("security.systems", &["logs.crash"]).await?;
        self.expect(&answers, &[allow("logs.crash", "legitimate-interest")])?;
        self.narrator.tell("The same report, two purposes, two answers.")
    }

    async fn one_thing_too_many(&mut self) -> Result<()> {
        let mut weather = self.world.app("weather").await?;
        self.narrator.chapter("4. One thing too many")?;
        self.narrator.tell(
            "Weather has declared what it collects, and what for. Advertising is not among it.",
        )?;
        self.narrator.quote("Weather", "May I have the advertising id, for personalised ads?")?;
        let answers = weather.check("ads.personalised", &["device.oaid"]).await?;
        self.expect(&answers, &[deny("device.oaid", "undeclared", "zero-uuid")])
    }

    async fn looking_back(&mut self) -> Result<()> {
        self.narrator.chapter("5. Looking back")?;
        self.narrator.tell("Why does Weather not get the street? Rule by rule:")?;
        self.person(&["explain", WEATHER, "location.services", "location.precise"]).await?;
        self.narrator.tell("And who has asked for what?")?;
        self.person(&["log"]).await
    }

    /// An access case; where its report is.
    async fn everything_about_me(&mut self) -> Result<PathBuf> {
        self.narrator.chapter("6. Everything about me")?;
        self.narrator.tell(
            "What does it all add up to? The law gives you a right to a copy. You use it, towards every app \
             at once:",
        )?;
        let mut person = Asking::begin(self.world).await?;
        self.person(&["rights", "open", "access"]).await?;
        self.narrator.tell(
            "Weather keeps a few things. It is handed the case, writes them into a pipe, and says that \
             it is done. Nothing of them stays with consentd. The others have a month.",
        )?;
        let _keeper = Keeper::start(self.world)?;
        person.until_done(WEATHER).await?;
        self.narrator.tell("What there is so far can be read at once, as a page:")?;
        let kept = Kept::make()?;
        let (page, lines) = (kept.path("report.html")?, kept.path("report.jsonl")?);
        self.person(&["rights", "report", "1", "--format", "html", "--output", &page]).await?;
        self.narrator.tell(
            "And for programs. That nobody has changed it since can be seen from the file:",
        )?;
        self.person(&["rights", "report", "1", "--output", &lines]).await?;
        self.person(&["export", "--verify", &lines]).await?;
        for path in [&page, &lines] {
            if let Some(missing) = case::missing_in(&std::fs::read_to_string(path)?) {
                self.astray += 1;
                self.narrator.astray(&format!("{path} lacks {missing}"))?;
            }
        }
        Ok(page.into())
    }

    /// The person at the shell: consentctl itself writes to the terminal. `explain` ends with 1 where
    /// it explains a denial.
    async fn person(&mut self, arguments: &[&str]) -> Result<()> {
        let line = format!("consentctl {}", arguments.join(" "));
        self.narrator.command(&line)?;
        let mut command = self.ctl.command();
        command.args(arguments);
        let status = tokio::process::Command::from(command).kill_on_drop(true).status().await?;
        if !matches!((arguments.first(), status.code()), (_, Some(0)) | (Some(&"explain"), Some(1)))
        {
            self.astray += 1;
            self.narrator.astray(&format!("{line} ended with {}", in_words(status)))?;
        }
        Ok(())
    }

    /// Shows an answer, and that it is the one that was expected.
    fn expect(&mut self, answers: &[Answer], expected: &[Answer]) -> Result<()> {
        self.narrator.answer(answers)?;
        if answers != expected {
            self.astray += 1;
            self.narrator.astray("the story says")?;
            self.narrator.answer(expected)?;
        }
        Ok(())
    }
}
