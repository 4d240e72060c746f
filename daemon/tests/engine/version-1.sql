-- A store as version 1 left it: its schema, and rows of every kind. Frozen.
PRAGMA journal_mode = WAL;
BEGIN;

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

INSERT INTO meta VALUES ('starts', '41');
INSERT INTO apps (id, name) VALUES (2, 'org.example.game'), (3, 'org.example.weather'), (4, 'site:mi.com');
INSERT INTO toggles (id, name) VALUES
    (7, 'ad-services'), (8, 'app-access'), (9, 'cookies.analytics'), (10, 'location.app'),
    (11, 'find-device'), (12, 'second-space');
INSERT INTO notices (id, name) VALUES (1, '2019-12-09'), (2, '2025-10-10');
INSERT INTO purposes (id, name) VALUES (1, 'ads.personalised');
INSERT INTO items (id, name) VALUES (1, 'device.oaid');
INSERT INTO consents (user, app, toggle, generation, at, notice, made_by, language, region, controller)
VALUES
    (1000, 2, 7, 4294967299, 1768000000, 1, 'shell', 'en', 'EEA', 'A controller'),
    (1000, 0, 7, 4294967300, 1768000001, 1, 'settings', 'en', 'EEA', 'A controller'),
    (1000, 3, 10, 8589934595, 1768435200, 2, 'prompt', 'hi-IN', 'IN', 'Another controller');
INSERT INTO consent_ends VALUES (1000, 2, 7, 4294967299, 1768000002, 4294967301);
INSERT INTO settings VALUES
    (1000, 0, 7, 'on', 1768000001, 4294967300, 'settings', 1),
    (1000, 2, 7, 'off', 1768000002, 4294967301, 'guardian', NULL),
    (1000, 1, 8, 'ask', 1768000003, 4294967302, 'shell', NULL),
    (1000, 4, 9, 'on', 1768000003, 4294967302, 'administrator', NULL);
INSERT INTO allowances VALUES
    (1000, 3, 10, 1768435200, 8589934595, 'prompt', 2, 'until', 1768438800,
     1768435200, '0000000000000000000000000000b007', 60000);
INSERT INTO locks VALUES (-1, 11), (1000, 12);
INSERT INTO profiles VALUES (1000, 'IN', 'adult', 'hi-IN', 500);
INSERT INTO pairs VALUES (2, 1, 1, 2);
INSERT INTO outbox VALUES (8589934595, 0, '{"generation":8589934595,"ordinal":0,"at":1768435200,"user":1000,"what":"set","toggle":"location.app","app":"org.example.weather","state":"on","lifetime":"until","until":1768438800,"by":"prompt","notice":"2025-10-10"}');

PRAGMA application_id = 0x636e7364;
PRAGMA user_version = 1;
COMMIT;
