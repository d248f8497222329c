-- Why something is stopped, where another than an operator stopped it, or both did: it acts again when no cause is left.
CREATE TABLE holds (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  cause TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, id, cause)
) STRICT, WITHOUT ROWID;

-- When what a transmitter said last about somebody had happened, so that what is older undoes nothing.
CREATE TABLE signals_heard (
  transmitter TEXT NOT NULL,
  event TEXT NOT NULL,
  subject TEXT NOT NULL,
  at INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  PRIMARY KEY (transmitter, event, subject)
) STRICT, WITHOUT ROWID;

-- What happened here and is not yet in the queues of the streams.
CREATE TABLE happenings (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  word TEXT NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT;
INSERT INTO counters (name, n) VALUES ('happenings', 0);

-- Streams on which receivers get events. `events` are the addresses that were asked for, one a line; what comes with
-- each delivery is sealed.
CREATE TABLE streams (
  id TEXT PRIMARY KEY,
  client TEXT NOT NULL,
  endpoint TEXT,
  sealed TEXT,
  events TEXT,
  description TEXT,
  status TEXT NOT NULL,
  reason TEXT,
  created_at INTEGER NOT NULL,
  verified_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  last_error TEXT,
  next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX streams_client ON streams (client);

-- Whom a receiver wants to hear nothing of.
CREATE TABLE stream_exceptions (
  stream TEXT NOT NULL REFERENCES streams (id),
  hash BLOB NOT NULL,
  subject TEXT NOT NULL,
  PRIMARY KEY (stream, hash)
) STRICT, WITHOUT ROWID;

-- Events that were not yet taken. A token is signed when it leaves.
CREATE TABLE stream_queue (
  stream TEXT NOT NULL REFERENCES streams (id),
  seq INTEGER NOT NULL,
  jti TEXT NOT NULL,
  event TEXT NOT NULL,
  at INTEGER NOT NULL,
  urgent INTEGER NOT NULL,
  PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX stream_queue_jti ON stream_queue (stream, jti);
