-- Whose subscriptions a source counts, as its list said: events of the other mode, or of another account, don't count.
CREATE TABLE billing (
    source_id bigint PRIMARY KEY REFERENCES sources (id),
    -- The connected account; NULL for the account's own.
    account   text,
    -- Live or test mode; NULL if no list has said which.
    is_live   boolean,
    seal      bigint
);
