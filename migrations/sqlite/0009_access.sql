-- Who may do what. Secrets are kept only as hashes: what opens a door cannot be read out of here.

CREATE TABLE people (
    id          INTEGER PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    -- argon2id, in the form of PHC strings.
    password    TEXT,
    -- The secret of one-time codes, encrypted with a key outside the database.
    totp        BLOB,
    -- The time step of the newest code that was used: none is used twice.
    totp_step   INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT;

-- What a person is where; '*' is everywhere.
CREATE TABLE roles (
    person_id   INTEGER NOT NULL REFERENCES people (id),
    environment TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('founder', 'operator', 'viewer', 'investor')),
    PRIMARY KEY (person_id, environment)
) STRICT, WITHOUT ROWID;

-- Links that let somebody choose a password once: to join, or after theirs was lost.
CREATE TABLE invitations (
    token_hash TEXT PRIMARY KEY NOT NULL,
    -- Empty where whoever has the link says it.
    email      TEXT NOT NULL,
    -- JSON: what they will be where.
    roles      TEXT NOT NULL CHECK (json_valid(roles)),
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    -- Its beginning, by which it is told from others.
    prefix      TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    used_at     INTEGER,
    revoked_at  INTEGER
) STRICT;

CREATE TABLE share_links (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    token_hash  TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    views       TEXT NOT NULL,
    from_at     INTEGER,
    to_at       INTEGER,
    passphrase  TEXT,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER,
    opened      INTEGER NOT NULL DEFAULT 0,
    opened_at   INTEGER
) STRICT;

CREATE TABLE passkeys (
    credential_id TEXT PRIMARY KEY NOT NULL,
    person_id     INTEGER NOT NULL REFERENCES people (id),
    name          TEXT NOT NULL,
    -- JSON: the public key and what its authenticator said of itself.
    credential    TEXT NOT NULL CHECK (json_valid(credential)),
    created_at    INTEGER NOT NULL,
    used_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_by_person ON passkeys (person_id);

-- Who is signed in, or has opened a share link.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY NOT NULL,
    person_id  INTEGER REFERENCES people (id),
    link_id    INTEGER REFERENCES share_links (id),
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    -- False as long as a second proof is missing.
    is_whole   INTEGER NOT NULL CHECK (is_whole IN (0, 1)),
    address    TEXT NOT NULL,
    agent      TEXT NOT NULL,
    CHECK ((person_id IS NULL) <> (link_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX sessions_by_link ON sessions (link_id);
CREATE INDEX sessions_by_time ON sessions (seen_at);

-- Browsers in which a person has signed in before: their guesses are counted apart from those of strangers, who so lock nobody out.
CREATE TABLE devices (
    token_hash TEXT PRIMARY KEY NOT NULL,
    person_id  INTEGER NOT NULL REFERENCES people (id),
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_by_person ON devices (person_id);
