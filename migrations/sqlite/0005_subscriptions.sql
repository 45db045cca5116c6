-- Subscriptions by what billing knows them by. Those that are over stay, so that what comes late of them is known as late.
CREATE TABLE subscriptions (
    source_id  INTEGER NOT NULL REFERENCES sources (id),
    id         TEXT NOT NULL,
    customer   TEXT NOT NULL,
    status     TEXT NOT NULL,
    is_client  INTEGER NOT NULL CHECK (is_client IN (0, 1)),
    is_at_risk INTEGER NOT NULL CHECK (is_at_risk IN (0, 1) AND is_at_risk <= is_client),
    -- As of when this was said of it.
    said_at    INTEGER NOT NULL,
    -- The beginning of the list that held it last; NULL where only events have told of it.
    listed_at  INTEGER,
    PRIMARY KEY (source_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_of_clients ON subscriptions (source_id, customer, is_at_risk) WHERE is_client = 1;

-- Events that were taken, so that each is taken once.
CREATE TABLE subscription_events (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    id        TEXT NOT NULL,
    heard_at  INTEGER NOT NULL,
    PRIMARY KEY (source_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_events_by_age ON subscription_events (source_id, heard_at);

-- How far each source's lists of all subscriptions have come.
CREATE TABLE subscription_lists (
    source_id INTEGER PRIMARY KEY REFERENCES sources (id),
    -- When the newest list began.
    began_at  INTEGER,
    -- The last subscription of the page that was taken last; NULL where no list is open.
    last_id   TEXT,
    -- When a list was last whole; NULL where none ever was: then the number of clients is unknown.
    whole_at  INTEGER,
    -- The time of the numbers that were stored last.
    stored_at INTEGER
) STRICT;
