-- What clients call their grants (`grant_id`, Grant Management for OAuth 2.0). The name stays when what it stands for is
-- replaced by another grant.
CREATE TABLE grant_names (
  name TEXT PRIMARY KEY,
  client TEXT NOT NULL,
  grant_id TEXT NOT NULL REFERENCES grants (id)
) STRICT, WITHOUT ROWID;
