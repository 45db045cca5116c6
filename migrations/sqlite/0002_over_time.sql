-- What charts draw of each snapshot: a few numbers a row, so that a year is read without its snapshots. Derived: every
-- row can be made again from its snapshot.
CREATE TABLE points (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    at             INTEGER NOT NULL,
    -- 0 lab, 1 pilot, 2 growth, 3 scale.
    mode           INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 3),
    -- 0 increase, 1 hold, 2 decrease, 3 freeze: the greater, the more cautious.
    answer         INTEGER NOT NULL CHECK (answer BETWEEN 0 AND 3),
    overall_lo     REAL NOT NULL,
    overall_hi     REAL NOT NULL,
    -- The fullest of the loads as a share of its limit; a NULL upper bound is unbounded.
    load_lo        REAL NOT NULL,
    load_hi        REAL,
    clients_lo     INTEGER NOT NULL,
    clients_hi     INTEGER,
    clients_limit  INTEGER NOT NULL,
    PRIMARY KEY (environment_id, at)
) STRICT, WITHOUT ROWID;

-- Its numbers are among the points.
DROP INDEX snapshots_trend;

-- Pages of one actor's events.
CREATE INDEX history_by_actor ON history (environment_id, actor, type, at, seq);
