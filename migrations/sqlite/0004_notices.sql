-- What should be mended of a source though it answers, such as a role that may write.
ALTER TABLE pulls ADD COLUMN notice TEXT;
