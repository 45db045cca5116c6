-- Sessions are sealed with a key that is not in the database. Sessions without such a seal end.
DELETE FROM sessions;

-- What the newest change of access left, row by row: if verify finds that the rows are others, it can name the first. The next change
-- fills it.
CREATE TABLE access_rows (
    of_table TEXT NOT NULL,
    row_key  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    PRIMARY KEY (of_table, row_key)
) STRICT, WITHOUT ROWID;
