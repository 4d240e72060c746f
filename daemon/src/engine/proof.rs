//! Proof: whether the ledger is as it was written, and what a user's export begins with.

use super::error::EngineError;
use super::settings::{Entry, Key};
use super::{Engine, State};
use crate::row::Row;

impl Engine {
    /// Looks the whole hash chain of the ledger through: `whole`, how many `blocks` and `records` it
    /// covers, what is wrong with it (`findings`), and, if it was ever begun anew, why (`begun`).
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn verify_log(&self) -> Result<Row, EngineError> {
        let anchor = match self.lock_writer().as_ref() {
            Some(store) => store.anchor()?,
            None => None,
        };
        self.read_ledger(|_, reader| {
            let verdict = reader.verify(anchor)?;
            Ok(Row::new()
                .with("whole", verdict.findings.is_empty())
                .with("blocks", verdict.blocks)
                .with("rows", verdict.rows)
                .with("findings", verdict.findings)
                .maybe("begun", reader.begun()?))
        })
    }

    /// The rows before the history: what this is, the profile, every stored choice, every consent.
    /// Choices are shown as they are stored, those of toggles that are no longer offered included.
    ///
    /// # Errors
    /// There is no catalogue in force, or the store cannot be read.
    pub fn export_head(&self, user: u32) -> Result<Vec<Row>, EngineError> {
        let mut rows = vec![
            Row::new()
                .with("kind", "export")
                .with("version", env!("CARGO_PKG_VERSION"))
                .with("user", user)
                .with("at", self.clock.now().wall)
                .with("generation", self.generation()),
            Row::new().with("kind", "profile").and(self.get_profile(user)?),
        ];
        rows.extend(self.choices(user));
        let consents = self.list_consents(user)?;
        let requests = self.list_cases(user)?;
        let kept = self.list_retention(user)?;
        for (kind, of_kind) in [("consent", consents), ("request", requests), ("retention", kept)] {
            rows.extend(of_kind.into_iter().map(|row| Row::new().with("kind", kind).and(row)));
        }
        Ok(rows)
    }

    fn choices(&self, user: u32) -> Vec<Row> {
        let state = self.read_state();
        let lasting = state.settings.entries.iter().map(|(key, entry)| (key, entry, None));
        let passing = state.settings.allowances.iter();
        let passing =
            passing.map(|(key, allowance)| (*key, allowance.entry, Some(allowance.lifetime)));
        lasting
            .chain(passing)
            .filter(|(key, ..)| key.user == user)
            .map(|(key, entry, lifetime)| {
                choice(&state, key, entry)
                    .with("lifetime", lifetime.map_or("forever", |lifetime| lifetime.word()))
                    .maybe("until", lifetime.and_then(|lifetime| lifetime.until()))
            })
            .collect()
    }
}

fn choice(state: &State, key: Key, entry: Entry) -> Row {
    let names = &state.numbers;
    let notice = entry.notice.and_then(|notice| names.notices.name(notice.0.get().into()));
    Row::new()
        .with("kind", "choice")
        .with("toggle", names.toggles.name(u32::from(key.toggle.0)).unwrap_or_default())
        .with("app", names.apps.name(key.app.0).unwrap_or_default())
        .with("state", entry.state.word())
        .with("since", entry.at)
        .with("by", entry.by.word())
        .maybe("notice", notice)
        .with("generation", entry.generation)
}
