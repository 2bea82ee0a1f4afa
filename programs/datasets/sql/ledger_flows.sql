-- Points per period by kind of movement, and the balance outstanding at its end.
WITH moves AS (
    SELECT date_trunc($period, posted_at AT TIME ZONE 'UTC') AS period, entry, points
    FROM point_ledger WHERE posted_at < CAST($as_of AS TIMESTAMPTZ)
),
flows AS (
    SELECT
        period,
        coalesce(sum(points) FILTER (entry = 'issue'), 0) AS issued,
        coalesce(sum(points) FILTER (entry = 'redeem'), 0) AS redeemed,
        coalesce(sum(points) FILTER (entry = 'expire'), 0) AS expired,
        coalesce(sum(points) FILTER (entry = 'reverse'), 0) AS reversed,
        coalesce(sum(points) FILTER (entry = 'adjust'), 0) AS adjusted
    FROM moves GROUP BY period
)
SELECT
    CAST(period AS DATE) AS period,
    CAST(issued AS DECIMAL(18, 4)) AS issued,
    CAST(redeemed AS DECIMAL(18, 4)) AS redeemed,
    CAST(expired AS DECIMAL(18, 4)) AS expired,
    CAST(reversed AS DECIMAL(18, 4)) AS reversed,
    CAST(adjusted AS DECIMAL(18, 4)) AS adjusted,
    CAST(sum(issued - redeemed - expired - reversed + adjusted) OVER (ORDER BY period) AS DECIMAL(18, 4))
        AS outstanding
FROM flows
ORDER BY period
