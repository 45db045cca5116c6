-- What counters say, amounts of which only part is known, and what is known of a source beside its numbers.

-- Of an amount only what is known at least: part of what was counted has no price.
ALTER TABLE samples ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1));
ALTER TABLE minutes ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1));

-- The newest reading of each counter that only grows, and (with a count of 0) of each family of counters: what the next
-- reading is counted from. Moved in the transaction that stores what was counted.
CREATE TABLE counters (
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    key       BLOB NOT NULL CHECK (length(key) = 16),
    at        INTEGER NOT NULL,
    start_at  INTEGER,
    atoms     INTEGER NOT NULL CHECK (atoms >= 0),
    histogram TEXT,
    PRIMARY KEY (stream_id, key)
) STRICT, WITHOUT ROWID;

-- What was used and has no price, by name.
CREATE TABLE unpriced (
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    name      TEXT NOT NULL,
    last_at   INTEGER NOT NULL,
    PRIMARY KEY (stream_id, name)
) STRICT, WITHOUT ROWID;

-- How asking a source went: the newest attempt, the newest success and up to when it was asked, and what went wrong last.
CREATE TABLE pulls (
    source_id     INTEGER PRIMARY KEY REFERENCES sources (id),
    attempted_at  INTEGER NOT NULL,
    succeeded_at  INTEGER,
    asked_through INTEGER,
    code          TEXT,
    problem       TEXT,
    cure          TEXT
) STRICT;
-- Alerts by what their sender knows them by. Those that are over stay a while, so that what comes late of them is known as late.
CREATE TABLE alerts (
    source_id   INTEGER NOT NULL REFERENCES sources (id),
    fingerprint TEXT NOT NULL,
    name        TEXT NOT NULL,
    severity    TEXT NOT NULL CHECK (severity IN ('none', 'info', 'warning', 'critical')),
    is_open     INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    starts_at   INTEGER NOT NULL,
    heard_at    INTEGER NOT NULL,
    PRIMARY KEY (source_id, fingerprint)
) STRICT, WITHOUT ROWID;
