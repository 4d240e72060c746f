//! Cases on the disk (R44–R52). They decide nothing, so the sum is not over them.

use rusqlite::{Row, Transaction, params};

use super::Store;
use super::error::StoreError;
use super::read::{Unread, by, odd};
use crate::engine::cases::{Case, CaseChange, CaseRight, End, Holder, Progress};

/// A case with its holders, in the order of their ids.
pub type CaseRow = (Case, Vec<Holder>);

impl Store {
    /// The number that the next case gets.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn next_case(&self) -> Result<i64, StoreError> {
        let sql = "SELECT ifnull(max(id), 0) + 1 FROM cases";
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|error| self.sqlite(error))
    }

    /// A user's cases, newest first.
    ///
    /// # Errors
    /// The store cannot be read, or holds what was never written there.
    pub fn cases(&self, user: u32) -> Result<Vec<CaseRow>, StoreError> {
        self.cases_where(&format!("user = {user}"))
    }

    /// One case, whosever it is.
    ///
    /// # Errors
    /// As [`Store::cases`].
    pub fn case(&self, id: i64) -> Result<Option<CaseRow>, StoreError> {
        Ok(self.cases_where(&format!("id = {id}"))?.pop())
    }

    /// Everybody's cases that have not ended, newest first.
    ///
    /// # Errors
    /// As [`Store::cases`].
    pub fn open_cases(&self) -> Result<Vec<CaseRow>, StoreError> {
        self.cases_where("ended IS NULL")
    }

    fn cases_where(&self, which: &str) -> Result<Vec<CaseRow>, StoreError> {
        let mut cases: Vec<CaseRow> = Vec::new();
        let sql = format!(
            "SELECT id, user, right, app, purpose, data, statement, made_by, opened, due, region,
                    controller, authority, ended, ended_at
             FROM cases WHERE {which} ORDER BY id DESC"
        );
        self.each(&sql, |row| {
            cases.push((case(row)?, Vec::new()));
            Ok(())
        })?;
        let sql = format!(
            "SELECT id, app, state, at, tries, note FROM case_holders
             WHERE id IN (SELECT id FROM cases WHERE {which}) ORDER BY id, app"
        );
        self.each(&sql, |row| {
            let state: String = row.get(2)?;
            let known = Progress::ALL.into_iter().find(|progress| progress.word() == state);
            let holder = Holder {
                case: row.get(0)?,
                app: row.get(1)?,
                progress: known.ok_or_else(|| odd("a holder's state", state))?,
                at: row.get(3)?,
                tries: row.get(4)?,
                note: row.get(5)?,
            };
            let of = cases.iter_mut().find(|(case, _)| case.id == holder.case);
            of.into_iter().for_each(|(_, holders)| holders.push(holder.clone()));
            Ok(())
        })?;
        Ok(cases)
    }
}

fn case(row: &Row<'_>) -> Result<Case, Unread> {
    let right: String = row.get(2)?;
    let (ended, at): (Option<String>, Option<i64>) = (row.get(13)?, row.get(14)?);
    let end = match (ended, at) {
        (Some(ended), Some(at)) => {
            let known = End::ALL.into_iter().find(|end| end.word() == ended);
            Some((known.ok_or_else(|| odd("a case's end", ended))?, at))
        }
        _ => None,
    };
    Ok(Case {
        id: row.get(0)?,
        user: row.get(1)?,
        right: CaseRight::of(&right).ok_or_else(|| odd("a right", right))?,
        app: row.get(3)?,
        purpose: row.get(4)?,
        data: row.get(5)?,
        statement: row.get(6)?,
        by: by(row.get_ref(7)?)?,
        opened: row.get(8)?,
        due: row.get(9)?,
        region: row.get(10)?,
        controller: row.get(11)?,
        authority: row.get(12)?,
        end,
    })
}

pub(super) fn put(db: &Transaction<'_>, change: &CaseChange) -> rusqlite::Result<()> {
    match change {
        CaseChange::Opened(case) => db
            .prepare_cached(
                "INSERT INTO cases (id, user, right, app, purpose, data, statement, made_by, opened,
                                    due, region, controller, authority)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                case.id,
                case.user,
                case.right.word(),
                case.app,
                case.purpose,
                case.data,
                case.statement,
                case.by.word(),
                case.opened,
                case.due,
                case.region,
                case.controller,
                case.authority,
            ]),
        CaseChange::Holder(holder) => db
            .prepare_cached(
                "INSERT OR REPLACE INTO case_holders (id, app, state, at, tries, note)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                holder.case,
                holder.app,
                holder.progress.word(),
                holder.at,
                holder.tries,
                holder.note,
            ]),
        CaseChange::Ended(id, end, at) => db
            .prepare_cached("UPDATE cases SET ended = ?2, ended_at = ?3 WHERE id = ?1")?
            .execute(params![id, end.word(), at]),
    }
    .map(drop)
}
