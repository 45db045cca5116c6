-- Further ways to prove who one is: recovery codes beside one-time codes, and accounts at an OpenID provider. What is asked of a browser
-- and not answered yet is kept for minutes, sealed with a key outside the database.

CREATE TABLE recovery_codes (
    person_id bigint NOT NULL REFERENCES people (id),
    code_hash text COLLATE "C" NOT NULL,
    used_at   timestamptz,
    PRIMARY KEY (person_id, code_hash)
);

-- An account at a provider is known by its issuer and its subject, which neither ever gives to somebody else.
CREATE TABLE identities (
    issuer       text COLLATE "C" NOT NULL,
    subject      text COLLATE "C" NOT NULL,
    person_id    bigint NOT NULL REFERENCES people (id),
    -- What the provider calls the account, to tell it from others.
    label        text NOT NULL,
    connected_at timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_by_person ON identities (person_id);

-- What was begun with a browser and is not done: each can be taken once.
CREATE TABLE ceremonies (
    id_hash    text COLLATE "C" PRIMARY KEY,
    kind       text NOT NULL,
    sealed     bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ceremonies_by_time ON ceremonies (expires_at);
