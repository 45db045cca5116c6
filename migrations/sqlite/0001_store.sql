-- The store of Scaling Mode. Times are whole milliseconds since 1970 (UTC); values are whole atoms of their unit
-- (micro-dollars, billionths of a ratio, nanoseconds, counts). An applied migration is never edited.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('ready_checks', 0);

CREATE TABLE environments (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('live', 'recorded', 'synthetic')),
    created_at INTEGER NOT NULL,
    -- The version of the configuration in force.
    version    INTEGER NOT NULL CHECK (version > 0),
    -- The newest event of the chain; moved in the transaction that adds events.
    head_seq   INTEGER NOT NULL CHECK (head_seq >= 0),
    head_hash  TEXT NOT NULL
) STRICT;

CREATE TABLE configs (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    version        INTEGER NOT NULL CHECK (version > 0),
    at             INTEGER NOT NULL,
    digest         TEXT NOT NULL,
    body           TEXT NOT NULL,
    PRIMARY KEY (environment_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    seq            INTEGER NOT NULL CHECK (seq > 0),
    at             INTEGER NOT NULL,
    type           TEXT NOT NULL,
    actor          TEXT NOT NULL,
    old_mode       TEXT,
    new_mode       TEXT,
    reason         TEXT,
    snapshot_id    TEXT,
    digest         TEXT,
    prev_hash      TEXT NOT NULL,
    hash           TEXT NOT NULL,
    PRIMARY KEY (environment_id, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_by_type ON history (environment_id, type, seq);
CREATE INDEX history_by_time ON history (environment_id, at, seq);
CREATE INDEX history_by_type_and_time ON history (environment_id, type, at, seq);

CREATE TABLE snapshots (
    row_id         INTEGER PRIMARY KEY,
    id             TEXT NOT NULL UNIQUE,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    as_of          INTEGER NOT NULL,
    origin         TEXT NOT NULL CHECK (origin IN ('scheduled', 'daily', 'on_demand', 'replay')),
    is_tick        INTEGER NOT NULL CHECK (is_tick = (origin <> 'on_demand')),
    digest         TEXT NOT NULL,
    -- What a tick leaves for the evaluations after it.
    ruled          TEXT CHECK ((ruled IS NOT NULL) = is_tick),
    conditions_met INTEGER CHECK ((conditions_met IS NOT NULL) = is_tick),
    standing       INTEGER CHECK ((standing IS NOT NULL) = is_tick),
    clear          INTEGER CHECK ((clear IS NOT NULL) = is_tick),
    -- Overall health, for charts that reach over many snapshots.
    overall_lo     REAL NOT NULL,
    overall_hi     REAL NOT NULL,
    -- The canonical JSON of the snapshot's body, compressed (zstd).
    body           BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX snapshots_ticks ON snapshots (environment_id, as_of) WHERE is_tick = 1;
CREATE INDEX snapshots_by_time ON snapshots (environment_id, as_of, id);
CREATE INDEX snapshots_trend ON snapshots (environment_id, as_of, overall_lo, overall_hi) WHERE is_tick = 1;
CREATE INDEX snapshots_by_origin ON snapshots (environment_id, origin, as_of, id);

CREATE TABLE proposals (
    id             TEXT PRIMARY KEY NOT NULL,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    opened_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    recommendation TEXT NOT NULL,
    target_mode    TEXT,
    snapshot_id    TEXT NOT NULL REFERENCES snapshots (id),
    status         TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'dismissed', 'expired'))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX proposals_open ON proposals (environment_id) WHERE status = 'open';
CREATE INDEX proposals_by_time ON proposals (environment_id, opened_at, id);
CREATE INDEX proposals_by_status ON proposals (environment_id, status, opened_at, id);
CREATE INDEX proposals_by_snapshot ON proposals (snapshot_id);

CREATE TABLE sources (
    id             INTEGER PRIMARY KEY,
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    UNIQUE (environment_id, name)
) STRICT;

-- One series of one source.
CREATE TABLE streams (
    id            INTEGER PRIMARY KEY,
    source_id     INTEGER NOT NULL REFERENCES sources (id),
    series        INTEGER NOT NULL,
    step_minutes  INTEGER,
    first_at      INTEGER,
    last_at       INTEGER,
    fetched_at    INTEGER,
    -- Raw samples up to here have been deleted: what is sent for such a minute can no longer be compared.
    pruned_before INTEGER,
    UNIQUE (source_id, series)
) STRICT;

-- Where a source vouches for its data: open at from_ms, closed at to_ms, never overlapping within a stream.
CREATE TABLE spans (
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    from_ms   INTEGER NOT NULL,
    to_ms     INTEGER NOT NULL CHECK (to_ms >= from_ms),
    PRIMARY KEY (stream_id, to_ms)
) STRICT, WITHOUT ROWID;

-- Samples as they came. Without an id ('') one is known by its stream, time and aggregation; with one, by the id
-- among those of its source.
CREATE TABLE samples (
    stream_id   INTEGER NOT NULL REFERENCES streams (id),
    at          INTEGER NOT NULL,
    aggregation INTEGER NOT NULL,
    id          TEXT NOT NULL,
    source_id   INTEGER REFERENCES sources (id) CHECK ((source_id IS NOT NULL) = (id <> '')),
    atoms       INTEGER NOT NULL CHECK (atoms >= 0),
    count       INTEGER,
    exact       TEXT,
    histogram   TEXT,
    fetched_at  INTEGER NOT NULL,
    PRIMARY KEY (stream_id, at, aggregation, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX samples_by_id ON samples (source_id, id) WHERE id <> '';

-- Minute roll-ups: the samples after minute - 1 and up to minute (minutes since 1970).
CREATE TABLE minutes (
    stream_id  INTEGER NOT NULL REFERENCES streams (id),
    minute     INTEGER NOT NULL,
    first_at   INTEGER NOT NULL,
    first      INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    samples    INTEGER NOT NULL CHECK (samples > 0),
    total      INTEGER NOT NULL CHECK (total >= 0),
    fetched_at INTEGER NOT NULL,
    latency    TEXT,
    PRIMARY KEY (stream_id, minute)
) STRICT, WITHOUT ROWID;

-- The first answer to a write with an Idempotency-Key.
CREATE TABLE idempotency (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    key            TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('act', 'ingest', 'record')),
    result         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (environment_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_time ON idempotency (at);

-- What is proved is never altered. REPLACE deletes without firing a trigger, so inserting is guarded as well.
CREATE TRIGGER history_is_never_updated BEFORE UPDATE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only: an event is never altered'); END;
CREATE TRIGGER history_is_never_deleted BEFORE DELETE ON history
BEGIN SELECT RAISE(ABORT, 'history is append-only: an event is never deleted'); END;
CREATE TRIGGER history_only_grows BEFORE INSERT ON history
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM history WHERE environment_id = NEW.environment_id)
BEGIN SELECT RAISE(ABORT, 'history is append-only: an event follows the newest one'); END;

CREATE TRIGGER snapshots_are_never_updated BEFORE UPDATE ON snapshots
BEGIN SELECT RAISE(ABORT, 'snapshots are append-only: one is never altered'); END;
CREATE TRIGGER snapshots_are_never_deleted BEFORE DELETE ON snapshots
BEGIN SELECT RAISE(ABORT, 'snapshots are append-only: one is never deleted'); END;
CREATE TRIGGER snapshots_are_never_replaced BEFORE INSERT ON snapshots
WHEN EXISTS (SELECT 1 FROM snapshots WHERE id = NEW.id)
    OR (NEW.row_id > 0 AND EXISTS (SELECT 1 FROM snapshots WHERE row_id = NEW.row_id))
    OR (NEW.is_tick = 1 AND EXISTS (
        SELECT 1 FROM snapshots WHERE environment_id = NEW.environment_id AND as_of = NEW.as_of AND is_tick = 1))
BEGIN SELECT RAISE(ABORT, 'snapshots are append-only: one is never replaced'); END;

CREATE TRIGGER configs_are_never_updated BEFORE UPDATE ON configs
BEGIN SELECT RAISE(ABORT, 'configs are append-only: a version is never altered'); END;
CREATE TRIGGER configs_are_never_deleted BEFORE DELETE ON configs
BEGIN SELECT RAISE(ABORT, 'configs are append-only: a version is never deleted'); END;
CREATE TRIGGER configs_are_never_replaced BEFORE INSERT ON configs
WHEN EXISTS (SELECT 1 FROM configs WHERE environment_id = NEW.environment_id AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'configs are append-only: a version is never replaced'); END;
