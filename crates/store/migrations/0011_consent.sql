-- What administrators allow for groups of users, beside what stands in the configuration.
CREATE TABLE enterprise_consents (
  name TEXT PRIMARY KEY,
  consent TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What a client looked like (a JSON text) when a grant was made for it: where it looks otherwise, the user is asked again.
CREATE TABLE grant_clients (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  client TEXT NOT NULL,
  likeness TEXT NOT NULL,
  redirect TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (grant_id, client)
) STRICT, WITHOUT ROWID;
