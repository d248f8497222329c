-- Written once for both drivers in SQLite's words; the migrator replaces INTEGER, TEXT, BLOB and the table
-- options for PostgreSQL. Times are microseconds since the epoch, flags are 0 or 1.

-- The one lock that every writing transaction of every process takes first.
CREATE TABLE writer (id INTEGER PRIMARY KEY) STRICT;
INSERT INTO writer (id) VALUES (1);

CREATE TABLE counters (name TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, n) VALUES ('revocations', 0);

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The record. Insert only: triggers refuse everything else.
CREATE TABLE ledger (
  seq INTEGER PRIMARY KEY,
  point TEXT NOT NULL,
  counter INTEGER NOT NULL,
  pair INTEGER,
  at INTEGER NOT NULL,
  trace TEXT NOT NULL,
  kind TEXT NOT NULL,
  outcome TEXT NOT NULL,
  subject TEXT,
  actor TEXT,
  client TEXT,
  grant_id TEXT,
  resource TEXT,
  action TEXT NOT NULL,
  body BLOB NOT NULL,
  leaf BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX ledger_counter ON ledger (point, counter);

-- Finds entries by subject, grant and trace: 64-bit hashes of these, written a block of entries at a time, so
-- that appending touches no page but the last (docs/decisions/0002).
CREATE TABLE ledger_terms (
  block INTEGER NOT NULL,
  term INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (block, term, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, n) VALUES ('indexed_blocks', 0);

CREATE TABLE pair_counters (
  point TEXT NOT NULL,
  subject TEXT NOT NULL,
  actor TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (point, subject, actor)
) STRICT, WITHOUT ROWID;

-- The newest word on each grant, user, agent and client that is not in force, in the order in which it was said.
CREATE TABLE revocations (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  word TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  why TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX revocations_seq ON revocations (seq);

CREATE TABLE artifacts (
  kind TEXT NOT NULL,
  id_hash BLOB NOT NULL,
  grant_id TEXT,
  payload BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  consumed_at INTEGER,
  PRIMARY KEY (kind, id_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifacts_grant ON artifacts (grant_id);
CREATE INDEX artifacts_expiry ON artifacts (expires_at);

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  display_name TEXT NOT NULL,
  password_hash TEXT,
  disabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE passkeys (
  id BLOB PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  label TEXT NOT NULL,
  data TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_user ON passkeys (user_id);

CREATE TABLE sessions (
  id_hash BLOB PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  auth_at INTEGER NOT NULL,
  amr TEXT NOT NULL,
  address TEXT NOT NULL,
  user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE agents (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE client_agents (
  client TEXT PRIMARY KEY,
  agent TEXT NOT NULL REFERENCES agents (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_agents_agent ON client_agents (agent);

CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  metadata TEXT NOT NULL,
  secret_hash TEXT,
  registration_token_hash BLOB,
  agent TEXT NOT NULL REFERENCES agents (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  disabled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX clients_expiry ON clients (expires_at);

CREATE TABLE client_documents (
  client TEXT PRIMARY KEY,
  document BLOB NOT NULL,
  fetched_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  agent TEXT NOT NULL REFERENCES agents (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  grantor TEXT,
  grantee TEXT NOT NULL,
  resource TEXT NOT NULL,
  actions TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  depth_left INTEGER NOT NULL,
  interaction TEXT,
  state TEXT NOT NULL,
  revoked_at INTEGER,
  revoked_by TEXT,
  revoked_why TEXT,
  revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_subject ON grants (subject);
CREATE INDEX grants_grantee ON grants (grantee);

CREATE TABLE grant_parents (
  child TEXT NOT NULL REFERENCES grants (id),
  parent TEXT NOT NULL REFERENCES grants (id),
  place INTEGER NOT NULL,
  PRIMARY KEY (child, parent)
) STRICT, WITHOUT ROWID;
CREATE INDEX grant_parents_parent ON grant_parents (parent);

-- `place` is the hash of (user, client, redirect, resource) and `id` of these and the scope, because the
-- texts together are too long for an index of PostgreSQL.
CREATE TABLE consents (
  id BLOB PRIMARY KEY,
  place BLOB NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  client TEXT NOT NULL,
  redirect TEXT NOT NULL,
  resource TEXT NOT NULL,
  scope TEXT NOT NULL,
  grant_id TEXT NOT NULL REFERENCES grants (id),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX consents_place ON consents (place);
CREATE INDEX consents_user ON consents (user_id);
CREATE INDEX consents_grant ON consents (grant_id);

CREATE TABLE keys (
  kid TEXT PRIMARY KEY,
  alg TEXT NOT NULL,
  sealed BLOB NOT NULL,
  public_jwk TEXT NOT NULL,
  not_before INTEGER NOT NULL,
  retire_at INTEGER,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  name TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  blocked_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_last ON attempts (last_at);
