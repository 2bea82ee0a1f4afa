-- The median life of points in days: what issued points were given, and what lapsed points had had; null where the
-- ledger says neither.
SELECT
    median(date_diff('day', posted_at, expires_at)) FILTER (entry = 'issue') AS given,
    median(date_diff('day', issued_at, posted_at)) FILTER (entry = 'expire') AS lapsed
FROM point_ledger
WHERE posted_at < CAST($as_of AS TIMESTAMPTZ)
