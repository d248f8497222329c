-- When an identity provider last said what a tuple says; nothing where the tuple is no provider's word. What changed tells it
-- too, so that views in memory know until when a tuple counts.
ALTER TABLE relation_tuples ADD COLUMN confirmed_at INTEGER;
ALTER TABLE relation_changes ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE relation_changes ADD COLUMN confirmed_at INTEGER;
UPDATE relation_tuples SET confirmed_at = (
  SELECT COALESCE(MAX(c.at), 0) FROM relation_changes c
  WHERE c.object = relation_tuples.object AND c.relation = relation_tuples.relation
    AND c.userset = relation_tuples.userset AND c.subject = relation_tuples.subject
) WHERE source LIKE 'provider %';
DROP INDEX relation_tuples_subject;
CREATE INDEX relation_tuples_subject ON relation_tuples (subject, userset, relation, object, condition, confirmed_at);
-- Up to which revision changes were forgotten.
INSERT INTO counters (name, n) VALUES ('relations_forgotten', 0);
