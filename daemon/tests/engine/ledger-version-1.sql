-- A ledger as version 1 left it: its schema, and rows of both kinds. Frozen.
PRAGMA journal_mode = WAL;
BEGIN;

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

INSERT INTO records VALUES
    (1, 1768435200, 1768435239, 1000, 'org.example.game', 'weak', 'ads.personalised', 'device.oaid',
     'deny', 'toggle-off', '', 3),
    (2, 1768435200, 1768435200, 1000, '', '', 'location.services', 'location.precise', 'deny',
     'unidentified', 'tag', 1),
    (4, 1768435260, 1768435260, 1001, 'org.example.game', 'weak', 'ads.personalised', 'device.oaid',
     'allow', 'consented', '', 1);
INSERT INTO events VALUES
    (3, 2, 0, 1768435250, 1000, 'set', 'ad-services', '', 'on', 'forever', NULL, 'shell',
     '2025-10-10'),
    (5, 3, 0, 1768435300, NULL, 'lock', 'find-device', NULL, 'off', NULL, NULL,
     'administrator', NULL);

COMMIT;
PRAGMA application_id = 0x636e736c;
PRAGMA user_version = 1;
