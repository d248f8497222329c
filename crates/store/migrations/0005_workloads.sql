-- Running instances that their infrastructure vouched for, and the rules that lead from there to an agent. Whether one may
-- act stands in `revocations`, as of everybody whom others know.
CREATE TABLE workloads (
  id TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  platform TEXT NOT NULL,
  subject TEXT NOT NULL,
  instance TEXT NOT NULL,
  agent TEXT NOT NULL,
  rule TEXT NOT NULL,
  claims TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX workloads_last_seen ON workloads (last_seen);
CREATE INDEX workloads_agent ON workloads (agent);

CREATE TABLE workload_rules (
  name TEXT PRIMARY KEY,
  place INTEGER NOT NULL,
  rule TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL
) STRICT, WITHOUT ROWID;
