-- What is known about somebody or something, the newest observation of each name. `until` is when the row is forgotten,
-- a day after the fact stopped counting, so that an older observation that arrives late finds the newer one still there.
-- A row of the sort `none` says that nothing is known any more.
CREATE TABLE facts (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  seq INTEGER NOT NULL,
  sort TEXT NOT NULL,
  value TEXT NOT NULL,
  source TEXT NOT NULL,
  observed_at INTEGER NOT NULL,
  max_age INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (kind, id, name)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX facts_seq ON facts (seq);
CREATE INDEX facts_until ON facts (until);
INSERT INTO counters (name, n) VALUES ('facts', 0);

-- What is usual for an agent, as the processes that saw it put together.
CREATE TABLE baselines (
  subject TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX baselines_seen ON baselines (seen_at);

-- How much each process saw of an agent, minute by minute, for as long as it matters to the others.
CREATE TABLE activity (
  subject TEXT NOT NULL,
  point TEXT NOT NULL,
  minute INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (subject, point, minute)
) STRICT, WITHOUT ROWID;
CREATE INDEX activity_until ON activity (until);
