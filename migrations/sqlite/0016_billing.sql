-- Whose subscriptions a source counts, as its list said: events of the other mode, or of another account, don't count.
CREATE TABLE billing (
    source_id INTEGER PRIMARY KEY REFERENCES sources (id),
    -- The connected account; NULL for the account's own.
    account   TEXT,
    -- Live or test mode; NULL if no list has said which.
    is_live   INTEGER CHECK (is_live IN (0, 1)),
    seal      INTEGER
) STRICT;
