//! The hash chain over all rows: what is inserted at once is a block, and each block's link rests on the
//! one before it.
//!
//! It shows accident and careless tampering. It has no key that root could not read: who knows how it is
//! made can make another.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

/// A hash of the chain.
pub type Link = [u8; 32];

/// A place in the chain that somebody else has noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The block.
    pub block: u64,
    /// Its link.
    pub link: Link,
}

/// Which table a block's rows are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What apps asked.
    Records,
    /// What was changed.
    Events,
}

impl Kind {
    /// The table's name, which is also the word in `blocks`.
    pub fn table(self) -> &'static str {
        match self {
            Kind::Records => "records",
            Kind::Events => "events",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Kind::Records, Kind::Events].into_iter().find(|kind| kind.table() == word)
    }

    /// The columns that are hashed, in this order for ever; `seq` first, then the last time.
    fn columns(self) -> &'static str {
        match self {
            Kind::Records => {
                "seq, last, at, user, app, trust, purpose, data, decision, reason, tag, count, usage"
            }
            Kind::Events => {
                "seq, at, generation, ordinal, user, what, toggle, app, state, lifetime, until,
                 made_by, notice"
            }
        }
    }

    /// Which of the columns is the first time.
    fn first_time(self) -> usize {
        match self {
            Kind::Records => 2,
            Kind::Events => 1,
        }
    }

    fn select(self) -> String {
        format!(
            "SELECT {} FROM {} WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
            self.columns(),
            self.table()
        )
    }
}

/// A block as it stands in the table.
struct Block {
    number: i64,
    from_number: i64,
    kind: Kind,
    first_seq: i64,
    last_seq: i64,
    held: i64,
    gone: Sum,
    link: Link,
}

const BLOCK: &str =
    "SELECT number, from_number, kind, first_seq, last_seq, held, gone, link FROM blocks";

impl Block {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let kind: String = row.get(2)?;
        Ok(Self {
            number: row.get(0)?,
            from_number: row.get(1)?,
            kind: Kind::of(&kind).ok_or(rusqlite::Error::InvalidQuery)?,
            first_seq: row.get(3)?,
            last_seq: row.get(4)?,
            held: row.get(5)?,
            gone: Sum(row.get(6)?),
            link: row.get(7)?,
        })
    }
}

/// The end of the chain.
pub(super) fn head(db: &Connection) -> rusqlite::Result<Anchor> {
    let last = db
        .prepare_cached("SELECT number, link FROM blocks ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok(Anchor { block: row.get(0)?, link: row.get(1)? }))
        .optional()?;
    Ok(last.unwrap_or(Anchor { block: 0, link: [0; 32] }))
}

/// Makes a block of the rows from `first` to `last`, which were just inserted.
pub(super) fn seal(db: &Connection, kind: Kind, first: i64, last: i64) -> rusqlite::Result<()> {
    let head = head(db)?;
    let number = head.block.cast_signed() + 1;
    let mut sum = Sum::default();
    let (mut held, mut from_at, mut until_at) = (0_i64, i64::MAX, i64::MIN);
    let mut statement = db.prepare_cached(&kind.select())?;
    let mut rows = statement.query([first, last])?;
    while let Some(row) = rows.next()? {
        sum.add(hash(kind, row)?);
        held += 1;
        until_at = until_at.max(row.get(1)?);
        from_at = from_at.min(row.get(kind.first_time())?);
    }
    if held == 0 {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO blocks
            (number, from_number, kind, first_seq, last_seq, from_at, until_at, held, gone, link)
         VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, zeroblob(32), ?8)",
    )?
    .execute(params![
        number,
        kind.table(),
        first,
        last,
        from_at,
        until_at,
        held,
        link(head.link, kind, number, sum)
    ])?;
    Ok(())
}

/// Makes blocks of rows that were there before there was a chain.
pub(super) fn adopt(db: &Connection) -> rusqlite::Result<()> {
    for kind in [Kind::Records, Kind::Events] {
        let sql = format!(
            "SELECT min(seq), max(seq) FROM
                (SELECT seq FROM {} WHERE seq > ?1 ORDER BY seq LIMIT 4096)",
            kind.table()
        );
        let mut after = i64::MIN;
        loop {
            let range: (Option<i64>, Option<i64>) =
                db.query_row(&sql, [after], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let (Some(first), Some(last)) = range else {
                break;
            };
            seal(db, kind, first, last)?;
            after = last;
        }
    }
    Ok(())
}

/// Removes whole blocks of a kind whose rows are all older than `before`, until `enough` rows went; their
/// links stay.
pub(super) fn remove_older(
    db: &Connection,
    kind: Kind,
    before: i64,
    enough: usize,
) -> rusqlite::Result<()> {
    let sql =
        format!("{BLOCK} WHERE kind = ?1 AND held > 0 AND until_at < ?2 ORDER BY until_at LIMIT 1");
    let mut removed = 0;
    while removed < enough {
        let old = db
            .prepare_cached(&sql)?
            .query_row(params![kind.table(), before], Block::read)
            .optional()?;
        let Some(block) = old else { break };
        match remove_of(db, &block, |_| true)? {
            // It says that it holds rows, and somebody took them: it must not stand in the way.
            0 => {
                let empty = "UPDATE blocks SET held = 0 WHERE number = ?1";
                db.prepare_cached(empty)?.execute([block.number])?;
                fold(db, &block)?;
                removed += 1;
            }
            rows => removed += rows,
        }
    }
    Ok(())
}

/// Removes single rows, named in ascending order; their hashes stay. Returns how many went.
pub(super) fn remove(db: &Connection, kind: Kind, seqs: &[i64]) -> rusqlite::Result<usize> {
    let sql = format!(
        "{BLOCK} WHERE kind = ?1 AND held > 0 AND first_seq <= ?2 ORDER BY first_seq DESC LIMIT 1"
    );
    let mut removed = 0;
    let mut rest = seqs;
    while let Some(seq) = rest.first() {
        let found = db
            .prepare_cached(&sql)?
            .query_row(params![kind.table(), seq], Block::read)
            .optional()?;
        let Some(block) = found.filter(|block| *seq <= block.last_seq) else {
            rest = &rest[1..];
            continue;
        };
        let within = rest.partition_point(|seq| *seq <= block.last_seq);
        let (wanted, others) = rest.split_at(within);
        removed += remove_of(db, &block, |seq| wanted.binary_search(&seq).is_ok())?;
        rest = others;
    }
    Ok(removed)
}

/// Removes those rows of a block that `goes` says; the sum of their hashes stays.
fn remove_of(
    db: &Connection,
    block: &Block,
    goes: impl Fn(i64) -> bool,
) -> rusqlite::Result<usize> {
    let mut gone = block.gone;
    let mut removed: Vec<i64> = Vec::new();
    each(db, block, |seq, hash| {
        if goes(seq) {
            removed.push(seq);
            gone.add(hash);
        }
    })?;
    if removed.is_empty() {
        return Ok(0);
    }
    if block.kind == Kind::Records {
        release(db, &removed)?;
    }
    let sql = format!("DELETE FROM {} WHERE seq = ?1", block.kind.table());
    let mut delete = db.prepare_cached(&sql)?;
    for seq in &removed {
        delete.execute([seq])?;
    }
    let held = block.held - i64::try_from(removed.len()).unwrap_or(i64::MAX);
    db.prepare_cached("UPDATE blocks SET held = ?2, gone = ?3 WHERE number = ?1")?
        .execute(params![block.number, held.max(0), gone.0])?;
    if held <= 0 {
        fold(db, block)?;
    }
    Ok(removed.len())
}

/// Counts records that go no longer for their apps.
fn release(db: &Connection, seqs: &[i64]) -> rusqlite::Result<()> {
    let mut update = db.prepare_cached(
        "UPDATE held SET rows = rows - 1
         WHERE (user, app) = (SELECT user, app FROM records WHERE seq = ?1)",
    )?;
    for seq in seqs {
        update.execute([seq])?;
    }
    db.prepare_cached("DELETE FROM held WHERE rows <= 0")?.execute([])?;
    Ok(())
}

/// A block of which nothing is left becomes one with its neighbours of which nothing is left either.
fn fold(db: &Connection, block: &Block) -> rusqlite::Result<()> {
    let mut from_number = block.from_number;
    let before: Option<i64> = db
        .prepare_cached("SELECT from_number FROM blocks WHERE number = ?1 AND held = 0")?
        .query_row([block.from_number - 1], |row| row.get(0))
        .optional()?;
    if let Some(earlier) = before {
        db.prepare_cached("DELETE FROM blocks WHERE number = ?1")?
            .execute([block.from_number - 1])?;
        db.prepare_cached("UPDATE blocks SET from_number = ?2 WHERE number = ?1")?
            .execute([block.number, earlier])?;
        from_number = earlier;
    }
    let taken = db
        .prepare_cached(
            "UPDATE blocks SET from_number = ?2 WHERE from_number = ?1 AND held = 0
             AND number = (SELECT min(number) FROM blocks WHERE number > ?3)",
        )?
        .execute([block.number + 1, from_number, block.number])?;
    if taken > 0 {
        db.prepare_cached("DELETE FROM blocks WHERE number = ?1")?.execute([block.number])?;
    }
    Ok(())
}

/// Goes along the rows of a block that are there: place and hash.
fn each(db: &Connection, block: &Block, mut take: impl FnMut(i64, Link)) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(&block.kind.select())?;
    let mut rows = statement.query([block.first_seq, block.last_seq])?;
    while let Some(row) = rows.next()? {
        take(row.get(0)?, hash(block.kind, row)?);
    }
    Ok(())
}

/// What a look along the whole chain found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Blocks, those of which nothing is left included.
    pub blocks: u64,
    /// Rows that are there.
    pub rows: u64,
    /// What is wrong, in words, the first few; nothing if all is well.
    pub findings: Vec<String>,
}

/// Findings that are named; there may be more.
const NAMED: usize = 20;

/// Looks along the whole chain.
pub(super) fn verify(db: &Connection, anchor: Option<Anchor>) -> rusqlite::Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut expected = 1;
    let mut before: Link = [0; 32];
    let mut anchored = anchor.is_none_or(|anchor| anchor.block == 0);
    let mut statement = db.prepare(&format!("{BLOCK} ORDER BY number"))?;
    let mut blocks = statement.query([])?;
    while let Some(row) = blocks.next()? {
        let block = Block::read(row)?;
        if block.from_number != expected {
            verdict.find(format!("blocks {expected} to {} are missing", block.from_number - 1));
        }
        expected = block.number + 1;
        verdict.blocks += (block.number - block.from_number).unsigned_abs() + 1;
        if block.held > 0 {
            verdict.judge(db, &block, before)?;
        }
        before = block.link;
        if let Some(anchor) = anchor {
            let number = anchor.block.cast_signed();
            if block.number == number && block.link != anchor.link {
                verdict.find(format!("block {number} is not the one that settings.db has noted"));
            }
            anchored |= (block.from_number..=block.number).contains(&number);
        }
    }
    if let Some(anchor) = anchor.filter(|_| !anchored) {
        let number = anchor.block;
        verdict.find(format!("the chain ends before block {number}, which settings.db has noted"));
    }
    for kind in [Kind::Records, Kind::Events] {
        let strays: u64 = db.query_row(
            &format!(
                "SELECT (SELECT count(*) FROM {table}) -
                        (SELECT ifnull(sum(held), 0) FROM blocks WHERE kind = '{table}')",
                table = kind.table()
            ),
            [],
            |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
        )?;
        if strays > 0 {
            verdict.find(format!("{strays} {} more or less than the chain covers", kind.table()));
        }
    }
    Ok(verdict)
}

impl Verdict {
    fn judge(&mut self, db: &Connection, block: &Block, before: Link) -> rusqlite::Result<()> {
        let (mut held, mut sum) = (0, block.gone);
        each(db, block, |_, hash| {
            held += 1;
            sum.add(hash);
        })?;
        self.rows += held;
        let (number, kind) = (block.number, block.kind.table());
        if held != block.held.unsigned_abs() {
            self.find(format!("block {number}: {held} {kind}, of {} that should be", block.held));
        } else if link(before, block.kind, number, sum) != block.link {
            let (first, last) = (block.first_seq, block.last_seq);
            self.find(format!("block {number}: {kind} {first} to {last} are not as written"));
        }
        Ok(())
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < NAMED {
            self.findings.push(finding);
        }
    }
}

/// Hashes added up: in whatever order, so that single rows can go and leave theirs. Each row's hash
/// has its place in it, so no order is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum([u8; 32]);

impl Sum {
    /// Adds a hash, as 256-bit numbers, the carry out of the last byte dropped.
    fn add(&mut self, hash: Link) {
        let mut carry = 0;
        for (byte, other) in self.0.iter_mut().zip(hash) {
            let sum = u16::from(*byte) + u16::from(other) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
    }
}

/// The link of a block.
fn link(before: Link, kind: Kind, number: i64, sum: Sum) -> Link {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(number.to_le_bytes());
    hash.update(kind.table());
    hash.update(sum.0);
    hash.finalize().into()
}

/// The hash of one row.
fn hash(kind: Kind, row: &Row<'_>) -> rusqlite::Result<Link> {
    let mut hash = Sha256::new();
    let mut columns = row.as_ref().column_count();
    // Records of versions that had no such column hash as they always did.
    if kind == Kind::Records && row.get_ref(columns - 1)? == ValueRef::Null {
        columns -= 1;
    }
    for column in 0..columns {
        // Each value with its kind and its length, so that no two rows have the same bytes.
        match row.get_ref(column)? {
            ValueRef::Null => hash.update([0]),
            ValueRef::Integer(number) => {
                hash.update([1]);
                hash.update(number.to_le_bytes());
            }
            ValueRef::Real(number) => {
                hash.update([2]);
                hash.update(number.to_le_bytes());
            }
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                hash.update([3]);
                hash.update((bytes.len() as u64).to_le_bytes());
                hash.update(bytes);
            }
        }
    }
    Ok(hash.finalize().into())
}
