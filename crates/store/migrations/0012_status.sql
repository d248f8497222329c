-- Places in Token Status Lists (list * 131072 + index), each given once and for ever. `name` is a hash of `about`, which says
-- on whom and what a token that carries the place rests.
CREATE TABLE token_status (
  place INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  grant_id TEXT NOT NULL,
  about TEXT NOT NULL
) STRICT;
