-- What a triangle by another order than first in first out needs, by month. Rows with a vintage: the outflows that
-- name it, of all members (member 0). The others: of each member and month the points issued that no outflow names,
-- and the outflows that name no month of issue. Adjustments and what is issued are as in ledger_triangle.
WITH moves AS (
    SELECT member_id, abs(points) AS points,
        date_trunc('month', posted_at AT TIME ZONE 'UTC') AS period,
        date_trunc('month', issued_at AT TIME ZONE 'UTC') AS named,
        CASE
            WHEN entry = 'adjust' AND points > 0 THEN 'issue'
            WHEN entry = 'adjust' THEN 'reverse'
            ELSE entry
        END AS entry
    FROM point_ledger WHERE posted_at < CAST($as_of AS TIMESTAMPTZ) AND points <> 0
),
flows AS (
    SELECT member_id, period, CASE WHEN entry <> 'issue' THEN named END AS vintage, entry, points FROM moves
    UNION ALL
    SELECT member_id, named, NULL, 'taken', points FROM moves WHERE entry <> 'issue' AND named IS NOT NULL
),
numbered AS (SELECT *, dense_rank() OVER (ORDER BY member_id) AS member FROM flows)
SELECT
    CASE WHEN vintage IS NULL THEN member ELSE 0 END AS member,
    CAST(vintage AS DATE) AS vintage,
    CAST(period AS DATE) AS period,
    CAST(greatest(
        coalesce(sum(points) FILTER (entry = 'issue'), 0) - coalesce(sum(points) FILTER (entry = 'taken'), 0), 0
    ) AS DOUBLE) AS "left",
    CAST(coalesce(sum(points) FILTER (entry = 'redeem'), 0) AS DOUBLE) AS redeemed,
    CAST(coalesce(sum(CAST(points AS DOUBLE) * CAST(points AS DOUBLE)) FILTER (entry = 'redeem'), 0) AS DOUBLE) AS squares,
    CAST(coalesce(sum(points) FILTER (entry = 'expire'), 0) AS DOUBLE) AS expired,
    CAST(coalesce(sum(points) FILTER (entry = 'reverse'), 0) AS DOUBLE) AS reversed
FROM numbered
GROUP BY 1, 2, 3
ORDER BY member, vintage, period
