-- When a token was last made under a grant; 0 if none was yet, NULL if nobody knows, for it is older than this column. What
-- nobody uses ends by itself, and so does what has expired.
ALTER TABLE grants ADD COLUMN used_at INTEGER;
CREATE INDEX grants_unused ON grants ((COALESCE(NULLIF(used_at, 0), not_before)))
  WHERE state <> 'revoked' AND interaction IS NOT NULL;
CREATE INDEX grants_expiry ON grants (expires_at) WHERE state <> 'revoked';
CREATE INDEX grants_newest ON grants (not_before);
