-- Sufficient statistics of experiments per metric and arm, assignments before as_of. The value from before the test
-- (pre) is the file's own, or where units are members the spend of the 90 days before each was assigned;
-- stated counts the units whose value the file states. two_valued says that every outcome is 0 or 1. Where
-- outcomes are not, and a metric has at most most_listed units, they are listed one by one in an order of their own.
WITH units AS (
    SELECT experiment, unit_id, min(assigned_at) AS assigned_at
    FROM experiments WHERE assigned_at < CAST($as_of AS TIMESTAMPTZ) GROUP BY experiment, unit_id
),
spent AS (
    SELECT experiment, unit_id, CAST(sum(amount) AS DOUBLE) AS spend
    FROM units JOIN purchases ON member_id = unit_id AND purchased_at < assigned_at
        AND purchased_at >= assigned_at - INTERVAL 90 DAY
    GROUP BY experiment, unit_id
),
outcomes AS (
    SELECT
        experiment, metric, variant, assigned_at, CAST(value AS DOUBLE) AS y, CAST(pre_value AS DOUBLE) AS x,
        coalesce(spend, 0) AS spend
    FROM experiments LEFT JOIN spent USING (experiment, unit_id)
    WHERE assigned_at < CAST($as_of AS TIMESTAMPTZ)
),
listed AS (
    SELECT experiment, metric, count(*) <= $most_listed AND NOT bool_and(y IN (0, 1)) AS is_listed
    FROM outcomes GROUP BY experiment, metric
)
SELECT
    experiment, metric, variant,
    count(*) AS units,
    sum(y ORDER BY y) AS total,
    sum(y * y ORDER BY y) AS squares,
    sum(y * y * y ORDER BY y) AS cubes,
    bool_and(y IN (0, 1)) AS two_valued,
    min(assigned_at) AS first_at,
    max(assigned_at) AS last_at,
    count(x) AS stated,
    sum(x ORDER BY x) AS pre_total, sum(x * x ORDER BY x) AS pre_squares, sum(x * y ORDER BY x, y) AS pre_cross,
    sum(spend ORDER BY spend) AS spend_total, sum(spend * spend ORDER BY spend) AS spend_squares,
    sum(spend * y ORDER BY spend, y) AS spend_cross,
    list(y ORDER BY y, x, spend) FILTER (WHERE is_listed) AS listed,
    list(x ORDER BY y, x, spend) FILTER (WHERE is_listed) AS pre_listed,
    list(spend ORDER BY y, x, spend) FILTER (WHERE is_listed) AS spend_listed
FROM outcomes JOIN listed USING (experiment, metric)
GROUP BY experiment, metric, variant
ORDER BY experiment, metric, variant
