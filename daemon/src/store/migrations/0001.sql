-- settings.db, version 1. Frozen: a later version is a file of its own.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Names and their numbers. A number is never given to another name.
CREATE TABLE apps     (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE toggles  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE notices  (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE purposes (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE items    (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

-- Apps 0 and 1 stand for all apps and for those without a state of their own.
INSERT INTO apps (id, name) VALUES (0, ''), (1, '*');

-- Consents are events: rows are added, never changed (R39, R50).
CREATE TABLE consents (
    id         INTEGER PRIMARY KEY,
    user       INTEGER NOT NULL,
    app        INTEGER NOT NULL REFERENCES apps,
    toggle     INTEGER NOT NULL REFERENCES toggles,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    notice     INTEGER NOT NULL REFERENCES notices,
    made_by    TEXT    NOT NULL,
    language   TEXT    NOT NULL,
    region     TEXT    NOT NULL,
    controller TEXT    NOT NULL,
    UNIQUE (user, app, toggle, generation)
) STRICT;

CREATE TABLE consent_ends (
    user       INTEGER NOT NULL,
    app        INTEGER NOT NULL,
    toggle     INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    ended_by   INTEGER NOT NULL,
    PRIMARY KEY (user, app, toggle, generation),
    FOREIGN KEY (user, app, toggle, generation)
        REFERENCES consents (user, app, toggle, generation)
) STRICT, WITHOUT ROWID;

-- Lasting states. An `on` with a notice is a consent, of the same generation.
CREATE TABLE settings (
    user       INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    app        INTEGER NOT NULL REFERENCES apps,
    toggle     INTEGER NOT NULL REFERENCES toggles,
    state      TEXT    NOT NULL CHECK (state IN ('off', 'ask', 'on')),
    at         INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    made_by    TEXT    NOT NULL,
    notice     INTEGER REFERENCES notices,
    PRIMARY KEY (user, app, toggle),
    CHECK (notice IS NULL OR state = 'on')
) STRICT, WITHOUT ROWID;

-- An `on` that ends by itself, over the lasting state.
CREATE TABLE allowances (
    user       INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    app        INTEGER NOT NULL REFERENCES apps,
    toggle     INTEGER NOT NULL REFERENCES toggles,
    at         INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    made_by    TEXT    NOT NULL,
    notice     INTEGER REFERENCES notices,
    lifetime   TEXT    NOT NULL CHECK (lifetime IN ('until', 'boot', 'once')),
    until      INTEGER,
    given_wall INTEGER NOT NULL,
    given_boot TEXT    NOT NULL,
    given_ms   INTEGER NOT NULL,
    PRIMARY KEY (user, app, toggle),
    CHECK ((lifetime = 'until') = (until IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Held off by the administrator; user -1 is everybody.
CREATE TABLE locks (
    user   INTEGER NOT NULL CHECK (user BETWEEN -1 AND 4294967294),
    toggle INTEGER NOT NULL REFERENCES toggles,
    PRIMARY KEY (user, toggle)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles (
    user     INTEGER NOT NULL PRIMARY KEY CHECK (user BETWEEN 0 AND 4294967294),
    region   TEXT,
    age_band TEXT CHECK (age_band IN ('adult', 'minor')),
    language TEXT,
    guardian INTEGER CHECK (guardian BETWEEN 0 AND 4294967294)
) STRICT, WITHOUT ROWID;

-- The notice in force when a declared pair was first loaded (R39).
CREATE TABLE pairs (
    app     INTEGER NOT NULL REFERENCES apps,
    purpose INTEGER NOT NULL REFERENCES purposes,
    item    INTEGER NOT NULL REFERENCES items,
    notice  INTEGER NOT NULL REFERENCES notices,
    PRIMARY KEY (app, purpose, item)
) STRICT, WITHOUT ROWID;

-- What each toggle covered under the catalogue in force, so that a new one cannot quietly uncover
-- what somebody switched off.
CREATE TABLE coverage (
    toggle  INTEGER NOT NULL REFERENCES toggles,
    purpose INTEGER NOT NULL REFERENCES purposes,
    item    INTEGER NOT NULL REFERENCES items,
    PRIMARY KEY (toggle, purpose, item)
) STRICT, WITHOUT ROWID;

-- Setting events that are not yet known to be durable in the ledger.
CREATE TABLE outbox (
    generation INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    PRIMARY KEY (generation, ordinal)
) STRICT, WITHOUT ROWID;
