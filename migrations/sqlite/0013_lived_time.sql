-- A tick can be recorded again for a time for which one was recorded while the clock was ahead. Nothing of what is stored is altered.

-- How many ticks of its time were there before it, none of which counts any more.
ALTER TABLE snapshots ADD COLUMN again INTEGER NOT NULL DEFAULT 0 CHECK (again >= 0);
DROP INDEX snapshots_ticks;
CREATE UNIQUE INDEX snapshots_ticks ON snapshots (environment_id, as_of, again DESC) WHERE is_tick = 1;

-- The order of recording: what was recorded last, at any time.
CREATE INDEX snapshots_by_row ON snapshots (environment_id, row_id, as_of);

DROP TRIGGER snapshots_are_never_replaced;
CREATE TRIGGER snapshots_are_never_replaced BEFORE INSERT ON snapshots
WHEN EXISTS (SELECT 1 FROM snapshots WHERE id = NEW.id)
    OR (NEW.row_id > 0 AND EXISTS (SELECT 1 FROM snapshots WHERE row_id = NEW.row_id))
    OR (NEW.is_tick = 1 AND EXISTS (
        SELECT 1 FROM snapshots
        WHERE environment_id = NEW.environment_id AND as_of = NEW.as_of AND again = NEW.again AND is_tick = 1))
BEGIN SELECT RAISE(ABORT, 'snapshots are append-only: one is never replaced'); END;
