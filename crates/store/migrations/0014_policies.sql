-- Versions of policy sets, by the hash of their texts: whatever was in force can be looked at, and be in force again.
CREATE TABLE policy_versions (
  set_name TEXT NOT NULL,
  version TEXT NOT NULL,
  language TEXT NOT NULL,
  texts TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (set_name, version)
) STRICT, WITHOUT ROWID;

-- Which version of a set is in force, and which one its files held when somebody last saw them change.
CREATE TABLE policy_sets (
  name TEXT PRIMARY KEY,
  active TEXT NOT NULL,
  of_files TEXT NOT NULL,
  n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was put in force, one after the other.
CREATE TABLE policy_activations (
  set_name TEXT NOT NULL,
  n INTEGER NOT NULL,
  version TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (set_name, n)
) STRICT, WITHOUT ROWID;

-- Entities that policies speak of, as somebody said them by the administration API.
CREATE TABLE policy_entities (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  entity TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
