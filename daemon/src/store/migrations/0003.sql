-- settings.db, version 3. Frozen: a later version is a file of its own.
-- `meta` has from here on: store-id, generation, tally; after a restore: restored, restored-at,
-- restored-apps. An older consentd would pass over these, and must not.

INSERT INTO meta (key, value) VALUES ('store-id', lower(hex(randomblob(16))));
