-- settings.db, version 7. Frozen: a later version is a file of its own.

-- What a consent covered when it was given (R39): pairs, kept once for all consents that covered the
-- same. Rows are added, never changed: a later catalogue says nothing of an earlier consent.
CREATE TABLE scopes (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE) STRICT;

CREATE TABLE scope_pairs (
    scope   INTEGER NOT NULL REFERENCES scopes,
    purpose INTEGER NOT NULL REFERENCES purposes,
    item    INTEGER NOT NULL REFERENCES items,
    PRIMARY KEY (scope, purpose, item)
) STRICT, WITHOUT ROWID;

-- Null where an earlier version gave the consent, or ended it: what was not kept then is not made up.
ALTER TABLE consents ADD COLUMN scope INTEGER REFERENCES scopes;
ALTER TABLE consents ADD COLUMN notice_sha256 TEXT;
ALTER TABLE consents ADD COLUMN notice_language TEXT;
ALTER TABLE consents ADD COLUMN lifetime TEXT;
ALTER TABLE consents ADD COLUMN until INTEGER;
ALTER TABLE consent_ends ADD COLUMN how TEXT;
ALTER TABLE consent_ends ADD COLUMN made_by TEXT;

-- The newest notice that a user declined for a toggle (R39).
CREATE TABLE declines (
    user   INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    toggle INTEGER NOT NULL REFERENCES toggles,
    notice INTEGER NOT NULL REFERENCES notices,
    at     INTEGER NOT NULL,
    PRIMARY KEY (user, toggle)
) STRICT, WITHOUT ROWID;

-- The newest notice that a user was told of.
CREATE TABLE told (
    user   INTEGER NOT NULL PRIMARY KEY CHECK (user BETWEEN 0 AND 4294967294),
    notice INTEGER NOT NULL REFERENCES notices,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What apps were last allowed to collect, and what has become of it since (R42, R43). `lived` is on the
-- daemon's own count of seconds, which no clock that is set changes; `law` a purpose that stands for it.
CREATE TABLE retention (
    user       INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    app        INTEGER NOT NULL REFERENCES apps,
    purpose    INTEGER NOT NULL REFERENCES purposes,
    item       INTEGER NOT NULL REFERENCES items,
    state      TEXT    NOT NULL
        CHECK (state IN ('active', 'due', 'isolated', 'erased', 'anonymised')),
    law        INTEGER REFERENCES purposes,
    last       INTEGER NOT NULL,
    lived      INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (user, app, purpose, item),
    CHECK (law IS NULL OR state = 'isolated')
) STRICT, WITHOUT ROWID;
