-- ledger.db, version 3. Frozen: a later version is a file of its own.

-- Which usage memory a record was counted in: an app's own library answered, from a page. Null where the
-- daemon did.
ALTER TABLE records ADD COLUMN usage INTEGER;

-- How much of the counters of a usage memory is in `records`, by what they count.
CREATE TABLE drained (
    usage   INTEGER NOT NULL,
    purpose TEXT    NOT NULL,
    data    TEXT    NOT NULL,
    reason  TEXT    NOT NULL,
    total   INTEGER NOT NULL CHECK (total > 0),
    at      INTEGER NOT NULL,
    PRIMARY KEY (usage, purpose, data, reason)
) STRICT, WITHOUT ROWID;

CREATE INDEX drained_by_time ON drained (at);
