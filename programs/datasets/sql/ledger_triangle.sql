-- Points redeemed and lapsed by vintage (period of issue) and age in periods.
-- Where movements name their vintage it is taken, and those that do not stand under a null vintage.
-- Where none does, points leave first in, first out per member: the stretch of the running total of outflows
-- is laid over that of issues. What no issue covers stands under a null vintage: nothing is dropped.
WITH outflows AS (
    SELECT
        row_number() OVER (ORDER BY posted_at, member_id, entry, points, entry_id) AS id,
        member_id, entry, points, posted_at, issued_at
    FROM point_ledger
    WHERE entry IN ('redeem', 'expire', 'reverse') AND posted_at < CAST($as_of AS TIMESTAMPTZ)
),
issues AS (
    SELECT member_id, posted_at, points,
        sum(points) OVER (
            PARTITION BY member_id ORDER BY posted_at, points, entry_id ROWS UNBOUNDED PRECEDING
        ) AS upto
    FROM point_ledger WHERE entry = 'issue' AND posted_at < CAST($as_of AS TIMESTAMPTZ)
),
running AS (
    SELECT *, sum(points) OVER (PARTITION BY member_id ORDER BY id ROWS UNBOUNDED PRECEDING) AS upto
    FROM outflows WHERE NOT EXISTS (FROM outflows WHERE issued_at IS NOT NULL)
),
laid AS (
    SELECT
        running.id, running.entry, running.posted_at, issues.posted_at AS issued_at,
        least(issues.upto, running.upto)
            - greatest(issues.upto - issues.points, running.upto - running.points) AS points
    FROM running JOIN issues
        ON issues.member_id = running.member_id
        AND issues.upto > running.upto - running.points AND issues.upto - issues.points < running.upto
),
uncovered AS (
    SELECT entry, posted_at, NULL::TIMESTAMPTZ AS issued_at, points - coalesce(covered, 0) AS points
    FROM running LEFT JOIN (SELECT id, sum(points) AS covered FROM laid GROUP BY id) USING (id)
    WHERE points > coalesce(covered, 0)
),
placed AS (
    SELECT entry, posted_at, issued_at, points FROM outflows WHERE EXISTS (
        FROM outflows WHERE issued_at IS NOT NULL
    )
    UNION ALL SELECT entry, posted_at, issued_at, points FROM laid
    UNION ALL SELECT entry, posted_at, issued_at, points FROM uncovered
),
cells AS (
    SELECT
        date_trunc($period, issued_at AT TIME ZONE 'UTC') AS vintage,
        date_trunc($period, posted_at AT TIME ZONE 'UTC') AS period,
        entry, points
    FROM placed
)
SELECT
    CAST(vintage AS DATE) AS vintage,
    CASE WHEN vintage IS NOT NULL THEN date_diff($period, vintage, period) END AS age,
    CAST(coalesce(sum(points) FILTER (entry = 'redeem'), 0) AS DECIMAL(18, 4)) AS redeemed,
    CAST(coalesce(sum(points) FILTER (entry = 'expire'), 0) AS DECIMAL(18, 4)) AS expired,
    CAST(coalesce(sum(points) FILTER (entry = 'reverse'), 0) AS DECIMAL(18, 4)) AS reversed
FROM cells
GROUP BY ALL
ORDER BY vintage NULLS LAST, age
