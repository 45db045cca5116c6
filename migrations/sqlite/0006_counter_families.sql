-- Counters by the family: one row holds the newest readings of all counters of one metric of one process, as they are sent together.
-- What counters kept one a row said is not carried over: their next reading marks anew where counting begins.
DROP TABLE counters;

-- Since when counters are known: one that began before is not known to have counted nothing until then.
ALTER TABLE streams ADD COLUMN counters_since INTEGER;
UPDATE streams SET counters_since = unixepoch() * 1000;

CREATE TABLE counter_families (
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    family    BLOB NOT NULL CHECK (length(family) = 16),
    -- The newest reading of any of its counters, and the oldest of the newest of each.
    heard_at  INTEGER NOT NULL,
    oldest_at INTEGER NOT NULL,
    -- Columns in the wire format of Protocol Buffers.
    counters  BLOB NOT NULL,
    PRIMARY KEY (stream_id, family)
) STRICT;
CREATE INDEX counter_families_by_age ON counter_families (oldest_at);
