-- What somebody must agree to before it is permitted: one row for each policy, agent, subject, resource and action, whose id
-- is the hash of these. What was decided stands in `facts`, where every process hears of it.
CREATE TABLE approvals (
  id TEXT PRIMARY KEY,
  policy TEXT NOT NULL,
  agent TEXT NOT NULL,
  subject TEXT NOT NULL,
  client TEXT NOT NULL,
  workload TEXT NOT NULL,
  resource TEXT NOT NULL,
  action TEXT NOT NULL,
  state TEXT NOT NULL,
  trace TEXT NOT NULL,
  asked_at INTEGER NOT NULL,
  last_asked_at INTEGER NOT NULL,
  asked INTEGER NOT NULL,
  decided_at INTEGER NOT NULL,
  decided_by TEXT NOT NULL,
  without TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_state ON approvals (state, last_asked_at);
CREATE INDEX approvals_agent ON approvals (agent, state);
CREATE INDEX approvals_until ON approvals (until);
