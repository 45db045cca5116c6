-- Who may act is proved by the history from here on: each change of it carries a digest of what it leaves. Where people are there already,
-- the next start takes stock of them once.
INSERT INTO meta (name, value) SELECT 'access_stock_due', 1 WHERE EXISTS (SELECT 1 FROM people);

-- A digest of whose a session is, made when it begins. Those that were begun without one end.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN seal TEXT NOT NULL DEFAULT '';
