//! Erasures on the bus: what its period or a switch ends, its holder erases (R42, R43, R60).
//!
//! It is told before the call, done after the reply, and told again until then: at a start, when the holder
//! registers, and after pauses that grow. Where nobody answers for an app it stays due, and nobody is woken
//! for it. What a holder says beyond "done" or an error is not listened to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use consentd_dbus::names;

use super::dict::dict;
use super::holders::{Address, MAX_WHY, PATIENCE, lock, pause};
use super::service::Service;
use crate::engine::erasures::{Cleared, ErasureDue};
use crate::row::Row;

/// Which erasures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Erasures {
    /// All that are due.
    All,
    /// Those of one app; for one user, or for all.
    OfApp {
        /// Uid.
        user: Option<u32>,
        /// The app.
        app: String,
    },
}

/// A user's app.
type Whose = (u32, String);

/// Rounds of erasures, under way or to be made again: one at a time for each user's app.
#[derive(Default)]
pub(super) struct Rounds(Mutex<HashMap<Whose, Round>>);

#[derive(Default)]
struct Round {
    under_way: bool,
    /// Somebody wanted another meanwhile.
    wanted: bool,
    /// Rounds in vain, so far.
    tries: u32,
}

/// What a round came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    /// All is erased.
    Done,
    /// Nobody answers for the app now.
    ToNobody,
    /// Something is still to be erased.
    Short,
}

/// What follows a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another, at once.
    Another,
    /// Another after the pause for so many tries.
    Later(u32),
    /// None.
    Rest,
}

impl Rounds {
    /// Whether a round may begin; while another is under way, that one is followed by one more.
    fn begin(&self, whose: &Whose) -> bool {
        let mut rounds = lock(&self.0);
        let round = rounds.entry(whose.clone()).or_default();
        let may = !round.under_way;
        round.wanted = !may;
        round.under_way = true;
        may
    }

    fn end(&self, whose: &Whose, came: Came) -> Next {
        let mut rounds = lock(&self.0);
        let Entry::Occupied(mut entry) = rounds.entry(whose.clone()) else { return Next::Rest };
        let round = entry.get_mut();
        round.tries = if came == Came::Short { round.tries.saturating_add(1) } else { 0 };
        if std::mem::take(&mut round.wanted) {
            return Next::Another;
        }
        round.under_way = false;
        match round.tries {
            0 => {
                entry.remove();
                Next::Rest
            }
            tries => Next::Later(tries),
        }
    }

    /// Whether nobody has tried again since.
    fn rests_after(&self, whose: &Whose, tries: u32) -> bool {
        lock(&self.0).get(whose).is_some_and(|round| !round.under_way && round.tries == tries)
    }
}

impl Service {
    /// Ends the periods that ended while no daemon ran, and has everything erased that is due.
    pub(super) fn begin_erasures(self: &Arc<Self>) {
        let service = Arc::clone(self);
        tokio::spawn(async move {
            let kept = service.blocking(|engine| engine.keep_retention()).await;
            if let Err(error) = kept {
                tracing::warn!(%error, "periods that are over are looked for later");
            }
            service.erase(Erasures::All);
        });
    }

    /// Has holders that can be reached erase what is due. Returns at once.
    pub(super) fn erase(self: &Arc<Self>, which: Erasures) {
        let service = Arc::clone(self);
        tokio::spawn(async move {
            let is_meant = |due: &ErasureDue| match &which {
                Erasures::All => true,
                Erasures::OfApp { user, app } => {
                    due.app == *app && user.is_none_or(|user| user == due.user)
                }
            };
            // What could not be read is logged, and stays due until the next occasion.
            let due = service.erasures_due().await.unwrap_or_default();
            let mut whose: Vec<Whose> =
                due.into_iter().filter(is_meant).map(|due| (due.user, due.app)).collect();
            whose.dedup();
            for whose in whose {
                service.erase_of(whose);
            }
        });
    }

    async fn erasures_due(&self) -> Result<Vec<ErasureDue>, String> {
        let due = self.blocking(|engine| Ok(engine.erasures_due())).await;
        due.map_err(|error| format!("what is due cannot be read: {error}"))
    }

    fn erase_of(self: &Arc<Self>, whose: Whose) {
        if !self.rounds.begin(&whose) {
            return;
        }
        let service = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let came = service.round(&whose).await;
                match service.rounds.end(&whose, came) {
                    Next::Another => {}
                    Next::Later(tries) => return service.erase_later(whose, tries),
                    Next::Rest => return,
                }
            }
        });
    }

    fn erase_later(self: &Arc<Self>, whose: Whose, tries: u32) {
        let service = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(pause(tries)).await;
            if let Some(service) = service.upgrade()
                && service.rounds.rests_after(&whose, tries)
            {
                service.erase_of(whose);
            }
        });
    }

    /// Has everything erased that is due of a user's app, one call after the other.
    async fn round(&self, whose: &Whose) -> Came {
        let is_meant = |due: &ErasureDue| (due.user, &due.app) == (whose.0, &whose.1);
        let Ok(due) = self.erasures_due().await else { return Came::Short };
        let mut came = Came::Done;
        for due in due.into_iter().filter(is_meant) {
            match self.have_erased(&due).await {
                None => return Came::ToNobody,
                Some(Ok(())) => {}
                Some(Err(why)) => {
                    // A holder's own words may be in it.
                    let why: String = why.chars().take(MAX_WHY).collect();
                    tracing::warn!(app = due.app, purpose = due.purpose, why, "not erased yet");
                    came = Came::Short;
                }
            }
        }
        // What changed while others were told was passed over.
        match self.erasures_due().await {
            Ok(left) if !left.iter().any(is_meant) => came,
            Ok(_) | Err(_) => Came::Short,
        }
    }

    /// Has one thing erased; `None` where nobody answers for the app now.
    async fn have_erased(&self, due: &ErasureDue) -> Option<Result<(), String>> {
        let _turn = self.holders.pace.turn(due.user, &due.app).await?;
        // It may be done by now, or consented to anew.
        match self.erasures_due().await {
            Ok(now) if now.contains(due) => {}
            Ok(_) => return Some(Ok(())),
            Err(why) => return Some(Err(why)),
        }
        Some(match self.holder_of(due.user, &due.app).await? {
            Ok(address) => self.tell_to_erase(address, due.clone()).await,
            Err(why) => Err(why),
        })
    }

    async fn tell_to_erase(&self, (name, path): Address, due: ErasureDue) -> Result<(), String> {
        let details = Row::new().with("user", due.user).with("purpose", &*due.purpose);
        let body = (due.data.clone(), due.why.word(), dict(details));
        let told = due.clone();
        let told = self.blocking(move |engine| engine.erasure_told(&told)).await;
        told.map_err(|error| format!("that it is told was not stored: {error}"))?;
        let asked =
            self.asking.call_method(Some(&name), &path, Some(names::HOLDER), "Erase", &body);
        let reply = tokio::time::timeout(PATIENCE, asked).await;
        let reply = reply.map_err(|_| "it did not answer in time".to_owned())?;
        let reply = reply.map_err(|error| format!("it failed: {error}"))?;
        if !reply.body().is_empty() {
            return Err("it answered something else than that it is done".into());
        }
        let done = self.blocking(move |engine| engine.erasure_done(&due, Cleared::Erased)).await;
        done.map(drop).map_err(|error| format!("that it is done was not stored: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_one_app_follow_each_other_and_none_is_lost() {
        let (rounds, whose) = (Rounds::default(), (1_000, "org.example.game".to_owned()));
        assert!(rounds.begin(&whose));
        assert!(!rounds.begin(&whose), "one is under way");
        assert!(rounds.begin(&(1_001, whose.1.clone())), "another person's is not");
        assert_eq!(
            rounds.end(&whose, Came::Done),
            Next::Another,
            "what came meanwhile is looked at"
        );
        assert_eq!(rounds.end(&whose, Came::Done), Next::Rest);
        assert!(rounds.begin(&whose));
        assert_eq!(rounds.end(&whose, Came::ToNobody), Next::Rest, "nobody is woken for it");
    }

    #[test]
    fn a_round_in_vain_is_made_again_after_a_pause_that_grows() {
        let (rounds, whose) = (Rounds::default(), (1_000, "org.example.game".to_owned()));
        for tries in 1..4 {
            assert!(rounds.begin(&whose));
            assert_eq!(rounds.end(&whose, Came::Short), Next::Later(tries));
            assert!(rounds.rests_after(&whose, tries));
            assert!(pause(tries) < pause(tries + 1));
        }
        assert!(rounds.begin(&whose), "its holder registered");
        assert!(!rounds.rests_after(&whose, 3), "the pause that runs ends in nothing");
        assert_eq!(rounds.end(&whose, Came::Done), Next::Rest);
        assert!(!rounds.rests_after(&whose, 3));
        assert!(rounds.begin(&whose));
        assert_eq!(rounds.end(&whose, Came::Short), Next::Later(1), "it begins anew");
    }
}
