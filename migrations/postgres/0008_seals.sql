-- A digest over each row of telemetry, kept in the row: verify finds rows that were altered. The next start seals what is stored already.
INSERT INTO meta (name, value) SELECT 'seals_due', 1 WHERE EXISTS (SELECT 1 FROM sources);
ALTER TABLE sources ADD COLUMN seal bigint;
ALTER TABLE streams ADD COLUMN seal bigint;
ALTER TABLE spans ADD COLUMN seal bigint;
ALTER TABLE samples ADD COLUMN seal bigint;
ALTER TABLE minutes ADD COLUMN seal bigint;
ALTER TABLE counter_families ADD COLUMN seal bigint;
ALTER TABLE unpriced ADD COLUMN seal bigint;
ALTER TABLE pulls ADD COLUMN seal bigint;
ALTER TABLE alerts ADD COLUMN seal bigint;
ALTER TABLE subscriptions ADD COLUMN seal bigint;
ALTER TABLE subscription_events ADD COLUMN seal bigint;
ALTER TABLE subscription_lists ADD COLUMN seal bigint;
