-- Why part of what a stream counted is not known, by the doubt's code, with the newest time of each.
CREATE TABLE doubts (
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    code      TEXT NOT NULL,
    last_at   INTEGER NOT NULL,
    seal      INTEGER,
    PRIMARY KEY (stream_id, code)
) STRICT, WITHOUT ROWID;
