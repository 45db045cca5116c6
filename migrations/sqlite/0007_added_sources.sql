-- Sources that a founder has added, each as it would stand in the settings file, as JSON. Secrets are only named in it.
CREATE TABLE added_sources (
    environment_id INTEGER NOT NULL REFERENCES environments (id),
    name           TEXT NOT NULL,
    definition     TEXT NOT NULL CHECK (json_valid(definition)),
    changed_at     INTEGER NOT NULL,
    PRIMARY KEY (environment_id, name)
) STRICT, WITHOUT ROWID;
