-- settings.db, version 2. Frozen: a later version is a file of its own.

-- How often the user refused a prompt about an app's toggle, since they last set or reset it. After two
-- the daemon asks no more.
CREATE TABLE refusals (
    user   INTEGER NOT NULL CHECK (user BETWEEN 0 AND 4294967294),
    app    INTEGER NOT NULL REFERENCES apps,
    toggle INTEGER NOT NULL REFERENCES toggles,
    count  INTEGER NOT NULL CHECK (count > 0),
    PRIMARY KEY (user, app, toggle)
) STRICT, WITHOUT ROWID;
