-- Terms of grants: who may hold a part (NULL: whom the rules let; else agents, one a line) and what must be done besides.
ALTER TABLE grants ADD COLUMN may_act TEXT;
ALTER TABLE grants ADD COLUMN duties TEXT NOT NULL DEFAULT '';

-- How much of a grant there is, and how much was used. Place 0 are calls; the others are sums of an argument, in millionths,
-- of calls of `tools` (one a line).
CREATE TABLE budgets (
  grant_id TEXT NOT NULL REFERENCES grants (id),
  place INTEGER NOT NULL,
  tools TEXT NOT NULL,
  path TEXT NOT NULL,
  most INTEGER NOT NULL,
  used INTEGER NOT NULL,
  PRIMARY KEY (grant_id, place)
) STRICT, WITHOUT ROWID;

-- The revision of a grant from which on tokens count: those made before it was narrowed are worth nothing.
ALTER TABLE revocations ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
