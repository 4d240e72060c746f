-- settings.db, version 5. Frozen: a later version is a file of its own.

-- Rights that a user exercised and that hold until they are lifted (R47, R48, R51). An empty purpose or
-- data item stands for all of them; app 0 for all apps.
CREATE TABLE rights (
    user       INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    app        INTEGER NOT NULL REFERENCES apps,
    right      TEXT    NOT NULL CHECK (right IN ('objection', 'automated-decisions', 'restriction')),
    purpose    TEXT    NOT NULL,
    data       TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (user, app, right, purpose, data)
) STRICT, WITHOUT ROWID;
