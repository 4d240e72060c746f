-- ledger.db, version 1. Frozen: a later version is a file of its own.

-- `seq` is given once and shared by both tables: the order of events, whatever the wall clock did.
CREATE TABLE records (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    user     INTEGER NOT NULL,
    app      TEXT    NOT NULL,
    trust    TEXT    NOT NULL,
    purpose  TEXT    NOT NULL,
    data     TEXT    NOT NULL,
    decision TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    tag      TEXT    NOT NULL,
    count    INTEGER NOT NULL CHECK (count > 0)
) STRICT;

CREATE INDEX records_by_user ON records (user, seq);
CREATE INDEX records_by_app ON records (user, app, seq);

CREATE TABLE events (
    seq        INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    user       INTEGER,
    what       TEXT    NOT NULL,
    toggle     TEXT,
    app        TEXT,
    state      TEXT,
    lifetime   TEXT,
    until      INTEGER,
    made_by    TEXT,
    notice     TEXT,
    UNIQUE (generation, ordinal)
) STRICT;

CREATE INDEX events_by_user ON events (user, seq);
