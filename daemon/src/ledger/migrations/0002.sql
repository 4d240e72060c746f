-- ledger.db, version 2. Frozen: a later version is a file of its own.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The hash chain. A block is what was inserted at once: a closed minute, or the events of a change. Its
-- link is the hash over the link before it and the sum of its rows' hashes; `gone` is the sum of those
-- that are no longer there. Where no row is left (`held` 0) blocks that follow one another are one row
-- here, from `from_number` to `number`, with the last one's link.
CREATE TABLE blocks (
    number      INTEGER PRIMARY KEY,
    from_number INTEGER NOT NULL,
    kind        TEXT    NOT NULL CHECK (kind IN ('records', 'events')),
    first_seq   INTEGER NOT NULL,
    last_seq    INTEGER NOT NULL,
    from_at     INTEGER NOT NULL,
    until_at    INTEGER NOT NULL,
    held        INTEGER NOT NULL CHECK (held >= 0),
    gone        BLOB    NOT NULL CHECK (length(gone) = 32),
    link        BLOB    NOT NULL CHECK (length(link) = 32),
    CHECK (from_number <= number AND first_seq <= last_seq)
) STRICT;

CREATE INDEX blocks_by_time ON blocks (kind, until_at, from_at, first_seq, last_seq) WHERE held > 0;
CREATE INDEX blocks_by_seq ON blocks (kind, first_seq) WHERE held > 0;

-- How many records each app of each user has.
CREATE TABLE held (
    user INTEGER NOT NULL,
    app  TEXT    NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (user, app)
) STRICT, WITHOUT ROWID;

INSERT INTO held SELECT user, app, count(*) FROM records GROUP BY user, app;

CREATE INDEX records_by_purpose ON records (user, purpose, seq);
CREATE INDEX records_by_data ON records (user, data, seq);
CREATE INDEX records_by_decision ON records (user, decision, seq);
CREATE INDEX events_by_app ON events (user, app, seq);
CREATE INDEX events_by_toggle ON events (user, toggle, seq);
