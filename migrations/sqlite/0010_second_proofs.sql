-- Further ways to prove who one is: recovery codes beside one-time codes, and accounts at an OpenID provider. What is asked of a browser
-- and not answered yet is kept for minutes, sealed with a key outside the database.

CREATE TABLE recovery_codes (
    person_id INTEGER NOT NULL REFERENCES people (id),
    code_hash TEXT NOT NULL,
    used_at   INTEGER,
    PRIMARY KEY (person_id, code_hash)
) STRICT, WITHOUT ROWID;

-- An account at a provider is known by its issuer and its subject, which neither ever gives to somebody else.
CREATE TABLE identities (
    issuer       TEXT NOT NULL,
    subject      TEXT NOT NULL,
    person_id    INTEGER NOT NULL REFERENCES people (id),
    -- What the provider calls the account, to tell it from others.
    label        TEXT NOT NULL,
    connected_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_by_person ON identities (person_id);

-- What was begun with a browser and is not done: each can be taken once.
CREATE TABLE ceremonies (
    id_hash    TEXT PRIMARY KEY NOT NULL,
    kind       TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ceremonies_by_time ON ceremonies (expires_at);
