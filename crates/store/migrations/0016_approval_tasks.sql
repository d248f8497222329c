-- Calls that wait for somebody to agree, one row for each time that one is asked for. `call_key` is the hash of what makes two
-- calls the same; of each, at most one row is open. `sealed` says what exactly would happen, and is emptied when nothing can
-- become of it any more; `shape` are keyed hashes of the single arguments, by which equal ones are known again.
CREATE TABLE approval_tasks (
  id TEXT PRIMARY KEY,
  call_key TEXT NOT NULL,
  alike TEXT NOT NULL,
  grant_id TEXT NOT NULL,
  root TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  chain TEXT NOT NULL,
  client TEXT NOT NULL,
  resource TEXT NOT NULL,
  server TEXT NOT NULL,
  action TEXT NOT NULL,
  arguments TEXT NOT NULL,
  approvers TEXT NOT NULL,
  of_n INTEGER NOT NULL,
  acr TEXT NOT NULL,
  lasts INTEGER NOT NULL,
  because TEXT NOT NULL,
  rules TEXT NOT NULL,
  risk TEXT NOT NULL,
  reversible TEXT NOT NULL,
  sealed TEXT NOT NULL,
  shape TEXT NOT NULL,
  state TEXT NOT NULL,
  trace TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  last_asked_at INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  until INTEGER NOT NULL,
  grant_until INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  child TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX approval_tasks_open ON approval_tasks (call_key) WHERE state IN ('pending', 'approved');
CREATE INDEX approval_tasks_call ON approval_tasks (call_key, asked_at);
CREATE INDEX approval_tasks_state ON approval_tasks (state, asked_at);
CREATE INDEX approval_tasks_similar ON approval_tasks (alike, state);
CREATE INDEX approval_tasks_grant ON approval_tasks (grant_id, state);
CREATE INDEX approval_tasks_asked ON approval_tasks (asked_at);

-- Who decided: each once a task.
CREATE TABLE approval_votes (
  task TEXT NOT NULL,
  voter TEXT NOT NULL,
  agrees INTEGER NOT NULL,
  word TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (task, voter)
) STRICT, WITHOUT ROWID;

-- What was agreed to for a while: calls like one that was agreed to. `sealed` are the arguments that must be so.
CREATE TABLE approval_rules (
  id TEXT PRIMARY KEY,
  alike TEXT NOT NULL,
  task TEXT NOT NULL,
  grant_id TEXT NOT NULL,
  root TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  server TEXT NOT NULL,
  action TEXT NOT NULL,
  sealed TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX approval_rules_similar ON approval_rules (alike, until);
CREATE INDEX approval_rules_until ON approval_rules (until);

-- Calls that were permitted and are looked at afterwards.
CREATE TABLE reviews (
  id TEXT PRIMARY KEY,
  trace TEXT NOT NULL,
  grant_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  client TEXT NOT NULL,
  server TEXT NOT NULL,
  action TEXT NOT NULL,
  arguments TEXT NOT NULL,
  because TEXT NOT NULL,
  state TEXT NOT NULL,
  at INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  decided_by TEXT NOT NULL,
  word TEXT NOT NULL
) STRICT;
CREATE INDEX reviews_state ON reviews (state, at);
