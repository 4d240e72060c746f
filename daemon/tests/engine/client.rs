//! An app's side of a gate: its page, and a lane of its usage memory.

use std::os::fd::OwnedFd;

use consentd::decision::Ruling;
use consentd::engine::Engine;
use consentd_gate::Standing;
use consentd_gate::page::{Page, PairIndex};
use consentd_gate::usage::{Lane, Usage};

use crate::device::App;

/// An app's side of a gate.
pub struct Client {
    pub id: u64,
    pub page: Page,
    usage: Usage,
    lane: Lane,
}

impl Client {
    pub fn open(engine: &Engine, app: &App) -> Self {
        let opened = engine.open_gate(&app.0).unwrap();
        let page = Page::open(opened.descriptors.page, Some(opened.id)).unwrap();
        let usage = Usage::open(opened.descriptors.usage, &page).unwrap();
        let lane = usage.lane();
        Self { id: opened.id, page, usage, lane }
    }

    pub fn pair(&self, purpose: &str, data: &str) -> PairIndex {
        let names = self.page.directory();
        let (purpose, data) = (names.purpose(purpose).unwrap(), names.data(data).unwrap());
        names.pair(purpose, data).unwrap()
    }

    /// What the page says, in words; `call` where only the daemon can.
    pub fn says(&self, purpose: &str, data: &str) -> String {
        told(self.page.word(self.pair(purpose, data)).standing())
    }

    /// Checks so many times, and counts it.
    pub fn check(&self, purpose: &str, data: &str, times: u64) {
        let pair = self.pair(purpose, data);
        let Standing::Answer(_, slot) = self.page.word(pair).standing() else {
            panic!("no answer for {data}");
        };
        (0..times).for_each(|_| self.lane.count(pair, slot));
    }

    /// What is brought to the next daemon.
    pub fn kept(&self) -> (OwnedFd, OwnedFd) {
        let copy = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().unwrap();
        (copy(self.page.fd()), copy(self.usage.fd()))
    }
}

pub fn told(standing: Standing) -> String {
    match standing {
        Standing::Answer(answer, _) => {
            let words = [answer.decision().wire(), answer.reason().wire(), answer.refusal().wire()];
            words.join(" ")
        }
        Standing::Call => "call".into(),
        Standing::Void => "void".into(),
    }
}

pub fn ruled(ruling: Ruling) -> String {
    [ruling.decision().word(), ruling.reason.word(), ruling.refusal.word()].join(" ")
}
