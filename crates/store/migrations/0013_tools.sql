-- The tools of MCP servers, as they were described. `pinned` is the description in force, '' while none is; `offered` is one
-- that differs from it and that somebody must approve before the tool is used again, '' if there is none.
CREATE TABLE tools (
  resource TEXT NOT NULL,
  name TEXT NOT NULL,
  pinned TEXT NOT NULL,
  pinned_hash TEXT NOT NULL,
  pinned_at INTEGER NOT NULL,
  approved_by TEXT NOT NULL,
  offered TEXT NOT NULL,
  offered_hash TEXT NOT NULL,
  offered_at INTEGER NOT NULL,
  PRIMARY KEY (resource, name)
) STRICT, WITHOUT ROWID;
