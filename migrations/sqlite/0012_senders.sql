-- Whose a source is, and which have gone.

-- The token that named it first; NULL if none did. Tokens are never deleted, so that a number stays one token's.
ALTER TABLE sources ADD COLUMN token_id INTEGER;
-- When it was retired; NULL as long as it is expected to send.
ALTER TABLE sources ADD COLUMN retired_at INTEGER;

-- The sources that a token speaks for; a token without any speaks for all.
CREATE TABLE token_sources (
    token_id INTEGER NOT NULL REFERENCES tokens (id),
    name     TEXT NOT NULL,
    PRIMARY KEY (token_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX token_sources_by_name ON token_sources (name);
