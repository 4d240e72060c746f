-- settings.db, version 6. Frozen: a later version is a file of its own.

-- Cases: rights that users exercise, and how far they are (R44-R52). They decide nothing: a right that
-- checks have to know of is in `rights`. What holders return is never stored here.
CREATE TABLE cases (
    id         INTEGER PRIMARY KEY,
    user       INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    right      TEXT    NOT NULL,
    app        TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    data       TEXT    NOT NULL,
    statement  TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    opened     INTEGER NOT NULL,
    due        INTEGER NOT NULL,
    region     TEXT    NOT NULL,
    controller TEXT    NOT NULL,
    authority  TEXT    NOT NULL,
    ended      TEXT    CHECK (ended IN ('done', 'refused', 'withdrawn')),
    ended_at   INTEGER,
    CHECK ((ended IS NULL) = (ended_at IS NULL))
) STRICT;

CREATE INDEX cases_by_user ON cases (user, id);

-- What each app that holds the data said.
CREATE TABLE case_holders (
    id    INTEGER NOT NULL REFERENCES cases ON DELETE CASCADE,
    app   TEXT    NOT NULL,
    state TEXT    NOT NULL CHECK (state IN ('waiting', 'done', 'refused', 'failed')),
    at    INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    note  TEXT    NOT NULL,
    PRIMARY KEY (id, app)
) STRICT, WITHOUT ROWID;
