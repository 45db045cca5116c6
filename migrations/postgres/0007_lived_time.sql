-- A tick can be recorded again for a time for which one was recorded while the clock was ahead. Nothing of what is stored is altered, and
-- a server of the version before goes on beside it.

-- How many ticks of its time were there before it, none of which counts any more.
ALTER TABLE snapshots ADD COLUMN again bigint NOT NULL DEFAULT 0 CHECK (again >= 0);
DROP INDEX snapshots_ticks;
CREATE UNIQUE INDEX snapshots_ticks ON snapshots (environment_id, as_of, again DESC) WHERE is_tick;

-- The order of recording: what was recorded last, at any time.
DROP INDEX snapshots_by_row;
CREATE INDEX snapshots_by_row ON snapshots (environment_id, row_id, as_of);
