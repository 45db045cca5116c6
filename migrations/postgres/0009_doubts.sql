-- Why part of what a stream counted is not known, by the doubt's code, with the newest time of each.
CREATE TABLE doubts (
    stream_id bigint NOT NULL REFERENCES streams (id),
    code      text COLLATE "C" NOT NULL,
    last_at   timestamptz NOT NULL,
    seal      bigint,
    PRIMARY KEY (stream_id, code)
);
