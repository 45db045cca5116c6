-- The address that an act was asked from, where there is one. Only added to: what is stored stays as it is, its hashes too, and a
-- server of the version before goes on beside it.
ALTER TABLE history ADD COLUMN address text;
