//! What is too old goes, and what is too much; a little at a time, and never another's for one's flood.

use rusqlite::Connection;

use super::chain::{self, Kind};
use super::drained;

/// Records are kept 31 days, setting events two years.
const RECORD_SECONDS: i64 = 31 * 86_400;
const EVENT_SECONDS: i64 = 2 * 365 * 86_400;
/// At most this many records, and so many bytes of them; what is too much goes from whoever has most.
const MAX_RECORDS: i64 = 1_000_000;
const MAX_BYTES: i64 = 512 << 20;
/// At most this many setting events; the oldest go first.
const MAX_EVENTS: i64 = 200_000;
/// How much is pruned at once, so that no check waits long for it.
const PRUNED_ROWS: u16 = 4_096;

/// Removes some of what has to go, oldest first. The hashes stay.
pub(super) fn prune(connection: &mut Connection, now: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    let (records, events) = (now - RECORD_SECONDS, now - EVENT_SECONDS);
    chain::remove_older(&transaction, Kind::Records, records, PRUNED_ROWS.into())?;
    chain::remove_older(&transaction, Kind::Events, events, PRUNED_ROWS.into())?;
    drained::prune(&transaction, records)?;
    let held: i64 =
        transaction.query_row("SELECT ifnull(sum(rows), 0) FROM held", [], |row| row.get(0))?;
    let excess = (held - MAX_RECORDS).max(excess_rows(&transaction, held)?);
    if excess > 0 {
        let seqs = excess_of(&transaction, excess.min(PRUNED_ROWS.into()))?;
        chain::remove(&transaction, Kind::Records, &seqs)?;
    }
    let events: Vec<i64> = transaction
        .prepare_cached(
            "SELECT seq FROM events ORDER BY seq
                 LIMIT min(?2, max(0, (SELECT ifnull(sum(held), 0) FROM blocks
                                       WHERE kind = 'events' AND held > 0) - ?1))",
        )?
        .query_map([MAX_EVENTS, PRUNED_ROWS.into()], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    chain::remove(&transaction, Kind::Events, &events)?;
    transaction.commit()
}

/// Records that are too many for the bytes that they may take.
fn excess_rows(db: &Connection, held: i64) -> rusqlite::Result<i64> {
    let number = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let used = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
    Ok(if used > MAX_BYTES { held.min(PRUNED_ROWS.into()) } else { 0 })
}

/// What is too much, from whoever has most, the oldest first: no app's flood takes another's records.
fn excess_of(db: &Connection, excess: i64) -> rusqlite::Result<Vec<i64>> {
    let most = "SELECT user, app FROM held ORDER BY rows DESC LIMIT 1";
    let sql = format!("SELECT seq FROM records WHERE (user, app) = ({most}) ORDER BY seq LIMIT ?1");
    db.prepare_cached(&sql)?.query_map([excess], |row| row.get(0))?.collect()
}
