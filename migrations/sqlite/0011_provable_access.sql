-- From here on the history proves who may act: each change carries a digest of the state after it. If people exist already,
-- the next start takes stock of them once.
INSERT INTO meta (name, value) SELECT 'access_stock_due', 1 WHERE EXISTS (SELECT 1 FROM people);

-- A digest of a session's owner, made when the session begins. Sessions without one end.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN seal TEXT NOT NULL DEFAULT '';
