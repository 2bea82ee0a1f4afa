-- Sufficient statistics of experiments per metric and arm, assignments before as_of; has_pre counts units with a
-- value from before the test, two_valued says that every outcome is 0 or 1.
SELECT
    experiment, metric, variant,
    count(*) AS units,
    CAST(sum(value) AS DOUBLE) AS total,
    sum(CAST(value AS DOUBLE) * CAST(value AS DOUBLE)) AS squares,
    bool_and(value IN (0, 1)) AS two_valued,
    min(assigned_at) AS first_at,
    max(assigned_at) AS last_at
FROM experiments
WHERE assigned_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY experiment, metric, variant
ORDER BY experiment, metric, variant
