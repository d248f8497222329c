-- What software asks of users who are elsewhere (OpenID Connect CIBA), so that a user sees what waits. What is asked and what was
-- answered are artifacts.
CREATE TABLE backchannel_asks (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  client TEXT NOT NULL,
  at INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE INDEX backchannel_asks_user ON backchannel_asks (user_id, until);
CREATE INDEX backchannel_asks_until ON backchannel_asks (until);

-- What others are to be told, each until it was heard: a ping of a client, a note to the operator's webhook. It is written in the
-- transaction in which it comes about; `held` is what is told only when what it is about has been decided. `sealed` is what is
-- needed to tell it.
CREATE TABLE notices (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  event TEXT NOT NULL,
  about TEXT NOT NULL,
  sealed TEXT NOT NULL,
  held INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_next ON notices (held, next_at);
CREATE INDEX notices_about ON notices (about, held);
CREATE INDEX notices_until ON notices (until);
