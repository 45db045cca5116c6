-- Whose a source is, and which have gone.

-- The token that named it first; NULL if none did. Tokens are never deleted, so that a number stays one token's.
ALTER TABLE sources ADD COLUMN token_id bigint;
-- When it was retired; NULL as long as it is expected to send.
ALTER TABLE sources ADD COLUMN retired_at timestamptz;

-- The sources that a token speaks for; a token without any speaks for all.
CREATE TABLE token_sources (
    token_id bigint NOT NULL REFERENCES tokens (id),
    name     text COLLATE "C" NOT NULL,
    PRIMARY KEY (token_id, name)
);
CREATE INDEX token_sources_by_name ON token_sources (name);
