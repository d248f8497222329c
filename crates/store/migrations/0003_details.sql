-- `details` are authorization details (RFC 9396) as JSON, empty if there are none. `evidence` says what a grant rests
-- on if it is neither a consent nor the configuration; `evidence_of` is who gave it, and `evidence_id` its name there.
ALTER TABLE grants ADD COLUMN details TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN evidence TEXT;
ALTER TABLE grants ADD COLUMN evidence_of TEXT;
ALTER TABLE grants ADD COLUMN evidence_id TEXT;
ALTER TABLE consents ADD COLUMN details TEXT NOT NULL DEFAULT '';
