-- Who has which relation to what, as `relations` reads it: `subject` is `user:anne`, `user:*`, or `group:hr` with `userset`
-- `member`. `source` says who keeps the row: nothing for the administration, else a file or a provider and its user, who
-- replace what is theirs and touch nothing else. `revision` is that of the change.
CREATE TABLE relation_tuples (
  object TEXT NOT NULL,
  relation TEXT NOT NULL,
  userset TEXT NOT NULL,
  subject TEXT NOT NULL,
  condition TEXT NOT NULL,
  context TEXT NOT NULL,
  source TEXT NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (object, relation, userset, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX relation_tuples_subject ON relation_tuples (subject, userset, relation, object, condition);
CREATE INDEX relation_tuples_source ON relation_tuples (source, object);

-- Every change, so that what is kept elsewhere can follow. `gone` is 1 where the tuple was taken away.
CREATE TABLE relation_changes (
  revision INTEGER NOT NULL,
  n INTEGER NOT NULL,
  object TEXT NOT NULL,
  relation TEXT NOT NULL,
  userset TEXT NOT NULL,
  subject TEXT NOT NULL,
  condition TEXT NOT NULL,
  context TEXT NOT NULL,
  gone INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (revision, n)
) STRICT, WITHOUT ROWID;

-- The models, each version as it was written; the newest is in force.
CREATE TABLE relation_models (
  version INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  written_by TEXT NOT NULL,
  written_at INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, n) VALUES ('relations', 0);
