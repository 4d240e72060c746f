-- settings.db, version 4. Frozen: a later version is a file of its own.

-- What a user's identifiers are made from (R59). It leaves this file for nobody but a backup; a restore
-- throws it away, so that no identifier that was reset comes back.
CREATE TABLE identifier_secrets (
    user   INTEGER NOT NULL PRIMARY KEY CHECK (user BETWEEN 0 AND 4294967294),
    secret BLOB    NOT NULL CHECK (length(secret) = 32),
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The last reset of an identifier. Scope '' is all of that kind; else `app:ID` or `vendor:NAME`.
CREATE TABLE identifier_resets (
    user       INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    kind       TEXT    NOT NULL CHECK (kind IN ('oaid', 'vaid', 'aaid')),
    scope      TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    made_by    TEXT    NOT NULL,
    PRIMARY KEY (user, kind, scope)
) STRICT, WITHOUT ROWID;

-- The register of breaches (R56). Rows are added, never changed. The lists are JSON.
CREATE TABLE breaches (
    id       INTEGER PRIMARY KEY,
    found    INTEGER NOT NULL,
    happened INTEGER,
    entered  INTEGER NOT NULL,
    what     TEXT    NOT NULL,
    risk     TEXT    NOT NULL CHECK (risk IN ('unlikely', 'likely', 'high')),
    people   INTEGER CHECK (people >= 0),
    users    TEXT    NOT NULL,
    regions  TEXT    NOT NULL,
    data     TEXT    NOT NULL,
    apps     TEXT    NOT NULL,
    measures TEXT    NOT NULL
) STRICT;

-- What was done about one since: somebody was told, or a measure was taken.
CREATE TABLE breach_notes (
    id       INTEGER PRIMARY KEY,
    breach   INTEGER NOT NULL REFERENCES breaches,
    at       INTEGER NOT NULL,
    told     TEXT,
    measures TEXT    NOT NULL
) STRICT;
