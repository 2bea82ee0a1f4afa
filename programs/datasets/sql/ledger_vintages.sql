-- Points issued per vintage: the exposure of the triangle. An adjustment upwards is an issue of its own.
SELECT
    CAST(date_trunc($period, posted_at AT TIME ZONE 'UTC') AS DATE) AS vintage,
    CAST(sum(points) AS DECIMAL(18, 4)) AS issued,
    count(DISTINCT member_id) AS members
FROM point_ledger
WHERE (entry = 'issue' OR entry = 'adjust' AND points > 0) AND posted_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY vintage
ORDER BY vintage
