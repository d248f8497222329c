-- How somebody signed in is kept with the session; a session that is older than this is one factor, used when it began.
ALTER TABLE sessions ADD COLUMN acr TEXT NOT NULL DEFAULT 'single';
ALTER TABLE sessions ADD COLUMN way TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN provider TEXT;
ALTER TABLE sessions ADD COLUMN group_names TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN last_used_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET last_used_at = created_at;
UPDATE sessions SET acr = 'phr', way = 'passkey' WHERE amr = 'pop user';
UPDATE sessions SET way = 'password' WHERE amr = 'pwd';
UPDATE sessions SET way = 'link' WHERE amr = 'otp';
UPDATE sessions SET way = 'dev' WHERE amr = 'dev';

-- In lower case.
ALTER TABLE users ADD COLUMN email TEXT;
CREATE UNIQUE INDEX users_email ON users (email);

-- Who somebody is at an identity provider. `id` is the hash of issuer and subject, which together are too long for
-- an index of PostgreSQL; so each of them belongs to one user.
CREATE TABLE identities (
  id BLOB PRIMARY KEY,
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT NOT NULL REFERENCES users (id),
  provider TEXT NOT NULL,
  label TEXT NOT NULL,
  group_names TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user ON identities (user_id);

-- The secret of one-time codes, sealed with a key derived from the master key. Recovery codes are artifacts.
CREATE TABLE second_factors (
  user_id TEXT PRIMARY KEY REFERENCES users (id),
  enrolment TEXT NOT NULL,
  sealed TEXT NOT NULL,
  codes_left INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) STRICT, WITHOUT ROWID;
